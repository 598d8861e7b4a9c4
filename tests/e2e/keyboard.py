"""Somebody who has a keyboard only: Tab, Space, Enter and the arrows."""

from playwright.sync_api import Locator, Page

MOST_TABS = 60

# What shows the focus: the element's own outline or shadow, or its label's.
RING = """e => {
  const own = getComputedStyle(e), label = e.labels?.[0] ? getComputedStyle(e.labels[0]) : own;
  return [own.outlineStyle, own.boxShadow, label.outlineStyle, label.boxShadow];
}"""

# Where it is seen: a choice by its box, an accordion by its line.
PLACE = """e => {
  const seen = e.closest(".rm-option") || e;
  const box = seen.getBoundingClientRect();
  const middle = document.elementFromPoint(
    box.left + box.width / 2, Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 1));
  return {top: box.top + scrollY, left: box.left, bottom: box.bottom + scrollY,
          covered: !!middle && !seen.contains(middle) && !middle.contains(seen)};
}"""


class Keyboard:
    """Presses keys, and sees to it that the focus always shows."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def reach(self, selector: str) -> Locator:
        """Press Tab until something that matches has the focus."""
        for _ in range(MOST_TABS):
            focused = self.tab()
            if focused is not None and focused.evaluate("(e, s) => e.matches(s)", selector):
                return focused
        raise AssertionError(f"{selector} cannot be reached by Tab on {self.page.url}")

    def tab(self) -> Locator | None:
        """Press Tab; return what has the focus then, None outside of the page."""
        self.page.keyboard.press("Tab")
        focused = self.page.locator(":focus")
        if not focused.count():
            return None
        self._shows(focused)
        return focused

    def press(self, selector: str, key: str = "Enter") -> None:
        """Reach and press; wait for the page that comes."""
        heading = self.page.locator("h1").first.inner_text()
        url = self.page.url
        self.reach(selector)
        self.page.keyboard.press(key)
        self.page.wait_for_function(
            "([h, u]) => document.querySelector('h1')?.innerText !== h || location.href !== u",
            arg=[heading, url],
        )

    def walk(self) -> list[dict[str, float]]:
        """Return where the focus was, from the first to the last that can have it."""
        places = []
        for _ in range(MOST_TABS):
            if (focused := self.tab()) is None:
                break
            if focused.evaluate("e => e.matches('.rm-skip')"):
                continue
            places.append(focused.evaluate(PLACE))
        return places

    def _shows(self, focused: Locator) -> None:
        ring = focused.evaluate(RING)
        assert set(ring) != {"none"}, f"no focus to be seen on {focused.evaluate('e=>e.outerHTML')}"
