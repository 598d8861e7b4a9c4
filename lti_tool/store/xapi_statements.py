"""The embedded LRS's store: statements verbatim, strictly ordered, and who may write and read.

`stored` is stamped inside the one write transaction and strictly increases over all tenants, so
every statement with a smaller `stored` than one that can be seen can be seen too: the newest
`stored` in a snapshot is an honest Consistent-Through. Source: xAPI 1.0.3 part 3, section 2.1.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from lti_tool.errors import Conflict
from lti_tool.store.database import us
from lti_tool.store.schema.core import tenant
from lti_tool.store.schema.xapi import xapi_credential, xapi_link, xapi_statement
from xapi_bridge.statement import VOIDED

SCOPES = ("write", "read", "all")
WRITE_LOCK = 0x0A91  # PostgreSQL advisory lock: one writer at a time stamps `stored`
_CHUNK = 1000
LARGEST_PAGE_BYTES = 16 << 20  # a page ends here, however many statements were asked for
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}


class IdTaken(Conflict):
    """Another statement is stored under this id."""


class VoidRefused(Conflict):
    """A voiding statement cannot be voided."""


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks: a sender of one tenant."""

    id: str
    tenant_id: str
    key: str
    scope: str
    secret_hash: str
    enabled: bool  # the tenant has its own LRS switched on

    @property
    def may_write(self) -> bool:
        return self.scope in ("write", "all")

    @property
    def may_read(self) -> bool:
        return self.scope in ("read", "all")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A checked statement. `body` is finished but for `stored`; links are by whom it is found."""

    id: str
    verb: str
    registration: str
    target_id: str  # of a StatementRef, else ""
    digest: str
    agents: frozenset[str]  # identifiers of actor and object
    agents_around: frozenset[str]
    activities: frozenset[str]
    activities_around: frozenset[str]
    body: bytes

    @property
    def voids(self) -> str:
        return self.target_id if self.verb == VOIDED else ""


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of GET statements. Identifiers are as in `Incoming`; instants in microseconds."""

    agent: str = ""
    verb: str = ""
    activity: str = ""
    registration: str = ""
    related_agents: bool = False
    related_activities: bool = False
    since_us: int | None = None
    until_us: int | None = None
    ascending: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Found:
    rows: tuple[tuple[bytes, int], ...]  # body and stored_us
    last_us: int | None  # continue behind this; None: nothing is left


# --- who may ----------------------------------------------------------------------------------


def new_credential(conn: Connection, tenant_id: str, scope: str, now: datetime) -> tuple[str, str]:
    """Write a new sender and return its key and secret; the secret is shown this once."""
    key, secret = f"rm-{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    add_credential(conn, tenant_id, key, secret, scope, now)
    return key, secret


def add_credential(
    conn: Connection, tenant_id: str, key: str, secret: str, scope: str, now: datetime
) -> None:
    """Write a sender with a given key and secret.

    :raises Conflict: the key is taken.
    """
    if scope not in SCOPES:
        raise ValueError(f"scope {scope!r}")
    if credential(conn, key) is not None:
        raise Conflict("There is a sender with this key already.", remedy="Choose another key.")
    conn.execute(
        xapi_credential.insert().values(
            id=str(uuid.uuid4()),
            tenant_id=tenant_id,
            key=key,
            secret_hash=hashed(secret),
            scope=scope,
            created_us=us(now),
        )
    )


def credential(conn: Connection, key: str) -> Credential | None:
    row = conn.execute(
        select(xapi_credential, tenant.c.settings.label("switches"))
        .join(tenant, tenant.c.id == xapi_credential.c.tenant_id)
        .where(xapi_credential.c.key == key)
    ).first()
    if row is None:
        return None
    enabled = bool(row.switches.get("lrs_embedded", False))
    return Credential(row.id, row.tenant_id, row.key, row.scope, row.secret_hash, enabled)


def hashed(secret: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_stretched(secret, salt).hex()}"


