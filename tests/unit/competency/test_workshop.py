"""What may be shown of votes: nobody is picked out, and nothing can be taken from another."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competency.workshop import FLOOR, TOGETHER, Agreement, Detail, Group, view

LEAD, STAFF = Group.LEAD, Group.STAFF
counts = st.dictionaries(st.integers(0, 8), st.integers(0, 4), max_size=4)


def test_two_groups_of_three_are_shown_apart_each_with_its_median() -> None:
    found = view({LEAD: {5: 2, 3: 1}, STAFF: {1: 1, 3: 2}})
    assert found.detail is Detail.GROUPS
    assert [(s.group, s.votes, s.counts, s.median) for s in found.spreads] == [
        (LEAD, 3, {3: 1, 5: 2}, (5, 5)),
        (STAFF, 3, {1: 1, 3: 2}, (3, 3)),
    ]
    assert found.agreement is Agreement.APART


def test_a_group_alone_is_shown_from_three_votes_on() -> None:
    assert view({STAFF: {3: 3}}).detail is Detail.GROUPS
    assert view({STAFF: {3: 2}}).detail is Detail.HIDDEN


def test_a_small_group_disappears_among_all() -> None:
    found = view({LEAD: {7: 1}, STAFF: {1: 2, 3: 2}})
    assert found.detail is Detail.TOGETHER
    (all_,) = found.spreads
    assert (all_.group, all_.votes, all_.counts) == (None, 5, {1: 2, 3: 2, 7: 1})


def test_of_three_or_four_votes_in_small_groups_only_a_rough_word_is_said() -> None:
    found = view({LEAD: {5: 2}, STAFF: {3: 1, 5: 1}})
    assert (found.detail, found.spreads, found.level) == (Detail.COARSE, (), 3)
    assert found.agreement is Agreement.CLOSE
    assert found.common is None


@pytest.mark.parametrize("votes", [{}, {LEAD: {3: 1}}, {LEAD: {3: 1}, STAFF: {5: 1}}])
def test_of_one_or_two_votes_nothing_is_said(votes: dict[Group, dict[int, int]]) -> None:
    found = view(votes)
    assert (found.detail, found.agreement, found.level) == (Detail.HIDDEN, Agreement.UNKNOWN, -1)


@pytest.mark.parametrize(
    ("votes", "agreement"),
    [({3: 4}, "same"), ({3: 2, 5: 2}, "close"), ({4: 2, 5: 2}, "close"), ({1: 1, 5: 3}, "apart")],
)
def test_votes_within_one_level_are_close(votes: dict[int, int], agreement: str) -> None:
    assert view({STAFF: votes}).agreement == agreement


def test_undisputed_is_what_every_group_has_in_its_middle_and_nobody_is_far_from() -> None:
    assert view({LEAD: {3: 3}, STAFF: {3: 3, 5: 1}}).common == 3
    assert view({LEAD: {3: 3}, STAFF: {5: 3}}).common is None  # two middles
    assert view({LEAD: {3: 2, 5: 2}, STAFF: {3: 3}}).common is None  # a middle between two
    assert view({LEAD: {3: 3}, STAFF: {3: 3, 7: 1}}).common is None  # somebody is far off


@given(counts, counts)
def test_no_group_below_the_floor_is_ever_shown_by_itself(
    lead: dict[int, int], staff: dict[int, int]
) -> None:
    found = view({LEAD: lead, STAFF: staff})
    cast = {LEAD: sum(lead.values()), STAFF: sum(staff.values())}
    for spread in found.spreads:
        assert spread.votes >= (FLOOR if spread.group else TOGETHER)
        if spread.group:
            assert spread.votes == cast[spread.group]
    shown = {s.group for s in found.spreads}
    # Both groups and their sum, or one group and the sum, would give away the other.
    assert not (None in shown and len(shown) > 1)
    if found.detail is Detail.GROUPS:
        assert shown == {g for g, n in cast.items() if n}
        assert found.level == -1
    if found.detail is Detail.COARSE:
        assert not shown
        assert FLOOR <= sum(cast.values()) < TOGETHER


@given(counts, counts)
def test_what_is_shown_is_what_was_voted(lead: dict[int, int], staff: dict[int, int]) -> None:
    found = view({LEAD: lead, STAFF: staff})
    cast = Counter(lead) + Counter(staff)
    if found.spreads:
        shown = sum((Counter(dict(s.counts)) for s in found.spreads), Counter())
        assert shown == cast
    for spread in found.spreads:
        low, high = spread.median
        below = sum(n for step, n in spread.counts.items() if step < low)
        above = sum(n for step, n in spread.counts.items() if step > high)
        assert below <= spread.votes / 2
        assert above <= spread.votes / 2
        assert low in spread.counts
        assert high in spread.counts
