"""What leaves the house: only what is switched on, exactly once, and never worse than before."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lti_tool import senders
from lti_tool.flows import assess, persons, plan
from lti_tool.flows.deliver import DeliveryReport, deliver
from lti_tool.ports import Delivery, DeliveryFailed, TenantSettings
from lti_tool.store.outbox import SqlOutbox
from tests.integration.trust.delivering import ALL_ON, BACKOFF, Town
from tests.integration.trust.receiver import BUSY_S


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Everything is switched on."""
    made = Town(f"sqlite:///{tmp_path / 'departure.db'}", ALL_ON)
    yield made
    made.close()


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[Town]:
    """The switches are as a new tenant has them."""
    made = Town(f"sqlite:///{tmp_path / 'departure.db'}", TenantSettings())
    yield made
    made.close()


# --- what is switched on --------------------------------------------------------------------------


def test_by_default_nothing_but_the_path_statements_leaves(careful: Town) -> None:
    careful.gardener()
    careful.send()
    assert {kind for kind, _ in careful.there.asked} == {"xapi", "documents"}
    assert len(careful.there.statements) == 2


def test_nothing_leaves_before_the_path_is_accepted(town: Town) -> None:
    town.gardener(accepted=False)
    town.send()
    assert (town.rows(), town.there.asked) == ([], [])


def test_with_everything_on_each_receiver_gets_its_part_once(town: Town) -> None:
    town.gardener()
    assert town.send() == DeliveryReport(delivered=4, failed=0, dead=0)
    assert town.send(3600) == DeliveryReport(0, 0, 0)
    received = town.there
    assert (len(received.statements), len(received.plans), len(received.scores)) == (2, 1, 1)


def test_no_level_no_verdict_and_no_competence_leaves(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    sent = b" ".join(body for _, body in town.there.asked).decode()
    competences = town.stage.s.content.framework.by_code.values()
    assert town.there.plans[0]["description"]
    for word in ("verdict", "erfüllt", "Lernbedarf", "noch offen", "confidence", "ist", "soll"):
        assert f'"{word}"' not in sent
    assert visitor.learner_id not in sent
    assert not [c.title for c in competences if f'"{c.title}"' in sent]
    assert set(town.there.scores[0]) <= {
        *("userId", "scoreGiven", "scoreMaximum", "timestamp", "comment"),
        *("activityProgress", "gradingProgress"),
    }


def test_with_writing_back_off_nothing_leaves_not_even_a_withdrawal(careful: Town) -> None:
    careful.switch(write_back=False)
    stays, goes = careful.gardener("1"), careful.gardener("2")
    plan.object_to_proposals(careful.stage.s, careful.stage.learner(stays), careful.stage.now)
    persons.erase(careful.stage.s, careful.stage.learner(goes), "learner", careful.stage.now)
    careful.send()
    assert (careful.rows(), careful.there.asked) == ([], [])


def test_what_was_written_is_withdrawn_also_after_writing_back_was_switched_off(
    careful: Town,
) -> None:
    visitor = careful.gardener()
    careful.send()
    careful.switch(write_back=False)
    persons.erase(careful.stage.s, careful.stage.learner(visitor), "learner", careful.stage.now)
    assert careful.send().delivered == 2
    assert len(careful.there.statements) > 2


# --- when a receiver is down ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"), [("xapi", 503), ("scores", 503), ("token", 400), ("plan", 500)]
)
def test_a_receiver_that_is_down_costs_a_delay_and_gets_it_once(
    town: Town, kind: str, status: int
) -> None:
    town.there.trouble = {kind: status}
    town.gardener()
    assert town.send() == DeliveryReport(delivered=3, failed=1, dead=0)
    assert town.send(1) == DeliveryReport(0, 0, 0), "it is not asked again at once"
    town.there.trouble = {}
    assert town.send(BUSY_S + 1) == DeliveryReport(1, 0, 0)
    received = town.there
    assert (len(received.statements), len(received.plans), len(received.scores)) == (2, 1, 1)
    assert {state for _, state in town.rows()} == {"delivered"}


