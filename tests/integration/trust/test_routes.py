"""Every route x everybody who could ask: a person's result leaves only by the own launch.

The table is the list of all routes; a new one fails here until somebody has said what it is.
Source: decisions.md 1.1, law.md 2.3.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from lti_tool.flows import assess, profiles, reflecting
from tests.conftest import settings_for
from tests.integration.trust.town import (
    CLERK,
    GARDENER,
    arriving_as,
    come,
    neighbour,
    reflect_all,
    without_clock,
)
from tests.pages.enriched import SOUND, enriched
from tests.pages.scene import Stage, Visitor

CANARY = "Kanarienvogel im Rathaus"  # the learner's own words beside a piece of evidence
SUBJECT = "kanarie-4711"  # her id in the LMS

#: Below /l/<launch>/: path, methods, and whether the own GET shows a page (else it leads on).
LEARNER = {
    "/l/<launch>/": ("GET",),
    "/l/<launch>/hinweis": ("GET", "POST"),
    "/l/<launch>/rolle": ("GET", "POST"),
    "/l/<launch>/sprache": ("POST",),
    "/l/<launch>/hilfe": ("GET",),
    "/l/<launch>/verwaltung": ("GET",),
    "/l/<launch>/probe": ("GET", "POST"),
    "/l/<launch>/anfangen": ("POST",),
    "/l/<launch>/frage": ("GET", "POST"),
    "/l/<launch>/frage/<int:position>": ("GET",),
    "/l/<launch>/ton/<bank>/<name>": ("GET",),
    "/l/<launch>/pause": ("GET", "POST"),
    "/l/<launch>/geschafft": ("GET",),
    "/l/<launch>/profil": ("GET", "POST"),
    "/l/<launch>/profil/<code>/stimmt-nicht": ("GET", "POST"),
    "/l/<launch>/lernpfad": ("GET", "POST"),
    "/l/<launch>/lernpfad/<unit>/verschieben": ("GET", "POST"),
    "/l/<launch>/lernpfad/<unit>/tauschen": ("GET", "POST"),
    "/l/<launch>/einheit/<unit>": ("GET",),
    "/l/<launch>/einsetzen": ("GET", "POST"),
    "/l/<launch>/einsicht": ("GET",),
    "/l/<launch>/daten": ("GET",),
    "/l/<launch>/daten/herunterladen": ("GET",),
    "/l/<launch>/daten/verknuepfen": ("GET", "POST"),
    "/l/<launch>/daten/andere-tests": ("GET", "POST"),
    "/l/<launch>/daten/teilen": ("GET", "POST"),
    "/l/<launch>/daten/loeschen": ("GET", "POST"),
    "/l/<launch>/nur-fuer-mich/<item>": ("GET", "POST"),
    "/l/<launch>/ende": ("GET", "POST"),
    "/l/<launch>/rueckblick/<unit>": ("GET", "POST"),
    "/l/<launch>/rueckblick/<unit>/frage": ("GET", "POST"),
    "/l/<launch>/rueckblick/<unit>/antwort/<int:position>": ("GET",),
    "/l/<launch>/rueckblick/<unit>/ergebnis": ("GET",),
    "/l/<launch>/rueckblick/<unit>/<placed>": ("GET",),
    "/l/<launch>/api/me": ("GET",),
    "/l/<launch>/api/session": ("GET", "POST"),
    "/l/<launch>/api/profile": ("GET",),
    "/l/<launch>/api/path": ("GET",),
}

#: Everything else: path to ask, and its methods. None of it may know a person.
PUBLIC = {
    "/": ("/", ("GET",)),
    "/datenschutz": ("/datenschutz?fuer=musterstadt", ("GET",)),
    "/barrierefreiheit": ("/barrierefreiheit?fuer=musterstadt", ("GET",)),
    "/static/<digest>/<path:name>": ("/static/0/roadmap.css", ("GET",)),
    "/lti/login": ("/lti/login", ("GET", "POST")),
    "/lti/launch": ("/lti/launch", ("POST",)),
    "/lti/fenster": ("/lti/fenster", ("POST",)),
    "/lti/jwks": ("/lti/jwks", ("GET",)),
    "/lti/register": ("/lti/register", ("GET",)),
    "/lti/register&<path:rest>": ("/lti/register&p=ilias", ("GET",)),
    "/xapi/about": ("/xapi/about", ("GET",)),
    "/xapi/statements": ("/xapi/statements", ("GET", "PUT", "POST", "DELETE", "PATCH")),
    "/xapi/activities": ("/xapi/activities", ("GET", "PUT", "POST", "DELETE", "PATCH")),
    "/xapi/activities/profile": (
        "/xapi/activities/profile",
        ("GET", "PUT", "POST", "DELETE", "PATCH"),
    ),
    "/xapi/activities/state": ("/xapi/activities/state", ("GET", "PUT", "POST", "DELETE", "PATCH")),
    "/xapi/agents": ("/xapi/agents", ("GET", "PUT", "POST", "DELETE", "PATCH")),
    "/xapi/agents/profile": ("/xapi/agents/profile", ("GET", "PUT", "POST", "DELETE", "PATCH")),
    "/xapi/<path:rest>": ("/xapi/else", ("GET", "PUT", "POST", "DELETE", "PATCH")),
    "/soll": ("/soll", ("GET", "POST")),
    "/geteilt": ("/geteilt", ("GET", "POST")),
    "/xapi/profile": ("/xapi/profile", ("GET",)),
    "/xapi/profile/v1": ("/xapi/profile/v1", ("GET",)),
    "/soll/platz": ("/soll/platz", ("POST",)),
    "/soll/stimmen": ("/soll/stimmen", ("GET", "POST")),
    "/soll/stimmen/<topic>": ("/soll/stimmen/1", ("GET",)),
    "/soll/ende": ("/soll/ende", ("POST",)),
    "/healthz": ("/healthz", ("GET",)),
    "/readyz": ("/readyz", ("GET",)),
    "/admin/eintreten": ("/admin/eintreten", ("GET", "POST")),
}

#: The administration: methods and area. Who may open an area is tested in test_staff_routes.
STAFF = {
    "/admin/": (("GET",), ""),
    "/admin/sprache": (("POST",), ""),
    "/admin/ende": (("POST",), ""),
    "/admin/uebersicht": (("GET",), "overview"),
    "/admin/verbindung": (("GET", "POST"), "connection"),
    "/admin/lernportale": (("GET",), "platforms"),
    "/admin/lernportale/neu": (("GET", "POST"), "platforms"),
    "/admin/lernportale/<platform>": (("GET", "POST"), "platforms"),
    "/admin/einsatzorte/<place>": (("POST",), "platforms"),
    "/admin/eigener-lrs": (("GET", "POST"), "own_lrs"),
    "/admin/eigener-lrs/<key>": (("GET", "POST"), "own_lrs"),
    "/admin/ablehnungen": (("GET",), "refusals"),
    "/admin/auftraege": (("GET", "POST"), "jobs"),
    "/admin/ausgang": (("GET", "POST"), "outbox"),
    "/admin/lrs": (("GET", "POST"), "lrs"),
    "/admin/quarantaene": (("GET",), "quarantine"),
    "/admin/quarantaene/<number>": (("GET", "POST"), "quarantine"),
    "/admin/zuordnung": (("GET", "POST"), "mapping"),
    "/admin/zuordnung/aktivitaet": (("GET",), "mapping"),
    "/admin/zuordnung/uebernehmen": (("POST",), "mapping"),
    "/admin/zuordnung/ausgeben": (("GET",), "mapping"),
    "/admin/zuordnung/probe": (("GET",), "mapping"),
    "/admin/zuordnung/personen": (("GET",), "mapping"),
    "/admin/soll": (("GET",), "soll"),
    "/admin/soll/neu": (("GET", "POST"), "soll"),
    "/admin/soll/datei": (("GET", "POST"), "soll"),
    "/admin/soll/uebernehmen": (("POST",), "soll"),
    "/admin/soll/ausgeben": (("GET",), "soll"),
    "/admin/soll/<work>": (("GET", "POST"), "soll"),
    "/admin/soll/<work>/entwurf": (("GET", "POST"), "soll"),
    "/admin/soll/<work>/<version>": (("GET", "POST"), "soll"),
    "/admin/workshops": (("GET",), "workshops"),
    "/admin/andere-tests": (("GET", "POST"), "tests"),
    "/admin/andere-tests/eintrag": (("GET", "POST"), "tests"),
    "/admin/andere-tests/eintrag/<provider>": (("GET", "POST"), "tests"),
    "/admin/workshops/neu": (("GET", "POST"), "workshops"),
    "/admin/workshops/<shop>": (("GET", "POST"), "workshops"),
    "/admin/workshops/<shop>/wand": (("GET",), "workshops"),
    "/admin/workshops/<shop>/wand/<topic>": (("GET",), "workshops"),
    "/admin/workshops/<shop>/thema/<topic>": (("GET", "POST"), "workshops"),
    "/admin/workshops/<shop>/protokoll": (("GET",), "workshops"),
    "/admin/workshops/<shop>/protokoll.docx": (("GET",), "workshops"),
    "/admin/fragen": (("GET",), "items"),
    "/admin/fragen/<bank>": (("GET",), "items"),
    "/admin/fragen/<bank>/<topic>": (("GET",), "items"),
    "/admin/aufbewahrung": (("GET", "POST"), "retention"),
    "/admin/protokoll": (("GET",), "log"),
    "/admin/rechte": (("GET", "POST"), "rights"),
    "/admin/rechte/<person>/<role>": (("GET", "POST"), "rights"),
}

ASKED = [(rule, method) for rule, methods in LEARNER.items() for method in methods]
STRANGERS = ("another learner", "an instructor of the course", "another tenant", "nobody")


@dataclass
class Town:
    stage: Stage
    learner: Visitor
    second_tab: Visitor
    strangers: dict[str, Visitor | None]
    unit: str
    competency: str

    def path(self, rule: str, launch: str) -> str:
        found = rule.replace("<launch>", launch).replace("<unit>", self.unit)
        bank = self.stage.s.content.newest("items").ref
        found = found.replace("<placed>", "2026-11-20")
        found = found.replace("<int:position>", "1").replace("<bank>/<name>", f"{bank}/{SOUND}")
        item = reflecting.private_items(self.stage.s)[0].key
        return found.replace("<code>", self.competency).replace("<item>", item)

    def client(self, secret: str, launch: str) -> FlaskClient:
        client = self.stage.app.test_client()
        if secret:
            client.set_cookie("launch", secret, path=f"/l/{launch}/")
        return client


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("routes")
    content = {"ROADMAP__CONTENT__DIR": str(enriched(folder))}
    stage = Stage(settings_for(f"sqlite:///{folder / 'routes.db'}", **content))
    other = neighbour(stage, "nachbarstadt")
    with arriving_as(stage, SUBJECT) as hers:
        learner = hers.planned(hers.assessed(GARDENER, luck=0.3), accepted=True)
    reflect_all(stage, learner)
    competency = dispute_one(stage, learner)
    with arriving_as(stage, "instructor-1", instructor=True) as theirs:
        teacher = theirs.planned(theirs.assessed(CLERK, luck=0.9), accepted=True)
    strangers = {
        "another learner": come(stage, "colleague-1"),
        "an instructor of the course": teacher,
        "another tenant": come(other, SUBJECT),
        "nobody": None,
    }
    unit = stage.first_unit(learner)
    yield Town(stage, learner, come(stage, SUBJECT), strangers, unit, competency)
    stage.close()


def dispute_one(stage: Stage, learner: Visitor) -> str:
    """Put words of the learner beside a piece of evidence; return its competence."""
    person = stage.learner(learner)
    view = profiles.current(stage.s, person)
    assert view is not None
    code, lines = next((c, found) for c, found in view.evidence.items() if found)
    profiles.dispute(stage.s, person, lines[0].id, "better", CANARY, stage.now)
    return code


def test_every_route_is_in_the_table(town: Town) -> None:
    found = {(r.rule, m) for r in town.stage.app.url_map.iter_rules() for m in r.methods or ()}
    known = set(ASKED) | {(rule, m) for rule, (_, methods) in PUBLIC.items() for m in methods}
    known |= {(rule, m) for rule, (methods, _) in STAFF.items() for m in methods}
    assert {(rule, m) for rule, m in found if m not in ("HEAD", "OPTIONS")} == known


@pytest.mark.parametrize(("rule", "method"), ASKED)
def test_the_own_launch_is_let_in(town: Town, rule: str, method: str) -> None:
    learner = come(town.stage, f"own-{rule}-{method}") if method == "POST" else town.learner
    path = town.path(rule, learner.launch_id)
    form = {"csrf": town.stage.csrf(learner)} if method == "POST" else None
    answer = town.client(learner.secret, learner.launch_id).open(path, method=method, data=form)
    # A form without content is refused by its view, never by the guard.
    assert answer.status_code in ((200, 302, 303) if method == "GET" else (200, 302, 303, 400, 404))
    assert b'content="session-' not in answer.data


@pytest.mark.parametrize("stranger", STRANGERS)
@pytest.mark.parametrize(("rule", "method"), ASKED)
def test_a_stranger_sees_one_and_the_same_refusal(
    town: Town, rule: str, method: str, stranger: str
) -> None:
    came = town.strangers[stranger]
    there = knock(town, rule, method, town.learner.launch_id, came)
    nowhere = knock(town, rule, method, "8f1d2c3b-0000-4000-8000-000000000000", came)
    assert there.status_code == 403
    assert error_code(there.text) == "session-foreign"
    assert (without_clock(there.text), shape(there)) == (
        without_clock(nowhere.text),
        shape(nowhere),
    )
    assert not tells_of_her(town, there.get_data())


def knock(town: Town, rule: str, method: str, launch: str, came: Visitor | None):
    """Ask for a page of a launch with somebody else's cookie and form token."""
    form = {"csrf": town.stage.csrf(came)} if came else {}
    client = town.client(came.secret if came else "", launch)
    return client.open(
        town.path(rule, launch), method=method, data=form if method == "POST" else None
    )


