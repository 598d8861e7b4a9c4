"""Every page of the administration x everybody who could ask, and what each of them gets.

The table is STAFF of test_routes.py; a route that is not in it fails there. Nobody comes in by a
launch, nobody sees or changes another municipality's things, and a right that ended has ended.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from lti_tool.flows import staff as rights
from lti_tool.store import platforms, quarantine, xapi_keys
from lti_tool.store.database import us
from lti_tool.store.schema.core import audit
from lti_tool.store.schema.embedded import xapi_credential
from lti_tool.store.schema.lti import deployment, platform
from lti_tool.store.schema.soll import soll_role, soll_version, soll_workshop
from lti_tool.store.schema.staff import staff_grant, staff_session
from tests.conftest import settings_for
from tests.integration.trust.test_routes import STAFF, error_code
from tests.integration.trust.town import come, neighbour
from tests.pages import forum
from tests.pages.desk import (
    OPERATOR,
    OWN_ROLE,
    PROVIDER,
    Official,
    busy,
    by_link,
    official,
    with_right,
)
from tests.pages.scene import Stage, Visitor

ASKED = [(rule, method) for rule, (methods, _) in STAFF.items() for method in methods]
CHANGES = [(rule, method) for rule, method in ASKED if method == "POST"]
#: What belongs to one municipality; all are asked with the same questions.
ABOUT_ONE = [(rule, method) for rule, method in ASKED if "<" in rule and STAFF[rule][1] != "items"]
COUNCIL_READS = {"soll", "items", "retention", "log", ""}
FORM = {"state": "active", "do": "retry", "job": "deliver", "language": "de"}
FORM |= {"name": "Moodle", "scope": "write"}


@dataclass
class Hall:
    """Two municipalities, and something of the first on every page."""

    stage: Stage
    other: Stage
    place: str
    number: str
    person: str
    shop: str

    def path(self, rule: str) -> str:
        path = rule.replace("<platform>", self.stage.platform.id).replace("<place>", self.place)
        path = path.replace("<number>", self.number).replace("<person>", self.person)
        path = path.replace("<role>", "lotse").replace("<work>", OWN_ROLE)
        path = path.replace("<provider>", PROVIDER["key"])
        path = path.replace("<key>", self.key())
        path = path.replace("<bank>", self.stage.s.content.newest("items").ref)
        topic = "1.1" if "fragen" in rule else "1"
        path = path.replace("<shop>", self.shop).replace("<topic>", topic)
        return path.replace("<version>", "1")

    def key(self) -> str:
        """Return a key of the embedded LRS that is in use; one that is not has no page any more."""
        with self.stage.house.database.begin() as conn:
            known = xapi_keys.SqlLrsKeys(conn).listed(self.stage.tenant.id)
            if used := [k.key for k in known if k.revoked is None]:
                return used[0]
            return xapi_keys.new_credential(conn, self.stage.tenant.id, "write", self.stage.now)[0]

    def ask(self, who: Official | None, rule: str, method: str):
        form = FORM | ({"csrf": self.stage.csrf(who)} if who else {})
        client = self.client(who)
        return client.open(self.path(rule), method=method, data=form if method == "POST" else None)

    def client(self, who: Official | None) -> FlaskClient:
        client = self.stage.app.test_client()
        if who is not None:
            name, value = who.cookie
            client.set_cookie(name, value, path="/admin")
        return client

    def state(self) -> list[object]:
        """Return what belongs to the first municipality and could be changed."""
        tables = (
            (platform.c.state, platform.c.tenant_id),
            (deployment.c.state, None),
            (staff_grant.c.revoked_us, staff_grant.c.tenant_id),
            (audit.c.action, audit.c.tenant_id),
            (soll_version.c.state, soll_version.c.tenant_id),
            (soll_role.c.retired_us, soll_role.c.tenant_id),
            (xapi_credential.c.revoked_us, xapi_credential.c.tenant_id),
            (soll_workshop.c.state, soll_workshop.c.tenant_id),
        )
        found: list[object] = [self.key()]
        with self.stage.house.database.read() as conn:
            for column, owner in tables:
                asked = select(column).order_by(column)
                asked = asked.where(owner == self.stage.tenant.id) if owner is not None else asked
                found.append([tuple(row) for row in conn.execute(asked)])
            found.append(quarantine.count(conn, self.stage.tenant.id))
        return found


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    url = f"sqlite:///{tmp_path_factory.mktemp('staff') / 'staff.db'}"
    stage = Stage(settings_for(url))
    # What the test of the connections finds is no matter here, and nobody is to be called.
    stage.app.extensions["roadmap_checkup"] = lambda _tenant: []
    busy(stage)
    other = neighbour(stage, "nachbarstadt")
    with stage.house.database.read() as conn:
        places = [p for p in platforms.deployments(conn) if p.platform_id == stage.platform.id]
        aside = quarantine.listed(conn, stage.tenant.id)[0]
    person = with_right(stage, "lotse").learner_id
    shop = forum.opened(stage).id
    yield Hall(stage, other, places[0].id, aside.number, person, shop)
    stage.close()


def posing(visitor: Visitor) -> Official:
    """Return somebody who brings the secret of a launch as if it were one of the administration."""
    return Official(visitor.learner_id, visitor.launch_id, visitor.secret)


def revoked(hall: Hall) -> Official:
    who = official(hall.stage)
    rights.revoke(hall.stage.s, OPERATOR, who.learner_id, "admin", hall.stage.now)
    return who


def without_pages(hall: Hall) -> Official:
    """Return somebody whose rights open no page any more, with a session from before."""
    who = official(hall.stage)
    with_right(hall.stage, "evaluator", who)
    rights.revoke(hall.stage.s, OPERATOR, who.learner_id, "admin", hall.stage.now)
    return who


def expired(hall: Hall, **columns: timedelta) -> Official:
    who = official(hall.stage)
    with hall.stage.house.database.begin() as conn:
        mine = update(staff_session).where(staff_session.c.id == who.launch_id)
        conn.execute(mine.values({n: us(hall.stage.now - ago) for n, ago in columns.items()}))
    return who


@pytest.mark.parametrize(("rule", "method"), ASKED)
def test_who_is_not_signed_in_gets_one_and_the_same_refusal(
    hall: Hall, rule: str, method: str
) -> None:
    strangers = {
        "nobody": None,
        "a learner": posing(hall.stage.visitor()),
        "an instructor": posing(come(hall.stage, "instructor-1", instructor=True)),
        "an admin with a launch only": posing(with_right(hall.stage, "admin")),
    }
    before = hall.state()
    for name, who in strangers.items():
        answer = hall.ask(who, rule, method)
        assert (answer.status_code, error_code(answer.text)) == (403, "staff-session"), name
    assert hall.state() == before


@pytest.mark.parametrize(("rule", "method"), ASKED)
def test_a_session_that_ended_opens_nothing(hall: Hall, rule: str, method: str) -> None:
    idle = expired(hall, seen_us=timedelta(minutes=31))
    old = expired(hall, created_us=timedelta(hours=4, minutes=1))
    left = official(hall.stage)
    hall.ask(left, "/admin/ende", "POST")
    before = hall.state()
    for who in (idle, old, left):
        answer = hall.ask(who, rule, method)
        assert (answer.status_code, error_code(answer.text)) == (403, "staff-session")
    assert hall.state() == before


@pytest.mark.parametrize(("rule", "method"), ASKED)
def test_a_right_that_was_taken_away_opens_nothing_from_that_moment(
    hall: Hall, rule: str, method: str
) -> None:
    people = (revoked(hall), without_pages(hall))
    before = hall.state()
    for who in people:
        answer = hall.ask(who, rule, method)
        assert (answer.status_code, error_code(answer.text)) == (403, "staff-right")
    assert hall.state() == before


@pytest.mark.parametrize(("rule", "method"), ASKED)
def test_the_staff_council_reads_about_rules_and_changes_nothing(
    hall: Hall, rule: str, method: str
) -> None:
    who, area = official(hall.stage, "staff-council"), STAFF[rule][1]
    before = hall.state()
    answer = hall.ask(who, rule, method)
    if area in COUNCIL_READS and (method == "GET" or not area):
        assert answer.status_code in (200, 303)
    else:
        assert (answer.status_code, error_code(answer.text)) == (403, "staff-right")
    assert hall.state() == before


@pytest.mark.parametrize(("rule", "method"), ABOUT_ONE)
def test_the_admin_of_another_municipality_finds_nothing_of_ours(
    hall: Hall, rule: str, method: str
) -> None:
    theirs = official(hall.other, visitor=come(hall.other, "admin-there"))
    before = hall.state()
    assert hall.ask(theirs, rule, method).status_code == 404
    assert hall.state() == before


@pytest.mark.parametrize("rule", sorted(r for r, m in ASKED if m == "GET" and "<" not in r))
def test_the_pages_of_another_municipality_show_nothing_of_ours(hall: Hall, rule: str) -> None:
    theirs = official(hall.other, visitor=come(hall.other, "admin-there"))
    text = hall.client(theirs).get(rule, follow_redirects=True).text
    ours = (
        hall.stage.platform.id,
        hall.place,
        hall.number,
        hall.person,
        "ILIAS der Stadt",
        hall.key(),
    )
    assert not [found for found in ours if found in text]


def test_another_municipality_names_our_things_in_its_forms_in_vain(hall: Hall) -> None:
    theirs = official(hall.other, visitor=come(hall.other, "admin-there"))
    before, csrf = hall.state(), hall.stage.csrf(theirs)
    client = hall.client(theirs)
    for path, form in (
        ("/admin/ausgang", {"kind": "score", "target": hall.stage.platform.id}),
        ("/admin/rechte", {"person": hall.person, "role": "admin"}),
    ):
        assert client.post(path, data=form | {"csrf": csrf}).status_code in (200, 303)
    assert hall.state() == before


@pytest.mark.parametrize(("rule", "method"), ASKED)
@pytest.mark.parametrize("way", ["from a launch", "by a one-time link"])
def test_an_admin_may_do_everything(hall: Hall, rule: str, method: str, way: str) -> None:
    who = official(hall.stage) if way == "from a launch" else by_link(hall.stage, hall.stage.tenant)
    with_right(hall.stage, "lotse", Visitor(hall.person, "", ""))
    answer = hall.ask(who, rule, method)
    # A form without content is answered by its view, never by the guard.
    assert answer.status_code in (200, 303)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'self'" in answer.headers["Content-Security-Policy"].split("; ")


@pytest.mark.parametrize(("rule", "method"), CHANGES)
def test_a_form_that_is_not_from_our_own_page_changes_nothing(
    hall: Hall, rule: str, method: str
) -> None:
    who, colleague = official(hall.stage), official(hall.stage)
    good = hall.stage.csrf(who)
    tries = (
        ("form-token", {"csrf": ""}, {}),
        ("form-token", {"csrf": hall.stage.csrf(colleague)}, {}),
        ("form-origin", {"csrf": good}, {"Origin": "https://evil.example"}),
        ("form-origin", {"csrf": good}, {"Origin": "null"}),
        ("form-origin", {"csrf": good}, {"Sec-Fetch-Site": "cross-site"}),
    )
    before = hall.state()
    for code, token, headers in tries:
        client = hall.client(who)
        answer = client.open(hall.path(rule), method=method, data=FORM | token, headers=headers)
        assert (answer.status_code, error_code(answer.text)) == (403, code)
    assert hall.state() == before
