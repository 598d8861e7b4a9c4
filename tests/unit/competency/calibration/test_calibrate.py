"""Calibration finds what made simulated answers, and survives what real answers look like."""

from dataclasses import replace

import numpy as np
import pytest

from competency.calibration.bank import Bank
from competency.calibration.calibrate import calibrated
from competency.calibration.table import Answers, ItemSpec
from competency.errors import NotCalibrated
from tests.unit.competency.calibration.people import Truth, answered, of, population


def _b(bank: Bank) -> np.ndarray:
    return np.array([i.b for i in bank.items])


def test_a_two_parameter_bank_is_recovered() -> None:
    truth = population(1, persons=1000, competencies=1, per=60)
    bank = calibrated(truth.answers, truth.specs).bank
    a = np.array([i.a for i in bank.items])
    near = np.abs(truth.b[:, 0]) < 2.5
    assert np.sqrt(np.mean((_b(bank) - truth.b)[near] ** 2)) < 0.11
    assert np.sqrt(np.mean((a - truth.a)[near] ** 2)) < 0.16


def test_a_graded_bank_is_recovered() -> None:
    truth = population(2, persons=800, competencies=1, per=20, categories=4)
    bank = calibrated(truth.answers, truth.specs).bank
    near = np.abs(truth.b) < 2
    assert np.sqrt(np.mean((_b(bank) - truth.b)[near] ** 2)) < 0.15
    assert {i.model for i in bank.items} == {"grm"}


@pytest.mark.parametrize("r", [0.0, 0.5, 0.85])
def test_correlations_are_found_however_few_items_a_competence_has(r: float) -> None:
    truth = population(3, persons=1500, competencies=6, per=4, r=r)
    found = calibrated(truth.answers, truth.specs).bank.correlation
    off = ~np.eye(6, dtype=bool)
    assert abs(found[off].mean() - r) < 0.06
    assert np.abs(found - truth.correlation).max() < 0.2
    assert np.linalg.eigvalsh(found)[0] > 0


def test_standard_errors_say_how_far_estimates_are_off() -> None:
    truth = population(4, persons=600, competencies=3, per=12)
    items = calibrated(truth.answers, truth.specs).bank.items
    z = np.array([(i.b[0] - b) / i.b_se[0] for i, b in zip(items, truth.b[:, 0], strict=True)])
    assert 0.7 < np.sqrt(np.mean(z**2)) < 1.3


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
def test_the_width_of_the_numbers_changes_nothing(dtype: type) -> None:
    truth = population(5, persons=200, competencies=1, per=8)
    narrow = replace(truth.answers, codes=truth.answers.codes.astype(dtype))
    assert calibrated(narrow, truth.specs).bank.document() == _document(truth)


def _document(truth: Truth) -> dict[str, object]:
    return calibrated(truth.answers, truth.specs).bank.document()


def test_the_same_answers_give_the_same_bank_bit_for_bit() -> None:
    truth = population(6, persons=300, competencies=4, per=5, categories=3)
    assert _document(truth) == _document(truth)


def test_the_order_of_items_and_persons_does_not_matter() -> None:
    truth = population(7, persons=300, competencies=3, per=5)
    rng = np.random.default_rng(1)
    p, j = rng.permutation(300), rng.permutation(15)
    turned = Answers(
        tuple(truth.answers.persons[n] for n in p),
        tuple(truth.answers.items[n] for n in j),
        truth.answers.codes[p][:, j],
    )
    one, other = _document(truth), calibrated(turned, [truth.specs[n] for n in j]).bank.document()
    for x, y in zip(one["items"], other["items"], strict=True):  # type: ignore[call-overload]
        assert x["item"] == y["item"]
        assert x["a"] == pytest.approx(y["a"], abs=2e-3)
        assert x["b"] == pytest.approx(y["b"], abs=2e-3)


def test_items_all_right_all_wrong_never_answered_or_doubled_leave_the_rest_as_it_is() -> None:
    truth = population(8, persons=400, competencies=2, per=8)
    codes = truth.answers.codes
    odd = np.stack([np.ones(400), np.zeros(400), np.full(400, -1), codes[:, 0]], axis=1)
    extra = tuple(ItemSpec(key, "c0", "binary") for key in ("right", "wrong", "never", "twin"))
    specs = truth.specs + extra
    bank = calibrated(of(np.hstack([codes, odd]).astype(np.int16), specs), specs).bank
    plain = {i.key: i for i in calibrated(truth.answers, truth.specs).bank.items}
    found = {i.key: i for i in bank.items}
    assert found["right"].b[0] < -3 < 3 < found["wrong"].b[0]
    assert found["never"].answers == 0
    for key in (s.key for s in truth.specs[8:]):  # the other competence
        assert found[key].b == pytest.approx(plain[key].b, abs=0.1)
    assert np.isfinite([x for i in bank.items for x in (*i.b, *i.b_se, i.a, i.a_se)]).all()


