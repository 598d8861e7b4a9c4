"""ILIAS (its double) and the tool in a real Chromium, on two sites: which cookies come along.

Plain http on two names of this machine: `127.0.0.1` is ILIAS, `localhost` the tool. That our own
cookies survive in frames is proven over TLS in `test_cookies_blocked`.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conformance.lti13.conftest import Tool, run_tool
from tests.conformance.lti13.ilias_walk import provider_for
from tests.doubles.ilias import Ilias, Object, User, running

pytestmark = pytest.mark.browser
New = Callable[..., Ilias]


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    with run_tool(tmp_path_factory.mktemp("tool")) as made:
        yield made


@pytest.fixture(params=["10", "12"])  # what differs in 8 and 11 is not the browser's affair
def ilias(request: pytest.FixtureRequest) -> Iterator[Ilias]:
    with running(Ilias.of(request.param)) as made:
        # Another host than the tool's, so that they are two sites to the browser.
        made.base = made.base.replace("localhost", "127.0.0.1")
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="de-DE")
    yield context.new_page()
    context.close()


def placed(ilias: Ilias, tool: Tool, **more: Any) -> tuple[Object, User]:
    user: User = ilias.add(User(6))
    return ilias.place(provider_for(ilias, tool), **more), user


def test_an_object_opens_in_a_new_window(ilias: Ilias, tool: Tool, page: Page) -> None:
    where, user = placed(ilias, tool)
    page.goto(f"{ilias.base}/launch/{where.ref_id}?u={user.id}")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Starten").click()
    expect(popup.value.get_by_role("heading", name="Bevor Sie anfangen")).to_be_visible()


def test_an_object_opens_in_the_same_window(ilias: Ilias, tool: Tool, page: Page) -> None:
    where, user = placed(ilias, tool, launch="ownWin")
    page.goto(f"{ilias.base}/launch/{where.ref_id}?u={user.id}")
    expect(page.get_by_role("heading", name="Bevor Sie anfangen")).to_be_visible()


def test_an_object_in_a_frame_opens_there(ilias: Ilias, tool: Tool, page: Page) -> None:
    """ILIAS's Lax cookie comes along: the redirect back belongs to what its own form began."""
    where, user = placed(ilias, tool, launch="embedded")
    page.goto(f"{ilias.base}/launch/{where.ref_id}?u={user.id}")
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", name="Bevor Sie anfangen")).to_be_visible()
    cookies = {cookie["name"]: cookie.get("sameSite") for cookie in page.context.cookies()}
    assert cookies["PHPSESSID"] == "Lax"


def test_a_registration_says_one_thing_to_ilias(ilias: Ilias, tool: Tool, page: Page) -> None:
    page.goto(registering(ilias, f"{tool.base_url}/lti/register"))
    inside = page.frame_locator("iframe")
    inside.get_by_role("button", name="Jetzt schließen").click()
    page.wait_for_function("heard.length > 0")
    page.wait_for_timeout(300)
    assert page.evaluate("heard") == [{"subject": "org.imsglobal.lti.close"}]


def test_a_refused_registration_says_nothing_so_that_its_page_stays(
    ilias: Ilias, tool: Tool, page: Page
) -> None:
    page.goto(registering(ilias, f"{tool.base_url}/lti/register?kommune=nirgends"))
    inside = page.frame_locator("iframe")
    expect(inside.get_by_role("heading", level=1)).to_be_visible()
    page.wait_for_timeout(300)
    assert page.evaluate("heard") == []


def registering(ilias: Ilias, url: str) -> str:
    return f"{ilias.base}{ilias.generation.prefix}/register?url={quote(url, safe='')}"
