"""The flows over the in-memory store and the shipped content: assess, observe, plan, deliver."""

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from competency.errors import IncompleteResponse, MalformedResponse
from competency.evidence import Evidence, Source
from competency.items import Item, Kind
from competency.packs import Content
from competency.path import PathState, StepState
from competency.target import Soll
from lti_tool.errors import Conflict
from lti_tool.flows import assess, measure, observe, plan, profiles, reflecting, roles
from lti_tool.flows.deliver import Backoff, deliver
from lti_tool.ports import (
    Delivery,
    DeliveryFailed,
    LaunchPlace,
    Learner,
    Limits,
    LrsTarget,
    Services,
    Tenant,
    TenantSettings,
)
from lti_tool.privacy import PersonData
from lti_tool.settings import ROOT
from tests.conftest import NOW
from tests.fakes import FakeStore

CONTENT = Content.load(ROOT / "content")
DUTY = {"GB": {"N1": {"by": "Personalamt", "at": "2026-10-01"}}}
PLACE = LaunchPlace(
    platform_id="p",
    platform_kind="moodle",
    issuer="https://moodle.example",
    subject="4",
    context_id="6",
    link_id="1",
    services={"lineitem": "https://moodle.example/lineitem"},
    plan_url="https://moodle.example/ws",
)


class House:
    """A learner, a store in memory, and the services over it."""

    def __init__(self, **switches: Any) -> None:
        self.store = FakeStore()
        memory = self.store.memory
        memory.tenants["t"] = Tenant(
            "t", "t", "T", "HE", TenantSettings(mandatory=DUTY, **switches)
        )
        memory.targets["t"] = (LrsTarget("lrs", "LRS"),)
        self.learner = Learner("learner", "t")
        memory.learners["learner"] = self.learner
        memory.places["learner"] = (PLACE,)
        self.s = Services(
            store=self.store,
            content=CONTENT,
            registry=PersonData.load(ROOT / "config" / "privacy.toml"),
            base_url="http://localhost",
            statements=lambda event: [dict(event)],
        )
        self.now = NOW

    def work_as(self, *keys: str) -> "House":
        self.learner = roles.choose(self.s, self.learner, keys, self.now)
        return self

    def question(self) -> assess.Question | None:
        return assess.open_question(self.s, self.learner, self.now)

    def answer(self, response: Any = None) -> assess.Outcome:
        question = self.question()
        assert question is not None
        self.now += timedelta(seconds=20)
        given = response or some_response(question.item, question.position)
        return assess.answer(self.s, self.learner, question.position, given, self.now)

    def answer_all(self) -> int:
        assess.start(self.s, self.learner, self.now)
        given = 0
        while self.question() is not None:
            self.answer()
            given += 1
        return given

    def learn(self, unit: str, at: datetime | None = None) -> None:
        """Let a completed unit arrive as evidence, as the bridge writes it."""
        memory = self.store.memory
        memory.completions.setdefault("learner", {})[unit] = at or self.now
        with self.store.begin() as work:
            lifts = CONTENT.catalogue.by_key[unit].lifts
            for competency in sorted(set(lifts) & set(CONTENT.framework.dimensions)):
                piece = Evidence(
                    id=f"{unit}:{competency}",
                    source=Source.LRS,
                    competency=competency,
                    kind="completion",
                    a=1.2,
                    b=(0.0,),
                    category=1,
                    at=at or self.now,
                    arrival=1,
                    unit=unit,
                )
                work.evidence.add(self.learner, (piece,))
        observe.refold_learner(self.s, "learner", self.now)


def some_response(item: Item, seed: int) -> dict[str, Any]:
    chance = random.Random(f"{item.key}{seed}")
    n = len(item.options)
    match item.kind:
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT:
            return {"choices": sorted(chance.sample(range(n), 2))}
        case Kind.ORDERING:
            return {"order": chance.sample(range(n), n)}
        case Kind.MATCHING | Kind.CATEGORIZE:
            return {"targets": [o.target for o in item.options]}
        case Kind.PRACTICAL_TASK:
            return {"done": [0, 1]}
        case _:
            return {"choice": chance.randrange(n)}


