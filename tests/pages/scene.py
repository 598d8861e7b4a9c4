"""People in every state a page can be in, made by the real flows in a real house.

A `Stage` is one house with one municipality and one platform; `visitor` launches somebody through
the door of the database (LTI itself is tested elsewhere) and returns cookie and address. Every
question kind can be put on the table with `ask`.
"""

import itertools
import random
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import insert

from competency.evidence import Evidence, Source
from competency.exam import ZONE
from competency.items import Item, Kind
from lti_tool.app import create_app
from lti_tool.bootstrap import House, build
from lti_tool.flows import assess, exams, measure, plan, profiles, roles
from lti_tool.flows.observe import refold
from lti_tool.ports import Arrival, Asked, Attempt, Learner, Services, TenantSettings
from lti_tool.settings import Settings
from lti_tool.store import platforms, tenants
from lti_tool.store.database import us
from lti_tool.store.launches import SqlDoor
from lti_tool.store.schema.core import evidence
from lti_tool.web import notices
from tests import migrated

WORD = "Personenstandsrechtsreformgesetz"
SETTINGS = TenantSettings(
    contact="Lernportal-Team, Zimmer 14",
    controller="Stadt Musterstadt, Rathausplatz 1, 00000 Musterstadt",
    officer="Datenschutzbeauftragte Stelle, Zimmer 12",
    accessibility_contact="Stelle für Barrierefreiheit, Zimmer 3",
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a running launch."""

    learner_id: str
    launch_id: str
    secret: str

    @property
    def home(self) -> str:
        return f"/l/{self.launch_id}/"

    @property
    def cookie(self) -> tuple[str, str]:
        """Name and value, as a browser sends them over plain http."""
        return "launch", self.secret

    @property
    def form_parts(self) -> tuple[str, ...]:
        """What the form token of this session is made of."""
        return "csrf", self.launch_id, self.secret


class Stage:
    """A house, its app, and everybody who came."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.house: House = build(settings)
        migrated.make(self.house.database)
        self.app: Flask = create_app(settings, self.house)
        self.now = datetime.now(UTC)
        self._count = itertools.count(1)
        with self.house.database.begin() as conn:
            self.tenant = tenants.add(
                conn, "musterstadt", "Stadt Musterstadt", "HE", SETTINGS, self.now
            )
            self.platform = platforms.add(
                conn,
                tenant_id=self.tenant.id,
                kind="moodle",
                issuer="https://lms.example",
                client_id="c",
                deployment_ids=["1"],
                auth_url="https://lms.example/auth",
                token_url="https://lms.example/token",
                jwks_url="https://lms.example/jwks",
                now=self.now,
            )

    @property
    def s(self) -> Services:
        return self.house.flows

    def visitor(self, *, role: str = "", language: str = "de") -> Visitor:
        """Launch somebody new."""
        arrival = Arrival(
            platform_id=self.platform.id,
            tenant_id=self.tenant.id,
            deployment_id="1",
            message_type="LtiResourceLinkRequest",
            subject=f"person-{next(self._count)}",
            nonce=str(uuid.uuid4()),
            instructor=False,
            locale=language,
            target=f"{self.settings.server.base_url}/",
            context_id="c1",
            context_title="Digital im Dienst",
            link_id="l1",
            role=role,
        )
        with SqlDoor(self.house.database, self.house.seal).begin() as entry:
            learner_id = entry.welcome(arrival, self.now)
            admitted = entry.open(arrival, learner_id, self.now)
        return Visitor(learner_id, admitted.launch_id, admitted.secret)

    def learner(self, visitor: Visitor) -> Learner:
        with self.s.store.read() as work:
            return work.learners.get(visitor.learner_id)

    def ready(self, *keys: str, language: str = "de", role: str = "") -> Visitor:
        """Return somebody who has read the first information, chosen roles and practised."""
        visitor = self.visitor(language=language, role=role)
        version = notices.version(self.tenant, self.settings)
        profiles.read_notice(self.s, self.learner(visitor), version, self.now)
        if keys:
            roles.choose(self.s, self.learner(visitor), keys, self.now)
        profiles.remember_practice(self.s, self.learner(visitor), self.now)
        return visitor

    def assessed(self, *keys: str, luck: float = 0.6, seed: int = 1, most: int = 99) -> Visitor:
        """Return somebody who has answered `most` questions, or all; `luck` of them well."""
        visitor, dice = self.ready(*keys), random.Random(seed)
        assess.start(self.s, self.learner(visitor), self.now)
        for n in range(most):
            if not self._answer(visitor, dice.random() < luck, self.now + timedelta(seconds=n)):
                break
        return visitor

    def measured_twice(self, *keys: str, first: float, then: float) -> Visitor:
        """Return somebody who answered a year ago with one luck, and today with another."""
        visitor = self.assessed(*keys, luck=first)
        a_year_ago = self.now - timedelta(days=365)
        with self.s.store.begin() as work:
            attempt = work.attempts.latest(visitor.learner_id)
            assert attempt is not None
            work.attempts.save(replace(attempt, started=a_year_ago, touched=a_year_ago))
        dice = random.Random(2)
        assess.start(self.s, self.learner(visitor), self.now)
        while self._answer(visitor, dice.random() < then, self.now):
            pass
        return visitor

    def _answer(self, visitor: Visitor, well: bool, now: datetime) -> bool:
        learner = self.learner(visitor)
        waiting = assess.open_question(self.s, learner, now)
        if waiting is None:
            return False
        response = best(waiting.item) if well else {"dont_know": True}
        assess.answer(self.s, learner, waiting.position, response, now)
        return True

    def ask(self, visitor: Visitor, item: Item, feedback: str = "end", **why: object) -> None:
        """Put this very question on the table, whatever the engine would have chosen."""
        learner = self.learner(visitor)
        assess.start(self.s, learner, self.now)
        order = tuple(range(len(item.options)))
        reason = {"about": item.competency if item.scored else "1.1", **why}
        with self.s.store.begin() as work:
            started = work.attempts.latest(learner.id)
            assert started is not None
            # A later attempt without the question that the engine has just asked.
            later = replace(
                started,
                id=str(uuid.uuid4()),
                started=self.now + timedelta(seconds=1),
                versions={**started.versions, "feedback": feedback},
            )
            work.attempts.save(later)
            work.attempts.ask(learner, Asked(later.id, 1, item.key, order, reason, self.now))

    def planned(self, visitor: Visitor, *, accepted: bool = False) -> Visitor:
        plan.current(self.s, self.learner(visitor), self.now)
        if accepted:
            plan.accept(self.s, self.learner(visitor), self.now)
        return visitor

    def learned(self, visitor: Visitor, unit: str) -> Visitor:
        """Let a unit be completed in the LMS, as the LRS would tell."""
        learner, taught = self.learner(visitor), self.s.content.catalogue.by_key[unit].lifts
        found = tuple(
            Evidence(
                id=str(uuid.uuid4()),
                source=Source.LRS,
                competency=code,
                kind="completion",
                a=1.2,
                b=(0.5,),
                category=1,
                at=self.now,
                arrival=n,
                unit=unit,
            )
            for n, code in enumerate(taught)
            if code in self.s.content.framework.dimensions
        )
        with self.house.database.begin() as conn:
            conn.execute(insert(evidence).values(_completion(learner, unit, self.now)))
        with self.s.store.begin() as work:
            work.evidence.add(learner, found)
            refold(self.s, work, learner, self.now)
        return visitor

    def held(self, visitor: Visitor, unit: str, days_ago: int) -> Visitor:
        """Let the tutorial of a unit be so many days ago, as a course tells."""
        day = (self.now - timedelta(days=days_ago)).astimezone(ZONE).date()
        exams.hold(self.s, self.learner(visitor), unit, day)
        return visitor

    def examined(self, visitor: Visitor, unit: str, *, fitting: int, most: int = 99) -> Visitor:
        """Let somebody answer `most` questions of a review, the first `fitting` of them well."""
        self.held(visitor, unit, 15)
        exams.start(self.s, self.learner(visitor), unit, self.now)
        for n in range(most):
            waiting = exams.question(self.s, self.learner(visitor), unit)
            if waiting is None:
                break
            given = best(waiting.item) if n < fitting else {"dont_know": True}
            learner = self.learner(visitor)
            exams.answer(self.s, learner, unit, waiting.position, given, self.now)
        return visitor

    def told(self, visitor: Visitor, unit: str, item: Item) -> None:
        """Let this very question be answered in a review, and not fit."""
        learner, run_id = self.learner(visitor), str(uuid.uuid4())
        order = tuple(range(len(item.options)))
        run = Attempt(
            id=run_id,
            tenant_id=learner.tenant_id,
            learner_id=learner.id,
            state="open",
            versions=measure.versions(self.s),
            target={"asked": 2, "needed": 1, "fitting": 0},
            answered=1,
            started=self.now,
            touched=self.now,
            unit=unit,
        )
        asked = Asked(run_id, 1, item.key, order, {"exam": unit}, self.now)
        with self.s.store.begin() as work:
            work.attempts.save(run)
            work.attempts.ask(learner, asked)
            work.attempts.answer(replace(asked, response={"x": 1}, category=0, answered=self.now))

    def first_unit(self, visitor: Visitor) -> str:
        path = plan.current(self.s, self.learner(visitor), self.now).path
        assert path is not None
        return path.steps[0].unit

    def client(self, visitor: Visitor | None = None) -> FlaskClient:
        client = self.app.test_client()
        if visitor is not None:
            client.set_cookie(*visitor.cookie, path=visitor.home)
        return client

    def csrf(self, visitor: Visitor) -> str:
        return self.house.seal.digest(*visitor.form_parts)

    def item(self, kind: Kind) -> Item:
        found = [i for i in self.s.content.items if i.kind is kind]
        return next((i for i in found if i.picture), found[0])

    def close(self) -> None:
        self.house.close()


def _completion(learner: Learner, unit: str, now: datetime) -> dict[str, object]:
    """Return the row that says a unit is done; the pull loop writes it beside the evidence."""
    return {
        "id": str(uuid.uuid4()),
        "tenant_id": learner.tenant_id,
        "learner_id": learner.id,
        "source": "lrs",
        "statement_id": str(uuid.uuid4()),
        "rule_id": "completion",
        "unit": unit,
        "kind": "completion",
        "b": [],
        "eff_us": us(now),
        "arrival_us": us(now),
    }


def best(item: Item) -> dict[str, object]:
    """Return the best response to an item."""
    every = range(len(item.options))
    if item.kind is Kind.ORDERING:
        return {"order": list(every)}
    if item.kind in (Kind.MATCHING, Kind.CATEGORIZE):
        return {"targets": [o.target for o in item.options]}
    if item.kind in (Kind.MULTIPLE_RESPONSE, Kind.HOTSPOT):
        return {"choices": [n for n in every if item.options[n].correct]}
    if item.kind is Kind.PRACTICAL_TASK:
        return {"done": list(every)}
    if item.kind is Kind.SCENARIO:
        return {"choice": max(every, key=lambda n: item.options[n].points)}
    if item.kind is Kind.SELF_RATING:
        return {"choice": 2}
    return {"choice": next(n for n in every if item.options[n].correct)}
