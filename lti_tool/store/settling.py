"""Which stored evidence of an activity counts: `xapi_bridge.settle` on rows, in the caller's
transaction. Asked anew whenever a statement comes, is voided, or a learner takes a dispute back.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from lti_tool.store.schema.core import evidence
from lti_tool.store.schema.xapi import void
from xapi_bridge.settle import Claim, settle


def settle_groups(conn: Connection, tenant_id: str, groups: Collection[str]) -> set[str]:
    """Decide anew which evidence of these groups counts; return whose changed. Writes."""
    mine = evidence.c.tenant_id == tenant_id
    rows = conn.execute(select(evidence).where(mine, evidence.c.group_key.in_(groups))).all()
    voided = _voided(conn, tenant_id, {r.statement_id for r in rows})
    by_group: dict[str, list[Row[Any]]] = {}
    for row in rows:
        by_group.setdefault(row.group_key, []).append(row)
    verdict: dict[str, str | None] = {}
    for members in by_group.values():
        verdict |= settle([_claim(r) for r in members], voided)
    changed = [r for r in rows if r.revoked_by != verdict[r.id]]
    if changed:
        conn.execute(
            update(evidence)
            .where(evidence.c.id == bindparam("b_id"))
            .values(revoked_by=bindparam("b_by")),
            [{"b_id": r.id, "b_by": verdict[r.id]} for r in changed],
        )
    return {r.learner_id for r in changed}


def _voided(conn: Connection, tenant_id: str, ids: set[str]) -> dict[str, str]:
    rows = conn.execute(
        select(void.c.target_id, void.c.voided_by).where(
            void.c.tenant_id == tenant_id, void.c.target_id.in_(ids)
        )
    )
    return {r.target_id: r.voided_by for r in rows}


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        id=row.id,
        statement_id=row.statement_id,
        competency=row.competency,
        kind=row.kind,
        a=row.a,
        eff_us=row.eff_us,
        stored_us=row.stored_us or 0,
        arrival_us=row.arrival_us,
        revoked_by=row.revoked_by,
    )
