"""The plan: certified, explained, kept when something happens, never an error to the learner."""

from dataclasses import replace

import numpy as np
import pytest

from competency.catalogue import Obligation
from competency.path import Closes, PathState, Reason, StepState, Wishes
from recommender.explain import Mandate
from recommender.gaps import Need
from recommender.model import Group
from recommender.plan import Status, reachable, replan
from recommender.solver import Solution
from tests.unit.recommender.small import (
    VERSIONS,
    catalogue,
    keys,
    planned,
    random_need,
    random_units,
    unit,
)


def step_of(plan, key):
    return next(s for s in plan.path.steps if s.unit == key)


def test_the_certificate_names_value_bound_solver_and_inputs():
    plan = planned(Need.of_levels({"a": 0}, {"a": 1}), unit("u", {"a": (0, 1)}, 1.0, quality=0.5))
    made = plan.certificate
    assert made.status is Status.OPTIMAL
    assert made.value == pytest.approx(1 + 0.02 * 0.5 - 0.004 * 1.0)
    assert made.bound == pytest.approx(made.value)
    assert made.gap == pytest.approx(0)
    assert (made.solver, plan.path.value, plan.path.bound) == ("HiGHS", made.value, made.bound)
    assert len(made.input_hash) == 64


def test_the_same_inputs_give_the_same_path_and_hash_whatever_order_they_come_in():
    rng = np.random.default_rng(3)
    need, units = random_need(rng, "abcde"), random_units(rng, 25, "abcde")
    first = planned(need, *units, mandatory=["u1", "u2"])
    again = planned(need, *units, mandatory=["u2", "u1"])
    assert first.path == again.path
    assert first.certificate.input_hash == again.certificate.input_hash
    other = planned(need, *units, mandatory=["u1"])
    assert other.certificate.input_hash != first.certificate.input_hash


def test_every_step_closed_is_credited_to_one_unit_only():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        need, units = random_need(rng, "abcde"), random_units(rng, 25, "abcde")
        path = planned(need, *units).path
        credited = [
            (c.competency, n)
            for s in path.steps
            for c in s.closes
            for n in range(c.start + 1, c.end + 1)
        ]
        assert len(credited) == len(set(credited))
        assert set(credited) <= set(need.values)
        ties = path.value - sum(need.values[step] for step in credited)
        assert abs(ties) < 1.0  # the rest of the value is the small change of the tie-breakers


def test_an_elective_without_a_reason_does_not_exist():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        path = planned(random_need(rng, "abcde"), *random_units(rng, 25, "abcde")).path
        assert all(s.reasons for s in path.steps)


def test_the_reason_names_soll_and_ist_as_levels_and_what_builds_on_it():
    need = Need.of_levels({"a": 1}, {"a": 5})
    plan = planned(need, unit("one", {"a": (1, 3)}), unit("two", {"a": (3, 5)}))
    assert step_of(plan, "one").closes == (Closes("a", 1, 3),)
    assert step_of(plan, "one").reasons == (
        Reason("gap", {"competency": "a", "soll": 3, "ist": 1}),
        Reason("prerequisite", {"unit": "two"}),
    )


def test_a_competence_that_is_still_open_is_called_open_not_a_gap():
    need = replace(Need.of_levels({"a": 0}, {"a": 1}), unsure=frozenset({"a"}))
    [step] = planned(need, unit("u", {"a": (0, 1)})).path.steps
    assert step.reasons == (Reason("open", {"competency": "a"}),)


def test_a_mandatory_unit_says_who_decided_and_when():
    duty = {"u": Mandate("Personalrat", "2026-03-01")}
    [step] = planned(Need.of_levels({}, {}), unit("u", {"a": (0, 1)}), mandatory=duty).path.steps
    assert step.obligation is Obligation.MANDATORY
    assert step.reasons == (Reason("mandatory", {"by": "Personalrat", "at": "2026-03-01"}),)


def test_the_second_of_two_units_on_the_same_step_is_credited_with_the_rest():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 1})
    duty = unit("duty", {"a": (0, 1)})
    plan = planned(need, duty, unit("u", {"a": (0, 1), "b": (0, 1)}), mandatory={"duty"})
    assert step_of(plan, "duty").closes == (Closes("a", 0, 1),)
    assert step_of(plan, "u").closes == (Closes("b", 0, 1),)


