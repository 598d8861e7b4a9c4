"""The path page never promises or hides something: what it says is what the plan does."""

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from competency.path import LearningPath, PathStep, StepState
from lti_tool.errors import Conflict
from lti_tool.flows import plan, prospect
from lti_tool.store import tenants
from lti_tool.web import path_months
from lti_tool.web.formats import months_after
from lti_tool.web.path_months import Reading
from tests.conftest import settings_for
from tests.integration.web.test_pages import get, post
from tests.pages.scene import SETTINGS, Stage, Visitor

GARDENER = "GB"
DUTY = {"by": "Personalamt", "at": "2026-10-01"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('path') / 'path.db'}"))
    with made.house.database.begin() as conn:
        tenants.change(conn, made.tenant.id, replace(SETTINGS, mandatory={"GB": {"N1": DUTY}}))
    yield made
    made.close()


@pytest.fixture
def gardener(stage: Stage) -> Visitor:
    """Somebody at the very beginning: N1 is required, C3 and more build on C2."""
    return stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2))


def path_of(stage: Stage, visitor: Visitor) -> LearningPath:
    view = plan.current(stage.s, stage.learner(visitor), stage.now)
    found = view.proposal or view.path
    assert found is not None
    return found


def units(stage: Stage, visitor: Visitor) -> list[str]:
    return [s.unit for s in path_of(stage, visitor).steps]


def step_of(stage: Stage, visitor: Visitor, unit: str) -> PathStep:
    return next(s for s in path_of(stage, visitor).steps if s.unit == unit)


def title(stage: Stage, unit: str) -> str:
    return stage.s.content.catalogue.by_key[unit].title


