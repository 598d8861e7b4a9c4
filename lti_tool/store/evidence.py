"""Evidence rows: where an answer or a statement has become something we know about a competence."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, select, update

from competency.evidence import Evidence, Source
from lti_tool.ports import Learner, Recorded
from lti_tool.seal import Seal
from lti_tool.store.database import at, insert_ignore, upsert, us
from lti_tool.store.schema.core import evidence, profile
from lti_tool.store.settling import UNSETTLED, settle_groups

TUTORIAL = "tutorial"  # kind: when a unit's tutorial is; no evidence for a competence
NAMESPACE = uuid.UUID("0b8f8d0c-2f63-5d0e-9a53-7c1e4f7a6d21")
BY_LEARNER = "learner"  # in `revoked_by`, where else the id of the voiding statement stands


def said_by(e: Evidence) -> dict[str, Any]:
    """Return the columns that hold what a piece of evidence says, whoever's it is."""
    return {
        "id": e.id,
        "source": e.source.value,
        "competency": e.competency,
        "kind": e.kind,
        "level": e.level,
        "a": e.a,
        "b": list(e.b),
        "category": e.category,
        "self_report": e.self_report,
        "until_us": us(e.until) if e.until else None,
    }


def behind(seal: Seal, tenant_id: str, row: Mapping[str, Any], activity: str) -> dict[str, Any]:
    """Return the columns that are those of the statement behind evidence; `row` is the statement's.

    Nothing counts before it is settled beside everything else about the same activity.
    """
    return {
        "tenant_id": tenant_id,
        "learner_id": row["learner_id"],
        "statement_id": row["statement_id"],
        "activity": activity,
        "group_key": seal.digest("activity", row["learner_id"], activity),
        "eff_us": row["eff_us"],
        "stored_us": row["stored_us"],
        "arrival_us": row["received_us"],
        "revoked_by": UNSETTLED,
    }


