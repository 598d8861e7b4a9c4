"""What a page costs when one person has done one activity thousands of times.

So it is where a crew shares an account, on a pool's tablet perhaps: all of that is settled
together, as nobody may have the same attempt counted twice. Pages of 500 completions are taken in
one after the other, every ten minutes one or, the worst case, every thirty seconds one: then each
is within two minutes of the next, and the whole of it hangs together. Prints a JSON line for each
case: our processor's milliseconds for the page behind 8,000 pieces of evidence, and as `ratio` how
many times the second page that is; all pages are in `settings`, also by the clock on the wall.

    .venv/bin/python -m benchmarks.speed.shared_account --only sqlite
"""

import argparse
import json
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

from benchmarks.postgres import databases
from benchmarks.speed.backfill import (
    BEGAN_US,
    COMPLETED,
    LIFTS,
    MOODLE,
    PAGE,
    SECRET,
    TEMPLATE,
    town,
)
from lti_tool import heap, logs
from lti_tool.seal import Seal
from lti_tool.settings import ROOT
from lti_tool.store import lrs
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database
from lti_tool.store.pull import SqlPullStore
from xapi_bridge import mapping
from xapi_bridge.instants import text_of
from xapi_bridge.statement import parse_page

ACTIVITY = f"{MOODLE}/mod/page/view.php?id=0"
PIECES_EACH = 2  # a completion is one for the unit and one for what the unit teaches
MOST = 16_000  # pieces
GAPS_S = (600, 30)


def page(number: int, gap_s: int) -> bytes:
    """Return the page of this number, as a store answers."""
    made = (
        TEMPLATE
        % {
            "id": str(uuid.UUID(int=n + 1, version=4)),
            "home": MOODLE,
            "person": "0",
            "verb": COMPLETED,
            "activity": 0,
            "at": text_of(BEGAN_US + n * gap_s * 1_000_000),
        }
        for n in range(number * PAGE, (number + 1) * PAGE)
    )
    return f'{{"statements":[{",".join(made)}],"more":""}}'.encode()


def times(database: Database, gap_s: int) -> Iterator[tuple[int, int, int]]:
    """Yield how many pieces were there before a page; its processor and wall time in ms."""
    lrs_id = town(database, "http://127.0.0.1:1/xapi", [ACTIVITY], 1)
    seal = Seal(SECRET)
    with database.read() as conn:
        connection = lrs.get(conn, seal, lrs_id)
    meaning = Meaning(mapping.load(ROOT / "content" / "mapping"), LIFTS)
    store = SqlPullStore(database, seal, connection, meaning)
    with store.lease() as lease:
        assert lease is not None
        for number in range(MOST // PIECES_EACH // PAGE + 1):
            parsed, cursor = parse_page(page(number, gap_s)), store.cursor()
            began, spent = time.perf_counter(), time.process_time()
            written = store.commit(lease, parsed, cursor, last=False)
            cpu, wall = time.process_time() - spent, time.perf_counter() - began
            yield number * PAGE * PIECES_EACH, round(cpu * 1e3), round(wall * 1e3)
            assert written.stored == PAGE, written
            heap.sweep()


def measured(url: str, gap_s: int) -> dict[str, Any]:
    database = Database(url)
    found = list(times(database, gap_s))
    database.close()
    cpu = {before: spent for before, spent, _ in found}
    kind = "SQLite" if database.sqlite else "PostgreSQL"
    return {
        "name": f"a shared account, one completion every {gap_s} s, {kind}",
        "value": cpu[8000],
        "unit": "ms of our processor a page",
        "peer": "the second page",
        "peer_value": cpu[1000],
        "ratio": round(cpu[8000] / cpu[1000], 2),
        "settings": {
            "page": PAGE,
            "cpu_ms_by_pieces_before": cpu,
            "wall_ms_by_pieces_before": {before: wall for before, _, wall in found},
        },
    }


def main() -> int:
    given = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    given.add_argument("--only", choices=["sqlite", "postgresql"])
    only = given.parse_args().only
    logs.configure(level="ERROR")  # of slow statements nothing between the results
    heap.settle()
    for gap_s in GAPS_S:
        for url in databases(only):
            print(json.dumps(measured(url, gap_s)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
