"""What H5P, cmi5, ILIAS's plugins and we ourselves say, and what must not be made of it.

The statements here are hand-made in the form their sources give them (reference/xapi.md 7.3, 7.4);
those of a real Moodle are in test_mapping.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xapi_bridge.mapping import Reading, Table, Trust, understand
from xapi_bridge.statement import Statement

Make = Callable[..., Statement]

DATA = Path(__file__).resolve().parents[2] / "data" / "xapi"
ADL = "http://adlnet.gov/expapi/verbs/"
SATISFIED = "https://w3id.org/xapi/adl/verbs/satisfied"
WAIVED = "https://w3id.org/xapi/adl/verbs/waived"
CMI5 = "https://w3id.org/xapi/cmi5/context/categories/cmi5"
MOVE_ON = "https://w3id.org/xapi/cmi5/context/categories/moveon"
MASTERY = "https://w3id.org/xapi/cmi5/context/extensions/masteryscore"
LAUNCH_MODE = "https://w3id.org/xapi/cmi5/context/extensions/launchmode"
LOCAL_ID = "http://h5p.org/x-api/h5p-local-content-id"
UNIT, H5P = "https://lms.example/unit/1", "https://lms.example/mod/hvp/view.php?id=9"
ILIAS = "https://ilias.stadt.example.de/goto.php/type/ref/90"
ACTIVITIES = {UNIT: "U", H5P: "U", ILIAS: "U"}
LIFTS = {"U": {"4.1": (2, 4)}}
ANYBODY = Trust()


def read(statement: Statement, tables: tuple[Table, ...], trust: Trust = ANYBODY) -> Reading:
    return understand(statement, tables, ACTIVITIES, LIFTS, trust)


def said(reading: Reading) -> list[tuple[str, str | None, str, int]]:
    """Return (rule, competence, kind, category) of each piece of evidence."""
    return [(d.rule_id.split("/")[1], d.competency, d.kind, d.category) for d in reading.drafts]


def verb(name: str) -> dict[str, str]:
    return {"id": name if ":" in name else ADL + name}


def cmi5(
    make: Make, name: str, *categories: str, result: Any = ..., extensions: Any = ...
) -> Statement:
    listed = [{"id": c} for c in (CMI5, *categories)]
    context = {"contextActivities": {"category": listed}}
    if extensions is not ...:
        context["extensions"] = extensions
    return make(verb=verb(name), object={"id": UNIT}, result=result, context=context)


def h5p(make: Make, name: str, *, part: str = "", **more: Any) -> Statement:
    """As H5P's x-api-event.js builds it."""
    thing = {
        "id": f"{H5P}?subContentId={part}" if part else H5P,
        "objectType": "Activity",
        "definition": {"extensions": {LOCAL_ID: 9}},
    }
    library = {"id": "http://h5p.org/libraries/H5P.QuestionSet-1.20", "objectType": "Activity"}
    context = {"contextActivities": {"category": [library]}}
    return make(verb=verb(name), object=thing, context=context, **more)


def points(raw: float, most: float = 10) -> dict[str, Any]:
    scaled = round(raw / most, 4)
    return {"score": {"min": 0, "raw": raw, "max": most, "scaled": scaled}, "completion": True}


# --- cmi5 -----------------------------------------------------------------------------------------


def test_a_cmi5_pass_for_credit_is_strong_with_points_or_without(
    make: Make, tables: tuple[Table, ...]
) -> None:
    for result in ({"success": True}, {"success": True, "score": {"scaled": 0.9}}):
        reading = read(cmi5(make, "passed", MOVE_ON, result=result), tables)
        assert said(reading) == [("passed", None, "passed", 0), ("passed", "4.1", "passed", 1)]
        assert reading.drafts[1].a == 1.2


def test_a_cmi5_pass_of_a_part_is_none(make: Make, tables: tuple[Table, ...]) -> None:
    for name in ("passed", "failed", "completed"):
        reading = read(cmi5(make, name, result={"success": True}), tables)
        assert (reading.drafts, reading.rule) == ((), f"cmi5-1.1/part-{name}")


@pytest.mark.parametrize("mode", ["Browse", "Review"])
def test_looking_at_cmi5_content_without_credit_proves_nothing(
    make: Make, tables: tuple[Table, ...], mode: str
) -> None:
    seen = cmi5(make, "passed", MOVE_ON, extensions={LAUNCH_MODE: mode})
    assert read(seen, tables).note == "not done for credit"


