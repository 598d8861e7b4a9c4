"""What the embedded LRS holds of a person: counted, handed out, deleted.

A person is given by the identifiers her statements may carry. What she did, what is about her and
her documents are deleted; where others did something and she is only named beside (as instructor,
in a team), her name and identifier are cut out and their statement stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, delete, func, select, update

from lti_tool.store import xapi_documents
from lti_tool.store.database import at
from lti_tool.store.schema.embedded import (
    xapi_attachment,
    xapi_document,
    xapi_link,
    xapi_statement,
)
from lti_tool.store.xapi_links import AGENT, FILE, digest
from xapi_bridge.erased import without_agents

CHUNK = 500
TABLES = ("xapi_statement", "xapi_document", "xapi_attachment")


def forget(conn: Connection, tenant_id: str, identifiers: Sequence[str]) -> Mapping[str, int]:
    """Delete what is of this person; return how many rows of which table. Writes."""
    stamps = _stamps(conn, tenant_id, identifiers, direct=True)
    files = _files(conn, tenant_id, stamps)
    for some in _chunks(stamps):
        for table in (xapi_link, xapi_statement):
            mine = table.c.tenant_id == tenant_id
            conn.execute(delete(table).where(mine, table.c.stored_us.in_(some)))
    _cut_out(conn, tenant_id, identifiers)
    return {
        "xapi_statement": len(stamps),
        "xapi_document": xapi_documents.forget(conn, tenant_id, identifiers),
        "xapi_attachment": _drop_unused(conn, tenant_id, files),
    }


def counts(conn: Connection, tenant_id: str, identifiers: Sequence[str]) -> Mapping[str, int]:
    """Return how many rows of which table `forget` would delete."""
    stamps = _stamps(conn, tenant_id, identifiers, direct=True)
    theirs = xapi_documents.of_agents(tenant_id, identifiers)
    number = select(func.count()).select_from(xapi_document).where(theirs)
    return {
        "xapi_statement": len(stamps),
        "xapi_document": conn.execute(number).scalar_one(),
        "xapi_attachment": len(_files(conn, tenant_id, stamps)),
    }


def rows(
    conn: Connection, tenant_id: str, identifiers: Sequence[str]
) -> Mapping[str, list[Mapping[str, Any]]]:
    """Return what is of this person, in words that can be read: for her copy."""
    stamps = _stamps(conn, tenant_id, identifiers, direct=True)
    documents = conn.execute(
        select(xapi_document).where(xapi_documents.of_agents(tenant_id, identifiers))
    )
    return {
        "xapi_statement": _statements(conn, tenant_id, stamps),
        "xapi_document": [
            {
                "kind": r.kind,
                "document_id": r.document_id,
                "content_type": r.content_type,
                "content": r.content.decode("utf-8", "replace"),
                "updated": at(r.updated_us).isoformat(),
            }
            for r in documents
        ],
        "xapi_attachment": _attachments(conn, tenant_id, _files(conn, tenant_id, stamps)),
    }


def _statements(conn: Connection, tenant_id: str, stamps: Sequence[int]) -> list[Mapping[str, Any]]:
    c = xapi_statement.c
    found: list[Mapping[str, Any]] = []
    for some in _chunks(sorted(stamps)):
        wanted = select(c.raw, c.stored_us).where(c.tenant_id == tenant_id, c.stored_us.in_(some))
        found += [
            {"stored": at(r.stored_us).isoformat(), "statement": orjson.loads(r.raw)}
            for r in conn.execute(wanted.order_by(c.stored_us))
        ]
    return found


def _attachments(conn: Connection, tenant_id: str, files: Sequence[str]) -> list[Mapping[str, Any]]:
    c = xapi_attachment.c
    found: list[Mapping[str, Any]] = []
    for some in _chunks(files):
        wanted = select(c.sha2, c.content_type, c.size).where(
            c.tenant_id == tenant_id, c.file.in_(some)
        )
        found += [dict(r._mapping) for r in conn.execute(wanted)]
    return found


def _cut_out(conn: Connection, tenant_id: str, identifiers: Sequence[str]) -> None:
    """Take this person out of statements in which she is only named beside."""
    gone, c = frozenset(identifiers), xapi_statement.c
    values = [digest(identifier) for identifier in gone]
    for some in _chunks(_stamps(conn, tenant_id, identifiers, direct=False)):
        here = (c.tenant_id == tenant_id) & c.stored_us.in_(some)
        for row in conn.execute(select(c.stored_us, c.raw).where(here)).all():
            raw = orjson.dumps(without_agents(orjson.loads(row.raw), gone))
            this = (c.tenant_id == tenant_id) & (c.stored_us == row.stored_us)
            conn.execute(update(xapi_statement).where(this).values(raw=raw))
        link = xapi_link.c
        conn.execute(
            delete(xapi_link).where(
                link.tenant_id == tenant_id,
                link.kind == AGENT,
                link.value.in_(values),
                link.stored_us.in_(some),
            )
        )


def _stamps(
    conn: Connection, tenant_id: str, identifiers: Sequence[str], *, direct: bool
) -> list[int]:
    """Return the stamps of statements in which this person acts (`direct`), or is named beside."""
    link = xapi_link.c
    theirs = select(link.stored_us).where(
        link.tenant_id == tenant_id,
        link.kind == AGENT,
        link.direct.is_(direct),
        link.value.in_([digest(identifier) for identifier in identifiers]),
    )
    # Asked for distinct ones, SQLite would walk through all stamps of all persons.
    return sorted(set(conn.execute(theirs).scalars()))


def _files(conn: Connection, tenant_id: str, stamps: Sequence[int]) -> list[str]:
    link, found = xapi_link.c, set[str]()
    for some in _chunks(stamps):
        theirs = select(link.value).where(
            link.tenant_id == tenant_id, link.kind == FILE, link.stored_us.in_(some)
        )
        found |= set(conn.execute(theirs).scalars())
    return sorted(found)


def _drop_unused(conn: Connection, tenant_id: str, files: Sequence[str]) -> int:
    """Delete those of these files that no statement has any more; return how many."""
    c, gone = xapi_attachment.c, 0
    for some in _chunks(files):
        mine = (c.tenant_id == tenant_id) & c.file.in_(some)
        gone += conn.execute(delete(xapi_attachment).where(mine, unused())).rowcount
    return gone


def unused() -> Any:
    """Return the condition that no statement has an attachment any more."""
    link = xapi_link.alias("use")
    return ~(
        select(link.c.stored_us)
        .where(
            link.c.tenant_id == xapi_attachment.c.tenant_id,
            link.c.kind == FILE,
            link.c.value == xapi_attachment.c.file,
        )
        .exists()
    )


def _chunks(values: Sequence[Any]) -> list[Sequence[Any]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]