def test_the_assessment_ends_by_itself_within_its_limits() -> None:
    house = House().work_as("GB")
    assert 5 <= house.answer_all() <= house.s.limits.max_items
    assert assess.state(house.s, house.learner).state == "finished"


def test_a_reload_shows_the_same_question() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    assert house.question() == house.question()


def test_starting_again_on_another_device_continues() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    house.answer()
    before = house.question()
    assess.start(house.s, house.learner, NOW)
    assert house.question() == before


def test_a_double_click_is_answered_once() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    question = house.question()
    assert question is not None
    given = some_response(question.item, 1)
    assert assess.answer(house.s, house.learner, 1, given, NOW).kind == "next"
    assert assess.answer(house.s, house.learner, 1, given, NOW).kind == "already"
    assert assess.state(house.s, house.learner).answered == 1


def test_an_incomplete_answer_stores_nothing() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    with pytest.raises(IncompleteResponse):
        assess.answer(house.s, house.learner, 1, {}, NOW)
    with pytest.raises(MalformedResponse):
        assess.answer(house.s, house.learner, 1, {"nonsense": 1}, NOW)
    assert assess.state(house.s, house.learner).answered == 0


def test_a_question_that_was_never_asked_cannot_be_answered() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    with pytest.raises(Conflict):
        assess.answer(house.s, house.learner, 7, {"dont_know": True}, NOW)


def test_every_question_has_a_stored_reason() -> None:
    house = House().work_as("GB")
    house.answer_all()
    for asked in house.store.memory.questions.values():
        assert asked.reason["about"] in CONTENT.framework.dimensions
        assert asked.reason["candidates"]["bank"] >= asked.reason["candidates"]["unused"]
        assert asked.reason["versions"]["items"] == CONTENT.versions["items"]


def test_settings_changed_meanwhile_change_nothing_in_a_running_attempt() -> None:
    house, other = House().work_as("GB"), House().work_as("GB")
    for one in (house, other):
        assess.start(one.s, one.learner, NOW)
        (attempt,) = one.store.memory.attempts
        one.store.memory.attempts = [replace(attempt, id="a" * 8 + attempt.id[8:])]
        one.store.memory.questions = {}
    other.s = replace(other.s, limits=Limits(max_items=6, correlation_within=0.9))
    asked = []
    for one in (house, other):
        while one.question() is not None:
            one.answer({"dont_know": True})
        asked.append([q.item for _, q in sorted(one.store.memory.questions.items())])
    assert asked[0] == asked[1]


def test_the_log_replays_to_the_same_posterior() -> None:
    house = House().work_as("GB")
    house.answer_all()
    (attempt,) = house.store.memory.attempts
    asked = [q for _, q in sorted(house.store.memory.questions.items())]
    bank = measure.engine(house.s, attempt.versions)
    replayed = bank.replay([(q.item, q.category) for q in asked if q.category is not None])[-1]
    folded = bank.fold(r.evidence for _, r, _ in house.store.memory.evidence.values())
    assert np.allclose(replayed.mean, folded.mean, atol=1e-9)
    assert np.allclose(replayed.cov, folded.cov, atol=1e-9)


def test_an_early_end_has_a_result_that_is_more_open() -> None:
    house = House().work_as("GB")
    assess.start(house.s, house.learner, NOW)
    house.answer()
    assess.finish(house.s, house.learner, house.now)
    view = profiles.current(house.s, house.learner)
    assert view is not None
    assert {s.verdict.value for s in view.profile.required} == {"open"}


def test_a_private_answer_goes_nowhere() -> None:
    house = House().work_as("GB")
    house.answer_all()
    before = profiles.current(house.s, house.learner)
    item = reflecting.private_items(house.s)[0]
    reflecting.reflect(house.s, house.learner, item.key, {"choice": 0}, house.now)
    observe.refold_learner(house.s, "learner", house.now)
    after = profiles.current(house.s, house.learner)
    assert before is not None
    assert after is not None
    assert before.profile == after.profile
    assert "K.1" not in {s.competency for s in after.profile.standings}


