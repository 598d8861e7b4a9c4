"""What is missing, and what closing it is worth."""

import pytest

from competency.profile import Profile, Standing, Verdict
from competency.target import Target
from recommender.gaps import Belief, Need
from tests.unit.recommender.small import keys, planned, unit


def standing(code, soll, ist, verdict):
    return Standing(code, soll, ist, ist, ist, 0.0, 0.0, 0.0, 0.5, verdict, False, 1)


def profile(*standings):
    return Profile(standings, mean=(), versions={}, answers=9)


def test_a_step_is_worth_its_weight_times_the_probability_that_it_is_missing():
    target = Target(("r",), {"1.1": 3}, weights={"1.1": 2.0})
    seen = profile(standing("1.1", 3, 2, Verdict.OPEN))
    need = Need.of_profile(seen, target, {"1.1": Belief(mean=0.0, sd=0.5)})
    [step] = need.steps
    assert (step.competency, step.step) == ("1.1", 3)
    assert step.value == pytest.approx(2.0 * 0.5)  # theta 0 stands exactly at the cut of step 3


def test_the_surer_the_gap_the_more_it_is_worth():
    target = Target(("r",), {"1.1": 3})
    seen = profile(standing("1.1", 3, 2, Verdict.OPEN))
    unsure = Need.of_profile(seen, target, {"1.1": Belief(-0.4, 1.0)}).total
    sure = Need.of_profile(seen, target, {"1.1": Belief(-0.4, 0.2)}).total
    assert 0.5 < unsure < sure < 1.0


def test_sharp_levels_count_every_step_between_ist_and_soll_in_full():
    need = Need.of_levels({"a": 1}, {"a": 3, "b": 1}, {"a": 2.0})
    assert need.values == {("a", 2): 2.0, ("a", 3): 2.0, ("b", 1): 1.0}


def test_a_competence_above_its_soll_is_no_gap():
    assert Need.of_levels({"a": 5}, {"a": 3}).steps == ()


def test_the_private_competence_is_no_gap_and_bars_nobody_from_a_unit():
    target = Target(("r",), {"1.1": 1, "K.1": 5})
    need = Need.of_profile(profile(standing("1.1", 1, 0, Verdict.GAP)), target, {})
    path = planned(need, unit("u", {"1.1": (0, 1), "K.1": (4, 5)}), unit("k", {"K.1": (0, 5)})).path
    assert keys(path) == ["u"]
    assert "K.1" not in repr((need.steps, path.steps, path.unmet))