def test_a_second_tab_of_the_same_person_has_a_secret_of_its_own(town: Town) -> None:
    answer = knock(town, "/l/<launch>/profil", "GET", town.learner.launch_id, town.second_tab)
    assert answer.status_code == 403


@pytest.mark.parametrize(("rule", "method"), [(r, m) for r, m in ASKED if m == "POST"])
def test_a_form_of_another_launch_changes_nothing(town: Town, rule: str, method: str) -> None:
    # The cookie is right, as when a foreign page makes her browser send a form.
    client = town.client(town.learner.secret, town.learner.launch_id)
    for token in (town.stage.csrf(town.second_tab), ""):
        answer = client.open(
            town.path(rule, town.learner.launch_id),
            method=method,
            data={"csrf": token, "sure": "yes"},
        )
        assert (answer.status_code, error_code(answer.text)) == (403, "form-token")
    assert assess.state(town.stage.s, town.stage.learner(town.learner)).state == "finished"


def test_the_canaries_can_be_seen_by_their_owner(town: Town) -> None:
    """The other tests look for them: they must be there to be found."""
    client = town.client(town.learner.secret, town.learner.launch_id)
    assert CANARY in client.get(f"{town.learner.home}profil").text
    assert town.learner.learner_id in client.get(f"{town.learner.home}api/me").text


