"""When each job last ran and failed. The job table itself forgets what is done."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select, update

from lti_tool.store.database import at, insert_ignore, us
from lti_tool.store.schema.staff import job_run


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a job by name, over the whole installation."""

    name: str
    runs: int
    failures: int
    ran: datetime | None
    failed: datetime | None
    last_error: str


def note(conn: Connection, name: str, now: datetime, error: str | None = None) -> None:
    """Note the end of a job, good or (with an error) not. Writes."""
    new = {"name": name, "runs": 0, "failures": 0}
    if error is None:
        change = {"runs": job_run.c.runs + 1, "ran_us": us(now)}
    else:
        change = {
            "failures": job_run.c.failures + 1,
            "failed_us": us(now),
            "last_error": error[:1000],
        }
    mine = update(job_run).where(job_run.c.name == name).values(**change)
    if not conn.execute(mine).rowcount:
        insert_ignore(conn, job_run, [new])
        conn.execute(mine)


def listed(conn: Connection) -> dict[str, Run]:
    return {row.name: _run(row) for row in conn.execute(select(job_run).order_by(job_run.c.name))}


def _run(row: Row[tuple[object, ...]]) -> Run:
    r = row._mapping
    return Run(
        name=r["name"],
        runs=r["runs"],
        failures=r["failures"],
        ran=None if r["ran_us"] is None else at(r["ran_us"]),
        failed=None if r["failed_us"] is None else at(r["failed_us"]),
        last_error=r["last_error"] or "",
    )
