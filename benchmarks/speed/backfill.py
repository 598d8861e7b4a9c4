"""A first import from a fast store: how quick, how much memory, what a kill in the middle costs.

Three processes: a store that makes up its statements as fast as it is asked, a puller that is
killed at two fifths of the way and started again, and this one, which watches the puller's memory.
Prints a JSON line per database: statements a second; the memory at a tenth and at the end in
`settings`. Goal: flat, that is at most a tenth more.

    .venv/bin/python -m benchmarks.speed.backfill --statements 1000000
"""

import argparse
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import func, select

from benchmarks.postgres import databases
from lti_tool import heap, logs
from lti_tool.ports import TenantSettings
from lti_tool.seal import Seal
from lti_tool.settings import ROOT, Lrs
from lti_tool.store import lrs, mappings, migrations, platforms, tenants
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database, us
from lti_tool.store.pull import pull_once
from lti_tool.store.schema.core import evidence, identity, learner
from lti_tool.store.schema.xapi import lrs as lrs_table
from lti_tool.store.schema.xapi import statement
from xapi_bridge import mapping
from xapi_bridge.instants import instant_us, text_of
from xapi_bridge.pull import PullReport

SECRET = "a secret of forty characters for benchmarks"
MOODLE = "https://moodle.stadt.example.de"
PEOPLE, ACTIVITIES, PAGE = 2000, 500, 500
#: What a town's statements are: completions count, views do not, some people never came.
COMPLETED, VIEWED = (
    "http://adlnet.gov/expapi/verbs/completed",
    "http://id.tincanapi.com/verb/viewed",
)
LIFTS = {"U1": {"4.1": (2, 4)}}
BEGAN_US = us(datetime(2026, 1, 1, tzinfo=UTC))
STEP_US = 20_000
KILLED_AT = 0.4
TEMPLATE = json.dumps(
    {
        "id": "%(id)s",
        "actor": {
            "objectType": "Agent",
            "name": "Vorname Nachname",
            "account": {"homePage": "%(home)s", "name": "%(person)s"},
        },
        "verb": {"id": "%(verb)s", "display": {"en": "did it", "de": "hat es getan"}},
        "object": {
            "objectType": "Activity",
            "id": MOODLE + "/mod/page/view.php?id=%(activity)s",
            "definition": {
                "name": {"de": "Passwörter, die halten: kurz erklärt für die Kita"},
                "description": {"de": "Was ein gutes Passwort ausmacht. " * 6},
                "type": "http://adlnet.gov/expapi/activities/media",
            },
        },
        "result": {"completion": True, "duration": "PT6M3S"},
        "context": {
            "platform": "Moodle",
            "language": "de",
            "contextActivities": {"grouping": [{"id": MOODLE + "/course/view.php?id=7"}]},
            "extensions": {"https://lms.example/info": {"component": "mod_page", "x": "y" * 160}},
        },
        "timestamp": "%(at)s",
        "stored": "%(at)s",
        "authority": {"account": {"homePage": "https://lrs.example.de", "name": "moodle"}},
        "version": "1.0.3",
    },
    ensure_ascii=False,
)


# --- the store --------------------------------------------------------------------------------


