"""What a statement proves: the tables in content/mapping, on real and on hard statements."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from competency.scale import cut_of_step
from xapi_bridge import mapping
from xapi_bridge.errors import RulesBroken
from xapi_bridge.mapping import Reading, Table, Trust, proportion, understand
from xapi_bridge.statement import Bad, Statement, parse

Make = Callable[..., Statement]
Hard = Callable[[str], list[Statement | Bad]]

SITE = "http://localhost:8145"
HARD_QUIZ = "https://moodle.stadt.example.de/mod/quiz/view.php?id=12"
ACTIVITIES = {
    "page-pw": "PW",  # by idnumber
    f"{SITE}/mod/quiz/view.php?id=12": "PH",  # by address
    "K-DIGI-101": "KURS",
    HARD_QUIZ: "PH",
}
LIFTS = {"PW": {"4.1": (2, 4), "4.2": (0, 2)}, "PH": {"4.1": (2, 4)}, "KURS": {"1.1": (0, 2)}}
QUIZ_ATTEMPT = 13


ANYBODY = Trust()


def read(statement: Statement | Bad, tables: tuple[Table, ...], trust: Trust = ANYBODY) -> Reading:
    assert isinstance(statement, Statement)
    return understand(statement, tables, ACTIVITIES, LIFTS, trust)


def again(document: dict[str, Any]) -> Statement:
    return parse(orjson.dumps(document), id_required=False)


def test_a_moodle_s_day_gives_exactly_this_evidence(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    found = {
        (n, d.rule_id.removeprefix("moodle-logstore-1.0/"), d.unit, d.kind, d.category)
        for n, s in enumerate(moodle)
        for d in read(s, tables).drafts
    }
    page_views = (3, 4), (23, 24), (32, 33)  # uncompleted and completed, three persons
    expected = {
        (n, rule, "PW", kind, category)
        for uncompleted, completed in page_views
        for n, rule, kind, category in [
            (uncompleted, "module-uncompleted", "uncompletion", 0),
            (completed, "module-completed", "completion", 0),
            (completed, "module-completed/4.1", "completion", 1),
            (completed, "module-completed/4.2", "completion", 1),
        ]
    }
    expected |= {
        (11, "course-completed", "KURS", "completion", 0),
        (11, "course-completed/1.1", "KURS", "completion", 1),
        (12, "module-completed", "PH", "completion", 0),
        (12, "module-completed/4.1", "PH", "completion", 1),
        (QUIZ_ATTEMPT, "quiz-attempt/4.1", "PH", "scored", 1),
    }
    assert found == expected


def test_no_statement_of_a_moodle_is_unknown_to_the_table(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    assert {read(s, tables).unknown for s in moodle} == {""}


def test_what_is_completed_but_not_mapped_is_named(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    found = [understand(s, tables, {}, {}).unmapped for s in moodle]
    assert {activity for activity in found if activity} == {
        f"{SITE}/mod/page/view.php?id=11",
        f"{SITE}/mod/quiz/view.php?id=12",
        f"{SITE}/course/view.php?id=6",
    }


def test_five_of_ten_points_in_moodle_are_a_half_though_scaled_says_zero(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    score = moodle[QUIZ_ATTEMPT].result["score"]
    assert score["scaled"] == 0
    assert proportion(score, "minus-one-to-one") == 0.5
    assert proportion({"scaled": 0}, "minus-one-to-one") == 0.5


@pytest.mark.parametrize(
    ("score", "zero_to_one", "minus_one_to_one"),
    [
        ({"raw": 3, "min": 1, "max": 5}, 0.5, 0.5),
        ({"raw": 8, "max": 10, "scaled": 0.1}, 0.8, 0.8),
        ({"scaled": 0.25}, 0.25, 0.625),
        ({"scaled": -0.5}, None, 0.25),
        ({"raw": 0, "min": 0, "max": 0}, None, None),
        ({"raw": 11, "min": 0, "max": 10}, None, None),
        ({"raw": 7}, None, None),
        ({}, None, None),
    ],
)
def test_points_come_first_and_scaled_only_by_its_source(
    score: dict[str, Any], zero_to_one: float | None, minus_one_to_one: float | None
) -> None:
    assert proportion(score, "zero-to-one") == zero_to_one
    assert proportion(score, "minus-one-to-one") == minus_one_to_one


def test_success_proves_nothing_while_the_pass_grade_is_unknown(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    attempt = moodle[QUIZ_ATTEMPT]
    assert attempt.result["success"] is True
    failed = {**attempt.document, "result": {**attempt.result, "success": False}}
    without_success = again(failed)
    assert read(without_success, tables) == read(attempt, tables)


def test_the_cron_s_registration_is_never_an_attempt(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    by_cron: dict[str, set[str]] = {}
    for s in moodle:
        assert s.actor.key
        by_cron.setdefault(s.context["registration"], set()).add(s.actor.key.value)
    assert any(len(people) > 1 for people in by_cron.values())
    attempt = moodle[QUIZ_ATTEMPT]
    context = {**attempt.context, "registration": "00000000-0000-4000-8000-000000000001"}
    elsewhere = again({**attempt.document, "context": context})
    assert read(elsewhere, tables) == read(attempt, tables)


def test_an_attempt_that_names_no_quiz_is_not_guessed(
    hard: Hard, tables: tuple[Table, ...]
) -> None:
    (statement,) = hard("30")
    assert read(statement, tables).note == "no parent activity"


@pytest.mark.parametrize(("raw", "category"), [(0, 0), (4.9, 0), (5, 1), (7.9, 1), (8, 2), (10, 2)])
def test_below_half_from_half_and_from_four_fifths(
    moodle: list[Statement], tables: tuple[Table, ...], raw: float, category: int
) -> None:
    attempt = moodle[QUIZ_ATTEMPT]
    points = {**attempt.result, "score": {"raw": raw, "min": 0, "max": 10}}
    statement = again({**attempt.document, "result": points})
    (draft,) = read(statement, tables).drafts
    assert draft.category == category
    assert draft.b == (cut_of_step(4) - 0.5, cut_of_step(4))
    assert draft.a == 1.2


def test_a_completion_is_weak_evidence_at_the_step_the_unit_teaches_to(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    unit, first, second = read(moodle[4], tables).drafts
    assert (unit.competency, unit.a, unit.b) == (None, 0.0, ())
    assert (first.competency, first.a, first.b) == ("4.1", 0.6, (cut_of_step(4),))
    assert (second.competency, second.b) == ("4.2", (cut_of_step(2),))


def test_a_module_completed_with_a_fail_is_not_done(make: Make, tables: tuple[Table, ...]) -> None:
    failed = make(object={"id": HARD_QUIZ}, result={"completion": True, "success": False})
    (draft,) = read(failed, tables).drafts
    assert (draft.kind, draft.category, draft.competency) == ("failed", 0, "4.1")


EXPECTED_OF_HARD = {
    **dict.fromkeys(["01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11"], 2),
    **dict.fromkeys(["12", "13", "14", "15", "18", "23", "24", "25", "26"], 2),
    **dict.fromkeys(["16", "17", "19", "34", "39", "41"], 0),
    "33": 2,
    "31": 2,
}


@pytest.mark.parametrize(("number", "drafts"), sorted(EXPECTED_OF_HARD.items()))
def test_hard_statements_give_what_their_index_says(
    hard: Hard, tables: tuple[Table, ...], number: str, drafts: int
) -> None:
    (statement,) = hard(number)
    assert len(read(statement, tables).drafts) == drafts


def test_a_forged_pass_under_the_learner_s_own_authority_is_none(
    hard: Hard, tables: tuple[Table, ...], make: Make
) -> None:
    (forged,) = hard("37")
    ours = Trust(authorities=frozenset({"account|https://lrs.example|moodle"}))
    assert read(forged, tables, ours).note == "authority not allowed"
    own = make(authority={"account": {"homePage": "https://lms.example", "name": "4"}})
    assert read(own, tables).note == "authority not allowed"


def test_of_a_three_legged_authority_only_the_application_counts(
    hard: Hard, tables: tuple[Table, ...]
) -> None:
    (statement,) = hard("03")
    application = Trust(frozenset({"account|https://lrs.example.de/oauth|consumer-1"}))
    user = Trust(frozenset({"mbox||mailto:nutzerin@stadt.example.de"}))
    assert read(statement, tables, application).drafts
    assert not read(statement, tables, user).drafts


def test_an_address_with_umlauts_is_compared_as_it_is_written(
    hard: Hard, tables: tuple[Table, ...]
) -> None:
    (statement,) = hard("40")
    assert isinstance(statement, Statement)
    plain = "https://moodle.stadt.example.de/kurs/datenschutz-für-anfänger?id=7"
    encoded = "https://moodle.stadt.example.de/kurs/datenschutz-f%C3%BCr-anf%C3%A4nger?id=7"
    assert understand(statement, tables, {plain: "PW"}, LIFTS).drafts
    assert understand(statement, tables, {encoded: "PW"}, LIFTS).unmapped == plain


def test_an_empty_idnumber_is_none(moodle: list[Statement], tables: tuple[Table, ...]) -> None:
    lti_without_number = moodle[17]
    assert lti_without_number.activity.external_id == ""
    done = {**moodle[4].document, "object": lti_without_number.document["object"]}
    statement = again(done)
    assert understand(statement, tables, {"": "PW"}, LIFTS).unmapped


def test_the_idnumber_comes_before_the_address(
    moodle: list[Statement], tables: tuple[Table, ...]
) -> None:
    both = {"page-pw": "PW", moodle[4].activity.id: "PH"}
    assert understand(moodle[4], tables, both, LIFTS).drafts[0].unit == "PW"


def test_an_unknown_verb_is_named_and_never_guessed(make: Make, tables: tuple[Table, ...]) -> None:
    odd = make(verb={"id": "http://v.example/mastered"}, object={"id": HARD_QUIZ})
    assert read(odd, tables) == Reading(unknown="http://v.example/mastered")


def test_what_we_wrote_ourselves_proves_nothing(make: Make, tables: tuple[Table, ...]) -> None:
    for verb in (
        "http://adlnet.gov/expapi/verbs/registered",
        "https://w3id.org/xapi/tla/verbs/asserted",
    ):
        assert read(make(verb={"id": verb}), tables) == Reading()


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ('effect = "completion"', "effect"),
        ('scaling = "zero-to-one"', "scaling"),
        ("bands = [0.5, 0.8]", "bands"),
        ('verb = "http://adlnet.gov/expapi/verbs/passed"', "verb"),
    ],
)
def test_a_broken_table_is_refused_and_says_where(broken: str, said: str) -> None:
    path = mapping.Path(__file__).resolve().parents[3] / "content/mapping/generic-1.0/rules.toml"
    text = path.read_text(encoding="utf-8")
    assert broken in text
    worse = text.replace(broken, broken.partition("=")[0].replace("verb", "verbb") + '= "?"')
    with pytest.raises(RulesBroken, match=said):
        mapping.read(worse)


def test_a_new_version_of_a_table_takes_over(tmp_path: mapping.Path) -> None:
    source = mapping.Path(__file__).resolve().parents[3] / "content/mapping/generic-1.0/rules.toml"
    text = source.read_text(encoding="utf-8")
    for version in ("1.9", "1.10"):
        folder = tmp_path / f"generic-{version}"
        folder.mkdir()
        (folder / "rules.toml").write_text(
            text.replace('version = "1.0"', f'version = "{version}"'), encoding="utf-8"
        )
    assert [t.ref for t in mapping.load(tmp_path)] == ["generic-1.10"]
