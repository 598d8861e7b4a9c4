"""Statement data (xAPI 1.0.3 part two): what a store takes, and what it has to refuse.

Every case is one change to a statement that is fine; the number in its name is the section.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.xapi.store import (
    ACTIVITY,
    AGENT,
    GROUP,
    VERB,
    VOIDED,
    Lrs,
    attachment,
    new_id,
    reference,
    statement,
    substatement,
)
from xapi_bridge.forms import is_uuid

LANGUAGES = {"de": "a", "en-US": "b", "zh-Hans-CN": "c", "sr-Latn": "d", "x-own": "e"}
ACCOUNT = {"account": {"homePage": "https://lms.example", "name": "4"}}
SHA1 = {"mbox_sha1sum": "cd9b00a5611f94eaa7b1661edab976068e364975"}
OPENID = {"openid": "https://id.example/anna"}


def definition(**more: Any) -> dict[str, Any]:
    return {"object": ACTIVITY | {"definition": more}}


def interaction(kind: str, **more: Any) -> dict[str, Any]:
    return definition(interactionType=kind, **more)


def component(*ids: str) -> list[dict[str, Any]]:
    return [{"id": i, "description": {"de": i}} for i in ids]


def context(**more: Any) -> dict[str, Any]:
    return {"context": more}


def result(**more: Any) -> dict[str, Any]:
    return {"result": more}


def score(**more: Any) -> dict[str, Any]:
    return {"result": {"score": more}}


def involved(kind: str, **more: Any) -> dict[str, Any]:
    who = {"agent": AGENT} if kind == "Agent" else {"group": GROUP}
    return context(**{f"context{kind}s": [{"objectType": f"context{kind}"} | who | more]})


def attached(**more: Any) -> dict[str, Any]:
    return {"attachments": [attachment(b"x", fileUrl="https://files.example/x") | more]}


TAKEN: Mapping[str, dict[str, Any]] = {
    "2.4.1 id of version 7": {"id": "0190163d-8694-739b-aea5-966c26f8ad91"},
    "2.4.1 id in capitals": {"id": new_id().upper()},
    "2.4.2 agent without objectType": {"actor": {"mbox": "mailto:a@b.example"}},
    "2.4.2 agent by account": {"actor": ACCOUNT},
    "2.4.2 agent by digest": {"actor": SHA1},
    "2.4.2 agent by openid": {"actor": OPENID},
    "2.4.2 agent with a name": {"actor": AGENT | {"name": "Anna Groß"}},
    "2.4.2 anonymous group": {"actor": GROUP},
    "2.4.2 identified group": {"actor": {"objectType": "Group"} | ACCOUNT},
    "2.4.2 identified group with members": {"actor": GROUP | ACCOUNT},
    "2.4.3 verb without display": {"verb": {"id": VERB["id"]}},
    "2.4.3 display in many languages": {"verb": VERB | {"display": LANGUAGES}},
    "2.4.4 activity without objectType": {"object": {"id": ACTIVITY["id"]}},
    "2.4.4 definition": definition(
        name=LANGUAGES,
        description=LANGUAGES,
        type="http://adlnet.gov/expapi/activities/course",
        moreInfo="https://lms.example/more",
        extensions={"https://ext.example/a": None, "https://ext.example/b": {"c": [None]}},
    ),
    "2.4.4 choice": interaction(
        "choice", choices=component("a", "b"), correctResponsesPattern=["a[,]b"]
    ),
    "2.4.4 matching": interaction("matching", source=component("a"), target=component("b")),
    "2.4.4 likert": interaction("likert", scale=component("a")),
    "2.4.4 performance": interaction("performance", steps=component("a")),
    "2.4.4 sequencing": interaction("sequencing", choices=component("a")),
    **{
        f"2.4.4 {kind}": interaction(kind, correctResponsesPattern=["x"])
        for kind in ("true-false", "fill-in", "long-fill-in", "numeric", "other")
    },
    "2.4.4 object is an agent": {"object": AGENT},
    "2.4.4 object is a group": {"object": GROUP},
    "2.4.4 object is a statement": {"object": reference(new_id())},
    "2.4.4 IRI with umlauts": {"object": {"id": "https://lms.example/kurs/prüfung"}},
    "2.4.5 result": result(success=True, completion=False, response="x", duration="PT1H0M0.1S"),
    "2.4.5 score": score(scaled=-0.5, raw=5, min=0, max=10.5),
    "2.4.5 score with equal ends": score(raw=1, min=1, max=1),
    "2.4.6 context": context(
        registration=new_id(),
        instructor=AGENT,
        team=GROUP,
        revision="1",
        platform="Moodle",
        language="de-DE",
        statement=reference(new_id()),
        extensions={"https://ext.example/a": 1},
    ),
    "2.4.6 one activity": context(contextActivities={"parent": ACTIVITY}),
    "2.4.6 activities": context(
        contextActivities={k: [ACTIVITY] for k in ("parent", "grouping", "category", "other")}
    ),
    "2.4.6 instructor is a group": context(instructor=GROUP),
    "2.4.7 timestamp with offset": {"timestamp": "2026-11-02T00:30:00+14:00"},
    "2.4.7 timestamp with nanoseconds": {"timestamp": "2026-11-02T08:00:00.123456789Z"},
    "2.4.7 timestamp in basic form": {"timestamp": "20261102T080000Z"},
    "2.4.7 timestamp in the future": {"timestamp": "2099-01-01T00:00:00Z"},
    "2.4.9 authority": {"authority": AGENT},
    "2.4.9 authority of two": {"authority": {"objectType": "Group", "member": [ACCOUNT, AGENT]}},
    "2.4.10 version 1.0": {"version": "1.0"},
    "2.4.10 version 1.0.9": {"version": "1.0.9"},
    "2.4.11 attachment by address": attached(),
    "2.4.11 attachment with description": attached(description=LANGUAGES),
    "2.4.11 SHA-512": attached(sha2="a" * 128),
    **{
        f"4.6 duration {text}": result(duration=text)
        for text in ("P4W", "P3Y", "P1Y2M3DT4H5M6S", "PT36H", "P0.5Y", "PT16559.14S", "PT0S")
    },
    "2.0 contextAgents": involved("Agent", relevantTypes=["https://t.example/a"]),
    "2.0 contextGroups": involved("Group"),
}

REFUSED: Mapping[str, dict[str, Any]] = {
    "2.2 null": {"result": None},
    "2.2 null deep down": {"verb": VERB | {"display": None}},
    "2.2 unknown property": {"foo": "bar"},
    "2.2 unknown property of an agent": {"actor": AGENT | {"foo": 1}},
    "2.2 unknown property of a verb": {"verb": VERB | {"foo": 1}},
    "2.2 unknown property of an activity": {"object": ACTIVITY | {"foo": 1}},
    "2.2 unknown property of a definition": definition(foo=1),
    "2.2 unknown property of a context": context(foo=1),
    "2.2 unknown property of a result": result(foo=1),
    "2.2 unknown property of a score": score(foo=1),
    "2.2 name in another case": {"Result": {"success": True}},
    "2.2 text for a number": score(raw="5"),
    "2.2 text for a truth": result(success="true"),
    "2.2 number for a text": result(response=5),
    "2.2 value in another case": {"actor": AGENT | {"objectType": "agent"}},
    "2.4.1 id is no uuid": {"id": "1"},
    "2.4.1 id is a number": {"id": 1},
    "2.4.1 id with too few digits": {"id": "0190163d-8694-739b-aea5-966c26f8ad9"},
    "2.4.1 id in braces": {"id": "{" + new_id() + "}"},
    "2.4.2 actor is text": {"actor": "anna"},
    "2.4.2 actor has nothing": {"actor": {}},
    "2.4.2 actor has a name only": {"actor": {"name": "Anna"}},
    "2.4.2 two identifiers": {"actor": AGENT | OPENID},
    "2.4.2 mbox without mailto": {"actor": {"mbox": "anna@stadt.example"}},
    "2.4.2 mbox without an address": {"actor": {"mbox": "mailto:anna"}},
    "2.4.2 digest too short": {"actor": {"mbox_sha1sum": "cd9b00"}},
    "2.4.2 openid is no IRI": {"actor": {"openid": "anna"}},
    "2.4.2 account without homePage": {"actor": {"account": {"name": "4"}}},
    "2.4.2 account without name": {"actor": {"account": {"homePage": "https://lms.example"}}},
    "2.4.2 account with a relative homePage": {
        "actor": {"account": {"homePage": "/lms", "name": "4"}}
    },
    "2.4.2 group with nothing": {"actor": {"objectType": "Group"}},
    "2.4.2 group in a group": {"actor": {"objectType": "Group", "member": [GROUP]}},
    "2.4.2 member is no list": {"actor": {"objectType": "Group", "member": AGENT}},
    "2.4.2 group with two identifiers": {"actor": GROUP | ACCOUNT | OPENID},
    "2.4.2 agent with members": {"actor": AGENT | {"member": [AGENT]}},
    "2.4.3 verb without id": {"verb": {"display": {"de": "x"}}},
    "2.4.3 verb id without a scheme": {"verb": {"id": "attended"}},
    "2.4.3 verb id is no IRI": {"verb": {"id": "should fail"}},
    "2.4.3 display in no language": {"verb": VERB | {"display": {"a12345": "x"}}},
    "2.4.3 display is no map": {"verb": VERB | {"display": "x"}},
    "2.4.3 display with a number": {"verb": VERB | {"display": {"de": 1}}},
    "2.4.4 activity without id": {"object": {"objectType": "Activity"}},
    "2.4.4 activity id without a scheme": {"object": {"id": "course/1"}},
    "2.4.4 objectType unknown": {"object": ACTIVITY | {"objectType": "Thing"}},
    "2.4.4 object is a list": {"object": [ACTIVITY]},
    "2.4.4 type is no IRI": definition(type="course"),
    "2.4.4 moreInfo is no IRI": definition(moreInfo="more"),
    "2.4.4 extension key is no IRI": definition(extensions={"key": 1}),
    "2.4.4 extensions are a list": definition(extensions=[]),
    "2.4.4 interactionType unknown": interaction("guess"),
    "2.4.4 components without interactionType": definition(choices=component("a")),
    "2.4.4 pattern without interactionType": definition(correctResponsesPattern=["a"]),
    "2.4.4 components of another type": interaction("likert", choices=component("a")),
    "2.4.4 pattern is no list": interaction("other", correctResponsesPattern="a"),
    "2.4.4 component without id": interaction("choice", choices=[{"description": {"de": "a"}}]),
    "2.4.4 component twice": interaction("choice", choices=component("a", "a")),
    "2.4.4 reference without id": {"object": {"objectType": "StatementRef"}},
    "2.4.4 reference to no uuid": {"object": reference("1")},
    "2.4.5 scaled above one": score(scaled=1.1),
    "2.4.5 scaled below minus one": score(scaled=-1.1),
    "2.4.5 raw above max": score(raw=11, max=10),
    "2.4.5 raw below min": score(raw=-1, min=0),
    "2.4.5 min above max": score(min=2, max=1),
    **{
        f"4.6 duration {text}": result(duration=text)
        for text in ("P", "PT", "1H", "P1H", "PA1H0M0S", "P4W1D", "PT1S1M", "P1YT", "-P1D")
    },
    "4.6 duration is a number": result(duration=5),
    "2.4.6 registration is no uuid": context(registration="1"),
    "2.4.6 instructor is nobody": context(instructor={}),
    "2.4.6 team is an agent": context(team=AGENT),
    "2.4.6 language is none": context(language="deutsch in leicht"),
    "2.4.6 statement is no reference": context(statement={"id": new_id()}),
    "2.4.6 unknown relation": context(contextActivities={"friend": [ACTIVITY]}),
    "2.4.6 relation to an agent": context(contextActivities={"parent": [AGENT]}),
    "2.4.6 revision without an activity": context(revision="1") | {"object": AGENT},
    "2.4.6 platform without an activity": context(platform="x") | {"object": AGENT},
    **{
        f"4.5 timestamp {text}": {"timestamp": text}
        for text in (
            "yesterday",
            "2026-11-02",
            "2026-11-02T08:00:00",
            "2026-11-02T08:00:60Z",
            "2026-02-30T08:00:00Z",
            "2026-11-02T08:00:00-00:00",
            "2026-11-02T08:00:00-00",
            "2026-11-02 08:00:00Z",
            "2026-11-02T24:00:00Z",
        )
    },
    "2.4.7 timestamp is a number": {"timestamp": 5},
    "2.4.8 stored is no instant": {"stored": "now"},
    "2.4.9 authority is nobody": {"authority": {}},
    "2.4.9 authority of one": {"authority": {"objectType": "Group", "member": [ACCOUNT]}},
    "2.4.9 authority is an identified group": {
        "authority": {"objectType": "Group", "member": [ACCOUNT, AGENT]} | OPENID
    },
    "2.4.10 version 0.9.9": {"version": "0.9.9"},
    "2.4.10 version 1.1.0": {"version": "1.1.0"},
    "2.4.10 version is a number": {"version": 1.0},
    "2.4.11 attachments is no list": {"attachments": {}},
    **{
        f"2.4.11 without {name}": {
            "attachments": [{k: v for k, v in attached()["attachments"][0].items() if k != name}]
        }
        for name in ("usageType", "display", "contentType", "length", "sha2")
    },
    "2.4.11 length is text": attached(length="1"),
    "2.4.11 length is a fraction": attached(length=1.5),
    "2.4.11 fileUrl is no IRI": attached(fileUrl="x"),
    "2.4.11 sha2 is no digest": attached(sha2="x"),
    "2.4.11 neither address nor bytes": {"attachments": [attachment(b"x")]},
    "2.3.2 voiding an activity": {"verb": VOIDED},
    "2.0 contextAgents of another type": involved("Agent", objectType="Agent"),
    "2.0 contextAgents with nobody": involved("Agent", agent={}),
    "2.0 contextAgents without types": involved("Agent", relevantTypes=[]),
    "2.0 contextAgents with types that are none": involved("Agent", relevantTypes=["x"]),
    "2.0 contextGroups with an agent": involved("Group", group=AGENT),
    "2.0 contextGroups without types": involved("Group", relevantTypes=[]),
}
INSIDE_ONLY_OUTSIDE = ("id", "stored", "version", "authority")


@pytest.mark.parametrize("case", TAKEN)
def test_a_good_statement_is_taken_and_comes_back_as_it_was(shared: Lrs, case: str) -> None:
    sent = statement(**TAKEN[case])
    if case.startswith("2.4.1"):
        sent |= {"id": sent["id"][:-6] + new_id()[-6:].upper()}
    answer = shared.post(sent)
    assert answer.status_code == 200, answer.text
    got = shared.one(sent["id"])
    for name in sent.keys() - {"authority"}:
        assert got[name] == _listed(name, sent[name]), name


def _listed(name: str, value: Any) -> Any:
    """A single context activity is returned as a list (2.4.6.2)."""
    around = value.get("contextActivities") if name == "context" else None
    if not around:
        return value
    lists = {k: [v] if isinstance(v, dict) else v for k, v in around.items()}
    return value | {"contextActivities": lists}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_statement_is_refused_and_said_why(shared: Lrs, case: str) -> None:
    sent = statement(**REFUSED[case])
    answer = shared.post(sent)
    assert answer.status_code == 400, answer.text
    assert len(answer.text) > 20
    if is_uuid(sent["id"]):
        assert shared.get(statementId=sent["id"]).status_code == 404


@pytest.mark.parametrize("name", ["actor", "verb", "object"])
def test_a_statement_without_one_of_its_three_parts_is_refused(shared: Lrs, name: str) -> None:
    sent = statement()
    del sent[name]
    assert shared.post(sent).status_code == 400


@pytest.mark.parametrize("case", [c for c in REFUSED if "2.4.2 actor" in c or "4.6" in c])
def test_what_is_refused_in_a_statement_is_refused_inside_another(shared: Lrs, case: str) -> None:
    assert shared.post(substatement(**REFUSED[case])).status_code == 400


@pytest.mark.parametrize("name", INSIDE_ONLY_OUTSIDE)
def test_a_substatement_has_nothing_a_store_sets(shared: Lrs, name: str) -> None:
    value = {
        "id": new_id(),
        "stored": "2026-11-02T08:00:00Z",
        "version": "1.0.0",
        "authority": AGENT,
    }
    assert shared.post(substatement(**{name: value[name]})).status_code == 400
    assert shared.post(substatement()).status_code == 200


def test_a_substatement_has_no_substatement(shared: Lrs) -> None:
    assert shared.post(substatement(object=substatement()["object"])).status_code == 400


@pytest.mark.parametrize(
    "raw",
    [
        '{"mbox":"mailto:a@b.example","mbox":"mailto:c@d.example"}',
        '{"account":{"homePage":"https://a.example","name":"1","na\\u006de":"2"}}',
    ],
)
def test_a_property_twice_is_refused_at_any_depth(shared: Lrs, raw: str) -> None:
    """Else one reader finds (and erases) by the last what another shows by the first."""
    body = f'{{"actor":{raw},"verb":{{"id":"a:b"}},"object":{{"id":"a:b"}}}}'
    assert shared.send(body.encode(), "application/json").status_code == 400


def test_the_reason_names_the_property_and_no_value(shared: Lrs) -> None:
    answer = shared.post(statement(actor={"mbox": "Anna Geheim"}))
    assert "actor.mbox is not a mailto address" in answer.text
    assert "Geheim" not in answer.text
