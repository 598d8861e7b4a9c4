"""Before any data: who knows by an expert's rule, who guesses by counting (ADR 0023)."""

import itertools

import numpy as np
import pytest

from competency.expert import DISCRIMINATION, expert_parameters, knowing
from competency.guessing import chance, with_guessing
from competency.items import Item, Kind, Option
from competency.posterior import category_probabilities


def item(kind: Kind, level: int, options: int, right: int = 1) -> Item:
    made = tuple(
        Option(str(n), correct=n < right, points=n, target="AB"[n % 2]) for n in range(options)
    )
    return Item("k", "1.1", level, kind, "?", made, "", 1.0, ())


@pytest.mark.parametrize(
    ("kind", "level", "options", "b"),
    [
        (Kind.SINGLE_CHOICE, 1, 4, (-1.0,)),
        (Kind.SINGLE_CHOICE, 2, 4, (0.0,)),
        (Kind.TRUE_FALSE, 3, 2, (1.0,)),
        (Kind.SINGLE_CHOICE, 4, 4, (2.0,)),
        (Kind.ORDERING, 2, 4, (-0.35, 0.35)),
        (Kind.SCENARIO, 1, 3, (-1.35, -0.65)),
        (Kind.SELF_RATING, 2, 4, (-1.0, 0.0, 1.0)),
        (Kind.PRACTICAL_TASK, 2, 5, (-1.4, -0.7, 0.0, 0.7, 1.4)),
        (Kind.REFLECTION, 0, 5, ()),
    ],
)
def test_half_of_those_who_just_entered_the_level_know_the_answer(
    kind: Kind, level: int, options: int, b: tuple[float, ...]
):
    assert knowing(item(kind, level, options)) == (DISCRIMINATION, pytest.approx(b))


@pytest.mark.parametrize(
    ("kind", "options", "right", "luck"),
    [
        (Kind.TRUE_FALSE, 2, 1, (1 / 2, 1 / 2)),
        (Kind.SINGLE_CHOICE, 4, 1, (3 / 4, 1 / 4)),
        (Kind.SCENARIO, 4, 0, (1 / 4, 1 / 4, 1 / 4, 1 / 4)),
        # Of 15 sets of ticks one is both right ones alone, four are one more right than wrong.
        (Kind.MULTIPLE_RESPONSE, 4, 2, (10 / 15, 4 / 15, 1 / 15)),
        (Kind.ORDERING, 3, 0, (3 / 6, 2 / 6, 1 / 6)),
        (Kind.CATEGORIZE, 4, 0, (5 / 16, 10 / 16, 1 / 16)),
    ],
)
def test_luck_is_counted_over_every_answer_there_is(
    kind: Kind, options: int, right: int, luck: tuple[float, ...]
):
    assert chance(item(kind, 2, options, right)) == pytest.approx(luck)


def test_the_easier_a_question_is_to_guess_the_less_it_tells():
    kinds = ((Kind.TRUE_FALSE, 2), (Kind.SINGLE_CHOICE, 3), (Kind.SINGLE_CHOICE, 4))
    slopes = [expert_parameters(item(kind, 2, options))[0] for kind, options in kinds]
    assert slopes == sorted(slopes)
    assert slopes[-1] < DISCRIMINATION


@pytest.mark.parametrize("kind", [Kind.SELF_RATING, Kind.PRACTICAL_TASK, Kind.REFLECTION])
def test_nobody_guesses_what_she_says_of_herself(kind: Kind):
    assert expert_parameters(item(kind, 2, 4)) == knowing(item(kind, 2, 4))


def test_without_guessing_the_rule_stays_as_it_is():
    assert with_guessing(1.2, (-0.7, 0.0, 0.7), (0.25,) * 4, share=0.0) == (1.2, (-0.7, 0.0, 0.7))


@pytest.mark.parametrize("kind", [Kind.TRUE_FALSE, Kind.SCENARIO, Kind.CATEGORIZE])
def test_a_harder_question_is_the_same_question_further_up(kind: Kind):
    count = 2 if kind is Kind.TRUE_FALSE else 4
    (a, low), (b, high) = (expert_parameters(item(kind, level, count)) for level in (1, 4))
    assert a == b
    assert high == pytest.approx([x + 3.0 for x in low], abs=0.011)


@pytest.mark.parametrize("kind", [Kind.TRUE_FALSE, Kind.SCENARIO, Kind.CATEGORIZE])
def test_the_curve_is_what_people_who_know_or_guess_would_show(kind: Kind):
    made = item(kind, 2, 2 if kind is Kind.TRUE_FALSE else 4)
    (a, b), luck = knowing(made), np.array(chance(made))
    slope, places = expert_parameters(made)
    assert all(x < y for x, y in itertools.pairwise(places))
    theta = np.random.default_rng(2).standard_normal(100_000)
    knows = category_probabilities(theta, a, b)
    seen = knows.copy()
    seen[0] -= 0.5 * knows[0]
    seen += 0.5 * knows[0] * luck[:, None]
    curve = category_probabilities(theta, slope, places)
    assert np.abs(seen.mean(axis=1) - curve.mean(axis=1)).max() < 0.002
    assert np.abs(seen - curve).mean() < 0.025
    assert np.abs(seen - knows).mean() > 2 * np.abs(seen - curve).mean()