def fits(secret: str, secret_hash: str) -> bool:
    """Return whether this is the secret; takes tens of milliseconds on purpose."""
    salt, _, wanted = secret_hash.partition("$")
    return hmac.compare_digest(_stretched(secret, bytes.fromhex(salt)), bytes.fromhex(wanted))


def _stretched(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, dklen=32, **_SCRYPT)


# --- writing ----------------------------------------------------------------------------------


def store(conn: Connection, tenant_id: str, incoming: Sequence[Incoming], now: datetime) -> None:
    """Write statements; those already here with the same content are left as they are.

    The caller holds a write transaction; all or nothing.

    :raises IdTaken: another statement is stored under one of the ids.
    :raises VoidRefused: one of them would void a voiding statement.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITE_LOCK})
    fresh = _fresh(conn, tenant_id, incoming)
    if not fresh:
        return
    last = conn.execute(select(func.max(xapi_statement.c.stored_us))).scalar() or 0
    first = max(us(now), last + 1)
    stamped = [(s, first + n) for n, s in enumerate(fresh)]
    conn.execute(xapi_statement.insert(), [_row(tenant_id, s, at) for s, at in stamped])
    links = [link for s, at in stamped for link in _links(tenant_id, s, at)]
    conn.execute(xapi_link.insert(), links)
    _void(conn, tenant_id, fresh)


def _fresh(conn: Connection, tenant_id: str, incoming: Sequence[Incoming]) -> list[Incoming]:
    mine = xapi_statement.c.tenant_id == tenant_id
    rows = conn.execute(
        select(xapi_statement.c.statement_id, xapi_statement.c.digest).where(
            mine, xapi_statement.c.statement_id.in_([s.id for s in incoming])
        )
    )
    known = {r.statement_id: r.digest for r in rows}
    if any(known.get(s.id, s.digest) != s.digest for s in incoming):
        raise IdTaken("Another statement is stored under this id.")
    return [s for s in incoming if s.id not in known]


def _row(tenant_id: str, s: Incoming, stored_us: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "statement_id": s.id,
        "stored_us": stored_us,
        "verb": _hash(s.verb),
        "registration": s.registration or None,
        "target_id": s.target_id or None,
        "voided_by": None,
        "digest": s.digest,
        "raw": s.body,
    }


def _links(tenant_id: str, s: Incoming, stored_us: int) -> Iterable[dict[str, Any]]:
    for kind, near, around in (
        ("agent", s.agents, s.agents_around),
        ("activity", s.activities, s.activities_around),
    ):
        for identifier in near | around:
            yield {
                "tenant_id": tenant_id,
                "kind": kind,
                "value": _hash(identifier),
                "stored_us": stored_us,
                "direct": identifier in near,
            }


def _void(conn: Connection, tenant_id: str, fresh: Sequence[Incoming]) -> None:
    """Mark what these statements void, and which of them were voided before they came."""
    mine = xapi_statement.c.tenant_id == tenant_id
    voiding = xapi_statement.c.verb == _hash(VOIDED)
    for s in fresh:
        if s.voids:
            target = mine & (xapi_statement.c.statement_id == s.voids)
            if conn.execute(select(xapi_statement.c.verb).where(target, voiding)).first():
                raise VoidRefused("A voiding statement cannot be voided.")
            conn.execute(update(xapi_statement).where(target).values(voided_by=s.id))
    rows = conn.execute(
        select(xapi_statement.c.statement_id, xapi_statement.c.target_id).where(
            mine, voiding, xapi_statement.c.target_id.in_([s.id for s in fresh if not s.voids])
        )
    ).all()
    for row in rows:
        target = mine & (xapi_statement.c.statement_id == row.target_id)
        conn.execute(update(xapi_statement).where(target).values(voided_by=row.statement_id))


def forget(conn: Connection, tenant_id: str, identifiers: Sequence[str]) -> int:
    """Delete what these agents did or what is about them; return how many statements."""
    link, mine = xapi_link.c, xapi_link.c.tenant_id == tenant_id
    theirs = select(link.stored_us).where(
        mine,
        link.kind == "agent",
        link.direct.is_(True),
        link.value.in_([_hash(identifier) for identifier in identifiers]),
    )
    stamps = list(conn.execute(theirs.distinct()).scalars())
    for start in range(0, len(stamps), _CHUNK):
        some = stamps[start : start + _CHUNK]
        conn.execute(delete(xapi_link).where(mine, link.stored_us.in_(some)))
        conn.execute(delete(xapi_statement).where(xapi_statement.c.stored_us.in_(some)))
    return len(stamps)


# --- reading ----------------------------------------------------------------------------------


def consistent_through_us(conn: Connection) -> int:
    """Return the instant up to which nothing can appear any more: the newest stamp we can see."""
    return conn.execute(select(func.max(xapi_statement.c.stored_us))).scalar() or 0


def one(
    conn: Connection, tenant_id: str, statement_id: str, *, voided: bool
) -> tuple[bytes, int] | None:
    """Return body and stored_us of a statement that is (or is not) voided."""
    state = xapi_statement.c.voided_by
    row = conn.execute(
        select(xapi_statement.c.raw, xapi_statement.c.stored_us).where(
            xapi_statement.c.tenant_id == tenant_id,
            xapi_statement.c.statement_id == statement_id,
            state.is_not(None) if voided else state.is_(None),
        )
    ).first()
    return None if row is None else (row.raw, row.stored_us)


def find(conn: Connection, tenant_id: str, query: Query, behind_us: int | None) -> Found:
    """Return a page of statements in the order of `stored`, beginning behind an instant.

    A statement about another statement is found where the other one would be.
    """
    here, target = xapi_statement, xapi_statement.alias("target")
    conditions = [here.c.tenant_id == tenant_id, here.c.voided_by.is_(None)]
    filters = _filters(here, tenant_id, query)
    if filters:
        through = and_(
            target.c.tenant_id == tenant_id,
            target.c.statement_id == here.c.target_id,
            *_filters(target, tenant_id, query),
        )
        conditions.append(or_(and_(*filters), exists().where(through)))
    stored = here.c.stored_us
    if query.since_us is not None:
        conditions.append(stored > query.since_us)
    if query.until_us is not None:
        conditions.append(stored <= query.until_us)
    if behind_us is not None:
        conditions.append(stored > behind_us if query.ascending else stored < behind_us)
    wanted = (
        select(here.c.raw, stored)
        .where(*conditions)
        .order_by(stored.asc() if query.ascending else stored.desc())
        .limit(query.limit + 1)
    )
    # A thousand large statements are more than fits into memory.
    with conn.execute(wanted, execution_options={"yield_per": 200}) as rows:
        return _page(((r.raw, r.stored_us) for r in rows), query.limit)


def _page(rows: Iterable[tuple[bytes, int]], limit: int) -> Found:
    """Return what fits: at least one statement, at most `limit`, and not too many bytes."""
    page: list[tuple[bytes, int]] = []
    size = 0
    for raw, stored_us in rows:
        size += len(raw)
        if len(page) == limit or (page and size > LARGEST_PAGE_BYTES):
            return Found(tuple(page), page[-1][1])
        page.append((raw, stored_us))
    return Found(tuple(page), None)


def _filters(table: Any, tenant_id: str, query: Query) -> list[ColumnElement[bool]]:
    found = []
    if query.verb:
        found.append(table.c.verb == _hash(query.verb))
    if query.registration:
        found.append(table.c.registration == query.registration)
    for kind, identifier, related in (
        ("agent", query.agent, query.related_agents),
        ("activity", query.activity, query.related_activities),
    ):
        if identifier:
            link = xapi_link.alias()
            linked = [
                link.c.tenant_id == tenant_id,
                link.c.kind == kind,
                link.c.value == _hash(identifier),
                link.c.stored_us == table.c.stored_us,
            ]
            found.append(exists().where(*linked, *([] if related else [link.c.direct.is_(True)])))
    return found


def _hash(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()
