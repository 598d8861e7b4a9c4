"""What a question is worth, for one person and for many at once (reference assessment 3.4)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Engine
from competency.items import Kind, Model
from competency.pool import Pool
from competency.posterior import (
    Posterior,
    category_probabilities,
    observe,
    probability_below,
    quadrature,
)
from competency.selection import certainty, expected_drops, loss, worth
from competency.target import Target
from tests.unit.competency.bank import beliefs, framework, item, random_bank, thresholds

FRAMEWORK = framework()
BANK = random_bank(1, FRAMEWORK.dimensions, 130)
ENGINE = Engine(FRAMEWORK, BANK)
ALL = Target(("r",), dict.fromkeys(FRAMEWORK.dimensions, 3))
POOL = Pool.of(BANK, ENGINE.dimension)


def unbiased(belief) -> Posterior:
    """The belief with a self-report bias that is independent, as it is at the start."""
    mean, cov = belief
    cov[-1, :-1] = cov[:-1, -1] = 0.0
    return Posterior(mean, cov)


@settings(max_examples=40)
@given(beliefs(4), thresholds(), st.booleans(), st.sampled_from(list(Model)))
def test_the_vectorised_worth_is_the_formula_taken_item_by_item(belief, b, own, model):
    posterior = unbiased(belief)
    engine = Engine(
        framework((3,)),
        (
            item("w", "1.3", 1.7, (0.2, -0.4, 0.9), model=Model.GPCM),
            item("x", "1.1", 0.9, (-0.3, 0.4), kind=Kind.SELF_RATING),
            item(
                "y", "1.2", 1.3, b, kind=Kind.SELF_RATING if own else Kind.SINGLE_CHOICE,
                model=model,
            ),
        ),
    )  # fmt: skip
    wanted = engine.wanted(Target((), {"1.1": 2, "1.3": 4}, areas={"1": 2}))
    pool = Pool.of(engine.items, engine.dimension)
    q = worth(posterior, wanted, pool)
    assert expected_drops(posterior, wanted, pool).sum(axis=1) == pytest.approx(q)
    by_hand = [
        _worth_by_hand(posterior, wanted, [2], 1.7, (0.2, -0.4, 0.9), Model.GPCM),
        _worth_by_hand(posterior, wanted, [0, 3], 0.9, (-0.3, 0.4), Model.GRM),
        _worth_by_hand(posterior, wanted, [1, 3] if own else [1], 1.3, b, model),
    ]
    assert q == pytest.approx(by_hand, abs=1e-6)


def _worth_by_hand(posterior, wanted, dimensions, a, b, model):
    """One category after the other through `observe`."""
    loading = np.zeros(len(posterior.mean))
    loading[dimensions] = 1
    nodes, weights = quadrature()
    eta = loading @ posterior.mean + np.sqrt(loading @ posterior.cov @ loading) * nodes
    predictive = category_probabilities(eta, a, b, model is Model.GPCM) @ weights
    after = [
        _loss(observe(posterior, dimensions, a, b, x, model), wanted) for x in range(len(b) + 1)
    ]
    return _loss(posterior, wanted) - predictive @ np.array(after)


def _loss(posterior, wanted):
    variance = np.einsum("rd,de,re->r", wanted.loadings, posterior.cov, wanted.loadings)
    z = (wanted.loadings @ posterior.mean - wanted.cuts) / np.sqrt(np.maximum(variance, 1e-4))
    return ((1 - (1 - np.exp(-2 / np.pi * z * z)) ** 0.75) / 4).sum()


@settings(max_examples=40)
@given(beliefs(27))
def test_no_question_is_expected_to_do_harm(belief):
    q = worth(unbiased(belief), ENGINE.wanted(ALL), POOL)
    # Moment matching is not exact, so zero is not the floor (reference assessment 10.6, where the
    # loss is p (1 - p); ours bends twice as sharply at the cut).
    assert q.min() >= -2e-3


def test_an_item_that_does_not_discriminate_is_worth_nothing():
    pool = Pool.of((item("x", "1.1", 1e-6, (0.0,)),), ENGINE.dimension)
    assert worth(ENGINE.prior(), ENGINE.wanted(ALL), pool).sum() == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=15)
@given(st.lists(beliefs(27), min_size=2, max_size=4), st.data())
def test_many_persons_at_once_are_each_the_same_as_alone(several, data):
    alone = [unbiased(b) for b in several]
    together = Posterior(np.stack([p.mean for p in alone]), np.stack([p.cov for p in alone]))
    wanted = ENGINE.wanted(Target(("r",), {"1.1": 1, "3.2": 5}, areas={"2": 3}))
    chosen = data.draw(st.lists(st.integers(0, 129), min_size=len(alone), max_size=len(alone)))
    given_ = [data.draw(st.integers(0, POOL.items[n].categories - 1)) for n in chosen]
    q, p = worth(together, wanted, POOL), certainty(together, wanted)
    after = POOL.answered(together, np.array(chosen), np.array(given_))
    for n, person in enumerate(alone):
        assert q[n] == pytest.approx(worth(person, wanted, POOL), abs=1e-12)
        assert p[n] == pytest.approx(certainty(person, wanted), abs=1e-12)
        single = ENGINE.answered(person, POOL.items[chosen[n]], given_[n])
        assert after.mean[n] == pytest.approx(single.mean, abs=1e-12)
        assert after.cov[n] == pytest.approx(single.cov, abs=1e-12)


def test_a_part_of_the_bank_is_worth_what_it_is_in_the_whole():
    some = np.array([3, 4, 40, 77, 129])
    wanted = ENGINE.wanted(ALL)
    whole = worth(ENGINE.prior(), wanted, POOL)[some]
    assert worth(ENGINE.prior(), wanted, POOL.part(some)) == pytest.approx(whole, abs=1e-12)


@given(st.floats(-3, 3), st.floats(0.2, 1.0))
def test_the_loss_lies_between_that_of_a_verdict_and_that_of_the_reference(distance, sd):
    p = float(probability_below(np.array([distance / sd]))[0])
    ours = float(loss(np.array([distance]), np.array([sd * sd]))[0])
    assert ours == pytest.approx((1 - abs(2 * p - 1) ** 1.5) / 4, abs=0.005)
    assert min(p, 1 - p) / 2 - 0.003 <= ours <= p * (1 - p) + 0.003
