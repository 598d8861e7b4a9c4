"""A few more questions after the end: about what is still open, and the rest stays as it was."""

from datetime import timedelta

from lti_tool.flows import assess, more, profiles, roles
from tests.unit.flows.test_the_arrows import House


def _done() -> House:
    house = House().work_as("GB")
    house.answer_all()
    return house


def _answers(house: House) -> int:
    view = profiles.current(house.s, house.learner)
    assert view is not None
    return view.profile.answers


def test_three_more_questions_come_and_none_of_them_was_asked_before() -> None:
    house = _done()
    before = assess.state(house.s, house.learner)
    with house.store.read() as work:
        attempt = work.attempts.latest("learner")
        assert attempt is not None
        asked = {q.item for q in work.attempts.questions(attempt.id)}
    assert more.possible(house.s, house.learner, house.now)
    more.ask(house.s, house.learner, house.now)
    fresh = []
    while (question := house.question()) is not None:
        assert question.position == before.answered + len(fresh) + 1
        assert question.most == before.answered + more.QUESTIONS
        fresh.append(question.item.key)
        house.answer()
    assert len(set(fresh)) == more.QUESTIONS
    assert not asked & set(fresh)
    assert assess.state(house.s, house.learner).state == "finished"


def test_what_was_answered_stays_and_the_new_answers_count_beside_it() -> None:
    house = _done()
    before = _answers(house)
    more.ask(house.s, house.learner, house.now)
    assert _answers(house) == before
    while house.question() is not None:
        house.answer()
    assert _answers(house) == before + more.QUESTIONS


def test_an_early_end_of_the_few_keeps_what_was_answered() -> None:
    house = _done()
    before = _answers(house)
    more.ask(house.s, house.learner, house.now)
    house.answer()
    assess.finish(house.s, house.learner, house.now)
    assert _answers(house) == before + 1


def test_nothing_goes_on_for_another_role_or_after_a_month() -> None:
    house = _done()
    assert not more.possible(house.s, house.learner, house.now + timedelta(days=31))
    house.learner = roles.choose(house.s, house.learner, ("ERZ",), house.now)
    assert not more.possible(house.s, house.learner, house.now)
    more.ask(house.s, house.learner, house.now)
    assert assess.state(house.s, house.learner).state == "finished"


def test_an_open_attempt_is_not_lengthened() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, house.now)
    most = assess.state(house.s, house.learner).most
    more.ask(house.s, house.learner, house.now)
    assert assess.state(house.s, house.learner).most == most