def test_mandatory_units_longer_than_the_year_are_kept_as_far_as_they_go_and_named():
    units = [unit(f"d{n}", {"a": (0, 1)}, 10.0) for n in range(4)]
    plan = planned(
        Need.of_levels({"a": 0}, {"a": 1}),
        *units,
        unit("nice", {"a": (0, 1)}, 1.0),
        mandatory={u.key for u in units},
    )
    assert keys(plan.path) == ["d0", "d1"]
    assert plan.path.left_out == ("d2", "d3")
    assert plan.certificate.status is Status.REDUCED
    assert plan.certificate.problems[0] == Reason(
        "mandatory_exceeds_hours", {"needed": 40.0, "hours": 24.0}
    )


def test_mandatory_units_dearer_than_the_budget_are_kept_and_named():
    duty = unit("duty", {"a": (0, 1)}, cost_eur=300.0)
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 1})
    plan = planned(
        need,
        duty,
        unit("paid", {"b": (0, 1)}, cost_eur=10.0),
        mandatory={"duty"},
        budget_eur=100.0,
    )
    assert keys(plan.path) == ["duty"]
    assert [p.key for p in plan.certificate.problems] == ["mandatory_exceeds_budget"]


def test_a_swap_that_fits_nowhere_leaves_the_rest_of_the_plan_and_says_so():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 4})
    units = unit("u", {"a": (0, 1)}), unit("high", {"b": (3, 4)})
    plan = planned(need, *units, wishes=Wishes(included=frozenset({"high"})))
    assert keys(plan.path) == ["u"]
    assert plan.path.left_out == ("high",)
    assert plan.certificate.problems == (Reason("choice_does_not_fit", {"unit": "high"}),)


def test_a_group_that_cannot_be_filled_is_named_and_the_rest_is_planned():
    group = Group("g", frozenset({"x", "y"}), 2)
    need = Need.of_levels({"a": 0}, {"a": 1})
    plan = planned(need, unit("u", {"a": (0, 1)}), unit("x", {"b": (0, 1)}), groups=(group,))
    assert keys(plan.path) == ["u"]
    assert plan.certificate.problems == (Reason("group_does_not_fit", {"group": "g"}),)


def test_a_group_of_which_nothing_is_on_offer_is_named_too():
    group = Group("g", frozenset({"x"}), 1)
    plan = planned(Need.of_levels({}, {}), groups=(group,))
    assert plan.certificate.problems == (Reason("group_does_not_fit", {"group": "g"}),)


class OutOfTime:
    """A solver that finds nothing before its time is over."""

    name, version = "none", "0"

    def solve(self, program):
        return Solution(None, float("inf"), proven=False)


def test_when_the_solver_finds_nothing_in_time_the_plan_is_greedy_and_not_certified_as_best():
    plan = planned(NEED, *UNITS, solver=OutOfTime())
    assert sorted(keys(plan.path)) == ["a", "b", "c"]
    assert plan.certificate.status is Status.LIMIT
    assert plan.certificate.bound >= plan.certificate.value


def test_the_units_of_a_group_say_so():
    group = Group("g", frozenset({"x"}), 1)
    [step] = planned(Need.of_levels({}, {}), unit("x", {"b": (0, 1)}), groups=(group,)).path.steps
    assert step.reasons == (Reason("group", {"group": "g"}),)


def test_what_would_close_more_with_more_time_is_named_as_left_out():
    need = Need.of_levels(dict.fromkeys("abc", 0), dict.fromkeys("abc", 1))
    units = [unit(c, {c: (0, 1)}, 10.0) for c in "abc"]
    path = planned(need, *units, wishes=Wishes(2.0)).path
    assert len(path.steps) == 2
    assert {*keys(path), *path.left_out} == {"a", "b", "c"}


def test_with_time_enough_nothing_is_left_out():
    need = Need.of_levels({"a": 0}, {"a": 1})
    assert planned(need, unit("u", {"a": (0, 1)}), unit("w", {"a": (0, 1)})).path.left_out == ()