def test_another_role_is_another_soll_for_the_same_answers() -> None:
    house = House().work_as("GB")
    house.answer_all()
    gardener = profiles.current(house.s, house.learner)
    house.work_as("VFA")
    clerk = profiles.current(house.s, house.learner)
    assert gardener is not None
    assert clerk is not None
    assert gardener.profile.mean == clerk.profile.mean
    assert gardener.profile["1.1"].soll < clerk.profile["1.1"].soll


def test_two_roles_take_the_higher_soll_and_say_whose() -> None:
    house = House().work_as("GB", "DL")
    with house.store.read() as work:
        soll = measure.target(house.s, work, house.learner, house.now)
    assert soll.sources["5.4"] == "DL"
    assert soll.sources["4.4"] == "GB"


def test_a_soll_for_whole_areas_gives_areas_a_verdict_and_their_competences_a_path() -> None:
    content = Content(CONTENT.packs)
    areas = Soll.on(8, areas={"1": 6, "4": 7, "5": 8})
    vars(content)["roles"] = tuple(
        r.with_soll(areas, approved=True) if r.key == "GB" else r for r in CONTENT.roles
    )
    house = House()
    house.s = replace(house.s, content=content)
    house.work_as("GB")
    assert house.answer_all() >= 5
    view = profiles.current(house.s, house.learner)
    assert view is not None
    assert [x.competency for x in view.profile.required] == ["1", "4", "5"]
    shown = plan.current(house.s, house.learner, house.now)
    assert shown.path is not None
    closed = {c.competency for step in shown.path.steps for c in step.closes}
    assert closed
    assert {c[0] for c in closed} <= {"1", "4", "5"}


def test_evidence_taken_out_of_the_count_changes_the_profile() -> None:
    house = House().work_as("GB")
    house.answer_all()
    view = profiles.current(house.s, house.learner)
    assert view is not None
    competency, lines = next(iter(view.evidence.items()))
    profiles.dispute(house.s, house.learner, lines[0].id, "not_me", "", house.now)
    after = profiles.current(house.s, house.learner)
    assert after is not None
    assert after.profile[competency].evidence == view.profile[competency].evidence - 1


def _deliveries(house: House) -> list[Delivery]:
    return [d for d, _ in house.store.memory.outbox.values()]


def test_nothing_leaves_before_the_learner_accepts() -> None:
    house = House(ags=True, plan_service=True).work_as("GB")
    house.answer_all()
    assert plan.current(house.s, house.learner, house.now).state == "draft"
    assert _deliveries(house) == []


def test_accepting_writes_state_and_outbox_together_and_only_steps() -> None:
    house = House(ags=True, plan_service=True).work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    assert plan.current(house.s, house.learner, house.now).state == "accepted"
    assert sorted(d.kind for d in _deliveries(house)) == ["document", "plan", "statements"]
    for delivery in _deliveries(house):
        said = str(delivery.body).lower()
        for word in ("verdict", "soll", "ist'", "closes", "competenc", "mean", "gap"):
            assert word not in said


def test_by_default_only_the_lrs_learns_of_the_path() -> None:
    house = House().work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    assert [d.kind for d in _deliveries(house)] == ["statements", "document"]


def test_a_proposal_can_be_accepted_once() -> None:
    house = House().work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    with pytest.raises(Conflict):
        plan.accept(house.s, house.learner, house.now)


def test_what_the_city_decided_is_in_the_path_with_who_decided() -> None:
    house = House().work_as("GB")
    house.answer_all()
    path = plan.current(house.s, house.learner, house.now).path
    assert path is not None
    duty = next(s for s in path.steps if s.unit == "N1")
    assert {"by": "Personalamt", "at": "2026-10-01"} in [dict(r.values) for r in duty.reasons]


def test_a_completed_unit_is_marked_and_the_share_is_reported() -> None:
    house = House(ags=True).work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    house.now += timedelta(hours=1)
    house.learn("N1")
    path = plan.current(house.s, house.learner, house.now).path
    assert path is not None
    assert [s.state for s in path.steps if s.unit == "N1"] == [StepState.DONE]
    scores = [d.body["done"] for d in _deliveries(house) if d.kind == "score"]
    assert scores == [1]


