"""What binds one attempt: fixed form, what was seen before, what is shown too often, language."""

from collections import Counter

from competency.assessment import Config, Engine, Selection, Stop, Terms
from competency.form import fixed_form
from competency.items import Kind
from competency.posterior import Posterior
from competency.target import Target
from tests.unit.competency.bank import framework, item, random_bank

FRAMEWORK = framework()
BANK = random_bank(1, FRAMEWORK.dimensions, 130)
ENGINE = Engine(FRAMEWORK, BANK)
SMALL = framework((3,))
ALL = Target(("r",), dict.fromkeys(FRAMEWORK.dimensions, 3))


def asked(terms: Terms, answer: int, engine: Engine = ENGINE, most: int = 40) -> list[str]:
    posterior, keys = engine.prior(), list[str]()
    while len(keys) < most:
        step = engine.select(posterior, ALL, keys, terms)
        if isinstance(step, Stop):
            break
        keys.append(step.item.key)
        posterior = engine.answered(posterior, step.item, answer % step.item.categories)
    return keys


# --- fixed form -----------------------------------------------------------------------------------


def test_in_fixed_form_mode_no_answer_changes_a_question():
    terms = Terms(form=fixed_form(ENGINE, ALL, Terms(), 18))
    wrong, right = asked(terms, 0), asked(terms, 59)
    assert wrong == right == list(terms.form)
    assert len(wrong) == 18
    assert asked(Terms(), 0) != asked(Terms(), 59)


def test_a_fixed_form_covers_what_is_required_and_keeps_self_reports_few():
    form = fixed_form(ENGINE, ALL, Terms(), 20)
    about = Counter(ENGINE.item(key).competency for key in form)
    assert len(about) >= 12
    assert sum(ENGINE.item(key).self_report for key in form) <= 0.34 * 20
    assert not ENGINE.item(form[0]).self_report


def test_a_fixed_form_ends_with_its_last_question_and_says_so():
    form = fixed_form(ENGINE, ALL, Terms(), 6)
    step = ENGINE.select(ENGINE.prior(), ALL, form, Terms(form=form))
    assert step == Stop("form")
    first = ENGINE.select(ENGINE.prior(), ALL, [], Terms(form=form))
    assert isinstance(first, Selection)
    assert first.reason["candidates"] == {"form": 6}
    assert first.reason["runner_up"] is None
    assert first.reason["p"] == ENGINE.certainty(ENGINE.prior(), ALL)


def test_a_fixed_form_is_chosen_better_than_at_random():
    # Its questions leave less variance than the same number of others, whatever is answered.
    form = fixed_form(ENGINE, ALL, Terms(), 12)
    others = [i.key for i in BANK if i.key not in form and not i.self_report][:12]
    assert _left(form) < _left(others)


def _left(keys: tuple[str, ...] | list[str]) -> float:
    belief: Posterior = ENGINE.prior()
    for n, key in enumerate(keys):
        belief = ENGINE.answered(belief, ENGINE.item(key), n % 2)
    return float(belief.cov.trace())


# --- filters --------------------------------------------------------------------------------------


def test_questions_of_the_first_measurement_are_avoided_but_for_anchors():
    first = asked(Terms(), 1, most=12)
    anchors = frozenset(first[:2])
    terms = Terms(seen=frozenset(first) - anchors, anchors=anchors)
    again = asked(terms, 1, most=12)
    assert not set(again) & set(first[2:])
    assert set(again) & anchors
    posterior, keys, flagged = ENGINE.prior(), list[str](), set[str]()
    for _ in again:
        step = ENGINE.select(posterior, ALL, keys, terms)
        assert isinstance(step, Selection)
        keys.append(step.item.key)
        flagged |= {step.item.key} if step.reason["anchor"] else set()
        posterior = ENGINE.answered(posterior, step.item, 1 % step.item.categories)
    assert flagged == set(again) & anchors


def test_a_question_that_was_shown_too_often_is_not_asked():
    best = asked(Terms(), 1, most=1)[0]
    assert best not in asked(Terms(barred=frozenset({best})), 1)


def test_whoever_reads_english_is_asked_in_english():
    bank = (
        item("a", "1.1", 2.5, (0.0,)),
        item("b", "1.1", 0.8, (0.0,), stem_en="?"),
    )
    engine = Engine(framework((1,)), bank)
    target = Target((), {"1.1": 3})
    keys = []
    for language in ("de", "en"):
        step = engine.select(engine.prior(), target, [], Terms(language=language))
        assert isinstance(step, Selection)
        keys.append(step.item.key)
    assert keys == ["a", "b"]


def test_the_expected_time_ends_an_attempt_after_the_minimum():
    slow = tuple(
        item(f"t{n}", "1.1", 1.0, (0.1 * n,), seconds=120, kind=Kind.SCENARIO) for n in range(20)
    )
    engine = Engine(framework((1,)), slow, Config(max_minutes=10.0, decided=2.0, confident=2.0))
    posterior, keys = engine.prior(), list[str]()
    target = Target((), {"1.1": 3})
    while isinstance(step := engine.select(posterior, target, keys), Selection):
        keys.append(step.item.key)
        posterior = engine.answered(posterior, step.item, len(keys) % 2)
    assert (len(keys), step) == (5, Stop("time"))


# --- exposure -------------------------------------------------------------------------------------


def test_no_question_is_shown_in_more_attempts_than_its_cap_allows():
    # As the flows do it: before an attempt, what would pass the cap with it is barred for it.
    shown: Counter[str] = Counter()
    engine = Engine(SMALL, random_bank(3, SMALL.dimensions, 40), Config(randomesque=3))
    attempts, cap = 1000, 0.25
    for n in range(attempts):
        barred = frozenset(key for key, count in shown.items() if count + 1 > cap * (n + 1))
        keys = _quick(engine, Terms(seed=str(n), barred=barred), n)
        assert not barred.intersection(keys)
        shown.update(keys)
    assert max(shown.values()) <= cap * attempts


def _quick(engine: Engine, terms: Terms, n: int) -> list[str]:
    """The first two questions of an attempt."""
    target = Target(("r",), {"1.1": 3, "1.2": 2, "1.3": 4})
    first = engine.select(engine.prior(), target, [], terms)
    assert isinstance(first, Selection)
    after = engine.answered(engine.prior(), first.item, n % first.item.categories)
    second = engine.select(after, target, [first.item.key], terms)
    assert isinstance(second, Selection)
    return [first.item.key, second.item.key]
