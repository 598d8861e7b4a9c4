"""Which question comes next, why, and when it ends (reference assessment, section 10: 5 to 12)."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Config, Engine, Selection, Stop, Terms
from competency.errors import UnknownCompetency, UnknownItem
from competency.evidence import Evidence, Source
from competency.items import Kind
from competency.posterior import Posterior
from competency.target import Target
from tests.unit.competency.bank import framework, item, random_bank

FRAMEWORK = framework()
CODES = FRAMEWORK.dimensions
BANK = random_bank(1, CODES, 130)
ENGINE = Engine(FRAMEWORK, BANK, versions={"items": "test-1.0"})
ALL = Target(("r",), dict.fromkeys(CODES, 3))
SOME = Target(("r",), {"1.1": 1, "2.3": 3, "6.5": 5})


def run(
    engine: Engine, target: Target, answers: list[int], seed: str = ""
) -> tuple[list[Selection], list[tuple[str, int]], Posterior, Stop | None]:
    """Answer with the given numbers (modulo categories) until the engine stops or they run out."""
    posterior, chosen, log = engine.prior(), [], []
    for number in answers:
        step = engine.select(posterior, target, [key for key, _ in log], Terms(seed=seed))
        if isinstance(step, Stop):
            return chosen, log, posterior, step
        chosen.append(step)
        log.append((step.item.key, number % step.item.categories))
        posterior = engine.answered(posterior, step.item, log[-1][1])
    return chosen, log, posterior, None


answers = st.lists(st.integers(0, 59), min_size=1, max_size=24)


# --- the choice -----------------------------------------------------------------------------------


@settings(max_examples=20)
@given(answers)
def test_a_used_item_is_never_offered_again(numbers):
    _, log, _, _ = run(ENGINE, ALL, numbers)
    assert len({key for key, _ in log}) == len(log)


def test_questions_stay_with_what_the_role_asks_for():
    chosen, _, _, _ = run(ENGINE, SOME, [1, 0, 1, 1, 0, 1])
    assert {s.item.competency for s in chosen} <= set(SOME.steps)


def test_questions_come_from_the_learners_own_work():
    bank = tuple(
        replace(i, roles=frozenset({"GB" if n % 2 else "VFA"})) for n, i in enumerate(BANK)
    )
    step = Engine(FRAMEWORK, bank).select(ENGINE.prior(), ALL, (), Terms(roles=("GB",)))
    assert isinstance(step, Selection)
    assert "GB" in step.item.roles


def test_a_filter_that_would_leave_nothing_is_skipped():
    bank = (item("x", "1.1", 1.2, (0.0,), roles=frozenset({"VFA"}), kind=Kind.SELF_RATING),)
    step = Engine(FRAMEWORK, bank).select(ENGINE.prior(), SOME, (), Terms(roles=("GB",)))
    assert isinstance(step, Selection)
    assert step.reason["candidates"] == {
        "bank": 1, "unused": 1, "language": 1, "required": 1, "fresh": 1, "exposure": 1,
        "scene": 1, "mix": 1,
    }  # fmt: skip


@settings(max_examples=20)
@given(answers)
def test_self_reports_never_lead(numbers):
    chosen, _, _, _ = run(ENGINE, ALL, numbers)
    own = [s.item.self_report for s in chosen]
    assert not own[0]
    assert all(sum(own[: n + 1]) <= 0.34 * (n + 1) for n in range(len(own)))


def test_equal_questions_come_in_the_order_of_their_keys():
    bank = tuple(item(key, "1.1", 1.2, (0.0,)) for key in ("c", "a", "b"))
    step = Engine(FRAMEWORK, bank).select(ENGINE.prior(), SOME, ())
    assert isinstance(step, Selection)
    assert step.item.key == "a"
    assert step.reason["runner_up"]["item"] == "b"


def test_reflections_and_private_competences_are_never_asked_or_measured():
    private = framework((2, 1), private="2.1")
    bank = (
        item("r", "2.1", 1.2, (), kind=Kind.REFLECTION),
        item("x", "1.1", 1.2, (0.0,)),
    )
    engine = Engine(private, bank)
    assert "2.1" not in engine.dimension
    target = Target(("r",), {"1.1": 1, "2.1": 3})
    assert engine.required(target) == ("1.1",)
    step = engine.select(engine.prior(), target, ["x"])
    assert step == Stop("exhausted")


def test_a_scored_item_about_a_private_competence_is_refused():
    engine = Engine(framework((2,), private="1.2"), (item("x", "1.2", 1.0, (0.0,)),))
    with pytest.raises(UnknownCompetency):
        engine.select(engine.prior(), SOME, ())


# --- the end --------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(answers, st.sampled_from([1, 3, 7]))
def test_nothing_is_decided_before_five_answers_and_all_ends_at_twenty(numbers, step):
    target = Target(("r",), dict.fromkeys(CODES[:4], step))
    _, log, posterior, stop = run(ENGINE, target, numbers * 21)
    assert 5 <= len(log) <= 20
    assert stop is not None
    if stop.reason == "decided":
        assert ENGINE.decided(posterior, target) == 4


def test_an_easy_role_is_still_asked_five_questions():
    easy = Target(("r",), {"1.1": 1})
    _, log, posterior, stop = run(ENGINE, easy, [1] * 20)
    assert (len(log), stop) == (5, Stop("decided"))
    assert ENGINE.decided(posterior, easy) == 1


def test_no_soll_means_nothing_to_ask():
    step = ENGINE.select(ENGINE.prior(), Target((), {"1.1": 0}), ())
    assert step == Stop("nothing")


def test_asking_stops_when_it_tells_nothing_any_more():
    bank = tuple(item(f"x{n}", "1.1", 0.01, (0.0,)) for n in range(9))
    _, log, _, stop = run(Engine(FRAMEWORK, bank), SOME, [0, 1] * 10)
    assert (len(log), stop) == (5, Stop("negligible"))


# --- the log --------------------------------------------------------------------------------------


@settings(max_examples=15)
@given(answers)
def test_the_log_replays_to_the_same_belief_and_the_same_questions(numbers):
    chosen, log, posterior, _ = run(ENGINE, ALL, numbers)
    stored = json.loads(json.dumps(log))
    other = Engine(FRAMEWORK, tuple(reversed(BANK)))
    states = other.replay((key, category) for key, category in stored)
    assert np.abs(states[-1].mean - posterior.mean).max() < 1e-9
    assert np.abs(states[-1].cov - posterior.cov).max() < 1e-9
    for n, before in enumerate((other.prior(), *states[:-1])):
        again = other.select(before, ALL, [key for key, _ in log[:n]])
        assert isinstance(again, Selection)
        assert again.item == chosen[n].item
        assert again.reason["p"] == pytest.approx(chosen[n].reason["p"], abs=1e-9)


@settings(max_examples=10)
@given(answers)
def test_pause_and_resume_change_nothing(numbers):
    _, log, posterior, _ = run(ENGINE, ALL, numbers)
    resumed = ENGINE.prior()
    for n, (key, category) in enumerate(log):
        # Every step as a fresh process would take it: belief from storage, engine built anew.
        stored = json.loads(json.dumps(resumed.document()))
        engine = Engine(FRAMEWORK, BANK)
        step = engine.select(Posterior.of_document(stored), ALL, [k for k, _ in log[:n]])
        assert isinstance(step, Selection)
        assert step.item.key == key
        resumed = engine.answered(Posterior.of_document(stored), step.item, category)
    assert np.array_equal(resumed.cov, posterior.cov)


def test_the_reason_says_what_a_page_and_an_auditor_need():
    step = ENGINE.select(ENGINE.prior(), ALL, ["i000"])
    assert isinstance(step, Selection)
    reason = json.loads(json.dumps(step.reason))
    assert reason["position"] == 2
    assert reason["versions"] == {"items": "test-1.0"}
    assert reason["candidates"]["unused"] == len(BANK) - 1
    assert reason["chosen"]["item"] == step.item.key != reason["runner_up"]["item"]
    assert reason["chosen"]["q"] > 0
    assert reason["about"] == step.about == step.item.competency
    assert reason["p"] == ENGINE.certainty(ENGINE.prior(), ALL)


def test_a_replay_against_another_bank_is_refused():
    with pytest.raises(UnknownItem):
        ENGINE.replay([("gone", 0)])


def test_evidence_folds_in_the_order_it_happened():
    now = datetime(2026, 11, 23, tzinfo=UTC)
    log = run(ENGINE, ALL, [1, 0, 2, 1, 0, 1])[1]
    pieces = [_evidence(n, key, category, now) for n, (key, category) in enumerate(log)]
    folded = ENGINE.fold(reversed(pieces))
    replayed = ENGINE.replay(log)[-1]
    assert np.array_equal(folded.mean, replayed.mean)
    assert np.array_equal(folded.cov, replayed.cov)


def test_evidence_of_what_is_not_measured_changes_nothing():
    now = datetime(2026, 11, 23, tzinfo=UTC)
    gone = replace(_evidence(0, "i000", 1, now), competency="9.9")
    assert np.array_equal(ENGINE.fold([gone]).mean, ENGINE.prior().mean)


def _evidence(n: int, key: str, category: int, now: datetime) -> Evidence:
    asked = ENGINE.item(key)
    return Evidence(
        id=str(n),
        source=Source.ASSESSMENT,
        competency=asked.competency,
        kind=str(asked.kind),
        a=asked.a,
        b=asked.b,
        category=category,
        at=now,
        arrival=n,
        self_report=asked.self_report,
    )


# --- spreading questions --------------------------------------------------------------------------


def test_choosing_among_the_best_five_spreads_questions_and_stays_reload_safe():
    engine = Engine(FRAMEWORK, BANK, Config(randomesque=5))
    shown: Counter[str] = Counter()
    for attempt in range(40):
        numbers = [attempt % 2] * 8
        keys = [key for key, _ in run(engine, ALL, numbers, seed=f"attempt-{attempt}")[1]]
        assert keys == [key for key, _ in run(engine, ALL, numbers, seed=f"attempt-{attempt}")[1]]
        shown.update(keys)
    assert max(shown.values()) < 40
    assert len(shown) > 8


@settings(max_examples=10)
@given(st.permutations(range(26)))
def test_relabelling_items_changes_no_question(order):
    # The keys keep their order here; only where an item lies in the bank changes.
    bank = [BANK[n] for n in order] + list(BANK[26:])
    assert run(Engine(FRAMEWORK, tuple(bank)), ALL, [1] * 6)[1] == run(ENGINE, ALL, [1] * 6)[1]
