"""A replay asks what tells most, predicts honestly, and never looks at the criterion."""

from dataclasses import replace

import numpy as np
import pytest

from competency.calibration.bank import Bank
from competency.calibration.belief import NODES, Sites, propagated
from competency.calibration.calibrate import calibrated
from competency.calibration.hits import Data
from competency.calibration.structure import structured
from competency.calibration.trial import Predicted, Trial
from competency.errors import NotCalibrated
from tests.unit.competency.calibration.people import Truth, population

LENGTHS = (3, 6)


@pytest.fixture(scope="module")
def truth() -> Truth:
    return population(30, persons=900, competencies=3, per=10, categories=3, r=0.7)


@pytest.fixture(scope="module")
def bank(truth: Truth) -> Bank:
    first = replace(
        truth.answers, codes=truth.answers.codes[:500], persons=truth.answers.persons[:500]
    )
    return calibrated(first, truth.specs).bank


@pytest.fixture(scope="module")
def trial(truth: Truth, bank: Bank) -> Trial:
    return Trial.of(bank, _rest(truth), *_lists(truth))


def _rest(truth: Truth):  # type: ignore[no-untyped-def]
    return replace(
        truth.answers, codes=truth.answers.codes[500:], persons=truth.answers.persons[500:]
    )


def _lists(truth: Truth) -> tuple[list[str], list[str]]:
    keys = [s.key for s in truth.specs]
    return [k for n, k in enumerate(keys) if n % 10 < 6], [
        k for n, k in enumerate(keys) if n % 10 > 5
    ]


def _loss(trial: Trial, predicted: list[Predicted]) -> dict[int, float]:
    return {
        n: float(np.concatenate([trial.losses(p) for p in predicted if p.length == n]).mean())
        for n in LENGTHS
    }


def test_few_well_chosen_answers_beat_independent_scoring_random_items_and_shares(
    trial: Trial,
) -> None:
    adaptive = _loss(trial, list(trial.adaptive(LENGTHS, 1)))
    independent = _loss(trial, list(trial.independent(LENGTHS, 1)))
    random = _loss(trial, list(trial.random(LENGTHS, 1)))
    shares = np.broadcast_to(trial.marginal(), (400, *trial.marginal().shape))
    nothing = trial.losses(Predicted(0, slice(0, 400), shares, np.zeros((0, 0), dtype=np.intp)))
    for n in LENGTHS:
        assert adaptive[n] < random[n] - 0.01
        assert adaptive[n] < independent[n] - 0.01
        assert adaptive[n] < nothing.mean() - 0.05
    assert adaptive[6] < adaptive[3]


def test_predictions_add_up_and_are_as_sure_as_they_are_right(trial: Trial) -> None:
    predicted = [p for p in trial.adaptive(LENGTHS, 1) if p.length == 6]
    chances = np.concatenate([p.chances for p in predicted])
    assert chances.sum(axis=2) == pytest.approx(1.0)
    hit = (trial.codes[:, trial.criterion] == 2).ravel()
    said = chances[:, :, 2].ravel()
    for low in (0.0, 0.25, 0.5, 0.75):
        part = (said >= low) & (said < low + 0.25)
        assert abs(hit[part].mean() - said[part].mean()) < 0.06


def test_criterion_answers_change_no_prediction(trial: Trial, truth: Truth, bank: Bank) -> None:
    pool, criterion = _lists(truth)
    hidden = _rest(truth)
    codes = hidden.codes.copy()
    codes[:, [truth.answers.items.index(k) for k in criterion]] = -1
    blind = Trial.of(bank, replace(hidden, codes=codes), pool, criterion)
    pairs = zip(trial.adaptive(LENGTHS, 1), blind.adaptive(LENGTHS, 1), strict=True)
    assert all(np.array_equal(a.chances, b.chances) for a, b in pairs)
    assert all(len(blind.losses(p)) == 0 for p in blind.adaptive((3,), 1))


