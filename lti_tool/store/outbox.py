"""The outbox: what has to leave the house, written in the same commit as what it tells of.

A row of nobody is the withdrawal of something that was written about an erased person. It has to
name her to its receiver, so it is sealed while it waits and emptied as soon as it has arrived.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    func,
    null,
    select,
    update,
)

from lti_tool.ports import Delivery, Json, LrsTarget
from lti_tool.seal import Seal
from lti_tool.store.database import at, insert_ignore, us
from lti_tool.store.schema.core import outbox
from lti_tool.store.schema.xapi import lrs


@dataclass(frozen=True, slots=True)
class Group:
    """Deliveries that wait or are dead for one cause. Of how many persons, nobody can tell."""

    state: str  # pending | dead
    kind: str
    target_id: str
    cause: str
    count: int
    oldest: datetime
    next_try: datetime


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    conn: Connection
    seal: Seal

    def put(self, delivery: Delivery, now: datetime) -> bool:
        """Enqueue; False if the same thing (by `dedupe`) is in the outbox already."""
        row = {
            "id": delivery.id,
            "tenant_id": delivery.tenant_id,
            "learner_id": delivery.learner_id or None,
            "kind": delivery.kind,
            "target_id": delivery.target_id,
            "dedupe": delivery.dedupe,
            "body": delivery.body if delivery.learner_id else self._sealed(delivery.body),
            "state": "pending",
            "attempts": 0,
            "next_us": us(now),
            "created_us": us(now),
        }
        return insert_ignore(self.conn, outbox, [row]) == 1

    def holds(self, dedupe: str) -> bool:
        found = self.conn.execute(select(outbox.c.id).where(outbox.c.dedupe == dedupe))
        return found.first() is not None

    def due(self, now: datetime, limit: int) -> tuple[Delivery, ...]:
        rows = self.conn.execute(
            select(outbox)
            .where(outbox.c.state == "pending", outbox.c.next_us <= us(now))
            .order_by(outbox.c.created_us, outbox.c.id)
            .limit(limit)
        )
        return tuple(_delivery(r) for r in rows)

    def of(self, learner_id: str, kinds: Collection[str]) -> tuple[Delivery, ...]:
        rows = self.conn.execute(
            select(outbox)
            .where(outbox.c.learner_id == learner_id, outbox.c.kind.in_(kinds))
            .order_by(outbox.c.created_us, outbox.c.id)
        )
        return tuple(_delivery(r) for r in rows)

    def drop(self, delivery_id: str) -> None:
        self.conn.execute(delete(outbox).where(outbox.c.id == delivery_id))

    def release(self, learner_id: str, kinds: Collection[str]) -> None:
        for waiting in self.of(learner_id, kinds):
            if waiting.state != "delivered":
                self.conn.execute(
                    update(outbox)
                    .where(outbox.c.id == waiting.id)
                    .values(learner_id=None, body=self._sealed(waiting.body))
                )

    def _sealed(self, body: Json) -> Json:
        return {"sealed": self.seal.seal(json.dumps(body)).decode()}

    def claim(self, delivery: Delivery, until: datetime) -> Delivery | None:
        # The number of tries is the fencing token: it only grows, and each try has its own.
        done = self.conn.execute(
            update(outbox)
            .where(self._as_read(delivery))
            .values(attempts=delivery.attempts + 1, next_us=us(until))
        )
        return replace(delivery, attempts=delivery.attempts + 1) if done.rowcount == 1 else None

    def is_claimed(self, delivery: Delivery) -> bool:
        found = self.conn.execute(select(outbox.c.id).where(self._as_read(delivery)))
        return found.first() is not None

    def delivered(self, delivery_id: str, now: datetime) -> None:
        """Note that it arrived: true whoever says it, also after somebody else took over."""
        self.conn.execute(
            update(outbox)
            .where(outbox.c.id == delivery_id, outbox.c.state != "delivered")
            .values(state="delivered", delivered_us=us(now), last_error=None)
        )
        arrived = (outbox.c.id == delivery_id, outbox.c.learner_id.is_(null()))
        self.conn.execute(update(outbox).where(*arrived).values(body={}))

    def failed(
        self, delivery: Delivery, error: str, next_try: datetime | None, now: datetime
    ) -> None:
        """Note a failure; without a next try the row is a dead letter."""
        self.conn.execute(
            update(outbox)
            .where(self._as_read(delivery))
            .values(
                state="pending" if next_try else "dead",
                next_us=us(next_try or now),
                last_error=error,
            )
        )

    def supersede(self, learner_id: str, kind: str, target_id: str) -> None:
        older = (
            outbox.c.learner_id == learner_id,
            outbox.c.kind == kind,
            outbox.c.target_id == target_id,
            outbox.c.state != "delivered",
        )
        self.conn.execute(delete(outbox).where(*older))

    def _as_read(self, delivery: Delivery) -> ColumnElement[bool]:
        return and_(
            outbox.c.id == delivery.id,
            outbox.c.state == "pending",
            outbox.c.attempts == delivery.attempts,
        )

    def retry_dead(
        self, now: datetime, tenant_id: str | None = None, kind: str = "", target_id: str = ""
    ) -> int:
        given = {"tenant_id": tenant_id, "kind": kind, "target_id": target_id}
        which = [outbox.c[name] == value for name, value in given.items() if value]
        done = self.conn.execute(
            update(outbox)
            .where(outbox.c.state == "dead", *which)
            .values(state="pending", next_us=us(now), attempts=0)
        )
        return done.rowcount

    def counts(self, tenant_id: str | None = None) -> dict[str, int]:
        query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
        if tenant_id is not None:
            query = query.where(outbox.c.tenant_id == tenant_id)
        rows = self.conn.execute(query)
        found = {row[0]: row[1] for row in rows}
        return {state: found.get(state, 0) for state in ("pending", "delivered", "dead")}

    def stuck(self) -> list[dict[str, object]]:
        """Return what has failed at least once and is not delivered; no content."""
        rows = self.conn.execute(
            select(outbox)
            .where(outbox.c.state.in_(("pending", "dead")), outbox.c.attempts > 0)
            .order_by(outbox.c.created_us)
        )
        return [
            {
                "id": r.id,
                "kind": r.kind,
                "state": r.state,
                "attempts": r.attempts,
                "last_error": r.last_error or "",
            }
            for r in rows
        ]

    def groups(self, tenant_id: str) -> list["Group"]:
        """Return what waits or is dead, by kind, receiver and cause: counts only, no row."""
        number, oldest, next_ = (
            func.count(),
            func.min(outbox.c.created_us),
            func.min(outbox.c.next_us),
        )
        cause = func.coalesce(outbox.c.last_error, "")
        by = (outbox.c.state, outbox.c.kind, outbox.c.target_id, cause)
        rows = self.conn.execute(
            select(*by, number, oldest, next_)
            .where(outbox.c.tenant_id == tenant_id, outbox.c.state.in_(("pending", "dead")))
            .group_by(*by)
            .order_by(outbox.c.state, oldest)
        )
        return [
            Group(state, kind, target, why, n, at(old), at(soon))
            for state, kind, target, why, n, old, soon in rows
        ]

    def lrs_targets(self, tenant_id: str) -> tuple[LrsTarget, ...]:
        rows = self.conn.execute(
            select(lrs.c.id, lrs.c.name).where(lrs.c.tenant_id == tenant_id).order_by(lrs.c.name)
        )
        return tuple(LrsTarget(r.id, r.name) for r in rows)


def opened(seal: Seal, delivery: Delivery) -> Delivery:
    """Return a delivery that can be sent: what was sealed is readable.

    Not done when rows are read: one that cannot be opened must not hold up the others.

    :raises SealBroken: the secret key has changed since.
    """
    body = delivery.body
    if not (isinstance(body, dict) and body.keys() == {"sealed"}):
        return delivery
    return replace(delivery, body=json.loads(seal.open(body["sealed"].encode())))


def _delivery(row: Row[Any]) -> Delivery:
    r = row._mapping
    return Delivery(
        id=r["id"],
        tenant_id=r["tenant_id"],
        learner_id=r["learner_id"] or "",
        kind=r["kind"],
        target_id=r["target_id"],
        dedupe=r["dedupe"],
        body=r["body"],
        attempts=r["attempts"],
        next_try=at(r["next_us"]),
        last_error=r["last_error"] or "",
        state=r["state"],
    )
