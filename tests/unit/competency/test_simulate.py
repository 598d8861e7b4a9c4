"""Simulated examinees: the engine's verdicts hold what they promise (small seeds; nightly: all)."""

import numpy as np

from competency.simulate import Setting, simulate

SMALL = Setting(seed=100, persons=60, questions=12)


def test_decided_verdicts_are_right_about_as_often_as_they_say():
    runs = [simulate(Setting(seed=seed, persons=60, questions=12)) for seed in (100, 101)]
    decided = np.mean([run.curve[12].decided_accuracy or 0.0 for run in runs])
    assert decided >= 0.94
    assert np.mean([run.curve[12].far for run in runs]) >= 0.86


def test_graded_items_tell_more_than_binary_ones():
    graded = simulate(Setting(seed=100, persons=60, questions=6, categories=5))
    assert graded.curve[6].far > simulate(SMALL).curve[6].far


def test_believing_in_too_much_relation_costs_honesty():
    true = Setting(seed=100, persons=60, questions=12, r_within=0.5, r_between=0.3)
    wrong = Setting(
        seed=100, persons=60, questions=12, r_within=0.5, r_between=0.3,
        assumed_within=0.75, assumed_between=0.6,
    )  # fmt: skip
    honest, bold = (simulate(s).curve[12].decided_accuracy or 0.0 for s in (true, wrong))
    assert honest > bold


def test_the_same_setting_gives_the_same_run():
    again = Setting(seed=5, persons=4, questions=3)
    assert simulate(again).document() == simulate(again).document()


def test_the_document_has_the_keys_of_the_contract():
    document = simulate(Setting(seed=5, persons=4, questions=5)).document()
    assert set(document) == {"setting", "n90", "n95", "curve"}
    assert set(document["curve"]["5"]) == {"accuracy", "far", "decided", "decided_accuracy"}