def test_an_accepted_path_changes_only_by_a_proposal_of_its_own() -> None:
    house = House().work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    before = plan.current(house.s, house.learner, house.now)
    house.work_as("VFA")
    after = plan.current(house.s, house.learner, house.now)
    assert after.state == "accepted"
    assert after.path is not None
    assert before.path is not None
    assert [s.unit for s in after.path.steps] == [s.unit for s in before.path.steps]
    assert after.proposal is not None


def test_a_postponed_unit_moves_and_can_be_put_back() -> None:
    house = House().work_as("GB")
    house.answer_all()
    shown = plan.current(house.s, house.learner, house.now).path
    assert shown is not None
    unit = shown.steps[-1].unit
    plan.postpone(house.s, house.learner, unit, 6, house.now)
    house.learner = house.store.memory.learners["learner"]
    moved = plan.current(house.s, house.learner, house.now).path
    assert moved is not None
    assert [s.month for s in moved.steps if s.unit == unit] == [6]
    plan.undo(house.s, house.learner, unit, house.now)
    house.learner = house.store.memory.learners["learner"]
    assert house.learner.wishes is not None
    assert unit not in house.learner.wishes.not_before


def test_an_objection_withdraws_the_path_and_stops_proposals() -> None:
    house = House().work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    plan.object_to_proposals(house.s, house.learner, house.now)
    house.learner = house.store.memory.learners["learner"]
    assert plan.current(house.s, house.learner, house.now).state == "none"
    assert {p.path.state for p in house.store.memory.paths.values()} == {PathState.WITHDRAWN}
    assert profiles.current(house.s, house.learner) is not None
    told = [d for d in _deliveries(house) if "document" not in d.kind]
    assert [d.body[0]["kind"] for d in told] == ["assigned", "withdrawn"]


def test_a_receiver_that_is_down_costs_a_delay_only() -> None:
    house = House().work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)
    sent: list[str] = []

    def down(_: Delivery) -> None:
        raise DeliveryFailed("LRS down", retry=True)

    backoff, there = Backoff(first_s=5.0, attempts=3), {"document": lambda _: None}
    assert deliver(house.s, {"statements": down} | there, backoff, house.now).failed == 1
    up = {"statements": lambda d: sent.append(d.id)} | there
    assert deliver(house.s, up, backoff, house.now).delivered == 0
    assert deliver(house.s, up, backoff, house.now + timedelta(seconds=6)).delivered == 1
    assert deliver(house.s, up, backoff, house.now + timedelta(days=1)).delivered == 0
    assert len(sent) == 1


def test_what_cannot_heal_is_a_dead_letter_at_once() -> None:
    house = House().work_as("GB")
    house.answer_all()
    plan.current(house.s, house.learner, house.now)
    plan.accept(house.s, house.learner, house.now)

    def refuse(_: Delivery) -> None:
        raise DeliveryFailed("refused", retry=False)

    refusing = {"statements": refuse, "document": refuse}
    assert deliver(house.s, refusing, Backoff(5.0, 3), house.now).dead == 2


def test_an_attempt_from_before_the_scenes_mattered_ends_as_it_began() -> None:
    house = House().work_as("GB")
    now = measure.versions(house.s)
    before = {**now, "settings": "/".join(now["settings"].split("/")[:4])}
    assert measure.engine(house.s, before).config.foreign_worth == 1.0
    assert measure.engine(house.s).config.foreign_worth == house.s.limits.foreign_worth


def test_every_question_stores_whose_work_it_is_from_and_why_it_comes() -> None:
    house = House().work_as("GB")
    house.answer_all()
    reasons = [q.reason for _, q in sorted(house.store.memory.questions.items())]
    assert reasons[0]["because"] == "first"
    assert {r["because"] for r in reasons} > {"first"}
    assert {r["chosen"]["scene"] for r in reasons} <= {"own", "all"}