def test_missing_answers_widen_the_error_and_not_the_estimate() -> None:
    truth = population(9, persons=2000, competencies=3, per=10)
    holes = np.random.default_rng(9).random(truth.answers.codes.shape) < 0.6
    codes = np.where(holes, -1, truth.answers.codes).astype(np.int16)
    sparse = calibrated(of(codes, truth.specs), truth.specs).bank
    full = calibrated(truth.answers, truth.specs).bank
    near = np.abs(truth.b[:, 0]) < 2
    assert np.sqrt(np.mean((_b(sparse) - truth.b)[near] ** 2)) < 0.2
    pairs = zip(sparse.items, full.items, strict=True)
    assert sum(s.b_se[0] > f.b_se[0] for s, f in pairs) >= 28


def test_an_adaptive_selection_does_not_look_like_local_dependence() -> None:
    truth = population(10, persons=1500, competencies=1, per=30)
    codes = truth.answers.codes.copy()
    score = codes[:, :6].sum(axis=1)
    hard = truth.b[:, 0] > 0
    codes[:, 6:][(score < 3)[:, None] & hard[6:]] = -1
    codes[:, 6:][(score >= 3)[:, None] & ~hard[6:]] = -1
    bank = calibrated(of(codes, truth.specs), truth.specs).bank
    near = np.abs(truth.b[:, 0]) < 2
    assert bank.spread[0] < 0.05
    assert np.sqrt(np.mean((_b(bank) - truth.b)[near] ** 2)) < 0.25


def test_an_item_that_runs_backwards_is_mirrored_and_named() -> None:
    truth = population(11, persons=500, competencies=2, per=8, categories=5)
    codes = truth.answers.codes.copy()
    codes[:, 3] = 4 - codes[:, 3]
    bank = calibrated(of(codes, truth.specs), truth.specs).bank
    assert [i.key for i in bank.items if i.reversed] == ["i003"]
    plain = calibrated(truth.answers, truth.specs).bank.items[3]
    assert bank.items[3].b == pytest.approx(plain.b, abs=1e-6)


def test_categories_nobody_chose_keep_a_small_chance() -> None:
    truth = population(12, persons=400, competencies=1, per=8, categories=5)
    codes = truth.answers.codes.copy()
    codes[codes[:, 2] == 2, 2] = 3  # codes 0, 1, 3, 4
    item = calibrated(of(codes, truth.specs), truth.specs).bank.items[2]
    assert len(item.b) == 4
    assert list(item.b) == sorted(item.b)
    assert item.counts[2] == 0


def test_partial_credit_is_recognised_where_it_fits_better() -> None:
    rng = np.random.default_rng(13)
    theta = rng.normal(size=4000)
    steps = np.array([1.0, -1.0, 1.0, -1.0])  # odd categories are nobody's likeliest
    exponent = np.cumsum((theta[:, None, None] - np.tile(steps, (10, 1))), axis=2)
    weight = np.exp(np.concatenate([np.zeros((4000, 10, 1)), exponent], axis=2))
    cumulative = (weight / weight.sum(axis=2, keepdims=True)).cumsum(axis=2)
    codes = (cumulative < rng.random((4000, 10))[:, :, None]).sum(axis=2).astype(np.int16)
    specs = tuple(ItemSpec(f"i{n}", "c", "graded") for n in range(10))
    items = calibrated(of(codes, specs), specs).bank.items
    assert {i.model for i in items} == {"gpcm"}
    assert np.array([i.b for i in items]) == pytest.approx(np.tile(steps, (10, 1)), abs=0.4)


def test_a_small_sample_stays_near_the_expert() -> None:
    truth = population(14, persons=40, competencies=2, per=10)
    expert = tuple(
        replace(s, a=1.2, b=(round(float(b), 1),))
        for s, b in zip(truth.specs, truth.b[:, 0], strict=True)
    )
    with_expert = _b(calibrated(truth.answers, expert).bank)
    without = _b(calibrated(truth.answers, truth.specs).bank)
    assert np.abs(with_expert - truth.b).mean() < np.abs(without - truth.b).mean()


def test_local_dependence_is_found_where_it_is_and_nowhere_else() -> None:
    rng = np.random.default_rng(15)
    truth = population(15, persons=3000, competencies=1, per=20)
    theta, scene = rng.normal(size=3000), rng.normal(size=3000)
    eta = np.tile(theta[:, None], (1, 20))
    eta[:, :4] += 1.2 * scene[:, None]  # four questions of one scene
    codes = answered(rng, truth.a, truth.b, eta)
    residual = calibrated(of(codes, truth.specs), truth.specs).bank.residual
    scene_pairs = residual[:4, :4][np.triu_indices(4, 1)]
    others = np.abs(residual[4:, 4:][np.triu_indices(16, 1)])
    assert scene_pairs.min() > 0.1
    assert others.mean() < scene_pairs.mean() / 5
    assert calibrated(truth.answers, truth.specs).bank.spread[0] < 0.02


