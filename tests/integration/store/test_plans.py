"""No page and no job reads a big table from end to end, on either database.

Everything people and the worker do all the time is done once in a small full house (the one that
benchmarks/speed/scale.py measures); then each statement that was sent is explained. On PostgreSQL
the planner may not choose to read everything, so what does has no index that serves it.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import event

from benchmarks.crowd import Size, fill
from benchmarks.speed import scale
from lti_tool.store import bulk, identities, lrs, mappings, platforms
from lti_tool.store.database import Database
from lti_tool.store.schema import metadata
from lti_tool.store.straight import Straight
from tests.conftest import settings_for
from tests.pages.scene import Stage

BIG = {
    *("attempt", "audit", "evidence", "identity", "launch", "learner", "outbox", "path"),
    *("profile", "question", "recommendation", "statement", "xapi_link", "xapi_statement"),
}
#: What may: counts for an operator, and once an hour which launches have a newer one of their link.
WHOLE = {
    "outbox.SqlOutbox.counts": {"outbox"},
    "identities.newest": {"identity"},  # the newest first, and no more than are shown
    "retention._past": {"launch"},
    "retention._count": {"launch"},
}
PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["postgresql"].get("where") is not None
}


_ALL_OF_A_TOWN = r"SEARCH (\w+) USING .*INDEX (\w+) \((?:tenant_id|lrs_id)=\?\)"


@dataclass(frozen=True)
class Sent:
    name: str
    sql: str
    parameters: Any


@dataclass
class Overheard:
    """A driver's cursor, and who is told what it is given."""

    cursor: Any
    note: Callable[[str, Any], None]

    def execute(self, sql: str, parameters: Any) -> Any:
        self.note(sql, parameters)
        return self.cursor.execute(sql, parameters)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)


@pytest.fixture
def sent(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Database, list[Sent]]]:
    """What is sent in a full house, each statement once."""
    stage = Stage(settings_for(database_url))
    crowd = fill(stage, Size(tenants=3, learners=60, evidence=3000, statements=1500))
    house = scale.House(stage, scale._known(crowd, 8), crowd.towns[0].lrs_id)
    found: dict[str, Sent] = {}

    def note(sql: str, parameters: Any) -> None:
        name = re.match(r"/\* (\S+) \*/", sql)
        if name and "migrations." not in name[1]:
            found.setdefault(sql, Sent(name[1], sql, parameters))

    def heard(_conn: Any, _cursor: Any, sql: str, said: Any, _context: Any, many: bool) -> None:
        note(sql, said[0] if many else said)

    def straight(there: Straight, do: Callable[[Any, str], object]) -> None:
        timed(there, lambda cursor, named: do(Overheard(cursor, note), named))

    timed = bulk._timed
    monkeypatch.setattr(bulk, "_timed", straight)
    event.listen(stage.house.database.engine, "after_cursor_execute", heard)
    scale.operations(house)
    scale.purge(house)
    _mapping_is_looked_at(stage, crowd.towns[0].lrs_id)
    event.remove(stage.house.database.engine, "after_cursor_execute", heard)
    _forget_how_small_it_is(stage.house.database)
    yield stage.house.database, list(found.values())
    stage.close()


def _mapping_is_looked_at(stage: Stage, lrs_id: str) -> None:
    """Ask what the pages of the mapping ask of the big tables."""
    seal = stage.house.seal
    with stage.house.database.read() as conn:
        connection = lrs.get(conn, seal, lrs_id)
        tenant_id = connection.tenant_id
        mappings.names(conn, tenant_id)
        mappings.rehearse(conn, stage.house.meaning, tenant_id, 100)
        identities.in_conflict(conn, tenant_id)
        identities.waiting(conn, connection)
        identities.conflicts(conn, seal, connection)
        identities.newest(conn, seal, platforms.listed(conn, tenant_id)[0])


def test_every_statement_has_a_name_and_none_reads_a_big_table_from_end_to_end(
    sent: tuple[Database, list[Sent]],
) -> None:
    database, statements = sent
    explained = [s for s in statements if re.search(r"\*/ (SELECT|UPDATE|DELETE)", s.sql)]
    assert len(explained) > 80
    read = {s.sql: found for s in explained if (found := _whole(database, s, WHOLE.get(s.name)))}
    assert read == {}
    assert [s.sql for s in explained if s.name == "unnamed"] == []
    assert {s.name for s in statements} >= {
        "learners.SqlLearners.lock",
        "arrivals.Arrivals.people",
        "jobs.SqlJobs.lease",
        "retention._past",
    }


def _forget_how_small_it_is(database: Database) -> None:
    """Let SQLite plan as if the tables were large: of sixty rows it may well read all."""
    if database.sqlite:
        with database.begin() as conn:
            conn.exec_driver_sql("DELETE FROM sqlite_stat1")
        database.close()  # a connection keeps what it has read


def _whole(database: Database, s: Sent, but: set[str] | None) -> set[str]:
    """Return the big tables that this statement reads completely."""
    read = _whole_sqlite(database, s) if database.sqlite else _whole_postgres(database, s)
    return read - (but or set())


def _whole_sqlite(database: Database, s: Sent) -> set[str]:
    with database.read() as conn:
        rows = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {s.sql}", s.parameters).all()
    scans = [m for row in rows if (m := re.match(r"SCAN (\w+)(?: USING .*INDEX (\w+))?", row[3]))]
    # Whose municipality's it is says nothing: there is one, and all rows are its.
    scans += [m for row in rows if (m := re.match(_ALL_OF_A_TOWN, row[3]))]
    return {m[1] for m in scans if m[1] in BIG and m[2] not in PARTIAL}


def _whole_postgres(database: Database, s: Sent) -> set[str]:
    with database.begin() as conn:
        conn.exec_driver_sql("SET LOCAL enable_seqscan = off")
        found = conn.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {s.sql}", s.parameters).scalar_one()
    plan = json.loads(found) if isinstance(found, str) else found
    return {node["Relation Name"] for node in _nodes(plan[0]["Plan"]) if _reads_all(node)}


def _reads_all(node: dict[str, Any]) -> bool:
    if node.get("Relation Name") not in BIG:
        return False
    if node["Node Type"] == "Seq Scan":
        return True
    by_index = node["Node Type"] in ("Index Scan", "Index Only Scan")
    return by_index and "Index Cond" not in node and node["Index Name"] not in PARTIAL


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
