"""Learners, and everything that belongs to one: for the export, and for erasing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, Row, Table, case, delete, func, select, update

from lti_tool.errors import NotFound
from lti_tool.ports import LaunchPlace, Learner
from lti_tool.seal import Seal
from lti_tool.store import forgetting
from lti_tool.store.database import us
from lti_tool.store.documents import wishes_from, wishes_to
from lti_tool.store.schema import core, lti, metadata, xapi


def value(row: Row[tuple[object, ...]]) -> Learner:
    """Return the learner of a row of `learner`."""
    r = row._mapping
    return Learner(
        id=r["id"],
        tenant_id=r["tenant_id"],
        language=r["language"],
        state=r["state"],
        notice_version=r["notice_version"],
        practised=r["practised"],
        plain=bool(r["plain"]),
        roles=tuple(r["roles"]),
        wishes=wishes_from(r["wishes"]) if r["wishes"] else None,
        excluded_tests=frozenset(r["excluded_tests"] or ()),
        desired_role=r["desired_role"],
    )


@dataclass(frozen=True, slots=True)
class SqlLearners:
    conn: Connection
    seal: Seal

    def get(self, learner_id: str) -> Learner:
        mine = select(core.learner).where(core.learner.c.id == learner_id)
        return _known(self.conn.execute(mine).first())

    def save(self, learner: Learner, now: datetime) -> None:
        read_anew = core.learner.c.notice_version.is_distinct_from(learner.notice_version)
        self.conn.execute(
            update(core.learner)
            .where(core.learner.c.id == learner.id)
            .values(
                language=learner.language,
                state=learner.state,
                notice_version=learner.notice_version,
                notice_us=case(
                    (read_anew, us(now) if learner.notice_version else None),
                    else_=core.learner.c.notice_us,
                ),
                practised=learner.practised,
                plain=learner.plain,
                roles=list(learner.roles),
                wishes=wishes_to(learner.wishes) if learner.wishes else None,
                excluded_tests=sorted(learner.excluded_tests),
                desired_role=learner.desired_role,
                last_seen_us=us(now),
            )
        )

    def lock(self, learner_id: str) -> Learner:
        # SQLite has one writer anyway; PostgreSQL takes the row. A page of activity that refers to
        # this person (a foreign key) neither waits for this lock nor holds it up.
        mine = select(core.learner).where(core.learner.c.id == learner_id)
        return _known(self.conn.execute(mine.with_for_update(key_share=True)).first())

    def places(self, learner_id: str) -> tuple[LaunchPlace, ...]:
        """Return one place per platform and link, the newest launch first."""
        launches = self.conn.execute(
            select(
                lti.launch.c.platform_id,
                lti.launch.c.context_id,
                lti.launch.c.link_id,
                lti.launch.c.services,
                lti.launch.c.instructor,
                lti.launch.c.page,
                lti.platform.c.kind,
                lti.platform.c.issuer,
                lti.platform.c.plan_url,
                core.identity.c.sealed,
            )
            .join(lti.platform, lti.platform.c.id == lti.launch.c.platform_id)
            .join(
                core.identity,
                (core.identity.c.platform_id == lti.launch.c.platform_id)
                & (core.identity.c.learner_id == lti.launch.c.learner_id)
                & (core.identity.c.kind == "sub"),
            )
            .where(lti.launch.c.learner_id == learner_id)
            .order_by(lti.launch.c.created_us.desc())
        )
        found: dict[tuple[str, str], LaunchPlace] = {}
        idents = self._idents(learner_id)
        for r in launches:
            found.setdefault(
                (r.platform_id, r.link_id or ""),
                LaunchPlace(
                    platform_id=r.platform_id,
                    platform_kind=r.kind,
                    issuer=r.issuer,
                    subject=self.seal.open(r.sealed),
                    context_id=r.context_id or "",
                    link_id=r.link_id or "",
                    services=r.services or {},
                    plan_url=r.plan_url or "",
                    idents=idents.get(r.platform_id, ()),
                    instructor=r.instructor,
                    page=r.page or "",
                ),
            )
        return tuple(found.values())

    def _idents(self, learner_id: str) -> Mapping[str, tuple[str, ...]]:
        i = core.identity.c
        query = select(i.platform_id, i.sealed).where(i.learner_id == learner_id, i.kind == "ident")
        found: dict[str, tuple[str, ...]] = {}
        for r in self.conn.execute(query.order_by(i.created_us.desc())):
            found[r.platform_id] = (*found.get(r.platform_id, ()), self.seal.open(r.sealed))
        return found

    def mark(self, learner_id: str) -> str:
        return self.seal.digest("erased", learner_id)

    def erase(self, learner_id: str) -> Mapping[str, int]:
        """Delete every row of this person; return how many per table."""
        # Now whoever writes about this person has to be through, before anything is deleted: both
        # would else wait for each other.
        mine = select(core.learner.c.id).where(core.learner.c.id == learner_id)
        self.conn.execute(mine.with_for_update())
        counts: dict[str, int] = dict(forgetting.forget(self.conn, self.seal, learner_id))
        for table in reversed(metadata.sorted_tables):
            if "learner_id" in table.c:
                gone = self.conn.execute(delete(table).where(table.c.learner_id == learner_id))
                counts[table.name] = gone.rowcount
        at_work = xapi.lrs_round.c.place == learner_id
        self.conn.execute(update(xapi.lrs_round).where(at_work).values(place=None))
        gone = self.conn.execute(delete(core.learner).where(core.learner.c.id == learner_id))
        counts["learner"] = gone.rowcount
        return counts

    def unseen_since(self, before: datetime, most: int) -> tuple[str, ...]:
        proof = core.evidence.c.learner_id == core.learner.c.id
        active = select(core.evidence.c.id).where(proof, core.evidence.c.eff_us >= us(before))
        found = self.conn.execute(
            select(core.learner.c.id)
            .where(core.learner.c.last_seen_us < us(before), ~active.exists())
            .order_by(core.learner.c.last_seen_us)
            .limit(most)
        )
        return tuple(found.scalars())

    def counts(self, learner_id: str) -> Mapping[str, int]:
        found = {
            table.name: self._count(table, learner_id)
            for table in metadata.sorted_tables
            if "learner_id" in table.c
        }
        embedded = forgetting.embedded_counts(self.conn, self.seal, learner_id)
        return {**found, "learner": 1, **embedded}

    def _count(self, table: Table, learner_id: str) -> int:
        mine = select(func.count()).select_from(table).where(table.c.learner_id == learner_id)
        return self.conn.execute(mine).scalar_one()

    def rows(self, learner_id: str) -> Mapping[str, list[Mapping[str, Any]]]:
        found = {
            table.name: self._rows(table, table.c.learner_id == learner_id)
            for table in metadata.sorted_tables
            if "learner_id" in table.c
        }
        embedded = forgetting.embedded_rows(self.conn, self.seal, learner_id)
        own = {"learner": self._rows(core.learner, core.learner.c.id == learner_id)}
        return {**found, **own, **embedded}

    def _rows(self, table: Table, mine: Any) -> list[Mapping[str, Any]]:
        hidden = {c.name for c in table.c if isinstance(c.type, LargeBinary)} | {"secret_hash"}
        shown = [c for c in table.c if c.name not in hidden]
        return [dict(r._mapping) for r in self.conn.execute(select(*shown).where(mine))]


def _known(row: Row[tuple[object, ...]] | None) -> Learner:
    if row is None:
        raise NotFound("There is no such learner.", remedy="Start again from the course.")
    return value(row)
