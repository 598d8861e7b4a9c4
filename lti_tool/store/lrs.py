"""LRS connections: where activity comes from and paths go to, and what has been counted there.

Counts survive purges; each statement id is counted once. A statement is received, and then exactly
one of stored, foreign, parked or quarantined; parked ones become stored when the person is known.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from lti_tool.errors import Conflict, NotFound
from lti_tool.seal import Seal
from lti_tool.store.database import at, us
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.schema.lti import platform
from lti_tool.store.schema.xapi import late_hist, lrs, lrs_cursor
from xapi_bridge.capabilities import changes, merged
from xapi_bridge.errors import BridgeError, StoreBusy
from xapi_bridge.identity import Bindings
from xapi_bridge.mapping import Trust
from xapi_bridge.scope import Scope

COUNTS = (
    "received",
    "stored",
    "foreign",
    "outside",
    "parked",
    "voided",
    "quarantined",
    "unmapped",
    "evidence",
)
MOST_UNKNOWN, MOST_CHANGES = 200, 20
HOUR_US, HOURS = 3_600_000_000, 48
PROBE_AGAIN = timedelta(minutes=10)
#: Between two tries of an LRS that fails, doubling; and the most that one may ask us to wait.
FIRST_PAUSE_S, LONGEST_PAUSE_S, LONGEST_WAIT_S = 1.0, 30.0, 3600.0


@dataclass(frozen=True)
class LrsConnection:
    """One LRS of one tenant. `settings` may hold home_pages, authorities, scaling, blackened,
    strict, courses, verbs; all optional."""

    id: str
    tenant_id: str
    name: str
    endpoint: str
    key: str
    secret: str = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)
    probed: datetime | None = None

    @cached_property
    def trust(self) -> Trust:
        return Trust(
            authorities=frozenset(self.settings.get("authorities", ())),
            scaling=self.settings.get("scaling", ""),
            blackened=bool(self.settings.get("blackened", False)),
        )

    @cached_property
    def scope(self) -> Scope | None:
        return Scope.of(self.settings)

    @property
    def by_timestamp(self) -> bool:
        """`since` works on `timestamp` there: late statements need a walk of their own."""
        return self.capabilities.get("since") == "timestamp"

    @property
    def strict(self) -> bool:
        """Statements of unknown persons are not even parked."""
        return bool(self.settings.get("strict", False))


def add(
    conn: Connection,
    seal: Seal,
    *,
    tenant_id: str,
    name: str,
    endpoint: str,
    key: str,
    secret: str,
    now: datetime,
    settings: Mapping[str, Any] | None = None,
    capabilities: Mapping[str, Any] | None = None,
    overlap_s: float = 60.0,
) -> LrsConnection:
    """Write and return a new connection.

    :raises Conflict: the tenant has an LRS of this name.
    """
    known = select(lrs.c.id).where(lrs.c.tenant_id == tenant_id, lrs.c.name == name)
    if conn.execute(known).first():
        raise Conflict(f"There is an LRS {name!r} already.", remedy="Choose another name.")
    made = str(uuid.uuid4())
    conn.execute(
        lrs.insert().values(
            id=made,
            tenant_id=tenant_id,
            name=name,
            endpoint=endpoint.rstrip("/"),
            key=key,
            secret=seal.seal(secret),
            capabilities=dict(capabilities or {}),
            settings=dict(settings or {}),
            counts={},
            created_us=us(now),
            probed_us=us(now) if capabilities else None,
        )
    )
    conn.execute(lrs_cursor.insert().values(lrs_id=made, overlap_s=overlap_s, lease_token=0))
    return get(conn, seal, made)


def get(conn: Connection, seal: Seal, lrs_id: str) -> LrsConnection:
    """Return a connection with its secret; :raises NotFound: it was removed."""
    row = conn.execute(select(lrs).where(lrs.c.id == lrs_id)).first()
    if row is None:
        raise NotFound("There is no such LRS.", remedy="See `roadmap lrs list`.")
    return _value(row, seal.open(row.secret))


def listed(
    conn: Connection, *, name: str | None = None, tenant_id: str | None = None
) -> list[LrsConnection]:
    """Return connections in order of name, without their secrets."""
    query = select(lrs).order_by(lrs.c.name, lrs.c.id)
    if name is not None:
        query = query.where(lrs.c.name == name)
    if tenant_id is not None:
        query = query.where(lrs.c.tenant_id == tenant_id)
    return [_value(row, "") for row in conn.execute(query)]


def bindings(conn: Connection, connection: LrsConnection) -> Bindings:
    """Return which home pages are the tenant's platforms, and which the admin added."""
    rows = conn.execute(
        select(platform.c.id, platform.c.issuer, platform.c.aliases)
        .where(platform.c.tenant_id == connection.tenant_id, platform.c.state != "blocked")
        .order_by(platform.c.created_us, platform.c.id)
    ).all()
    issuers = {r.id: r.issuer for r in rows}
    aliases = {a: r.id for r in rows for a in r.aliases or () if a not in issuers.values()}
    extra = connection.settings.get("home_pages", {})
    return Bindings.of(issuers, aliases | {h: p for h, p in extra.items() if p in issuers})


