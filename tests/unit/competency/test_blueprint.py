"""What an attempt must contain: met on every finished attempt, refused if nobody could meet it."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from competency.assessment import Config, Engine, Selection, Stop, Terms
from competency.blueprint import Blueprint, Bound, problems, shadow_test
from competency.errors import InvalidBlueprint
from competency.items import Item
from competency.target import Target
from tests.unit.competency.bank import framework, random_bank

FRAMEWORK = framework((3, 3, 3))
BANK = random_bank(4, FRAMEWORK.dimensions, 60)
ENGINE = Engine(FRAMEWORK, BANK, Config(max_items=12, self_report_share=1.0))
ALL = Target(("r",), dict.fromkeys(FRAMEWORK.dimensions, 3))
AREAS = ("1", "2", "3")


def attempt(
    engine: Engine, target: Target, blueprint: Blueprint, numbers: list[int]
) -> tuple[list[Item], Stop | None]:
    posterior, asked = engine.prior(), list[Item]()
    terms = Terms(blueprint=blueprint)
    for number in numbers:
        step = engine.select(posterior, target, [i.key for i in asked], terms)
        if isinstance(step, Stop):
            return asked, step
        asked.append(step.item)
        posterior = engine.answered(posterior, step.item, number % step.item.categories)
    return asked, None


@st.composite
def blueprints(draw: st.DrawFn) -> Blueprint:
    """Bounds on areas and kinds; most, but not all, can be kept."""
    length = draw(st.integers(5, 14))
    bounds = []
    for area in AREAS:
        least = draw(st.integers(0, 6))
        bounds.append(Bound("area", area, least, least + draw(st.integers(0, 6))))
    least = draw(st.integers(0, 4))
    bounds.append(Bound("kind", "self_rating", least, least + draw(st.integers(0, 4))))
    return Blueprint(length, tuple(bounds))


@settings(max_examples=12, deadline=None)
@given(blueprints(), st.lists(st.integers(0, 59), min_size=14, max_size=14))
def test_every_finished_attempt_meets_its_blueprint(blueprint, numbers):
    assume(not problems(blueprint, FRAMEWORK, BANK))
    asked, stop = attempt(ENGINE, ALL, blueprint, [*numbers, 0])
    assert stop is not None
    assert blueprint.lacking(FRAMEWORK, asked) == ()
    assert len(asked) <= blueprint.length


@settings(max_examples=60, deadline=None)
@given(blueprints())
def test_a_blueprint_is_refused_exactly_when_no_test_keeps_it(blueprint):
    refused = bool(problems(blueprint, FRAMEWORK, BANK))
    assert refused != _possible(blueprint)


def _possible(blueprint: Blueprint) -> bool:
    """Area by area, every number of self-ratings there may be: a search without a solver."""
    area = np.array([FRAMEWORK.area_of[i.competency].code for i in BANK])
    own = np.array([i.self_report for i in BANK])
    by_area, kind = {b.value: b for b in blueprint.bounds[:3]}, blueprint.bounds[3]
    reached = {(0, 0)}
    for code, bound in by_area.items():
        there = ((area == code) & own).sum(), ((area == code) & ~own).sum()
        steps = [
            (x + y, x)
            for x in range(there[0] + 1)
            for y in range(there[1] + 1)
            if bound.least <= x + y <= bound.most
        ]
        reached = {(n + a, o + x) for n, o in reached for a, x in steps if n + a <= 14}
    return any(n == blueprint.length and kind.least <= o <= kind.most for n, o in reached)


def test_a_refusal_says_what_cannot_be():
    assert problems(Blueprint(5, (Bound("area", "1", 4, 2),)), FRAMEWORK, BANK) == (
        "area 1: at least 4 is more than at most 2",
    )
    assert problems(Blueprint(5, (Bound("area", "9", 1, 2),)), FRAMEWORK, BANK) == (
        "area 9: at least 1, but only 0 are there",
    )
    three = tuple(Bound("area", a, 2, 3) for a in AREAS)
    assert problems(Blueprint(5, three), FRAMEWORK, BANK) == (
        "area: at least 6 in all, of 5 questions",
    )
    few = tuple(Bound("area", a, 0, 1) for a in AREAS)
    assert problems(Blueprint(5, few), FRAMEWORK, BANK) == (
        "no choice of questions keeps all bounds together",
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"bounds": []}, "length"),
        ({"length": 0, "bounds": []}, "length"),
        ({"length": 5}, "bounds"),
        ({"length": 5, "bounds": [{"field": "colour", "value": "red", "most": 1}]}, "bound 1"),
        ({"length": 5, "bounds": [{"field": "area", "value": "1", "least": -1}]}, "bound 1"),
    ],
)
def test_what_is_no_blueprint_is_refused_with_its_place(document, message):
    with pytest.raises(InvalidBlueprint, match=message):
        Blueprint.of_document(document)


@given(blueprints())
def test_a_blueprint_survives_storage(blueprint):
    assert Blueprint.of_document(blueprint.document()) == blueprint


def test_what_the_role_does_not_ask_for_is_waived():
    blueprint = Blueprint(8, tuple(Bound("area", a, 2, 4) for a in AREAS))
    target = Target(("r",), {"1.1": 3, "1.2": 3, "2.1": 3})
    asked, _ = attempt(ENGINE, target, blueprint, [1, 0] * 5)
    assert {i.competency for i in asked} == {"1.1", "1.2", "2.1"}
    waived = blueprint.waived(FRAMEWORK, target.steps)
    assert [b.least for b in waived.bounds] == [2, 2, 0]


def test_a_verdict_does_not_end_an_attempt_that_owes_its_blueprint_something():
    easy = Target(("r",), {"1.1": 1, "3.1": 1})
    blueprint = Blueprint(10, (Bound("area", "3", 4, 6), Bound("area", "1", 4, 6)))
    asked, stop = attempt(ENGINE, easy, blueprint, [4] * 12)
    assert stop == Stop("decided")
    assert len(asked) >= 8


def test_the_shadow_test_is_the_best_whole_test():
    items = [BANK[n] for n in (0, 1, 2, 3, 4, 5, 6, 7)]
    worth = np.array([0.9, 0.8, 0.1, 0.2, 0.3, 0.7, 0.6, 0.5])
    area = [FRAMEWORK.area_of[i.competency].code for i in items]
    bounds = (Bound("area", "3", 1, 2), Bound("area", "1", 0, 2))
    asked = np.array([True] + [False] * 7)
    chosen = shadow_test(Blueprint(4, bounds), FRAMEWORK, items, worth, asked)
    assert chosen is not None
    tests = (s for s in combinations(range(8), 4) if 0 in s and _keeps(s, area))
    best = max(tests, key=lambda s: worth[list(s)].sum())
    assert tuple(chosen.tolist()) == best


def _keeps(subset: tuple[int, ...], area: list[str]) -> bool:
    count = [area[n] for n in subset].count
    return 1 <= count("3") <= 2 and count("1") <= 2


def test_the_log_says_how_many_questions_the_blueprint_left():
    blueprint = Blueprint(6, (Bound("area", "2", 6, 6),))
    step = ENGINE.select(ENGINE.prior(), ALL, [], Terms(blueprint=blueprint))
    assert isinstance(step, Selection)
    assert FRAMEWORK.area_of[step.item.competency].code == "2"
    counts = step.reason["candidates"]
    assert list(counts)[-1] == "blueprint"
    assert counts["blueprint"] == 6
