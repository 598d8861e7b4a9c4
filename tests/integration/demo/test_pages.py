"""The demo's pages: what a visitor finds, and what they see of what came back."""

import re
import time
from typing import Any

from flask.testing import FlaskClient

from demo import Config
from demo.lms import Lms
from demo.markup import clean
from tests.integration.demo.visits import fields

PERSONS = (
    "gardener",
    "kindergarten-teacher",
    "clerk",
    "head-of-office",
    "hr-officer",
    "lms-admin",
)


def test_the_first_page_offers_the_six_persons(browser: FlaskClient) -> None:
    page = browser.get("/").text
    assert tuple(re.findall(r'data-test="person" data-person="([^"]+)"', page)) == PERSONS


def test_every_person_sees_the_own_course_first(browser: FlaskClient, platform: Lms) -> None:
    for person in platform.world.persons:
        browser.post("/login", data={"person": person.key})
        page = browser.get("/my/").text
        first = re.findall(r'data-test="course" data-course="(\d+)"', page)[0]
        assert int(first) == person.home_course


def test_a_course_page_has_the_tool_and_a_button_for_each_unit(
    gardener: FlaskClient, platform: Lms
) -> None:
    page = gardener.get("/course/view.php?id=6").text
    assert 'data-test="launch-tool"' in page
    units = re.findall(r'data-test="complete-unit" data-unit="([^"]+)"', page)
    assert units == [a.unit for a in platform.world.courses[0].activities if a.kind == "page"]


def test_each_unit_of_the_catalogue_can_be_done_in_exactly_one_activity(platform: Lms) -> None:
    units = [a.unit for c in platform.world.courses for a in c.activities if a.kind == "page"]
    assert len(units) == len(set(units)) == 37


def test_without_a_person_every_page_leads_to_the_choice(browser: FlaskClient) -> None:
    for path in ("/my/", "/course/view.php?id=6", "/mod/lti/view.php?id=101", "/written-back"):
        answer = browser.get(path)
        assert (answer.status_code, answer.location) == (303, "/")


def test_pages_carry_no_inline_script_and_a_strict_policy(
    gardener: FlaskClient, config: Config
) -> None:
    for path in ("/", "/my/", "/course/view.php?id=6", "/mod/lti/launch.php?id=101"):
        answer = gardener.get(path)
        assert "<script>" not in answer.text
        policy = answer.headers["Content-Security-Policy"]
        assert f"frame-src 'self' {config.tool}" in policy
        assert "unsafe" not in policy


def test_the_launch_form_has_a_button_for_those_without_javascript(gardener: FlaskClient) -> None:
    page = gardener.get("/mod/lti/launch.php?id=101").text
    assert "<button>Weiter</button>" in page
    assert fields(page)["lti_message_hint"].startswith('{"cmid":101,"launchid":"ltilaunch')


def test_a_plan_shows_to_its_person_only(
    app: Any, gardener: FlaskClient, platform: Lms, config: Config
) -> None:
    form = {
        "wstoken": config.secrets.plan_token,
        "wsfunction": "core_competency_create_plan",
        "moodlewsrestformat": "json",
        "plan[name]": "Lernpfad Bauhof",
        "plan[description]": "<ol><li>N1</li></ol><script>alert(1)</script>",
        "plan[userid]": "4",
        "plan[status]": "1",
    }
    gardener.post("/webservice/rest/server.php", data=form)
    page = gardener.get("/written-back").text
    assert "Lernpfad Bauhof" in page
    assert "<ol><li>N1</li></ol>" in page
    assert "alert" not in page
    assert gardener.get("/admin/tool/lp/plan.php?id=1").status_code == 200
    clerk = app.test_client()
    clerk.post("/login", data={"person": "clerk"})
    assert "Lernpfad Bauhof" not in clerk.get("/written-back").text
    assert clerk.get("/admin/tool/lp/plan.php?id=1").status_code == 404


def test_a_grade_shows_in_german_numbers(gardener: FlaskClient, platform: Lms) -> None:
    with platform.store.begin() as conn:
        conn.execute("insert into grade values (1, 4, 37.5, 'weiter so', ?)", (int(time.time()),))
    page = gardener.get("/written-back").text
    assert "37,5 von 100" in page
    assert "weiter so" in page


def path_pair(config: Config) -> dict[str, Any]:
    """Return the statement pair of an accepted path, as an LRS serves it."""
    step = f"{config.base_url}/mod/page/view.php?id=21"
    path = {
        "id": "http://tool/xapi/path/1",
        "definition": {"name": {"en": "Path", "de": "Lernpfad Digitales"}},
    }
    context = {"contextActivities": {"other": [{"id": step, "definition": {"name": {"de": "A"}}}]}}
    steps = [{"order": 1, "activity": step, "mandatory": True}]
    registered = {
        "id": "r",
        "verb": {"id": "x", "display": {"de": "wurde angemeldet"}},
        "object": path,
        "context": context | {"statement": {"objectType": "StatementRef", "id": "other"}},
        "timestamp": "2026-11-22T05:40:00.000Z",
    }
    recommended = {
        "id": "other",
        "verb": {"id": "y", "display": {"de": "empfahl"}},
        "object": path,
        "context": context | {"extensions": {"http://tool/xapi/ext/steps": steps}},
        "timestamp": "2026-11-22T05:40:00.000Z",
    }
    return {"statements": [registered], "other": recommended}


def test_the_path_in_the_lrs_is_shown_readable_and_raw(
    gardener: FlaskClient, config: Config, peer: Any
) -> None:
    peer.answers = path_pair(config)
    page = gardener.get("/written-back").text
    assert page.count('data-test="written-statement"') == 2
    assert "Lernpfad Digitales" in page
    assert f'<a href="{config.base_url}/mod/page/view.php?id=21">A</a>' in page
    assert "Pflicht" in page
    assert "22.11.2026, 06:40 Uhr" in page
    assert "&#34;StatementRef&#34;" in page


def test_a_silent_lrs_is_said_and_nothing_breaks(gardener: FlaskClient, peer: Any) -> None:
    peer.lrs_status = 503
    answer = gardener.get("/written-back")
    assert answer.status_code == 200
    assert "Das LRS antwortet gerade nicht" in answer.text


def test_an_lrs_that_sends_odd_statements_breaks_nothing(gardener: FlaskClient, peer: Any) -> None:
    for odd in (None, {"verb": 1}, {"verb": {}, "object": {}}, {"verb": {"id": "x"}, "object": []}):
        peer.answers = {"statements": [odd]}
        assert gardener.get("/written-back").status_code == 200


def test_foreign_html_loses_everything_but_harmless_tags() -> None:
    html = (
        '<p onclick="x()">A &lt;b&gt; <a href="java\tscript:alert(1)">x</a>'
        '<a href="https://ok.example/?a=1&amp;b=2" style="x">gut</a><img src=x><ul><li>eins'
    )
    assert clean(html) == (
        '<p>A &lt;b&gt; x<a href="https://ok.example/?a=1&amp;b=2">gut</a>'
        "<ul><li>eins</li></ul></p>"
    )