def test_points_and_mastery_score_that_contradict_the_verb_prove_nothing(
    make: Make, tables: tuple[Table, ...]
) -> None:
    def judged(name: str, scaled: float) -> Reading:
        result = {"score": {"scaled": scaled}}
        return read(cmi5(make, name, MOVE_ON, result=result, extensions={MASTERY: 0.7}), tables)

    assert not judged("passed", 0.4).drafts
    assert not judged("failed", 0.7).drafts
    assert judged("passed", 0.7).drafts
    assert said(judged("failed", 0.4)) == [("failed", "4.1", "failed", 0)]


def test_satisfied_at_the_registration_moves_no_competence(
    make: Make, tables: tuple[Table, ...]
) -> None:
    for name in (SATISFIED, "satisfied"):
        (piece,) = read(cmi5(make, name), tables).drafts
        assert (piece.competency, piece.kind, piece.unit) == (None, "completion", "U")


def test_a_waived_unit_is_done_and_its_evidence_says_waived(
    make: Make, tables: tuple[Table, ...]
) -> None:
    (piece,) = read(cmi5(make, WAIVED), tables).drafts
    assert (piece.rule_id, piece.competency) == ("cmi5-1.1/waived", None)


def test_opening_and_leaving_cmi5_content_proves_nothing(
    make: Make, tables: tuple[Table, ...]
) -> None:
    for name in ("launched", "initialized", "terminated", "answered"):
        reading = read(cmi5(make, name), tables)
        assert (reading.drafts, reading.unknown) == ((), "")


# --- H5P ------------------------------------------------------------------------------------------


def test_h5p_s_points_are_a_share_from_zero_to_one(make: Make, tables: tuple[Table, ...]) -> None:
    for raw, category in ((0, 0), (5, 1), (9, 2)):
        reading = read(h5p(make, "completed", result=points(raw)), tables)
        assert said(reading) == [
            ("completed", None, "completion", 0),
            ("completed", "4.1", "scored", category),
        ]
    only_scaled = read(h5p(make, "completed", result={"score": {"scaled": 0}}), tables)
    assert only_scaled.drafts[1].category == 0


def test_h5p_s_points_weigh_less_than_a_quiz_of_the_lms(
    make: Make, tables: tuple[Table, ...]
) -> None:
    a = {t.ref: t.weights["scored"].a for t in tables}
    assert a["h5p-1.1"] < a["moodle-logstore-1.0"]
    assert read(h5p(make, "answered", result=points(9)), tables).drafts[1].a == a["h5p-1.1"]


def test_parts_of_h5p_content_are_never_counted_beside_the_whole(
    make: Make, tables: tuple[Table, ...]
) -> None:
    part = h5p(make, "answered", part="3f1c6f3e", result=points(1, 1))
    reading = read(part, tables)
    assert (reading.drafts, reading.unmapped, reading.rule) == ((), "", "h5p-1.1/part")


def test_h5p_completed_without_points_is_done_and_no_more(
    make: Make, tables: tuple[Table, ...]
) -> None:
    assert said(read(h5p(make, "completed"), tables)) == [("completed", None, "completion", 0)]
    no_points = {"score": {"min": 0, "raw": 0, "max": 0}}  # a presentation without a question
    assert len(read(h5p(make, "completed", result=no_points), tables).drafts) == 1


def test_h5p_content_is_known_by_its_number_where_the_category_is_missing(
    make: Make, tables: tuple[Table, ...]
) -> None:
    thing = {"id": H5P, "definition": {"extensions": {LOCAL_ID: 9}}}
    bare = make(verb=verb("answered"), object=thing, result=points(9))
    assert read(bare, tables).rule == "h5p-1.1/answered"


def test_every_click_in_h5p_content_is_noise(make: Make, tables: tuple[Table, ...]) -> None:
    for name in ("attempted", "interacted", "progressed"):
        reading = read(h5p(make, name), tables)
        assert (reading.drafts, reading.unmapped, reading.unknown) == ((), "", "")


# --- ILIAS ----------------------------------------------------------------------------------------


def test_learning_progress_of_ilias_comes_by_its_event_plugin(
    make: Make, tables: tuple[Table, ...]
) -> None:
    def kinds(name: str) -> list[str]:
        return [d.kind for d in read(make(verb=verb(name), object={"id": ILIAS}), tables).drafts]

    assert kinds("completed") == ["completion", "completion"]
    assert kinds("passed") == ["passed", "passed"]
    assert kinds("failed") == ["failed"]
    assert [kinds(n) for n in ("experienced", "attempted", "progressed")] == [[], [], []]
    assert read(make(object={"id": ILIAS}), tables).rule == "ilias-1.0/completed"


