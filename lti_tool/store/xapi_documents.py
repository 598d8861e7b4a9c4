"""Documents of the embedded LRS: state of an activity, profiles of activities and of agents.

Each is a content with a type under an id, in a place: kind, activity, agent, registration. Who
writes holds the document's row (PostgreSQL) or the database (SQLite), so what was checked still
holds. Source: xAPI 1.0.3 communication 2.2, 2.3, 2.6, 2.7, 3.1.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, text

from lti_tool.store.database import upsert
from lti_tool.store.schema.embedded import xapi_document
from lti_tool.store.xapi_links import digest

STATE, ACTIVITY_PROFILE, AGENT_PROFILE = "state", "activity", "agent"
_KEYS = ("tenant_id", "kind", "activity", "agent", "registration", "name")


@dataclass(frozen=True, slots=True)
class Place:
    """Where documents are; `registration` None: whatever it is (for many documents only)."""

    kind: str
    activity: str = ""
    agent: str = ""  # identifier, as in `findable`
    registration: str | None = ""


@dataclass(frozen=True, slots=True)
class Document:
    content: bytes
    content_type: str
    updated_us: int

    @property
    def etag(self) -> str:
        """The SHA-1 of the content, as xAPI 1.0.3 asks for."""
        return hashlib.sha1(self.content, usedforsecurity=False).hexdigest()


def get(conn: Connection, tenant_id: str, place: Place, document_id: str) -> Document | None:
    return _one(conn, tenant_id, place, document_id, select(xapi_document))


def lock(conn: Connection, tenant_id: str, place: Place, document_id: str) -> Document | None:
    """Return the document; until the transaction ends nobody else changes or makes it."""
    if conn.dialect.name == "postgresql":  # a row that is not there yet cannot be locked
        name = digest("\n".join([tenant_id, *_key(place), document_id]))
        taken = text("SELECT pg_advisory_xact_lock(:name)")
        conn.execute(taken, {"name": int(name[:15], 16)})
    return _one(conn, tenant_id, place, document_id, select(xapi_document))


def put(
    conn: Connection, tenant_id: str, place: Place, document_id: str, document: Document
) -> None:
    """Write a document whole. Writes; the caller commits."""
    kind, activity, agent, registration = _key(place)
    row = {
        "tenant_id": tenant_id,
        "kind": kind,
        "activity": activity,
        "agent": agent,
        "registration": registration,
        "name": digest(document_id),
        "document_id": document_id,
        "content_type": document.content_type,
        "content": document.content,
        "updated_us": document.updated_us,
    }
    upsert(conn, xapi_document, row, *_KEYS)


def remove(conn: Connection, tenant_id: str, place: Place, document_id: str | None) -> int:
    """Delete one document, or all in a place; return how many."""
    which = _in(tenant_id, place)
    if document_id is not None:
        which = which & (xapi_document.c.name == digest(document_id))
    return conn.execute(delete(xapi_document).where(which)).rowcount


def ids(
    conn: Connection, tenant_id: str, place: Place, since_us: int | None
) -> tuple[list[str], int]:
    """Return the ids of documents in a place, and when the newest was changed (0: none)."""
    c = xapi_document.c
    wanted = select(c.document_id, c.updated_us).where(_in(tenant_id, place))
    if since_us is not None:
        wanted = wanted.where(c.updated_us > since_us)
    rows = conn.execute(wanted.order_by(c.updated_us, c.document_id)).all()
    newest = rows[-1].updated_us if rows else 0
    return list(dict.fromkeys(r.document_id for r in rows)), newest


def forget(conn: Connection, tenant_id: str, identifiers: Sequence[str]) -> int:
    """Delete what is stored about these agents; return how many documents."""
    theirs = of_agents(tenant_id, identifiers)
    return conn.execute(delete(xapi_document).where(theirs)).rowcount


def of_agents(tenant_id: str, identifiers: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a document is about one of these agents."""
    values = [digest(identifier) for identifier in identifiers]
    return (xapi_document.c.tenant_id == tenant_id) & xapi_document.c.agent.in_(values)


def _one(
    conn: Connection, tenant_id: str, place: Place, document_id: str, wanted: Any
) -> Document | None:
    which = _in(tenant_id, place) & (xapi_document.c.name == digest(document_id))
    row = conn.execute(wanted.where(which)).first()
    return None if row is None else Document(row.content, row.content_type, row.updated_us)


def _in(tenant_id: str, place: Place) -> ColumnElement[bool]:
    kind, activity, agent, registration = _key(place)
    c = xapi_document.c
    found = (
        (c.tenant_id == tenant_id)
        & (c.kind == kind)
        & (c.activity == activity)
        & (c.agent == agent)
    )
    return found if place.registration is None else found & (c.registration == registration)


def _key(place: Place) -> tuple[str, str, str, str]:
    return (
        place.kind,
        digest(place.activity) if place.activity else "",
        digest(place.agent) if place.agent else "",
        place.registration or "",
    )
