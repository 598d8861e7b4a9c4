"""The embedded LRS's store: statements verbatim, strictly ordered, voided where they are.

Reading is in `xapi_queries`, the clock and the lock in `xapi_clock`. Source: xAPI 1.0.3 data 2.3.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from lti_tool.errors import Conflict
from lti_tool.store import bulk, xapi_activities, xapi_attachments
from lti_tool.store.database import insert_missing
from lti_tool.store.schema.embedded import xapi_link, xapi_statement
from lti_tool.store.xapi_attachments import Attachment
from lti_tool.store.xapi_clock import stamp_us
from lti_tool.store.xapi_links import ACTIVITY, AGENT, FILE, SENDER, TARGET, digest, digest_of_thing
from xapi_bridge.findable import Findable
from xapi_bridge.same import same
from xapi_bridge.statement import VOIDED

_VOIDED = digest(VOIDED)


class IdTaken(Conflict):
    """Another statement is stored under this id."""


class VoidRefused(Conflict):
    """A voiding statement cannot be voided."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A checked statement. `body` is finished but for `stored`; `given` is it as it was sent."""

    id: str
    assigned: bool  # the id is ours: nobody can have known it before
    given: Mapping[str, Any]
    verb: str
    registration: str
    target_id: str  # of a StatementRef, else ""
    found_by: Findable
    files: frozenset[str]  # SHA-2 of its attachments, lower case
    body: bytes

    @property
    def voids(self) -> str:
        return self.target_id if self.verb == VOIDED else ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one request brings. `sender`: a key that reads only its own, else ""."""

    statements: Sequence[Incoming]
    attachments: Sequence[Attachment] = ()
    definitions: Sequence[tuple[str, Any]] = ()  # activity, definition
    sender: str = ""


def store(conn: Connection, tenant_id: str, batch: Batch) -> None:
    """Write statements; those already here with the same content are left as they are.

    The caller holds a write transaction; all or nothing.

    :raises IdTaken: another statement is stored under one of the ids.
    :raises VoidRefused: one of them would void a voiding statement.
    """
    first = stamp_us(conn, tenant_id)
    fresh = _fresh(conn, tenant_id, batch.statements)
    if not fresh:
        return
    stamped = list(enumerate(fresh, first))
    bulk.insert_all(conn, xapi_statement, [_row(tenant_id, s, at) for at, s in stamped])
    links = [
        (tenant_id, kind, value, at, direct)
        for at, s in stamped
        for kind, value, direct in _links(s, batch.sender)
    ]
    bulk.insert_all(conn, xapi_link, links)
    xapi_attachments.put(conn, tenant_id, batch.attachments, first)
    xapi_activities.learn(conn, tenant_id, batch.definitions, first)
    _point(conn, tenant_id, stamped)
    _void(conn, tenant_id, fresh)


def _fresh(conn: Connection, tenant_id: str, incoming: Sequence[Incoming]) -> list[Incoming]:
    given = {s.id: s for s in incoming if not s.assigned}
    known = set()
    c = xapi_statement.c
    columns = (c.statement_id, c.raw)
    for statement_id, raw in bulk.found(
        conn, columns, (c.tenant_id, tenant_id), c.statement_id, list(given)
    ):
        if not same(given[statement_id].given, orjson.loads(raw)):
            raise IdTaken("Another statement is stored under this id.")
        known.add(statement_id)
    return [s for s in incoming if s.id not in known]


def _row(tenant_id: str, s: Incoming, stored_us: int) -> tuple[Any, ...]:
    verb, registration, target = digest_of_thing(s.verb), s.registration or None, s.target_id
    return tenant_id, s.id, stored_us, verb, registration, target or None, None, s.body


def _links(s: Incoming, sender: str) -> Iterator[tuple[str, str, bool]]:
    found = s.found_by
    for kind, identifiers, direct, of in (
        (AGENT, found.agents, True, digest),
        (AGENT, found.agents_around, False, digest),
        (ACTIVITY, found.activities, True, digest_of_thing),
        (ACTIVITY, found.activities_around, False, digest_of_thing),
        (FILE, s.files, True, digest),
    ):
        for identifier in identifiers:
            yield kind, of(identifier), direct
    if sender:
        yield SENDER, digest(sender), True
    if s.target_id:
        yield TARGET, s.target_id, True


def _point(conn: Connection, tenant_id: str, stamped: Sequence[tuple[int, Incoming]]) -> None:
    """Let statements about statements about statements be found where the last one is."""
    pointing = {s.id: s.target_id for _, s in stamped if s.target_id}
    if not pointing:
        return
    rows = []
    for at, s in stamped:
        if s.target_id:
            beyond = _targets(conn, tenant_id, s.target_id)
            behind = _pointing_to(conn, tenant_id, s.id)
            rows += [(at, target) for target in beyond]
            rows += [(stamp, target) for stamp in behind for target in {s.target_id, *beyond}]
    mine = {"tenant_id": tenant_id, "kind": TARGET, "direct": False}
    links = [{**mine, "value": target, "stored_us": at} for at, target in dict.fromkeys(rows)]
    insert_missing(conn, xapi_link, links)


def _targets(conn: Connection, tenant_id: str, statement_id: str) -> set[str]:
    """Return what a statement points to, near and far."""
    here = select(xapi_statement.c.stored_us).where(
        xapi_statement.c.tenant_id == tenant_id, xapi_statement.c.statement_id == statement_id
    )
    link = xapi_link.c
    found = select(link.value).where(
        link.tenant_id == tenant_id, link.kind == TARGET, link.stored_us == here.scalar_subquery()
    )
    return set(conn.execute(found).scalars())


def _pointing_to(conn: Connection, tenant_id: str, statement_id: str) -> list[int]:
    link = xapi_link.c
    found = select(link.stored_us).where(
        link.tenant_id == tenant_id, link.kind == TARGET, link.value == statement_id
    )
    return list(conn.execute(found).scalars())


def _void(conn: Connection, tenant_id: str, fresh: Sequence[Incoming]) -> None:
    """Mark what these statements void, and which of them were voided before they came."""
    c, mine = xapi_statement.c, xapi_statement.c.tenant_id == tenant_id
    for s in fresh:
        if s.voids:
            target = mine & (c.statement_id == s.voids)
            if conn.execute(select(c.verb).where(target, c.verb == _VOIDED)).first():
                raise VoidRefused("A voiding statement cannot be voided.")
            conn.execute(update(xapi_statement).where(target).values(voided_by=s.id))
    known = [s.id for s in fresh if not s.voids and not s.assigned]
    columns = (c.statement_id, c.target_id, c.verb)
    for voided_by, target_id, verb in bulk.found(
        conn, columns, (c.tenant_id, tenant_id), c.target_id, known
    ):
        if verb == _VOIDED:
            target = mine & (c.statement_id == target_id)
            conn.execute(update(xapi_statement).where(target).values(voided_by=voided_by))
