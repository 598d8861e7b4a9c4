"""The textbook test of one competence: an oracle, so it is checked against the formulas."""

import numpy as np
import pytest

from competency.simulation.single import Rule, information, sit
from competency.simulation.single_tables import deciding, measuring, simulate_decide, single_bank
from competency.simulation.tables import PRESETS, simulate


def test_every_item_asked_is_the_most_informative_at_the_mean_of_the_posterior():
    a, b, _theta, answers = single_bank(1, 5)
    sat = sit(a, b, answers, Rule())
    nodes = np.linspace(-4, 4, 61)
    for person in range(5):
        weights, used = np.exp(-nodes * nodes / 2), []
        for item in sat.asked[person][: sat.length[person]].tolist():
            theta = float(weights @ nodes / weights.sum())
            p = 1 / (1 + np.exp(-a * (theta - b)))
            worth = a * a * p * (1 - p)
            worth[used] = -1
            assert item == int(worth.argmax())
            used.append(item)
            right = 1 / (1 + np.exp(-a[item] * (nodes - b[item])))
            weights = weights * (right if answers[person, item] else 1 - right)
        assert sat.mean[person] == pytest.approx(weights @ nodes / weights.sum(), abs=1e-9)


def test_information_is_that_of_the_2pl_and_never_overflows():
    a, b, theta = np.array([0.5, 2.8]), np.array([-400.0, 0.3]), np.array([0.0, 0.3])
    found = information(a, b, theta)
    assert found[1, 1] == pytest.approx(2.8**2 / 4)
    assert found[:, 0] == pytest.approx([0.0, 0.0], abs=1e-12)


def test_the_table_of_one_competence_is_the_references():
    # Reference 6.1, whose own draws differ: RMSE .289, mean length 14.22, exposure 1 and .73.
    found = {row.label: simulate(row).more or {} for row in measuring()}
    assert found["batch"]["rmse"] == pytest.approx(0.289, abs=0.02)
    assert found["batch"]["mean_length"] == pytest.approx(14.22, abs=0.3)
    assert found["batch"]["overlap"] == pytest.approx(0.41, abs=0.03)
    assert found["batch, randomesque-5"]["max_exposure"] < found["batch"]["max_exposure"]
    assert found["batch, both"]["items_used"] > found["batch"]["items_used"]
    assert found["random 20 items"]["rmse"] > found["batch"]["rmse"] + 0.07


def test_a_posterior_needs_fewer_items_for_a_cut_than_precision_or_a_sequential_test():
    rows = {(r.cut, r.label): r for r in deciding()}
    length = {key: (simulate_decide(r).more or {})["mean_length"] for key, r in rows.items()}
    for cut in (-1.0, 0.0):
        sure, sprt, precise = (length[cut, w] for w in ("P >= .9", "SPRT .1/.1", "SE <= .3"))
        assert sure < sprt < precise
        assert length[cut, "P >= .9, max 10"] <= 10


def test_every_table_of_the_reference_is_a_preset():
    assert {"6.1", "6.2", "6.3", "6.4", "6.5"} <= set(PRESETS)