def test_an_unfair_item_is_found_and_a_better_group_is_not_taken_for_one() -> None:
    truth = population(16, persons=1600, competencies=1, per=20)
    rng = np.random.default_rng(16)
    garden = np.arange(1600) % 2 == 1
    eta = np.tile((rng.normal(size=1600) + 0.8 * garden)[:, None], (1, 20))
    eta[garden, 4] -= 1.0
    groups = tuple("garden" if g else "office" for g in garden)
    codes = answered(rng, truth.a, truth.b, eta)
    items = calibrated(of(codes, truth.specs, groups), truth.specs).bank.items
    large = {i.key for i in items if any(d.size == "large" for d in i.differences)}
    assert large == {"i004"}
    shift = {d.group: d.shift for d in items[4].differences}
    assert shift["garden"] < -0.4 < 0 < shift["office"]


def test_small_groups_are_not_looked_at() -> None:
    truth = population(17, persons=300, competencies=1, per=6)
    groups = tuple("few" if n < 20 else "many" if n % 2 else "rest" for n in range(300))
    items = calibrated(of(truth.answers.codes, truth.specs, groups), truth.specs).bank.items
    assert {d.group for i in items for d in i.differences} == {"many", "rest"}


def test_fit_is_one_under_the_model_and_shows_noise() -> None:
    truth = population(18, persons=1000, competencies=2, per=12)
    codes = truth.answers.codes.copy()
    codes[:, 5] = np.random.default_rng(18).integers(0, 2, 1000)  # a coin
    fits = [i.fit for i in calibrated(of(codes, truth.specs), truth.specs).bank.items]
    good = [f for n, f in enumerate(fits) if f and n != 5]
    assert all(0.85 < f.infit < 1.15 for f in good)
    assert fits[5] is not None
    assert fits[5].rest < 0.1 < min(f.rest for f in good)


def test_too_few_persons_are_refused() -> None:
    truth = population(19, persons=12, competencies=1, per=5)
    with pytest.raises(NotCalibrated, match="12 persons"):
        calibrated(truth.answers, truth.specs)


def test_a_bank_survives_its_file() -> None:
    truth = population(20, persons=300, competencies=3, per=5, categories=3)
    bank = calibrated(truth.answers, truth.specs).bank
    again = Bank.of_document(bank.document())
    assert again.items == bank.items
    assert again.document() == bank.document()
    assert np.abs(again.residual - bank.residual).max() < 1e-3


def test_habits_of_using_a_scale_are_found_where_there_are_some() -> None:
    rng = np.random.default_rng(21)
    truth = population(21, persons=1200, competencies=2, per=8, categories=5)
    theta = rng.multivariate_normal(np.zeros(2), truth.correlation, size=1200)
    factor = np.exp(0.4 * rng.normal(size=(1200, 1, 1)))
    middle = truth.b.mean(axis=1, keepdims=True)
    b = middle + factor * (truth.b - middle)
    eta = np.repeat(theta, 8, axis=1)[:, :, None]
    chance = 1 / (1 + np.exp(-truth.a[:, None] * (eta - b)))
    codes = (chance > rng.random((1200, 16, 1))).sum(axis=2).astype(np.int16)
    assert 0.2 <= calibrated(of(codes, truth.specs), truth.specs).bank.style <= 0.5
    assert calibrated(truth.answers, truth.specs).bank.style == 0.0


def test_questions_with_one_threshold_have_no_habits() -> None:
    truth = population(22, persons=200, competencies=1, per=8)
    assert calibrated(truth.answers, truth.specs).bank.style == 0.0


def test_a_question_asked_twice_does_not_make_a_competence_of_itself() -> None:
    truth = population(23, persons=500, competencies=1, per=10)
    codes = np.hstack([truth.answers.codes, truth.answers.codes[:, :1]])
    specs = (*truth.specs, ItemSpec("twin", "c0", "binary"))
    bank = calibrated(of(codes, specs), specs).bank
    plain = calibrated(truth.answers, truth.specs).bank
    assert [i.a for i in bank.items[:10]] == pytest.approx([i.a for i in plain.items], rel=0.02)
    assert bank.items[10].a == bank.items[0].a
    assert bank.residual[0, 10] > 0.4


def test_an_item_hardly_anybody_solves_hides_no_local_dependence() -> None:
    rng = np.random.default_rng(24)
    truth = population(24, persons=1500, competencies=1, per=12)
    eta = np.repeat(rng.normal(size=(1500, 1)), 12, axis=1)
    eta[:, :4] += 1.2 * rng.normal(size=(1500, 1))
    codes = answered(rng, truth.a, truth.b, eta)
    rare = (rng.random((1500, 2)) < 0.003).astype(np.int16)
    specs = (*truth.specs, *(ItemSpec(f"rare{n}", "c0", "binary") for n in range(2)))
    assert calibrated(of(np.hstack([codes, rare]), specs), specs).bank.spread[0] > 0.08
