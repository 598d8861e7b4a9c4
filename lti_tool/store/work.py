"""The store behind `ports.Store`: one transaction, one `SqlWork`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from lti_tool.ports import Tenant, TenantSettings
from lti_tool.seal import Seal
from lti_tool.store import tenants
from lti_tool.store.attempts import SqlAttempts
from lti_tool.store.audit import SqlAudit
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database
from lti_tool.store.evidence import SqlEvidence
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.learners import SqlLearners
from lti_tool.store.linking import SqlLinks
from lti_tool.store.mappings import SqlMappings
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.paths import SqlPaths, SqlProfiles
from lti_tool.store.platforms import SqlPlatforms
from lti_tool.store.providers import SqlProviders
from lti_tool.store.quarantine import SqlQuarantine
from lti_tool.store.shares import SqlShares
from lti_tool.store.soll import SqlSoll
from lti_tool.store.staff import SqlStaff
from lti_tool.store.workshops import SqlWorkshops
from lti_tool.store.xapi_keys import SqlLrsKeys


@dataclass(frozen=True, slots=True)
class SqlTenants:
    conn: Connection

    def get(self, tenant_id: str) -> Tenant:
        return tenants.get(self.conn, tenant_id)

    def change(self, tenant_id: str, settings: TenantSettings) -> None:
        tenants.change(self.conn, tenant_id, settings)

    def activities(self, tenant_id: str) -> dict[str, str]:
        return tenants.activities(self.conn, tenant_id)


@dataclass(frozen=True)
class SqlWork:
    """One transaction. Areas are made when first used: a page touches two or three of them."""

    conn: Connection
    seal: Seal
    meaning: Meaning | None = None  # only the quarantine reads statements

    @cached_property
    def tenants(self) -> SqlTenants:
        return SqlTenants(self.conn)

    @cached_property
    def learners(self) -> SqlLearners:
        return SqlLearners(self.conn, self.seal)

    @cached_property
    def links(self) -> SqlLinks:
        return SqlLinks(self.conn, self.seal)

    @cached_property
    def mappings(self) -> SqlMappings:
        return SqlMappings(self.conn)

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
    def shares(self) -> SqlShares:
        return SqlShares(self.conn, self.seal)

    @cached_property
    def jobs(self) -> SqlJobs:
        return SqlJobs(self.conn)

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self.conn)

    @cached_property
    def staff(self) -> SqlStaff:
        return SqlStaff(self.conn, self.seal)

    @cached_property
    def soll(self) -> SqlSoll:
        return SqlSoll(self.conn)

    @cached_property
    def workshops(self) -> SqlWorkshops:
        return SqlWorkshops(self.conn, self.seal)

    @cached_property
    def providers(self) -> SqlProviders:
        return SqlProviders(self.conn, self.seal)

    @cached_property
    def platforms(self) -> SqlPlatforms:
        return SqlPlatforms(self.conn)

    @cached_property
    def quarantine(self) -> SqlQuarantine:
        return SqlQuarantine(self.conn, self.seal, self.meaning)

    @cached_property
    def lrs_keys(self) -> SqlLrsKeys:
        return SqlLrsKeys(self.conn)


@dataclass(frozen=True, slots=True)
class SqlStore:
    database: Database
    seal: Seal
    meaning: Meaning | None = None

    @contextmanager
    def begin(self) -> Iterator[SqlWork]:
        with self.database.begin() as conn:
            yield SqlWork(conn, self.seal, self.meaning)

    @contextmanager
    def read(self) -> Iterator[SqlWork]:
        with self.database.read() as conn:
            yield SqlWork(conn, self.seal, self.meaning)
