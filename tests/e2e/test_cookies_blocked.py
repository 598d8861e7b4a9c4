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
from playwright.sync_api import (
    BrowserContext,
    BrowserType,
    FrameLocator,
    Locator,
    Page,
    expect,
)

from tests.conformance.lti13.platform import MEMBERSHIP
from tests.conftest import missing
from tests.e2e.conftest import CHROMIUM
from tests.e2e.test_pages_look import AXE, COUNTS, RUN_AXE, SMALL_TARGETS, TAGS
from tests.e2e.two_sites import CONTACT, DL, Sites, two_sites

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sites]:
    with two_sites(tmp_path_factory.mktemp("sites")) as running:
        yield running


@contextmanager
def blocking(
    chromium: BrowserType, folder: Path, *, script: bool = True, every: bool = False
) -> Iterator[BrowserContext]:
    """A browser whose user has set "block third-party cookies", or every cookie."""
    (folder / "Default").mkdir(parents=True)
    profile = {"cookie_controls_mode": 1, "block_third_party_cookies": True}
    chosen = {"default_content_setting_values": {"cookies": 2}} if every else {}
    preferences = json.dumps({"profile": profile | chosen})
    (folder / "Default" / "Preferences").write_text(preferences)
    context = chromium.launch_persistent_context(
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
def page(chromium: BrowserType, sites: Sites, tmp_path: Path) -> Iterator[Page]:
    with blocking(chromium, tmp_path / "browser") as context:
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


def with_proof(page: Page, sites: Sites, storage: str) -> Locator:
    """Start, and return the button of a launch that the portal's storage has vouched for.

    A portal that answers later than five seconds is one without storage, and on a busy machine any
    may be that late: then the next start may be in time.
    """
    for _ in range(3):
        tool = start(page, sites, storage)
        expect(tool.locator("[data-test=new-window]:visible")).to_be_visible(timeout=30_000)
        button = tool.locator("form [data-test=new-window]")
        if button.count():
            break
    return button


def new_window(page: Page, button: Locator) -> Page:
    """Press a button in the frame, and return the window that it opens."""
    expect(button).to_be_visible(timeout=12_000)
    page.bring_to_front()  # a tap on a page that nobody sees opens nothing
    with page.context.expect_page() as opened:
        button.click()
    return opened.value


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


@pytest.mark.parametrize("storage", ["parent", "named", "late"])
def test_without_them_the_storage_of_the_portal_keeps_the_proof(
    page: Page, sites: Sites, storage: str
) -> None:
    sites.front.without_chips = True
    button = with_proof(page, sites, storage)
    expect(button).to_have_text("In neuem Fenster öffnen")
    assert "/lti/launch" in next(f.url for f in page.frames if f.name == "tool")
    window = new_window(page, button)
    goes_on(window)
    assert re.fullmatch(rf"{sites.tool}/l/[0-9a-f-]{{36}}/\w+", window.url)
    assert window.evaluate("window.opener") is None
    second = new_window(page, button)
    expect(second.locator("main")).to_contain_text("START-ABGELAUFEN")


@pytest.mark.parametrize("storage", ["", "full", "silent"])
def test_without_storage_the_start_goes_on_in_a_new_window(
    page: Page, sites: Sites, storage: str
) -> None:
    sites.front.without_chips = True
    tool = start(page, sites, storage)
    button = tool.locator("[data-test=new-window]")
    expect(button).to_be_visible(timeout=12_000)
    expect(tool.locator("h1")).to_have_text("Bitte im neuen Fenster weiter")
    expect(tool.locator("main")).to_contain_text("COOKIES")
    expect(tool.locator("main")).to_contain_text(CONTACT)
    before = len(sites.asked)
    goes_on(new_window(page, button))
    assert len(sites.asked) == before + 1  # the portal's one start was not spent in the frame


@pytest.mark.parametrize("storage", ["", "parent"])  # with storage it is no worse without script
def test_the_new_window_works_without_script(
    chromium: BrowserType, sites: Sites, tmp_path: Path, storage: str
) -> None:
    sites.front.without_chips = True
    with blocking(chromium, tmp_path / "browser", script=False) as context:
        page = context.pages[0]
        tool = start(page, sites, storage)
        window = new_window(page, tool.locator("[data-test=new-window]"))
        window.locator("#go").click()  # the portal's own form
        goes_on(window)


@pytest.mark.parametrize("storage", ["", "parent"])
def test_what_is_chosen_in_the_new_window_goes_back_by_the_frame(
    page: Page, sites: Sites, storage: str
) -> None:
    sites.front.without_chips = True
    with deep_linking(sites):
        tool = start(page, sites, storage)
        button = tool.locator(
            "form [data-test=new-window]" if storage else "[data-test=new-window]"
        )
        window = new_window(page, button)
        choose(window)
        stay = tool.locator("[data-stay-open]")
        expect(stay).to_have_text(
            "Lassen Sie diese Seite offen: Ihre Auswahl kommt hierher zurück."
        )
        window.locator("[data-test=place]").click()
        expect(page.locator("#taken")).to_have_text("Mein Lernweg")
        expect(window.locator("[data-handed-over]")).to_contain_text(
            "Das Lernportal hat Ihre Auswahl."
        )
        expect(window.locator("[data-test=placed]")).to_be_hidden()


def test_where_the_frame_is_gone_the_window_sends_the_choice_itself(
    page: Page, sites: Sites
) -> None:
    sites.front.without_chips = True
    with deep_linking(sites):
        tool = start(page, sites)
        window = new_window(page, tool.locator("[data-test=new-window]"))
        choose(window)
        page.goto(f"{sites.lms}/back")
        window.locator("[data-test=place]").click()
        window.wait_for_url(f"{sites.lms}/return")


def choose(window: Page) -> None:
    """Choose the first part by the keyboard: a new window may still be moving under the mouse."""
    option = window.locator("[data-test=place-option]").first
    option.press("Space")
    expect(option).to_be_checked()


@contextmanager
def deep_linking(sites: Sites) -> Iterator[None]:
    """The portal asks an instructor to choose what stands in the course."""
    asked = {"deep_link_return_url": f"{sites.lms}/return", "accept_types": ["ltiResourceLink"]}
    sites.claims.update(
        {
            "message_type": "LtiDeepLinkingRequest",
            "resource_link": None,
            "roles": [f"{MEMBERSHIP}Instructor"],
            f"{DL}deep_linking_settings": {**asked, "accept_multiple": True},
        }
    )
    try:
        yield
    finally:
        sites.claims.clear()


def test_a_learners_window_cannot_steer_the_frame_it_came_from(page: Page, sites: Sites) -> None:
    sites.front.without_chips = True
    tool = start(page, sites)
    window = new_window(page, tool.locator("[data-test=new-window]"))
    goes_on(window)
    assert window.evaluate("window.opener") is None


@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("storage", ["", "parent"])
def test_the_page_with_the_button_is_accessible_and_fits(
    page: Page, sites: Sites, storage: str, width: int
) -> None:
    if not AXE.is_file():
        missing("axe-core", "tools/build_assets.py")
    sites.front.without_chips = True
    page.set_viewport_size({"width": width + 60, "height": 900})
    page.goto(f"{sites.course(storage)}&width={width}")
    page.locator("#go").click()
    tool = page.frame_locator("iframe[name=tool]")
    expect(tool.locator("form [data-test=new-window]" if storage else "h1")).to_be_visible()
    frame = next(f for f in page.frames if f.name == "tool")
    frame.evaluate(AXE.read_text(encoding="utf-8"))
    assert frame.evaluate(RUN_AXE, TAGS) == []
    assert frame.evaluate(SMALL_TARGETS) == []
    assert frame.evaluate("document.documentElement.scrollWidth") <= width
    counts = frame.evaluate(COUNTS)
    assert counts == {"primary": 1, "h1": 1, "inline": 0, "handlers": 0}


def test_reload_and_back_inside_the_frame_are_no_mistake(page: Page, sites: Sites) -> None:
    tool = start(page, sites)
    goes_on(tool)
    frame = next(f for f in page.frames if f.name == "tool")
    with page.expect_response("**/rolle"):
        frame.evaluate("location.reload()")
    expect(tool.locator("[data-test=role-option]").first).to_be_attached()
    frame.evaluate("history.back()")
    expect(tool.locator("h1")).to_have_text("Bevor Sie anfangen")
    frame.evaluate("history.forward()")
    expect(tool.locator("[data-test=role-option]").first).to_be_attached()


def test_a_launch_loaded_again_is_explained_with_the_way_back(page: Page, sites: Sites) -> None:
    sites.front.without_chips = True
    tool = start(page, sites, "parent")
    expect(tool.locator("form [data-test=new-window]")).to_be_visible()
    next(f for f in page.frames if f.name == "tool").evaluate("location.reload()")
    expect(tool.locator("main")).to_contain_text("START-ABGELAUFEN")
    tool.get_by_role("link", name="Zurück zum Kurs").click()
    page.wait_for_url(f"{sites.lms}/back")


def test_where_not_even_a_window_keeps_cookies_the_page_says_so(
    chromium: BrowserType, sites: Sites, tmp_path: Path
) -> None:
    with blocking(chromium, tmp_path / "browser", every=True) as context:
        tool = start(context.pages[0], sites)
        window = new_window(context.pages[0], tool.locator("[data-test=new-window]"))
        expect(window.locator("main")).to_contain_text("COOKIES")
        expect(window.locator("main")).to_contain_text("einen anderen Browser")
        assert context.cookies() == []
