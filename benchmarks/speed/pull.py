"""Statements per second from an LRS into evidence: ours, the ceiling, and tincan with an ORM.

The LRS is a real one, @learninglocker/xapi-statements in memory (tests/peers), filled with what
Moodle's plugin sends; page 500. All readers run in a process of their own, over HTTP, in turns:

* ours: `pull_once` as the worker runs it, into an empty database: parse, identity, dedupe, privacy
  filter, mapping, evidence, cursor, one durable commit a page; on SQLite and PostgreSQL;
* the ceiling: requests and orjson along the same links; nothing is kept;
* the peer: tincan's RemoteLRS and SQLAlchemy's ORM, a session.merge per statement (this is what
  dedupes) and a commit per page: the shortest honest program with these libraries. It keeps eight
  columns and concludes nothing.

Every ratio is the median of the rounds' ratios. What came of it: docs/adr/0016.

    .venv/bin/python -m benchmarks.speed.pull [--rounds 5] [--statements 10000]
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import requests
from sqlalchemy import BigInteger, LargeBinary, String, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.postgres import free_port, postgres
from lti_tool.settings import ROOT, Lrs
from tests.integration.xapi.site import LIFTS, MOODLE, Site, build_site
from tests.peers.xapi_statements import Peer

PAGE, BATCH = 500, 250
PEOPLE, MAPPED_UNITS = 500, 4
HEADERS = {"X-Experience-API-Version": "1.0.3"}
LOGIN = ("key", "secret")
SAMPLES = ROOT / "tests" / "data" / "xapi" / "moodle-statements.json"
READERS = ("ceiling", "ours_sqlite", "ours_postgresql", "tincan_sqlite", "tincan_postgresql")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--statements", type=int, default=10_000)
    parser.add_argument("--as", dest="reader", choices=READERS)
    parser.add_argument("--endpoint", default="")
    parser.add_argument("--database", default="")
    asked = parser.parse_args()
    if asked.reader:
        print(json.dumps(_read(asked.reader, asked.endpoint, asked.database)))
        return
    with ExitStack() as stack:
        peer = stack.enter_context(_peer())
        server = stack.enter_context(postgres())
        fill(peer.endpoint, asked.statements)
        rounds = [_round(peer.endpoint, server, n) for n in range(asked.rounds)]
    _tell(rounds, asked.statements)


@contextmanager
def _peer() -> Iterator[Peer]:
    peer = Peer(free_port())
    try:
        yield peer
    finally:
        peer.close()


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
            command = [sys.executable, "-m", "benchmarks.speed.pull", "--as", reader]
            command += ["--endpoint", endpoint, "--database", database]
            said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        done[reader] = json.loads(said.stdout.splitlines()[-1])
    return done


def _new_database(server: str, name: str) -> str:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return server.rpartition("/")[0] + f"/{name}"


# --- the readers ------------------------------------------------------------------------------


def _read(reader: str, endpoint: str, database: str) -> dict[str, float]:
    """Run one reader; return what it took. Setting up is not counted."""
    prepare = {"ceiling": _ceiling, "ours": _ours, "tincan": _tincan}[reader.partition("_")[0]]
    work = prepare(endpoint, database)
    wall, cpu = time.perf_counter(), time.process_time()
    number = work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"statements": number, "per_s": number / wall, "cpu_us": cpu / number * 1e6}


def _ceiling(endpoint: str, _: str) -> Callable[[], int]:
    def work() -> int:
        number, there = 0, f"{endpoint}/statements?limit={PAGE}&ascending=true"
        with requests.Session() as session:
            while there:
                answer = session.get(there, headers=HEADERS, auth=LOGIN, timeout=60)
                page = orjson.loads(answer.content)
                number += len(page["statements"])
                more = page.get("more")
                there = requests.compat.urljoin(endpoint, more) if more else ""
        return number

    return work


def _ours(endpoint: str, url: str) -> Callable[[], int]:
    from lti_tool.heap import settle  # noqa: PLC0415  (only where it is wanted)
    from lti_tool.store import lrs, mappings, migrations  # noqa: PLC0415
    from lti_tool.store.database import Database  # noqa: PLC0415

    database = Database(url)
    if database.sqlite:
        database.make()
    migrations.upgrade(database)
    site = build_site(database, "http://127.0.0.1:1", issuer=MOODLE)
    _people(site)
    now = datetime.now(UTC)
    samples = json.loads(SAMPLES.read_text())
    activities = sorted({s["object"]["id"] for s in samples})[:MAPPED_UNITS]
    with database.begin() as conn:
        units = dict.fromkeys(activities, next(iter(LIFTS)))
        mappings.add(conn, site.tenant_id, units, now)
        site.connection = lrs.add(
            conn,
            site.seal,
            tenant_id=site.tenant_id,
            name="peer",
            endpoint=endpoint,
            key=LOGIN[0],
            secret=LOGIN[1],
            now=now,
        )
    settle()

    def work() -> int:
        pulled = site.pull(PAGE)
        assert pulled.caught_up and pulled.stored == pulled.received, pulled
        return pulled.stored

    return work


def _people(site: Site) -> None:
    for number in range(PEOPLE):
        site.learner(str(number))


class _Base(DeclarativeBase):
    pass


class _Kept(_Base):
    __tablename__ = "kept"
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    actor: Mapped[str] = mapped_column(Text, index=True)
    verb: Mapped[str] = mapped_column(Text)
    object: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    stored_us: Mapped[int] = mapped_column(BigInteger, index=True)
    timestamp_us: Mapped[int] = mapped_column(BigInteger)


class _Place(_Base):
    __tablename__ = "place"
    id: Mapped[int] = mapped_column(primary_key=True)
    more: Mapped[str] = mapped_column(Text)


def _tincan(endpoint: str, url: str) -> Callable[[], int]:
    from tincan import RemoteLRS  # noqa: PLC0415

    engine = create_engine(url)
    _Base.metadata.create_all(engine)
    lrs = RemoteLRS(endpoint=endpoint, version="1.0.3", username=LOGIN[0], password=LOGIN[1])

    def work() -> int:
        number = 0
        answer = lrs.query_statements({"limit": PAGE, "ascending": True})
        while True:
            assert answer.success, answer.data
            with Session(engine) as session:
                for found in answer.content.statements:
                    session.merge(_kept(found))
                session.merge(_Place(id=1, more=answer.content.more or ""))
                session.commit()
            number += len(answer.content.statements)
            if not answer.content.more:
                return number
            answer = lrs.more_statements(answer.content.more)

    return work


def _kept(found: Any) -> _Kept:
    return _Kept(
        id=str(found.id),
        actor=f"{found.actor.account.home_page}|{found.actor.account.name}",
        verb=found.verb.id,
        object=found.object.id,
        raw=found.to_json().encode(),
        stored_us=int(found.stored.timestamp() * 1e6),
        timestamp_us=int(found.timestamp.timestamp() * 1e6),
    )


# --- what came of it --------------------------------------------------------------------------


def _tell(rounds: list[dict[str, dict[str, float]]], statements: int) -> None:
    for kind in ("sqlite", "postgresql"):
        ours = f"ours_{kind}"
        for peer, said in (
            ("ceiling", "requests and orjson, nothing kept"),
            (f"tincan_{kind}", "tincan 1.0.0 RemoteLRS, SQLAlchemy ORM merge, 7 columns"),
        ):
            print(
                json.dumps(
                    {
                        "name": f"pull_{kind}_{peer.partition('_')[0]}",
                        "value": round(median(r[ours]["per_s"] for r in rounds)),
                        "unit": "statements/s",
                        "peer": said,
                        "peer_value": round(median(r[peer]["per_s"] for r in rounds)),
                        "ratio": round(median(r[ours]["per_s"] / r[peer]["per_s"] for r in rounds), 3),
                        "settings": {
                            "page": PAGE,
                            "statements": statements,
                            "rounds": len(rounds),
                            "store": "@learninglocker/xapi-statements 7.8.0 in memory",
                            "cpu_us_ours": round(median(r[ours]["cpu_us"] for r in rounds)),
                            "cpu_us_peer": round(median(r[peer]["cpu_us"] for r in rounds)),
                        },
                    }
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
