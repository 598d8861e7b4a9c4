"""Agents, activities and about (xAPI 1.0.3 communication 2.4, 2.5, 2.8)."""

from typing import Any

import pytest
import requests

from tests.conformance.xapi.store import Lrs, activity, person, statement

AGENTS: list[dict[str, Any]] = [
    {"mbox": "mailto:a@x.example"},
    {"mbox_sha1sum": "cd9b00a5611f94eaa7b1661edab976068e364975"},
    {"openid": "https://id.example/a"},
    {"account": {"homePage": "https://lms.example", "name": "4"}},
]


@pytest.mark.parametrize("agent", AGENTS, ids=lambda a: next(iter(a)))
def test_a_person_is_what_was_asked_with_in_lists(lrs: Lrs, agent: dict[str, Any]) -> None:
    (name,) = agent
    answer = lrs.get("agents", agent=agent | {"objectType": "Agent"})
    assert answer.status_code == 200
    assert answer.json() == {"objectType": "Person", name: [agent[name]]}


def test_a_person_has_the_names_of_her_statements(lrs: Lrs) -> None:
    anna = person()
    lrs.post(
        statement(actor=anna | {"name": "Anna Alt"}),
        statement(actor=anna | {"name": "Anna Neu"}),
        statement(actor={"objectType": "Group", "member": [anna, person() | {"name": "Otto"}]}),
        statement(actor=person() | {"name": "Otto"}, object={"objectType": "Agent"} | anna),
    )
    assert lrs.get("agents", agent=anna).json()["name"] == ["Anna Neu", "Anna Alt"]


@pytest.mark.parametrize("agent", ["", "x", "[]", '{"objectType":"Group","mbox":"mailto:a@b.c"}'])
def test_a_person_is_asked_for_by_an_agent(lrs: Lrs, agent: str) -> None:
    assert lrs.ask("GET", "agents", params={"agent": agent}).status_code == 400
    assert lrs.ask("GET", "agents").status_code == 400


def test_an_activity_has_all_that_statements_said_of_it(lrs: Lrs) -> None:
    course = activity()

    def said(**definition: Any) -> dict[str, Any]:
        return course | {"definition": definition}

    lrs.post(
        statement(object=said(name={"de": "Kurs"}, type="https://t.example/alt")),
        statement(context={"contextActivities": {"parent": said(name={"en": "course"})}}),
    )
    lrs.post(statement(object=said(type="https://t.example/neu", extensions={"a:b": 1})))
    assert lrs.get("activities", activityId=course["id"]).json() == {
        "objectType": "Activity",
        "id": course["id"],
        "definition": {
            "name": {"de": "Kurs", "en": "course"},
            "type": "https://t.example/neu",
            "extensions": {"a:b": 1},
        },
    }


def test_an_activity_nobody_has_heard_of_is_still_one(lrs: Lrs) -> None:
    course = activity()
    answer = lrs.get("activities", activityId=course["id"])
    assert answer.json() == {"objectType": "Activity", "id": course["id"]}


def test_what_was_said_in_a_refused_batch_is_not_known(lrs: Lrs) -> None:
    course, taken = activity(), statement()
    lrs.post(taken)
    said = statement(object=course | {"definition": {"name": {"de": "Kurs"}}})
    assert lrs.post(said, taken | {"result": {"success": True}}).status_code == 409
    assert "definition" not in lrs.get("activities", activityId=course["id"]).json()


@pytest.mark.parametrize("activity_id", ["", "no IRI"])
def test_an_activity_is_asked_for_by_an_iri(lrs: Lrs, activity_id: str) -> None:
    answer = lrs.ask("GET", "activities", params={"activityId": activity_id})
    assert answer.status_code == 400


def test_another_tenant_knows_neither(lrs1: Lrs, lrs2: Lrs) -> None:
    anna, course = person(), activity()
    said = course | {"definition": {"name": {"de": "Geheim"}}}
    lrs1.post(statement(actor=anna | {"name": "Anna"}, object=said))
    assert "name" not in lrs2.get("agents", agent=anna).json()
    assert "definition" not in lrs2.get("activities", activityId=course["id"]).json()


def test_about_needs_no_key_and_no_version(lrs: Lrs) -> None:
    for method in ("GET", "HEAD"):
        answer = requests.request(method, f"{lrs.site.endpoint}/about", timeout=5)
        assert answer.status_code == 200
        assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    about = requests.get(f"{lrs.site.endpoint}/about", timeout=5).json()
    assert {"1.0.0", "1.0.3", "2.0.0"} <= set(about["version"])
    assert about["extensions"]["urn:roadmap:lrs"] == {"documents": True}
    assert lrs.get("about").headers["X-Experience-API-Version"] == lrs.version


@pytest.mark.parametrize("path", ["nowhere", "statements/1", "activities/other", "agents/state"])
def test_where_nothing_is_it_says_what_there_is(lrs: Lrs, path: str) -> None:
    answer = lrs.ask("GET", path)
    assert answer.status_code == 404
    assert "statements" in answer.text
