"""LRS connections: where activity comes from and paths go to, and what has been counted there.

Counts survive purges; each statement id is counted once. A statement is received, and then exactly
one of stored, foreign, parked or quarantined; parked ones become stored when the person is known.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from lti_tool.errors import Conflict, NotFound
from lti_tool.seal import Seal
from lti_tool.store.database import at, us
from lti_tool.store.schema.lti import platform
from lti_tool.store.schema.xapi import lrs, lrs_cursor
from xapi_bridge.identity import Bindings
from xapi_bridge.mapping import Trust

COUNTS = (
    "received",
    "stored",
    "foreign",
    "parked",
    "voided",
    "quarantined",
    "unmapped",
    "evidence",
)
MOST_UNKNOWN = 200


@dataclass(frozen=True, slots=True)
class LrsConnection:
    """One LRS of one tenant. `settings` may hold home_pages, authorities, scaling, blackened,
    strict; all optional."""

    id: str
    tenant_id: str
    name: str
    endpoint: str
    key: str
    secret: str = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trust(self) -> Trust:
        return Trust(
            authorities=frozenset(self.settings.get("authorities", ())),
            scaling=self.settings.get("scaling", ""),
            blackened=bool(self.settings.get("blackened", False)),
        )

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
    conn: Connection, lrs_id: str, more: Mapping[str, int], unknown: Mapping[str, int]
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
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(counts=counts | {"unknown": seen}))


def caught_up(conn: Connection, lrs_id: str, now: datetime) -> None:
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(last_run_us=us(now), last_error=None))


def failed(conn: Connection, lrs_id: str, error: str) -> None:
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(last_error=error[:1000]))


def set_settings(conn: Connection, lrs_id: str, settings: Mapping[str, Any]) -> None:
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(settings=dict(settings)))


def set_capabilities(conn: Connection, lrs_id: str, capabilities: Mapping[str, Any]) -> None:
    conn.execute(update(lrs).where(lrs.c.id == lrs_id).values(capabilities=dict(capabilities)))


def status(conn: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return a row per LRS as `roadmap lrs status --json` shows it.

    `lag_s` is the time since everything there was last seen to be here; None: never yet.
    """
    rows = conn.execute(
        select(lrs, lrs_cursor.c.hwm_us, lrs_cursor.c.more, lrs_cursor.c.overlap_s)
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
        "last_error": row.last_error,
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
    )
