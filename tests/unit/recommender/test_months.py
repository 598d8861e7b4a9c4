"""Months: an order that can be walked, within the learner's hours and dates."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.path import StepState, Wishes
from recommender.gaps import Need
from recommender.model import Terms
from recommender.plan import compare
from recommender.sequence import end_month, month_after, months_between
from tests.unit.recommender.small import (
    can_start,
    catalogue,
    keys,
    levels,
    planned,
    random_need,
    random_units,
    unit,
)


def month_of(path):
    return {s.unit: s.month for s in path.steps}


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**9))
def test_no_path_breaks_an_hour_a_month_an_entry_level_or_an_order(seed):
    rng = np.random.default_rng(seed)
    need, units = random_need(rng, "abcde"), random_units(rng, 20, "abcde")
    cap = float(rng.choice([1.5, 2, 4]))
    blocked = tuple(rng.choice(12, int(rng.integers(0, 4)), replace=False).tolist())
    late = {f"u{n}": int(rng.integers(0, 12)) for n in range(4)}
    wishes = Wishes(cap, blocked, late, excluded=frozenset({"u5", "u6"}))
    duties = frozenset({"u7"})
    path = planned(need, *units, wishes=wishes, mandatory=duties).path
    by_key = catalogue(*units).by_key
    assert not {"u5", "u6"} & set(keys(path))
    assert len(keys(path)) == len(set(keys(path)))
    check_hours(path, cap, blocked)
    for step in path.steps:
        assert step.month not in blocked
        assert step.month >= late.get(step.unit, 0)
        before = [by_key[s.unit] for s in path.steps if s.month < step.month]
        if step.unit not in duties:
            assert can_start(need, by_key[step.unit], before, Terms())


def check_hours(path, cap, blocked):
    assert sum(s.hours for s in path.steps) <= cap * (12 - len(blocked)) + 1e-6
    for month in range(12):
        here = [s.hours for s in path.steps if s.month == month]
        assert sum(here) <= cap + 1e-6 or len(here) == 1


def test_what_opens_a_unit_lies_in_an_earlier_month_even_if_both_would_fit():
    need = Need.of_levels({"a": 0}, {"a": 2})
    path = planned(need, unit("first", {"a": (0, 1)}, 0.5), unit("then", {"a": (1, 2)}, 0.5)).path
    assert month_of(path) == {"first": 0, "then": 1}


def test_a_unit_longer_than_a_month_goes_on_and_what_builds_on_it_waits():
    need = Need.of_levels({"a": 0}, {"a": 2})
    path = planned(need, unit("long", {"a": (0, 1)}, 5.0), unit("next", {"a": (1, 2)}, 1.0)).path
    assert month_of(path) == {"long": 0, "next": 3}


def test_a_unit_longer_than_a_month_says_until_when_it_goes_on():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 1})
    path = planned(need, unit("long", {"a": (0, 1)}, 5.0), unit("short", {"b": (0, 1)}, 2.0)).path
    ends = {s.unit: (s.until, s.last - s.month) for s in path.steps}
    assert ends == {"long": (path.steps[-1].last, 2), "short": (None, 0)}
    assert end_month(path) == path.steps[-1].last


def test_a_first_success_comes_first_where_the_plan_is_no_worse_for_it():
    need = Need.of_levels(dict.fromkeys("abc", 0), {"a": 5, "b": 1, "c": 1})
    seminar = unit("seminar", {"a": (0, 5)}, 2.0, mode="praesenz")
    half_an_hour = unit("z-short", {"c": (0, 1)}, 0.5)
    path = planned(need, seminar, unit("talk", {"b": (0, 1)}, 1.0, mode="online"), half_an_hour)
    assert keys(path.path) == ["z-short", "talk", "seminar"]


def test_an_easy_beginning_never_costs_a_month():
    need = Need.of_levels({"a": 0, "c": 0}, {"a": 3, "c": 1})
    chain = unit("first", {"a": (0, 1)}, 1.5, mode="praesenz"), unit("then", {"a": (1, 3)}, 1.0)
    path = planned(need, *chain, unit("z-short", {"c": (0, 1)}, 1.0)).path
    assert month_of(path) == {"first": 0, "then": 1, "z-short": 1}


def test_a_long_unit_skips_the_months_without_learning():
    need = Need.of_levels({"a": 0}, {"a": 2})
    wishes = Wishes(2.0, blocked_months=(1, 2))
    units = unit("long", {"a": (0, 1)}, 4.0), unit("next", {"a": (1, 2)}, 1.0)
    path = planned(need, *units, wishes=wishes).path
    assert month_of(path) == {"long": 0, "next": 4}
    assert end_month(path) == 4


def test_a_unit_with_dates_is_taken_in_a_month_that_has_one():
    need = Need.of_levels({"a": 0}, {"a": 1})
    wishes = Wishes(blocked_months=(3,))
    path = planned(need, unit("u", {"a": (0, 1)}, months=(3, 7)), wishes=wishes).path
    assert month_of(path) == {"u": 7}


def test_a_unit_whose_every_date_is_blocked_makes_room_for_another():
    need = Need.of_levels({"a": 0}, {"a": 1})
    units = (
        unit("dated", {"a": (0, 1)}, months=(3,), quality=0.9),
        unit("free", {"a": (0, 1)}, quality=0.1),
    )
    assert keys(planned(need, *units, wishes=Wishes(blocked_months=(3,))).path) == ["free"]


def test_mandatory_units_come_first():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 1, "b": 0})
    units = unit("duty", {"b": (0, 1)}, 2.0), unit("a-choice", {"a": (0, 1)}, 2.0)
    assert month_of(planned(need, *units, mandatory={"duty"}).path) == {"duty": 0, "a-choice": 1}


def test_an_excluded_unit_stays_out_and_an_included_one_comes_in():
    need = Need.of_levels({"a": 0}, {"a": 1})
    units = unit("best", {"a": (0, 1)}, quality=1.0), unit("mine", {"a": (0, 1)}, quality=0.0)
    wishes = Wishes(excluded=frozenset({"best"}), included=frozenset({"mine"}))
    [step] = planned(need, *units, wishes=wishes).path.steps
    assert step.unit == "mine"
    assert "chosen" in [r.key for r in step.reasons]


def test_with_more_hours_a_month_the_path_ends_earlier():
    need = Need.of_levels(dict.fromkeys("abcd", 0), dict.fromkeys("abcd", 1))
    units = [unit(c, {c: (0, 1)}, 1.0) for c in "abcd"]
    slow = planned(need, *units, wishes=Wishes(1.0)).path
    fast = planned(need, *units, wishes=Wishes(2.0)).path
    assert compare(slow, fast) == (3, 1)


def test_the_end_of_an_empty_path_is_no_month():
    assert end_month(planned(Need.of_levels({}, {})).path) is None


def test_months_are_counted_over_the_turn_of_the_year():
    assert month_after("2026-11", 3) == "2027-02"
    assert month_after("2026-12", 0) == "2026-12"
    assert months_between("2026-11", "2027-02") == 3
    assert months_between("2026-11", "2026-09") == 0


def test_postponing_a_unit_moves_that_unit_and_nothing_else():
    need = Need.of_levels(dict.fromkeys("abc", 0), dict.fromkeys("abc", 1))
    units = [unit(c, {c: (0, 1)}, 2.0) for c in "abc"]
    path = planned(need, *units).path
    assert month_of(path) == {"a": 0, "b": 1, "c": 2}
    wishes = Wishes(not_before={"a": 5})
    assert month_of(planned(need, *units, wishes=wishes, previous=path).path) == {
        "b": 1,
        "c": 2,
        "a": 5,
    }


def test_a_unit_postponed_to_a_full_month_takes_it_and_the_other_moves_on():
    need = Need.of_levels(dict.fromkeys("abc", 0), dict.fromkeys("abc", 1))
    units = [unit(c, {c: (0, 1)}, 2.0) for c in "abc"]
    path = planned(need, *units).path
    wishes = Wishes(not_before={"a": 2})
    moved = planned(need, *units, wishes=wishes, previous=path).path
    assert month_of(moved) == {"b": 1, "a": 2, "c": 3}


def test_what_is_put_into_the_last_month_pushes_nothing_out_of_the_year():
    need = Need.of_levels(dict.fromkeys("ab", 0), dict.fromkeys("ab", 1))
    units = [unit(c, {c: (0, 1)}, 2.0) for c in "ab"]
    only_late = planned(need, *units, wishes=Wishes(not_before={"b": 11})).path
    wishes = Wishes(not_before={"a": 11})
    path = planned(need, *units, wishes=wishes, previous=only_late).path
    assert month_of(path) == {"b": 0, "a": 11}
    assert all(s.state is StepState.PLANNED for s in path.steps)


def test_levels_of_the_checker_stop_at_the_soll():
    need = Need.of_levels({"a": 0}, {"a": 1})
    assert levels(need, [unit("u", {"a": (0, 5)})]) == {"a": 1}
