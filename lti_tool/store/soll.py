"""Versions of the Soll and roles of a municipality's own: rows <-> values.

An approved version is never written again: every change names the states it may start from.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from competency.soll import Granularity, Signed, SollVersion, State
from lti_tool.errors import NotFound
from lti_tool.ports import OwnRole
from lti_tool.store.database import at, upsert, us
from lti_tool.store.schema.core import learner, tenant
from lti_tool.store.schema.soll import soll_role, soll_version


@dataclass(frozen=True, slots=True)
class SqlSoll:
    """Implements ports.SollStore."""

    conn: Connection

    def lock(self, tenant_id: str) -> None:
        mine = select(tenant.c.id).where(tenant.c.id == tenant_id)
        self.conn.execute(mine.with_for_update(key_share=True))

    def versions(
        self, tenant_id: str, roles: Collection[str] | None = None
    ) -> tuple[SollVersion, ...]:
        mine = select(soll_version).where(soll_version.c.tenant_id == tenant_id)
        if roles is not None:
            mine = mine.where(soll_version.c.role.in_(sorted(roles)))
        rows = self.conn.execute(mine.order_by(soll_version.c.role, soll_version.c.number))
        return tuple(_version(row) for row in rows)

    def get(self, tenant_id: str, version_id: str) -> SollVersion:
        mine = select(soll_version).where(
            soll_version.c.tenant_id == tenant_id, soll_version.c.id == version_id
        )
        row = self.conn.execute(mine).first()
        if row is None:
            raise NotFound("There is no such version.", remedy="See `roadmap soll list`.")
        return _version(row)

    def add(self, version: SollVersion) -> None:
        self.conn.execute(insert(soll_version).values(**_columns(version)))

    def change(self, version: SollVersion, *, was: State) -> bool:
        if was is State.APPROVED:
            return False
        mine = (soll_version.c.id == version.id, soll_version.c.state == was.value)
        done = self.conn.execute(update(soll_version).where(*mine).values(**_columns(version)))
        return done.rowcount > 0

    def roles(self, tenant_id: str) -> tuple[OwnRole, ...]:
        mine = select(soll_role).where(soll_role.c.tenant_id == tenant_id)
        return tuple(_role(row) for row in self.conn.execute(mine.order_by(soll_role.c.key)))

    def put_role(self, tenant_id: str, role: OwnRole) -> None:
        row = {
            "tenant_id": tenant_id,
            "key": role.key,
            "title": role.title,
            "hint": role.hint,
            "workplace": role.workplace,
            "additional": role.additional,
            "alike": role.alike,
            "made_by": role.made.by,
            "made_us": us(role.made.at),
            "retired_us": us(role.retired) if role.retired else None,
        }
        upsert(self.conn, soll_role, row, "tenant_id", "key")

    def people(self, tenant_id: str, role: str) -> tuple[str, ...]:
        # The roles are a document: a few thousand short lists, read by the worker only.
        mine = select(learner.c.id, learner.c.roles).where(learner.c.tenant_id == tenant_id)
        return tuple(row.id for row in self.conn.execute(mine) if role in row.roles)


def _version(row: Row[Any]) -> SollVersion:
    return SollVersion(
        id=row.id,
        tenant_id=row.tenant_id,
        role=row.role,
        number=row.number,
        granularity=Granularity(row.granularity),
        scale=row.scale,
        steps=row.steps,
        state=State(row.state),
        source=row.source,
        framework=row.framework,
        made=Signed(row.made_by, at(row.made_us)),
        reasons=row.reasons,
        workshop_id=row.workshop_id or "",
        submitted=_signed(row.submitted_by, row.submitted_us),
        council=_date(row.council_on),
        approved=_signed(row.approved_by, row.approved_us),
        approved_as=row.approved_as,
        valid_from=_date(row.valid_from),
    )


def _columns(v: SollVersion) -> dict[str, Any]:
    return {
        "id": v.id,
        "tenant_id": v.tenant_id,
        "role": v.role,
        "number": v.number,
        "state": v.state.value,
        "granularity": v.granularity.value,
        "scale": v.scale,
        "steps": dict(v.steps),
        "reasons": dict(v.reasons),
        "framework": v.framework,
        "source": v.source,
        "workshop_id": v.workshop_id or None,
        "made_by": v.made.by,
        "made_us": us(v.made.at),
        "submitted_by": v.submitted.by if v.submitted else None,
        "submitted_us": us(v.submitted.at) if v.submitted else None,
        "council_on": v.council.isoformat() if v.council else None,
        "approved_by": v.approved.by if v.approved else None,
        "approved_us": us(v.approved.at) if v.approved else None,
        "approved_as": v.approved_as,
        "valid_from": v.valid_from.isoformat() if v.valid_from else None,
    }


def _role(row: Row[Any]) -> OwnRole:
    return OwnRole(
        key=row.key,
        title=row.title,
        hint=row.hint,
        workplace=row.workplace,
        additional=row.additional,
        alike=row.alike,
        made=Signed(row.made_by, at(row.made_us)),
        retired=at(row.retired_us) if row.retired_us is not None else None,
    )


def _signed(by: str | None, moment_us: int | None) -> Signed | None:
    return Signed(by, at(moment_us)) if by is not None and moment_us is not None else None


def _date(iso: str | None) -> date | None:
    return date.fromisoformat(iso) if iso else None
