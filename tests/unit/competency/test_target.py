"""Soll per competence or per area, on four levels or eight: what it asks, and what is said then."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Engine, Selection
from competency.crosswalk import AREAS, crosswalk, in_digcomp
from competency.errors import UnknownCompetency
from competency.evidence import Evidence, Source
from competency.judge import profile_of, spread
from competency.posterior import Posterior, probability_below
from competency.profile import Profile, Verdict
from competency.scale import cut_of_step, level_of_step
from competency.target import RoleProfile, Soll, Target
from tests.unit.competency.bank import beliefs, framework, random_bank

ENGINE = Engine(framework((3, 2), private="2.2"), random_bank(2, ("1.1", "1.2", "1.3", "2.1"), 40))
NOW = datetime(2026, 11, 23, tzinfo=UTC)
FIVE = tuple(
    Evidence(str(n), Source.ASSESSMENT, "1.1", "single_choice", 1.0, (0.0,), 1, NOW, n)
    for n in range(5)
)


def role(key: str, soll: Soll) -> RoleProfile:
    return RoleProfile(key, "t", "t", "", "", "desk", {}).with_soll(soll, approved=True)


def judged(posterior: Posterior, target: Target) -> Profile:
    return profile_of(ENGINE, posterior, target, FIVE, {})


# --- what is asked for ----------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "step"), [(0, 0), (1, 1), (2, 3), (3, 5), (4, 7)])
def test_a_soll_on_four_levels_asks_for_the_step_entered(level: int, step: int):
    soll = Soll.on(4, {"1.1": level}, {"1": level})
    assert (soll.competencies["1.1"], soll.areas["1"]) == (step, step)


@pytest.mark.parametrize("level", range(9))
def test_a_soll_on_the_eight_levels_of_digcomp_2_2_is_the_step(level: int):
    assert Soll.on(8, areas={"1": level}).areas["1"] == level


@given(st.dictionaries(st.sampled_from(["1.1", "2.1"]), st.integers(0, 8)))
def test_a_soll_survives_storage(steps: dict[str, int]):
    soll = Soll(steps, {"1": 5})
    assert Soll.of_document(json.loads(json.dumps(soll.document()))) == soll
    rounded = Soll.of_document(soll.document(scale=4))
    assert {c: level_of_step(s) for c, s in rounded.competencies.items()} == {
        c: level_of_step(s) for c, s in steps.items()
    }


@pytest.mark.parametrize(
    "document",
    [
        {"scale": 5},
        {"scale": "8"},
        {"scale": 4, "areas": {"1": 5}},
        {"areas": {"1": 2.5}},
        {"areas": {"1": True}},
        {"competencies": ["1.1"]},
    ],
)
def test_what_is_no_soll_is_refused(document: dict[str, object]):
    with pytest.raises(ValueError, match=r"scale|expected|between"):
        Soll.of_document(document)


def test_of_several_roles_the_highest_soll_counts_for_areas_too():
    roles = [
        role("A", Soll({"1.1": 3, "2.2": 5}, {"1": 2, "2": 4})),
        role("B", Soll({"1.1": 4}, {"1": 5, "2": 0})),
    ]
    target = Target.of(roles, private=frozenset({"2.2"}))
    assert (target.steps, target.areas) == ({"1.1": 4}, {"1": 5, "2": 4})
    assert target.sources == {"1.1": "B", "1": "B", "2": "A"}
    assert target.approved


def test_digcomp_2_2_and_3_0_have_the_same_numbers():
    codes = [f"{a}.{n}" for a, size in AREAS.items() for n in range(1, size + 1)]
    assert len(codes) == 21
    for code in (*AREAS, *codes):
        assert crosswalk(code, "digcomp-2.2", "digcomp-3.0") == code
    assert not in_digcomp("K.2")
    for wrong in ("K.2", "1.4", "6", "1.", "1.01"):
        with pytest.raises(UnknownCompetency):
            crosswalk(wrong, "digcomp-3.0", "digcomp-2.2")
    with pytest.raises(UnknownCompetency):
        crosswalk("1.1", "digcomp-2.1", "digcomp-3.0")


# --- an area's score ------------------------------------------------------------------------------


def test_an_area_is_as_spread_in_the_population_as_a_competence():
    prior = ENGINE.prior()
    for code in ("1", "2", "1.3"):
        weights = ENGINE.loading(code)
        assert weights @ prior.cov @ weights == pytest.approx(1.0)
    assert (ENGINE.loading("1") > 0).tolist() == [True, True, True, False, False]
    assert np.array_equal(ENGINE.loading("2"), ENGINE.loading("2.1"))  # 2.2 is private


@settings(max_examples=50)
@given(beliefs(5), st.integers(1, 8))
def test_an_area_is_judged_by_its_score_alone(belief, step):
    posterior, weights = Posterior(*belief), ENGINE.loading("1")
    standing = judged(posterior, Target((), {}, areas={"1": step}))["1"]
    mean, sd = weights @ posterior.mean, np.sqrt(weights @ posterior.cov @ weights)
    assert standing.p == pytest.approx(float(probability_below((mean - cut_of_step(step)) / sd)))
    word = {True: Verdict.MET, False: Verdict.OPEN}[standing.p >= 0.9]
    assert standing.verdict is (Verdict.GAP if standing.p <= 0.1 else word)


def test_only_what_has_a_soll_gets_a_verdict():
    profile = judged(ENGINE.prior(), Target((), {"1.2": 3}, areas={"1": 3}))
    assert [s.competency for s in profile.required] == ["1.2", "1"]
    assert [a.competency for a in profile.areas] == ["1", "2"]
    assert profile["1"].evidence == 5
    assert not profile["1"].inferred
    assert profile["2"].inferred


def test_an_area_is_clear_before_its_competences_are():
    posterior = Posterior(np.full(5, 0.35), np.eye(5) * 0.4**2)
    profile = judged(posterior, Target((), {"1.1": 3, "1.2": 3, "1.3": 3}, areas={"1": 3}))
    assert [profile[c].verdict for c in ("1.1", "1.2", "1.3")] == [Verdict.OPEN] * 3
    assert profile["1"].verdict is Verdict.MET


# --- questions for an area ------------------------------------------------------------------------


def test_an_area_is_asked_about_through_all_its_competences():
    target, posterior, asked = Target((), {}, areas={"1": 3}), ENGINE.prior(), []
    for n in range(9):
        step = ENGINE.select(posterior, target, asked)
        if not isinstance(step, Selection):
            break
        assert step.about == "1"
        assert step.reason["p"] == ENGINE.certainty(posterior, target)
        asked.append(step.item.key)
        posterior = ENGINE.answered(posterior, step.item, n % step.item.categories)
    assert {ENGINE.item(key).competency for key in asked} == {"1.1", "1.2", "1.3"}


def test_for_the_planner_an_area_below_its_soll_asks_for_each_of_its_competences():
    posterior = Posterior(np.full(5, -1.5), np.eye(5) * 0.2**2)
    target = Target((), {"1.2": 1}, areas={"1": 3, "2": 5})
    profile, planned = spread(ENGINE, posterior, judged(posterior, target), target)
    assert planned.steps == {"1.1": 3, "1.2": 1, "1.3": 3, "2.1": 5}
    assert [s.competency for s in profile.required] == ["1.1", "1.2", "1.3", "2.1"]
    assert {s.verdict for s in profile.required} == {Verdict.GAP}


def test_for_the_planner_an_area_that_meets_its_soll_asks_for_nothing():
    posterior = Posterior(np.full(5, 1.5), np.eye(5) * 0.2**2)
    target = Target((), {}, areas={"1": 3})
    profile, planned = spread(ENGINE, posterior, judged(posterior, target), target)
    assert planned.steps == {}
    assert [s.competency for s in profile.required] == ["1"]