def read(stage: Stage, visitor: Visitor, path: str) -> str:
    """Return the words of a page, without its marks."""
    text = re.sub(r"<(script|style).*?</\1>", "", get(stage, visitor, path), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def card(stage: Stage, visitor: Visitor, unit: str) -> str:
    text = get(stage, visitor, "lernpfad")
    found = re.search(rf'<article[^>]*data-offer="{unit}".*?</article>', text, re.S)
    assert found is not None, unit
    return found[0]


def hint(stage: Stage, visitor: Visitor, unit: str, value: str) -> str:
    text = get(stage, visitor, f"lernpfad/{unit}/verschieben")
    found = re.search(rf'value="{value}".*?</label>', text, re.S)
    return html.unescape(re.sub(r"<[^>]+>", " ", found[0])) if found else ""


def relearn(stage: Stage, visitor: Visitor, **changed: object) -> None:
    """Take a plan with other wishes, as the button below the what-if does."""
    learner = stage.learner(visitor)
    wishes = replace(plan.wishes(stage.s, learner), **changed)  # type: ignore[arg-type]
    plan.take(stage.s, learner, wishes, stage.now)


# --- not this year --------------------------------------------------------------------------------


def test_what_is_required_can_be_postponed_but_not_left_out(
    stage: Stage, gardener: Visitor
) -> None:
    page = get(stage, gardener, "lernpfad/N1/verschieben")
    assert 'value="never"' not in page
    words = read(stage, gardener, "lernpfad/N1/verschieben")
    assert "Pflicht für Ihre Rolle (festgelegt von: Personalamt, am 01.10.2026)" in words
    assert "Fragen Sie hier: Personalamt." in words
    status, address, _text = post(stage, gardener, "lernpfad/N1/verschieben", month="2")
    assert (status, address.endswith("verschoben=N1")) == (303, True)
    assert step_of(stage, gardener, "N1").month == 2


def test_a_forged_wish_does_not_leave_out_or_swap_what_is_required(
    stage: Stage, gardener: Visitor
) -> None:
    status, _address, text = post(stage, gardener, "lernpfad/N1/verschieben", month="never")
    assert (status, "Noch eine Auswahl fehlt" in text) == (200, True)
    post(stage, gardener, "lernpfad/N1/tauschen", other="N6")
    learner = stage.learner(gardener)
    for wish in (
        lambda: plan.exclude(stage.s, learner, "N1", stage.now),
        lambda: plan.swap(stage.s, learner, "N1", "N6", stage.now),
    ):
        with pytest.raises(Conflict):
            wish()
    assert "N1" in units(stage, gardener)
    assert "N1" not in plan.wishes(stage.s, stage.learner(gardener)).excluded
    assert "ist dieses Jahr nicht dabei" not in read(stage, gardener, "lernpfad?entfernt=N1")


def test_what_is_required_has_no_button_that_leads_nowhere(stage: Stage, gardener: Visitor) -> None:
    assert 'data-test="swap"' not in card(stage, gardener, "N1")
    assert 'data-test="swap"' in card(stage, gardener, "C2")
    assert "lässt sich nicht tauschen" in read(stage, gardener, "lernpfad/N1/tauschen")


def test_leaving_out_a_prerequisite_says_before_and_does_after_what_goes_with_it(
    stage: Stage, gardener: Visitor
) -> None:
    before = units(stage, gardener)
    told = hint(stage, gardener, "C2", "never")
    _status, address, _text = post(stage, gardener, "lernpfad/C2/verschieben", month="never")
    after = units(stage, gardener)
    gone = set(before) - set(after) - {"C2"}
    assert "C2" not in after
    assert "C3" in gone
    assert all(title(stage, unit) in told for unit in gone | (set(after) - set(before)))
    words = read(stage, gardener, address.removeprefix(gardener.home))
    said = words.partition("Doch dieses Jahr")[0]
    assert f"„{title(stage, 'C2')}“ ist dieses Jahr nicht dabei." in said
    assert all(title(stage, unit) in said for unit in gone)
    less = re.findall("„(.+?)“", words.partition("Dann lernen Sie weniger zu:")[2].split(".")[0])
    not_covered = words.partition("Was dieser Pfad nicht abdeckt")[2]
    assert less
    assert all(f"{topic} „{title(stage, 'C2')}“ wollen Sie" in not_covered for topic in less)


def test_what_was_left_out_is_listed_until_it_is_taken_back(
    stage: Stage, gardener: Visitor
) -> None:
    before = units(stage, gardener)
    post(stage, gardener, "lernpfad/C2/verschieben", month="never")
    page = get(stage, gardener, "lernpfad")
    assert re.search(r'name="unit" value="C2".*?data-test="this-year"', page, re.S)
    assert 'data-cause="wish"' in page
    _status, address, _text = post(stage, gardener, "lernpfad", do="undo", unit="C2")
    words = read(stage, gardener, address.removeprefix(gardener.home))
    assert sorted(units(stage, gardener)) == sorted(before)
    assert f"„{title(stage, 'C2')}“ ist für" in words
    assert 'data-test="this-year"' not in get(stage, gardener, "lernpfad")


def test_undoing_a_swap_brings_the_first_unit_back_and_takes_the_other_out(
    stage: Stage, gardener: Visitor
) -> None:
    before = units(stage, gardener)
    other = next(
        o.unit.key
        for o in plan.alternatives(stage.s, stage.learner(gardener), "F1", stage.now)
        if o.unit.key not in before
    )
    _s, address, _t = post(stage, gardener, "lernpfad/F1/tauschen", other=other)
    page = get(stage, gardener, address.removeprefix(gardener.home))
    assert f"„{title(stage, other)}“ kommt statt „{title(stage, 'F1')}“." in html.unescape(page)
    form = re.search(
        r'name="unit" value="F1"><input type="hidden" name="other" value="(\w+)"', page
    )
    assert form is not None
    post(stage, gardener, "lernpfad", do="undo", unit="F1", other=form[1])
    assert sorted(units(stage, gardener)) == sorted(before)


def test_a_swap_says_which_topics_lose_by_it(stage: Stage, gardener: Visitor) -> None:
    for found in plan.alternatives(stage.s, stage.learner(gardener), "F1", stage.now):
        words = read(stage, gardener, "lernpfad/F1/tauschen")
        names = stage.s.content.framework.by_code
        assert all(names[c].title in words for c in found.missing)


def test_every_month_offered_is_the_month_the_unit_gets(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2))
    for unit in ("C2", "F1", "N1"):
        page = get(stage, visitor, f"lernpfad/{unit}/verschieben")
        for value in re.findall(r'name="month" value="(\d+)"', page):
            post(stage, visitor, f"lernpfad/{unit}/verschieben", month=value)
            assert step_of(stage, visitor, unit).month == int(value), (unit, value)
            post(stage, visitor, "lernpfad", do="undo", unit=unit)


def test_a_blocked_month_is_not_offered(stage: Stage, gardener: Visitor) -> None:
    relearn(stage, gardener, blocked_months=(1, 2))
    page = get(stage, gardener, "lernpfad/N1/verschieben")
    assert not {"1", "2"} & set(re.findall(r'name="month" value="(\d+)"', page))


# --- months ---------------------------------------------------------------------------------------


def test_a_unit_longer_than_the_wished_hours_says_so_on_the_path_and_in_the_what_if(
    stage: Stage, gardener: Visitor
) -> None:
    tried = read(stage, gardener, "lernpfad?stunden=1&ohne=")
    relearn(stage, gardener, hours_per_month=1.0)
    path = path_of(stage, gardener)
    long = [s for s in path.steps if s.hours > 1]
    assert long
    for step in long:
        said = card(stage, gardener, step.unit)
        assert 'data-test="long"' in said
        assert "Sie wollten 1 Stunde im Monat lernen." in said
        assert f"„{title(stage, step.unit)}“: Diese Einheit dauert" in tried
    longest = max(long, key=lambda s: s.hours)
    assert "lässt sich nicht teilen" in card(stage, gardener, longest.unit)
    assert all(
        'data-test="long"' not in card(stage, gardener, s.unit) for s in path.steps if s not in long
    )


