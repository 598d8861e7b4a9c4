"""The administration with something on every page, and people in it."""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from competency.soll import Granularity
from lti_tool.flows import providers, role_list, soll
from lti_tool.flows import staff as rights
from lti_tool.flows.role_list import RoleDraft
from lti_tool.flows.soll import Decision, Wanted
from lti_tool.flows.staff import Ticket
from lti_tool.ports import Actor, Delivery, Tenant, TenantSettings
from lti_tool.store import (
    checkups,
    launches,
    lrs,
    platforms,
    refusals,
    rounds,
    runs,
    tenants,
)
from lti_tool.store.arrivals import Arrivals
from lti_tool.store.database import us
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.xapi import unmapped
from tests.pages.scene import Stage, Visitor
from xapi_bridge.capabilities import Capabilities
from xapi_bridge.errors import CredentialsRefused
from xapi_bridge.statement import Bad, parse

OPERATOR = Actor("cli")
OWN_ROLE = "BAD"
PAGE, QUIZ = (f"https://lms.example/mod/{m}" for m in ("page/view.php?id=9", "h5p/view.php?id=3"))
LIKE_RALPH = Capabilities(
    since="timestamp",
    order="timestamp",
    boolean="ignored",
    more="path",
    last_more="missing",
    page_cap=100,
    skew_s=0.4,
    may_write=True,
    documents=False,
    voided=False,
    filters="unusable",
    agents="usable",
)
NAME, RESULT = "Frau Kanarienvogel", 0.4711  # must never be seen
HALF_READ = (
    f'{{"id": "6b9d1f0e-6a0f-4d3e-9d52-4a1f6d1f0009", "actor": {{"name": "{NAME}", "mbox": "x"}}, '
    '"verb": {"id": "http://adlnet.gov/expapi/verbs/completed"}, '
    '"object": {"id": "https://lms.example/mod/quiz/view.php?id=22"}, '
    f'"result": {{"score": {{"scaled": {RESULT}}}}}, "timestamp": "2026-11-20T09:00:00Z"}}'
)


#: A test of another provider, as it stands in the register.
PROVIDER: dict[str, Any] = {
    "key": "digicheck",
    "name": "DigiCheck",
    "method": "test",
    "error_steps": 1.5,
    "months": 18,
    "licence": "Vertrag 17/2026",
    "contract_on": "2026-01-05",
    "address": "https://lms.example/mod/lti/view.php?id=9",
    "scale": {
        "shape": "points",
        "lowest": 0,
        "highest": 100,
        "bands": [{"points": p, "step": s} for p, s in ((0, 0), (30, 1), (50, 3), (80, 5))],
    },
    "topics": {"Suchen": "1.1"} | {f"Bereich {n}": str(n) for n in range(1, 6)},
    "columns": {"person": "Code", "by": "code", "date": "Datum", "topic": "Thema", "value": "Wert"},
}


@dataclass(frozen=True, slots=True)
class Official(Visitor):
    """Somebody in the administration. `launch_id` is the number of the session."""

    @property
    def home(self) -> str:
        return "/admin/"

    @property
    def cookie(self) -> tuple[str, str]:
        return "staff", f"{self.launch_id}.{self.secret}"

    @property
    def form_parts(self) -> tuple[str, ...]:
        return "csrf", "staff", self.launch_id, self.secret


def with_right(stage: Stage, role: str, visitor: Visitor | None = None) -> Visitor:
    """Return a launch of somebody with a granted right."""
    visitor = visitor or stage.visitor()
    rights.grant(stage.s, OPERATOR, visitor.learner_id, role, stage.now)
    return visitor


def official(stage: Stage, role: str = "admin", visitor: Visitor | None = None) -> Official:
    """Return somebody who came into the administration from a launch."""
    visitor = with_right(stage, role, visitor)
    with stage.house.database.read() as conn:
        opened = launches.find(conn, visitor.launch_id)
    assert opened is not None
    ticket = Ticket(str(uuid.uuid4()), visitor.launch_id)
    admitted = rights.enter_by_launch(stage.s, opened.launch, ticket, stage.now)
    assert admitted is not None
    return Official(visitor.learner_id, admitted.launch_id, admitted.secret)


def by_link(stage: Stage, tenant: Tenant) -> Official:
    """Return somebody who came by a one-time link."""
    code = rights.make_link(stage.s, OPERATOR, tenant.id, stage.now)
    admitted = rights.enter_by_link(stage.s, code, "de", stage.now)
    assert admitted is not None
    return Official("", admitted.launch_id, admitted.secret)


