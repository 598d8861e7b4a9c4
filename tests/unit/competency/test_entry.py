"""Where a unit begins: nobody is told that there is no offer because units wait for each other."""

import numpy as np
import pytest

from competency.catalogue import LearningUnit, Phase, PhaseKind
from competency.entry import chained
from competency.packs import Content
from competency.target import Target
from lti_tool.settings import ROOT
from recommender.filters import offered
from recommender.gaps import Need
from recommender.plan import reachable


def unit(key: str, teaches: dict[str, int], minutes: int = 60, *requires: str) -> LearningUnit:
    lifts = {code: (0, 2 * level - 1) for code, level in teaches.items()}
    phases = (Phase(PhaseKind.SELF_STUDY, minutes),)
    return LearningUnit(key, key, key, lifts, phases, requires=requires)


def lifts(*units: LearningUnit) -> dict[str, dict[str, tuple[int, int]]]:
    return {u.key: dict(u.lifts) for u in chained(units)}


def test_a_unit_begins_where_the_next_lower_one_ends() -> None:
    found = lifts(unit("high", {"a": 3}), unit("low", {"a": 1}), unit("other", {"b": 2}))
    assert found == {"high": {"a": (1, 5)}, "low": {"a": (0, 1)}, "other": {"b": (0, 3)}}


def test_of_units_that_wait_for_each_other_the_shorter_one_opens() -> None:
    found = lifts(unit("long", {"a": 2, "b": 1}, 90), unit("short", {"a": 1, "b": 2}, 30))
    assert found == {"long": {"a": (1, 3), "b": (0, 1)}, "short": {"a": (0, 1), "b": (0, 3)}}


def test_a_circle_that_needs_no_opening_stays_as_it_is() -> None:
    found = lifts(unit("x", {"a": 2, "b": 1}), unit("y", {"a": 1, "b": 2}), unit("z", {"a": 1}))
    assert found["x"] == {"a": (1, 3), "b": (0, 1)}


def test_units_that_require_each_other_do_not_hang_the_reader() -> None:
    assert len(chained((unit("x", {"a": 1}, 60, "y"), unit("y", {"b": 1}, 60, "x")))) == 2


@pytest.mark.parametrize("seed", range(30))
def test_whoever_starts_with_nothing_can_take_every_unit_in_some_order(seed: int) -> None:
    dice = np.random.default_rng(seed)
    units = chained(
        [
            unit(
                f"u{n}",
                {str(c): int(dice.integers(1, 5)) for c in dice.choice(list("abcd"), 2)},
                int(dice.integers(10, 200)),
            )
            for n in range(12)
        ]
    )
    held: dict[str, int] = {}
    waiting = list(units)
    while waiting:
        ready = [u for u in waiting if all(held.get(c, 0) >= b for c, (b, _) in u.lifts.items())]
        assert ready
        for one in ready:
            waiting.remove(one)
            for code, (_, end) in one.lifts.items():
                held[code] = max(held.get(code, 0), end)


CONTENT = Content.load(ROOT / "content")
#: Offers that are missing on purpose, expect more than the role asks for, or are meant for others.
NOT_TAUGHT = {"3.4", "5.4", "K.4", "K.5", "K.6"}


@pytest.mark.parametrize("key", ["GB", "ERZ", "VFA", "BB", "HM", "OA", "PFL"])
def test_the_catalogue_leads_beginners_of_every_role_to_security_and_data_protection(
    key: str,
) -> None:
    role = next(r for r in CONTENT.roles if r.key == key)
    private = frozenset({"K.1"})
    soll = Target.of([role], private=private).steps
    need = Need.of_levels(dict.fromkeys(soll, 0), soll)
    offers = offered(CONTENT.catalogue, {key}, need)
    assert reachable(need, offers).keys() <= NOT_TAUGHT


@pytest.mark.parametrize("key", ["ERZ", "VFA", "BB", "OA", "PFL"])
def test_nobody_has_to_become_a_digital_guide_to_learn_data_protection(key: str) -> None:
    role = next(r for r in CONTENT.roles if r.key == key)
    soll = {"4.2": Target.of([role]).steps["4.2"]}
    need = Need.of_levels({"4.2": 3}, soll)
    taught = [u for u in offered(CONTENT.catalogue, {key}, need).units if "4.2" in u.lifts]
    assert "L2" not in {u.key for u in taught}
    assert min(u.hours for u in taught if u.lifts["4.2"][1] >= soll["4.2"]) < 2
