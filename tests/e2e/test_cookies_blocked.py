"""Third-party cookies blocked in a real Chromium, over TLS, on two sites (4.8 B03, B04).

That the browser blocks is proven in the same browser first: an unpartitioned cookie of the tool
does not come back from a frame of the portal, and does in a window of its own.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, expect, sync_playwright

from tests.conftest import missing
from tests.e2e.conftest import CHROMIUM
from tests.e2e.two_sites import CONTACT, Sites, two_sites

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with two_sites(tmp_path_factory.mktemp("sites")) as running:
        yield running


@contextmanager
def blocking(folder: Path, *, script: bool = True, every: bool = False) -> Iterator[BrowserContext]:
    """A browser whose user has set "block third-party cookies", or every cookie."""
    if CHROMIUM is None:
        missing("Chromium", "apt-get install chromium")
    (folder / "Default").mkdir(parents=True)
    profile = {"cookie_controls_mode": 1, "block_third_party_cookies": True}
    chosen = {"default_content_setting_values": {"cookies": 2}} if every else {}
    preferences = json.dumps({"profile": profile | chosen})
    (folder / "Default" / "Preferences").write_text(preferences)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            folder,
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
            ignore_https_errors=True,
            java_script_enabled=script,
            locale="de-DE",
            viewport={"width": 768, "height": 900},
        )
        try:
            yield context
        finally:
            context.close()


@pytest.fixture
def page(sites: Sites, tmp_path: Path) -> Iterator[Page]:
    with blocking(tmp_path / "browser") as context:
        _proves_that_it_blocks(context, sites)
        sites.front.without_chips = False
        yield context.pages[0]


def _proves_that_it_blocks(context: BrowserContext, sites: Sites) -> None:
    page = context.pages[0]
    page.goto(f"{sites.lms}/cookies")
    expect(page.frame_locator("iframe").locator("body")).to_have_text("chips=1")
    page.goto(f"{sites.tool}/test/set")
    expect(page.locator("body")).to_contain_text("plain=1")
    page.goto(f"{sites.lms}/cookies")
    expect(page.frame_locator("iframe").locator("body")).to_have_text("chips=1")
    context.clear_cookies()


def start(page: Page, sites: Sites, storage: str = "") -> FrameLocator:
    page.goto(sites.course(storage))
    page.locator("#go").click()
    return page.frame_locator("iframe[name=tool]")


def goes_on(place: Page | FrameLocator) -> None:
    """The launch's own session works: a form of its first page is taken."""
    place.locator("[data-test=notice-continue]").click()
    expect(place.locator("[data-test=role-option]").first).to_be_attached()


def test_partitioned_cookies_are_enough_in_the_frame(page: Page, sites: Sites) -> None:
    tool = start(page, sites)
    goes_on(tool)
    names = {c["name"] for c in page.context.cookies()}
    assert "__Host-lti-ok" in names
    assert not [name for name in names if name.startswith("__Host-lti-state")]
    assert all(c.get("partitionKey") for c in page.context.cookies() if "lti" in c["name"])


@pytest.mark.parametrize("storage", ["parent", "named"])
def test_without_them_the_storage_of_the_portal_keeps_the_proof(
    page: Page, sites: Sites, storage: str
) -> None:
    sites.front.without_chips = True
    tool = start(page, sites, storage)
    button = tool.locator("form [data-test=new-window]")
    expect(button).to_have_text("In neuem Fenster öffnen")
    assert "/lti/launch" in next(f.url for f in page.frames if f.name == "tool")
    with page.context.expect_page() as opened:
        button.click()
    window = opened.value
    goes_on(window)
    assert re.fullmatch(rf"{sites.tool}/l/[0-9a-f-]{{36}}/\w+", window.url)
    assert window.evaluate("window.opener") is None
    with page.context.expect_page() as second:
        button.click()
    expect(second.value.locator("main")).to_contain_text("START-ABGELAUFEN")


@pytest.mark.parametrize("storage", ["", "full", "silent"])
def test_without_storage_the_start_goes_on_in_a_new_window(
    page: Page, sites: Sites, storage: str
) -> None:
    sites.front.without_chips = True
    tool = start(page, sites, storage)
    button = tool.locator("[data-test=new-window]")
    expect(button).to_be_visible(timeout=8000)
    expect(tool.locator("h1")).to_have_text("Bitte im neuen Fenster weiter")
    expect(tool.locator("main")).to_contain_text("COOKIES")
    expect(tool.locator("main")).to_contain_text(CONTACT)
    before = len(sites.asked)
    with page.context.expect_page() as opened:
        button.click()
    goes_on(opened.value)
    assert len(sites.asked) == before + 1  # the portal's one start was not spent in the frame


def test_the_new_window_works_without_script(sites: Sites, tmp_path: Path) -> None:
    sites.front.without_chips = True
    with blocking(tmp_path / "browser", script=False) as context:
        page = context.pages[0]
        for storage in ("", "parent"):  # a portal with storage is no worse without script
            tool = start(page, sites, storage)
            with context.expect_page() as opened:
                tool.locator("[data-test=new-window]").click()
            window = opened.value
            window.locator("#go").click()  # the portal's own form
            expect(window.locator("h1")).to_be_visible()
            if storage == "":
                goes_on(window)
            assert "/l/" in window.url


def test_where_not_even_a_window_keeps_cookies_the_page_says_so(
    sites: Sites, tmp_path: Path
) -> None:
    with blocking(tmp_path / "browser", every=True) as context:
        tool = start(context.pages[0], sites)
        with context.expect_page() as opened:
            tool.locator("[data-test=new-window]").click()
        expect(opened.value.locator("main")).to_contain_text("COOKIES")
        expect(opened.value.locator("main")).to_contain_text("einen anderen Browser")
        assert context.cookies() == []