def new_town(stage: Stage, key: str = "neustadt") -> Tenant:
    """Return a municipality with nothing in it."""
    with stage.house.database.begin() as conn:
        return tenants.add(conn, key, "Stadt Neustadt", "HE", TenantSettings(), stage.now)


def busy(stage: Stage) -> None:
    """Put something on every page: what waits, what failed, what could not be read."""
    now, tenant_id = stage.now, stage.tenant.id
    with stage.house.database.begin() as conn:
        store = lrs.add(
            conn,
            stage.house.seal,
            tenant_id=tenant_id,
            name="stadt",
            endpoint="https://lrs.example/xapi",
            key="k",
            secret="s",
            now=now,
            capabilities=LIKE_RALPH.document(),
        )
        _looked_back(stage, conn, store)
        said = CredentialsRefused("The store refuses our key (401). Check key and secret.")
        lrs.failed(conn, store.id, said, now)
        arrivals = Arrivals(conn, stage.house.seal, store, stage.house.meaning, us(now))
        arrivals.take(
            [
                Bad(HALF_READ.encode(), "actor has several identifiers", 0),
                Bad(b"{", "not valid JSON: unexpected end", 1),
            ],
            None,
        )
        platforms.note_pending(conn, stage.platform, "17", now)
        _blocked_platform(stage, conn)
        for code, number in (("deployment-unknown", 3), ("launch-used", 2)):
            for _ in range(number):
                refusals.count(conn, code, stage.platform.id, now, None)
        refusals.count(conn, "token-from-future", stage.platform.id, now, 74.0)
        refusals.count(conn, "issuer-unknown", "", now, None)
        runs.note(conn, "deliver", now)
        runs.note(conn, "refold", now)
        runs.note(conn, "purge", now, "The job ran out of memory. Give the worker more.")
        conn.execute(unmapped.insert().values(_unmapped(tenant_id, now)))
        checkups.claim(conn, tenant_id, now, now)
        checkups.finish(conn, tenant_id, RESULTS, now)
    _letters(stage, store.id, now)
    providers.save(stage.s, OPERATOR, tenant_id, PROVIDER, now)
    decided(stage)


def lively(stage: Stage, store: LrsConnection | None = None) -> LrsConnection:
    """Let somebody do things in the learning portal, one of them as H5P and one unknown."""
    somebody = stage.visitor()
    with stage.s.store.read() as work:
        name = work.learners.places(somebody.learner_id)[0].subject
    said = [
        _statement(name, "completed", PAGE, "Sichere Passwörter"),
        _statement(name, "completed", QUIZ, "Quiz Phishing", score={"raw": 9, "min": 0, "max": 10}),
        _statement(name, "initialized", QUIZ, "Quiz Phishing"),
        _statement(name, "mastered", QUIZ, "Quiz Phishing"),
        _statement("nobody-yet", "completed", PAGE, "Sichere Passwörter"),
    ]
    with stage.house.database.begin() as conn:
        store = store or lrs.add(
            conn,
            stage.house.seal,
            tenant_id=stage.tenant.id,
            name="lernen",
            endpoint="https://lrs.example/xapi",
            key="k",
            secret="s",
            now=stage.now,
        )
        arrivals = Arrivals(conn, stage.house.seal, store, stage.house.meaning, us(stage.now))
        arrivals.take([parse(orjson.dumps(document)) for document in said], None)
    return store


def twins(stage: Stage) -> None:
    """Let a message fit two people: an account that is one's id and another's login."""
    one, other = stage.visitor(), stage.visitor()
    with stage.s.store.read() as work:
        name = work.learners.places(one.learner_id)[0].subject
    seal, tenant_id = stage.house.seal, stage.tenant.id
    row = {
        "platform_id": stage.platform.id,
        "kind": "username",
        "digest": seal.digest("identity", stage.platform.id, "username", name),
        "tenant_id": tenant_id,
        "learner_id": other.learner_id,
        "sealed": seal.seal(name),
        "verified_by": "list",
        "created_us": us(stage.now),
    }
    said = parse(orjson.dumps(_statement(name, "completed", PAGE, "Sichere Passwörter")))
    with stage.house.database.begin() as conn:
        conn.execute(identity.insert().values(row))
        store = lrs.listed(conn, tenant_id=tenant_id)[0]
        Arrivals(conn, seal, store, stage.house.meaning, us(stage.now)).take([said], None)


def _statement(person: str, verb: str, activity: str, name: str, **result: object) -> object:
    return {
        "id": str(uuid.uuid4()),
        "actor": {"name": NAME, "account": {"homePage": "https://lms.example", "name": person}},
        "verb": {"id": f"http://adlnet.gov/expapi/verbs/{verb}"},
        "object": {"id": activity, "definition": {"name": {"de": name}}},
        "result": result or {"completion": True},
        "timestamp": "2026-11-20T09:00:00Z",
        "stored": "2026-11-20T09:00:01Z",
    }


