"""How long everything takes in a full house: 100 tenants, 100,000 learners, 10 million proofs.

Pages are asked for in the app itself (no network), jobs run as the worker runs them. The peer of a
line is the same operation in an empty house of the same kind, in the same run; the budget is the
time to hold at full size (95th percentile, or the longest wait). A line over its budget fails the
benchmark. `slow` names the statements of the full house that took more than 50 ms.

    .venv/bin/python -m benchmarks.speed.scale [--database sqlite] [--share 1] [--folder DIR]

`make bench` runs a hundredth of the size; the full size needs 20 GB of disk per database.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import update
from structlog.testing import capture_logs

from benchmarks.budgets import BUDGET_MS
from benchmarks.crowd import Crowd, Size, activity, fill
from benchmarks.postgres import postgres
from lti_tool import logs
from lti_tool.app import create_app
from lti_tool.checking.service import require_database as database_check
from lti_tool.flows import assess, persons, profiles
from lti_tool.flows.observe import refold_learner
from lti_tool.ports import Arrival
from lti_tool.store import lrs, migrations, retention, tenants
from lti_tool.store.database import Database
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.launches import SqlDoor
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.pull import SqlPullStore
from lti_tool.store.schema import core
from lti_tool.web import notices
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor
from xapi_bridge.ports import Cursor
from xapi_bridge.statement import parse_page

SHARE = 0.01  # of the full size, in `make bench`
BEFORE_INDEXES = "71d98b9dc17c"
SLOW_S = 0.05
PAGE = 500
COMPLETION_IN = 10
PURGED_DAYS = 7  # as if the worker had stood still for a week
WRITER_EVERY_S = 0.02


@dataclass
class Times:
    """Milliseconds per operation."""

    ms: dict[str, list[float]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.ms.setdefault(name, []).append((time.perf_counter() - began) * 1e3)

    def p95(self, name: str) -> float:
        found = sorted(self.ms[name])
        return found[min(len(found) - 1, int(0.95 * len(found)))]


@dataclass
class House:
    """A stage with whom to measure it by. `people` are subjects at `platform_id`."""

    stage: Stage
    people: list[tuple[str, str, str]]  # subject, platform, tenant
    lrs_id: str
    times: Times = field(default_factory=Times)

    @property
    def database(self) -> Database:
        return self.stage.house.database


def main() -> int:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--database", choices=["sqlite", "postgresql"])
    arguments.add_argument("--share", type=float, default=SHARE)
    arguments.add_argument("--folder", type=Path)
    asked = arguments.parse_args()
    logs.configure(level="ERROR")
    kinds = [asked.database] if asked.database else ["sqlite", "postgresql"]
    return max(measure(kind, asked.share, asked.folder) for kind in kinds)


def measure(kind: str, share: float, folder: Path | None) -> int:
    """Print a line per operation; return 1 if one is over its budget."""
    began = time.perf_counter()
    with in_an_empty_database(kind, folder) as url:
        stage = _stage(url)
        lone = House(stage, _strangers(stage, 40), _an_lrs(stage))
        operations(lone)
        stage.close()
    with in_an_empty_database(kind, folder) as url:
        first = Times()
        migrate_empty(url, first)
        stage = _stage(url)
        size = Size.of(share)
        crowd = fill(stage, size)
        filled_s = time.perf_counter() - began
        print(f"{kind}: filled in {filled_s:.0f} s", file=sys.stderr)
        full = House(stage, _known(crowd, 40), crowd.towns[0].lrs_id, first)
        logs.configure()  # capture_logs sees no more than the level lets through
        with capture_logs() as logged:
            migrate_full(full)
            operations(full)
            purge(full)
        stage.close()
    return report(kind, size, lone.times, full.times, _slow(logged))


def report(kind: str, size: Size, lone: Times, full: Times, slow: Mapping[str, int]) -> int:
    failed = 0
    for name, budgets in BUDGET_MS.items():
        value, budget = full.p95(name), budgets[kind == "postgresql"]
        peer = lone.p95(name) if name in lone.ms else None
        over = value > budget
        failed |= over
        line = {
            "name": f"scale_{name}",
            "value": round(value, 2),
            "unit": "ms",
            "peer": "the same in an empty house" if peer else "budget",
            "peer_value": round(peer or budget, 2),
            "ratio": round((peer or budget) / value, 3),
            "settings": {
                "database": kind,
                "tenants": size.tenants,
                "learners": size.learners,
                "evidence": size.evidence,
                "times": len(full.ms[name]),
                "budget_ms": budget,
                "within_budget": not over,
                **({"rows": full.rows[name]} if name in full.rows else {}),
            },
        }
        print(json.dumps(line), flush=True)
    for name, ms in sorted(slow.items(), key=lambda pair: -pair[1])[:15]:
        print(f"{kind}: slow {ms:6d} ms  {name}", file=sys.stderr)
    return int(failed)


# --- the house -----------------------------------------------------------------------------------


@contextmanager
def in_an_empty_database(kind: str, folder: Path | None) -> Iterator[str]:
    with ExitStack() as stack:
        if kind == "postgresql":
            yield stack.enter_context(postgres())
        else:
            home = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))
            yield f"sqlite:///{home}/scale.db"


def _stage(url: str) -> Stage:
    return Stage(settings_for(url, ROADMAP__DATABASE__SLOW_QUERY_S=str(SLOW_S)))


def _strangers(stage: Stage, number: int) -> list[tuple[str, str, str]]:
    """Let people come to the empty house and be assessed, so that they can come again."""
    found = []
    for n in range(number):
        visitor = stage.assessed("GB", luck=0.5, seed=n) if n < 8 else stage.ready("GB")
        if n < 8:
            stage.planned(visitor, accepted=True)
        with stage.house.database.begin() as conn:
            digest = stage.house.seal.digest("identity", stage.platform.id, "sub", f"p{n}")
            mine = core.identity.c.learner_id == visitor.learner_id
            conn.execute(update(core.identity).where(mine).values(digest=digest))
        found.append((f"p{n}", stage.platform.id, stage.tenant.id))
    return found


def _an_lrs(stage: Stage) -> str:
    with stage.house.database.begin() as conn:
        made = lrs.add(
            conn,
            stage.house.seal,
            tenant_id=stage.tenant.id,
            name="stadt",
            endpoint="https://lrs.example/xapi",
            key="k",
            secret="s",
            now=stage.now,
        )
    return made.id


def _known(crowd: Crowd, number: int) -> list[tuple[str, str, str]]:
    """Return people all over the house who have been assessed."""
    step = max(1, len(crowd.home) // number)
    chosen = [n if n % 5 else n + 1 for n in range(0, len(crowd.home) - 1, step)][:number]
    return [(f"p{n}", crowd.town(n).platform_id, crowd.town(n).tenant_id) for n in chosen]


def _slow(logged: list[Any]) -> dict[str, int]:
    slow: dict[str, int] = {}
    for line in logged:
        if line.get("event") == "slow query":
            slow[line["where"]] = max(slow.get(line["where"], 0), line["ms"])
    return slow


# --- what is measured ----------------------------------------------------------------------------


def operations(house: House) -> None:
    """Everything that people and the worker do all the time."""
    with house.times.of("start"):
        create_app(house.stage.settings, house.stage.house)
    for n in range(10):
        with house.times.of("admit_new"):
            admit(house, f"new-{n}", *house.people[0][1:])
    for person in house.people:
        with house.times.of("admit_known"):
            visitor = admit(house, *person)
        pages(house, visitor, person[2])
    jobs(house)
    for n in range(5):
        pull_page(house, n)
    reports(house)
    for person in house.people[:5]:
        visitor = admit(house, *person)
        with house.times.of("erase"):
            persons.erase(house.stage.s, house.stage.learner(visitor), "cli", house.stage.now)


def admit(house: House, subject: str, platform_id: str, tenant_id: str) -> Visitor:
    stage = house.stage
    arrival = Arrival(
        platform_id=platform_id,
        tenant_id=tenant_id,
        deployment_id="1",
        message_type="LtiResourceLinkRequest",
        subject=subject,
        nonce=str(uuid.uuid4()),
        instructor=False,
        locale="de",
        target="https://roadmap.example/",
        link_id="l0",
    )
    with SqlDoor(stage.house.database, stage.house.seal).begin() as entry:
        entry.consume(arrival.nonce, stage.now)
        learner_id = entry.learner_of(arrival) or entry.welcome(arrival, stage.now)
        admitted = entry.open(arrival, learner_id, stage.now)
    return Visitor(learner_id, admitted.launch_id, admitted.secret)


def pages(house: House, visitor: Visitor, tenant_id: str) -> None:
    stage, client = house.stage, house.stage.client(visitor)
    with stage.house.database.read() as conn:
        version = notices.version(tenants.get(conn, tenant_id), stage.settings)
    profiles.read_notice(stage.s, stage.learner(visitor), version, stage.now)

    def get(name: str, address: str) -> None:
        with house.times.of(name):
            answer = client.get(visitor.home + address)
        assert answer.status_code == 200, (name, answer.status_code, answer.headers)

    if profiles.current(stage.s, stage.learner(visitor)) is not None:
        get("page_profile", "profil")
        get("page_path", "lernpfad")
    get("page_data", "daten")
    get("export", "daten/herunterladen")
    assess.restart(stage.s, stage.learner(visitor), stage.now + timedelta(hours=1))
    get("page_question", "frage")
    form = {"csrf": stage.csrf(visitor), "position": "1", "do": "dont_know"}
    with house.times.of("answer"):
        answered = client.post(visitor.home + "frage", data=form)
    assert answered.status_code == 303, answered.status_code
    with house.times.of("refold"):
        refold_learner(stage.s, visitor.learner_id, stage.now)


def jobs(house: House) -> None:
    now = house.stage.now
    for n in range(20):
        with house.database.begin() as conn:
            SqlJobs(conn).enqueue("deliver", f"bench-{n}", {}, now)
        with house.times.of("job_claim"):
            with house.database.read() as conn:
                SqlJobs(conn).anything_due(now)
            with house.database.begin() as conn:
                SqlJobs(conn).release_expired(now)
                leased = SqlJobs(conn).lease("bench", now, 4.0)
            assert leased is not None
            with house.database.begin() as conn:
                SqlJobs(conn).finish(leased, "bench")
        with house.times.of("outbox_claim"), house.stage.s.store.read() as work:
            work.outbox.due(now, 50)


def pull_page(house: House, number: int) -> None:
    stage = house.stage
    with stage.house.database.read() as conn:
        connection = lrs.get(conn, stage.house.seal, house.lrs_id)
        bound = lrs.bindings(conn, connection)
    home = next(iter(bound.homes))
    page = parse_page(_page(house, home, number))
    store = SqlPullStore(stage.house.database, stage.house.seal, connection, stage.house.meaning)
    with store.lease() as lease:
        assert lease is not None
        with house.times.of("pull_page"):
            written = store.commit(lease, page, Cursor(more="more"), last=False)
    assert written.received == PAGE, written


def _page(house: House, home: str, number: int) -> bytes:
    units = sorted(house.stage.s.content.catalogue.by_key)
    at = (house.stage.now - timedelta(seconds=number)).isoformat()
    statements = [
        {
            "id": str(uuid.uuid4()),
            "actor": {"account": {"homePage": home, "name": f"p{n * 5 + number}"}},
            "verb": {
                "id": "http://adlnet.gov/expapi/verbs/completed"
                if n % COMPLETION_IN == 0
                else "http://id.tincanapi.com/verb/viewed"
            },
            "object": {"id": activity(units[n % len(units)])},
            "timestamp": at,
            "stored": at,
        }
        for n in range(PAGE)
    ]
    return json.dumps({"statements": statements, "more": ""}).encode()


def reports(house: House) -> None:
    """What an operator asks for."""
    now = house.stage.now
    with house.times.of("lrs_status"), house.database.read() as conn:
        lrs.status(conn, now)
        SqlOutbox(conn, house.stage.house.seal).counts()
    with house.times.of("outbox_list"), house.database.read() as conn:
        queue = SqlOutbox(conn, house.stage.house.seal)
        queue.counts(), queue.stuck()
    with house.times.of("check_database"):
        database_check(house.stage.house)


def migrate_empty(url: str, times: Times) -> None:
    database = Database(url)
    with times.of("migrate_empty"):
        migrations.upgrade(database)
    database.close()


def migrate_full(house: House) -> None:
    migrations.downgrade(house.database, BEFORE_INDEXES)
    with house.times.of("migrate_full"):
        migrations.upgrade(house.database)


def purge(house: House) -> None:
    """Delete what a week makes old, while somebody writes all the time."""
    kept, later = house.stage.settings.retention, house.stage.now + timedelta(days=PURGED_DAYS)
    with house.times.of("retention_preview"):
        said = retention.purge(house.database, kept, later, dry_run=True)
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(house, stop))
    writer.start()
    try:
        with house.times.of("purge_a_week"):
            done = retention.purge(house.database, kept, later)
    finally:
        stop.set()
        writer.join()
    house.times.rows["purge_a_week"] = sum(done.values())
    assert done == said, (done, said)


def _write(house: House, stop: threading.Event) -> None:
    """Write as somebody who answers does, on a connection of our own, and note the waits."""
    waits: list[float] = []
    while not stop.wait(WRITER_EVERY_S):
        began = time.perf_counter()
        with house.database.begin() as conn:
            SqlJobs(conn).enqueue("refold", "bench", {}, house.stage.now + timedelta(days=99))
        waits.append((time.perf_counter() - began) * 1e3)
    house.times.ms["writer_waits_for_purge"] = [max(waits, default=0.0)]
    house.times.rows["writer_waits_for_purge"] = len(waits)


if __name__ == "__main__":
    sys.exit(main())
