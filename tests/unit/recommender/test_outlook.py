"""The outlook: where a path leads, and for every topic that stays below its Soll the true cause."""

from dataclasses import replace

import numpy as np
import pytest

from competency.path import Wishes
from recommender.gaps import Need
from recommender.outlook import Cause, Circumstances, change, outlook, reached
from tests.unit.recommender.small import (
    catalogue,
    levels,
    planned,
    random_need,
    random_units,
    unit,
)

NEED = Need.of_levels({"a": 0}, {"a": 3})
LOW, HIGH = unit("low", {"a": (0, 1)}), unit("high", {"a": (1, 3)})


def looked(need, *units, wishes=None, done=frozenset(), everything=None, roles=frozenset()):
    """Return the topics of a plan, by competence."""
    wishes = wishes or Wishes()
    path = planned(need, *units, wishes=wishes, done=done).path
    here = Circumstances(
        offers=catalogue(*units),
        everything=catalogue(*(everything or units)),
        roles=roles,
        done=done,
        excluded=wishes.excluded,
    )
    return {t.competency: t for t in outlook(need, path, here)}


def test_a_path_to_the_soll_has_no_cause():
    topic = looked(NEED, LOW, HIGH)["a"]
    assert (topic.today, topic.after, topic.soll, topic.cause) == (0, 3, 3, None)


def test_what_nobody_teaches_is_a_missing_offer_and_says_how_far_one_gets():
    topic = looked(NEED, LOW)["a"]
    assert (topic.after, topic.cause, topic.units) == (1, Cause.NO_OFFER, ())


def test_what_has_no_room_in_the_year_is_a_matter_of_hours():
    topic = looked(NEED, LOW, replace_hours(HIGH, 40), wishes=Wishes(1.0))["a"]
    assert (topic.after, topic.cause, topic.units) == (1, Cause.HOURS, ("high",))


def replace_hours(one, hours):
    return unit(one.key, dict(one.lifts), hours)


def test_what_was_not_wanted_this_year_is_the_learners_own_wish():
    topic = looked(NEED, LOW, HIGH, wishes=Wishes(excluded=frozenset({"high"})))["a"]
    assert (topic.after, topic.cause, topic.units) == (1, Cause.WISH, ("high",))


def test_what_falls_with_an_unwanted_prerequisite_names_the_prerequisite():
    need = Need.of_levels({"a": 0}, {"a": 1})
    units = unit("base", {}), unit("then", {"a": (0, 1)}, requires=("base",))
    topic = looked(need, *units, wishes=Wishes(excluded=frozenset({"base"})))["a"]
    assert (topic.cause, topic.units) == (Cause.WISH, ("base",))


def test_what_falls_because_its_entry_level_is_not_taught_any_more_is_a_wish_too():
    topic = looked(NEED, LOW, HIGH, wishes=Wishes(excluded=frozenset({"low"})))["a"]
    assert (topic.after, topic.cause, topic.units) == (0, Cause.WISH, ("low",))


def test_what_was_completed_already_is_not_called_a_missing_offer():
    topic = looked(NEED, LOW, HIGH, done=frozenset({"low", "high"}))["a"]
    assert (topic.cause, topic.units) == (Cause.DONE, ("low",))


def test_what_only_others_are_offered_is_a_matter_of_the_role():
    others = replace(HIGH, roles=frozenset({"DL"}))
    topic = looked(NEED, LOW, everything=(LOW, others), roles=frozenset({"GB"}))["a"]
    assert (topic.cause, topic.units) == (Cause.ROLE, ("high",))


def test_what_expects_more_than_the_role_asks_for_is_named():
    steep = unit("steep", {"a": (0, 3), "b": (5, 7)})
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 3, "b": 1})
    topic = looked(need, steep)["a"]
    assert (topic.cause, topic.units) == (Cause.ENTRY, ("steep",))


def test_what_the_waiting_proposal_closes_is_called_proposed():
    here = Circumstances(offers=catalogue(LOW, HIGH), everything=catalogue(LOW, HIGH))
    [topic] = outlook(NEED, planned(NEED, LOW).path, here, planned(NEED, LOW, HIGH).path)
    assert topic.cause is Cause.PROPOSED


@pytest.mark.parametrize("seed", range(40))
def test_the_path_promises_what_its_units_teach_and_every_shortfall_has_a_cause(seed):
    dice = np.random.default_rng(seed)
    need, units = random_need(dice, "abcde"), random_units(dice, 12, "abcde")
    wishes = Wishes(float(dice.choice([0.5, 1, 4])), excluded=frozenset({"u0", "u3"}))
    path = planned(need, *units, wishes=wishes).path
    here = Circumstances(catalogue(*units), catalogue(*units), excluded=wishes.excluded)
    taken = [here.everything.by_key[s.unit] for s in path.steps]
    held = levels(need, taken)
    assert reached(need, path) == {c: held[c] for c in need.competencies}
    for topic in outlook(need, path, here):
        assert (topic.cause is None) == (topic.after >= topic.soll)
        if topic.cause is Cause.NO_OFFER:
            assert not any(_teaches(u, topic.competency, topic.after + 1) for u in units)
        if topic.cause is Cause.WISH:
            assert set(topic.units) <= wishes.excluded


def _teaches(one, competency, step):
    begin, end = one.lifts.get(competency, (0, 0))
    return begin < step <= end


def test_a_change_names_what_goes_what_comes_and_what_ends_lower():
    need = Need.of_levels({"a": 0, "b": 0}, {"a": 3, "b": 1})
    both, alone = unit("both", {"a": (0, 3), "b": (0, 1)}), unit("alone", {"b": (0, 1)}, 1.5)
    found = change(need, planned(need, both, alone).path, planned(need, alone).path)
    assert (found.gone, found.came, found.lower) == (("both",), ("alone",), ("a",))
