"""A puller that never stops by itself: `python -m … URL LRS_ID`. Made to be killed.

Says "pulled" after each run. Pages are small and the lease short, so that a kill
falls into the middle of things.
"""

import sys
import time

from lti_tool import logs
from lti_tool.seal import Seal
from lti_tool.store import lrs
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database
from lti_tool.store.pull import SqlPullStore, client_of
from tests.integration.xapi.site import LIFTS, ROOT, SECRET
from xapi_bridge import mapping, pull
from xapi_bridge.errors import BridgeError

LEASE_S = 0.6
PAGE = 20
BUDGET_S = 0.3  # writers may be faster than pages of twenty: a run need not reach the end


def main(url: str, lrs_id: str) -> None:
    logs.configure()  # to stderr: stdout is for "pulled"
    database, seal = Database(url), Seal(SECRET)
    with database.read() as conn:
        connection = lrs.get(conn, seal, lrs_id)
    meaning = Meaning(mapping.load(ROOT / "content" / "mapping"), LIFTS)
    while True:
        store = SqlPullStore(database, seal, connection, meaning, lease_s=LEASE_S)
        try:
            with client_of(connection) as client:
                if not pull.run(client, store, page_size=PAGE, budget_s=BUDGET_S).busy:
                    print("pulled", flush=True)
        except BridgeError as error:
            print(error, file=sys.stderr, flush=True)
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
