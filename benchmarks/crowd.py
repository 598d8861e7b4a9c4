"""A database as full as after three years: towns, learners, evidence, statements, outbox, jobs.

Documents (questions, profiles, paths) are copies of those that a few template persons got through
the real flows; who did what, when and in which town is drawn from a seeded generator. Towns are
unequal (the n-th has a share of n^-0.8), and what one learner did lies scattered over the tables,
as when it comes in over the years. What is past its retention is gone already. Rows go in by COPY
or executemany while the indexes are dropped.

Full size (share 1): 100 tenants, 100,000 learners, 10 million evidence rows, 5 million statements.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Index, Table, insert
from sqlalchemy.schema import CreateIndex, DropIndex

from lti_tool.ports import TenantSettings
from lti_tool.store import lrs, platforms, tenants
from lti_tool.store.database import Database, us
from lti_tool.store.schema import core, embedded, lti, metadata, xapi
from tests.pages.scene import Stage

SEED = 3
YEARS_US = 1095 * 86_400_000_000
DAY_US = 86_400_000_000
RAW_DAYS, LOGGED_DAYS, ANSWER_DAYS = 30, 183, 365
RAW = json.dumps({"actor": {"account": {"name": "p" * 40}}, "filler": "x" * 500}).encode()
VIEWED, COMPLETED = (
    "http://id.tincanapi.com/verb/viewed",
    "http://adlnet.gov/expapi/verbs/completed",
)
ROLE = "GB"
SCORE = {
    "lineitem": "https://lms.example/lineitem/1",
    "subject": "p0",
    "score": 0.5,
    "timestamp": "2026-01-01T00:00:00+00:00",
    "filler": "x" * 300,
}
CHUNK = 20_000
Row = tuple[Any, ...]
Tables = dict[Table, Callable[[], Iterator[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class Size:
    tenants: int
    learners: int
    evidence: int
    statements: int

    @classmethod
    def of(cls, share: float) -> "Size":
        """Return this share of 100 tenants, 100,000 learners, 10 million evidence rows."""
        return cls(
            tenants=max(3, round(100 * min(1.0, share**0.5))),
            learners=max(50, round(100_000 * share)),
            evidence=round(10_000_000 * share),
            statements=round(5_000_000 * share),
        )


@dataclass(frozen=True, slots=True)
class Town:
    tenant_id: str
    platform_id: str
    lrs_id: str


@dataclass(frozen=True)
class Crowd:
    """Who is there. Learner n has the subject `p<n>` at the platform of `towns[home[n]]`."""

    towns: tuple[Town, ...]
    home: np.ndarray
    templates: dict[str, list[dict[str, Any]]]

    def learner(self, n: int) -> str:
        return ident(1, n)

    def town(self, n: int) -> Town:
        return self.towns[int(self.home[n])]


def ident(kind: int, n: int) -> str:
    return f"{n:08x}-{kind:04x}-4000-8000-000000000000"


def fill(stage: Stage, size: Size) -> Crowd:
    """Write everything. The house of the stage is where it goes; writes and commits."""
    crowd = _crowd(stage, size)
    database = stage.house.database
    tables: Tables = {
        core.learner: lambda: _learners(stage, crowd),
        core.identity: lambda: _identities(stage, crowd),
        lti.launch: lambda: _launches(stage, crowd),
        core.attempt: lambda: _copies(stage, crowd, "attempt"),
        core.question: lambda: _copies(stage, crowd, "question"),
        core.profile: lambda: _copies(stage, crowd, "profile"),
        core.path: lambda: _copies(stage, crowd, "path"),
        core.recommendation: lambda: _copies(stage, crowd, "recommendation"),
        xapi.statement: lambda: _statements(stage, crowd, size),
        core.evidence: lambda: _evidence(stage, crowd, size),
        core.outbox: lambda: _outbox(stage, crowd),
        core.job: lambda: _jobs(stage, crowd),
        core.audit: lambda: _audit(stage, crowd),
        embedded.xapi_statement: lambda: _embedded(stage, crowd, size),
        embedded.xapi_link: lambda: _links(stage, crowd, size),
    }
    load = _load_sqlite if database.sqlite else _load_postgres
    load(database, tables)
    return crowd


# --- who is there ------------------------------------------------------------------------------


def _crowd(stage: Stage, size: Size) -> Crowd:
    templates = _templates(stage)
    shares = np.arange(1, size.tenants + 1) ** -0.8
    home = np.random.default_rng(SEED).choice(size.tenants, size.learners, p=shares / shares.sum())
    with stage.house.database.begin() as conn:
        towns = tuple(_town(conn, stage, n) for n in range(size.tenants))
    return Crowd(towns, home, templates)


def _town(conn: Connection, stage: Stage, n: int) -> Town:
    url = f"https://lms{n}.example"
    made = tenants.add(conn, f"stadt{n}", f"Stadt {n}", "HE", TenantSettings(), stage.now)
    platform = platforms.add(
        conn,
        tenant_id=made.id,
        kind="moodle",
        issuer=url,
        client_id="c",
        deployment_ids=["1"],
        auth_url=f"{url}/auth",
        token_url=f"{url}/token",
        jwks_url=f"{url}/jwks",
        now=stage.now,
    )
    store = lrs.add(
        conn,
        stage.house.seal,
        tenant_id=made.id,
        name="stadt",
        endpoint=f"{url}/xapi",
        key="k",
        secret="s",
        now=stage.now,
    )
    mapped = [
        {"tenant_id": made.id, "activity": activity(u), "unit": u, "created_us": us(stage.now)}
        for u in stage.s.content.catalogue.by_key
    ]
    conn.execute(insert(xapi.activity_map), mapped)
    return Town(made.id, platform.id, store.id)


def activity(unit: str) -> str:
    return f"https://lms.example/mod/page/view.php?id={unit}"


def _templates(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a few persons who have gone through the whole loop, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for n in range(4):
        visitor = stage.assessed(ROLE, luck=0.2 + 0.2 * n, seed=n)
        stage.planned(visitor, accepted=True)
        with stage.s.store.read() as work:
            rows = work.learners.rows(visitor.learner_id)
        for name in ("learner", "attempt", "question", "profile", "path", "recommendation"):
            found.setdefault(name, []).append({"rows": [dict(r) for r in rows[name]]})
        proofs = [dict(r) for r in rows["evidence"]]
        found.setdefault("evidence", []).append({"rows": proofs})
    return found


# --- rows, each a dict of its columns ------------------------------------------------------------


def _moments(stage: Stage, number: int, seed: int) -> np.ndarray:
    """Return that many instants of the last three years, in order."""
    begin = us(stage.now) - YEARS_US
    return np.sort(np.random.default_rng(seed).integers(begin, us(stage.now), number))


def _learners(stage: Stage, crowd: Crowd) -> Iterator[dict[str, Any]]:
    like = crowd.templates["learner"][0]["rows"][0]
    came = _moments(stage, len(crowd.home), 1)
    for n in range(len(crowd.home)):
        seen = max(int(came[n]), us(stage.now) - n % 900 * DAY_US)
        yield like | {
            "id": ident(1, n),
            "tenant_id": crowd.town(n).tenant_id,
            "created_us": int(came[n]),
            "last_seen_us": seen,
        }


def _identities(stage: Stage, crowd: Crowd) -> Iterator[dict[str, Any]]:
    sealed = stage.house.seal.seal("p0")  # sealing each would take longer than all the rest
    for n in range(len(crowd.home)):
        town = crowd.town(n)
        yield {
            "platform_id": town.platform_id,
            "kind": "sub",
            "digest": stage.house.seal.digest("identity", town.platform_id, "sub", f"p{n}"),
            "tenant_id": town.tenant_id,
            "learner_id": ident(1, n),
            "sealed": sealed,
            "verified_by": "launch",
            "created_us": us(stage.now) - YEARS_US,
        }


def _launches(stage: Stage, crowd: Crowd) -> Iterator[dict[str, Any]]:
    """The newest of each of two links; of every tenth person also an older one, due to go."""
    for n in range(len(crowd.home)):
        for link in range(3 if n % 10 == 0 else 2):
            when = us(stage.now) - (1 + n % 900) * DAY_US - (link // 2) * DAY_US
            yield {
                "id": f"{ident(2, n)}-{link}",
                "tenant_id": crowd.town(n).tenant_id,
                "learner_id": ident(1, n),
                "platform_id": crowd.town(n).platform_id,
                "deployment_id": "1",
                "secret_hash": f"{n:064x}",
                "message_type": "LtiResourceLinkRequest",
                "context_id": "c1",
                "context_title": "Digital im Dienst",
                "link_id": f"l{link % 2}",
                "instructor": False,
                "locale": "de",
                "target": "https://roadmap.example/",
                "services": {},
                "created_us": when,
                "seen_us": when,
            }


def _copies(stage: Stage, crowd: Crowd, name: str) -> Iterator[dict[str, Any]]:
    """Give four of five persons what one of the templates has, at a time of their own."""
    table = metadata.tables[name]
    times = [c.name for c in table.c if c.name.endswith("_us")]
    packed = [[_packed(row) for row in t["rows"]] for t in crowd.templates[name]]
    began = us(stage.now)
    for n in _assessed(crowd):
        days = n * 7919 % 1000
        if name == "recommendation" and days > LOGGED_DAYS:
            continue
        for number, row in enumerate(packed[n % len(packed)]):
            mine = row | {"tenant_id": crowd.town(n).tenant_id, "learner_id": ident(1, n)}
            mine |= {t: began - days * DAY_US for t in times if row[t] is not None}
            if days > ANSWER_DAYS and "response" in mine:
                mine["response"] = None
            if "id" in mine:
                mine["id"] = ident(3, n) if name in ("attempt", "path") else ident(16 + number, n)
            if "attempt_id" in mine:
                mine["attempt_id"] = ident(3, n)
            yield mine


def _assessed(crowd: Crowd) -> Iterator[int]:
    return (n for n in range(len(crowd.home)) if n % 5)


def _packed(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its documents written down once, not once per copy."""
    return {k: Written(json.dumps(v)) if isinstance(v, dict | list) else v for k, v in row.items()}


