"""A municipality on each kind of store, with people in roles and people in the administration."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lti_tool.flows import assess, observe, roles
from lti_tool.ports import Actor, Learner, Services, Tenant, TenantSettings
from lti_tool.privacy import PersonData
from lti_tool.seal import Seal
from lti_tool.settings import ROOT
from lti_tool.store import tenants
from lti_tool.store.database import Database, us
from lti_tool.store.schema import core
from lti_tool.store.work import SqlStore
from tests import migrated
from tests.conftest import NOW
from tests.fakes import FakeStore
from tests.unit.flows.test_the_arrows import CONTENT, some_response

HR, MANAGER = Actor("staff:hr", "t"), Actor("staff:manager", "t")


@dataclass
class Town:
    """A municipality, its services, and a clock that tests may move."""

    s: Services
    tenant: Tenant
    database: Database | None
    now: datetime = NOW

    @property
    def hr(self) -> Actor:
        return replace(HR, tenant_id=self.tenant.id)

    @property
    def manager(self) -> Actor:
        return replace(MANAGER, tenant_id=self.tenant.id)

    def switch(self, **settings: Any) -> None:
        with self.s.store.begin() as work:
            work.tenants.change(self.tenant.id, replace(self.tenant.settings, **settings))

    def person(self, *keys: str) -> Learner:
        made = Learner(str(uuid.uuid4()), self.tenant.id)
        if self.database is None:
            self.s.store.memory.learners[made.id] = made  # type: ignore[attr-defined]
        else:
            row = {"id": made.id, "tenant_id": made.tenant_id, "language": "de", "roles": []}
            moments = {"created_us": us(self.now), "last_seen_us": us(self.now)}
            with self.database.begin() as conn:
                conn.execute(core.learner.insert().values(**row, **moments))
        return roles.choose(self.s, made, keys, self.now) if keys else made

    def answered(self, *keys: str, most: int = 99) -> Learner:
        """Return somebody with a profile."""
        learner = self.person(*keys)
        assess.start(self.s, learner, self.now)
        for n in range(most):
            question = assess.open_question(self.s, learner, self.now)
            if question is None:
                return learner
            response = some_response(question.item, question.position)
            moment = self.now + timedelta(seconds=n)
            assess.answer(self.s, learner, question.position, response, moment)
        assess.settle(self.s, learner, self.now)
        return learner

    def work_off(self, learner: Learner) -> None:
        """Do what the worker does for one person."""
        observe.refold_learner(self.s, learner.id, self.now)

    def audited(self) -> list[tuple[str, str, Any]]:
        """Return actor, action and detail of every entry, in order."""
        if self.database is None:
            return list(self.s.store.memory.audit)  # type: ignore[attr-defined]
        with self.database.read() as conn:
            rows = conn.execute(core.audit.select().order_by(core.audit.c.at_us))
            return [(r.actor, r.action, r.detail) for r in rows]


def _services(store: Any) -> Services:
    return Services(
        store=store,
        content=CONTENT,
        registry=PersonData.load(ROOT / "config" / "privacy.toml"),
        base_url="http://localhost",
        statements=lambda event: [dict(event)],
    )


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def town(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Town]:
    if request.param == "fake":
        store = FakeStore()
        store.memory.tenants["t"] = Tenant("t", "t", "T", "HE")
        yield Town(_services(store), store.memory.tenants["t"], None)
        return
    url = f"sqlite:///{tmp_path / 'soll.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    migrated.make(database)
    with database.begin() as conn:
        tenant = tenants.add(conn, "t", "T", "HE", TenantSettings(), NOW)
    yield Town(_services(SqlStore(database, Seal("s" * 40))), tenant, database)
    database.close()