class Source(BaseHTTPRequestHandler):
    """Statement number n was stored n steps after the beginning; all else follows from n."""

    protocol_version = "HTTP/1.1"
    number = 0

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        if not parts.path.endswith("/statements"):
            return self._say(404, b"")
        if "statementId" in query or "voidedStatementId" in query:
            return self._say(404, b"")
        return self._say(200, self._page(query))

    def do_POST(self) -> None:
        self._say(400, b"")

    def _page(self, query: dict[str, str]) -> bytes:
        first, size = int(query.get("more", 0)), int(query.get("limit", 100))
        if since := query.get("since"):
            first = max(first, (instant_us(since)[0] - BEGAN_US) // STEP_US + 1)
        last = min(first + size, self.number)
        more = f"/xapi/statements?more={last}&limit={size}" if last < self.number else ""
        statements = ",".join(made(n) for n in range(first, last))
        return f'{{"statements":[{statements}],"more":"{more}"}}'.encode()

    def _say(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


def made(n: int) -> str:
    """Return a statement: a quarter completions, a twentieth foreign, a twentieth of strangers.

    Each round of all people is about other activities: who completes the same one again and again
    would let what has to be settled grow with every page.
    """
    turn = n // PEOPLE
    return TEMPLATE % {
        "id": str(uuid.UUID(int=(n + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128, version=4)),
        "home": "https://other.example" if n % 20 == 7 else MOODLE,
        "person": f"new{n % 900}" if n % 20 == 13 else str(n * 7919 % PEOPLE),
        "verb": COMPLETED if (n + turn) % 4 == 0 else VIEWED,
        "activity": (n + turn * 31) % ACTIVITIES,
        "at": text_of(BEGAN_US + n * STEP_US),
    }


def source(number: str) -> None:
    Source.number = int(number)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Source)
    print(server.server_address[1], flush=True)
    server.serve_forever()


# --- the puller -------------------------------------------------------------------------------


def puller(url: str, lrs_id: str) -> None:
    """Pull to the end; say how far it is after every page."""

    def watch(report: PullReport) -> None:
        print("at", report.seen, report.stored, memory_kb(os.getpid()), flush=True)

    meaning = Meaning(mapping.load(ROOT / "content" / "mapping"), LIFTS)
    settings = Lrs(page_size=PAGE, poll_s=1.0, overlap_s=60.0)
    database = Database(url)
    heap.settle()  # as the worker does
    began = time.monotonic()
    pull_once(
        database,
        Seal(SECRET),
        lrs_id,
        settings=settings,
        meaning=meaning,
        lease_wait_s=10.0,
        watch=watch,
    )
    print("done", f"{time.monotonic() - began:.2f}", f"{time.process_time():.2f}", flush=True)


def memory_kb(pid: int) -> int:
    """Return the resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


# --- watching ---------------------------------------------------------------------------------


def town(database: Database, endpoint: str, activities: Iterable[str], people: int) -> str:
    """Make a municipality whose people (0, 1, …) have all been here; return its LRS."""
    seal, now = Seal(SECRET), datetime.now(UTC) - timedelta(minutes=1)
    migrations.upgrade(database)
    with database.begin() as conn:
        tenant = tenants.add(conn, "bench", "Stadt", "HE", TenantSettings(), now)
        platform = platforms.add(
            conn,
            tenant_id=tenant.id,
            kind="moodle",
            issuer=MOODLE,
            client_id="c",
            deployment_ids=["1"],
            auth_url=f"{MOODLE}/a",
            token_url=f"{MOODLE}/t",
            jwks_url=f"{MOODLE}/j",
            now=now,
        )
        mappings.add(conn, tenant.id, dict.fromkeys(activities, "U1"), now)
        ids = {str(n): str(uuid.uuid4()) for n in range(people)}
        known = {"tenant_id": tenant.id, "created_us": us(now)}
        fresh = {"language": "de", "state": "active", "practised": False, "roles": []}
        rows = [{"id": i, **known, **fresh, "last_seen_us": us(now)} for i in ids.values()]
        conn.execute(learner.insert(), rows)
        conn.execute(
            identity.insert(),
            [
                {
                    "platform_id": platform.id,
                    "kind": "sub",
                    "digest": seal.digest("identity", platform.id, "sub", name),
                    "learner_id": learner_id,
                    "sealed": seal.seal(name),
                    "verified_by": "launch",
                    **known,
                }
                for name, learner_id in ids.items()
            ],
        )
        return lrs.add(
            conn,
            seal,
            tenant_id=tenant.id,
            name="bench",
            endpoint=endpoint,
            key="key",
            secret="secret",
            now=now,
            capabilities={"since": "stored", "order": "stored"},
        ).id


@contextmanager
def started(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.speed.backfill", *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def measured(url: str, number: int) -> dict[str, Any]:
    """Import `number` statements into a fresh database, with a kill in the middle."""
    database = Database(url)
    with ExitStack() as stack:
        there = stack.enter_context(started("--source", str(number)))
        assert there.stdout
        endpoint = f"http://127.0.0.1:{int(there.stdout.readline())}/xapi"
        mapped = [f"{MOODLE}/mod/page/view.php?id={n}" for n in range(ACTIVITIES)]
        lrs_id = town(database, endpoint, mapped, PEOPLE)
        memory = dict[int, int]()
        seen, seconds, cpu = followed(url, lrs_id, memory, 0, stop_at=int(KILLED_AT * number))
        resumed, more_s, more_cpu = followed(url, lrs_id, memory, seen)
    found = counted(database, lrs_id)
    database.close()
    expected = {"received": number, "foreign": number // 20, "parked": number // 20}
    assert {name: found[name] for name in expected} == expected, found
    assert found["stored"] == found["rows"] == number - 2 * (number // 20), found
    at = sorted(memory)
    tenth = memory[next(n for n in at if n >= number // 10)]
    return {
        "name": f"backfill, {'SQLite' if database.sqlite else 'PostgreSQL'}",
        "value": round(number / (seconds + more_s)),
        "unit": "statements/s",
        "peer": "",
        "peer_value": None,
        "ratio": None,
        "settings": {
            "statements": number,
            "page": PAGE,
            "evidence": found["evidence"],
            "read_again_after_the_kill": resumed + seen - number,
            "cpu_us_per_statement": round((cpu + more_cpu) / number * 1e6),
            "memory_kb_at_a_tenth": tenth,
            "memory_kb_at_the_end": memory[at[-1]],
            "memory_kb_at_most": max(memory.values()),
        },
    }


def followed(
    url: str, lrs_id: str, memory: dict[int, int], before: int, stop_at: int | None = None
) -> tuple[int, float, float]:
    """Let a puller run (killed at `stop_at`); return statements read, seconds, CPU seconds."""
    with started("--puller", url, lrs_id) as process:
        assert process.stdout
        began, seen, shown = time.monotonic(), 0, 0.0
        for line in process.stdout:
            if line.startswith("done"):
                _, seconds, spent = line.split()
                return seen, float(seconds), float(spent)
            seen, stored, memory[before + seen] = map(int, line.removeprefix("at ").split())
            if time.monotonic() - shown > 10.0:
                shown = time.monotonic()
                said = f"{before + seen:,} read, {stored:,} new, {memory[before + seen]:,} kB"
                print(said, file=sys.stderr, flush=True)
            if stop_at is not None and seen >= stop_at:
                ticks = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").split()
                cpu = (int(ticks[13]) + int(ticks[14])) / os.sysconf("SC_CLK_TCK")
                process.kill()
                return seen, time.monotonic() - began, cpu
    raise AssertionError("the puller ended by itself")


def counted(database: Database, lrs_id: str) -> dict[str, int]:
    with database.read() as conn:
        counts = dict(
            conn.execute(select(lrs_table.c.counts).where(lrs_table.c.id == lrs_id)).scalar_one()
        )
        kept = (statement.c.lrs_id == lrs_id) & (statement.c.state == "kept")
        rows = conn.execute(select(func.count()).select_from(statement).where(kept)).scalar_one()
        pieces = conn.execute(select(func.count(evidence.c.statement_id.distinct()))).scalar_one()
    assert pieces == counts["evidence"], (pieces, counts)
    return counts | {"rows": rows}


def main() -> int:
    given = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    given.add_argument("--statements", type=int, default=100_000)
    given.add_argument("--only", choices=["sqlite", "postgresql"])
    given.add_argument("--source", nargs=1, help=argparse.SUPPRESS)
    given.add_argument("--puller", nargs=2, help=argparse.SUPPRESS)
    asked = given.parse_args()
    logs.configure(level="ERROR")  # of slow statements nothing between the results
    if asked.source:
        source(*asked.source)
    elif asked.puller:
        puller(*asked.puller)
    else:
        bench(asked.statements, asked.only)
    return 0


def bench(number: int, only: str | None) -> None:
    for url in databases(only):
        print(json.dumps(measured(url, number)), flush=True)


if __name__ == "__main__":
    sys.exit(main())