def test_no_month_of_the_plan_is_passed_over_in_silence(stage: Stage, gardener: Visitor) -> None:
    relearn(stage, gardener, hours_per_month=1.0, blocked_months=(1,))
    words = read(stage, gardener, "lernpfad")
    path = path_of(stage, gardener)
    assert words.count("Sie haben diesen Monat gesperrt.") == 1
    inside = {
        n
        for s in path.steps
        for n in range(s.month + 1, s.last + 1)
        if n != 1 and n not in {x.month for x in path.steps}
    }
    assert ("Hier geht es weiter mit" in words) == bool(inside)
    assert inside


def test_a_month_with_nothing_in_it_says_so(stage: Stage, gardener: Visitor) -> None:
    last = max(units(stage, gardener), key=lambda u: step_of(stage, gardener, u).month)
    plan.postpone(stage.s, stage.learner(gardener), last, 11, stage.now)
    assert "Hier ist nichts geplant." in read(stage, gardener, "lernpfad")


def test_the_end_of_a_plan_is_the_end_of_its_last_unit(stage: Stage, gardener: Visitor) -> None:
    # Half an hour a month: no unit fits into one, so the last one ends later than it begins.
    relearn(stage, gardener, hours_per_month=0.5)
    path = path_of(stage, gardener)
    end = max(s.last for s in path.steps)
    assert end > max(s.month for s in path.steps)
    year, month = (int(x) for x in path.start.split("-"))
    names = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
    name = f"{names.split()[(month - 1 + end) % 12]} {year + (month - 1 + end) // 12}"
    assert f"Lerneinheiten bis {name}." in read(stage, gardener, "lernpfad")


def test_it_is_nobodys_turn_before_the_month_has_come(stage: Stage, gardener: Visitor) -> None:
    relearn(stage, gardener, blocked_months=(0,))
    page = get(stage, gardener, "lernpfad")
    assert 'data-state="now"' not in page
    assert page.count('data-state="next"') == 1
    assert page.count('data-test="begin"') == 1  # whoever wants to may begin before that
    relearn(stage, gardener, blocked_months=())
    page = get(stage, gardener, "lernpfad")
    assert page.count('data-state="now"') == 1
    assert 'data-state="now"' in page.split("– jetzt")[1].split("</article>")[0]


def test_versions_are_for_programs_not_for_the_page(stage: Stage, gardener: Visitor) -> None:
    words = read(stage, gardener, "lernpfad")
    assert stage.s.content.versions["items"] not in words
    assert stage.s.content.versions["items"] in get(stage, gardener, "api/path")


# --- what counts, what is reached, what is missing ------------------------------------------------


def test_a_finished_step_says_which_topics_it_counts_for(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2), accepted=True)
    assert 'data-test="counts"' not in get(stage, visitor, "lernpfad")
    stage.learned(visitor, "N5")
    said = card(stage, visitor, "N5")
    view = prospect.of(stage.s, stage.learner(visitor), path_of(stage, visitor))
    assert set(view.counted["N5"]) == set(stage.s.content.catalogue.by_key["N5"].lifts)
    assert "Das zählt jetzt für „" in said
    for code in view.counted["N5"]:
        assert stage.s.content.framework.by_code[code].title in said


def test_the_page_says_what_the_plan_reaches_and_that_it_is_an_estimate(
    stage: Stage, gardener: Visitor
) -> None:
    words = read(stage, gardener, "lernpfad")
    found = prospect.of(stage.s, stage.learner(gardener), path_of(stage, gardener))
    total, after = len(found.standings), found.met_after
    assert f"erreichen Sie das Soll voraussichtlich in {after} von {total} Themen." in words
    assert "Das ist eine Schätzung." in words
    assert 0 < after <= total


@pytest.mark.parametrize("role", ["GB", "ERZ", "VFA", "BB", "FK"])
@pytest.mark.parametrize("hours", [1.0, 4.0])
def test_every_topic_to_learn_that_the_path_leaves_below_has_its_reason_and_a_way_on(
    stage: Stage, role: str, hours: float
) -> None:
    visitor = stage.planned(stage.assessed(role, luck=0.3, seed=2))
    relearn(stage, visitor, hours_per_month=hours)
    path = path_of(stage, visitor)
    standings = prospect.of(stage.s, stage.learner(visitor), path).standings
    reached = {
        c: max((x.end for s in path.steps for x in s.closes if x.competency == c), default=0)
        for c in standings
    }
    missing = {
        c
        for c, standing in standings.items()
        if standing.verdict.value == "gap" and max(reached[c], standing.ist) < standing.soll
    }
    page = get(stage, visitor, "lernpfad")
    listed = set(re.findall(r'data-test="open-topic" data-competency="([^"]+)"', page))
    assert listed == missing
    for found in re.findall(r'data-test="open-topic".*?</li>', page, re.S):
        assert re.search("Fragen Sie|Probieren Sie|wollen Sie dieses Jahr nicht", found)


