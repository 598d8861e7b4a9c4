"""The second measurement, and what binds an attempt from its start: over the in-memory store."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from competency.blueprint import Blueprint, Bound
from competency.growth import Change
from lti_tool.bootstrap import build
from lti_tool.errors import SettingsError
from lti_tool.flows import assess, measure, more, observe, profiles, second
from lti_tool.flows.profiles import ProfileView
from lti_tool.ports import Asked, Attempt
from tests.conftest import settings_for
from tests.pages.scene import best as best_of
from tests.unit.flows.test_the_arrows import CONTENT, House

LATER = timedelta(days=200)
WORST = {"dont_know": True}


def _attempt(house: House) -> tuple[Attempt, list[Asked]]:
    with house.store.read() as work:
        attempt = work.attempts.latest("learner")
        assert attempt is not None
        return attempt, list(work.attempts.questions(attempt.id))


def _view(house: House) -> ProfileView:
    view = profiles.current(house.s, house.learner)
    assert view is not None
    return view


def _measured(house: House, best: bool) -> None:
    assess.start(house.s, house.learner, house.now)
    while (question := house.question()) is not None:
        house.answer(best_of(question.item) if best else WORST)


def test_the_second_measurement_asks_other_questions_and_starts_from_the_first() -> None:
    house = House().work_as("GB")
    house.answer_all()
    first, asked = _attempt(house)
    house.now += LATER
    assess.start(house.s, house.learner, house.now)
    again, _ = _attempt(house)
    bank = measure.engine(house.s)
    begun = second.belief(house.s, again)
    assert begun is not None
    assert begun.cov[0, 0] < bank.prior().cov[0, 0]
    house.answer_all()
    _, fresh = _attempt(house)
    assert again.id != first.id
    assert not {q.item for q in asked} & {q.item for q in fresh}


def test_the_second_log_replays_from_its_frozen_start_to_the_profile() -> None:
    house = House().work_as("GB")
    house.answer_all()
    house.now += LATER
    house.answer_all()
    attempt, asked = _attempt(house)
    house.store.memory.attempts = [attempt]  # the first is gone: retention, or erased
    bank = measure.engine(house.s, attempt.versions)
    answers = [(q.item, q.category) for q in asked if q.category is not None]
    replayed = bank.replay(answers, second.belief(house.s, attempt))[-1]
    observe.refold_learner(house.s, "learner", house.now)
    assert np.allclose(_view(house).profile.mean, replayed.mean, atol=1e-9)


def test_who_can_more_than_the_first_time_is_told_so_and_the_reverse() -> None:
    for before, after, word in ((False, True, Change.GROWN), (True, False, Change.SHRUNK)):
        house = House().work_as("GB")
        _measured(house, best=before)
        assert _view(house).changes is None
        first = house.now
        house.now += LATER
        _measured(house, best=after)
        changes = _view(house).changes
        assert changes is not None
        assert changes.since == first
        found = [g.change for g in changes.found]
        assert found.count(word) >= len(found) / 2
        assert {Change.GROWN, Change.SHRUNK} - {word} not in found


def test_answering_again_soon_corrects_the_first_and_keeps_nothing_of_it() -> None:
    house = House().work_as("GB")
    _measured(house, best=False)
    house.now += timedelta(days=1)
    _measured(house, best=True)
    attempt, asked = _attempt(house)
    assert attempt.target["start"] is None
    assert _view(house).changes is None
    bank = measure.engine(house.s)
    alone = bank.replay([(q.item, q.category) for q in asked if q.category is not None])[-1]
    assert np.allclose(_view(house).profile.mean, alone.mean, atol=1e-9)


def test_what_was_not_me_is_not_what_a_second_measurement_starts_from() -> None:
    house, other = House().work_as("GB"), House().work_as("GB")
    for one in (house, other):
        _measured(one, best=False)
    (piece, *_rest) = (r.evidence for _, r, _ in other.store.memory.evidence.values())
    profiles.dispute(other.s, other.learner, piece.id, "not_me", "", other.now)
    means = []
    for one in (house, other):
        one.now += LATER
        assess.start(one.s, one.learner, one.now)
        begun = second.belief(one.s, _attempt(one)[0])
        assert begun is not None
        means.append(begun.mean)
    assert not np.allclose(means[0], means[1])


# --- what binds an attempt ------------------------------------------------------------------------


def test_a_fixed_form_asks_everybody_of_a_role_the_same_whatever_they_answer() -> None:
    forms = []
    for best in (True, False):
        house = House(fixed_form=True).work_as("GB")
        _measured(house, best=best)
        forms.append([q.item for q in _attempt(house)[1]])
        assert not more.possible(house.s, house.learner, house.now)
    assert forms[0] == forms[1]
    assert len(forms[0]) >= 10


def test_a_question_shown_too_often_in_the_town_is_not_asked_the_next_person() -> None:
    house = House().work_as("GB")
    house.s = replace(house.s, limits=replace(house.s.limits, exposure_cap=0.4))
    house.answer_all()
    shown = {q.item for q in _attempt(house)[1]}
    terms = house.store.memory.learners
    terms["second"] = replace(house.learner, id="second")
    house.learner = terms["second"]
    assess.start(house.s, house.learner, house.now)
    with house.store.read() as work:
        attempt = work.attempts.latest("second")
        assert attempt is not None
        assert set(attempt.target["terms"]["barred"]) == shown
        (question,) = work.attempts.questions(attempt.id)
    assert question.item not in shown


AREAS = tuple(Bound("area", str(n), 1, 4) for n in range(1, 6))


def test_a_blueprint_that_is_set_is_met_by_the_attempt_and_not_by_the_questions_after_it() -> None:
    house = House().work_as("GB")
    plan = Blueprint(12, AREAS)
    house.s = replace(house.s, limits=replace(house.s.limits, blueprint=plan))
    house.answer_all()
    attempt, asked = _attempt(house)
    bank = measure.engine(house.s, attempt.versions)
    kept = plan.waived(CONTENT.framework, assess.target_from(attempt).steps)
    assert not kept.lacking(CONTENT.framework, [bank.item(q.item) for q in asked])
    assert all("blueprint" in q.reason["candidates"] for q in asked)
    more.ask(house.s, house.learner, house.now)
    assert house.question() is not None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"length": 12, "bounds": [{"field": "area", "value": "1", "least": 20, "most": 30}]},
         "at least 20 in all"),
        ({"length": 0, "bounds": []}, "length: expected a number"),
        ({"length": 5, "bounds": [{"field": "colour", "value": "1", "most": 3}]}, "bound 1: field"),
        ([], "'list' object"),
    ],
)  # fmt: skip
def test_a_blueprint_that_no_attempt_can_keep_is_refused_at_the_start(
    tmp_path: Path, document: object, said: str
) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(document))
    settings = settings_for(f"sqlite:///{tmp_path / 'x.db'}")
    settings = replace(settings, assessment=replace(settings.assessment, blueprint=path))
    with pytest.raises(SettingsError, match=said) as refused:
        build(settings)
    assert str(path) in str(refused.value)
