"""How far any rule of choosing can get, as ADR 0019 quotes it (benchmarks/quality)."""

import math
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.bound import TOLD, bound
from benchmarks.quality.reach import SMALL, Problem, best, clairvoyant, ours
from competency.simulation.draw import draw
from competency.simulation.figures import point
from competency.simulation.setting import Setting
from competency.simulation.walk import walked

TINY = replace(SMALL, areas=(2,), per=2)


@pytest.fixture(scope="module", params=[2, 3])
def tiny(request: pytest.FixtureRequest) -> Problem:
    return Problem.of(replace(TINY, categories=request.param), points=10)


def right_after(problem: Problem, items: tuple[int, ...]) -> float:
    """Share right if everybody is asked just these: written out once more, by counting."""
    mass = np.zeros((problem.categories,) * len(items) + (4,))
    for person, side in enumerate(problem.sides):
        chance = np.ones(())
        for item in items:
            chance = np.multiply.outer(chance, problem.chances[person, item])
        mass += np.multiply.outer(chance, side) / len(problem.theta)
    return float(np.maximum(mass[..., :2], mass[..., 2:]).sum()) / problem.far


def test_with_one_question_the_best_rule_asks_the_one_that_is_best_for_all(tiny: Problem):
    each = [right_after(tiny, (n,)) for n in range(tiny.items)]
    assert best(tiny, 1) == pytest.approx(max(each))


def test_where_everything_is_asked_no_rule_is_better_than_another(tiny: Problem):
    everything = right_after(tiny, tuple(range(tiny.items)))
    assert best(tiny, tiny.items) == pytest.approx(everything)
    assert ours(tiny, tiny.items) == pytest.approx(everything, abs=0.005)


def test_the_best_rule_may_choose_by_the_answers_and_is_better_than_any_fixed_pair(tiny: Problem):
    pairs = [(n, m) for n in range(tiny.items) for m in range(n)]
    assert best(tiny, 2) >= max(right_after(tiny, pair) for pair in pairs) - 1e-12
    assert ours(tiny, 2) <= best(tiny, 2) + 1e-12


def test_the_engine_loses_little_against_the_best_rule_there_is():
    problems = [Problem.of(replace(SMALL, seed=n), points=11) for n in range(6)]
    lost = [best(p, 2) - ours(p, 2) for p in problems]
    assert min(lost) >= -1e-12
    assert np.mean(lost) < 0.008


def test_who_knows_the_person_asks_better_and_still_believes_only_the_answers():
    setting = Setting(seed=100, persons=40, questions=6)
    sample = draw(setting)
    known, asked = clairvoyant(sample, 6), walked(setting, sample).certain
    far = [point(c[:, -1], sample.scores, sample.wanted.cuts).far for c in (known, asked)]
    assert far[0] > far[1] + 0.01
    assert far[0] < 0.97  # whoever wrote down what is known would have 1.0


# --- the bound for every rule ---------------------------------------------------------------------


def test_what_is_told_is_the_mean_precision_of_the_normals_that_make_a_logistic():
    # E[1 / w] = - integral of f'(e) / e, f the density of the logistic
    e, step = np.linspace(-60, 60, 1_200_000, retstep=True)  # no node at 0
    told = (np.tanh(e / 2) / np.cosh(e / 2) ** 2 / (4 * e)).sum() * step
    assert pytest.approx(told, abs=1e-6) == TOLD


@pytest.mark.parametrize("categories", [2, 5])
def test_the_bound_lies_above_the_best_rule_and_rises_with_every_question(categories: int):
    setting = replace(SMALL, seed=1, categories=categories)
    problem = Problem.of(setting, points=11)
    bounds = [bound(setting, problem.sample, n) for n in range(4)]
    assert all(bounds[n] >= best(problem, n) for n in (1, 2))
    assert bounds == sorted(bounds)
    assert bounds[-1] < 1


def test_who_asks_nothing_is_right_by_the_base_rate_alone():
    setting = replace(SMALL, seed=1, cuts=(-1.0,))
    above, below = (0.5 * math.erfc(x / math.sqrt(2)) for x in (-0.7, 1.3))
    assert bound(setting, draw(setting), 0) == pytest.approx(above / (above + below), abs=0.002)
