"""Reading statements (xAPI 1.0.3 communication 2.1.3, 2.1.4; data 2.3.2, 2.5)."""

import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.conformance.xapi.store import (
    AGENT,
    GROUP,
    VERB,
    Lrs,
    activity,
    new_id,
    person,
    reference,
    statement,
    substatement,
    voiding,
)
from tests.integration.xapi.site import build_site

THROUGH = "X-Experience-API-Consistent-Through"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# --- filters --------------------------------------------------------------------------------------


def test_an_agent_is_found_as_actor_as_object_and_as_member(lrs: Lrs) -> None:
    anna, others = person(), person()
    near = [
        statement(actor=anna),
        statement(actor=others, object={"objectType": "Agent"} | anna),
        statement(actor={"objectType": "Group", "member": [others, anna]}),
        statement(actor=others, object={"objectType": "Group", "member": [anna]}),
    ]
    around = [
        statement(actor=others, context={"instructor": anna}),
        statement(actor=others, context={"team": {"objectType": "Group", "member": [anna]}}),
        substatement(actor=anna) | {"actor": others},
        substatement(context={"instructor": anna}) | {"actor": others},
        statement(
            actor=others,
            context={"contextAgents": [{"objectType": "contextAgent", "agent": anna}]},
        ),
        statement(
            actor=others,
            context={
                "contextGroups": [
                    {
                        "objectType": "contextGroup",
                        "group": {"objectType": "Group", "member": [anna]},
                    }
                ]
            },
        ),
    ]
    assert lrs.post(*near, *around, statement(actor=others)).status_code == 200
    assert lrs.ids(agent=anna, ascending=True) == [s["id"] for s in near]
    everywhere = lrs.ids(agent=anna, related_agents=True, ascending=True)
    assert everywhere == [s["id"] for s in (*near, *around)]


def test_the_authority_is_a_related_agent(lrs: Lrs) -> None:
    lrs.post(statement())
    home = lrs.site.origin
    key = {"account": {"homePage": home, "name": lrs.site.key}}
    assert len(lrs.ids(agent=key, related_agents=True)) == 1
    assert lrs.ids(agent=key) == []


@pytest.mark.parametrize(
    "agent",
    [
        {"account": {"homePage": "https://lms.example", "name": "Jürgen|1"}},
        {"mbox_sha1sum": "CD9B00A5611F94EAA7B1661EDAB976068E364975"},
        {"openid": "https://id.example/a"},
        {"mbox": "mailto:a@X.example"},
    ],
)
def test_every_kind_of_identifier_finds_its_agent(lrs: Lrs, agent: dict[str, Any]) -> None:
    sent = statement(actor=agent | {"name": "Anna"})
    lrs.post(sent, statement())
    assert lrs.ids(agent=agent | {"name": "whoever"}) == [sent["id"]]


def test_an_activity_is_found_as_object_and_around(lrs: Lrs) -> None:
    course = activity()
    near = statement(object=course)
    around = [
        *(statement(context={"contextActivities": {k: [course]}}) for k in ("parent", "other")),
        statement(context={"contextActivities": {"grouping": course}}),
        substatement(object=course),
        substatement(context={"contextActivities": {"category": [course]}}),
    ]
    assert lrs.post(near, *around, statement()).status_code == 200
    assert lrs.ids(activity=course["id"]) == [near["id"]]
    found = lrs.ids(activity=course["id"], related_activities=True, ascending=True)
    assert found == [s["id"] for s in (near, *around)]


def test_filters_hold_together(lrs: Lrs) -> None:
    anna, course, registration = person(), activity(), new_id()
    verb = {"id": "http://example.com/did"}
    full = statement(
        actor=anna, object=course, verb=verb, context={"registration": registration.upper()}
    )
    lrs.post(full, statement(actor=anna), statement(object=course), statement(verb=verb))
    wanted = {"agent": anna, "activity": course["id"], "verb": verb["id"]}
    assert lrs.ids(**wanted) == [full["id"]]
    assert lrs.ids(registration=registration) == [full["id"]]
    assert lrs.ids(registration=registration, agent=person()) == []
    assert len(lrs.ids(verb=verb["id"])) == 2
    assert lrs.ids(agent=anna, activity=activity()["id"]) == []