@pytest.mark.parametrize("rule", sorted(PUBLIC))
@pytest.mark.parametrize("cookie", ["with her cookie", "without"])
def test_no_route_outside_a_launch_knows_anybody(town: Town, rule: str, cookie: str) -> None:
    path, methods = PUBLIC[rule]
    client = town.stage.app.test_client()
    if cookie == "with her cookie":
        client.set_cookie("launch", town.learner.secret, path="/")
    for method in methods:
        answer = client.open(path, method=method)
        assert answer.status_code < 500
        assert not tells_of_her(town, answer.get_data()), (method, path)
        answer.close()


@pytest.mark.parametrize("rule", sorted(r for r, methods in LEARNER.items() if "GET" in methods))
@pytest.mark.parametrize("stranger", STRANGERS[:3])
def test_nobodys_own_pages_show_another_person(town: Town, rule: str, stranger: str) -> None:
    """An instructor's launch shows the instructor's own pages: an LTI role opens nothing."""
    came = town.strangers[stranger]
    assert came is not None
    answer = town.client(came.secret, came.launch_id).get(town.path(rule, came.launch_id))
    assert answer.status_code < 500
    assert not tells_of_her(town, answer.get_data())


def test_an_instructor_gets_the_own_profile_and_path_only(town: Town) -> None:
    teacher = town.strangers["an instructor of the course"]
    assert teacher is not None
    mine = {name: api(town, teacher, name) for name in ("me", "profile", "path")}
    hers = {name: api(town, town.learner, name) for name in ("me", "profile", "path")}
    assert mine["me"]["learner"] == teacher.learner_id != hers["me"]["learner"]
    assert mine["me"]["role"] == CLERK
    assert mine["path"]["id"] != hers["path"]["id"]
    levels = [[c["ist"] for c in found["profile"]["competencies"]] for found in (mine, hers)]
    assert levels[0] != levels[1]


