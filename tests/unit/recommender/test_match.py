"""How well a unit fits, and what a swap costs."""

from dataclasses import replace

import numpy as np
import pytest

from competency.path import StepState, Wishes
from recommender.gaps import Need
from recommender.match import alternatives, score
from tests.unit.recommender.small import START, catalogue, keys, planned, random_units, unit

NEED = Need.of_levels({"a": 0, "b": 0}, {"a": 2, "b": 1})


def offered(key, path, need, *units, **asked):
    return alternatives(key, path, need, catalogue(*units), now=START, **asked)


def test_the_parts_add_up_to_the_score_and_stay_within_a_hundred():
    rng = np.random.default_rng(1)
    need = Need.of_levels(dict.fromkeys("abc", 1), dict.fromkeys("abc", 4))
    for one in random_units(rng, 40):
        parts = score(need, one, 2.0)
        whole = parts.gap + parts.level + parts.format + parts.time + parts.quality
        assert parts.total == pytest.approx(whole)
        assert 0 <= parts.total <= 100


def test_a_unit_that_covers_more_of_the_gap_scores_higher():
    less, more = unit("u", {"a": (0, 1)}), unit("u", {"a": (0, 2)})
    assert score(NEED, more, 2.0).total > score(NEED, less, 2.0).total


def test_a_unit_one_can_start_today_fits_better_than_one_for_later():
    assert (
        score(NEED, unit("u", {"a": (0, 1)}), 2.0).level
        > score(NEED, unit("u", {"a": (1, 2)}), 2.0).level
    )


def test_an_alternative_closes_the_same_competence_and_loses_nothing():
    units = unit("now", {"a": (0, 2)}, quality=0.9), unit("other", {"a": (0, 2)})
    need = Need.of_levels({"a": 0}, {"a": 2})
    path = planned(need, *units).path
    [found] = offered("now", path, need, *units)
    assert (found.unit, found.lost, found.missing, found.later) == ("other", False, (), 0)
    assert [r.key for r in found.reasons] == ["gap"]
    assert keys(found.path) == ["other"]


def test_an_alternative_that_does_less_says_what_is_lost():
    units = unit("now", {"a": (0, 2)}), unit("part", {"a": (0, 1)})
    need = Need.of_levels({"a": 0}, {"a": 2})
    [found] = offered("now", planned(need, *units).path, need, *units)
    assert found.lost
    assert found.missing == ("a",)


def test_an_alternative_that_takes_longer_says_by_how_many_months():
    units = unit("now", {"a": (0, 2)}, 2.0), unit("long", {"a": (0, 2)}, 6.0)
    need = Need.of_levels({"a": 0}, {"a": 2})
    [found] = offered("now", planned(need, *units).path, need, *units)
    assert (found.lost, found.missing, found.later) == (True, (), 2)


def test_at_most_four_alternatives_the_best_fit_first():
    units = [unit("now", {"a": (0, 2), "b": (0, 1)})]
    units += [unit(f"o{n}", {"a": (0, 2)}, quality=n / 10) for n in range(5)]
    units += [unit("less", {"a": (0, 1)}, quality=1.0)]
    found = offered("now", planned(NEED, *units).path, NEED, *units)
    assert [a.unit for a in found] == ["o4", "o3", "o2", "o1"]


def test_what_is_excluded_done_mandatory_or_about_something_else_is_no_alternative():
    units = [unit("now", {"a": (0, 2)}, quality=1.0)]
    units += [unit(key, {"a": (0, 2)}) for key in ("out", "done", "duty")]
    units += [unit("else", {"b": (0, 1)}, 30.0)]
    path = planned(NEED, *units, wishes=Wishes(excluded=frozenset({"out"}))).path
    assert offered("now", path, NEED, *units, done=frozenset({"done"}), mandatory={"duty"}) == ()


def test_a_mandatory_or_finished_unit_cannot_be_swapped():
    units = unit("now", {"a": (0, 2)}), unit("other", {"a": (0, 2)})
    duty = planned(NEED, *units, mandatory={"now"}).path
    assert offered("now", duty, NEED, *units, mandatory={"now"}) == ()
    finished = replace(duty, steps=tuple(replace(s, state=StepState.DONE) for s in duty.steps))
    assert offered("now", finished, NEED, *units) == ()
