"""Every kind of question, answered by keyboard alone, by a finger without script, and not at all.

What is chosen on the page must be what is stored. Nothing here is dragged.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from competency.items import Item, Kind
from tests.e2e.keyboard import Keyboard
from tests.pages.enriched import enriched
from tests.pages.scene import Stage, Visitor
from tests.pages.serving import served

pytestmark = pytest.mark.browser
KINDS = [k for k in Kind if k is not Kind.REFLECTION]
PHONE = 320
#: A choice a finger hits with gloves on (design/pages.md 1.7).
GLOVES = 48


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("kinds")
    with served(folder, enriched(folder)) as made:
        yield made


def asked(browser: Browser, stage: Stage, item: Item, **looks: object) -> tuple[Page, Visitor]:
    """Return a page with this question on it, and who sees it."""
    visitor = stage.ready("GB")
    stage.ask(visitor, item)
    looks = {"viewport": {"width": PHONE, "height": 700}, "locale": "de-DE"} | looks
    context = browser.new_context(**looks)  # type: ignore[arg-type]
    name, value = visitor.cookie
    home = stage.settings.server.base_url + visitor.home
    context.add_cookies([{"name": name, "value": value, "url": home}])
    page = context.new_page()
    page.goto(f"{home}frage")
    return page, visitor


def stored(stage: Stage, visitor: Visitor) -> object:
    with stage.s.store.read() as work:
        attempt = work.attempts.latest(visitor.learner_id)
        assert attempt is not None
        return work.attempts.questions(attempt.id)[0].response


def gone(page: Page) -> None:
    """Wait until the first question is no longer asked."""
    expect(page.locator("[data-test=question] [name=position][value='1']")).to_have_count(0)
    page.locator("h1").first.wait_for()


# --- by keyboard alone ----------------------------------------------------------------------------


def by_keyboard(keys: Keyboard, item: Item) -> dict[str, object]:
    """Choose something by Tab, Space and arrows; return what that means."""
    press = keys.page.keyboard.press
    last = len(item.options) - 1
    match item.kind:
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT | Kind.PRACTICAL_TASK:
            field = "done" if item.kind is Kind.PRACTICAL_TASK else "choices"
            for n in (0, last):
                keys.reach(f"[name={field}][value='{n}']")
                press("Space")
            return {field: [0, last]}
        case Kind.ORDERING:
            keys.reach("[name=down][value='0']")
            press("Enter")
            press("Space")  # the focus is still there
            order = [*range(1, 3), 0, *range(3, last + 1)]
            return {"order": order}
        case Kind.MATCHING:
            targets = sorted({o.target for o in item.options}, key=str.casefold)
            for n in range(last + 1):
                keys.reach(f"select[name=m{n}]")
                press("ArrowDown")
            return {"targets": [targets[0]] * (last + 1)}
        case Kind.CATEGORIZE:
            targets = sorted({o.target for o in item.options}, key=str.casefold)
            for n in range(last + 1):
                keys.reach(f"[name=m{n}]")
                press("Space")
                press("ArrowDown")
            return {"targets": [targets[1]] * (last + 1)}
    keys.reach("[name=choice]")
    press("Space")
    press("ArrowDown")
    return {"choice": 1}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_keyboard_alone_answers_every_kind(browser: Browser, stage: Stage, kind: Kind) -> None:
    item = stage.item(kind)
    page, visitor = asked(browser, stage, item)
    keys = Keyboard(page)
    chosen = by_keyboard(keys, item)
    keys.reach("[data-test=answer]")
    page.keyboard.press("Enter")
    gone(page)
    assert stored(stage, visitor) == chosen
    page.context.close()


@pytest.mark.parametrize("kind", [Kind.SINGLE_CHOICE, Kind.HOTSPOT, Kind.CATEGORIZE], ids=str)
def test_enter_in_an_answer_saves_it_and_never_presses_another_button(
    browser: Browser, stage: Stage, kind: Kind
) -> None:
    item = stage.item(kind)
    page, visitor = asked(browser, stage, item)
    by_keyboard(Keyboard(page), item)
    page.keyboard.press("Enter")
    gone(page)
    assert stored(stage, visitor)
    assert not stage.learner(visitor).plain
    page.context.close()


def test_a_moved_step_keeps_the_focus_and_says_where_it_is(browser: Browser, stage: Stage) -> None:
    for script in (True, False):
        page, _visitor = asked(
            browser, stage, stage.item(Kind.ORDERING), java_script_enabled=script
        )
        keys = Keyboard(page)
        keys.reach("[name=down][value='0']")
        for place in (2, 3):
            page.keyboard.press("Enter")
            expect(page.get_by_role("status")).to_contain_text(f"Platz {place} von 4")
            expect(page.locator("[name=down][value='0']")).to_be_focused()
        page.keyboard.press("Enter")
        # It is the last now and has no "down" any more: the other button is next.
        expect(page.locator("[name=up][value='0']")).to_be_focused()
        assert page.locator("[name=up]:visible").count() == 3
        names = page.locator("li [name=up]:visible").first.get_attribute("aria-label")
        assert names is not None
        assert names.startswith("Hoch: ")
        page.context.close()


# --- by a finger, on the smallest phone, without script -------------------------------------------


def tap(page: Page, selector: str) -> None:
    """Tap near the edge of a choice's box: all of it is the choice."""
    box = page.locator(f".rm-option:has({selector})")
    box.scroll_into_view_if_needed()
    size = box.bounding_box()
    assert size is not None
    page.touchscreen.tap(size["x"] + size["width"] - 8, size["y"] + size["height"] - 8)
    expect(page.locator(selector)).to_be_checked()


