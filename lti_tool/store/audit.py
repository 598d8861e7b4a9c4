"""Who did what, about what, and when. Only ever added to; the retention job removes what is old.

A detail names things (a platform, a rule, a count), never a result of a person.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from lti_tool.store.database import at, us
from lti_tool.store.schema.core import audit


@dataclass(frozen=True, slots=True)
class Entry:
    at: datetime
    actor: str
    action: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SqlAudit:
    """Implements ports.Audit."""

    conn: Connection

    def note(
        self, actor: str, action: str, detail: Any, now: datetime, tenant_id: str | None = None
    ) -> None:
        self.conn.execute(
            audit.insert().values(
                id=str(uuid.uuid4()),
                tenant_id=tenant_id,
                actor=actor,
                action=action,
                detail=detail,
                at_us=us(now),
            )
        )


def page(conn: Connection, tenant_id: str, limit: int, skip: int = 0) -> list[Entry]:
    """Return entries of a municipality, the newest first."""
    mine = select(audit).where(audit.c.tenant_id == tenant_id)
    newest = mine.order_by(audit.c.at_us.desc(), audit.c.id).limit(limit).offset(skip)
    rows = conn.execute(newest)
    return [Entry(at(r.at_us), r.actor, r.action, r.detail or {}) for r in rows]


def counted(conn: Connection, tenant_id: str) -> dict[str, int]:
    """Return how often each action happened, most often first."""
    number = func.count()
    rows = conn.execute(
        select(audit.c.action, number)
        .where(audit.c.tenant_id == tenant_id)
        .group_by(audit.c.action)
        .order_by(number.desc(), audit.c.action)
    )
    return {row[0]: row[1] for row in rows}
