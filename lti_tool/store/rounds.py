"""What looks further back than a pull from time to time: sweeps, and what was deleted in the LRS.

One row per LRS and kind: the walk that is under way (it survives a kill), and how the last one
ended. What a sweep finds asks for a wider overlap; each sweep that finds nothing halves that again.
Times are microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, select, update

from lti_tool.store.database import at, insert_ignore, us
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.xapi import lrs, lrs_cursor, lrs_round
from xapi_bridge.ports import Cursor
from xapi_bridge.pull import OVERLAP_FROM_S, clamped

DELETED, PROBE = "deleted", "probe"
#: How often each runs by itself.
EVERY: Mapping[str, timedelta] = {
    "night": timedelta(days=1),
    "week": timedelta(days=7),
    DELETED: timedelta(days=30),
    PROBE: timedelta(days=7),
}
#: Sweeps read much: they begin in these hours (UTC), or wherever it is this much later.
NIGHT_HOURS, EARLY, LATE = range(0, 4), timedelta(hours=6), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Round:
    """How a round of a kind stands. `seen` and `found` are those of the last one that ended."""

    kind: str
    running: bool
    started: datetime | None
    finished: datetime | None
    seen: int
    found: int
    so_far: int
    note: str


def due(conn: Connection, connection: LrsConnection, now: datetime) -> list[str]:
    """Return the kinds of rounds that should begin or go on now."""
    mine = lrs_round.c.lrs_id == connection.id
    rows = {r.kind: r for r in conn.execute(select(lrs_round).where(mine))}
    known = conn.execute(
        select(lrs.c.created_us, lrs.c.probed_us, lrs_cursor.c.hwm_us)
        .join(lrs_cursor, lrs_cursor.c.lrs_id == lrs.c.id)
        .where(lrs.c.id == connection.id)
    ).one()
    running = {kind for kind, row in rows.items() if _runs(row)}
    begun = {kind: row.started_us for kind, row in rows.items()} | {PROBE: known.probed_us}
    late = {
        kind
        for kind, every in EVERY.items()
        if _is_time(begun.get(kind) or known.created_us, every, now)
    }
    if known.hwm_us is None:
        late &= {PROBE}  # the pull itself has not come to an end yet
    if connection.by_timestamp:
        late -= {"week"}  # every night reads everything
    return sorted(running | late)


def _is_time(begun_us: int, every: timedelta, now: datetime) -> bool:
    since = now - at(begun_us)
    if now.astimezone(UTC).hour in NIGHT_HOURS:
        return since >= every - EARLY
    return since >= every + LATE


def _runs(row: Row[Any]) -> bool:
    return row.started_us is not None and row.finished_us is None


def begin(conn: Connection, lrs_id: str, kind: str, now: datetime) -> bool:
    """Begin a round unless one is under way; return whether it is a new one. Writes."""
    row = _row(conn, lrs_id, kind)
    if row is not None and _runs(row):
        return False
    insert_ignore(conn, lrs_round, [{"lrs_id": lrs_id, "kind": kind}])
    fresh = {"started_us": us(now), "finished_us": None, "seen": 0, "found": 0, "worst_s": 0.0}
    conn.execute(
        update(lrs_round).where(_mine(lrs_id, kind)).values(**fresh, **_place(Cursor()), place=None)
    )
    return True


def cursor(conn: Connection, lrs_id: str, kind: str, pull: Cursor) -> Cursor:
    """Return where a sweep is; mark and overlap are those of the pull."""
    row = _row(conn, lrs_id, kind)
    if row is None:
        return Cursor(pull.hwm_us, pull.overlap_s)
    return Cursor(
        hwm_us=pull.hwm_us,
        overlap_s=pull.overlap_s,
        more=row.more,
        part=row.part,
        run_since_us=row.run_since_us,
        run_max_us=row.run_max_us,
        run_began_us=row.run_began_us,
    )


def keep(conn: Connection, lrs_id: str, kind: str, where: Cursor) -> None:
    """Remember where a sweep is. Writes."""
    conn.execute(update(lrs_round).where(_mine(lrs_id, kind)).values(**_place(where)))


def count(conn: Connection, lrs_id: str, kind: str, seen: int, found: int, worst_s: float) -> None:
    """Add what a page of a sweep brought; `worst_s` is how late its latest find was. Writes."""
    c = lrs_round.c
    worst = case((c.worst_s < worst_s, worst_s), else_=c.worst_s)
    change = {"seen": c.seen + seen, "found": c.found + found, "worst_s": worst}
    conn.execute(update(lrs_round).where(_mine(lrs_id, kind)).values(**change))


def go_on_behind(conn: Connection, lrs_id: str, kind: str, place: str) -> None:
    conn.execute(update(lrs_round).where(_mine(lrs_id, kind)).values(place=place))


def finish(conn: Connection, lrs_id: str, kind: str, now: datetime, note: str = "") -> None:
    """Note how a round ended, and which overlap its finds ask for. Writes."""
    row = _row(conn, lrs_id, kind)
    if row is None:
        return
    ended = {
        "finished_us": us(now),
        "last_seen": row.seen,
        "last_found": row.found,
        "raise_s": _raised(row),
        "note": note or None,
    }
    conn.execute(
        update(lrs_round).where(_mine(lrs_id, kind)).values(**ended, **_place(Cursor()), place=None)
    )


def raised_s(conn: Connection, lrs_id: str) -> float:
    """Return the overlap that the finds of sweeps ask for; 0: none does."""
    query = select(func.max(lrs_round.c.raise_s)).where(lrs_round.c.lrs_id == lrs_id)
    return float(conn.execute(query).scalar_one() or 0.0)


def status(conn: Connection, lrs_id: str) -> list[Round]:
    """Return every kind of round that has run or runs."""
    rows = conn.execute(
        select(lrs_round).where(lrs_round.c.lrs_id == lrs_id).order_by(lrs_round.c.kind)
    )
    return [_value(row) for row in rows]


def _raised(row: Row[Any]) -> float:
    if row.kind not in ("night", "week"):
        return 0.0
    if row.found:
        return clamped(2.0 * row.worst_s)
    half = row.raise_s / 2.0
    return half if half >= OVERLAP_FROM_S else 0.0


def _row(conn: Connection, lrs_id: str, kind: str) -> Row[Any] | None:
    return conn.execute(select(lrs_round).where(_mine(lrs_id, kind))).first()


def _mine(lrs_id: str, kind: str) -> ColumnElement[bool]:
    return (lrs_round.c.lrs_id == lrs_id) & (lrs_round.c.kind == kind)


def _place(where: Cursor) -> dict[str, Any]:
    return {
        "more": where.more,
        "part": where.part,
        "run_since_us": where.run_since_us,
        "run_max_us": where.run_max_us,
        "run_began_us": where.run_began_us,
    }


def _value(row: Row[Any]) -> Round:
    return Round(
        kind=row.kind,
        running=_runs(row),
        started=None if row.started_us is None else at(row.started_us),
        finished=None if row.finished_us is None else at(row.finished_us),
        seen=row.last_seen,
        found=row.last_found,
        so_far=row.seen,
        note=row.note or "",
    )
