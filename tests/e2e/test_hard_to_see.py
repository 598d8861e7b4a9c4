"""A browser from before oklch() and :has(), and high contrast: answers and symbols still show."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Route

from competency.items import Item, Kind
from tests.conftest import missing
from tests.e2e.test_pages_look import AXE, RUN_AXE, TAGS
from tests.pages.scene import Stage, Visitor
from tests.pages.serving import served

pytestmark = pytest.mark.browser
SCHEMES = ["light", "dark"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with served(tmp_path_factory.mktemp("hard")) as made:
        yield made


def asked(stage: Stage, item: Item) -> Visitor:
    visitor = stage.ready("GB")
    stage.ask(visitor, item)
    return visitor


def opened(browser: Browser, stage: Stage, who: Visitor, path: str, **looks: object) -> Page:
    context = browser.new_context(
        viewport={"width": 360, "height": 800},
        locale="de-DE",
        **looks,  # type: ignore[arg-type]
    )
    name, value = who.cookie
    home = stage.settings.server.base_url + who.home
    context.add_cookies([{"name": name, "value": value, "url": home}])
    page = context.new_page()
    if looks.get("forced_colors") is None:
        page.route("**/*.css", _of_2021)
    page.goto(home + path)
    return page


def _of_2021(route: Route) -> None:
    """Answer with the sheet as a browser of 2021 reads it: what it does not know, it drops."""
    answer = route.fetch()
    sheet = answer.text().replace("oklch(", "unknown(").replace(":has(", ":unknown(")
    route.fulfill(response=answer, body=sheet)


def changes(part: Locator, how: str) -> bool:
    """Return whether this changes what is seen of a part of the page."""
    before = part.screenshot()
    part.evaluate(how)
    return part.screenshot() != before


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_tablet_of_2021_shows_questions_and_profile_readably(
    browser: Browser, stage: Stage, scheme: str
) -> None:
    if not AXE.is_file():
        missing("axe-core", "tools/build_assets.py")
    hotspot = asked(stage, stage.item(Kind.HOTSPOT))
    for who, path in ((hotspot, "frage"), (stage.assessed("GB"), "profil")):
        page = opened(browser, stage, who, path, color_scheme=scheme)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(RUN_AXE, TAGS) == []
        paper = page.evaluate("getComputedStyle(document.body).color")
        assert paper == ("rgb(19, 21, 37)" if scheme == "light" else "rgb(243, 244, 247)")
        page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", [Kind.SINGLE_CHOICE, Kind.HOTSPOT], ids=str)
def test_a_tablet_of_2021_shows_what_is_chosen(
    browser: Browser, stage: Stage, kind: Kind, scheme: str
) -> None:
    page = opened(browser, stage, asked(stage, stage.item(kind)), "frage", color_scheme=scheme)
    first = page.locator("#o1")
    edge = first.evaluate("e => getComputedStyle(e).borderTopColor")
    assert edge not in ("rgba(0, 0, 0, 0)", page.evaluate("getComputedStyle(document.body).color"))
    assert changes(first, "e => { e.checked = true; }")
    page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", [Kind.SINGLE_CHOICE, Kind.HOTSPOT], ids=str)
def test_high_contrast_shows_what_is_chosen(
    browser: Browser, stage: Stage, kind: Kind, scheme: str
) -> None:
    looks = {"forced_colors": "active", "color_scheme": scheme}
    page = opened(browser, stage, asked(stage, stage.item(kind)), "frage", **looks)
    assert changes(page.locator("#o1"), "e => { e.checked = true; }")
    page.context.close()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_high_contrast_shows_the_symbols(browser: Browser, stage: Stage, scheme: str) -> None:
    looks = {"forced_colors": "active", "color_scheme": scheme}
    page = opened(browser, stage, stage.assessed("GB"), "profil", **looks)
    symbols = page.locator("main .kern-btn .kern-icon")
    assert symbols.count() >= 2
    for symbol in symbols.all():
        assert changes(symbol, "e => { e.style.opacity = '0'; }")
    page.context.close()
