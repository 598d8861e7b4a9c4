"""The short review with a clock of its own: nothing before it opens, everything after."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from competency import exam as rules
from competency.errors import IncompleteResponse
from competency.evidence import Source
from competency.exam import Standing
from competency.items import Item
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import assess, exams, grades, observe, persons, plan, profiles
from lti_tool.flows.catching_up import catch_up
from lti_tool.flows.exams import Exam
from lti_tool.ports import Delivery
from tests.conftest import NOW
from tests.pages.scene import best
from tests.unit.flows.test_the_arrows import PLACE, House

UNIT = "A4"
DAY = timedelta(days=1)
EXAM_PLACE = replace(
    PLACE,
    link_id="9",
    page=f"rueckblick/{UNIT}/2026-11-09-0a1b2c3d",
    services={"lineitem": "https://moodle.example/exam"},
)


def learner_of(house: House, unit: str = UNIT, days_ago: float = 14) -> House:
    house.learn(unit, house.now - days_ago * DAY)
    return house


def look(house: House, unit: str = UNIT) -> Exam:
    return exams.of_unit(house.s, house.learner, unit, house.now)


def respond(house: House, *, well: bool) -> Item:
    question = exams.question(house.s, house.learner, UNIT)
    assert question is not None
    response = best(question.item) if well else {"dont_know": True}
    house.now += timedelta(seconds=20)
    exams.answer(house.s, house.learner, UNIT, question.position, response, house.now)
    return question.item


def run_through(house: House, fitting: int = 99) -> list[Item]:
    exams.start(house.s, house.learner, UNIT, house.now)
    asked: list[Item] = []
    while exams.question(house.s, house.learner, UNIT) is not None:
        asked.append(respond(house, well=len(asked) < fitting))
    return asked


def proofs(house: House) -> dict[str, Any]:
    rows = house.store.memory.evidence.values()
    return {r.evidence.id: r.evidence for _, r, _ in rows if r.evidence.source is Source.EXAM}


def letters(house: House, kind: str = "result") -> list[Delivery]:
    return [d for d, _ in house.store.memory.outbox.values() if d.kind == kind]


def test_fourteen_days_after_the_unit_it_is_open_and_not_a_second_before() -> None:
    house = learner_of(House().work_as("GB"), days_ago=0)
    dates = look(house).dates
    assert dates is not None
    for moment, standing in (
        (dates.reminds - timedelta(seconds=1), Standing.AHEAD),
        (dates.reminds, Standing.SOON),
        (dates.opens - timedelta(seconds=1), Standing.SOON),
        (dates.opens, Standing.OPEN),
        (dates.ends, Standing.LATE),
    ):
        house.now = moment
        assert look(house).standing is standing


@pytest.mark.parametrize("days_ago", [0, 1, 10, 12.9])
def test_nothing_can_be_begun_or_answered_before_it_opens(days_ago: float) -> None:
    house = learner_of(House().work_as("GB"), days_ago=days_ago)
    with pytest.raises(Conflict):
        exams.start(house.s, house.learner, UNIT, house.now)
    with pytest.raises(Conflict):
        exams.answer(house.s, house.learner, UNIT, 1, {"choice": 0}, house.now)
    assert not house.store.memory.attempts
    assert not proofs(house)


def test_without_a_known_tutorial_there_is_nothing_to_begin() -> None:
    house = House().work_as("GB")
    assert (look(house).dates, look(house).standing) == (None, None)
    with pytest.raises(Conflict):
        exams.start(house.s, house.learner, UNIT, house.now)
    assert exams.every(house.s, house.learner, house.now) == ()


def test_the_day_a_course_names_comes_before_the_day_the_unit_was_done() -> None:
    house = learner_of(House().work_as("GB"), days_ago=0)
    exams.hold(house.s, house.learner, UNIT, date(2026, 11, 9))
    assert look(house).standing is Standing.OPEN
    exams.hold(house.s, house.learner, UNIT, date(2026, 11, 30))  # the course has moved it
    assert look(house).standing is Standing.AHEAD


def test_a_town_may_let_it_open_sooner_or_later() -> None:
    house = learner_of(House(exam_days=21).work_as("GB"))
    dates = look(house).dates
    assert dates is not None
    assert (dates.opens.date() - (NOW - 14 * DAY).date()).days == 21


def test_it_never_asks_a_unit_without_an_exam() -> None:
    house = House().work_as("GB")
    with pytest.raises(NotFound):
        look(house, "no such unit")


def test_questions_are_frozen_and_a_reload_shows_the_same() -> None:
    house = learner_of(House().work_as("GB"))
    exams.start(house.s, house.learner, UNIT, house.now)
    first = exams.question(house.s, house.learner, UNIT)
    exams.start(house.s, house.learner, UNIT, house.now)
    assert exams.question(house.s, house.learner, UNIT) == first
    (run,) = house.store.memory.attempts
    assert run.unit == UNIT
    assert run.versions["items"] == house.s.content.versions["items"]


def test_it_does_not_disturb_the_assessment_and_is_not_disturbed_by_it() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, house.now)
    waiting = house.question()
    learner_of(house)
    asked = run_through(house)
    assert waiting is not None
    assert house.question() == waiting
    assert waiting.item.key not in {i.key for i in asked}
    assert assess.state(house.s, house.learner).answered == 0
    assess.restart(house.s, house.learner, house.now)
    house.answer_all()
    assert set(proofs(house)) == {exams.evidence_id("learner", i.key) for i in asked}


def test_the_assessment_never_asks_what_the_exam_has_explained() -> None:
    house = learner_of(House().work_as("GB"))
    told = {i.key for i in run_through(house)}
    house.answer_all()
    assessed = house.store.memory.attempts[-1]
    later = {q.item for q in house.store.memory.questions.values() if q.attempt_id == assessed.id}
    assert later
    assert not later & told


def test_what_the_assessment_asked_is_not_asked_again() -> None:
    house = House().work_as("GB")
    house.answer_all()
    before = {q.item for q in house.store.memory.questions.values()}
    learner_of(house)
    assert not before & {i.key for i in run_through(house)}


def test_each_answer_is_evidence_and_moves_the_profile() -> None:
    house = House().work_as("GB")
    house.answer_all()
    learner_of(house)
    before = observe.profile_from(house.store.memory.profiles["learner"].document)
    asked = run_through(house)
    after = observe.profile_from(house.store.memory.profiles["learner"].document)
    assert {e.competency for e in proofs(house).values()} == {i.competency for i in asked}
    assert {(e.unit, e.self_report) for e in proofs(house).values()} == {(UNIT, False)}
    assert after.mean != before.mean
    assert after.answers == before.answers  # of the assessment
    view = profiles.current(house.s, house.learner)
    assert view is not None
    lines = [e for lines in view.evidence.values() for e in lines if e.review]
    assert {e.item.key for e in lines if e.item} == {i.key for i in asked}


def test_an_answer_counts_also_if_the_rest_is_never_answered() -> None:
    house = learner_of(House().work_as("GB"))
    exams.start(house.s, house.learner, UNIT, house.now)
    respond(house, well=True)
    assert len(proofs(house)) == 1
    assert ("refold", "learner") in house.store.memory.jobs


def test_only_the_first_answer_to_a_question_is_evidence() -> None:
    house = learner_of(House().work_as("GB"))
    first = run_through(house, fitting=0)
    answered = dict(proofs(house))
    for _ in range(6):  # until the bank has nothing new
        run_through(house)
    again = proofs(house)
    assert {k: again[k] for k in answered} == answered
    assert all(again[exams.evidence_id("learner", i.key)].category == 0 for i in first)


def test_a_repeat_asks_other_questions_as_long_as_there_are_some() -> None:
    house = learner_of(House().work_as("GB"))
    first, second = ({i.key for i in run_through(house)} for _ in range(2))
    assert not first & second


@pytest.mark.parametrize(("fitting", "sits"), [(0, False), (3, False), (4, True), (6, True)])
def test_it_sits_by_the_rule_that_was_shown(fitting: int, *, sits: bool) -> None:
    house = learner_of(House().work_as("GB"))
    shown = look(house)
    assert (shown.count, shown.needed) == (6, 4)
    run_through(house, fitting)
    (result,) = look(house).results
    assert (result.asked, result.fitting, result.needed) == (6, fitting, 4)
    assert result.sits is sits
    assert look(house).sits is sits


def test_what_sat_once_stays_so() -> None:
    house = learner_of(House().work_as("GB"))
    run_through(house)
    run_through(house, fitting=0)
    assert [r.sits for r in look(house).results] == [False, True]
    assert look(house).sits


def test_after_each_answer_it_is_known_what_is_right() -> None:
    house = learner_of(House().work_as("GB"))
    exams.start(house.s, house.learner, UNIT, house.now)
    assert exams.answered(house.s, house.learner, UNIT, 1) is None
    item = respond(house, well=False)
    told = exams.answered(house.s, house.learner, UNIT, 1)
    assert told is not None
    assert (told.item, told.fits, told.response) == (item, False, {"dont_know": True})
    assert exams.answered(house.s, house.learner, UNIT, 2) is None
    respond(house, well=True)
    second = exams.answered(house.s, house.learner, UNIT, 2)
    assert second is not None
    assert second.fits


def test_a_double_click_answers_once_and_no_question_is_skipped() -> None:
    house = learner_of(House().work_as("GB"))
    exams.start(house.s, house.learner, UNIT, house.now)
    question = exams.question(house.s, house.learner, UNIT)
    assert question is not None
    right = best(question.item)
    assert exams.answer(house.s, house.learner, UNIT, 1, right, house.now)
    assert not exams.answer(house.s, house.learner, UNIT, 1, {"dont_know": True}, house.now)
    with pytest.raises(Conflict):
        exams.answer(house.s, house.learner, UNIT, 3, {"dont_know": True}, house.now)
    told = exams.answered(house.s, house.learner, UNIT, 1)
    assert told is not None
    assert told.fits


def test_an_incomplete_answer_stores_nothing() -> None:
    house = learner_of(House().work_as("GB"))
    exams.start(house.s, house.learner, UNIT, house.now)
    with pytest.raises(IncompleteResponse):
        exams.answer(house.s, house.learner, UNIT, 1, {}, house.now)
    assert look(house).answered == 0


def test_the_newest_run_can_be_read_question_by_question() -> None:
    house = learner_of(House().work_as("GB"))
    assert exams.review(house.s, house.learner, UNIT, house.now) is None
    asked = run_through(house, fitting=2)
    review = exams.review(house.s, house.learner, UNIT, house.now)
    assert review is not None
    assert [(q.item.key, q.fits) for q in review.questions] == [
        (item.key, n < 2) for n, item in enumerate(asked)
    ]


# --- the grade book -------------------------------------------------------------------------------


def graded(**switches: Any) -> House:
    house = House(ags=True, **switches).work_as("GB")
    house.store.memory.places["learner"] = (PLACE, EXAM_PLACE)
    return learner_of(house)


def test_grades_are_off_until_a_town_switches_them_on() -> None:
    house = House().work_as("GB")
    house.store.memory.places["learner"] = (EXAM_PLACE,)
    learner_of(house)
    assert not look(house).told
    run_through(house)
    assert not letters(house)


def test_the_column_of_the_exam_gets_one_of_one_and_nothing_else() -> None:
    house = graded()
    assert look(house).told
    run_through(house)
    (letter,) = letters(house)
    assert letter.body["lineitem"] == "https://moodle.example/exam"
    assert (letter.body["done"], letter.body["of"]) == (1, 1)
    assert letter.body["comment"] == "Kurzer Rückblick: sitzt"
    assert ("deliver", "all") in house.store.memory.jobs


def test_the_path_share_never_lands_in_the_column_of_an_exam_nor_the_other_way() -> None:
    house = graded()
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    step = plan.current(house.s, house.learner, house.now).path
    assert step is not None
    house.learn(step.steps[0].unit)
    run_through(house)
    assert {d.body["lineitem"] for d in letters(house, "score")} == {
        "https://moodle.example/lineitem"
    }
    assert {d.body["lineitem"] for d in letters(house)} == {"https://moodle.example/exam"}


def test_not_yet_is_0_until_it_sits_and_is_never_lowered_again() -> None:
    house = graded()
    told: list[tuple[int, str]] = []
    for fitting in (0, 1, 99, 0, 99):
        run_through(house, fitting)
        told.append((letters(house)[-1].body["done"], letters(house)[-1].body["timestamp"]))
        house.now += DAY
    assert [done for done, _ in told] == [0, 0, 1, 1, 1]
    assert len(letters(house)) == 1  # what had not left yet was replaced


def test_a_later_grade_has_a_later_time_whatever_the_clock_says() -> None:
    house = graded()
    run_through(house, fitting=0)
    (first,) = letters(house)
    with house.store.begin() as work:
        work.outbox.delivered(first.id, house.now)
    house.now -= timedelta(hours=1)
    run_through(house)
    second = letters(house)[-1]
    assert second.body["done"] == 1
    assert second.body["timestamp"] > first.body["timestamp"]


def test_who_objects_to_proposals_keeps_what_she_showed_and_who_deletes_takes_it_back() -> None:
    house = graded()
    run_through(house)
    (letter,) = letters(house)
    with house.store.begin() as work:
        work.outbox.delivered(letter.id, house.now)
    plan.object_to_proposals(house.s, house.learner, house.now)
    assert not letters(house, "result-withdrawn")
    assert persons.written_of_the_path(house.s, house.learner) == frozenset()
    assert persons.told_results(house.s, house.learner)
    assert persons.written(house.s, house.learner)
    persons.erase(house.s, house.learner, "test", house.now)
    (back,) = letters(house, "result-withdrawn")
    assert back.body["lineitem"] == "https://moodle.example/exam"
    assert back.learner_id == ""


def test_a_link_for_the_assessment_is_told_that_it_was_done_and_not_how() -> None:
    house = House(ags=True).work_as("GB")
    questions = replace(PLACE, link_id="8", page="frage", services={"lineitem": "https://m/q"})
    house.store.memory.places["learner"] = (PLACE, questions)
    house.answer_all()
    (letter,) = letters(house)
    assert (letter.body["lineitem"], letter.body["done"], letter.body["of"]) == (
        "https://m/q",
        1,
        1,
    )
    assert letter.body["comment"] == "Einstufung gemacht"


def test_a_link_to_a_unit_is_told_nothing() -> None:
    house = House(ags=True).work_as("GB")
    unit = replace(PLACE, page=f"einheit/{UNIT}")
    house.store.memory.places["learner"] = (unit,)
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    shown = plan.current(house.s, house.learner, house.now).path
    assert shown is not None
    house.learn(shown.steps[0].unit)
    assert not letters(house)
    assert not letters(house, "score")


def test_whoever_teaches_the_course_is_never_scored() -> None:
    house = graded()
    house.store.memory.places["learner"] = (replace(EXAM_PLACE, instructor=True),)
    run_through(house)
    house.store.memory.places["learner"] = (replace(EXAM_PLACE, instructor=True, page="frage"),)
    catch_up(house.s, house.learner, "frage", house.now)
    assert not letters(house)
    with house.store.read() as work:
        assert not grades.untold(work, house.learner)  # else every page would lock and write


def test_the_days_and_the_zone_are_the_ones_of_the_rules() -> None:
    assert (rules.SOONEST, rules.LATEST, rules.DAYS_AFTER) == (7, 28, 14)
    assert datetime(2026, 1, 1, tzinfo=UTC).astimezone(rules.ZONE).hour == 1


# --- a column that appears after the fact ---------------------------------------------------------


def test_a_link_opened_after_the_assessment_is_told_that_it_was_done_once() -> None:
    house = House(ags=True).work_as("GB")
    house.store.memory.places["learner"] = (PLACE,)
    house.answer_all()
    assert not letters(house)
    later = replace(PLACE, link_id="8", page="frage", services={"lineitem": "https://m/q"})
    house.store.memory.places["learner"] = (later, PLACE)
    for _ in range(2):
        catch_up(house.s, house.learner, "frage", house.now)
    (letter,) = letters(house)
    assert letter.body["lineitem"] == "https://m/q"


def test_an_exam_done_elsewhere_is_told_to_its_link_by_its_best_run() -> None:
    house = learner_of(House(ags=True).work_as("GB"))
    for fitting in (99, 0):
        run_through(house, fitting)
    assert not letters(house)
    house.store.memory.places["learner"] = (PLACE, EXAM_PLACE)
    catch_up(house.s, house.learner, EXAM_PLACE.page, house.now)
    (letter,) = letters(house)
    assert letter.body["done"] == 1


def test_a_second_course_learns_how_many_steps_are_done() -> None:
    house = House(ags=True).work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    path = plan.current(house.s, house.learner, house.now).path
    assert path is not None
    house.learn(path.steps[0].unit)
    second = replace(PLACE, link_id="2", services={"lineitem": "https://m/second"})
    house.store.memory.places["learner"] = (PLACE, second)
    catch_up(house.s, house.learner, "", house.now)
    told = {d.body["lineitem"]: d.body["done"] for d in letters(house, "score")}
    assert told["https://m/second"] == told["https://moodle.example/lineitem"] == 1


@pytest.mark.parametrize("page", ["", "frage", f"rueckblick/{UNIT}", f"einheit/{UNIT}"])
def test_where_nothing_is_true_yet_nothing_is_told(page: str) -> None:
    house = House(ags=True).work_as("GB")
    house.store.memory.places["learner"] = (replace(PLACE, page=page),)
    catch_up(house.s, house.learner, page, house.now)
    assert not letters(house)
    assert not letters(house, "score")
