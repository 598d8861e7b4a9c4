"""What the administration may know of identities: how people are named, and what could be two.

Kinds of names and counts only; no name, no person leaves this module but to `newest` (for the
identification that a kind of LMS uses, judged in memory).
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from lti_tool.ports import Platform
from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store.arrivals import CONFLICT
from lti_tool.store.database import at
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.xapi import FLAGGED, WAITING, statement
from xapi_bridge.identity import Alias, actors, normal

LOOKED_AT = 50  # people by whom the identification of a platform is told
MOST = 50_000  # identities that are compared to explain conflicts


@dataclass(frozen=True, slots=True)
class Conflict:
    """Messages of one identifier that fits several people. `fits`: (platform id, kind of name)."""

    lrs: str
    count: int
    since: datetime
    fits: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many messages of one LRS wait, of how many unknown people, since when the oldest."""

    messages: int = 0
    people: int = 0
    since: datetime | None = None


def newest(conn: Connection, seal: Seal, platform: Platform) -> list[tuple[str, str]]:
    """Return (sub, ident) of the people who came last; "" where there is none."""
    kinds = ("sub", "ident")
    rows = conn.execute(
        select(identity)
        .where(
            identity.c.tenant_id == platform.tenant_id,
            identity.c.platform_id == platform.id,
            identity.c.kind.in_(kinds),
        )
        .order_by(identity.c.created_us.desc())
        .limit(2 * LOOKED_AT)
    )
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for r in rows:
        found[r.learner_id].setdefault(r.kind, seal.open(r.sealed))
    return [(names.get("sub", ""), names.get("ident", "")) for names in found.values()]


def waiting(conn: Connection, connection: LrsConnection) -> Waiting:
    """Return what is parked because nobody is known by that name; conflicts are not among it."""
    row = conn.execute(
        select(
            func.count(),
            func.count(statement.c.actor_key.distinct()),
            func.min(statement.c.received_us),
        ).where(*_parked(connection), statement.c.flags.not_like(f"%{CONFLICT}%"))
    ).one()
    return Waiting(row[0], row[1], at(row[2])) if row[0] else Waiting()


def conflicts(conn: Connection, seal: Seal, connection: LrsConnection) -> list[Conflict]:
    """Return the identifiers that could be several people, those that wait longest first."""
    rows = conn.execute(
        select(
            statement.c.actor_key,
            func.count().label("number"),
            func.min(statement.c.received_us).label("first"),
        )
        .where(*_parked(connection), FLAGGED, statement.c.flags.like(f"%{CONFLICT}%"))
        .group_by(statement.c.actor_key)
        .order_by(func.min(statement.c.received_us))
    ).all()
    fits = _fits(conn, seal, connection, {r.actor_key for r in rows}) if rows else {}
    return [
        Conflict(connection.name, r.number, at(r.first), tuple(fits.get(r.actor_key, ())))
        for r in rows
    ]


def in_conflict(conn: Connection, tenant_id: str) -> int:
    """Return how many messages of a municipality fit several people."""
    number: int = conn.execute(
        select(func.count())
        .select_from(statement)
        .where(
            statement.c.tenant_id == tenant_id,
            WAITING,
            FLAGGED,
            statement.c.state == "parked",
            statement.c.flags.like(f"%{CONFLICT}%"),
        )
    ).scalar_one()
    return number


def _fits(
    conn: Connection, seal: Seal, connection: LrsConnection, keys: set[str]
) -> dict[str, list[tuple[str, str]]]:
    """Return under which names the people are known whom an identifier fits."""
    bindings = connections.bindings(conn, connection)
    mine = identity.c.tenant_id == connection.tenant_id
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for r in conn.execute(select(identity).where(mine).order_by(identity.c.created_us).limit(MOST)):
        for key in actors(Alias(r.platform_id, r.kind, seal.open(r.sealed)), bindings):
            digest = seal.digest("actor", normal(key).text)
            if digest in keys and (r.platform_id, r.kind) not in found[digest]:
                found[digest].append((r.platform_id, r.kind))
    return found


def _parked(connection: LrsConnection) -> tuple[Any, ...]:
    return (statement.c.lrs_id == connection.id, WAITING, statement.c.state == "parked")
