"""The job table: work that survives. A lease is taken over within seconds when its worker dies."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, or_, select, true, update

from lti_tool.store.database import upsert, upsert_all, us
from lti_tool.store.schema.core import job, learner


@dataclass(frozen=True, slots=True)
class Leased:
    id: str
    name: str
    key: str
    payload: Any
    attempts: int


@dataclass(frozen=True, slots=True)
class Kind:
    """Jobs of these names, or all others."""

    names: frozenset[str]
    others: bool = False


@dataclass(frozen=True, slots=True)
class Queued:
    """What waits under one job's name, as far as it concerns one municipality."""

    waiting: int
    failed: int
    next_us: int | None
    last_error: str


def queued(conn: Connection, tenant_id: str) -> dict[str, Queued]:
    """Return what waits, by name: jobs for all, and those of this municipality's persons."""
    ours = select(learner.c.id).where(learner.c.tenant_id == tenant_id)
    found = conn.execute(
        select(job).where(or_(job.c.key == "all", job.c.key.in_(ours))).order_by(job.c.run_after_us)
    )
    by_name: dict[str, list[Row[Any]]] = {}
    for row in found:
        by_name.setdefault(row.name, []).append(row)
    return {name: _queued(rows) for name, rows in by_name.items()}


def _queued(rows: list[Row[Any]]) -> Queued:
    waiting = [r for r in rows if r.state != "failed"]
    errors = [r.last_error for r in rows if r.last_error]
    return Queued(
        waiting=len(waiting),
        failed=len(rows) - len(waiting),
        next_us=waiting[0].run_after_us if waiting else None,
        last_error=errors[0] if errors else "",
    )


def _of(kind: Kind | None) -> ColumnElement[bool]:
    if kind is None:
        return true()
    return job.c.name.not_in(kind.names) if kind.others else job.c.name.in_(kind.names)


@dataclass(frozen=True, slots=True)
class SqlJobs:
    conn: Connection

    def enqueue(
        self, name: str, key: str, payload: Any, now: datetime, run_after: datetime | None = None
    ) -> None:
        """Make sure this job runs at or after now; one row per (name, key).

        A job that is running right now is marked to run once more: what it has already read may
        be older than what it is asked to see.
        """
        row = {
            "id": str(uuid.uuid4()),
            "name": name,
            "key": key,
            "payload": payload,
            "state": "waiting",
            "run_after_us": us(run_after or now),
            "attempts": 0,
            "created_us": us(now),
        }
        upsert(self.conn, job, row, "name", "key", keep=frozenset({"id", "created_us"}))

    def enqueue_all(self, name: str, keys: Sequence[str], now: datetime) -> None:
        """Enqueue one job per key, as `enqueue` does; one statement."""
        same = {"name": name, "payload": {}, "state": "waiting", "attempts": 0}
        times = {"run_after_us": us(now), "created_us": us(now)}
        rows = [{"id": str(uuid.uuid4()), "key": key, **same, **times} for key in keys]
        upsert_all(self.conn, job, rows, "name", "key", keep=frozenset({"id", "created_us"}))

    def enqueue_due(self, name: str, key: str, now: datetime) -> None:
        """Enqueue for the clock: a job that waits, backs off or runs is left as it is."""
        found = self.conn.execute(
            select(job.c.state).where(job.c.name == name, job.c.key == key)
        ).first()
        if found is None or found.state == "failed":
            self.enqueue(name, key, {}, now)

    def anything_due(self, now: datetime, kind: Kind | None = None) -> bool:
        """Return whether a look with the write lock is worth it."""
        due = (job.c.state == "waiting") & (job.c.run_after_us <= us(now))
        dead = (job.c.state == "running") & (job.c.lease_until_us < us(now))
        query = select(job.c.id).where(or_(due, dead), _of(kind)).limit(1)
        return self.conn.execute(query).first() is not None

    def lease(
        self, owner: str, now: datetime, lease_s: float, kind: Kind | None = None
    ) -> Leased | None:
        """Take the next due job (of a kind) whose lease is free, or None."""
        free = or_(job.c.lease_until_us.is_(None), job.c.lease_until_us < us(now))
        row = self.conn.execute(
            select(job)
            .where(job.c.state == "waiting", job.c.run_after_us <= us(now), free, _of(kind))
            .order_by(job.c.run_after_us, job.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        ).first()
        if row is None:
            return None
        self.conn.execute(
            update(job)
            .where(job.c.id == row.id)
            .values(
                lease_owner=owner,
                lease_until_us=us(now + timedelta(seconds=lease_s)),
                # A second enqueue sets this back, and finish() then leaves the row in place.
                state="running",
                attempts=row.attempts + 1,
            )
        )
        return Leased(row.id, row.name, row.key, row.payload, row.attempts + 1)

    def renew(self, leased: Leased, owner: str, now: datetime, lease_s: float) -> bool:
        """Keep the lease; False if it was lost."""
        done = self.conn.execute(
            update(job)
            .where(job.c.id == leased.id, job.c.lease_owner == owner)
            .values(lease_until_us=us(now + timedelta(seconds=lease_s)))
        )
        return done.rowcount == 1

    def finish(self, leased: Leased, owner: str) -> None:
        mine = (job.c.id == leased.id) & (job.c.lease_owner == owner)
        self.conn.execute(delete(job).where(mine, job.c.state == "running"))
        self.conn.execute(update(job).where(mine).values(lease_owner=None, lease_until_us=None))

    def fail(
        self, leased: Leased, owner: str, error: str, next_try: datetime | None, now: datetime
    ) -> None:
        """Note a failure and free the job; without a next try it has failed for good."""
        mine = (job.c.id == leased.id) & (job.c.lease_owner == owner)
        if next_try is None:
            # Who enqueued it during this run knows nothing of the failures before: it stays.
            given_up = {"state": "failed", "run_after_us": us(now)}
            self.conn.execute(update(job).where(mine, job.c.state == "running").values(given_up))
        else:
            again = {"state": "waiting", "run_after_us": us(next_try)}
            self.conn.execute(update(job).where(mine).values(again))
        freed = {"lease_owner": None, "lease_until_us": None, "last_error": error}
        self.conn.execute(update(job).where(mine).values(freed))

    def release_expired(self, now: datetime) -> int:
        """Free the jobs of dead workers; return how many."""
        done = self.conn.execute(
            update(job)
            .where(job.c.state == "running", job.c.lease_until_us < us(now))
            .values(state="waiting", lease_owner=None, lease_until_us=None)
        )
        return done.rowcount

    def listed(self) -> list[dict[str, Any]]:
        rows = self.conn.execute(select(job).order_by(job.c.run_after_us))
        return [
            {
                "name": r.name,
                "state": r.state,
                "attempts": r.attempts,
                "run_after_us": r.run_after_us,
                "last_error": r.last_error,
            }
            for r in rows
        ]
