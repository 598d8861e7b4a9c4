"""Two hundred learners answering at once, over real HTTP after real launches: who waits how long.

Web and worker are the real processes with default settings; beside them the worker pulls 500
statements a second from an LRS. In the same seconds an empty Flask page is asked for in the same
server: that is the floor, and the peer of each line. After the run every acknowledged answer must
be in the database, and no page may have failed. Goals (issue 3): p95 under 200 ms on PostgreSQL,
under 300 ms on SQLite.

    .venv/bin/python -m benchmarks.speed.load [--database sqlite] [--seconds 60] [--learners 200]
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.postgres import free_port, postgres
from benchmarks.town import CLIENT, DEPLOYMENT, UNITS, Lms, Person, activity
from lti_tool.bootstrap import House, build
from lti_tool.ports import TenantSettings
from lti_tool.settings import ROOT, load
from lti_tool.store import lrs, mappings, migrations, platforms, tenants
from lti_tool.store.schema.core import question

GOAL_MS = {"postgresql": 200.0, "sqlite": 300.0}
THINK_S = 10.0
STATEMENTS_PER_S = 500.0
FLOOR_EVERY_S = 0.1
ROLE = "GB"
SERVER = "waitress"  # what `roadmap serve` uses
WARM_UP_S = 10.0


@dataclass
class Waits:
    """Seconds per kind of page, from any thread; `failed` says why."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    failed: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kind: str, seconds: float) -> None:
        with self._lock:
            self.seconds.setdefault(kind, []).append(seconds)

    def of(self, *kinds: str) -> list[float]:
        return sorted(
            s for k, found in self.seconds.items() if not kinds or k in kinds for s in found
        )

    def clear(self) -> None:
        with self._lock:
            self.seconds.clear()


@dataclass(frozen=True)
class Run:
    """What was asked for."""

    database: str
    learners: int
    seconds: float
    statements: float
    server: str


@dataclass
class Town:
    """The service and everything around it, running."""

    house: House
    lms: Lms
    port: int
    floor_port: int
    waits: Waits = field(default_factory=Waits)
    floor: Waits = field(default_factory=Waits)


