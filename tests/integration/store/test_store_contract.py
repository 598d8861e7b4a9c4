"""What every store has to do: the in-memory fake, SQLite and PostgreSQL, the same tests."""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from competency.catalogue import Obligation
from competency.evidence import Evidence, Source
from competency.path import (
    Closes,
    LearningPath,
    PathState,
    PathStep,
    Reason,
    StepState,
    Wishes,
)
from lti_tool.errors import NotFound
from lti_tool.ports import Asked, Attempt, Delivery, Learner, StoredPath, StoredProfile, Tenant
from lti_tool.seal import Seal
from lti_tool.store import tenants
from lti_tool.store.database import Database, us
from lti_tool.store.schema import core
from lti_tool.store.work import SqlStore
from tests import migrated
from tests.conftest import NOW
from tests.fakes import FakeStore

Opened = tuple[Any, Learner]


def _fake() -> Opened:
    store = FakeStore()
    learner = Learner(id=str(uuid.uuid4()), tenant_id="t")
    store.memory.tenants["t"] = Tenant("t", "t", "T", "HE")
    store.memory.learners[learner.id] = learner
    return store, learner


def _real(database: Database) -> Opened:
    learner = Learner(id=str(uuid.uuid4()), tenant_id="")
    with database.begin() as conn:
        from lti_tool.ports import TenantSettings

        made = tenants.add(conn, "t", "T", "HE", TenantSettings(), NOW)
        conn.execute(
            core.learner.insert().values(
                id=learner.id,
                tenant_id=made.id,
                language="de",
                roles=[],
                created_us=us(NOW),
                last_seen_us=us(NOW),
            )
        )
    return SqlStore(database, Seal("s" * 40)), replace(learner, tenant_id=made.id)