def test_only_answered_items_are_asked_and_none_twice(truth: Truth, bank: Bank) -> None:
    pool, criterion = _lists(truth)
    rest = _rest(truth)
    codes = rest.codes.copy()
    codes[:, :20][np.random.default_rng(2).random((400, 20)) < 0.8] = -1
    few = Trial.of(bank, replace(rest, codes=codes), pool, criterion)
    for predicted in few.adaptive((8,), 1):
        for person, asked in enumerate(predicted.asked):
            given = asked[asked >= 0]
            assert len(set(given.tolist())) == len(given)
            assert (few.codes[predicted.rows][person, given] >= 0).all()


def test_nobody_is_asked_more_than_was_answered(truth: Truth, bank: Bank) -> None:
    pool, criterion = _lists(truth)
    rest = _rest(truth)
    codes = np.full_like(rest.codes, -1)
    nothing = Trial.of(bank, replace(rest, codes=codes), pool, criterion)
    predicted = list(nothing.adaptive((3,), 1))
    assert nothing.used(predicted) == 0
    shares = nothing.marginal()
    assert predicted[0].chances[0] == pytest.approx(shares, abs=0.05)


def test_seed_and_bank_decide_everything(trial: Trial) -> None:
    for way in (trial.adaptive, trial.random, trial.independent):
        one, other = list(way((5,), 7)), list(way((5,), 7))
        assert all(np.array_equal(a.chances, b.chances) for a, b in zip(one, other, strict=True))


def test_one_competence_gives_what_a_fine_grid_gives() -> None:
    truth = population(31, persons=300, competencies=1, per=12, categories=4)
    bank = calibrated(truth.answers, truth.specs).bank
    bank = replace(bank, residual=np.zeros_like(bank.residual))
    keys = [s.key for s in truth.specs]
    trial = Trial.of(bank, truth.answers, keys[:6], keys[6:])
    chances = np.concatenate([p.chances for p in trial.adaptive((6,), 1)])
    curve = bank.curves().probabilities(NODES)
    codes = truth.answers.codes.copy()
    codes[:, 6:] = -1
    data = Data(codes, bank.dimension, bank.categories)
    likelihood = np.concatenate([h.log_likelihood(np.log(curve)) for h in data.blocks()])
    weights = propagated(np.eye(1), likelihood, Sites.none(300, 1), 1).weights(likelihood)
    exact = np.einsum("pq,jkq->pjk", weights[:, 0], curve[6:])
    assert np.abs(chances - exact).max() < 0.02
    assert np.abs(chances - exact).mean() < 0.002


def test_without_local_dependence_the_structure_is_the_model_of_the_reference(bank: Bank) -> None:
    structure = structured(bank.curves(), bank.dimension, bank.correlation)
    a = bank.curves().a
    expected = np.outer(a, a) * bank.correlation[np.ix_(bank.dimension, bank.dimension)]
    assert structure.items == pytest.approx(expected)


def test_codes_nobody_gave_before_cost_something_and_not_everything(
    bank: Bank, truth: Truth
) -> None:
    pool, criterion = _lists(truth)
    rest = _rest(truth)
    codes = rest.codes.copy()
    codes[0, truth.answers.items.index(criterion[0])] = 5
    odd = Trial.of(bank, replace(rest, codes=codes), pool, criterion)
    loss = np.concatenate([odd.losses(p) for p in odd.adaptive((3,), 1)])
    assert np.isfinite(loss).all()
    assert loss.max() < 15


@pytest.mark.parametrize(
    ("pool", "criterion", "said"),
    [
        (["i000", "nix"], ["i001"], "no item nix"),
        (["i000"], ["i000", "i001"], "asked and predicted at once: i000"),
    ],
)
def test_lists_that_do_not_fit_are_named(
    bank: Bank, truth: Truth, pool: list[str], criterion: list[str], said: str
) -> None:
    with pytest.raises(NotCalibrated, match=said):
        Trial.of(bank, truth.answers, pool, criterion)
