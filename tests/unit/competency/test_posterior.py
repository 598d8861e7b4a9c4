"""What one answer does to what is believed (reference assessment, section 10: 1 to 4, 13, 14)."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Config, Engine
from competency.errors import InvalidObservation, InvalidPrior, UnknownCompetency
from competency.posterior import (
    Array,
    Model,
    Posterior,
    category_probabilities,
    correlated_prior,
    observe,
)
from tests.unit.competency.bank import beliefs, discriminations, framework, thresholds

MODELS = st.sampled_from(list(Model))
#: A 15-point rule is not exact: the reference measured .0033 as its worst error of a variance.
QUADRATURE = 4e-3


@settings(max_examples=60)
@given(beliefs(6), st.integers(0, 5), discriminations, thresholds(), MODELS, st.data())
def test_certainty_only_grows_and_the_covariance_stays_one(belief, k, a, b, model, data):
    before = Posterior(*belief)
    after = observe(before, [k], a, b, data.draw(st.integers(0, len(b))), model)
    assert np.array_equal(after.cov, after.cov.T)
    assert np.linalg.eigvalsh(after.cov)[0] > 0
    assert (np.diag(after.cov) <= np.diag(before.cov) + QUADRATURE).all()


@settings(max_examples=60)
@given(beliefs(4), discriminations, st.floats(-2, 2), st.integers(0, 1))
def test_one_answer_never_makes_certain(belief, a, b, category):
    # An answer to a 2PL item tells a * a / 4 at most, wherever the person stands.
    before = Posterior(*belief)
    after = observe(before, [1], a, (b,), category)
    least = 1 / (1 / before.cov[1, 1] + a * a / 4)
    assert after.cov[1, 1] >= least - QUADRATURE


@settings(max_examples=60)
@given(st.integers(0, 5), discriminations, thresholds(), MODELS)
def test_a_better_answer_lifts_every_related_competence(k, a, b, model):
    prior = correlated_prior((3, 3), 0.5, 0.3, 0.3, 0.7)
    means = [observe(prior, [k], a, b, x, model).mean for x in range(len(b) + 1)]
    for worse, better in pairwise(means):
        assert better[k] > worse[k]
        assert (better[:6] >= worse[:6]).all()


@settings(max_examples=80)
@given(st.floats(0.3, 2.8), st.floats(-3, 3), st.integers(0, 1))
def test_one_dimension_agrees_with_a_fine_grid(a, b, category):
    grid = np.linspace(-8, 8, 4001)
    weight = np.exp(-(grid**2) / 2) * category_probabilities(grid, a, (b,))[category]
    mean = (weight @ grid) / weight.sum()
    variance = (weight @ grid**2) / weight.sum() - mean**2
    after = observe(Posterior(np.zeros(1), np.eye(1)), [0], a, (b,), category)
    assert after.mean[0] == pytest.approx(mean, abs=5e-3)
    assert after.cov[0, 0] == pytest.approx(variance, abs=5e-3)


@given(st.integers(0, 4), discriminations, thresholds(), st.data())
def test_an_answer_says_nothing_about_unrelated_competences(k, a, b, data):
    before = Posterior(np.linspace(-1, 1, 5), np.eye(5))
    after = observe(before, [k], a, b, data.draw(st.integers(0, len(b))))
    others = [j for j in range(5) if j != k]
    assert np.array_equal(after.mean[others], before.mean[others])
    assert np.array_equal(after.cov[np.ix_(others, others)], np.eye(4))


@given(discriminations, st.floats(-3, 3), st.floats(-4, 4))
def test_graded_and_partial_credit_with_two_categories_are_2pl(a, b, eta):
    at = np.array([eta])
    right = 1 / (1 + np.exp(-a * (eta - b)))
    for model in Model:
        assert category_probabilities(at, a, (b,), model is Model.GPCM)[:, 0] == pytest.approx(
            [1 - right, right]
        )


@given(discriminations, thresholds(), st.floats(-6, 6), MODELS)
def test_category_probabilities_sum_to_one(a, b, eta, model):
    assert category_probabilities(
        np.array([eta]), a, b, model is Model.GPCM
    ).sum() == pytest.approx(1, abs=1e-7)


@settings(max_examples=30)
@given(discriminations, thresholds(), st.data())
def test_a_known_self_image_is_the_model_without_one(a, b, data):
    engine = Engine(framework((2, 2)), (), Config(bias_mean=0.0, bias_sd=1e-6))
    observed = {
        "competency": "1.1",
        "a": a,
        "b": b,
        "category": data.draw(st.integers(0, len(b))),
    }
    own = engine.update(engine.prior(), **observed, self_report=True)
    test = engine.update(engine.prior(), **observed)
    assert own.mean == pytest.approx(test.mean, abs=1e-6)
    assert own.cov == pytest.approx(test.cov, abs=1e-6)


def test_a_snapshot_that_was_shared_cannot_be_written_to():
    source = np.zeros(2)
    snapshot = Posterior(source, np.eye(2))
    source[0] = 9.0
    assert snapshot.mean[0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        snapshot.mean[0] = 1.0


def test_a_posterior_survives_storage_to_the_last_bit():
    prior = correlated_prior((3, 6, 4), 0.5, 0.3, 0.3, 0.7)
    before = observe(prior, [2], 1.3, (-0.4, 0.1), 1)
    after = Posterior.of_document(json.loads(json.dumps(before.document())))
    assert np.array_equal(after.mean, before.mean)
    assert np.array_equal(after.cov, before.cov)


def test_the_prior_borrows_more_within_an_area_and_nothing_for_the_bias():
    prior = Engine(framework(), ()).prior()
    assert prior.cov.shape == (27, 27)
    assert (prior.cov[0, 1], prior.cov[0, 3]) == (0.5, 0.3)
    assert (prior.mean[-1], prior.cov[-1, -1]) == (0.3, pytest.approx(0.49))
    assert not prior.cov[-1, :-1].any()


def test_correlations_that_make_no_covariance_are_refused():
    with pytest.raises(InvalidPrior):
        correlated_prior((3, 3), 0.3, 0.9, 0.3, 0.7)


@pytest.mark.parametrize(
    ("a", "b", "category"),
    [
        (0.0, (0.0,), 0),
        (float("nan"), (0.0,), 0),
        (1.0, (), 0),
        (1.0, (0.0, 0.0), 1),
        (1.0, (float("inf"),), 1),
        (1.0, (0.0,), 2),
        (1.0, (0.0,), -1),
    ],
)
def test_an_observation_without_meaning_is_refused(a: float, b: tuple[float, ...], category: int):
    with pytest.raises(InvalidObservation):
        observe(Posterior(np.zeros(1), np.eye(1)), [0], a, b, category)


def test_a_private_competence_takes_no_observation():
    engine = Engine(framework((2,), private="1.2"), ())
    with pytest.raises(UnknownCompetency):
        engine.update(engine.prior(), competency="1.2", a=1.0, b=(0.0,), category=1)


@given(
    st.permutations(range(6)), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 1)), max_size=6)
)
def test_renaming_competences_renames_the_result(order: list[int], answers: list[tuple[int, int]]):
    prior = correlated_prior((2, 4), 0.5, 0.3, 0.3, 0.7)
    where = [*order, 6]
    renamed = Posterior(prior.mean[where], prior.cov[np.ix_(where, where)])
    plain: Posterior = prior
    for k, x in answers:
        plain = observe(plain, [k], 1.2, (0.1,), x)
        renamed = observe(renamed, [order.index(k)], 1.2, (0.1,), x)
    expected: Array = plain.mean[where]
    assert renamed.mean == pytest.approx(expected, abs=1e-9)
    assert renamed.cov == pytest.approx(plain.cov[np.ix_(where, where)], abs=1e-9)