def test_the_wait_doubles_and_a_receiver_that_stays_down_becomes_a_dead_letter(town: Town) -> None:
    town.there.trouble = {"plan": 500}
    town.gardener()
    tries, second = [], 0.0
    while not any(row["state"] == "dead" for row in town.stuck()) and second < 200:
        before = town.there.seen("plan")
        town.send(second)
        tries += [second] if town.there.seen("plan") > before else []
        second += 1
    assert [b - a for a, b in itertools.pairwise(tries)] == [5, 10, 20]


def test_a_store_that_is_down_over_the_holidays_gets_everything_once(town: Town) -> None:
    town.there.trouble = {"xapi": 503}
    town.gardener()
    for hour in range(0, 4 * 24, 12):
        town.send(hour * 3600)
    assert {row["state"] for row in town.stuck()} == {"pending"}
    town.there.trouble = {}
    assert town.send(4 * 24 * 3600 + 3601) == DeliveryReport(1, 0, 0)
    assert len(town.there.statements) == 2


@pytest.mark.parametrize(("kind", "status"), [("xapi", 401), ("scores", 403), ("plan", 403)])
def test_a_refusal_that_cannot_heal_is_a_dead_letter_that_says_why(
    town: Town, kind: str, status: int
) -> None:
    town.there.trouble = {kind: status}
    town.gardener()
    assert town.send() == DeliveryReport(delivered=3, failed=0, dead=1)
    (row,) = town.stuck()
    assert (row["state"], row["attempts"]) == ("dead", 1)
    assert str(status) in str(row["last_error"]) or "key" in str(row["last_error"])
    assert town.send(7200) == DeliveryReport(0, 0, 0)


def test_a_dead_letter_is_sent_again_when_the_operator_says_so(town: Town) -> None:
    town.there.trouble = {"scores": 403}
    town.gardener()
    town.send()
    town.there.trouble = {}
    with town.stage.house.database.begin() as conn:
        assert SqlOutbox(conn, town.stage.house.seal).retry_dead(town.stage.now) == 1
    assert town.send() == DeliveryReport(1, 0, 0)
    assert len(town.there.scores) == 1


def test_a_crash_between_sending_and_marking_sends_the_same_again(town: Town) -> None:
    town.gardener()
    real, died = senders.of(town.stage.house), set[str]()

    def dies_once(delivery: Delivery) -> None:
        real[delivery.kind](delivery)
        if delivery.kind not in died:
            died.add(delivery.kind)
            raise KeyboardInterrupt

    for n, _ in enumerate(town.rows()):
        later = town.stage.now + timedelta(seconds=n * BACKOFF.claim_s)
        with pytest.raises(KeyboardInterrupt):
            deliver(town.stage.s, dict.fromkeys(real, dies_once), BACKOFF, later)
    town.send(3 * BACKOFF.claim_s)
    received = town.there
    assert (len(received.statements), len(received.plans)) == (2, 1)
    assert {score["timestamp"] for score in received.scores} == {received.scores[0]["timestamp"]}


def test_one_delivery_that_breaks_does_not_hold_up_the_others(town: Town) -> None:
    town.gardener()

    def broken(_delivery: Delivery) -> None:
        raise KeyError("a name that must not be told")

    fakes = {**senders.of(town.stage.house), "plan": broken}
    assert deliver(town.stage.s, fakes, BACKOFF, town.stage.now) == DeliveryReport(3, 1, 0)
    (row,) = town.stuck()
    assert "KeyError" in str(row["last_error"])
    assert "name that must" not in str(row["last_error"])