class Written(str):
    """JSON text that is ready to be stored."""


def _statements(stage: Stage, crowd: Crowd, size: Size) -> Iterator[dict[str, Any]]:
    raw_since = us(stage.now) - RAW_DAYS * DAY_US
    parked = max(1, size.statements // 500)
    for s in _activity(stage, crowd, size):
        waits = s.number % parked == 7 and s.at >= raw_since
        yield {
            "lrs_id": s.town.lrs_id,
            "statement_id": s.id,
            "tenant_id": s.town.tenant_id,
            "learner_id": None if waits else ident(1, s.learner),
            "actor_key": s.key if waits else None,
            "verb": COMPLETED if s.unit else VIEWED,
            "object": activity(s.unit or f"{s.number % 5000}"),
            "content_key": s.key,
            "digest": s.key[::-1],
            "flags": "",
            "state": "parked" if waits else "kept",
            "raw": RAW if s.at >= raw_since else None,
            "mapped": bool(s.unit) and not waits,
            "stored_us": s.at,
            "timestamp_us": s.at,
            "eff_us": s.at,
            "received_us": s.at,
        }


@dataclass(frozen=True, slots=True)
class Done:
    """One thing somebody did: a view, or (with a unit) a completion."""

    number: int
    id: str
    key: str
    learner: int
    town: Town
    unit: str
    at: int


def _activity(stage: Stage, crowd: Crowd, size: Size) -> Iterator[Done]:
    """The same sequence each time it is asked for: statements and evidence fit together."""
    rng = np.random.default_rng(SEED + 1)
    units = sorted(stage.s.content.catalogue.by_key)
    moments = _moments(stage, size.statements, 2)
    share = _completions(stage, crowd, size) / size.statements
    for first in range(0, size.statements, CHUNK):
        some = moments[first : first + CHUNK].tolist()
        who = rng.integers(0, len(crowd.home), len(some)).tolist()
        what = rng.integers(0, len(units), len(some)).tolist()
        done = (rng.random(len(some)) < share).tolist()
        hexed = rng.bytes(32 * len(some)).hex()
        for n, when in enumerate(some):
            key = hexed[64 * n : 64 * n + 64]
            unit = units[what[n]] if done[n] else ""
            yield Done(first + n, _uuid(key), key, who[n], crowd.town(who[n]), unit, when)


def _uuid(key: str) -> str:
    return f"{key[:8]}-{key[8:12]}-4{key[13:16]}-8{key[17:20]}-{key[20:32]}"


def _completions(stage: Stage, crowd: Crowd, size: Size) -> float:
    """Return how many completions make the evidence that the answers do not."""
    answers = sum(
        len(crowd.templates["evidence"][n % len(crowd.templates["evidence"])]["rows"])
        for n in _assessed(crowd)
    )
    lifts = [len(_lifts(stage, unit)) for unit in stage.s.content.catalogue.by_key]
    return max(0, size.evidence - answers) / (1 + sum(lifts) / len(lifts))


def _lifts(stage: Stage, unit: str) -> list[str]:
    taught = stage.s.content.catalogue.by_key[unit].lifts
    return [c for c in taught if c in stage.s.content.framework.dimensions]


def _evidence(stage: Stage, crowd: Crowd, size: Size) -> Iterator[dict[str, Any]]:
    for row in _copies(stage, crowd, "evidence"):
        number = int(row["id"][9:13], 16)
        own = _uuid(f"{number:04x}{row['id'][:8]}{'0' * 20}")
        yield row | {"id": own, "statement_id": own}
    lifts = {u: _lifts(stage, u) for u in stage.s.content.catalogue.by_key}
    none, one = Written("[]"), Written("[0.5]")
    for s in _activity(stage, crowd, size):
        if not s.unit:
            continue
        for place, competency in enumerate((None, *lifts[s.unit])):
            yield {
                "id": _uuid(f"{place}{s.key[32:]}"),
                "tenant_id": s.town.tenant_id,
                "learner_id": ident(1, s.learner),
                "source": "lrs",
                "statement_id": s.id,
                "rule_id": f"moodle-completed:{competency or 'unit'}",
                "competency": competency,
                "unit": s.unit,
                "activity": activity(s.unit),
                "kind": "completion",
                "level": 2 if competency else 0,
                "a": 1.2 if competency else 0.0,
                "b": one if competency else none,
                "category": 1 if competency else 0,
                "self_report": False,
                "group_key": f"{s.learner:08x}{s.unit:>8}".ljust(64, "0"),
                "eff_us": s.at,
                "stored_us": s.at,
                "arrival_us": s.at,
                "revoked_by": "resent" if s.number % 4 == 0 else None,
                "counter_statement": None,
            }


def _outbox(stage: Stage, crowd: Crowd) -> Iterator[dict[str, Any]]:
    """Two grades of everybody stay; statements of the last month; a thousandth waits or is dead."""
    body = Written(json.dumps(SCORE))
    for n in _assessed(crowd):
        town = crowd.town(n)
        for number, kind in enumerate(("score", "score", "statements")):
            state = {7: "pending", 8: "dead"}.get(n % 1000, "delivered")
            when = us(stage.now) - n % (RAW_DAYS if kind == "statements" else 900) * DAY_US
            yield {
                "id": ident(32 + number, n),
                "tenant_id": town.tenant_id,
                "learner_id": ident(1, n),
                "kind": kind,
                "target_id": getattr(town, "lrs_id" if kind == "statements" else "platform_id"),
                "dedupe": f"{kind}:{number}:{n}",
                "body": body,
                "state": state,
                "attempts": 12 if state == "dead" else 1,
                "next_us": when if state != "pending" else us(stage.now) + DAY_US,
                "last_error": "The store does not answer." if state == "dead" else None,
                "created_us": when,
                "delivered_us": when if state == "delivered" else None,
            }


def _jobs(stage: Stage, crowd: Crowd) -> Iterator[dict[str, Any]]:
    """Every hundredth learner waits for a refold, as after a mapping; a few have failed."""
    for n in range(0, len(crowd.home), 100):
        yield {
            "id": ident(40, n),
            "name": "refold",
            "key": ident(1, n),
            "payload": Written("{}"),
            "state": "failed" if n % 5000 == 0 else "waiting",
            "run_after_us": us(stage.now) + DAY_US,
            "attempts": 0,
            "created_us": us(stage.now),
        }


def _audit(stage: Stage, crowd: Crowd) -> Iterator[dict[str, Any]]:
    for n in range(len(crowd.home) // 2):
        yield {
            "id": ident(41, n),
            "tenant_id": crowd.town(n).tenant_id,
            "actor": f"learner:{ident(1, n)}",
            "action": "evidence.better",
            "detail": Written("{}"),
            "at_us": us(stage.now) - n % 365 * DAY_US,
        }


def _embedded(stage: Stage, crowd: Crowd, size: Size) -> Iterator[dict[str, Any]]:
    """A twentieth of the activity came in through the embedded LRS."""
    for s in _own(stage, crowd, size):
        yield {
            "tenant_id": s.town.tenant_id,
            "statement_id": s.id,
            "stored_us": s.at,
            "verb": s.key[:32],
            "raw": RAW,
        }


def _links(stage: Stage, crowd: Crowd, size: Size) -> Iterator[dict[str, Any]]:
    for s in _own(stage, crowd, size):
        for kind, value in (("agent", s.learner), ("activity", s.number % 5000)):
            yield {
                "tenant_id": s.town.tenant_id,
                "kind": kind,
                "value": f"{value:032x}",
                "stored_us": s.at,
                "direct": True,
            }


def _own(stage: Stage, crowd: Crowd, size: Size) -> Iterator[Done]:
    last = 0
    for s in _activity(stage, crowd, size):
        if s.number % 20 == 0 and s.at > last:  # `stored` is unique
            last = s.at
            yield s


# --- how it gets in ------------------------------------------------------------------------------


def _load_sqlite(database: Database, tables: Tables) -> None:
    database.close()
    conn = sqlite3.connect(str(database.url.database), isolation_level=None)
    for pragma in (
        "journal_mode = OFF",
        "foreign_keys = OFF",
        "synchronous = OFF",
        "cache_size = -3000000",
    ):
        conn.execute(f"PRAGMA {pragma}")
    for table, make in tables.items():
        for index in _indexes(table):
            conn.execute(_sql(DropIndex(index), database))
        names = [c.name for c in table.c]
        marks = ", ".join("?" * len(names))
        columns = ", ".join(f'"{name}"' for name in names)
        conn.execute("BEGIN IMMEDIATE")
        conn.executemany(
            f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", _tuples(table, make())
        )
        conn.execute("COMMIT")
        for index in _indexes(table):
            conn.execute(_sql(CreateIndex(index), database))
    conn.execute("PRAGMA analysis_limit = 1000")
    conn.execute("ANALYZE")
    conn.execute("PRAGMA journal_mode = WAL")
    conn.close()


def _load_postgres(database: Database, tables: Tables) -> None:
    raw: Any = database.engine.raw_connection()
    try:
        cursor = raw.cursor()
        for setting in (
            "session_replication_role = replica",  # foreign keys are true by construction
            "maintenance_work_mem = '1GB'",
            "statement_timeout = 0",
            "idle_in_transaction_session_timeout = 0",
        ):
            cursor.execute(f"SET {setting}")
        for table, make in tables.items():
            keys = _bare(cursor, table, database)
            columns = ", ".join(f'"{c.name}"' for c in table.c)
            with cursor.copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
                for row in _tuples(table, make()):
                    copy.write_row(row)
            for name, definition in keys:
                cursor.execute(f"ALTER TABLE {table.name} ADD CONSTRAINT {name} {definition}")
            for index in _indexes(table):
                cursor.execute(_sql(CreateIndex(index), database))
            raw.commit()
        raw.set_autocommit(True)
        cursor.execute("VACUUM ANALYZE")
    finally:
        raw.invalidate()  # its settings are nobody else's


def _bare(cursor: Any, table: Table, database: Database) -> list[tuple[str, str]]:
    """Drop the table's indexes, and keys that no other table refers to; return those keys."""
    for index in _indexes(table):
        cursor.execute(_sql(DropIndex(index), database))
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint c WHERE contype IN ('p', 'u')"
        " AND conrelid = %s::regclass AND NOT EXISTS (SELECT FROM pg_constraint f"
        " WHERE f.contype = 'f' AND f.confrelid = c.conrelid)",
        (table.name,),
    )
    keys: list[tuple[str, str]] = cursor.fetchall()
    for name, _ in keys:
        cursor.execute(f"ALTER TABLE {table.name} DROP CONSTRAINT {name}")
    return keys


def _indexes(table: Table) -> list[Index]:
    return sorted(table.indexes, key=lambda index: str(index.name))


def _sql(statement: Any, database: Database) -> str:
    return str(statement.compile(dialect=database.engine.dialect))


def _tuples(table: Table, rows: Iterable[dict[str, Any]]) -> Iterator[Row]:
    names = [c.name for c in table.c]
    for row in rows:
        yield tuple(_plain(row.get(name)) for name in names)


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value) if type(value) is Written else value