def count(
    conn: Connection, lrs_id: str, more: Mapping[str, int], unknown: Mapping[str, int], now_us: int
) -> None:
    """Add to the counts. The caller holds the lease or the write lock."""
    row = conn.execute(select(lrs.c.counts).where(lrs.c.id == lrs_id).with_for_update()).one()
    counts = dict(row.counts)
    for name, number in more.items():
        counts[name] = counts.get(name, 0) + number
    seen = dict(counts.get("unknown", {}))
    for pair, number in unknown.items():
        if pair in seen or len(seen) < MOST_UNKNOWN:
            seen[pair] = seen.get(pair, 0) + number
    counts |= {"unknown": seen, "hours": _by_hour(counts, more.get("received", 0), now_us)}
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(counts=counts))


def _by_hour(counts: Mapping[str, Any], new: int, now_us: int) -> dict[str, int]:
    """Return how many statements came in each of the last hours (key: hours since 1970)."""
    hour = now_us // HOUR_US
    kept = {h: n for h, n in counts.get("hours", {}).items() if int(h) > hour - HOURS}
    return kept | {str(hour): kept.get(str(hour), 0) + new}


def caught_up(conn: Connection, lrs_id: str, now: datetime) -> None:
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(last_run_us=us(now)))


def answered(
    conn: Connection, connection: LrsConnection, version: str, received: int, now: datetime
) -> None:
    """Note that an LRS works. Writes.

    One that now speaks another version is probed anew, and one of which the probe could tell too
    little as soon as something has come from it.
    """
    mine = lrs_cursor.c.lrs_id == connection.id
    conn.execute(update(lrs_cursor).where(mine).values(failures=0, wait_until_us=None))
    conn.execute(update(lrs).where(lrs.c.id == connection.id).values(last_error=None))
    found, probed = connection.capabilities, connection.probed
    another = version and found.get("answers") and version != found["answers"]
    rested = probed is None or now - probed > PROBE_AGAIN
    tells_more = received and found.get("since") == "unknown" and rested
    if another or tells_more:
        SqlJobs(conn).enqueue("probe", connection.id, {}, now)


def failed(conn: Connection, lrs_id: str, error: BridgeError, now: datetime) -> None:
    """Note why an LRS cannot be used, and until when it is left alone. Writes."""
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(last_error=str(error)[:1000]))
    mine = lrs_cursor.c.lrs_id == lrs_id
    before = conn.execute(select(lrs_cursor.c.failures).where(mine)).scalar_one()
    pause_s = min(FIRST_PAUSE_S * 2.0 ** min(before, 10), LONGEST_PAUSE_S)
    if isinstance(error, StoreBusy) and error.wait_s is not None:
        pause_s = min(max(pause_s, error.wait_s), LONGEST_WAIT_S)
    change = {"failures": before + 1, "wait_until_us": us(now + timedelta(seconds=pause_s))}
    conn.execute(update(lrs_cursor).where(mine).values(**change))


def waits(conn: Connection, lrs_id: str, now: datetime) -> bool:
    """Return whether an LRS is left alone for now: it asked for it, or it does not answer."""
    mine = lrs_cursor.c.lrs_id == lrs_id
    until = conn.execute(select(lrs_cursor.c.wait_until_us).where(mine)).scalar_one()
    return until is not None and until > us(now)


def probed(
    conn: Connection, connection: LrsConnection, found: Mapping[str, Any], now: datetime
) -> list[tuple[str, str, str]]:
    """Keep what a probe found; return and note what has changed (name, before, now). Writes."""
    before = connection.capabilities
    kept = merged(before, found)
    changed = changes(before, kept)
    notes = [{"at_us": us(now), "name": n, "before": b, "now": a} for n, b, a in changed]
    row = conn.execute(select(lrs.c.changes).where(lrs.c.id == connection.id)).one()
    conn.execute(
        update(lrs)
        .where(lrs.c.id == connection.id)
        .values(
            capabilities=kept,
            probed_us=us(now),
            changes=[*(row.changes or []), *notes][-MOST_CHANGES:],
        )
    )
    return changed


def status(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return a row per LRS as `roadmap lrs status --json` shows it.

    `lag_s` is the time since everything there was last seen to be here; None: never yet.
    """
    late = select(func.sum(late_hist.c.count)).where(late_hist.c.lrs_id == lrs.c.id)
    rows = conn.execute(
        select(
            lrs,
            lrs_cursor.c.hwm_us,
            lrs_cursor.c.more,
            lrs_cursor.c.overlap_s,
            late.scalar_subquery().label("late"),
        )
        .join(lrs_cursor, lrs_cursor.c.lrs_id == lrs.c.id)
        .order_by(lrs.c.name, lrs.c.id)
    )
    return [_status(row, now) for row in rows]


def _status(row: Row[Any], now: datetime) -> dict[str, Any]:
    lag = None if row.last_run_us is None else max(0.0, (us(now) - row.last_run_us) / 1e6)
    return {
        "id": row.id,
        "name": row.name,
        "tenant_id": row.tenant_id,
        "cursor": None if row.hwm_us is None else at(row.hwm_us).isoformat(),
        "in_progress": row.more is not None,
        "overlap_s": row.overlap_s,
        "lag_s": lag,
        **{name: row.counts.get(name, 0) for name in COUNTS},
        "unknown": row.counts.get("unknown", {}),
        "late": row.late or 0,
        "last_error": row.last_error,
        "changed": at(row.changes[-1]["at_us"]) if row.changes else None,
    }


def _value(row: Row[Any], secret: str) -> LrsConnection:
    return LrsConnection(
        id=row.id,
        tenant_id=row.tenant_id,
        name=row.name,
        endpoint=row.endpoint,
        key=row.key,
        secret=secret,
        settings=row.settings,
        capabilities=row.capabilities,
        probed=None if row.probed_us is None else at(row.probed_us),
    )