@pytest.mark.parametrize("kind", ["statements", "score", "plan"])
def test_whoever_slept_while_another_delivered_sends_nothing_twice(town: Town, kind: str) -> None:
    """A worker is stopped with a try in hand, and goes on when another has done it all."""
    town.gardener()
    real, slept, tried = senders.of(town.stage.house), list[str](), list[str]()

    def sleeps(delivery: Delivery) -> None:
        tried.append(delivery.kind)
        if delivery.kind == kind:
            slept.append(kind)
            town.send(BACKOFF.claim_s)
        real[delivery.kind](delivery)

    deliver(town.stage.s, dict.fromkeys(real, sleeps), BACKOFF, town.stage.now)
    assert slept == [kind]
    assert tried[-1] == kind, "what it had not begun was left to the other"
    received = town.there
    assert (len(received.statements), len(received.plans)) == (2, 1)
    assert len({score["timestamp"] for score in received.scores}) == 1
    assert {state for _, state in town.rows()} == {"delivered"}


def test_whoever_slept_between_looking_and_writing_makes_no_second_plan(town: Town) -> None:
    town.gardener()
    house, slept = town.stage.house, list[str]()
    real = town.there._plan

    def looked(path: str, body: bytes) -> object:
        listed = real(path, body)
        if b"list_user_plans" in body and not slept:
            slept.append("here")
            assert town.send(BACKOFF.claim_s).delivered >= 1
        return listed

    town.there._plan = looked  # type: ignore[method-assign]
    deliver(town.stage.s, senders.of(house), BACKOFF, town.stage.now)
    assert slept
    assert len(town.there.plans) == 1
    assert {state for _, state in town.rows()} == {"delivered"}


def test_an_older_plan_that_still_waited_does_not_replace_the_new_one(town: Town) -> None:
    town.there.trouble = {"plan": 500}
    visitor = town.gardener()
    town.send()
    stage, learner = town.stage, town.stage.learner(visitor)
    stage.learned(visitor, stage.first_unit(visitor))
    assess.restart(stage.s, learner, stage.now + timedelta(seconds=2))
    assess.finish(stage.s, learner, stage.now + timedelta(seconds=3))
    assert plan.current(stage.s, learner, stage.now).proposal is not None
    plan.accept(stage.s, learner, stage.now + timedelta(seconds=4))
    assert [kind for kind, _ in town.rows()].count("plan") == 1
    town.there.trouble = {}
    assert town.send(3600).delivered >= 1
    assert len(town.there.plans) == 1


def test_the_longest_wait_is_what_the_receiver_asks_for() -> None:
    failure = DeliveryFailed("busy", retry=True, wait_s=90)
    now = datetime.fromisoformat("2026-11-23T09:00:00+00:00")
    assert BACKOFF.after(failure, 1, now) == now + timedelta(seconds=90)


# --- grades ---------------------------------------------------------------------------------------


def test_a_grade_rises_with_the_steps_and_never_falls(town: Town) -> None:
    visitor = town.gardener()
    stage = town.stage
    town.send()
    town.learned(visitor)
    town.send(1)
    # A new path with other steps: the share done would be smaller.
    learner = stage.learner(visitor)
    assess.restart(stage.s, learner, stage.now + timedelta(seconds=2))
    assess.finish(stage.s, learner, stage.now + timedelta(seconds=3))
    view = plan.current(stage.s, learner, stage.now)
    if view.proposal is not None:
        plan.accept(stage.s, learner, stage.now + timedelta(seconds=4))
    town.send(5)
    shares = [s["scoreGiven"] / s["scoreMaximum"] for s in town.there.scores]
    assert shares[0] > 0
    assert shares == sorted(set(shares))
    assert view.proposal is not None, "the second path must be another one, or this proves nothing"


def test_the_same_progress_is_told_once(town: Town) -> None:
    visitor = town.gardener(done=0)
    stage = town.stage
    unit = stage.first_unit(visitor)
    for _ in range(2):
        stage.learned(visitor, unit)
        town.send()
    assert len(town.there.scores) == 1
