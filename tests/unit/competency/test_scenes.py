"""Whose work a question is set in: own and common first, a foreign one only where it helps."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.assessment import Config, Engine, Selection, Terms
from competency.items import Item, Kind, Scene
from competency.packs import Content
from competency.posterior import Posterior
from competency.selection import Pool, expected_drops
from competency.target import Target
from tests.unit.competency.bank import framework, item, random_bank

FRAMEWORK = framework()
CODES = FRAMEWORK.dimensions
ALL = Target(("GB",), dict.fromkeys(CODES, 3))
SCENES = ({"roles": frozenset({"GB"})}, {"for_all": True}, {"roles": frozenset({"VFA"})}, {})
SHIPPED = Path(__file__).parents[3] / "content"


def dealt(seed: int) -> tuple[Item, ...]:
    """Return a bank with scenes dealt at random; at least one own question is no self-report."""
    bank = random_bank(seed, CODES, 60)
    scenes = np.random.default_rng(seed).integers(0, len(SCENES), len(bank))
    own = item("own", CODES[0], 1.0, (0.0,), roles=frozenset({"GB"}))
    return (own, *(replace(i, **SCENES[n]) for i, n in zip(bank, scenes, strict=True)))


def questions(
    engine: Engine, answers: list[int], target: Target = ALL, roles: tuple[str, ...] = ("GB",)
) -> list[tuple[Posterior, list[str], Selection]]:
    """Return what was believed, what had been asked, and what came next, for each question."""
    posterior, asked, steps = engine.prior(), [], []
    for number in answers:
        step = engine.select(posterior, target, asked, Terms(roles=roles))
        if not isinstance(step, Selection):
            break
        steps.append((posterior, list(asked), step))
        asked.append(step.item.key)
        posterior = engine.answered(posterior, step.item, number % step.item.categories)
    return steps


seeds = st.integers(0, 400)
answers = st.lists(st.integers(0, 59), min_size=3, max_size=20)


@settings(max_examples=25)
@given(seeds, answers)
def test_the_first_question_is_from_the_own_work_or_from_everybodys(seed, numbers):
    _, _, first = questions(Engine(FRAMEWORK, dealt(seed)), numbers)[0]
    assert first.item.scene(("GB",)).familiar


@settings(max_examples=25)
@given(seeds, answers)
def test_nobody_rates_themselves_in_foreign_work(seed, numbers):
    for _, _, step in questions(Engine(FRAMEWORK, dealt(seed)), numbers):
        assert not (step.item.self_report and step.item.scene(("GB",)) is Scene.FOREIGN)


@settings(max_examples=15)
@given(seeds, answers, st.sampled_from([0.05, 0.2, 0.6]))
def test_a_foreign_question_comes_only_where_every_own_one_tells_less_than_its_share(
    seed, numbers, share
):
    bank = dealt(seed)
    engine = Engine(FRAMEWORK, bank, Config(foreign_worth=share))
    for posterior, asked, step in questions(engine, numbers):
        if step.item.scene(("GB",)).familiar:
            continue
        left = [i for i in bank if i.key not in asked]
        pool = Pool.of(left, engine.dimension)
        worth = expected_drops(posterior, engine.wanted(ALL), pool).sum(axis=1) / pool.seconds
        by_key = dict(zip([i.key for i in pool.items], worth, strict=True))
        # A self-report may wait for another reason: it must not lead.
        known = [by_key[i.key] for i in left if i.scene(("GB",)).familiar and not i.self_report]
        assert max(known, default=0.0) <= share * by_key[step.item.key] + 1e-9


@settings(max_examples=15)
@given(seeds, answers)
def test_scenes_change_nothing_but_the_first_question_where_a_tenant_wants_no_difference(
    seed, numbers
):
    bank = tuple(i for i in dealt(seed) if not i.self_report)
    plain = tuple(replace(i, roles=frozenset(), for_all=True) for i in bank)
    with_scenes = Engine(FRAMEWORK, bank, Config(foreign_worth=1.0))
    for posterior, asked, step in questions(with_scenes, numbers)[1:]:
        other = Engine(FRAMEWORK, plain).select(posterior, ALL, asked, Terms(roles=("GB",)))
        assert isinstance(other, Selection)
        assert other.item.key == step.item.key


@settings(max_examples=10)
@given(seeds, answers)
def test_the_same_answers_bring_the_same_scenes(seed, numbers):
    bank = dealt(seed)
    engine, again = Engine(FRAMEWORK, bank), Engine(FRAMEWORK, tuple(reversed(bank)))
    one = [step.reason for _, _, step in questions(engine, numbers)]
    assert one == [step.reason for _, _, step in questions(again, numbers)]


def test_the_log_says_whose_work_a_question_is_from_and_what_a_foreign_one_counts():
    own = item("a", "1.1", 1.0, (0.0,), roles=frozenset({"GB"}))
    foreign = replace(own, key="b", a=2.5, roles=frozenset({"VFA"}))
    engine = Engine(FRAMEWORK, (own, foreign), Config(foreign_worth=0.2))
    first = engine.select(engine.prior(), Target((), {"1.1": 3}), (), Terms(roles=("GB",)))
    assert isinstance(first, Selection)
    assert first.reason["foreign_worth"] == 0.2
    assert first.reason["chosen"]["scene"] == "own"
    assert first.reason["candidates"]["scene"] == 1
    then = engine.select(engine.prior(), Target((), {"1.1": 3}), ("a",), Terms(roles=("GB",)))
    assert isinstance(then, Selection)
    assert then.reason["chosen"]["scene"] == "foreign"


def test_an_item_whose_answer_was_shown_is_never_asked():
    bank = random_bank(1, CODES, 40)
    engine = Engine(FRAMEWORK, bank)
    best = engine.select(engine.prior(), ALL, ())
    assert isinstance(best, Selection)
    other = engine.select(engine.prior(), ALL, (), Terms(never=frozenset({best.item.key})))
    assert isinstance(other, Selection)
    assert other.item.key != best.item.key


def test_of_two_roles_either_is_the_own_work():
    scene = replace(item("a", "1.1", 1.0, (0.0,)), roles=frozenset({"ERZ"}))
    assert scene.scene(("GB", "ERZ")) is Scene.OWN
    assert scene.scene(("GB",)) is Scene.FOREIGN
    assert replace(scene, for_all=True, roles=frozenset()).scene(()) is Scene.ALL
    assert replace(scene, roles=frozenset()).scene(("GB",)) is Scene.UNSAID


@pytest.fixture(scope="module")
def content() -> Content:
    return Content.load(SHIPPED)


@pytest.mark.parametrize(
    "key", ["VFA", "BB", "ERZ", "GB", "HM", "RB", "OA", "PFL", "BIB", "FK", "IT", "AL", "DL"]
)
def test_the_shipped_questions_stay_in_the_own_work_in_every_role(content: Content, key: str):
    target = Target.of(
        [r for r in content.roles if r.key == key],
        private=frozenset(c for c, k in content.framework.by_code.items() if k.private),
    )
    engine = Engine(content.framework, content.items)
    rng = np.random.default_rng(5)
    for numbers in ([0] * 20, [59] * 20, rng.integers(0, 60, 20).tolist()):
        for _, _, step in questions(engine, numbers, target, (key,)):
            assert step.item.scene((key,)).familiar


def test_kinds_that_count_as_self_reports_are_what_must_be_own_work():
    assert {k for k in Kind if item("x", "1.1", 1.0, (0.0,), kind=k).self_report} == {
        Kind.SELF_RATING,
        Kind.PRACTICAL_TASK,
    }
