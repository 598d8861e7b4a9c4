"""The same walk without JavaScript, and by keyboard alone, from the course to the accepted path."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import Demo
from tests.e2e.walking import answer_all, first_visit

pytestmark = pytest.mark.browser
MOST_TABS = 60


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


class Keyboard:
    """A person who only has Tab, Space, Enter and the arrows."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, selector: str) -> Locator:
        """Press Tab until something that matches has the focus, and see that the focus shows."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            focused = self.page.locator(":focus")
            if focused.count() and focused.evaluate("(e, s) => e.matches(s)", selector):
                self._shows(focused)
                return focused
        raise AssertionError(f"{selector} cannot be reached by Tab on {self.page.url}")

    def press(self, selector: str, key: str = "Enter") -> None:
        heading = self.page.locator("h1").first.inner_text()
        url = self.page.url
        self.reach(selector)
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "([h, u]) => document.querySelector('h1')?.innerText !== h || location.href !== u",
            arg=[heading, url],
        )

    def _shows(self, focused: Locator) -> None:
        style = focused.evaluate(
            "e => { const s = getComputedStyle(e), l = e.labels?.[0] ?"
            " getComputedStyle(e.labels[0]) : s;"
            " return [s.outlineStyle, s.boxShadow, l.outlineStyle, l.boxShadow].join() }"
        )
        assert style != "none,none,none,none", "the focus cannot be seen"

    def answer(self) -> None:
        """Answer the open question: choose something where there is something, then save."""
        form = self.page.locator("[data-test=question]")
        if form.locator("select").count():
            for n in range(form.locator("select").count()):
                name = form.locator("select").nth(n).get_attribute("name")
                self.reach(f"select[name='{name}']")
                self.page.keyboard.press("ArrowDown")
        elif form.locator("input[type=radio]").count():
            inputs = form.locator("input[type=radio]")
            names = dict.fromkeys(
                inputs.nth(n).get_attribute("name") for n in range(inputs.count())
            )
            for name in names:
                self.reach(f"input[name='{name}']")
                self.page.keyboard.press("Space")
        elif form.locator("input[type=checkbox]").count():
            self.reach("input[type=checkbox]")
            self.page.keyboard.press("Space")
        position = form.locator("[name=position]").get_attribute("value")
        self.reach("[data-test=answer]")
        self.page.keyboard.press("Enter")
        gone = f"[data-test=question] [name=position][value='{position}']"
        expect(self.page.locator(gone)).to_have_count(0)
        self.page.locator("h1").first.wait_for()


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
        keys.answer()
    expect(tool.locator("h1")).to_have_text("Geschafft")
    keys.press("nav a[href$='/lernpfad']")
    keys.press("[data-test=accept-path]")
    expect(tool.locator("main")).to_contain_text("Ihr Lernpfad gilt jetzt")
    context.close()
