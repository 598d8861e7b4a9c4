"""A task may be left for later: the questions go on, and its answer counts whenever it comes."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from competency.items import Item, Kind
from lti_tool.errors import Conflict
from lti_tool.flows import asked, assess, profiles
from lti_tool.ports import Asked
from tests.unit.flows.test_the_arrows import CONTENT, NOW, House

TASK = next(i for i in CONTENT.items if i.kind is Kind.PRACTICAL_TASK)
DONE = {"done": list(range(len(TASK.options)))}


def _house_with(item: Item) -> House:
    """Return a house whose gardener has this item in front of her, as the first question."""
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    order = tuple(range(len(item.options)))
    with house.store.begin() as work:
        started = work.attempts.latest(house.learner.id)
        assert started is not None
        later = replace(started, id=str(uuid.uuid4()), started=NOW + timedelta(seconds=1))
        work.attempts.save(later)
        reason = {"about": item.competency}
        work.attempts.ask(house.learner, Asked(later.id, 1, item.key, order, reason, NOW))
    return house


def _later(house: House) -> list[str]:
    return [q.item.key for q in asked.left_for_later(house.s, house.learner, house.now)]


def _counted(house: House) -> set[str]:
    with house.store.read() as work:
        return {r.evidence.kind for r in work.evidence.of(house.learner.id)}


def _finish(house: House) -> None:
    while house.question() is not None:
        house.answer()


def test_a_task_left_for_later_lets_the_questions_go_on() -> None:
    house = _house_with(TASK)
    assert assess.put_off(house.s, house.learner, 1, house.now).kind == "next"
    question = house.question()
    assert question is not None
    assert (question.position, question.item.key != TASK.key) == (2, True)
    assert assess.state(house.s, house.learner).position == 2
    assert _later(house) == [TASK.key]


def test_a_task_left_for_later_counts_when_it_is_done_during_the_questions() -> None:
    house = _house_with(TASK)
    assess.put_off(house.s, house.learner, 1, house.now)
    house.answer()
    before = house.question()
    assert assess.answer(house.s, house.learner, 1, DONE, house.now).kind == "next"
    assert house.question() == before  # the question that waited still waits
    assert _later(house) == []
    _finish(house)
    assert "practical_task" in _counted(house)


def test_a_task_left_for_later_counts_after_the_end_and_moves_the_profile() -> None:
    house = _house_with(TASK)
    assess.put_off(house.s, house.learner, 1, house.now)
    _finish(house)
    assert "practical_task" not in _counted(house)
    before = profiles.current(house.s, house.learner)
    assert _later(house) == [TASK.key]
    house.now += timedelta(days=2)
    assert assess.answer(house.s, house.learner, 1, DONE, house.now).kind == "finished"
    after = profiles.current(house.s, house.learner)
    assert before is not None
    assert after is not None
    assert after.profile.answers == before.profile.answers + 1
    assert "practical_task" in _counted(house)
    assert _later(house) == []
    assert assess.answer(house.s, house.learner, 1, DONE, house.now).kind == "already"


def test_questions_after_a_task_left_for_later_are_chosen_without_its_answer() -> None:
    """What was known at a question is what had been answered by then: the log replays."""
    house = _house_with(TASK)
    assess.put_off(house.s, house.learner, 1, house.now)
    for _ in range(3):
        house.answer()
    assess.answer(house.s, house.learner, 1, DONE, house.now + timedelta(seconds=1))
    with house.store.read() as work:
        attempt = work.attempts.latest(house.learner.id)
        assert attempt is not None
        questions = work.attempts.questions(attempt.id)
    assert [q.position for q in assess.told(questions)] == [2, 3, 4, 1]


def test_only_a_task_can_be_left_for_later() -> None:
    house = _house_with(next(i for i in CONTENT.items if i.kind is Kind.SCENARIO))
    with pytest.raises(Conflict):
        assess.put_off(house.s, house.learner, 1, house.now)


def test_a_task_is_offered_for_thirty_days_and_no_longer() -> None:
    house = _house_with(TASK)
    assess.put_off(house.s, house.learner, 1, house.now)
    house.now += timedelta(days=29)
    assert _later(house) == [TASK.key]
    house.now += timedelta(days=2)
    assert _later(house) == []


def test_a_task_of_an_attempt_that_was_begun_anew_is_not_offered_any_more() -> None:
    house = _house_with(TASK)
    assess.put_off(house.s, house.learner, 1, house.now)
    assess.restart(house.s, house.learner, house.now + timedelta(minutes=1))
    assert _later(house) == []


def test_when_every_question_was_put_off_the_early_end_has_a_result_all_the_same() -> None:
    house = _house_with(TASK)
    assess.put_off(house.s, house.learner, 1, house.now)
    assess.finish(house.s, house.learner, house.now)
    assert assess.state(house.s, house.learner).state == "finished"
    assert _later(house) == [TASK.key]


def test_takeaways_begin_with_what_may_be_new() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    missed = []
    while (question := house.question()) is not None:
        unsure = question.position % 4 == 0 and not question.item.self_report
        missed += [question.item.key] if unsure else []
        house.answer({"dont_know": True} if unsure else best(question.item))
    notes = [i.key for i in asked.takeaways(house.s, house.learner)]
    assert missed
    assert notes[: len(missed)] == missed[::-1][: asked.TAKEAWAYS]


def best(item: Item) -> dict[str, object]:
    every = range(len(item.options))
    match item.kind:
        case Kind.ORDERING:
            return {"order": list(every)}
        case Kind.MATCHING | Kind.CATEGORIZE:
            return {"targets": [o.target for o in item.options]}
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT:
            return {"choices": [n for n in every if item.options[n].correct]}
        case Kind.PRACTICAL_TASK:
            return {"done": list(every)}
    return {"choice": max(every, key=lambda n: (item.options[n].correct, item.options[n].points))}


def test_every_answer_says_in_which_words_it_was_asked() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    question = house.question()
    assert question is not None
    assess.answer(house.s, house.learner, 1, best(question.item), NOW, shown="de-plain")
    with house.store.read() as work:
        attempt = work.attempts.latest(house.learner.id)
        assert attempt is not None
        assert work.attempts.questions(attempt.id)[0].shown == "de-plain"


def test_when_it_is_explained_is_frozen_with_the_attempt() -> None:
    house = House(feedback="each").work_as("GB")
    assess.start(house.s, house.learner, NOW)
    memory = house.store.memory
    memory.tenants["t"] = replace(
        memory.tenants["t"], settings=replace(memory.tenants["t"].settings, feedback="end")
    )
    house.answer()
    question = house.question()
    assert question is not None
    assert question.feedback == "each"
