"""The store behind `ports.Store`: one transaction, one `SqlWork`."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection

from lti_tool.ports import Tenant, TenantSettings
from lti_tool.seal import Seal
from lti_tool.store import tenants
from lti_tool.store.attempts import SqlAttempts
from lti_tool.store.database import Database, us
from lti_tool.store.evidence import SqlEvidence
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.learners import SqlLearners
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.paths import SqlPaths, SqlProfiles
from lti_tool.store.schema.core import audit


@dataclass(frozen=True, slots=True)
class SqlTenants:
    conn: Connection

    def get(self, tenant_id: str) -> Tenant:
        return tenants.get(self.conn, tenant_id)

    def change(self, tenant_id: str, settings: TenantSettings) -> None:
        tenants.change(self.conn, tenant_id, settings)

    def activities(self, tenant_id: str) -> dict[str, str]:
        return tenants.activities(self.conn, tenant_id)


@dataclass(frozen=True, slots=True)
class SqlAudit:
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


@dataclass(frozen=True)
class SqlWork:
    """One transaction. Areas are made when first used: a page touches two or three of them."""

    conn: Connection
    seal: Seal

    @cached_property
    def tenants(self) -> SqlTenants:
        return SqlTenants(self.conn)

    @cached_property
    def learners(self) -> SqlLearners:
        return SqlLearners(self.conn, self.seal)

    @cached_property
    def attempts(self) -> SqlAttempts:
        return SqlAttempts(self.conn)

    @cached_property
    def evidence(self) -> SqlEvidence:
        return SqlEvidence(self.conn)

    @cached_property
    def profiles(self) -> SqlProfiles:
        return SqlProfiles(self.conn)

    @cached_property
    def paths(self) -> SqlPaths:
        return SqlPaths(self.conn)

    @cached_property
    def outbox(self) -> SqlOutbox:
        return SqlOutbox(self.conn, self.seal)

    @cached_property
    def jobs(self) -> SqlJobs:
        return SqlJobs(self.conn)

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self.conn)


@dataclass(frozen=True, slots=True)
class SqlStore:
    database: Database
    seal: Seal

    @contextmanager
    def begin(self) -> Iterator[SqlWork]:
        with self.database.begin() as conn:
            yield SqlWork(conn, self.seal)

    @contextmanager
    def read(self) -> Iterator[SqlWork]:
        with self.database.read() as conn:
            yield SqlWork(conn, self.seal)
