"""Simulated examinees: verdicts hold what they promise (small seeds here; all tables by hand)."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from competency.assessment import Engine
from competency.packs import Content
from competency.posterior import correlated_prior
from competency.selection import worth
from competency.simulation.draw import draw, item, pool_of, respond
from competency.simulation.figures import mean_and_error, point, summary
from competency.simulation.hybrid import HybridSetting, Mode
from competency.simulation.setting import Order, Parameters, Setting
from competency.simulation.tables import PRESETS, runs, simulate, wrong_correlations
from competency.simulation.town import ALL, TownSetting, simulate_town
from competency.simulation.walk import BLOCK, walked
from lti_tool.settings import ROOT

SMALL = Setting(seed=100, persons=60, questions=12)


# --- what is drawn --------------------------------------------------------------------------------


def test_a_setting_draws_the_same_every_time():
    again = replace(SMALL, persons=5, questions=3)
    assert simulate(again).document() == simulate(again).document()


def test_answers_are_as_likely_as_the_model_says():
    setting = Setting(areas=(1,), per=2, categories=5, persons=20_000, seed=3)
    pool = pool_of(np.array([1.2, 2.0]), np.array([[-1, -0.3, 0.2, 1], [-2, 0, 0.1, 0.7]]), setting)
    theta = np.full((setting.persons, 1), 0.4)
    answers = respond(np.random.default_rng(1), pool, theta)
    for n, a in enumerate((1.2, 2.0)):
        reached = 1 / (1 + np.exp(-a * (0.4 - pool.thresholds[n])))
        shares = [(answers[:, n] >= k).mean() for k in range(1, 5)]
        assert shares == pytest.approx(reached, abs=0.015)


def test_persons_are_as_related_as_the_setting_says():
    sample = draw(Setting(persons=8000, questions=1, seed=5))
    found = np.corrcoef(sample.theta.T)
    prior = correlated_prior((3, 6, 4, 4, 4), 0.75, 0.60, 0.0, 1.0)
    assert np.abs(found - prior.cov[:-1, :-1]).max() < 0.04


def test_an_experts_guess_changes_what_the_engine_believes_and_nothing_else():
    true, guessed = draw(SMALL), draw(replace(SMALL, parameters=Parameters.EXPERT))
    assert np.array_equal(true.answers, guessed.answers)
    assert np.array_equal(true.wanted.cuts, guessed.wanted.cuts)
    assert len(set(guessed.pool.a.tolist())) == 1
    assert (guessed.pool.b - true.pool.b).std() == pytest.approx(0.5, abs=0.1)


# --- how it is asked ------------------------------------------------------------------------------


def test_nobody_is_asked_anything_twice_and_blocks_of_persons_change_nothing():
    setting = replace(SMALL, persons=2 * BLOCK + 3, questions=9)
    done = walked(setting, sample := draw(setting))
    assert all(len(set(row)) == 9 for row in done.asked.tolist())
    alone = replace(sample, theta=sample.theta[-1:], answers=sample.answers[-1:])
    assert np.array_equal(walked(setting, alone).asked[0], done.asked[-1])


def test_the_simulation_asks_what_the_engine_asks():
    setting = replace(SMALL, persons=3, questions=6)
    sample = draw(setting)
    asked = walked(setting, sample).asked
    for person in range(3):
        belief, used = sample.prior, []
        for n in asked[person].tolist():
            q = worth(belief, sample.wanted, sample.pool)
            q[used] = -np.inf
            assert n == int(np.argmax(q))
            one = sample.answers[person, n]
            belief = sample.pool.answered(belief.of_each(1), np.array([n]), np.array([one]))
            belief = replace(belief, mean=belief.mean[0], cov=belief.cov[0])
            used.append(n)


def test_a_role_is_asked_about_what_it_requires_until_nothing_is_left():
    setting = Setting(persons=4, per=2, questions=8, required=(0, 13), cuts=(-1.0,))
    sample, done = draw(setting), None
    done = walked(setting, sample)
    about = sample.pool.dimension[done.asked]
    assert set(about[:, :4].ravel().tolist()) == {0, 13}
    assert not set(about[:, 4:].ravel().tolist()) & {0, 13}


def test_the_fixed_form_is_the_same_for_everybody_and_82_items_long():
    setting = Setting(persons=3, questions=82, order=Order.FIXED)
    asked = walked(setting, draw(setting)).asked
    assert asked.shape == (3, 82)
    assert (asked == asked[0]).all()
    assert np.bincount(asked[0] // 10).tolist() == [4] * 20 + [2]


# --- what comes out -------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_reference():
    certain = np.array([[0.97, 0.43], [0.63, 0.08]])
    scores, cuts = np.array([[1.0, 0.1], [0.2, -1.0]]), np.array([0.0, 0.0])
    found = point(certain, scores, cuts)
    assert found.accuracy == 0.75  # .43 says below, and .1 is above
    assert found.far == 1.0  # .1 and .2 are in the indifference zone
    assert (found.decided, found.decided_accuracy) == (0.5, 1.0)
    assert found.decided_certainty == pytest.approx((0.97 + 0.92) / 2)
    # max(p, 1 - p) = .97, .92 and .63 are right, .57 is wrong: four bins
    assert found.calibration_error == pytest.approx((0.03 + 0.08 + 0.37 + 0.57) / 4)
    assert found.decided_calibration_error == pytest.approx(0.11 / 2)
    assert mean_and_error([1.0, 3.0]) == (2.0, 1.0)
    assert mean_and_error([5.0]) == (5.0, None)


def test_decided_verdicts_are_right_about_as_often_as_they_say():
    found = [simulate(replace(SMALL, seed=seed)) for seed in (100, 101)]
    decided = np.mean([run.curve[12].decided_accuracy or 0.0 for run in found])
    assert decided >= 0.94
    assert np.mean([run.curve[12].far for run in found]) >= 0.86
    assert np.mean([run.curve[12].calibration_error for run in found]) <= 0.04


def test_graded_items_tell_more_than_binary_ones():
    graded = simulate(replace(SMALL, questions=6, categories=5))
    assert graded.curve[6].far > simulate(SMALL).curve[6].far


def test_questions_that_adapt_to_all_answers_need_fewer_than_any_comparator():
    found = {r.label: simulate(replace(r, persons=60, seed=100)) for r in PRESETS["goals"].rows[:5]}
    joint = found.pop("joint").curve
    assert joint[10].far > found["independent CAT"].curve[10].far + 0.02
    assert joint[10].far > found["random order"].curve[10].far + 0.02
    assert joint[10].far > found["fixed 82 per competence"].curve[82].far


def test_believing_in_too_much_relation_costs_honesty():
    wrong = wrong_correlations(SMALL)
    true = replace(SMALL, r_within=0.5, r_between=0.3)
    honest, bold = (simulate(s).curve[12].decided_accuracy or 0.0 for s in (true, wrong))
    assert honest > bold


def test_mixing_self_reports_and_questions_is_never_much_worse_than_either():
    small = HybridSetting(persons=60, budget=24)
    far = {m: simulate(replace(small, mode=m)).curve[24].far for m in Mode}
    assert far[Mode.HYBRID] >= max(far.values()) - 0.01
    assert far[Mode.SELF] > far[Mode.SELF_UNMODELLED]


def test_a_budget_is_kept_to_the_unit():
    small = HybridSetting(persons=4, budget=5, mode=Mode.SCENARIO)
    found = simulate(small).curve
    assert len(found) == 5
    assert found[4] == found[5]  # a question costs two: the fifth unit buys nothing


def test_the_document_has_the_keys_of_the_contract():
    run = simulate(Setting(seed=5, persons=4, questions=5))
    document = run.document()
    assert set(document) == {"setting", "n90", "n95", "curve"}
    assert {"accuracy", "far", "decided", "decided_accuracy"} <= set(document["curve"]["5"])
    row = summary([run, run], (5,))[0]
    assert row["seeds"] == 2
    assert row["at"]["5"]["far"] == run.curve[5].far


def _short(row: object) -> dict[str, int]:
    return {"questions": 2} if isinstance(row, Setting) else {}


@pytest.mark.parametrize("name", PRESETS)
def test_every_row_of_every_table_can_be_run(name: str):
    for row in PRESETS[name].rows:
        tiny: dict[str, Any] = {"budget": 2} if isinstance(row, HybridSetting) else {}
        found = simulate(replace(row, persons=2, **tiny | _short(row)))
        assert found.document()["setting"]["label"]
    assert next(iter(runs(PRESETS[name], seeds=(1,), persons=2))).setting["seed"] == 1


# --- what a town gets -----------------------------------------------------------------------------


def test_the_shipped_bank_is_simulated_with_the_whole_engine():
    content = Content.load(ROOT / "content")
    engine = Engine(content.framework, content.items)
    roles = [r for r in content.roles if r.key in ("GB", "ERZ")]
    private = frozenset(c for c, k in content.framework.by_code.items() if k.private)
    setting = TownSetting("x", "", 1, 3, 0.5, 0.3)
    found = list(simulate_town(engine, roles, private, setting))
    assert [r.setting["label"] for r in found] == ["ERZ", "GB", ALL]
    assert all(5 <= r.document()["questions"] <= 20 for r in found)
    assert sum(found[-1].document()["stops"].values()) == 6
    assert len(found[-1].curve) == 20


def test_simulated_items_have_costs_in_units():
    assert (item(1, "0", 1.0, (0.0,)).seconds, HybridSetting().size) == (2, 21)