def test_times_and_order(lrs: Lrs) -> None:
    lrs.post(*(statement() for _ in range(4)))
    listed = lrs.get(ascending=True).json()["statements"]
    stamps = [s["stored"] for s in listed]
    assert stamps == sorted(set(stamps))
    assert lrs.ids() == [s["id"] for s in reversed(listed)]
    assert lrs.ids(since=stamps[1], ascending=True) == [s["id"] for s in listed[2:]]
    assert lrs.ids(until=stamps[1], ascending=True) == [s["id"] for s in listed[:2]]
    assert lrs.ids(since=stamps[0], until=stamps[2], limit=1) == [listed[2]["id"]]


# --- statements about statements (2.1.3) ----------------------------------------------------------


def test_a_statement_about_another_is_found_where_that_one_is(lrs: Lrs) -> None:
    anna, course = person(), activity()
    passed = statement(actor=anna, object=course)
    confirmed = statement(object=reference(passed["id"]))
    lrs.post(passed, confirmed, statement())
    for filters in ({"agent": anna}, {"activity": course["id"]}, {"agent": anna, "limit": 5}):
        assert lrs.ids(**filters) == [confirmed["id"], passed["id"]], filters
    first = lrs.get(agent=anna, ascending=True, limit=1).json()
    assert [s["id"] for s in first["statements"]] == [passed["id"]]
    assert first["more"]
    stored = first["statements"][0]["stored"]
    assert lrs.ids(agent=anna, since=stored) == [confirmed["id"]]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1)])
def test_chains_are_followed_whichever_came_first(lrs: Lrs, order: tuple[int, ...]) -> None:
    anna = person()
    chain = [statement(actor=anna)]
    for _ in range(3):
        chain.append(statement(object=reference(chain[-1]["id"])))
    for n in order:
        assert lrs.post(chain[n]).status_code == 200
    assert set(lrs.ids(agent=anna)) == {s["id"] for s in chain}


def test_all_of_a_filter_has_to_hold_for_one_statement_of_a_chain(lrs: Lrs) -> None:
    anna = person()
    first = statement(actor=anna)
    about = statement(object=reference(first["id"]), verb={"id": "http://example.com/said"})
    lrs.post(first, about)
    assert lrs.ids(agent=anna, verb="http://example.com/said") == []
    assert len(lrs.ids(agent=anna, verb=VERB["id"])) == 2


def test_a_reference_in_the_context_does_not_count(lrs: Lrs) -> None:
    anna = person()
    first = statement(actor=anna)
    lrs.post(first, statement(context={"statement": reference(first["id"])}))
    assert lrs.ids(agent=anna) == [first["id"]]


# --- voiding (2.3.2, 2.1.4) -----------------------------------------------------------------------


@pytest.mark.parametrize("void_first", [False, True], ids=["after", "before"])
def test_a_voided_statement_is_seen_only_by_its_id_as_voided(lrs: Lrs, void_first: bool) -> None:
    anna = person()
    gone = statement(actor=anna)
    void, comment = voiding(gone["id"]), statement(object=reference(gone["id"]))
    for sent in (void, gone, comment) if void_first else (gone, void, comment):
        assert lrs.post(sent).status_code == 200
    assert set(lrs.ids()) == {void["id"], comment["id"]}
    assert set(lrs.ids(agent=anna)) == {void["id"], comment["id"]}, "they still point to it"
    assert lrs.get(statementId=gone["id"]).status_code == 404
    assert lrs.get(voidedStatementId=gone["id"]).json()["id"] == gone["id"]
    assert lrs.get(voidedStatementId=comment["id"]).status_code == 404


