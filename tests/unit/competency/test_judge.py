"""Three words, spans and hatched fields that cannot disagree; self-images in kind words."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Engine
from competency.evidence import Evidence, Source
from competency.judge import profile_of
from competency.posterior import Posterior
from competency.profile import Profile, Verdict
from competency.scale import cut_of_step
from competency.target import Target
from tests.unit.competency.bank import framework

ENGINE = Engine(framework((2, 2), private="2.2"), ())
NOW = datetime(2026, 11, 23, tzinfo=UTC)
Z90 = 1.2815515655446004


def piece(n: int, competency: str = "1.1", category: int = 1, own: bool = False) -> Evidence:
    return Evidence(
        id=str(n),
        source=Source.ASSESSMENT,
        competency=competency,
        kind="self_rating" if own else "single_choice",
        a=1.5,
        b=(-1.0, 0.0, 1.0) if own else (0.0,),
        category=category,
        at=NOW,
        arrival=n,
        self_report=own,
    )


FIVE = tuple(piece(n) for n in range(5))


def judged(mean: float, sd: float, soll: int, evidence: tuple[Evidence, ...] = FIVE) -> Profile:
    """The profile of somebody believed to stand at N(mean, sd^2) everywhere."""
    posterior = Posterior(np.full(4, mean), np.eye(4) * sd**2)
    target = Target(("r",), {"1.1": soll, "1.2": soll, "2.1": 0, "2.2": 3})
    return profile_of(ENGINE, posterior, target, evidence, {"items": "x-1.0"})


means, deviations, solls = st.floats(-4, 4), st.floats(0.01, 1.0), st.integers(1, 8)


@settings(max_examples=300)
@given(means, deviations, solls)
def test_word_span_and_hatched_field_never_disagree(mean, sd, soll):
    _agrees(judged(mean, sd, soll))


@settings(max_examples=300)
@given(deviations, solls, st.sampled_from([-1, 1]), st.integers(-8, 8))
def test_they_agree_on_the_very_edge_of_a_verdict(sd, soll, side, ulps):
    mean = cut_of_step(soll) + side * Z90 * sd
    _agrees(judged(mean + ulps * np.spacing(mean), sd, soll))


def _agrees(profile: Profile) -> None:
    s = profile["1.1"]
    field = {
        Verdict.MET: s.low_pos >= s.soll_pos,
        Verdict.GAP: s.high_pos <= s.soll_pos,
        Verdict.OPEN: s.low_pos < s.soll_pos < s.high_pos,
    }
    steps = {
        Verdict.MET: s.low >= s.soll,
        Verdict.GAP: s.high < s.soll,
        Verdict.OPEN: s.low < s.soll <= s.high,
    }
    assert field[s.verdict]
    assert steps[s.verdict]
    assert s.low <= s.ist <= s.high
    assert 0.0 <= s.low_pos <= s.high_pos <= 5.0


@given(means, deviations, st.integers(1, 7))
def test_a_higher_soll_never_turns_a_gap_into_met(mean, sd, soll):
    order = [Verdict.MET, Verdict.OPEN, Verdict.GAP]
    lower, higher = (judged(mean, sd, s)["1.1"] for s in (soll, soll + 1))
    assert order.index(lower.verdict) <= order.index(higher.verdict)
    assert lower.p >= higher.p


@given(means, deviations, solls, st.integers(0, 4))
def test_fewer_than_five_answers_leave_everything_open(mean, sd, soll, given):
    profile = judged(mean, sd, soll, FIVE[:given])
    assert {s.verdict for s in profile.required} == {Verdict.OPEN}
    _agrees(profile)


def test_the_shown_level_is_the_highest_that_is_likelier_than_not():
    standing = judged(0.1, 0.3, 3)["1.1"]
    assert (standing.ist, standing.low, standing.high) == (3, 2, 3)
    assert standing.p == pytest.approx(0.6306, abs=1e-4)


def test_nothing_required_gets_no_verdict():
    standing = judged(0.0, 0.5, 3)["2.1"]
    assert (standing.verdict, standing.p, standing.soll) == (Verdict.NONE, 1.0, 0)


def test_a_private_competence_never_appears():
    profile = judged(0.0, 0.5, 3)
    assert [s.competency for s in profile.standings] == ["1.1", "1.2", "2.1"]


def test_a_verdict_without_a_direct_answer_says_so():
    profile = judged(0.0, 0.5, 3)
    assert (profile["1.1"].inferred, profile["1.1"].evidence) == (False, 5)
    assert (profile["1.2"].inferred, profile["1.2"].evidence) == (True, 0)
    assert profile.answers == 5


# --- self-image -----------------------------------------------------------------------------------


def image(own: int, right: int, count: int = 3) -> str:
    """What is said of an area with `count` self-ratings at `own` and six questions at `right`."""
    evidence = [piece(n, category=right) for n in range(6)]
    codes = ("1.1", "1.2") * count
    evidence += [piece(10 + n, codes[n], own, own=True) for n in range(count)]
    profile = profile_of(ENGINE, ENGINE.fold(evidence), Target((), {}), evidence, {})
    assert [i.area for i in profile.self_images] == ["1", "2"]
    assert profile.self_images[1].word == "unknown"
    return profile.self_images[0].word


def test_self_reports_above_the_questions_read_as_higher():
    assert image(own=3, right=0) == "higher"


def test_self_reports_below_the_questions_read_as_lower():

    assert image(own=0, right=1) == "lower"


def test_self_reports_beside_the_questions_fit():
    assert image(own=2, right=1) == "fits"


def test_one_self_report_is_too_few_for_an_image():
    assert image(own=3, right=0, count=1) == "unknown"


def test_an_area_without_a_question_has_no_image():
    evidence = [piece(n, "1.2", 3, own=True) for n in range(3)]
    evidence += [piece(9, "2.1", 0)]
    profile = profile_of(ENGINE, ENGINE.fold(evidence), Target((), {}), evidence, {})
    assert {i.word for i in profile.self_images} == {"unknown"}
