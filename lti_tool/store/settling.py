"""Which stored evidence of an activity counts: `xapi_bridge.settle` on rows, in the caller's
transaction. Asked anew whenever a statement comes, is voided, or a learner takes a dispute back.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    or_,
    select,
    update,
)

from lti_tool.store.schema.core import evidence
from lti_tool.store.schema.xapi import void
from xapi_bridge.settle import GROUP_US, UNCOMPLETION, Claim, settle

UNSETTLED = "unsettled"  # in `revoked_by`, until it is settled beside the rest of its group
LARGE = 200  # pieces of one person about one activity; more come from accounts that many use
_WITH_VOIDS = evidence.outerjoin(
    void,
    (void.c.tenant_id == evidence.c.tenant_id) & (void.c.target_id == evidence.c.statement_id),
)
_CLAIM = (
    evidence.c.id,
    evidence.c.statement_id,
    evidence.c.competency,
    evidence.c.kind,
    evidence.c.a,
    evidence.c.eff_us,
    func.coalesce(evidence.c.stored_us, 0),
    evidence.c.arrival_us,
    evidence.c.revoked_by,
)
# Built once: every page of a pull asks these, and building a statement took longer than its answer.
# A group's key is a digest of learner and activity: with the municipality besides, SQLite would
# read all of that.
_OF_GROUPS = evidence.c.group_key.in_(bindparam("groups", expanding=True))
_PIECES = (
    select(*_CLAIM, evidence.c.group_key, evidence.c.learner_id, void.c.voided_by)
    .select_from(_WITH_VOIDS)
    .where(_OF_GROUPS)
)
_LARGE_ONES = (
    select(evidence.c.group_key)
    .where(_OF_GROUPS)
    .group_by(evidence.c.group_key)
    .having(func.count() > bindparam("large"))
)
_REVOKE = (
    update(evidence).where(evidence.c.id == bindparam("b_id")).values(revoked_by=bindparam("b_by"))
)


def settle_groups(conn: Connection, groups: Collection[str]) -> set[str]:
    """Decide anew which evidence of these groups counts; return whose changed. Writes."""
    return _settle(conn, _pieces(conn, groups))


def settle_arrivals(conn: Connection, groups: Collection[str]) -> set[str]:
    """Do so where nothing but arrivals changed: what is unsettled, and what was voided just now.

    Of large groups no more is read than what these can reach: pages stay quick where a crew shares
    an account and has done the same thing thousands of times.
    """
    asked = {"groups": list(groups), "large": LARGE}
    large = set(conn.execute(_LARGE_ONES, asked).scalars())
    rows = _pieces(conn, set(groups) - large)
    for group in sorted(large):
        rows += _pieces(conn, [group], _reached_from(conn, group))
    return _settle(conn, rows)


def _pieces(
    conn: Connection, groups: Collection[str], since_us: int | None = None
) -> list[Row[Any]]:
    query = _PIECES if since_us is None else _PIECES.where(evidence.c.eff_us >= since_us)
    return list(conn.execute(query, {"groups": list(groups)}))


def _settle(conn: Connection, rows: Collection[Row[Any]]) -> set[str]:
    by_group: dict[str, dict[str, Claim]] = {}
    voided: dict[str, str] = {}
    learners: dict[str, str] = {}
    for row in rows:
        *claimed, group, learner_id, voided_by = list(row)
        claim = Claim(*claimed)
        by_group.setdefault(group, {})[claim.id] = claim  # twice where two LRSs voided it
        learners[claim.id] = learner_id
        if voided_by is not None:
            voided[claim.statement_id] = min(voided_by, voided.get(claim.statement_id, voided_by))
    changed: dict[str, str | None] = {}
    for members in by_group.values():
        verdict = settle(members.values(), voided)
        changed |= {i: by for i, by in verdict.items() if by != members[i].revoked_by}
    if changed:
        conn.execute(_REVOKE, [{"b_id": i, "b_by": by} for i, by in changed.items()])
    return {learners[i] for i in changed}


def _reached_from(conn: Connection, group: str) -> int:
    """Return since when pieces of a group may change (`eff_us`), all earlier ones being settled.

    A piece decides about its neighbours within GROUP_US, these about theirs: back to a gap that is
    longer. An uncompletion takes back whatever was before it.
    """
    mine = evidence.c.group_key == group
    unlike = evidence.c.revoked_by.is_distinct_from(void.c.voided_by)
    new = mine & or_(evidence.c.revoked_by == UNSETTLED, void.c.voided_by.is_not(None) & unlike)
    found = select(evidence.c.eff_us, evidence.c.kind).select_from(_WITH_VOIDS).where(new)
    arrived = conn.execute(found).all()
    if not arrived or any(r.kind == UNCOMPLETION for r in arrived):
        return 0
    earliest = min(r.eff_us for r in arrived)
    return conn.execute(_chain(mine & (evidence.c.eff_us <= earliest))).scalar_one()


def _chain(which: ColumnElement[bool]) -> Select[int]:
    """Return the query for where the last row of pieces, each within GROUP_US of one, begins."""
    before = func.lag(evidence.c.eff_us).over(order_by=evidence.c.eff_us)
    gaps = select(evidence.c.eff_us, (evidence.c.eff_us - before).label("gap"))
    of = gaps.where(which).subquery()
    return select(func.max(of.c.eff_us)).where(or_(of.c.gap.is_(None), of.c.gap > GROUP_US))
