"""Attachments of the embedded LRS: their bytes, once per tenant for all statements with them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from lti_tool.store.database import upsert
from lti_tool.store.schema.embedded import xapi_attachment, xapi_link
from lti_tool.store.xapi_links import FILE, digest


@dataclass(frozen=True, slots=True)
class Attachment:
    sha2: str  # lower case
    content_type: str
    content: bytes


def put(
    conn: Connection, tenant_id: str, attachments: Iterable[Attachment], stored_us: int
) -> None:
    """Keep these; what is here already stays. Writes; the caller commits."""
    for file in attachments:
        row = {
            "tenant_id": tenant_id,
            "file": digest(file.sha2),
            "sha2": file.sha2,
            "content_type": file.content_type,
            "size": len(file.content),
            "content": file.content,
            # Even if it is here: a purge that is about to delete it sees that it is new again.
            "stored_us": stored_us,
        }
        kept = frozenset({"sha2", "content_type", "size", "content"})
        upsert(conn, xapi_attachment, row, "tenant_id", "file", keep=kept)


def held(conn: Connection, tenant_id: str, digests: Iterable[str]) -> frozenset[str]:
    """Return which of these (SHA-2 digests in lower case) are here."""
    by_file = {digest(sha2): sha2 for sha2 in digests}
    mine = xapi_attachment.c.tenant_id == tenant_id
    found = select(xapi_attachment.c.file).where(mine, xapi_attachment.c.file.in_(by_file))
    return frozenset(by_file[file] for file in conn.execute(found).scalars())


def sizes(conn: Connection, tenant_id: str, stamps: Sequence[int]) -> Mapping[int, dict[str, int]]:
    """Return, per statement (by its stamp), which files it has and how large they are."""
    rows = conn.execute(
        select(xapi_link.c.stored_us, xapi_attachment.c.file, xapi_attachment.c.size)
        .join(
            xapi_attachment,
            (xapi_attachment.c.tenant_id == xapi_link.c.tenant_id)
            & (xapi_attachment.c.file == xapi_link.c.value),
        )
        .where(
            xapi_link.c.tenant_id == tenant_id,
            xapi_link.c.kind == FILE,
            xapi_link.c.stored_us.in_(stamps),
        )
    )
    found: dict[int, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row.stored_us, {})[row.file] = row.size
    return found


def get(conn: Connection, tenant_id: str, files: Iterable[str]) -> list[Attachment]:
    """Return files as `sizes` names them, in a stable order."""
    mine = xapi_attachment.c.tenant_id == tenant_id
    wanted = select(xapi_attachment).where(mine, xapi_attachment.c.file.in_(list(files)))
    rows = conn.execute(wanted.order_by(xapi_attachment.c.stored_us, xapi_attachment.c.file))
    return [Attachment(r.sha2, r.content_type, r.content) for r in rows]
