"""Our xAPI profile: as the standard wants it, and every statement we write follows it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lti_tool.settings import ROOT
from tests.unit.xapi_bridge.test_wire import EVENT, TOOL
from xapi_bridge import rules, templates, wire
from xapi_bridge.parts import is_iri
from xapi_bridge.profile import CONFORMS_TO, CONTEXT, profile, version_id

RESULT = {
    "kind": "asserted",
    "steps": (),
    "course": "",
    "competency": {"id": "1.1", "title": "Recherchieren"},
    "confidence": 0.93,
    "pieces": 4,
    "evidence": ["d899feb5-05e5-43b4-a26a-bae52b2ff1a7"],
}
VOID = {
    "kind": "voided",
    "language": "de",
    "timestamp": EVENT["timestamp"],
    "statement": "12427854-f037-5d28-a6e9-daa22db450f3",
}
EVENTS: dict[str, dict[str, Any]] = {
    "assigned": EVENT,
    "withdrawn": EVENT | {"kind": "withdrawn"},
    "asserted": EVENT | RESULT,
    "voided": VOID,
}
OURS = profile(TOOL)
KINDS = {
    "concepts": {"ContextExtension", "AgentProfileResource"},
    "templates": {"StatementTemplate"},
    "patterns": {"Pattern"},
}


def written() -> Iterator[Any]:
    for event in EVENTS.values():
        yield from wire.statements(TOOL, event)


def test_every_event_the_product_knows_is_tried_here() -> None:
    assert EVENTS.keys() == wire._KINDS.keys()


def test_every_statement_follows_exactly_one_template_of_the_profile() -> None:
    verbs = []
    for statement in written():
        assert templates.violations(OURS, statement) == ()
        fitting = [t for t in OURS["templates"] if templates._determined(t, statement)]
        assert len(fitting) == 1
        verbs.append(fitting[0]["verb"])
    assert sorted(verbs) == sorted(t["verb"] for t in OURS["templates"])


def test_every_statement_is_one_that_a_strict_store_takes() -> None:
    for statement in written():
        rules.require(statement)


@pytest.mark.parametrize(
    ("kind", "spoil", "said"),
    [
        ("assigned", lambda s: s["context"].pop("registration"), "registration is missing"),
        ("assigned", lambda s: s.update(result={"score": {"raw": 3}}), "result must not be there"),
        ("assigned", lambda s: s["actor"].update(name="Erika"), "actor.name must not be there"),
        ("assigned", lambda s: s["verb"].update(id="urn:x"), "no template is about urn:x"),
        ("asserted", lambda s: s["context"].pop("extensions"), "confidence'] is missing"),
        ("asserted", lambda s: s["context"]["contextActivities"].pop("category"), "category"),
        ("withdrawn", lambda s: s["context"].pop("statement"), "is no reference"),
        ("voided", lambda s: s["actor"]["account"].update(homePage="urn:y"), "may not have"),
        ("voided", lambda s: s["context"].update(platform="x"), "platform must not be there"),
    ],
)
def test_a_statement_that_says_more_or_less_is_found(kind: str, spoil: Any, said: str) -> None:
    statement = json.loads(json.dumps(wire.statements(TOOL, EVENTS[kind])[0]))
    spoil(statement)
    assert said in " · ".join(templates.violations(OURS, statement))


def test_the_profile_has_the_structure_of_the_standard() -> None:
    assert (OURS["@context"], OURS["conformsTo"], OURS["type"]) == (CONTEXT, CONFORMS_TO, "Profile")
    assert [v["id"] for v in OURS["versions"]] == [version_id(TOOL)]
    assert OURS["author"].keys() >= {"type", "name"}
    for section, kinds in KINDS.items():
        for part in OURS[section]:
            assert is_iri(part["id"])
            assert part["type"] in kinds
            assert part["inScheme"] == version_id(TOOL)
            if section != "patterns" or part.get("primary"):
                assert set(part["prefLabel"]) == set(part["definition"]) == {"de", "en"}
    ids = [part["id"] for section in KINDS for part in OURS[section]]
    assert len(ids) == len(set(ids))


def test_its_concepts_carry_schemas_and_say_where_they_are_used() -> None:
    for concept in OURS["concepts"]:
        assert json.loads(concept["inlineSchema"])["type"]
        where = "recommendedVerbs" if concept["type"] == "ContextExtension" else "contentType"
        assert concept[where]


def test_its_templates_refer_to_each_other_and_their_rules_can_be_read() -> None:
    ids = {t["id"] for t in OURS["templates"]}
    for template in OURS["templates"]:
        named = ("contextStatementRefTemplate", "objectStatementRefTemplate")
        assert {i for name in named for i in template.get(name, ())} <= ids
        assert not {"objectActivityType", "objectStatementRefTemplate"} <= template.keys()
        for rule in template["rules"]:
            assert templates.values({}, rule["location"]) == ()
            assert rule.keys() & {"presence", "any", "all", "none"}


def test_its_patterns_are_made_of_what_is_there_and_every_template_is_in_one() -> None:
    patterns = {p["id"]: p for p in OURS["patterns"]}
    used = set()
    for pattern in patterns.values():
        (how,) = pattern.keys() & {"alternates", "optional", "oneOrMore", "sequence", "zeroOrMore"}
        members = pattern[how] if isinstance(pattern[how], list) else [pattern[how]]
        assert pattern["id"] not in members
        used |= set(members)
    alone = {t["id"] for t in OURS["templates"] if t.get("allowedSolo")}
    assert used | alone == {t["id"] for t in OURS["templates"]} | (used & patterns.keys())


def test_our_extensions_and_documents_are_those_of_the_statements() -> None:
    found = {c["id"] for c in OURS["concepts"]}
    keys = {k for s in written() for k in s["context"].get("extensions", {}) if k.startswith(TOOL)}
    event = EVENT | {"assigned": EVENT["timestamp"]}
    documents = {
        place["profileId"]
        for place in (wire.document_place(TOOL, event), wire.levels_place(TOOL, event))
    }
    assert keys | documents == found


def test_a_json_path_that_a_profile_may_not_use_is_refused() -> None:
    for path in ("context", "$..id", "$.a[?(@.b)]"):
        with pytest.raises(ValueError, match="JSONPath"):
            templates.values({}, path)


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        ({"location": "$.a[*]", "any": [2]}, True),
        ({"location": "$.a[*]", "all": [1]}, False),
        ({"location": "$.a[*]", "none": [2]}, False),
        ({"location": "$.a[5]", "presence": "recommended", "all": [1]}, True),
        ({"location": "$.b[*]", "selector": "$.c", "presence": "included"}, False),
        ({"location": "$.b[0]", "selector": "$.c", "all": [3]}, True),
    ],
)
def test_rules_hold_as_the_standard_says(rule: dict[str, Any], holds: bool) -> None:
    document = {"a": [1, 2], "b": [{"c": 3}, {}]}
    assert (templates._against(rule, document) == "") is holds


def test_the_published_profile_is_what_the_program_says() -> None:
    published = json.loads((ROOT / "docs" / "xapi-profile" / "roadmap.jsonld").read_text("utf-8"))
    assert published == profile("https://roadmap.example"), "run tools/xapi_profile.py"