def test_what_is_required_and_has_no_room_is_said_with_whom_to_ask(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2))
    relearn(stage, visitor, blocked_months=tuple(range(12)))
    words = read(stage, visitor, "lernpfad")
    assert f"„{title(stage, 'N1')}“ ist Pflicht, passt aber nicht in diesen Plan." in words
    assert "Fragen Sie hier: Personalamt." in words


def _both(stage: Stage, visitor: Visitor) -> tuple[LearningPath, LearningPath]:
    view = plan.current(stage.s, stage.learner(visitor), stage.now)
    assert view.path is not None
    assert view.proposal is not None
    return view.path, view.proposal


def test_what_an_address_tells_is_said_only_where_it_is_true(
    stage: Stage, gardener: Visitor
) -> None:
    plan.exclude(stage.s, stage.learner(gardener), "C2", stage.now)
    forged = "lernpfad?entfernt=C2&mit=N1&mit=%3Cb%3E&neu=L4&ab=9.9&ab=1.1"
    said = read(stage, gardener, forged).partition("Doch dieses Jahr")[0]
    assert "ist dieses Jahr nicht dabei" in said
    for wrong in ("Fällt mit weg", "Neu dabei", "Dann lernen Sie weniger"):
        assert wrong not in said


def test_a_proposal_calls_needless_only_what_no_topic_loses_by(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2), accepted=True)
    plan.exclude(stage.s, stage.learner(visitor), "C2", stage.now)
    words = read(stage, visitor, "lernpfad")
    changes = re.search(r"Es gibt einen neuen Vorschlag.*?Lernpfad annehmen", words)
    assert changes is not None
    assert f"Nicht dieses Jahr, wie Sie es wollten: „{title(stage, 'C2')}“." in changes[0]
    assert f"Nicht mehr dabei: „{title(stage, 'C3')}“" in changes[0]
    pending = prospect.of(stage.s, stage.learner(visitor), *_both(stage, visitor)).pending
    assert pending is not None
    needless = changes[0].partition("Nicht mehr nötig")[2]
    for step in _both(stage, visitor)[0].steps:
        if {c.competency for c in step.closes} & set(pending.lower):
            assert title(stage, step.unit) not in needless


def test_the_start_page_says_that_the_path_stays_until_a_new_proposal_is_accepted(
    stage: Stage,
) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2))
    assert "Der Pfad ist ein Vorschlag. Er gilt erst, wenn" in read(stage, visitor, "")
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3, seed=2), accepted=True)
    plan.exclude(stage.s, stage.learner(visitor), "C2", stage.now)
    words = read(stage, visitor, "")
    assert "Ihr Lernpfad gilt weiter, bis Sie den neuen annehmen." in words
    assert "Der Pfad ist ein Vorschlag" not in words


def test_the_foretold_plan_is_the_plan_that_comes(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed("ERZ", luck=0.3, seed=1), accepted=True)
    for step in path_of(stage, visitor).steps:
        if step.state is StepState.DONE:
            continue
        before = units(stage, visitor)
        told = prospect.without(stage.s, stage.learner(visitor), step.unit, stage.now)
        plan.exclude(stage.s, stage.learner(visitor), step.unit, stage.now)
        after = units(stage, visitor)
        assert set(told.gone) == set(before) - set(after)
        assert set(told.came) == set(after) - set(before)
        plan.undo(stage.s, stage.learner(visitor), step.unit, stage.now)


def test_a_month_that_is_over_is_called_not_done_yet_and_its_step_is_due(
    stage: Stage, gardener: Visitor
) -> None:
    path, content = path_of(stage, gardener), stage.s.content
    third = sorted({s.month for s in path.steps})[2]
    reading = Reading(content.catalogue.by_key, content, months_after(path.start, third))
    with stage.app.test_request_context():
        first, second, now, *later = path_months.months(path, reading)
    assert [m.title.partition("–")[2].strip() for m in (first, second)] == [
        "noch nicht erledigt"
    ] * 2
    assert now.title.endswith("– jetzt")
    states = [step.state for m in (first, second, now, *later) for step in m.steps]
    assert states[:2] == ["now", "next"]
    assert set(states[2:]) == {"planned"}
