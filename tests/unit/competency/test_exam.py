"""The short review of a unit: its dates, its questions, and when it sits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from competency import exam
from competency.catalogue import LearningUnit, Phase, PhaseKind
from competency.exam import Standing
from competency.items import Kind
from competency.packs import Content
from lti_tool.settings import ROOT

CONTENT = Content.load(ROOT / "content")
HELD = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
DAY = timedelta(days=1)
UNITS = [u for u in CONTENT.catalogue.units if exam.has_exam(u)]


def test_it_reminds_on_day_11_opens_on_day_14_and_is_late_two_weeks_on() -> None:
    dates = exam.dates(HELD, 14)
    said = {n: dates.standing(HELD + n * DAY) for n in (10, 11, 13, 14, 27, 28, 400)}
    assert said == {
        10: Standing.AHEAD,
        11: Standing.SOON,
        13: Standing.SOON,
        14: Standing.OPEN,
        27: Standing.OPEN,
        28: Standing.LATE,
        400: Standing.LATE,
    }


def test_it_opens_at_midnight_in_germany_not_at_the_hour_of_the_tutorial() -> None:
    opens = exam.dates(HELD, 14).opens
    assert opens == datetime(2026, 12, 3, 23, 0, tzinfo=UTC)  # 4 December, 00:00 in Berlin
    assert exam.dates(HELD, 14).standing(opens - timedelta(seconds=1)) is Standing.SOON


def test_a_tutorial_late_in_the_evening_belongs_to_its_german_day() -> None:
    late = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)  # the 21st in Germany
    assert exam.dates(late, 14).opens == exam.dates(HELD, 15).opens


def test_days_are_days_also_when_the_clocks_change() -> None:
    before = datetime(2026, 10, 20, 9, 0, tzinfo=UTC)  # summer time ends on the 25th
    assert exam.dates(before, 14).opens == datetime(2026, 11, 2, 23, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("chosen", "catalogue", "days"),
    [(0, 0, 14), (0, 21, 21), (10, 21, 10), (3, 0, 7), (90, 0, 28), (0, 365, 28), (0, 1, 7)],
)
def test_the_town_decides_after_how_many_days_within_7_and_28(
    chosen: int, catalogue: int, days: int
) -> None:
    unit = _unit(Phase(PhaseKind.TRANSFER, 10, exam_due_days=catalogue))
    assert exam.days_after(unit, chosen) == days


def test_a_unit_without_tutorial_and_without_days_has_none() -> None:
    assert not exam.has_exam(_unit(Phase(PhaseKind.SELF_STUDY, 10)))
    assert exam.has_exam(_unit(Phase(PhaseKind.TUTORIAL, 60, "online")))
    assert exam.has_exam(_unit(Phase(PhaseKind.TRANSFER, 10, exam_due_days=14)))


def _unit(*phases: Phase) -> LearningUnit:
    return LearningUnit("X", "X", "X", {"4.1": (0, 3)}, phases)


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.key)
def test_five_to_eight_questions_on_what_the_unit_teaches_and_no_self_rating(
    unit: LearningUnit,
) -> None:
    chosen = exam.questions(unit, CONTENT.items, ("GB",), seed="p")
    assert exam.FEWEST <= len(chosen) <= exam.MOST
    assert len(set(chosen)) == len(chosen)
    assert {i.competency for i in chosen} <= set(unit.lifts)
    assert not [i for i in chosen if i.self_report or not i.scored]
    asked = {i.competency for i in chosen}
    could = {i.competency for i in CONTENT.items if i.scored and i.competency in unit.lifts}
    assert asked == could  # every topic it teaches is asked about


def test_the_questions_are_the_same_for_a_person_and_mostly_others_for_another() -> None:
    def keys(unit: LearningUnit, seed: str) -> list[str]:
        return [i.key for i in exam.questions(unit, CONTENT.items, (), seed=seed)]

    assert all(keys(u, "p") == keys(u, "p") for u in UNITS)
    varied = [u for u in UNITS if len({tuple(keys(u, str(n))) for n in range(20)}) > 1]
    assert len(varied) > 0.8 * len(UNITS)  # where the bank has few of a level, all meet the same


def test_what_was_asked_or_explained_before_comes_only_when_nothing_else_is_left() -> None:
    unit = CONTENT.catalogue.by_key["A4"]
    first = {i.key for i in exam.questions(unit, CONTENT.items, (), seed="p")}
    for known in ({"asked": first}, {"explained": first}):
        again = {i.key for i in exam.questions(unit, CONTENT.items, (), seed="p", **known)}
        assert not again & first, known
    every = {i.key for i in CONTENT.items}
    assert len(exam.questions(unit, CONTENT.items, (), seed="p", explained=every)) == len(first)


def test_what_waits_for_an_answer_in_the_assessment_is_never_given_away() -> None:
    unit = CONTENT.catalogue.by_key["N7"]  # one topic only
    bank = [i for i in CONTENT.items if i.competency == "4.4"]
    never = {i.key for i in bank if i.scored and not i.self_report}
    assert exam.questions(unit, CONTENT.items, (), seed="p", never=never) == ()


def test_a_known_scene_comes_before_a_foreign_one_of_the_same_level() -> None:
    unit = CONTENT.catalogue.by_key["N7"]
    base = next(i for i in CONTENT.items if i.kind is Kind.SINGLE_CHOICE and i.competency == "4.4")
    own = replace(base, key="own", level=2, roles=frozenset({"GB"}), for_all=False)
    foreign = [replace(own, key=f"far{n}", roles=frozenset({"VFA"})) for n in range(6)]
    chosen = exam.questions(unit, (*foreign, own), ("GB",), seed="p")
    assert chosen[0].key == "own"


@pytest.mark.parametrize(("count", "needed"), [(5, 3), (6, 4), (7, 5), (8, 5)])
def test_three_of_five_are_enough(count: int, needed: int) -> None:
    assert exam.needed(count) == needed


def test_only_a_whole_answer_fits() -> None:
    item = next(i for i in CONTENT.items if i.categories > 2 and not i.self_report)
    fitting = [n for n in range(item.categories) if exam.fits(item, n)]
    assert fitting == [item.categories - 1]