def test_an_instructors_pages_offer_nothing_a_learners_do_not(town: Town) -> None:
    teacher = town.strangers["an instructor of the course"]
    assert teacher is not None
    pages = ("", "profil", "lernpfad", "daten", "hilfe")
    for page in pages:
        theirs = links(town, teacher, page)
        hers = links(town, town.learner, page)
        assert {kind(a) for a in theirs} <= {kind(a) for a in hers} | {"einheit/", "profil/"}


def api(town: Town, visitor: Visitor, name: str):
    answer = town.client(visitor.secret, visitor.launch_id).get(f"{visitor.home}api/{name}")
    assert answer.status_code == 200
    return answer.json


def links(town: Town, visitor: Visitor, page: str) -> set[str]:
    client = town.client(visitor.secret, visitor.launch_id)
    text = client.get(visitor.home + page, follow_redirects=True).text
    found = re.findall(r'(?:href|action)="([^"]+)"', text)
    return {a.removeprefix(visitor.home) for a in found if a.startswith(visitor.home)}


def kind(address: str) -> str:
    """Return a page without the unit, competence or question it is about."""
    head, slash, _ = address.partition("?")[0].partition("#")[0].partition("/")
    return head + slash


def error_code(page: str) -> str:
    found = re.search(r'name="roadmap-error" content="([^"]+)"', page)
    return found.group(1) if found else ""


def shape(answer) -> list[tuple[str, str]]:
    """Return the headers that could tell one refusal from another."""
    moving = ("Content-Security-Policy", "Content-Length", "Date")
    return sorted((n, v) for n, v in answer.headers if n not in moving)


def tells_of_her(town: Town, body: bytes) -> bool:
    known = (CANARY, SUBJECT, town.learner.learner_id)
    return any(word.encode() in body for word in known)


def test_the_app_has_no_session_of_flask(town: Town) -> None:
    """One cookie across all launches would let one tab act for another."""
    app: Flask = town.stage.app
    assert app.secret_key is None
