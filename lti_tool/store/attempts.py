"""Attempts, their questions and the private reflections."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, delete, func, select, update

from lti_tool.ports import Asked, Attempt, Learner, Reflected
from lti_tool.store.database import at, insert_ignore, upsert, us
from lti_tool.store.schema.core import attempt, question, reflection


@dataclass(frozen=True, slots=True)
class SqlAttempts:
    conn: Connection

    def latest(self, learner_id: str) -> Attempt | None:
        newest = _newest_first(learner_id, attempt.c.unit.is_(None)).limit(1)
        row = self.conn.execute(newest).first()
        return None if row is None else _attempt(row)

    def of(self, learner_id: str) -> tuple[Attempt, ...]:
        return self._every(learner_id, attempt.c.unit.is_(None))

    def exams(self, learner_id: str) -> tuple[Attempt, ...]:
        return self._every(learner_id, attempt.c.unit.is_not(None))

    def explained(self, learner_id: str) -> frozenset[str]:
        told = (
            attempt.c.learner_id == learner_id,
            question.c.answered_us.is_not(None),
            attempt.c.unit.is_not(None),
        )
        joined = question.join(attempt, attempt.c.id == question.c.attempt_id)
        rows = self.conn.execute(select(question.c.item).select_from(joined).where(*told))
        return frozenset(rows.scalars())

    def shown(self, tenant_id: str, since: datetime) -> tuple[int, Mapping[str, int]]:
        counted = (
            attempt.c.tenant_id == tenant_id,
            attempt.c.unit.is_(None),
            attempt.c.started_us >= us(since),
        )
        joined = question.join(attempt, attempt.c.id == question.c.attempt_id)
        times = select(question.c.item, func.count()).select_from(joined).where(*counted)
        attempts = select(func.count()).select_from(attempt).where(*counted)
        rows = self.conn.execute(times.group_by(question.c.item))
        return int(self.conn.execute(attempts).scalar_one()), {row[0]: row[1] for row in rows}

    def _every(self, learner_id: str, which: ColumnElement[bool]) -> tuple[Attempt, ...]:
        found = self.conn.execute(_newest_first(learner_id, which))
        return tuple(_attempt(row) for row in found)

    def save(self, value: Attempt) -> None:
        row = {
            "id": value.id,
            "tenant_id": value.tenant_id,
            "learner_id": value.learner_id,
            "state": value.state,
            "versions": dict(value.versions),
            "target": dict(value.target),
            "answered": value.answered,
            "started_us": us(value.started),
            "touched_us": us(value.touched),
            "finished_us": None if value.finished is None else us(value.finished),
            "unit": value.unit or None,
        }
        upsert(self.conn, attempt, row, "id")

    def questions(self, attempt_id: str) -> tuple[Asked, ...]:
        rows = self.conn.execute(
            select(question)
            .where(question.c.attempt_id == attempt_id)
            .order_by(question.c.position)
        )
        return tuple(
            Asked(
                attempt_id=r.attempt_id,
                position=r.position,
                item=r.item,
                order=tuple(r.order),
                reason=r.reason,
                asked=at(r.asked_us),
                response=r.response,
                category=r.category,
                answered=None if r.answered_us is None else at(r.answered_us),
                shown=r.shown or "",
                put_off=None if r.put_off_us is None else at(r.put_off_us),
            )
            for r in rows
        )

    def ask(self, learner: Learner, asked: Asked) -> None:
        """Store the question; if another request asked at this position first, that one stays."""
        row = {
            "attempt_id": asked.attempt_id,
            "position": asked.position,
            "tenant_id": learner.tenant_id,
            "learner_id": learner.id,
            "item": asked.item,
            "order": list(asked.order),
            "reason": dict(asked.reason),
            "asked_us": us(asked.asked),
        }
        insert_ignore(self.conn, question, [row])

    def answer(self, asked: Asked) -> bool:
        assert asked.answered is not None
        # The condition on answered_us makes a double click, or two devices, answer once.
        done = self.conn.execute(
            update(question)
            .where(
                question.c.attempt_id == asked.attempt_id,
                question.c.position == asked.position,
                question.c.answered_us.is_(None),
            )
            .values(
                response=asked.response,
                category=asked.category,
                answered_us=us(asked.answered),
                shown=asked.shown or None,
            )
        )
        return done.rowcount == 1

    def put_off(self, attempt_id: str, position: int, now: datetime) -> bool:
        done = self.conn.execute(
            update(question)
            .where(
                question.c.attempt_id == attempt_id,
                question.c.position == position,
                question.c.answered_us.is_(None),
                question.c.put_off_us.is_(None),
            )
            .values(put_off_us=us(now))
        )
        return done.rowcount == 1

    def reflect(
        self, learner: Learner, attempt_id: str, item: str, response: Any, now: datetime
    ) -> None:
        row = {
            "attempt_id": attempt_id,
            "item": item,
            "tenant_id": learner.tenant_id,
            "learner_id": learner.id,
            "response": response,
            "answered_us": us(now),
        }
        upsert(self.conn, reflection, row, "attempt_id", "item")

    def reflections(self, learner_id: str) -> tuple[Reflected, ...]:
        rows = self.conn.execute(
            select(reflection)
            .where(reflection.c.learner_id == learner_id)
            .order_by(reflection.c.answered_us.desc(), reflection.c.item)
        )
        return tuple(Reflected(r.attempt_id, r.item, r.response, at(r.answered_us)) for r in rows)

    def forget_reflection(self, learner_id: str, attempt_id: str, item: str) -> bool:
        gone = self.conn.execute(
            delete(reflection).where(
                reflection.c.learner_id == learner_id,
                reflection.c.attempt_id == attempt_id,
                reflection.c.item == item,
            )
        )
        return gone.rowcount == 1


def _newest_first(learner_id: str, which: ColumnElement[bool]) -> Select[tuple[Any, ...]]:
    mine = select(attempt).where(attempt.c.learner_id == learner_id, which)
    return mine.order_by(attempt.c.started_us.desc(), attempt.c.id)


def _attempt(row: Row[tuple[Any, ...]]) -> Attempt:
    r = row._mapping
    return Attempt(
        id=r["id"],
        tenant_id=r["tenant_id"],
        learner_id=r["learner_id"],
        state=r["state"],
        versions=r["versions"],
        target=r["target"],
        answered=r["answered"],
        started=at(r["started_us"]),
        touched=at(r["touched_us"]),
        finished=None if r["finished_us"] is None else at(r["finished_us"]),
        unit=r["unit"] or "",
    )
