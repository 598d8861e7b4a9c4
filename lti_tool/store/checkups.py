"""The last test of a municipality's connections; and that only one runs at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from lti_tool.store.database import at, insert_ignore, us
from lti_tool.store.schema.staff import connection_check as table


@dataclass(frozen=True, slots=True)
class Checkup:
    """`finished` is None while it runs; `results` are those of the last one that ended."""

    started: datetime
    finished: datetime | None
    results: tuple[Mapping[str, Any], ...]


def claim(conn: Connection, tenant_id: str, given_up: datetime, now: datetime) -> bool:
    """Return whether a test may start: none runs, or the last one began before `given_up`."""
    new = {"tenant_id": tenant_id, "started_us": us(now), "results": []}
    if insert_ignore(conn, table, [new]):
        return True
    free = or_(table.c.finished_us.is_not(None), table.c.started_us <= us(given_up))
    mine = update(table).where(table.c.tenant_id == tenant_id, free)
    return conn.execute(mine.values(started_us=us(now), finished_us=None)).rowcount == 1


def finish(
    conn: Connection, tenant_id: str, results: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    mine = update(table).where(table.c.tenant_id == tenant_id)
    conn.execute(mine.values(finished_us=us(now), results=[dict(r) for r in results]))


def last(conn: Connection, tenant_id: str) -> Checkup | None:
    row = conn.execute(select(table).where(table.c.tenant_id == tenant_id)).one_or_none()
    if row is None:
        return None
    finished = None if row.finished_us is None else at(row.finished_us)
    return Checkup(at(row.started_us), finished, tuple(row.results))
