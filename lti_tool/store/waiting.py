"""How much waits, and for how long: jobs and deliveries, for /metrics. Counts only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, select

from lti_tool.store.database import us
from lti_tool.store.schema.core import job
from lti_tool.store.schema.core import outbox as deliveries


@dataclass(frozen=True, slots=True)
class Queue:
    """Rows by state, and seconds since the oldest one could have been taken (0: none waits)."""

    states: dict[str, int]
    oldest_s: float


def jobs(conn: Connection, now: datetime) -> Queue:
    due = func.min(job.c.run_after_us)
    return _queue(conn, job, ("waiting", "running", "failed"), due, "waiting", now)


def outbox(conn: Connection, now: datetime) -> Queue:
    oldest = func.min(deliveries.c.created_us)
    return _queue(conn, deliveries, ("pending", "delivered", "dead"), oldest, "pending", now)


def _queue(
    conn: Connection,
    table: Table,
    states: tuple[str, ...],
    oldest: ColumnElement[int],
    waits: str,
    now: datetime,
) -> Queue:
    rows = conn.execute(select(table.c.state, func.count(), oldest).group_by(table.c.state))
    found = {row[0]: (int(row[1]), int(row[2])) for row in rows}
    since = found[waits][1] if waits in found else us(now)
    counts = {state: found.get(state, (0, 0))[0] for state in states}
    return Queue(counts, max(0.0, (us(now) - since) / 1e6))