def test_a_batch_may_void_what_it_brings(lrs: Lrs) -> None:
    gone = statement()
    void = voiding(gone["id"])
    assert lrs.post(gone, void).status_code == 200
    assert lrs.ids() == [void["id"]]


def test_a_voiding_statement_cannot_be_voided(lrs: Lrs) -> None:
    void = voiding(new_id())
    assert lrs.post(void).status_code == 200
    assert lrs.post(voiding(void["id"])).status_code == 400
    assert lrs.ids() == [void["id"]]
    again, of_it = voiding(new_id()), statement()
    of_it = voiding(again["id"])
    assert lrs.post(again, of_it).status_code == 400


# --- pages (2.5) ----------------------------------------------------------------------------------


@pytest.mark.parametrize("ascending", [True, False])
def test_more_leads_through_everything_once_with_the_same_filters(
    lrs: Lrs, ascending: bool
) -> None:
    anna = person()
    sent = [statement(actor=anna) for _ in range(7)]
    lrs.post(*sent, statement())
    lrs.post(*(statement(object=reference(s["id"])) for s in sent[:3]))
    answer = lrs.get(agent=anna, ascending=ascending, limit=3, format="ids")
    seen: list[dict[str, Any]] = []
    while True:
        page = answer.json()
        seen += page["statements"]
        if page["more"] == "":
            break
        assert page["more"].startswith("/xapi/statements?more=")
        answer = lrs.ask("GET", page["more"].removeprefix("/xapi/"))
        assert answer.status_code == 200
    assert len(seen) == len({s["id"] for s in seen}) == 10
    stamps = [s["stored"] for s in seen]
    assert stamps == sorted(stamps, reverse=not ascending)
    assert all("display" not in s["verb"] for s in seen), "more keeps the format"


def test_limit_zero_is_as_many_as_allowed(lrs: Lrs) -> None:
    lrs.post(*(statement() for _ in range(120)))
    assert len(lrs.ids(limit=0)) == 120
    assert len(lrs.ids()) == 100
    assert lrs.get(limit=0).json()["more"] == ""


def test_more_of_another_tenant_is_refused(lrs: Lrs) -> None:
    lrs.post(statement(), statement())
    more = lrs.get(limit=1).json()["more"].removeprefix("/xapi/")
    stranger = Lrs(build_site(lrs.site.database, lrs.site.origin), lrs.version)
    assert stranger.ask("GET", more).status_code == 400
    assert lrs.ask("GET", f"{more}&limit=5").status_code == 400


# --- formats (2.1.3) ------------------------------------------------------------------------------

RICH: dict[str, Any] = {
    "actor": {"objectType": "Group", "name": "Team", "member": [AGENT | {"name": "Anna"}]},
    "verb": {"id": VERB["id"], "display": {"de": "besuchte", "en": "attended", "fr": "suivi"}},
    "object": {
        "objectType": "Activity",
        "id": "https://lms.example/rich",
        "definition": {
            "name": {"de": "Kurs", "en-GB": "course", "en-US": "class"},
            "interactionType": "choice",
            "choices": [{"id": "a", "description": {"de": "eins", "en": "one"}}],
        },
    },
    "context": {
        "instructor": AGENT | {"name": "Otto"},
        "contextActivities": {
            "parent": [{"id": "https://lms.example/p", "definition": {"name": {"de": "P"}}}]
        },
    },
}


def test_exact_is_what_was_sent(lrs: Lrs) -> None:
    sent = statement(**RICH)
    lrs.post(sent)
    for params in ({}, {"format": "exact"}):
        got = lrs.one(sent["id"], **params)
        assert {k: got[k] for k in sent} == sent


