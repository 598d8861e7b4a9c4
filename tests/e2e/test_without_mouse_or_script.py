"""The same walk without JavaScript, and by keyboard alone, from the course to the accepted path."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Demo
from tests.e2e.keyboard import Keyboard
from tests.e2e.walking import answer_all, first_visit

pytestmark = pytest.mark.browser


def _in_a_window(page: Page, lms: str, person: str) -> Page:
    """Open "Mein Lernweg" in a window of its own; without script every form has a button."""
    page.goto(lms)
    page.locator(f"[data-person={person}]").click()
    page.locator("[data-test=course]").first.click()
    with page.context.expect_page() as opened:
        page.locator("[data-test=launch-tool-window]").click()
    return opened.value


@pytest.fixture
def without_script(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 600})
    yield context.new_page()
    context.close()


def test_everything_works_without_javascript(without_script: Page, demo: Demo) -> None:
    tool = _in_a_window(without_script, demo.lms, "kindergarten-teacher")
    while "/l/" not in tool.url:  # the LMS's forms do not submit themselves without script
        tool.locator("form button").first.click()
        tool.wait_for_load_state()
    first_visit(tool, "ERZ")
    assert answer_all(tool) >= 5
    expect(tool.locator("h1")).to_have_text("Geschafft")
    tool.locator("nav a", has_text="Lernpfad").click()
    tool.locator("[data-test=accept-path]").click()
    expect(tool.locator("main")).to_contain_text("Ihr Lernpfad gilt jetzt")


def _answer(keys: Keyboard) -> None:
    """Answer the open question: choose something where there is something, then save."""
    form = keys.page.locator("[data-test=question]")
    if form.locator("select").count():
        for n in range(form.locator("select").count()):
            name = form.locator("select").nth(n).get_attribute("name")
            keys.reach(f"select[name='{name}']")
            keys.page.keyboard.press("ArrowDown")
    elif form.locator("input[type=radio]").count():
        inputs = form.locator("input[type=radio]")
        names = dict.fromkeys(inputs.nth(n).get_attribute("name") for n in range(inputs.count()))
        for name in names:
            keys.reach(f"input[name='{name}']")
            keys.page.keyboard.press("Space")
    elif form.locator("input[type=checkbox]").count():
        keys.reach("input[type=checkbox]")
        keys.page.keyboard.press("Space")
    position = form.locator("[name=position]").get_attribute("value")
    keys.reach("[data-test=answer]")
    keys.page.keyboard.press("Enter")
    gone = f"[data-test=question] [name=position][value='{position}']"
    expect(keys.page.locator(gone)).to_have_count(0)
    keys.page.locator("h1").first.wait_for()


def test_the_keyboard_alone_is_enough(browser: Browser, demo: Demo) -> None:
    context = browser.new_context(viewport={"width": 768, "height": 900})
    tool = _in_a_window(context.new_page(), demo.lms, "hr-officer")
    tool.wait_for_url("**/l/**")
    keys = Keyboard(tool)
    keys.press("[data-test=notice-continue]")
    keys.reach("[data-test=role-option]")
    tool.keyboard.press("Space")
    keys.press("[data-test=continue]")
    for _ in range(4):
        if tool.locator("[data-test=question]").count():
            break
        keys.press("[data-test=continue], [data-test=start-assessment]")
    for _ in range(60):
        if tool.locator("[data-test=question]").count() == 0:
            break
        _answer(keys)
    expect(tool.locator("h1")).to_have_text("Geschafft")
    keys.press("nav a[href$='/lernpfad']")
    keys.press("[data-test=accept-path]")
    expect(tool.locator("main")).to_contain_text("Ihr Lernpfad gilt jetzt")
    context.close()
