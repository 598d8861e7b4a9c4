"""Statements that waited: for their person to come, or for their activity to be mapped."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, exists, select, tuple_, update

from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store.arrivals import CONFLICT, Arrivals
from lti_tool.store.conclusions import UNMAPPED, Meaning, trusting
from lti_tool.store.database import us
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.xapi import FLAGGED, WAITING, activity_map, lrs, statement, unmapped
from xapi_bridge.identity import Alias, actors
from xapi_bridge.statement import Statement, parse

CLOCK_SLACK_US = 600 * 1_000_000
AT_ONCE = 500  # statements read again in one transaction


def replay_parked(
    conn: Connection, seal: Seal, meaning: Meaning, learner_id: str, now: datetime
) -> int:
    """Take up what waited for this learner, in the caller's transaction; return how many.

    Call it when an identity of the learner was added.
    """
    known = select(identity.c.tenant_id).where(identity.c.learner_id == learner_id).limit(1)
    tenant_id = conn.execute(known).scalar_one_or_none()
    if tenant_id is None:
        return 0
    found = 0
    for connection in connections.listed(conn, tenant_id=tenant_id):
        arrivals = Arrivals(conn, seal, connection, meaning, us(now))
        found += _replay(arrivals, learner_id)
    return found


def anything_waits(conn: Connection, connection: LrsConnection) -> bool:
    """Return whether somebody came, or something was mapped, since statements began to wait."""
    return bool(_newcomers(conn, connection)) or anything_mapped(conn, connection)


def anything_mapped(conn: Connection, connection: LrsConnection) -> bool:
    """Return whether an activity was mapped since statements about it came, perhaps."""
    newer = (
        activity_map.c.created_us
        >= select(lrs.c.last_run_us).where(lrs.c.id == connection.id).scalar_subquery()
    )
    mapped = select(activity_map.c.unit).where(
        activity_map.c.tenant_id == connection.tenant_id, newer
    )
    # In this order: the second question reads many statements, and the first is mostly answered no.
    waiting = select(statement.c.statement_id).where(*_unmapped(connection)).limit(1)
    return bool(conn.execute(mapped.limit(1)).first() and conn.execute(waiting).first())


def take_up(arrivals: Arrivals) -> int:
    """Take up what waited for persons who came meanwhile; return how many statements."""
    newcomers = _newcomers(arrivals.conn, arrivals.connection)
    return sum(_replay(arrivals, learner_id) for learner_id in newcomers)


def _newcomers(conn: Connection, connection: LrsConnection) -> list[str]:
    """Return learners who got an identity after the oldest parked statement came, in order."""
    oldest = (
        select(statement.c.received_us)
        .where(statement.c.lrs_id == connection.id, WAITING, statement.c.state == "parked")
        .order_by(statement.c.received_us)
        .limit(1)
    )
    since = conn.execute(oldest).scalar_one_or_none()
    if since is None:
        return []
    rows = conn.execute(
        select(identity.c.learner_id).where(
            identity.c.tenant_id == connection.tenant_id,
            identity.c.created_us >= since - CLOCK_SLACK_US,
        )
    )
    # Sorted here: asked to do it, SQLite would walk through all identities in that order.
    return sorted(set(rows.scalars()))


def _replay(arrivals: Arrivals, learner_id: str) -> int:
    conn, connection = arrivals.conn, arrivals.connection
    rows = conn.execute(select(identity).where(identity.c.learner_id == learner_id))
    names = [Alias(r.platform_id, r.kind, arrivals.seal.open(r.sealed)) for r in rows]
    meant = arrivals.people({k for a in names for k in actors(a, arrivals.bindings)})
    # Who may be two people is nobody, now as when it came: a conflict is never guessed.
    keys = {arrivals.actor_key(k) for k, found in meant.items() if found == {learner_id}}
    mine = (
        statement.c.lrs_id == connection.id,
        WAITING,
        statement.c.state == "parked",
        statement.c.actor_key.in_(keys),
    )
    waiting = conn.execute(select(statement).where(*mine).order_by(statement.c.received_us)).all()
    if not waiting:
        return 0
    now_theirs = {"state": "kept", "learner_id": learner_id, "actor_key": None}
    conn.execute(update(statement).where(*mine).values(**now_theirs))
    for row in waiting:
        if CONFLICT in row.flags:
            this = (
                statement.c.lrs_id == connection.id,
                statement.c.statement_id == row.statement_id,
            )
            conn.execute(update(statement).where(*this).values(flags=_cleared(row.flags)))
    arrivals.counts["parked"] -= len(waiting)
    arrivals.counts["stored"] += len(waiting)
    _conclude(arrivals, [_row_of(row, learner_id) for row in waiting])
    return len(waiting)


def _row_of(row: Row[Any], learner_id: str) -> dict[str, Any]:
    values = dict(row._mapping) | {"learner_id": learner_id}
    return values | {"flags": _cleared(row.flags)}


def _cleared(flags: str) -> str:
    return ",".join(f for f in flags.split(",") if f != CONFLICT)


Place = tuple[int, str]  # received_us and id: where to go on


def remap(arrivals: Arrivals, behind: Place | None) -> Place | None:
    """Read some statements again whose activity meant nothing when they came.

    Begin with None; go on, in a transaction of its own, behind what it returns, until None again.
    """
    conn, connection = arrivals.conn, arrivals.connection
    order = (statement.c.received_us, statement.c.statement_id)
    query = select(statement).where(*_unmapped(connection)).order_by(*order).limit(AT_ONCE)
    if behind is None:
        _uncount(conn, connection)
    else:
        query = query.where(tuple_(*order) > tuple_(*behind))
    waiting = conn.execute(query).all()
    if not waiting:
        return None
    arrivals.counts["unmapped"] -= len(waiting)
    _conclude(arrivals, [dict(row._mapping) for row in waiting])
    return waiting[-1].received_us, waiting[-1].statement_id


def _uncount(conn: Connection, connection: LrsConnection) -> None:
    """Start the list of unmapped activities anew; what still means nothing is counted again."""
    others = exists().where(
        statement.c.tenant_id == connection.tenant_id,
        statement.c.lrs_id != connection.id,
        FLAGGED,
        statement.c.flags.contains(UNMAPPED),
    )
    if not conn.execute(select(others)).scalar_one():
        conn.execute(delete(unmapped).where(unmapped.c.tenant_id == connection.tenant_id))


def _unmapped(connection: LrsConnection) -> tuple[Any, ...]:
    return (
        statement.c.lrs_id == connection.id,
        statement.c.state == "kept",
        statement.c.mapped.is_(False),
        FLAGGED,
        statement.c.flags.contains(UNMAPPED),
        statement.c.raw.is_not(None),
    )


def _conclude(arrivals: Arrivals, rows: Sequence[dict[str, Any]]) -> None:
    readable: list[tuple[Statement, dict[str, Any]]] = [
        (parse(row["raw"]), row) for row in rows if row["raw"] is not None
    ]
    trust = trusting(arrivals.connection.trust)
    before = {s.id: _marks(row) for s, row in readable}
    touched = arrivals.conclusions.conclude(readable, trust)
    _mark(arrivals, [row for s, row in readable if _marks(row) != before[s.id]])
    arrivals.conclusions.settle(touched)
    arrivals.flush()
    arrivals.counts.clear()
    arrivals.unknown.clear()


def _marks(row: Mapping[str, Any]) -> tuple[bool, str]:
    return row["mapped"], row["flags"]


def _mark(arrivals: Arrivals, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    mine = statement.c.lrs_id == arrivals.connection.id
    change = update(statement).where(mine, statement.c.statement_id == bindparam("b_id"))
    arrivals.conn.execute(
        change.values(mapped=bindparam("b_mapped"), flags=bindparam("b_flags")),
        [{"b_id": r["statement_id"], "b_mapped": r["mapped"], "b_flags": r["flags"]} for r in rows],
    )