def test_ids_is_no_more_than_identifies(lrs: Lrs) -> None:
    sent = statement(**RICH)
    lrs.post(sent)
    got = lrs.one(sent["id"], format="ids")
    assert got["actor"] == {"objectType": "Group", "member": [AGENT]}
    assert got["verb"] == {"id": VERB["id"]}
    assert got["object"] == {"id": "https://lms.example/rich"}
    assert got["context"]["instructor"] == AGENT
    assert got["context"]["contextActivities"] == {"parent": [{"id": "https://lms.example/p"}]}
    identified = statement(actor=GROUP | {"mbox": "mailto:t@x.example", "name": "Team"})
    lrs.post(identified)
    assert lrs.one(identified["id"], format="ids")["actor"] == {
        "objectType": "Group",
        "mbox": "mailto:t@x.example",
    }


@pytest.mark.parametrize(
    ("wish", "verb", "name", "choice"),
    [
        ("en", "en", "en-GB", "en"),
        ("en-US", "en", "en-US", "en"),
        ("fr, de;q=0.5", "fr", "de", "de"),
        ("it, en-GB;q=0.8, de;q=0.1", "en", "en-GB", "en"),
        ("de-CH", "de", "de", "de"),
        ("ja", "de", "de", "de"),
        ("*", "de", "de", "de"),
        ("", "de", "de", "de"),
        ("en;q=0, fr", "fr", "de", "de"),
        (";;;=,,q", "de", "de", "de"),
    ],
)
def test_canonical_has_one_language_in_each_map(
    lrs: Lrs, wish: str, verb: str, name: str, choice: str
) -> None:
    sent = statement(**RICH)
    lrs.post(sent)
    params = {"statementId": sent["id"], "format": "canonical"}
    got = lrs.ask("GET", params=params, headers={"Accept-Language": wish}).json()
    assert list(got["verb"]["display"]) == [verb]
    definition = got["object"]["definition"]
    assert list(definition["name"]) == [name]
    assert list(definition["choices"][0]["description"]) == [choice]
    assert got["actor"] == sent["actor"], "agents are as they were sent"


def test_canonical_knows_what_other_statements_said_of_an_activity(lrs: Lrs) -> None:
    course = activity()
    bare = statement(object=course)
    lrs.post(bare, statement(object=course | {"definition": {"name": {"de": "Später"}}}))
    got = lrs.one(bare["id"], format="canonical")
    assert got["object"]["definition"] == {"name": {"de": "Später"}}
    assert "definition" not in lrs.one(bare["id"])["object"]


# --- headers --------------------------------------------------------------------------------------


def test_consistent_through_is_recent_even_if_nothing_came(lrs: Lrs) -> None:
    for params in ({}, {"limit": 1}, {"verb": "http://example.com/x"}, {"statementId": new_id()}):
        answer = lrs.get(**params)
        through = instant(answer.headers[THROUGH])
        age = (parsedate_to_datetime(answer.headers["Date"]) - through).total_seconds()
        assert -1 < age < 5, params


def test_consistent_through_is_not_before_what_is_shown(lrs: Lrs) -> None:
    lrs.post(statement(), statement())
    answer = lrs.get()
    newest = answer.json()["statements"][0]["stored"]
    assert instant(answer.headers[THROUGH]) >= instant(newest)


def test_last_modified_is_when_it_was_stored(lrs: Lrs) -> None:
    sent = statement()
    lrs.post(sent, statement())
    answer = lrs.get(statementId=sent["id"])
    stored = instant(answer.json()["stored"]).replace(microsecond=0)
    assert parsedate_to_datetime(answer.headers["Last-Modified"]) == stored
    listed = lrs.get()
    newest = instant(listed.json()["statements"][0]["stored"]).replace(microsecond=0)
    assert parsedate_to_datetime(listed.headers["Last-Modified"]) == newest


def test_filters_and_bytes_are_utf_8(lrs: Lrs) -> None:
    agent = {"account": {"homePage": "https://lms.example", "name": "Änne 東京"}}
    sent = statement(actor=agent)
    lrs.post(sent)
    found = lrs.ask("GET", params={"agent": json.dumps(agent, ensure_ascii=False)})
    assert found.json()["statements"][0]["id"] == sent["id"]
    assert (
        "charset" not in found.headers["Content-Type"] or "utf-8" in found.headers["Content-Type"]
    )