@contextmanager
def running(run: Run) -> Iterator[Town]:
    """Yield the town with its service, fresh."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roadmap-load-")))
        sqlite = run.database == "sqlite"
        url = f"sqlite:///{folder / 'load.db'}" if sqlite else stack.enter_context(postgres())
        port, floor_port, lms_port = free_port(), free_port(), free_port()
        environ = environ_for(url, port)
        lms = Lms(lms_port, f"http://localhost:{port}")
        town = Town(build(load(environ)), lms, port, floor_port)
        stack.callback(town.house.close)
        _set_up(town)
        foreign = lms.start(run.learners, run.statements)
        stack.callback(foreign.kill)
        floor = {**environ, "ROADMAP__SERVER__PORT": str(floor_port)}
        servers = [(port, command(run.server), environ)]
        servers += [(floor_port, ["benchmarks.server", run.server or SERVER, "floor"], floor)]
        for number, module, env in servers:
            stack.enter_context(_process(module, env))
            wait_until_up(number)
        stack.enter_context(_process(["lti_tool", "worker"], environ))
        yield town


def command(server: str) -> list[str]:
    return ["benchmarks.server", server, "tool"] if server else ["lti_tool", "serve"]


@contextmanager
def _process(module: list[str], environ: Mapping[str, str]) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-m", *module], cwd=ROOT, env=environ)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def wait_until_up(port: int) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


def environ_for(url: str, port: int) -> dict[str, str]:
    """Return default settings but for addresses; one log line per refusal is noise here."""
    return dict(os.environ) | {
        "ROADMAP__DATABASE__URL": url,
        "ROADMAP__SERVER__BASE_URL": f"http://localhost:{port}",
        "ROADMAP__SERVER__PORT": str(port),
        "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
        "ROADMAP__METRICS__PORT": "0",
        "ROADMAP__LOGS__LEVEL": "WARNING",
    }


def _set_up(town: Town) -> None:
    """Do what an admin does by hand: tenant, platform, LRS, mapping."""
    house, lms, now = town.house, town.lms, datetime.now(UTC)
    migrations.upgrade(house.database)
    with house.database.begin() as conn:
        tenant = tenants.add(conn, "bench", "Stadt", "HE", TenantSettings(), now)
        platforms.add(
            conn,
            tenant_id=tenant.id,
            kind="moodle",
            issuer=lms.issuer,
            client_id=CLIENT,
            deployment_ids=[DEPLOYMENT],
            auth_url=f"{lms.issuer}/auth",
            token_url=f"{lms.issuer}/token",
            jwks_url=f"{lms.issuer}/jwks",
            now=now,
        )
        lrs.add(
            conn,
            house.seal,
            tenant_id=tenant.id,
            name="LRS",
            endpoint=f"{lms.issuer}/xapi",
            key="bench",
            secret="bench",
            now=now,
        )
        units = [unit.key for unit in house.flows.content.catalogue.units][:UNITS]
        mapping = {activity(n): unit for n, unit in enumerate(units)}
        mappings.add(conn, tenant.id, mapping, now)


def arrive(town: Town, run: Run) -> list[Person]:
    """Let everybody launch and open the first question; return them."""

    def one(number: int) -> Person:
        person = Person(town.lms, f"p{number}", town.port, town.waits.note)
        person.launch()
        person.first_visit(ROLE)
        return person

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(one, range(run.learners)))


def answer_all(town: Town, people: list[Person], seconds: float) -> None:
    """Let everybody answer a question every ten seconds, each in a thread of her own."""
    until = time.monotonic() + seconds

    def one(person: Person) -> None:
        draw = random.Random(person.subject)
        time.sleep(draw.uniform(0, THINK_S))
        while time.monotonic() < until:
            began = time.monotonic()
            try:
                person.one_question()
            except (AssertionError, OSError) as error:
                town.waits.failed[str(error)[:120] or type(error).__name__] += 1
            time.sleep(max(0.0, min(began + THINK_S, until) - time.monotonic()))

    threads = [threading.Thread(target=one, args=(p,)) for p in people]
    threads.append(threading.Thread(target=_ask_the_floor, args=(town, until)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _ask_the_floor(town: Town, until: float) -> None:
    visitor = Person(town.lms, "nobody", town.floor_port, town.floor.note)
    while time.monotonic() < until:
        visitor.send("empty", "GET", "/healthz", expect=200)
        time.sleep(FLOOR_EVERY_S)


def measure(run: Run) -> dict[str, object]:
    """Return the line of one run.

    :raises AssertionError: a page failed, or an acknowledged answer is not in the database.
    """
    with running(run) as town:
        people = arrive(town, run)
        launches = town.waits.of("launch")
        answer_all(town, people, WARM_UP_S)
        town.waits.clear()
        town.floor.clear()
        stored, began = _stored(town.house), time.monotonic()
        answer_all(town, people, run.seconds)
        took = time.monotonic() - began
        pulled = (_stored(town.house) - stored) / took
        lost = sum(p.answered for p in people) - _answers(town.house)
        return _line(run, town, launches, pulled, lost, took)


def _stored(house: House) -> int:
    with house.database.read() as conn:
        return sum(row["stored"] for row in lrs.status(conn, datetime.now(UTC)))


def _answers(house: House) -> int:
    with house.database.read() as conn:
        given = select(func.count()).where(question.c.answered_us.is_not(None))
        return int(conn.execute(given).scalar_one())


def _line(
    run: Run, town: Town, launches: list[float], pulled: float, lost: int, took: float
) -> dict[str, object]:
    pages, floor = town.waits.of(), town.floor.of()
    value, peer = _p(pages, 95), _p(floor, 95)
    return {
        "name": f"load_{run.database}_p95",
        "value": value,
        "unit": "ms",
        "peer": "an empty Flask page in the same server, in the same seconds",
        "peer_value": peer,
        "ratio": round(peer / value, 3),
        "settings": {
            "learners": run.learners,
            "seconds": round(took),
            "pages": len(pages),
            "pages_per_s": round(len(pages) / took, 1),
            "median_ms": _p(pages, 50),
            "p99_ms": _p(pages, 99),
            "max_ms": _p(pages, 100),
            "answer_p95_ms": _p(town.waits.of("answer"), 95),
            "question_p95_ms": _p(town.waits.of("frage"), 95),
            "launch_p95_ms": _p(launches, 95),
            "floor_median_ms": _p(floor, 50),
            "statements_per_s": round(pulled),
            "failed": sum(town.waits.failed.values()),
            "lost_answers": lost,
            "goal_ms": GOAL_MS[run.database],
            "server": run.server or SERVER,
        },
        **({"why": dict(town.waits.failed.most_common(5))} if town.waits.failed else {}),
    }


def _p(values: list[float], percent: int) -> float:
    """Return a percentile of sorted seconds, in milliseconds."""
    index = min(len(values) - 1, int(percent / 100 * len(values)))
    return round(values[index] * 1e3, 1) if values else float("nan")


def main() -> int:
    """Print a line per database; return 1 if a page failed or an answer was lost."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--database", choices=sorted(GOAL_MS), action="append")
    given.add_argument("--learners", type=int, default=200)
    given.add_argument("--seconds", type=float, default=60.0)
    given.add_argument("--statements", type=float, default=STATEMENTS_PER_S)
    given.add_argument("--server", default="", help="not `roadmap serve`, but this one")
    asked = given.parse_args()
    bad = 0
    for database in asked.database or sorted(GOAL_MS):
        run = Run(database, asked.learners, asked.seconds, asked.statements, asked.server)
        line = measure(run)
        print(json.dumps(line), flush=True)
        settings = line["settings"]
        assert isinstance(settings, dict)
        bad |= settings["failed"] or settings["lost_answers"]
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
