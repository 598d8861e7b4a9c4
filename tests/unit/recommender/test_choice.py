"""The choice is exact: it equals trying everything, and its bound is one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import synthetic
from recommender import model
from recommender.baselines import greedy
from recommender.gaps import Need
from recommender.model import Group, Terms
from recommender.solver import Highs
from tests.unit.recommender.small import brute_force, random_need, random_units, unit, walkable


def chosen(need, units, terms):
    return model.choose(need, model.offers(need, units, terms), terms, Highs())


def random_terms(rng, units):
    names = [u.key for u in units]
    mandatory = frozenset(rng.choice(names, int(rng.integers(0, 2)), replace=False).tolist())
    cost = sum(u.cost_eur for u in units if u.key in mandatory)
    return Terms(
        hours=float(rng.integers(5, 14)),
        budget_eur=float(rng.choice([cost, cost + 100, math.inf])),
        mandatory=mandatory,
        done=frozenset({"u99"}),
        preferences={"": float(rng.random())},
    )


@pytest.mark.parametrize("seed", range(120))
def test_no_set_of_units_is_better_than_the_choice(seed):
    rng = np.random.default_rng(seed)
    need, units = random_need(rng), random_units(rng, 9)
    terms = random_terms(rng, units)
    choice = chosen(need, units, terms)
    best = brute_force(need, units, terms)
    assert model.value(need, choice.offers) == pytest.approx(best, abs=1e-6)
    assert choice.bound >= best - 1e-6
    assert choice.proven


@pytest.mark.parametrize("seed", range(40))
def test_with_a_group_the_choice_is_still_the_best_or_there_is_none(seed):
    rng = np.random.default_rng(500 + seed)
    need, units = random_need(rng), random_units(rng, 8)
    group = Group("g", frozenset({"u1", "u2", "u3"}), 2)
    terms = Terms(hours=9, groups=(group,))
    choice, best = chosen(need, units, terms), brute_force(need, units, terms)
    if choice is None:
        assert best == -math.inf
    else:
        assert model.value(need, choice.offers) == pytest.approx(best, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_the_value_lies_between_greedy_and_the_bound_and_an_order_exists(seed):
    rng = np.random.default_rng(seed)
    need, units = random_need(rng, "abcde"), random_units(rng, 25, "abcde")
    terms = Terms(hours=float(rng.integers(4, 20)), budget_eur=200)
    offers = model.offers(need, units, terms)
    choice = model.choose(need, offers, terms, Highs())
    value = model.value(need, choice.offers)
    assert model.value(need, greedy(need, offers, terms)) <= value + 1e-6
    assert value <= choice.bound + 1e-6
    assert walkable(need, tuple(o.unit for o in choice.offers), terms)
    assert sum(o.unit.hours for o in choice.offers) <= terms.hours + 1e-6
    assert sum(o.unit.cost_eur for o in choice.offers) <= terms.budget_eur + 1e-6


@pytest.mark.parametrize("number", range(100, 112))
def test_tie_breakers_never_cost_a_step_over_a_whole_plan(number):
    offers_of = synthetic.catalogue(200)
    learner = synthetic.learner(number, offers_of)
    terms = Terms(
        learner.hours, learner.budget_eur, learner.mandatory, preferences=learner.preferences
    )
    offers = model.offers(learner.need, offers_of.units, terms)
    with_ties = model.choose(learner.need, offers, terms, Highs())
    bare = [model.Offer(o.unit, o.covers, o.entry, merit=0.0, exempt=o.exempt) for o in offers]
    without = model.choose(learner.need, bare, terms, Highs())
    lost = _closed_value(learner.need, without) - _closed_value(learner.need, with_ties)
    assert lost < min(learner.need.values.values())


def _closed_value(need, choice):
    return sum(need.values[s] for s in model.closed(need, choice.offers))


CIRCLE = (unit("p", {"a": (0, 2), "b": (1, 2)}), unit("q", {"b": (0, 1), "a": (2, 3)}))


def test_two_units_that_wait_for_each_other_are_not_chosen_together():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 3, "b": 2})
    choice = chosen(need, CIRCLE, Terms())
    assert choice.offers == ()
    assert model.value(need, choice.offers) == 0


def test_a_third_unit_that_opens_the_circle_brings_both_back_in_a_valid_order():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 3, "b": 2})
    opener = unit("z", {"b": (0, 1)})
    order = [o.key for o in chosen(need, (*CIRCLE, opener), Terms()).offers]
    assert order == ["z", "p", "q"]


def test_units_that_require_each_other_are_never_chosen():
    need = Need.of_levels({"a": 0}, {"a": 2})
    pair = unit("p", {"a": (0, 1)}, requires=("q",)), unit("q", {"a": (1, 2)}, requires=("p",))
    assert chosen(need, pair, Terms()).offers == ()


def test_of_two_units_that_differ_only_in_name_the_first_key_is_taken():
    need = Need.of_levels({"a": 0}, {"a": 1})
    twins = [unit(key, {"a": (0, 1)}) for key in ("n", "b", "x")]
    for order in (twins, twins[::-1]):
        kept = model.lean(need, chosen(need, order, Terms()).offers, Terms())
        assert [o.key for o in kept] == ["b"]


def test_the_order_of_the_catalogue_does_not_change_the_choice():
    rng = np.random.default_rng(7)
    need, units = random_need(rng, "abcde"), random_units(rng, 30, "abcde")
    first = chosen(need, units, Terms(hours=12))
    shuffled = [units[i] for i in rng.permutation(len(units))]
    assert chosen(need, shuffled, Terms(hours=12)) == first


def test_a_unit_that_starts_above_the_soll_is_no_offer():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 0})
    assert model.offers(need, [unit("u", {"a": (0, 1), "b": (2, 3)})], Terms()) == ()


def test_a_prerequisite_that_is_done_counts_and_one_that_is_barred_blocks():
    need = Need.of_levels({"a": 0}, {"a": 1})
    units = unit("before", {"x": (0, 1)}), unit("after", {"a": (0, 1)}, requires=("before",))
    assert [o.key for o in chosen(need, units, Terms(done=frozenset({"before"}))).offers] == [
        "after"
    ]
    assert chosen(need, units, Terms(barred=frozenset({"before"}))).offers == ()


def test_a_prerequisite_that_closes_nothing_itself_is_chosen_with_what_needs_it():
    need = Need.of_levels({"a": 0}, {"a": 1})
    units = unit("before", {"x": (0, 1)}), unit("after", {"a": (0, 1)}, requires=("before",))
    need_x = Need.of_levels({"a": 0, "x": 0}, {"a": 1, "x": 0})
    for each in (need, need_x):
        assert [o.key for o in chosen(each, units, Terms()).offers] == ["before", "after"]


def test_spare_hours_are_not_filled_with_units_that_close_nothing_more():
    need = Need.of_levels({"a": 0}, {"a": 1})
    units = unit("good", {"a": (0, 1)}, quality=0.9), unit("other", {"a": (0, 1)}, quality=0.6)
    choice = chosen(need, units, Terms(hours=20))
    assert len(choice.offers) == 2  # the objective alone would take both
    assert [o.key for o in model.lean(need, choice.offers, Terms())] == ["good"]