def by_finger(page: Page, item: Item) -> dict[str, object]:
    last = len(item.options) - 1
    match item.kind:
        case Kind.MULTIPLE_RESPONSE | Kind.PRACTICAL_TASK:
            field = "done" if item.kind is Kind.PRACTICAL_TASK else "choices"
            for n in (0, last):
                tap(page, f"[name={field}][value='{n}']")
            return {field: [0, last]}
        case Kind.HOTSPOT:
            page.locator("label.rm-spot").nth(1).tap()  # in the picture
            expect(page.locator("#o2")).to_be_checked()
            tap(page, "[name=choices][value='0']")  # in the list
            return {"choices": [0, 1]}
        case Kind.ORDERING:
            page.locator("[name=down][value='0']").tap()
            page.wait_for_url("**order=1-0-**")
            return {"order": [1, 0, *range(2, last + 1)]}
        case Kind.MATCHING:
            for n in range(last + 1):
                page.locator(f"select[name=m{n}]").select_option(item.options[n].target)
            return {"targets": [o.target for o in item.options]}
        case Kind.CATEGORIZE:
            for n, option in enumerate(item.options):
                tap(page, f"[name=m{n}][value='{option.target}']")
            return {"targets": [o.target for o in item.options]}
    tap(page, f"[name=choice][value='{last}']")
    return {"choice": last}


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_finger_answers_every_kind_without_script(
    browser: Browser, stage: Stage, kind: Kind
) -> None:
    item = stage.item(kind)
    page, visitor = asked(browser, stage, item, java_script_enabled=False, has_touch=True)
    chosen = by_finger(page, item)
    page.locator("[data-test=answer]").tap()
    gone(page)
    assert stored(stage, visitor) == chosen
    page.context.close()


# --- not answered, and how it looks ---------------------------------------------------------------


@dataclass(frozen=True)
class Seen:
    """A question of this kind on a page, one for several tests."""

    kind: Kind
    page: Page
    visitor: Visitor


@pytest.fixture(scope="module", params=KINDS, ids=str)
def seen(request: pytest.FixtureRequest, browser: Browser, stage: Stage) -> Iterator[Seen]:
    page, visitor = asked(browser, stage, stage.item(request.param), reduced_motion="reduce")
    yield Seen(request.param, page, visitor)
    page.context.close()


def test_the_focus_goes_down_the_page_and_nothing_hides_it(seen: Seen) -> None:
    places = Keyboard(seen.page).walk()
    assert len(places) >= len(seen.page.locator("[data-test=question] .rm-acts, select").all())
    for before, after in itertools.pairwise(places):
        beside = after["left"] > before["left"] and after["bottom"] > before["top"]
        assert after["top"] >= before["top"] or beside, (before, after)
    assert not any(place["covered"] for place in places)


def test_not_knowing_and_pausing_are_there_and_as_large_as_the_rest(seen: Seen) -> None:
    page, skip = seen.page, seen.page.locator("[data-test=dont-know]")
    as_option = skip.evaluate("e => e.matches('input')")
    beside = "[data-test=question] .rm-option" if as_option else "[data-test=answer]"
    own = page.locator(".rm-option:has([data-test=dont-know])") if as_option else skip
    mine, other = own.bounding_box(), page.locator(beside).first.bounding_box()
    pause = page.locator("[data-test=pause]").bounding_box()
    assert mine is not None
    assert other is not None
    assert pause is not None
    assert mine["width"] == pytest.approx(other["width"], abs=1)
    assert min(mine["height"], pause["height"]) >= GLOVES
    assert skip.is_enabled()


def test_nothing_moves_for_whoever_wants_no_motion(seen: Seen) -> None:
    moving = seen.page.evaluate(
        "() => getComputedStyle(document.documentElement).scrollBehavior === 'smooth'"
        " || document.getAnimations().length > 0"
    )
    assert not moving


def test_a_missing_choice_is_said_first_linked_and_tied_to_its_field(
    stage: Stage, seen: Seen
) -> None:
    if seen.kind is Kind.ORDERING:
        return  # there always is an order
    page = seen.page
    page.locator("[data-test=answer]").click()
    alert = page.locator("main [role=alert]")
    expect(alert).to_contain_text("Noch eine Auswahl fehlt")
    assert page.title().startswith("Noch eine Auswahl fehlt")
    target = alert.locator("a").get_attribute("href")
    assert target is not None
    alert.locator("a").click()
    field = page.locator(target)
    expect(field).to_be_in_viewport()
    told = field.evaluate(
        "e => (e.closest('[aria-describedby]') || e).getAttribute('aria-describedby')"
    )
    expect(page.locator(f"#{told}")).to_have_text("Hier fehlt noch etwas.")
    assert stored(stage, seen.visitor) is None


# --- easy words -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.HOTSPOT, Kind.ORDERING, Kind.CATEGORIZE], ids=str)
def test_easy_words_take_along_what_is_chosen_already(
    browser: Browser, stage: Stage, kind: Kind
) -> None:
    item = stage.item(kind)
    page, visitor = asked(browser, stage, item)
    chosen = by_keyboard(Keyboard(page), item)
    page.locator("[data-test=plain]").click()
    expect(page.locator("h1")).to_contain_text("Leicht gesagt:")
    page.locator("[data-test=answer]").click()
    gone(page)
    assert stored(stage, visitor) == chosen
    page.context.close()
