"""A municipality whose LRS, grade book and plan service are one receiver, and persons in it."""

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import select

from competency.path import StepState
from lti_tool import senders
from lti_tool.flows import plan
from lti_tool.flows.deliver import Backoff, DeliveryReport, deliver
from lti_tool.ports import TenantSettings
from lti_tool.store import lrs, platforms, tenants
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.schema.core import outbox
from tests.conftest import settings_for
from tests.integration.trust.receiver import Receiver
from tests.integration.trust.town import GARDENER, arriving_as
from tests.pages.scene import Stage, Visitor

BACKOFF = Backoff(first_s=5.0, attempts=4)
ALL_ON = TenantSettings(ags=True, plan_service=True)


class Town:
    """A municipality whose LRS, grade book and plan service are one receiver."""

    def __init__(self, database_url: str, settings: TenantSettings, kind: str = "moodle") -> None:
        self.there = Receiver()
        self.stage = Stage(settings_for(database_url))
        self.stage.tenant = replace(self.stage.tenant, settings=settings)
        house, now = self.stage.house, self.stage.now
        with house.database.begin() as conn:
            tenants.change(conn, self.stage.tenant.id, settings)
            self.platform = platforms.add(
                conn,
                tenant_id=self.stage.tenant.id,
                kind=kind,
                issuer="https://moodle.example",
                client_id="moodle",
                deployment_ids=["1"],
                auth_url="https://moodle.example/auth",
                token_url=f"{self.there.url}/token",
                jwks_url="https://moodle.example/jwks",
                now=now,
            )
            token = house.seal.seal("plan-token")
            platforms.set_plan_service(conn, self.platform.id, f"{self.there.url}/plan", token)
            place = {"tenant_id": self.stage.tenant.id, "endpoint": f"{self.there.url}/xapi"}
            lrs.add(conn, house.seal, name="stadt", key="k", secret="s", now=now, **place)  # type: ignore[arg-type]

    def gardener(self, subject: str = "4711", *, accepted: bool = True, done: int = 1) -> Visitor:
        """Return somebody with a result, and a path: accepted or not, some steps of it done."""
        place = {"platform_id": self.platform.id, "services": self.services}
        with arriving_as(self.stage, subject, **place) as hers:
            visitor = hers.planned(hers.assessed(GARDENER, luck=0.3), accepted=accepted)
        for _ in range(done if accepted else 0):
            self.learned(visitor)
        return visitor

    def learned(self, visitor: Visitor) -> None:
        """Let the first step that is still open be done."""
        path = plan.current(self.stage.s, self.stage.learner(visitor), self.stage.now).path
        assert path is not None
        unit = next(step.unit for step in path.steps if step.state is not StepState.DONE)
        self.stage.learned(visitor, unit)

    @property
    def services(self) -> dict[str, str]:
        return {"lineitem": f"{self.there.url}/scores/7/lineitem"}

    def send(self, after_s: float = 0.0) -> DeliveryReport:
        """Deliver what is due so many seconds from now."""
        now = self.stage.now + timedelta(seconds=after_s)
        return deliver(self.stage.s, senders.of(self.stage.house), BACKOFF, now)

    def rows(self) -> list[tuple[str, str]]:
        with self.stage.house.database.read() as conn:
            found = conn.execute(select(outbox.c.kind, outbox.c.state).order_by(outbox.c.kind))
            return [(r.kind, r.state) for r in found]

    def stuck(self) -> list[dict[str, object]]:
        with self.stage.house.database.read() as conn:
            return SqlOutbox(conn, self.stage.house.seal).stuck()

    def switch(self, **switches: object) -> None:
        with self.stage.house.database.begin() as conn:
            found = tenants.get(conn, self.stage.tenant.id)
            tenants.change(conn, found.id, replace(found.settings, **switches))  # type: ignore[arg-type]

    def close(self) -> None:
        self.there.close()
        self.stage.close()
