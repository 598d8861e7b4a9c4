"""What real content said (h5p.json, cmi5.json of tests/data/xapi), run by run: what it comes to.

Recorded in a browser; the files say with which versions, what was done, and how to do it again.
"""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from xapi_bridge.mapping import Draft, Reading, Table, understand
from xapi_bridge.statement import Statement, parse

DATA = Path(__file__).resolve().parents[2] / "data" / "xapi"
LIFTS = {"U": {"4.1": (2, 4)}}
Run = dict[str, Any]


def runs(name: str) -> list[Any]:
    listed = json.loads((DATA / name).read_text(encoding="utf-8"))["runs"]
    return [pytest.param(run, id=run["name"]) for run in listed]


def run_of(name: str, file: str = "h5p.json") -> Run:
    found: Run = next(p.values[0] for p in runs(file) if p.id == name)
    return found


def said(run: Run) -> list[Statement]:
    return [parse(orjson.dumps(d), id_required=False) for d in run["statements"]]


def read(run: Run, tables: tuple[Table, ...], *also: str) -> list[Reading]:
    """Read all of a run, with every activity mapped that is no part of another one."""
    whole = {s.object_id: "U" for s in said(run) if "subContentId" not in s.object_id}
    return [understand(s, tables, whole | dict.fromkeys(also, "U"), LIFTS) for s in said(run)]


def words(draft: Draft) -> str:
    points = f" {draft.category}" if draft.kind == "scored" else ""
    return f"{draft.rule_id.split('/')[1]}: {draft.competency or 'unit'} {draft.kind}{points}"


@pytest.mark.parametrize("run", runs("h5p.json"))
def test_h5p_content_comes_to_what_was_done_in_it_and_no_more(
    run: Run, tables: tuple[Table, ...]
) -> None:
    readings = read(run, tables)
    assert [words(d) for r in readings for d in r.drafts] == run["must"]
    assert {(r.unknown, r.unmapped, r.note) for r in readings} <= {("", "", "")}
    assert {r.rule.split("/")[0] for r in readings} <= {"h5p-1.1"}


def test_parts_of_h5p_content_that_have_no_id_of_their_own_are_parts_all_the_same(
    tables: tuple[Table, ...],
) -> None:
    """They carry the address of the whole: the first of them once stood for all of it."""
    run = run_of("qs-no-sub-ids-half")
    assert len({d["object"]["id"] for d in run["statements"]}) == 1
    parts = [r for r in read(run, tables) if r.rule == "h5p-1.1/part-without-id"]
    assert len(parts) == 10
    assert not any(r.drafts for r in parts)


def test_a_whole_that_was_given_itself_as_parent_is_no_part(tables: tuple[Table, ...]) -> None:
    """The TRAX agent does that to all H5P content of Moodle."""
    *parts, whole = run_of("qs-half-by-trax-agent")["statements"]
    assert whole["object"]["id"] == whole["context"]["contextActivities"]["parent"][0]["id"]
    *unused, completed = read(run_of("qs-half-by-trax-agent"), tables)
    assert completed.rule == "h5p-1.1/completed"
    assert [r.rule for r in unused] == ["h5p-1.1/part"] * len(parts)


def test_a_part_does_not_count_even_where_somebody_mapped_it(tables: tuple[Table, ...]) -> None:
    run = run_of("column-with-question-set")
    parts = {d["object"]["id"] for d in run["statements"]}
    assert len(parts) == 5
    assert [words(d) for r in read(run, tables, *parts) for d in r.drafts] == run["must"]


def test_an_essay_s_verdict_adds_nothing_to_the_points_it_comes_from(
    tables: tuple[Table, ...],
) -> None:
    """As a pass of its own it would weigh more than they do."""
    run = run_of("essay-right")
    verdicts = [r.rule for r in read(run, tables)][-2:]
    assert verdicts == ["h5p-1.1/passed", "h5p-1.1/mastered"]
    assert not any(r.drafts for r in read(run, tables)[-2:])


def test_a_course_around_h5p_content_does_not_make_it_a_part(tables: tuple[Table, ...]) -> None:
    """Plugins that forward may name the course as parent; that is another address."""
    run = run_of("mc-right")
    course = {"id": "https://lms.stadt.example/course/view.php?id=3", "objectType": "Activity"}
    for document in run["statements"]:
        document["context"]["contextActivities"]["parent"] = [course]
    assert [words(d) for r in read(run, tables) for d in r.drafts] == run["must"]


# --- cmi5 -----------------------------------------------------------------------------------------

COURSE = "https://inhalte.stadt.example/kurs/"
PUBLISHED = {
    COURSE + name: name.rsplit("/")[-1]
    for name in (
        *("sicher-arbeiten", "sicher-arbeiten/kennwoerter", "sicher-arbeiten/mails"),
        *("sicher-arbeiten/pruefen", "sicher-arbeiten/lesen", "nur-lesen", "nur-lesen/text"),
    )
}


def read_cmi5(
    run: Run, tables: tuple[Table, ...], activities: dict[str, str] = PUBLISHED
) -> list[Reading]:
    lifts = dict.fromkeys(activities.values(), LIFTS["U"])
    return [understand(s, tables, activities, lifts) for s in said(run)]


@pytest.mark.parametrize("run", runs("cmi5.json"))
def test_cmi5_content_comes_to_what_was_judged_in_it_and_no_more(
    run: Run, tables: tuple[Table, ...]
) -> None:
    readings = read_cmi5(run, tables)
    found = [f"{d.unit} {words(d)}" for r in readings for d in r.drafts]
    found += [f"{r.rule.rsplit('/')[-1] or 'waived'}: unmapped" for r in readings if r.unmapped]
    assert found == run["must"]
    assert {r.unknown for r in readings} <= {""}


def test_what_cmi5_content_says_of_its_own_accord_is_no_pass(tables: tuple[Table, ...]) -> None:
    """It has no category, and no launch mode: it once counted as anybody's pass, even in Browse."""
    for name in ("own-statement", "own-statement-browse"):
        own = read_cmi5(run_of(name, "cmi5.json"), tables)[2]
        assert (own.rule, own.drafts) == ("cmi5-1.1/part-passed", ())


def test_cmi5_content_is_mapped_by_the_publisher_s_address_or_by_the_lms_s(
    tables: tuple[Table, ...],
) -> None:
    """The LMS makes its own address at each import, with a number in it that says nothing."""
    run = run_of("passed-without-score", "cmi5.json")
    of_lms = run["statements"][2]["object"]["id"]
    published = COURSE + "sicher-arbeiten/kennwoerter"
    assert published not in of_lms
    for address in (of_lms, published):
        passed = read_cmi5(run, tables, {address: "U"})[2]
        assert {(d.unit, d.activity) for d in passed.drafts} == {("U", address)}
    assert read_cmi5(run, tables, {})[2].unmapped == published


def test_of_several_groupings_none_stands_for_cmi5_content(tables: tuple[Table, ...]) -> None:
    run = run_of("passed-without-score", "cmi5.json")
    around = run["statements"][2]["context"]["contextActivities"]
    around["grouping"].append({"id": COURSE + "sicher-arbeiten"})
    passed = read_cmi5(run, tables)[2]
    assert passed.unmapped == run["statements"][2]["object"]["id"]