@dataclass(frozen=True, slots=True)
class SqlEvidence:
    conn: Connection

    def of(self, learner_id: str) -> tuple[Recorded, ...]:
        return self._found(learner_id, evidence.c.revoked_by.is_(None))

    def revoked(self, learner_id: str) -> tuple[Recorded, ...]:
        return self._found(learner_id, evidence.c.revoked_by == BY_LEARNER)

    def _found(self, learner_id: str, which: ColumnElement[bool]) -> tuple[Recorded, ...]:
        mine = select(evidence).where(
            evidence.c.learner_id == learner_id, evidence.c.competency.is_not(None), which
        )
        found = (_recorded(row) for row in self.conn.execute(mine))
        return tuple(sorted(found, key=lambda r: r.evidence.order()))

    def add(
        self,
        learner: Learner,
        evidence_: tuple[Evidence, ...],
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        rows = [
            {
                **said_by(e),
                "tenant_id": learner.tenant_id,
                "learner_id": learner.id,
                # An answer has no statement; its own id keeps the unique key meaningful.
                "statement_id": e.id,
                "rule_id": f"{e.source.value}:{e.competency}",
                "unit": e.unit or None,
                "activity": e.activity or None,
                "eff_us": us(e.at),
                "arrival_us": e.arrival,
                "origin": dict(origin) if origin else None,
            }
            for e in evidence_
        ]
        insert_ignore(self.conn, evidence, rows)

    def known(self, ids: Collection[str]) -> frozenset[str]:
        found = select(evidence.c.id).where(evidence.c.id.in_(list(ids)))
        return frozenset(self.conn.execute(found).scalars())

    def expired(self, now: datetime) -> tuple[str, ...]:
        """Return whose profile still rests on a result that holds no more, by id."""
        over = select(evidence.c.learner_id).join(
            profile, profile.c.learner_id == evidence.c.learner_id
        )
        over = over.where(
            evidence.c.until_us <= us(now), evidence.c.until_us > profile.c.computed_us
        )
        return tuple(sorted(set(self.conn.execute(over).scalars())))

    def drop_assessment(self, learner_id: str, but: Collection[str] = ()) -> None:
        """Forget the answers' evidence (a new attempt replaces the old one's), but for these."""
        self.conn.execute(
            delete(evidence).where(
                evidence.c.learner_id == learner_id,
                evidence.c.source == Source.ASSESSMENT.value,
                evidence.c.id.not_in(but),
            )
        )

    def completed_units(self, learner_id: str) -> Mapping[str, datetime]:
        """Return the units that count as done, and since when."""
        return self._units(learner_id, evidence.c.kind != TUTORIAL)

    def held(self, learner_id: str) -> Mapping[str, datetime]:
        return self._units(learner_id, evidence.c.kind == TUTORIAL)

    def _units(self, learner_id: str, which: ColumnElement[bool]) -> Mapping[str, datetime]:
        """Return the units of what is about a unit as such, and since when."""
        rows = self.conn.execute(
            select(evidence.c.unit, evidence.c.eff_us)
            .where(
                evidence.c.learner_id == learner_id,
                evidence.c.unit.is_not(None),
                evidence.c.competency.is_(None),
                evidence.c.revoked_by.is_(None),
                which,
            )
            .order_by(evidence.c.eff_us)
        )
        found: dict[str, datetime] = {}
        for r in rows:
            found.setdefault(r.unit, at(r.eff_us))
        return found

    def hold(self, learner: Learner, unit: str, at: datetime) -> None:
        noted = str(uuid.uuid5(NAMESPACE, f"{learner.id}|{unit}"))
        row = {
            "id": noted,
            "tenant_id": learner.tenant_id,
            "learner_id": learner.id,
            "source": "launch",
            "statement_id": noted,
            "rule_id": TUTORIAL,
            "unit": unit,
            "kind": TUTORIAL,
            "b": [],
            "eff_us": us(at),
            "arrival_us": us(at),
        }
        upsert(self.conn, evidence, row, "id")

    def revoke(self, learner_id: str, evidence_id: str) -> bool:
        return self._mark(learner_id, evidence_id, revoked_by=BY_LEARNER)

    def counter(self, learner_id: str, evidence_id: str, text: str) -> bool:
        return self._mark(learner_id, evidence_id, counter_statement=text)

    def restore(self, learner_id: str, evidence_id: str) -> bool:
        # What a statement voided stays voided: only the learner's own word is taken back.
        by_whom = case((evidence.c.revoked_by == BY_LEARNER, None), else_=evidence.c.revoked_by)
        found = self._mark(learner_id, evidence_id, revoked_by=by_whom, counter_statement=None)
        place = select(evidence.c.group_key).where(
            evidence.c.id == evidence_id, evidence.c.group_key.is_not(None)
        )
        for group in self.conn.execute(place).scalars() if found else ():
            # Meanwhile a later statement may have decided that it does not count.
            settle_groups(self.conn, [group])
        return found

    def _mark(self, learner_id: str, evidence_id: str, **values: Any) -> bool:
        done = self.conn.execute(
            update(evidence)
            .where(evidence.c.id == evidence_id, evidence.c.learner_id == learner_id)
            .values(**values)
        )
        return done.rowcount == 1


def _recorded(row: Row[tuple[Any, ...]]) -> Recorded:
    r = row._mapping
    known = Evidence(
        id=r["id"],
        source=Source(r["source"]),
        competency=r["competency"],
        kind=r["kind"],
        a=r["a"],
        b=tuple(r["b"]),
        category=r["category"],
        at=at(r["eff_us"]),
        arrival=r["arrival_us"],
        self_report=r["self_report"],
        unit=r["unit"] or "",
        level=r["level"],
        provider=(r["origin"] or {}).get("provider", ""),
        until=at(r["until_us"]) if r["until_us"] else None,
        activity=r["activity"] or "",
    )
    return Recorded(
        known,
        origin=r["origin"] or {},
        statement_id=r["statement_id"] or "",
        counter_statement=r["counter_statement"] or "",
    )
