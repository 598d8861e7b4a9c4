"""How each LRS connection stands, in full: for `roadmap lrs status` and the page "LRS".

Counts and times only, nothing of a person: an actor that waits is one of a number.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from lti_tool.store import rounds
from lti_tool.store.arrivals import CONFLICT
from lti_tool.store.database import at, us
from lti_tool.store.lrs import HOUR_US
from lti_tool.store.rounds import Round
from lti_tool.store.schema.xapi import WAITING, late_hist, lrs, lrs_cursor, statement
from xapi_bridge import capabilities

RECENT = 500  # statements by which the usual delay is told


@dataclass(frozen=True, slots=True)
class Details:
    """What is beside the counts of `lrs.status`. Delays and lags in seconds."""

    last_hour: int
    last_day: int
    delay_half_s: float | None  # from stored there to received here: half came within
    delay_most_s: float | None  # 95 of 100 came within
    late: int
    late_most_s: int | None  # 99 of 100 late ones were at most so late
    late_worst_s: int | None
    waiting_actors: int
    conflicting_actors: int
    wait_until: datetime | None
    failures: int
    probed: datetime | None
    changes: tuple[Mapping[str, Any], ...]
    capabilities: Mapping[str, Any]
    settings: Mapping[str, Any]
    rounds: tuple[Round, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        return capabilities.findings(self.capabilities) if self.capabilities else ()

    def document(self) -> dict[str, Any]:
        """Return what `roadmap lrs status --json` says beside the counts."""
        return {
            "last_hour": self.last_hour,
            "last_day": self.last_day,
            "delay_half_s": self.delay_half_s,
            "delay_most_s": self.delay_most_s,
            "late": self.late,
            "late_most_s": self.late_most_s,
            "late_worst_s": self.late_worst_s,
            "waiting_actors": self.waiting_actors,
            "conflicting_actors": self.conflicting_actors,
            "wait_until": self.wait_until,
            "failures": self.failures,
            "probed": self.probed,
            "changes": list(self.changes),
            "capabilities": self.capabilities,
            "findings": list(self.findings),
            "rounds": [_round(r) for r in self.rounds],
        }


def details(conn: Connection, lrs_id: str, now: datetime) -> Details:
    """Return how one connection stands beside its counts."""
    row = conn.execute(
        select(lrs, lrs_cursor.c.wait_until_us, lrs_cursor.c.failures)
        .join(lrs_cursor, lrs_cursor.c.lrs_id == lrs.c.id)
        .where(lrs.c.id == lrs_id)
    ).one()
    delays = _delays(conn, lrs_id, row.created_us)
    late = _late(conn, lrs_id)
    waiting, conflicting = _actors(conn, lrs_id)
    until = row.wait_until_us
    return Details(
        last_hour=_since(row.counts, now, 1),
        last_day=_since(row.counts, now, 24),
        delay_half_s=_within(delays, 0.5),
        delay_most_s=_within(delays, 0.95),
        late=sum(late.values()),
        late_most_s=_bucket(late, 0.99),
        late_worst_s=max(late, default=None),
        waiting_actors=waiting,
        conflicting_actors=conflicting,
        wait_until=at(until) if until is not None and until > us(now) else None,
        failures=row.failures,
        probed=None if row.probed_us is None else at(row.probed_us),
        changes=tuple(_change(c) for c in row.changes or ()),
        capabilities=row.capabilities,
        settings=row.settings,
        rounds=tuple(rounds.status(conn, lrs_id)),
    )


def _since(counts: Mapping[str, Any], now: datetime, hours: int) -> int:
    first = us(now) // HOUR_US - hours + 1
    return sum(n for h, n in counts.get("hours", {}).items() if int(h) >= first)


def _delays(conn: Connection, lrs_id: str, connected_us: int) -> list[float]:
    """Return the newest delays, in order; what was there before us says nothing."""
    mine = (statement.c.lrs_id == lrs_id) & (statement.c.stored_us > connected_us)
    rows = conn.execute(
        select(statement.c.received_us - statement.c.stored_us)
        .where(mine, statement.c.raw.is_not(None))
        .order_by(statement.c.received_us.desc())
        .limit(RECENT)
    )
    return sorted(max(0.0, delay / 1e6) for (delay,) in rows)


def _within(delays: Sequence[float], share: float) -> float | None:
    return round(delays[min(int(share * len(delays)), len(delays) - 1)], 1) if delays else None


def _late(conn: Connection, lrs_id: str) -> dict[int, int]:
    mine = late_hist.c.lrs_id == lrs_id
    rows = conn.execute(select(late_hist.c.bucket_s, late_hist.c.count).where(mine))
    return {int(bucket): int(number) for bucket, number in rows}


def _bucket(late: Mapping[int, int], share: float) -> int | None:
    seen = 0
    for bucket, number in sorted(late.items()):
        seen += number
        if seen >= share * sum(late.values()):
            return bucket
    return None


def _actors(conn: Connection, lrs_id: str) -> tuple[int, int]:
    """Return how many actors wait, and how many of them could be several persons."""
    mine = (statement.c.lrs_id == lrs_id, WAITING, statement.c.state == "parked")
    people = func.count(statement.c.actor_key.distinct())
    waiting = conn.execute(select(people).where(*mine)).scalar_one()
    torn = statement.c.flags.contains(CONFLICT)
    return waiting, conn.execute(select(people).where(*mine, torn)).scalar_one()


def _change(kept: Mapping[str, Any]) -> dict[str, Any]:
    return {**kept, "at": at(kept["at_us"])} if "at_us" in kept else dict(kept)


def _round(r: Round) -> dict[str, Any]:
    return {
        "kind": r.kind,
        "running": r.running,
        "started": r.started,
        "finished": r.finished,
        "seen": r.seen,
        "found": r.found,
        "note": r.note,
    }