def test_cmi5_content_in_ilias_is_read_as_cmi5_whoever_stands_in_for_the_person(
    make: Make, tables: tuple[Table, ...]
) -> None:
    ident = {"mbox": "mailto:" + "a" * 64 + "@" + "1" * 32 + ".ilias", "name": "-"}
    document = cmi5(make, "passed", MOVE_ON).document
    again = make(**{k: document[k] for k in ("verb", "object", "context")}, actor=ident)
    assert read(again, tables).rule == "cmi5-1.1/passed"


def test_what_an_event_plugin_says_about_another_object_is_unmapped(
    make: Make, tables: tuple[Table, ...]
) -> None:
    other = ILIAS.replace("90", "91")
    assert read(make(object={"id": other}), tables).unmapped == other


# --- ourselves, and badges of a Moodle ------------------------------------------------------------


def test_our_own_statements_prove_nothing_at_whatever_address_we_run(
    make: Make, tables: tuple[Table, ...]
) -> None:
    for document in json.loads((DATA / "path-statements.json").read_text(encoding="utf-8")):
        reading = read(make(**document), tables)
        assert (reading.drafts, reading.unmapped, reading.unknown) == ((), "", "")
    profile = {"category": [{"id": "https://elsewhere.example/xapi/profile/v1"}]}
    done = make(object={"id": UNIT}, context={"contextActivities": profile})
    assert read(done, tables).rule == "roadmap-1.0/own"


def test_a_badge_counts_once_it_is_mapped_and_no_longer_when_it_is_forfeited(
    make: Make, tables: tuple[Table, ...]
) -> None:
    info = {"http://lrs.learninglocker.net/define/extensions/info": {"event_name": r"\core\e"}}

    def kinds(name: str) -> list[str]:
        about = make(
            verb={"id": f"https://w3id.org/xapi/tla/verbs/{name}"},
            object={"id": UNIT},
            context={"extensions": info},
        )
        return [d.kind for d in read(about, tables).drafts]

    assert kinds("achieved") == ["completion", "completion"]
    assert kinds("forfeited") == ["uncompletion"]


def from_moodle(make: Make, name: str, event: str, **more: Any) -> Statement:
    info = {"http://lrs.learninglocker.net/define/extensions/info": {"event_name": event}}
    context = {"extensions": info, "instructor": {"mbox": "mailto:lehrt@stadt.example"}}
    return make(verb=verb(name), object={"id": UNIT}, context=context, **more)


def test_a_graded_assignment_counts_by_its_points_whatever_success_says(
    make: Make, tables: tuple[Table, ...]
) -> None:
    """The pass grade of a Moodle that sets none is 0: everybody has "passed"."""
    scored, graded = (
        "https://w3id.org/xapi/tla/verbs/scored",
        r"\mod_assign\event\submission_graded",
    )
    for raw, category in ((0, 0), (60, 1), (95, 2)):
        result = {"success": True, "score": {"raw": raw, "min": 0, "max": 100, "scaled": 1}}
        (piece,) = read(from_moodle(make, scored, graded, result=result), tables).drafts
        assert (piece.kind, piece.category, piece.a) == ("scored", category, 1.2)


def test_scorm_in_moodle_counts_by_its_status_without_points(
    make: Make, tables: tuple[Table, ...]
) -> None:
    status = r"\mod_scorm\event\status_submitted"
    kinds = {
        name: [d.kind for d in read(from_moodle(make, name, status), tables).drafts]
        for name in ("passed", "failed", "completed")
    }
    assert kinds == {
        "passed": ["passed", "passed"],
        "failed": ["failed"],
        "completed": ["completion", "completion"],
    }


def test_an_uncompletion_that_says_not_completed_is_one_all_the_same(
    make: Make, tables: tuple[Table, ...]
) -> None:
    uncompleted = {"id": "https://xapi.edlm/profiles/edlm-lms/concepts/verbs/uncompleted"}
    (piece,) = read(
        make(verb=uncompleted, object={"id": UNIT}, result={"completion": False}), tables
    ).drafts
    assert piece.kind == "uncompletion"


def test_scaled_from_a_connection_that_says_so_goes_from_minus_one_to_one(
    make: Make, tables: tuple[Table, ...]
) -> None:
    half = h5p(make, "completed", result={"score": {"scaled": 0}})
    assert read(half, tables, Trust(scaling="minus-one-to-one")).drafts[1].category == 1


def test_every_table_is_recognised_by_something_but_the_last(tables: tuple[Table, ...]) -> None:
    refs = [t.ref.rpartition("-")[0] for t in tables]
    assert set(refs) == {"moodle-logstore", "cmi5", "h5p", "ilias", "roadmap", "generic"}
    assert (refs[0], refs[-1]) == ("moodle-logstore", "generic")
    assert [bool(t.signs) for t in tables] == [True] * 5 + [False]
