"""Profiles, paths and the log of every recommendation."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from competency.path import PathState
from lti_tool.ports import Learner, Recommendation, StoredPath, StoredProfile
from lti_tool.store.database import at, upsert, us
from lti_tool.store.documents import path_from, path_to
from lti_tool.store.schema.core import path, profile, recommendation


@dataclass(frozen=True, slots=True)
class SqlProfiles:
    conn: Connection

    def get(self, learner_id: str) -> StoredProfile | None:
        row = self.conn.execute(select(profile).where(profile.c.learner_id == learner_id)).first()
        if row is None:
            return None
        return StoredProfile(row.document, row.covariance, at(row.computed_us))

    def save(self, learner: Learner, stored: StoredProfile) -> None:
        row = {
            "learner_id": learner.id,
            "tenant_id": learner.tenant_id,
            "document": stored.document,
            "covariance": stored.covariance,
            "computed_us": us(stored.computed),
        }
        upsert(self.conn, profile, row, "learner_id")


@dataclass(frozen=True, slots=True)
class SqlPaths:
    conn: Connection

    def current(self, learner_id: str) -> StoredPath | None:
        return self._newest(learner_id, (PathState.DRAFT, PathState.ACCEPTED))

    def accepted(self, learner_id: str) -> StoredPath | None:
        return self._newest(learner_id, (PathState.ACCEPTED,))

    def last_revision(self, learner_id: str) -> int:
        highest = select(func.max(path.c.revision)).where(path.c.learner_id == learner_id)
        return self.conn.execute(highest).scalar_one() or 0

    def _newest(self, learner_id: str, states: tuple[PathState, ...]) -> StoredPath | None:
        row = self.conn.execute(
            select(path)
            .where(path.c.learner_id == learner_id, path.c.state.in_([s.value for s in states]))
            .order_by(path.c.revision.desc())
            .limit(1)
        ).first()
        return None if row is None else _stored(row)

    def save(self, stored: StoredPath) -> None:
        row = {
            "id": stored.id,
            "tenant_id": stored.tenant_id,
            "learner_id": stored.learner_id,
            "revision": stored.revision,
            "state": stored.path.state.value,
            "recommendation_id": stored.recommendation_id or None,
            "document": path_to(stored.path),
            "made_us": us(stored.made),
            "accepted_us": None if stored.accepted is None else us(stored.accepted),
        }
        upsert(self.conn, path, row, "id")

    def log(self, made: Recommendation) -> None:
        self.conn.execute(
            recommendation.insert().values(
                id=made.id,
                tenant_id=made.tenant_id,
                learner_id=made.learner_id,
                input_hash=made.input_hash,
                versions=dict(made.versions),
                value=made.value,
                bound=made.bound,
                solver=made.solver,
                ms=made.ms,
                output=made.output,
                made_us=us(made.made),
            )
        )

    def withdraw(self, learner_id: str) -> None:
        self.conn.execute(
            update(path)
            .where(path.c.learner_id == learner_id, path.c.state != PathState.WITHDRAWN.value)
            .values(state=PathState.WITHDRAWN.value)
        )


def _stored(row: Row[tuple[Any, ...]]) -> StoredPath:
    r = row._mapping
    return StoredPath(
        id=r["id"],
        learner_id=r["learner_id"],
        tenant_id=r["tenant_id"],
        revision=r["revision"],
        path=path_from(r["document"] | {"state": r["state"]}),
        made=at(r["made_us"]),
        accepted=None if r["accepted_us"] is None else at(r["accepted_us"]),
        recommendation_id=r["recommendation_id"] or "",
    )