@pytest.fixture(params=["fake", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Any) -> Any:
    if request.param == "fake":
        yield _fake()
        return
    url = f"sqlite:///{tmp_path / 'contract.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    database = Database(url)
    migrated.make(database)
    yield _real(database)
    database.close()


def _attempt(learner: Learner) -> Attempt:
    return Attempt(
        id=str(uuid.uuid4()),
        tenant_id=learner.tenant_id,
        learner_id=learner.id,
        state="open",
        versions={"items": "x-1"},
        target={"steps": {"1.1": 3}},
        answered=0,
        started=NOW,
        touched=NOW,
    )


def _asked(attempt: Attempt, position: int = 1) -> Asked:
    return Asked(attempt.id, position, "1.1-01", (2, 0, 1), {"about": "1.1"}, NOW)


def _path(state: PathState = PathState.DRAFT) -> LearningPath:
    step = PathStep(
        unit="N1",
        obligation=Obligation.MANDATORY,
        hours=1.5,
        month=0,
        state=StepState.PLANNED,
        closes=(Closes("1.1", 0, 2),),
        reasons=(Reason("gap", {"competency": "1.1", "soll": 2}),),
    )
    wishes = Wishes(hours_per_month=2, blocked_months=(1,), not_before={"N1": 3})
    return LearningPath((step,), 1.5, 1.5, "2026-11", wishes, {"catalogue": "k-1"}, state=state)


def _stored(learner: Learner, revision: int, state: PathState = PathState.DRAFT) -> StoredPath:
    path = _path(state)
    return StoredPath(str(uuid.uuid4()), learner.id, learner.tenant_id, revision, path, NOW)


def _evidence(n: int = 1, **changes: Any) -> Evidence:
    made = Evidence(
        id=str(uuid.uuid4()),
        source=Source.ASSESSMENT,
        competency="1.1",
        kind="scenario",
        a=1.2,
        b=(0.0, 0.5),
        category=1,
        at=NOW,
        arrival=n,
    )
    return replace(made, **changes)


def test_a_learner_comes_back_as_saved(opened: Opened) -> None:
    store, learner = opened
    changed = replace(learner, roles=("GB", "DL"), practised=True, plain=True)
    changed = replace(changed, wishes=Wishes(3.0, (2,)))
    with store.begin() as work:
        work.learners.save(changed, NOW)
    with store.read() as work:
        assert work.learners.get(learner.id) == changed


def test_an_unknown_learner_is_not_found(opened: Opened) -> None:
    store, _ = opened
    with store.read() as work, pytest.raises(NotFound):
        work.learners.get("nobody")


def test_a_transaction_that_fails_leaves_nothing_behind(opened: Opened) -> None:
    store, learner = opened

    def fail() -> None:
        with store.begin() as work:
            work.learners.save(replace(learner, practised=True), NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as work:
        assert not work.learners.get(learner.id).practised


def test_what_a_reader_writes_is_not_kept(opened: Opened) -> None:
    store, learner = opened
    with store.read() as work:
        work.learners.save(replace(learner, practised=True), NOW)
    with store.read() as work:
        assert not work.learners.get(learner.id).practised


def test_the_latest_attempt_is_found(opened: Opened) -> None:
    store, learner = opened
    old, new = _attempt(learner), replace(_attempt(learner), started=NOW + timedelta(hours=1))
    with store.begin() as work:
        work.attempts.save(new)
        work.attempts.save(old)
    with store.read() as work:
        assert work.attempts.latest(learner.id) == new


def test_a_question_is_answered_once(opened: Opened) -> None:
    store, learner = opened
    attempt = _attempt(learner)
    done = replace(
        _asked(attempt), response={"choice": 1}, category=1, answered=NOW, shown="de-plain"
    )
    with store.begin() as work:
        work.attempts.save(attempt)
        work.attempts.ask(learner, _asked(attempt))
        assert work.attempts.answer(done)
        assert not work.attempts.answer(replace(done, response={"choice": 2}, category=0))
    with store.read() as work:
        assert work.attempts.questions(attempt.id) == (done,)


def test_a_task_is_put_off_once_and_only_without_an_answer(opened: Opened) -> None:
    store, learner = opened
    attempt = _attempt(learner)
    done = replace(_asked(attempt), response={"done": [1]}, category=1, answered=NOW)
    with store.begin() as work:
        work.attempts.save(attempt)
        work.attempts.ask(learner, _asked(attempt))
        assert work.attempts.put_off(attempt.id, 1, NOW)
        assert not work.attempts.put_off(attempt.id, 1, NOW + timedelta(hours=1))
    with store.begin() as work:
        assert work.attempts.questions(attempt.id)[0].put_off == NOW
        assert work.attempts.answer(replace(done, put_off=NOW))
        assert not work.attempts.put_off(attempt.id, 1, NOW)


def test_a_position_is_asked_once(opened: Opened) -> None:
    store, learner = opened
    attempt = _attempt(learner)
    with store.begin() as work:
        work.attempts.save(attempt)
        work.attempts.ask(learner, _asked(attempt))
        work.attempts.ask(learner, replace(_asked(attempt), item="other"))
    with store.read() as work:
        assert [q.item for q in work.attempts.questions(attempt.id)] == ["1.1-01"]


def test_evidence_comes_back_in_order_and_once(opened: Opened) -> None:
    store, learner = opened
    first, second = _evidence(2), _evidence(1, at=NOW + timedelta(minutes=1))
    with store.begin() as work:
        work.evidence.add(learner, (second, first))
        work.evidence.add(learner, (first,))
    with store.read() as work:
        assert [r.evidence for r in work.evidence.of(learner.id)] == [first, second]


def test_a_new_attempt_replaces_only_the_answers(opened: Opened) -> None:
    store, learner = opened
    learnt = _evidence(1, source=Source.LRS, unit="N1")
    with store.begin() as work:
        work.evidence.add(learner, (_evidence(), learnt))
        work.evidence.drop_assessment(learner.id)
    with store.read() as work:
        assert [r.evidence for r in work.evidence.of(learner.id)] == [learnt]


def test_only_the_owner_can_take_evidence_out_of_the_count(opened: Opened) -> None:
    store, learner = opened
    piece = _evidence()
    with store.begin() as work:
        work.evidence.add(learner, (piece,))
        assert not work.evidence.revoke("somebody else", piece.id)
        assert work.evidence.revoke(learner.id, piece.id)
    with store.read() as work:
        assert work.evidence.of(learner.id) == ()


def test_the_learners_own_words_stand_beside_evidence(opened: Opened) -> None:
    store, learner = opened
    piece = _evidence()
    with store.begin() as work:
        work.evidence.add(learner, (piece,))
        assert work.evidence.counter(learner.id, piece.id, "better: Ich kann das.")
    with store.read() as work:
        assert work.evidence.of(learner.id)[0].counter_statement == "better: Ich kann das."


def test_what_the_learner_disputed_is_listed_and_can_be_taken_back(opened: Opened) -> None:
    store, learner = opened
    piece = _evidence()
    with store.begin() as work:
        work.evidence.add(learner, (piece,))
        work.evidence.counter(learner.id, piece.id, "worse: Noch nicht.")
        work.evidence.revoke(learner.id, piece.id)
        assert [r.evidence for r in work.evidence.revoked(learner.id)] == [piece]
        assert work.evidence.revoked("somebody else") == ()
        assert not work.evidence.restore("somebody else", piece.id)
        assert work.evidence.restore(learner.id, piece.id)
    with store.read() as work:
        assert work.evidence.revoked(learner.id) == ()
        assert work.evidence.of(learner.id)[0].counter_statement == ""


def test_private_answers_are_found_again_and_deleted_one_by_one(opened: Opened) -> None:
    store, learner = opened
    attempt = _attempt(learner)
    with store.begin() as work:
        work.attempts.save(attempt)
        work.attempts.reflect(learner, attempt.id, "K-1", {"choice": 1}, NOW)
        work.attempts.reflect(learner, attempt.id, "K-2", {"choice": 2}, NOW + timedelta(days=1))
        found = work.attempts.reflections(learner.id)
        assert [(r.item, r.response) for r in found] == [
            ("K-2", {"choice": 2}),
            ("K-1", {"choice": 1}),
        ]
        assert found[0].answered == NOW + timedelta(days=1)
        assert work.attempts.reflections("somebody else") == ()
        assert not work.attempts.forget_reflection("somebody else", attempt.id, "K-1")
        assert work.attempts.forget_reflection(learner.id, attempt.id, "K-1")
        assert not work.attempts.forget_reflection(learner.id, attempt.id, "K-1")
    with store.read() as work:
        assert [r.item for r in work.attempts.reflections(learner.id)] == ["K-2"]


def test_every_attempt_is_found_the_newest_first(opened: Opened) -> None:
    store, learner = opened
    first = _attempt(learner)
    second = replace(_attempt(learner), started=NOW + timedelta(days=1))
    with store.begin() as work:
        work.attempts.save(first)
        work.attempts.save(second)
    with store.read() as work:
        assert work.attempts.of(learner.id) == (second, first)


def test_the_newest_path_and_the_accepted_one_are_told_apart(opened: Opened) -> None:
    store, learner = opened
    accepted = replace(_stored(learner, 1, PathState.ACCEPTED), accepted=NOW)
    draft = _stored(learner, 2)
    with store.begin() as work:
        work.paths.save(accepted)
        work.paths.save(draft)
    with store.read() as work:
        assert work.paths.accepted(learner.id) == accepted
        assert work.paths.current(learner.id) == draft
    with store.begin() as work:
        work.paths.withdraw(learner.id)
    with store.read() as work:
        assert work.paths.current(learner.id) is None


def test_a_profile_is_replaced(opened: Opened) -> None:
    store, learner = opened
    for answers in (1, 2):
        with store.begin() as work:
            work.profiles.save(learner, StoredProfile({"answers": answers}, [[1.0]], NOW))
    with store.read() as work:
        assert work.profiles.get(learner.id) == StoredProfile({"answers": 2}, [[1.0]], NOW)


def _delivery(learner: Learner, dedupe: str = "d1") -> Delivery:
    body = {"lineitem": "http://l", "score": 0.5}
    return Delivery(str(uuid.uuid4()), learner.tenant_id, learner.id, "score", "p", dedupe, body)


def test_the_same_thing_is_put_into_the_outbox_once(opened: Opened) -> None:
    store, learner = opened
    with store.begin() as work:
        assert work.outbox.put(_delivery(learner), NOW)
        assert not work.outbox.put(_delivery(learner), NOW)
    with store.read() as work:
        assert len(work.outbox.due(NOW, 10)) == 1
        assert [d.body["score"] for d in work.outbox.of(learner.id, ("score",))] == [0.5]


def test_a_failed_delivery_waits_and_then_is_a_dead_letter(opened: Opened) -> None:
    store, learner = opened
    delivery, later = _delivery(learner), NOW + timedelta(minutes=5)
    with store.begin() as work:
        work.outbox.put(delivery, NOW)
        claimed = work.outbox.claim(delivery, NOW)
        assert claimed is not None
        work.outbox.failed(claimed, "LMS down", later, NOW)
    with store.read() as work:
        assert work.outbox.due(NOW, 10) == ()
        (again,) = work.outbox.due(later, 10)
        assert (again.attempts, again.last_error) == (1, "LMS down")
    with store.begin() as work:
        work.outbox.failed(again, "gone", None, later)
    with store.read() as work:
        assert work.outbox.due(later + timedelta(days=1), 10) == ()


def test_a_delivery_is_taken_by_one_for_one_try(opened: Opened) -> None:
    store, learner = opened
    delivery, later = _delivery(learner), NOW + timedelta(seconds=4)
    with store.begin() as work:
        work.outbox.put(delivery, NOW)
        claimed = work.outbox.claim(delivery, later)
        assert claimed is not None
        assert work.outbox.claim(delivery, later) is None
        assert work.outbox.due(NOW, 10) == ()
        (again,) = work.outbox.due(later, 10)
        assert again.attempts == claimed.attempts == 1


def test_a_try_that_was_taken_over_can_only_say_that_it_arrived(opened: Opened) -> None:
    store, learner = opened
    delivery = _delivery(learner)
    with store.begin() as work:
        work.outbox.put(delivery, NOW)
        slept = work.outbox.claim(delivery, NOW)
        assert slept is not None
        assert work.outbox.is_claimed(slept)
        awake = work.outbox.claim(slept, NOW)
        assert awake is not None
        assert not work.outbox.is_claimed(slept)
        work.outbox.failed(slept, "too late", None, NOW)
        assert work.outbox.is_claimed(awake)
        work.outbox.delivered(slept.id, NOW)
        assert not work.outbox.is_claimed(awake)
        work.outbox.failed(awake, "the other was faster", None, NOW)
        assert work.outbox.due(NOW + timedelta(days=1), 10) == ()


def test_what_waits_gives_way_to_something_newer_of_its_kind(opened: Opened) -> None:
    store, learner = opened
    with store.begin() as work:
        work.outbox.put(_delivery(learner, "old"), NOW)
        work.outbox.put(replace(_delivery(learner, "another kind"), kind="plan"), NOW)
        work.outbox.put(replace(_delivery(learner, "elsewhere"), target_id="q"), NOW)
        work.outbox.supersede(learner.id, "score", "p")
        left = {d.dedupe for d in work.outbox.due(NOW, 10)}
        assert left == {"another kind", "elsewhere"}


def test_a_delivered_row_is_not_sent_again(opened: Opened) -> None:
    store, learner = opened
    delivery = _delivery(learner)
    with store.begin() as work:
        work.outbox.put(delivery, NOW)
        work.outbox.delivered(delivery.id, NOW)
    with store.read() as work:
        assert work.outbox.due(NOW, 10) == ()


def test_what_was_put_for_a_person_is_found_by_kind_and_can_be_dropped(opened: Opened) -> None:
    store, learner = opened
    first, second = _delivery(learner), _delivery(learner, "d2")
    with store.begin() as work:
        work.outbox.put(first, NOW)
        work.outbox.delivered(first.id, NOW)
        work.outbox.put(second, NOW + timedelta(seconds=1))
    with store.read() as work:
        found = work.outbox.of(learner.id, ("score", "plan"))
        assert [(d.id, d.state) for d in found] == [
            (first.id, "delivered"),
            (second.id, "pending"),
        ]
        assert work.outbox.of(learner.id, ("plan",)) == ()
        assert work.outbox.of("somebody else", ("score",)) == ()
    with store.begin() as work:
        work.outbox.drop(second.id)
        work.outbox.delivered(second.id, NOW)  # whoever was sending it meanwhile changes nothing
    with store.read() as work:
        assert [d.id for d in work.outbox.of(learner.id, ("score",))] == [first.id]


def test_what_was_released_is_nobodys_and_outlives_the_person(opened: Opened) -> None:
    store, learner = opened
    sent, waits = _delivery(learner), _delivery(learner, "d2")
    with store.begin() as work:
        for delivery in (sent, waits):
            work.outbox.put(delivery, NOW)
        work.outbox.delivered(sent.id, NOW)
        work.outbox.release(learner.id, ("score",))
        work.learners.erase(learner.id)
    with store.read() as work:
        (left,) = work.outbox.due(NOW, 10)
        assert (left.id, left.learner_id) == (waits.id, "")


def test_erasing_leaves_nothing_of_the_person(opened: Opened) -> None:
    store, learner = opened
    attempt = _attempt(learner)
    with store.begin() as work:
        work.attempts.save(attempt)
        work.attempts.ask(learner, _asked(attempt))
        work.evidence.add(learner, (_evidence(),))
        work.paths.save(_stored(learner, 1))
        work.outbox.put(_delivery(learner), NOW)
        work.learners.erase(learner.id)
    with store.read() as work:
        assert work.attempts.latest(learner.id) is None
        assert work.evidence.of(learner.id) == ()
        assert work.paths.current(learner.id) is None
        assert work.outbox.due(NOW, 10) == ()
        with pytest.raises(NotFound):
            work.learners.get(learner.id)


def test_of_two_answers_at_the_same_moment_one_wins(database: Database) -> None:
    store, learner = _real(database)
    attempt = _attempt(learner)
    with store.begin() as work:
        work.attempts.save(attempt)
        work.attempts.ask(learner, _asked(attempt))
    won: list[bool] = []

    def answer(choice: int) -> None:
        done = replace(_asked(attempt), response={"choice": choice}, category=0, answered=NOW)
        with store.begin() as work:
            won.append(work.attempts.answer(done))

    _together([lambda c=c: answer(c) for c in range(4)])  # type: ignore[misc]
    assert sorted(won) == [False, False, False, True]


def _together(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_runs_through_exams_are_kept_apart_from_the_assessment(opened: Opened) -> None:
    store, learner = opened
    later = NOW + timedelta(minutes=5)
    assessment = _attempt(learner)
    exam = replace(_attempt(learner), unit="A4", started=later)
    with store.begin() as work:
        for run in (assessment, exam):
            work.attempts.save(run)
            work.attempts.ask(learner, replace(_asked(run), item=f"of {run.unit}"))
        work.attempts.answer(replace(_asked(assessment), category=1, answered=NOW))
    with store.read() as work:
        assert work.attempts.latest(learner.id) == assessment
        assert work.attempts.of(learner.id) == (assessment,)
        assert work.attempts.exams(learner.id) == (exam,)
        assert work.attempts.explained(learner.id) == frozenset()
    with store.begin() as work:
        work.attempts.answer(replace(_asked(exam), item="of A4", category=1, answered=NOW))
    with store.read() as work:
        assert work.attempts.explained(learner.id) == {"of A4"}
        assert work.attempts.explained("somebody else") == frozenset()


def test_it_is_counted_how_often_a_town_saw_a_question_but_not_in_reviews(opened: Opened) -> None:
    store, learner = opened
    first, review = _attempt(learner), replace(_attempt(learner), unit="A4")
    with store.begin() as work:
        for run in (first, replace(_attempt(learner), started=NOW - timedelta(days=400)), review):
            work.attempts.save(run)
            work.attempts.ask(learner, _asked(run))
    item, since = _asked(first).item, NOW - timedelta(days=365)
    with store.read() as work:
        assert work.attempts.shown(learner.tenant_id, since) == (1, {item: 1})
        assert work.attempts.shown(learner.tenant_id, NOW - timedelta(days=500)) == (2, {item: 2})
        assert work.attempts.shown("another town", since) == (0, {})


def test_when_a_tutorial_is_can_be_moved_and_makes_nothing_done(opened: Opened) -> None:
    store, learner = opened
    for at in (NOW, NOW + timedelta(days=2), NOW + timedelta(days=1)):
        with store.begin() as work:
            work.evidence.hold(learner, "A4", at)
    with store.read() as work:
        assert work.evidence.held(learner.id) == {"A4": NOW + timedelta(days=1)}
        assert work.evidence.completed_units(learner.id) == {}
        assert work.evidence.of(learner.id) == ()
        assert work.evidence.held("somebody else") == {}


def test_a_new_assessment_leaves_what_exams_have_shown(opened: Opened) -> None:
    store, learner = opened
    shown = _evidence(source=Source.EXAM, unit="A4")
    with store.begin() as work:
        work.evidence.add(learner, (_evidence(), shown))
        work.evidence.drop_assessment(learner.id)
    with store.read() as work:
        assert [r.evidence for r in work.evidence.of(learner.id)] == [shown]
