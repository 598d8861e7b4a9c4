"""Statements per second from an LRS into evidence: ours, the ceiling, and tincan with an ORM.

The LRSs are real ones (tests/peers): @learninglocker/xapi-statements in memory, the quickest there
is, and where somebody has built it pelotech/xapi-lrs on PostgreSQL, which keeps what it is sent.
They are filled with what Moodle's plugin sends; page 500. All readers run in a process of their
own, over HTTP, in turns:

* ours: `pull_once` as the worker runs it, into an empty database: parse, identity, dedupe, privacy
  filter, mapping, evidence, cursor, one durable commit a page; on SQLite and PostgreSQL;
* the ceiling: requests and orjson along the same links; nothing is kept;
* the peer: tincan's RemoteLRS and SQLAlchemy's ORM, a session.merge per statement (this is what
  dedupes) and a commit per page: the shortest honest program with these libraries. It keeps eight
  columns and concludes nothing.

Every ratio is the median of the rounds' ratios. What came of it: docs/adr/0020.

    .venv/bin/python -m benchmarks.speed.pull [--rounds 5] [--statements 10000]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import requests
from sqlalchemy import create_engine

from benchmarks.peers.only_read import HEADERS, LOGIN, PAGE, timed
from benchmarks.postgres import free_port, postgres
from benchmarks.speed.backfill import LIFTS, MOODLE, SECRET, town
from lti_tool import heap
from lti_tool.seal import Seal
from lti_tool.settings import ROOT, Lrs
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database
from lti_tool.store.pull import pull_once
from tests.peers import xapi_lrs, xapi_statements
from tests.peers.process import NotBuilt, Process
from xapi_bridge import mapping

BATCH = 250
PEOPLE, MAPPED_UNITS = 500, 4
SAMPLES = ROOT / "tests" / "data" / "xapi" / "moodle-statements.json"
STORES = {
    "xapi-statements": "@learninglocker/xapi-statements 7.8.0 in memory",
    "xapi-lrs": "pelotech/xapi-lrs 0.9.6 on PostgreSQL",
}
OURS, TINCAN = "benchmarks.speed.pull", "benchmarks.peers.tincan_orm"
READERS = {
    "ceiling": "benchmarks.peers.only_read",
    "ours_sqlite": OURS,
    "ours_postgresql": OURS,
    "tincan_sqlite": TINCAN,
    "tincan_postgresql": TINCAN,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("as_reader", nargs="*", metavar="ENDPOINT DATABASE")
    asked = parser.parse_args()
    if asked.as_reader:
        timed(_ours(*asked.as_reader))
        return
    for store in STORES:
        try:
            with _store(store) as endpoint, postgres() as server:
                fill(endpoint, asked.statements)
                rounds = [_round(endpoint, server, n) for n in range(asked.rounds)]
        except NotBuilt as error:
            print(error, file=sys.stderr)
        else:
            _tell(store, rounds, asked.statements)


@contextmanager
def _store(name: str) -> Iterator[str]:
    """Yield the endpoint of a running store.

    :raises NotBuilt: it is not here.
    """
    with ExitStack() as stack:
        if name == "xapi-lrs":
            xapi_lrs.built()
            url = stack.enter_context(postgres())
            peer: Process = xapi_lrs.Peer(free_port(), free_port(), url, page=PAGE)
        else:
            peer = xapi_statements.Peer(free_port())
        stack.callback(peer.close)
        yield peer.endpoint


def fill(endpoint: str, number: int) -> None:
    """Write statements as Moodle's plugin does: `PEOPLE` people, the activities of the samples."""
    samples = [s for s in json.loads(SAMPLES.read_text()) if "account" in s["actor"]]
    chance = random.Random(1)
    began = datetime.now(UTC) - timedelta(days=1)
    for start in range(0, number, BATCH):
        batch = [
            {
                **chance.choice(samples),
                "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                "actor": _actor(chance.randrange(PEOPLE)),
                "timestamp": (began + timedelta(seconds=start + n)).isoformat(),
            }
            for n in range(min(BATCH, number - start))
        ]
        answer = requests.post(
            f"{endpoint}/statements", json=batch, headers=HEADERS, auth=LOGIN, timeout=60
        )
        answer.raise_for_status()


def _actor(number: int) -> dict[str, Any]:
    account = {"homePage": MOODLE, "name": str(number)}
    return {"objectType": "Agent", "name": "Jürgen Müller", "account": account}


def _round(endpoint: str, server: str, number: int) -> dict[str, dict[str, float]]:
    done = {}
    for reader in READERS:
        with tempfile.TemporaryDirectory(prefix="roadmap-pull-") as folder:
            database = f"sqlite:///{folder}/pull.db"
            if reader.endswith("postgresql"):
                database = _new_database(server, f"{reader}_{number}")
            command = [sys.executable, "-m", READERS[reader], endpoint, database]
            said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        done[reader] = json.loads(said.stdout.splitlines()[-1])
    return done


def _new_database(server: str, name: str) -> str:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


# --- ours -------------------------------------------------------------------------------------


def _ours(endpoint: str, url: str) -> Callable[[], int]:
    database = Database(url)
    if database.sqlite:
        database.make()
    samples = json.loads(SAMPLES.read_text())
    mapped = sorted({s["object"]["id"] for s in samples})[:MAPPED_UNITS]
    lrs_id = town(database, endpoint, mapped, PEOPLE)
    meaning = Meaning(mapping.load(ROOT / "content" / "mapping"), LIFTS)
    settings = Lrs(page_size=PAGE, poll_s=1.0, overlap_s=60.0)
    heap.settle()  # as the worker does

    def work() -> int:
        pulled = pull_once(database, Seal(SECRET), lrs_id, settings=settings, meaning=meaning)
        assert pulled.caught_up, pulled
        assert pulled.stored == pulled.received, pulled
        return pulled.stored

    return work


# --- what came of it --------------------------------------------------------------------------


def _tell(store: str, rounds: list[dict[str, dict[str, float]]], statements: int) -> None:
    for kind in ("sqlite", "postgresql"):
        ours = f"ours_{kind}"
        for peer, said in (
            ("ceiling", "requests and orjson, nothing kept"),
            (f"tincan_{kind}", "tincan 1.0.0 RemoteLRS, SQLAlchemy ORM merge, 7 columns"),
        ):
            print(
                json.dumps(
                    {
                        "name": f"pull_{store}_{kind}_{peer.partition('_')[0]}",
                        "value": round(median(r[ours]["per_s"] for r in rounds)),
                        "unit": "statements/s",
                        "peer": said,
                        "peer_value": round(median(r[peer]["per_s"] for r in rounds)),
                        "ratio": round(
                            median(r[ours]["per_s"] / r[peer]["per_s"] for r in rounds), 3
                        ),
                        "settings": {
                            "page": PAGE,
                            "statements": statements,
                            "rounds": len(rounds),
                            "store": STORES[store],
                            "cpu_us_ours": round(median(r[ours]["cpu_us"] for r in rounds)),
                            "cpu_us_peer": round(median(r[peer]["cpu_us"] for r in rounds)),
                        },
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
