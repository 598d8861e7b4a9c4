"""Statements about a test of another provider: its result becomes evidence, as from a file.

Which activity is which topic of which provider stands in the register (`test_provider`); such an
activity never counts as a Lerneinheit besides. Rows <-> `competency.external`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select

from competency.external import Result, evidence_of, origin_of, until, value_in
from competency.framework import Framework
from competency.provider import Provider, ProviderInvalid, provider_of
from lti_tool.seal import Seal
from lti_tool.store.database import at
from lti_tool.store.evidence import behind, said_by
from lti_tool.store.schema.providers import test_provider
from xapi_bridge.mapping import Trust
from xapi_bridge.statement import Statement


@dataclass(frozen=True, slots=True)
class Test:
    """What an activity is: a topic of a provider, as it is registered now."""

    provider: Provider
    version: int
    topic: str


@dataclass(frozen=True)
class ForeignTests:
    """Reads the register once, and only if there is one. `framework` None: nothing is a test."""

    conn: Connection
    seal: Seal
    tenant_id: str
    framework: Framework | None

    @cached_property
    def by_activity(self) -> Mapping[str, Test]:
        if self.framework is None:
            return {}
        mine = select(test_provider.c.document, test_provider.c.version).where(
            test_provider.c.tenant_id == self.tenant_id, test_provider.c.retired_us.is_(None)
        )
        found: dict[str, Test] = {}
        for row in self.conn.execute(mine):
            if not row.document.get("activities"):
                continue
            try:
                provider = provider_of(row.document, self.framework)
            except ProviderInvalid:
                continue  # the page of the test providers says what is wrong
            for activity, topic in provider.activities.items():
                found[activity] = Test(provider, row.version, topic)
        return found

    def of(self, statement: Statement) -> Test | None:
        """Return the test a statement is about; None: it is about something else."""
        return self.by_activity.get(statement.activity.id) if self.by_activity else None

    def rows(
        self, test: Test, s: Statement, row: Mapping[str, Any], trust: Trust, now: datetime
    ) -> list[dict[str, Any]]:
        """Return the rows of evidence of a statement's result; none if it holds no usable one."""
        assert self.framework is not None
        provider, done = test.provider, at(row["eff_us"])
        value = value_in(s.result, provider)
        believed = trust.allows(s) and not s.actor.group and provider.contract_on is not None
        band = provider.scale.band(value) if value else None
        if not believed or band is None or value is None or until(provider, done.date()) <= now:
            return []
        result = Result(test.topic, value, done.date(), band)
        owner = f"{self.tenant_id}|{row['learner_id']}"
        pieces = evidence_of(provider, self.framework, result, owner, row["received_us"])
        return [
            {
                **said_by(e),
                **behind(self.seal, self.tenant_id, row, s.activity.id),
                "rule_id": f"{provider.key}-{test.version}/{e.competency}",
                "unit": None,
                "origin": origin_of(provider, test.version, result),
            }
            for e in pieces
        ]
