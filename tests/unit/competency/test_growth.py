"""The second measurement: where it starts, and when a change is said (reference assessment 3.9)."""

import math
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Engine
from competency.growth import Change, drifted, growth, months_between
from competency.posterior import Posterior, probability_below
from tests.unit.competency.bank import beliefs, framework, random_bank

ENGINE = Engine(framework((3, 2), private="2.2"), random_bank(2, ("1.1", "1.2", "1.3", "2.1"), 60))
EVERY = Counter({"1.1": 2, "1.2": 2, "1.3": 2, "2.1": 2, "1": 6, "2": 2})


def answered(categories: list[int]) -> Posterior:
    """Somebody who was asked the first items of the bank."""
    belief = ENGINE.prior()
    for item, number in zip(ENGINE.pool.items, categories, strict=False):
        belief = ENGINE.answered(belief, item, min(number, item.categories - 1))
    return belief


categories = st.lists(st.integers(0, 4), min_size=0, max_size=20)


@settings(max_examples=40)
@given(categories, st.floats(0, 120))
def test_what_is_known_fades_towards_a_stranger_and_never_beyond(numbers, months):
    first, stranger = answered(numbers), ENGINE.prior()
    then = drifted(first, stranger, months)
    between = np.minimum(np.diag(first.cov), np.diag(stranger.cov)), np.diag(stranger.cov)
    assert (np.diag(then.cov) >= between[0] - 1e-9).all()
    assert (np.diag(then.cov) <= between[1] + 4e-3).all()
    assert np.linalg.eigvalsh(then.cov)[0] > 0
    toward = (then.mean - stranger.mean) * (first.mean - stranger.mean)
    assert (toward >= 0).all()
    assert (np.abs(then.mean - stranger.mean) <= np.abs(first.mean - stranger.mean) + 1e-12).all()


def test_at_once_nothing_has_faded_and_after_many_years_everything():
    first, stranger = answered([1, 1, 0, 2, 1, 1]), ENGINE.prior()
    assert np.array_equal(drifted(first, stranger, 0.0).cov, first.cov)
    late = drifted(first, stranger, 12 * 100)
    assert late.mean == pytest.approx(stranger.mean, abs=1e-9)
    assert late.cov == pytest.approx(stranger.cov, abs=1e-9)
    two_years = drifted(first, stranger, 24.0)
    assert two_years.mean - stranger.mean == pytest.approx((first.mean - stranger.mean) / math.e)


@settings(max_examples=40)
@given(beliefs(5), beliefs(5))
def test_the_change_is_the_formula_of_the_reference(one, two):
    first, second = Posterior(*one), Posterior(*two)
    found = {g.competency: g for g in growth(ENGINE, first, second, EVERY)}
    assert set(found) == set(EVERY)
    for n, code in enumerate(("1.1", "1.2", "1.3", "2.1")):
        z = (second.mean[n] - first.mean[n]) / math.sqrt(first.cov[n, n] + second.cov[n, n])
        assert found[code].p == pytest.approx(float(probability_below(z)))
    for g in found.values():
        word = Change.GROWN if g.p >= 0.9 else Change.SHRUNK if g.p <= 0.1 else Change.UNCLEAR
        assert g.change is word
    turned = {g.competency: g for g in growth(ENGINE, second, first, EVERY)}
    for code, g in found.items():
        assert turned[code].p == pytest.approx(1 - g.p)


def test_nothing_is_said_of_what_was_never_asked_about():
    found = growth(ENGINE, ENGINE.prior(), answered([1] * 8), Counter({"1.2": 1, "1": 1}))
    assert [g.competency for g in found] == ["1.2", "1"]


def test_who_has_not_changed_is_rarely_told_so():
    rng = np.random.default_rng(7)
    words: Counter[Change] = Counter()
    for _ in range(150):
        theta = ENGINE.prior().mean + np.linalg.cholesky(ENGINE.prior().cov) @ rng.normal(size=5)
        first, second = (_measured(theta, part, rng) for part in (0, 1))
        words.update(g.change for g in growth(ENGINE, first, second, EVERY))
    # Each word is said from .9 on, so wrongly in at most one of ten.
    assert max(words[Change.GROWN], words[Change.SHRUNK]) <= 0.1 * words.total()


def test_a_learner_who_gained_two_levels_is_told_so_more_often_than_not():
    rng = np.random.default_rng(8)
    words: Counter[Change] = Counter()
    for _ in range(100):
        theta = np.concatenate([rng.normal(-1.0, 0.3, 4), [0.3]])
        first = _measured(theta, 0, rng)
        second = _measured(theta + np.array([2.0, 2.0, 2.0, 2.0, 0.0]), 1, rng)
        words.update(g.change for g in growth(ENGINE, first, second, EVERY))
    assert words[Change.GROWN] >= 0.6 * words.total()
    assert words[Change.SHRUNK] == 0


def _measured(theta: np.ndarray, part: int, rng: np.random.Generator) -> Posterior:
    """Twenty answers to other questions than in the other part."""
    belief = ENGINE.prior()
    for item in ENGINE.pool.items[part::2][:20]:
        eta = theta[ENGINE.dimension[item.competency]] + item.self_report * theta[-1]
        reached = 1 / (1 + np.exp(-item.a * (eta - np.array(item.b))))
        belief = ENGINE.answered(belief, item, int((reached > rng.random()).sum()))
    return belief


def test_months_are_counted_in_time_not_in_calendar_pages():
    may, november = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
    assert months_between(may, november) == pytest.approx(6.05, abs=0.05)