def decided(stage: Stage) -> None:
    """Put a Soll in every state: approved, coming, being checked, drafted; retire a role."""
    s, home, now = stage.s, stage.tenant.id, stage.now
    by = Actor("cli", home)
    given = RoleDraft(OWN_ROLE, "Badeaufsicht", "Aufsicht am Becken, Kasse, Technik", "non_desk")
    role_list.add(s, by, home, given, now)
    role_list.retire(s, by, home, "BIB", now)
    areas = {a.code: 3 + n % 3 for n, a in enumerate(s.content.framework.areas)}
    by_area = Wanted(Granularity.AREA, 8, areas, {"1": "Aufträge suchen alle auf dem Tablet."})
    soll.draft(s, by, home, OWN_ROLE, by_area, now)
    for key, first in (("GB", None), ("GB", now.date() + timedelta(days=60)), ("ERZ", None)):
        role = next(r for r in s.content.roles if r.key == key)
        made = soll.draft(s, by, home, key, soll.as_proposed(s, role), now)
        soll.submit(s, by, home, made.id, now)
        soll.involve_council(s, by, home, made.id, now.date() - timedelta(days=9), now)
        soll.approve(s, by, home, made.id, Decision("Leitung Hauptamt", first), now)
    steps = soll.proposed(s, next(r for r in s.content.roles if r.key == "ERZ"))
    more = replace(soll.as_proposed(s, s.content.roles[0]), steps=steps | {"4.2": 8, "1.1": 0})
    waiting = soll.draft(s, by, home, "ERZ", more, now)
    soll.submit(s, by, home, waiting.id, now)


def _looked_back(stage: Stage, conn: Connection, store: lrs.LrsConnection) -> None:
    """A night sweep that found something, and a store that has changed since."""
    night = stage.now - timedelta(hours=7)
    rounds.begin(conn, store.id, "night", night)
    rounds.count(conn, store.id, "night", 412, 3, 900.0)
    rounds.finish(conn, store.id, "night", night)
    lrs.probed(conn, store, LIKE_RALPH.document() | {"page_cap": 50}, night)


def _blocked_platform(stage: Stage, conn) -> None:
    made = platforms.add(
        conn,
        tenant_id=stage.tenant.id,
        kind="ilias",
        name="ILIAS der Stadt",
        issuer="https://ilias.example",
        client_id="i",
        deployment_ids=["1"],
        auth_url="https://ilias.example/auth",
        token_url="https://ilias.example/token",
        jwks_url="https://ilias.example/jwks",
        now=stage.now,
    )
    platforms.set_state(conn, made.id, "blocked")


def _letters(stage: Stage, lrs_id: str, now: datetime) -> None:
    """Put messages into the outbox: some wait, some are dead."""
    somebody = stage.visitor()
    refused = "The platform refused a score (status 400). Is the person still a learner?"
    letters = (("score", stage.platform.id, refused), ("statements", lrs_id, ""))
    for kind, target, error in letters:
        for number in range(2):
            delivery = Delivery(
                id=str(uuid.uuid4()),
                tenant_id=stage.tenant.id,
                learner_id=somebody.learner_id,
                kind=kind,
                target_id=target,
                dedupe=f"{kind}-{number}-{uuid.uuid4()}",
                body={"score": RESULT, "name": NAME},
            )
            with stage.s.store.begin() as work:
                work.outbox.put(delivery, now - timedelta(hours=3))
                if error:
                    claimed = work.outbox.claim(delivery, now)
                    assert claimed is not None
                    work.outbox.failed(claimed, error, None, now)


def _unmapped(tenant_id: str, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "activity": "https://lms.example/mod/page/view.php?id=9",
        "verb": "completed",
        "count": 4,
        "last_us": us(now),
    }


def _result(code: str, *, ok: bool, **values: str) -> dict[str, object]:
    said = {"name": code, "ok": ok, "message": code, "remedy": "", "code": code}
    return said | {"values": {"about": "Moodle der Stadt", "count": "2", **values}}


RESULTS = (
    _result("address-fine", ok=True, url="https://roadmap.example"),
    _result("places-waiting", ok=False, count="1"),
    _result("keys-unreachable", ok=False, why="the host name is unknown"),
    _result("clock-skew", ok=False, seconds="74"),
    _result("token-refused", ok=False),
    _result("cookies-fine", ok=True, count="0"),
    _result("lrs-readable", ok=True, about="stadt"),
    _result("lrs-readonly", ok=False, about="stadt"),
)