def test_a_gap_that_no_offer_closes_is_named_with_how_far_one_gets():
    need = Need.of_levels({"a": 0, "b": 0, "c": 0}, {"a": 4, "b": 1, "c": 1})
    units = unit("a1", {"a": (0, 2)}), unit("a2", {"a": (3, 4)}), unit("c", {"c": (0, 1)})
    plan = planned(need, *units)
    assert plan.path.unmet == ("a", "b")
    assert reachable(need, catalogue(*units)) == {"a": 2, "b": 0}


def test_no_gap_is_an_empty_plan():
    plan = planned(Need.of_levels({"a": 3}, {"a": 3}), unit("u", {"a": (0, 3)}))
    assert plan.path.steps == ()
    assert plan.path.unmet == plan.path.left_out == ()
    assert plan.certificate.status is Status.OPTIMAL


NEED = Need.of_levels(dict.fromkeys("abc", 0), dict.fromkeys("abc", 1))
UNITS = tuple(unit(c, {c: (0, 1)}, 2.0) for c in "abc")


def moved_on(previous, need, *units, done=frozenset(), now="2026-11"):
    return replan(previous, need, catalogue(*units), now=now, done=done, versions=VERSIONS)


def accepted(plan):
    return replace(plan.path, state=PathState.ACCEPTED)


def test_a_finished_unit_stays_as_done_and_the_rest_keeps_its_months():
    path = accepted(planned(NEED, *UNITS))
    need = Need.of_levels({"a": 1, "b": 0, "c": 0}, dict.fromkeys("abc", 1))
    after = moved_on(path, need, *UNITS, done=frozenset({"a"}), now="2026-12").path
    assert after.state is PathState.ACCEPTED
    assert after.start == path.start
    assert [(s.unit, s.month, s.state) for s in after.steps] == [
        ("a", 0, StepState.DONE),
        ("b", 1, StepState.PLANNED),
        ("c", 2, StepState.PLANNED),
    ]
    assert after.steps[0].closes == path.steps[0].closes


def test_a_step_that_learning_made_needless_leaves_the_path():
    path = accepted(planned(NEED, *UNITS))
    need = Need.of_levels({"a": 0, "b": 1, "c": 0}, dict.fromkeys("abc", 1))
    assert keys(moved_on(path, need, *UNITS).path) == ["a", "c"]


def test_what_was_agreed_is_kept_when_an_equal_or_slightly_better_unit_appears():
    path = accepted(planned(NEED, *UNITS))
    better = unit("new", {"a": (0, 1)}, 2.0, quality=0.9)
    assert keys(planned(NEED, *UNITS, better).path) == ["b", "c", "new"]
    assert keys(moved_on(path, NEED, *UNITS, better).path) == ["a", "b", "c"]


def test_what_closes_a_step_more_displaces_what_was_agreed():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 1})
    path = accepted(planned(need, unit("agreed", {"a": (0, 1)}, 24.0)))
    more = unit("more", {"a": (0, 1), "b": (0, 1)}, 24.0)
    assert keys(moved_on(path, need, unit("agreed", {"a": (0, 1)}, 24.0), more).path) == ["more"]


def test_a_step_that_was_missed_is_planned_from_this_month_on():
    path = accepted(planned(NEED, *UNITS))
    after = moved_on(path, NEED, *UNITS, now="2027-02").path
    assert sorted((s.unit, s.month) for s in after.steps) == [("a", 3), ("b", 4), ("c", 5)]


def test_after_twelve_months_planning_starts_afresh():
    path = accepted(planned(NEED, *UNITS))
    after = moved_on(path, NEED, *UNITS, done=frozenset({"a"}), now="2027-11").path
    assert after.start == "2027-11"
    assert keys(after) == ["b", "c"]


def test_a_done_unit_is_never_proposed_again_even_if_the_gap_stays():
    plan = planned(NEED, *UNITS, done=frozenset({"a"}))
    assert keys(plan.path) == ["b", "c"]
    assert plan.path.unmet == ("a",)


def test_more_hours_a_month_free_the_agreed_months():
    path = accepted(planned(NEED, *UNITS))
    wishes = Wishes(6.0)
    faster = planned(NEED, *UNITS, wishes=wishes, previous=path).path
    assert {s.month for s in faster.steps} == {0}
