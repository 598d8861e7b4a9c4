"""A puller that never stops by itself: `python -m … URL LRS_ID PAGE`. Made to be killed.

Says "begun", "pulled" after each run, and "caught up" after one that came to the end. Pages are
small and the lease short, so that a kill falls into the middle of things.
"""

import sys
import time

from lti_tool import logs
from lti_tool.seal import Seal
from lti_tool.store import lrs
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database
from lti_tool.store.pull import SqlPullStore, client_of, habits_of
from tests.integration.xapi.site import LIFTS, ROOT, SECRET
from xapi_bridge import mapping, pull
from xapi_bridge.errors import BridgeError

LEASE_S = 0.6
PAGE = 20
PATIENCE_S = 2.0
BUDGET_S = 0.3  # writers may be faster than pages of twenty: a run need not reach the end


def now_us() -> int:
    return time.time_ns() // 1000


def main(url: str, lrs_id: str, page: str) -> None:
    logs.configure()  # to stderr: stdout is for "pulled"
    database, seal = Database(url), Seal(SECRET)
    with database.read() as conn:
        connection = lrs.get(conn, seal, lrs_id)
    meaning = Meaning(mapping.load(ROOT / "content" / "mapping"), LIFTS)
    habits = habits_of(connection, int(page))
    print("begun", flush=True)
    while True:
        store = SqlPullStore(database, seal, connection, meaning, lease_s=LEASE_S, habits=habits)
        try:
            with client_of(connection, PATIENCE_S) as client:
                done = pull.run(client, store, store.habits, now_us=now_us(), budget_s=BUDGET_S)
                if not done.busy:
                    print("pulled", flush=True)
                if done.caught_up:
                    print("caught up", flush=True)
        except BridgeError as error:
            print(error, file=sys.stderr, flush=True)
        time.sleep(0.02)


if __name__ == "__main__":
    main(*sys.argv[1:])
