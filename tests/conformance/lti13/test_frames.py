"""4.8 B03 and B04, 4.9 S03: what a frame gets whose browser keeps no cookie there, over HTTP.

The scripts of these pages and real blocked cookies are walked in tests/e2e/test_cookies_blocked.py.
"""

import re
from html import unescape

import pytest

from .conftest import Tool
from .platform import Browser, Platform, Reply
from .test_browser import cookie, page_of
from .test_login import refused

IN_FRAME = {"Sec-Fetch-Dest": "iframe"}
STORED = {"lti_storage_target": "_parent"}


class Blocked(Browser):
    """A browser that keeps no cookie, in a frame or in a form of our own page."""

    def own(self, tool: Tool) -> dict[str, str]:
        return IN_FRAME | {"Origin": tool.base_url, "Sec-Fetch-Site": "same-origin"}

    def _keep(self, cookie: str) -> None:
        return


@pytest.fixture
def blocked(tool: Tool) -> Blocked:
    return Blocked(tool.base_url)


def start(lms: Platform, browser: Browser, **changes: object) -> Reply:
    """A platform's login in a frame, and the detour that shows whether a cookie came back."""
    first = browser.post("/lti/login", lms.login_form(**changes), headers=IN_FRAME)
    assert first.status == 302, first.code
    assert first.header("Location").startswith("/lti/login?weiter=")
    return browser.get(first.header("Location"), headers=IN_FRAME)


def attribute(reply: Reply, name: str) -> str:
    found = re.search(rf'{name}="([^"]*)"', reply.body)
    assert found, name
    return unescape(found[1])


class Started:
    """What a page with the platform's storage holds, used like the answer to a login."""

    def __init__(self, page: Reply) -> None:
        self.proof = attribute(page, "data-value")
        self.query = Reply(302, [("Location", attribute(page, "data-next"))], "").query


def test_B03_in_a_frame_that_keeps_cookies_the_detour_ends_at_the_platform(
    lms: Platform, browser: Browser
) -> None:
    begun = start(lms, browser)
    assert begun.status == 302
    assert begun.header("Location").startswith("https://lms.example/auth?")
    assert begun.query["login_hint"] == "4"
    assert lms.send(browser, begun, lms.token(begun)).status == 303
    again = browser.post("/lti/login", lms.login_form(), headers=IN_FRAME)
    assert again.header("Location").startswith("https://lms.example/auth?")  # known by now


def test_B03_the_mark_says_nothing_and_lasts_as_long_as_the_browser(
    lms: Platform, browser: Browser
) -> None:
    first = browser.post("/lti/login", lms.login_form(), headers=IN_FRAME)
    name, *attributes = (part.strip() for part in cookie(first, "__Host-").split(";"))
    assert name == "__Host-lti-ok=1"
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/"} == set(attributes)


def test_B03_no_hint_stands_in_the_address_of_the_detour(lms: Platform, browser: Browser) -> None:
    first = browser.post(
        "/lti/login", lms.login_form(login_hint="kanari4711"), headers=IN_FRAME
    ).header("Location")
    assert "kanari" not in first
    assert lms.issuer not in first
    second = browser.post(
        "/lti/login", lms.login_form(login_hint="kanari4711"), headers=IN_FRAME | {"Cookie": "x=1"}
    )
    assert first != second.header("Location")


def test_B03_each_pass_of_the_detour_has_a_state_of_its_own(lms: Platform, tool: Tool) -> None:
    browser = Browser(tool.base_url)
    first = browser.post("/lti/login", lms.login_form(), headers=IN_FRAME).header("Location")
    one, two = (browser.get(first, headers=IN_FRAME) for _ in range(2))
    assert one.query["state"] != two.query["state"]
    assert one.query["nonce"] != two.query["nonce"]


def test_B03_storage_of_the_platform_holds_the_proof_and_the_launch_works(
    lms: Platform, blocked: Blocked, tool: Tool
) -> None:
    page = start(lms, blocked, **STORED)
    assert page.status == 200
    assert attribute(page, "data-frame") == "_parent"
    assert attribute(page, "data-origin") == "https://lms.example"
    begun = Started(page)
    form = {"state": begun.query["state"], "id_token": lms.token(begun)}  # type: ignore[arg-type]
    asked = blocked.post("/lti/launch", form, headers=IN_FRAME)
    assert asked.status == 200
    assert attribute(asked, "data-storage") == "get"
    assert attribute(asked, "data-key") == attribute(page, "data-key")
    assert begun.proof not in asked.body
    sent = blocked.post("/lti/launch", form | {"proof": begun.proof}, headers=blocked.own(tool))
    assert sent.status == 200
    assert 'target="_blank"' in sent.body
    code = {"code": attribute(sent, 'name="code" value')}
    opened = blocked.post("/lti/fenster", code, headers={"Origin": tool.base_url})
    assert opened.status == 303
    assert f"Path={page_of(opened)}" in cookie(opened, "__Secure-")
    window = Browser(tool.base_url)
    window._keep(cookie(opened, "__Secure-"))
    assert window.get(page_of(opened)).status < 400
    refused(blocked.post("/lti/fenster", code, headers={"Origin": tool.base_url}), "launch-used")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "null"},
        {"Origin": "https://lms.example"},
        {"Origin": "OURS", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_B03_a_proof_counts_only_in_a_form_of_our_own_page(
    lms: Platform, blocked: Blocked, tool: Tool, headers: dict[str, str]
) -> None:
    """Else anybody could log a stranger in as himself, with his own state, token and proof."""
    begun = Started(start(lms, blocked, **STORED))
    form = {
        "state": begun.query["state"],
        "id_token": lms.token(begun),  # type: ignore[arg-type]
        "proof": begun.proof,
    }
    sent = {k: v.replace("OURS", tool.base_url) for k, v in headers.items()}
    refused(blocked.post("/lti/launch", form, headers=sent), "form-origin")
    assert blocked.post("/lti/launch", form, headers=blocked.own(tool)).status == 200


@pytest.mark.parametrize("proof", ["0" * 32, "OTHER"])
def test_B03_another_proof_is_none(lms: Platform, blocked: Blocked, tool: Tool, proof: str) -> None:
    begun, other = (Started(start(lms, blocked, **STORED)) for _ in range(2))
    form = {
        "state": begun.query["state"],
        "id_token": lms.token(begun),  # type: ignore[arg-type]
        "proof": proof.replace("OTHER", other.proof),
    }
    refused(blocked.post("/lti/launch", form, headers=blocked.own(tool)), "state-cookie-missing")


def test_B03_a_proof_does_not_replace_the_cookie_of_a_login_without_storage(
    lms: Platform, browser: Browser, blocked: Blocked, tool: Tool
) -> None:
    begun = lms.login(browser)
    proof = next(v for (n, _), v in browser.jar.items() if n.startswith("__Host-lti-state"))
    form = {"state": begun.query["state"], "id_token": lms.token(begun), "proof": proof}
    refused(blocked.post("/lti/launch", form, headers=blocked.own(tool)), "state-cookie-missing")


def test_B03_a_launch_from_storage_works_once(lms: Platform, blocked: Blocked, tool: Tool) -> None:
    begun = Started(start(lms, blocked, **STORED))
    form = {
        "state": begun.query["state"],
        "id_token": lms.token(begun),  # type: ignore[arg-type]
        "proof": begun.proof,
    }
    assert blocked.post("/lti/launch", form, headers=blocked.own(tool)).status == 200
    refused(blocked.post("/lti/launch", form, headers=blocked.own(tool)), "launch-used")
    del form["proof"]
    refused(blocked.post("/lti/launch", form, headers=IN_FRAME), "launch-used")


def test_B03_only_the_platform_frames_a_page_with_a_proof(lms: Platform, blocked: Blocked) -> None:
    policy = start(lms, blocked, **STORED).header("Content-Security-Policy")
    assert f"frame-ancestors 'self' https://lms.example {lms.issuer}" in policy


@pytest.mark.parametrize("target", ["x" * 3000, "a\u0007b"])
def test_B03_a_name_of_a_frame_that_is_none_is_refused(
    lms: Platform, blocked: Blocked, target: str
) -> None:
    assert start(lms, blocked, lti_storage_target=target).status == 400


def test_B04_without_cookies_and_storage_a_button_opens_a_window_where_it_works(
    lms: Platform, blocked: Blocked, tool: Tool
) -> None:
    page = start(lms, blocked)
    refused(page, "cookies-blocked")
    assert page.status == 401
    assert "COOKIES" in page.body
    assert "Lernportal-Team, Zimmer 14" in page.body
    assert 'target="_blank"' in page.body
    window = Browser(tool.base_url)
    begun = window.get(attribute(page, 'block" href'), headers={"Sec-Fetch-Dest": "document"})
    assert begun.status == 302
    assert begun.header("Location").startswith("https://lms.example/auth?")
    launched = lms.send(window, begun, lms.token(begun))
    assert window.get(page_of(launched)).status < 400


def test_B04_if_not_even_a_window_keeps_cookies_the_page_says_so(
    lms: Platform, blocked: Blocked
) -> None:
    link = attribute(start(lms, blocked), 'block" href')
    begun = blocked.get(link, headers={"Sec-Fetch-Dest": "document"})
    refused(lms.send(blocked, begun, lms.token(begun)), "state-cookie-missing")


def test_B04_the_login_in_the_link_is_altered_by_nobody_and_ends(
    lms: Platform, blocked: Blocked, tool: Tool
) -> None:
    link = attribute(start(lms, blocked), 'block" href')
    assert blocked.get(link.split("&")[0][:-6] + "AAAAAA").code == "state-invalid"
    assert blocked.get("/lti/login?weiter=x").code == "state-invalid"
    seal = tool.app.extensions["roadmap"].seal
    foreign = seal.seal("a name that is kept sealed in the database").decode()
    assert blocked.get(f"/lti/login?weiter={foreign}").code == "state-invalid"
    old = seal.seal(f'["login", 1000, {{"iss": ["{lms.issuer}"]}}]').decode()
    assert blocked.get(f"/lti/login?weiter={old}").code == "state-expired"
    other = seal.seal('["handover", 99999999999, {}]').decode()
    assert blocked.get(f"/lti/login?weiter={other}").code == "state-invalid"


def test_B04_a_login_too_long_for_an_address_goes_to_the_platform_at_once(
    lms: Platform, blocked: Blocked
) -> None:
    form = lms.login_form(lti_message_hint="h" * 10_000)
    begun = blocked.post("/lti/login", form, headers=IN_FRAME)
    assert begun.status == 302
    assert begun.query["lti_message_hint"] == "h" * 10_000


OLD = {"User-Agent": "Mozilla/5.0 (iPad; CPU OS 14_8 like Mac OS X) AppleWebKit/605.1.15"}


def test_B04_a_browser_too_old_to_name_its_frame_gets_the_button_and_no_loop(
    lms: Platform, blocked: Blocked, tool: Tool
) -> None:
    first = blocked.post("/lti/login", lms.login_form(), headers=OLD)
    page = blocked.get(first.header("Location"), headers=OLD)
    refused(page, "cookies-blocked")
    window = Browser(tool.base_url)
    begun = window.get(attribute(page, 'block" href'), headers=OLD)
    assert begun.header("Location").startswith("https://lms.example/auth?")
    assert lms.send(window, begun, lms.token(begun)).status == 303


def test_B04_an_old_browser_that_keeps_cookies_stays_where_it_is(
    lms: Platform, browser: Browser
) -> None:
    first = browser.post("/lti/login", lms.login_form(), headers=OLD)
    begun = browser.get(first.header("Location"), headers=OLD)
    assert begun.header("Location").startswith("https://lms.example/auth?")


def test_B04_hints_travel_through_the_detour_unaltered(lms: Platform, browser: Browser) -> None:
    hint = '{"cmid":13,"launchid":"ltilaunch1_148912248"} %2B+&=ä€'
    begun = start(lms, browser, lti_message_hint=hint, login_hint="+ %41")
    assert (begun.query["lti_message_hint"], begun.query["login_hint"]) == (hint, "+ %41")


def test_a_login_that_cannot_end_in_a_launch_is_refused_before_the_detour(
    lms: Platform, blocked: Blocked
) -> None:
    form = lms.login_form(iss="https://nobody.example")
    refused(blocked.post("/lti/login", form, headers=IN_FRAME), "issuer-unknown")


def test_the_code_of_a_window_is_worth_nothing_to_another_page(
    lms: Platform, blocked: Blocked, tool: Tool
) -> None:
    for headers in ({}, {"Origin": "https://evil.example"}):
        refused(blocked.post("/lti/fenster", {"code": "x"}, headers=headers), "form-origin")
    own = {"Origin": tool.base_url}
    refused(blocked.post("/lti/fenster", {"code": "x"}, headers=own), "state-invalid")
    refused(blocked.post("/lti/fenster", {}, headers=own), "state-invalid")
    refused(blocked.get("/lti/fenster"), "method-not-allowed")


def test_S03_a_reload_knows_the_way_back_to_the_course(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    token = lms.token(begun)
    lms.send(browser, begun, token)
    reply = lms.send(browser, begun, token)
    refused(reply, "launch-used")
    assert 'href="https://lms.example/course/view.php?id=6"' in reply.body
    assert "Lernportal-Team, Zimmer 14" in reply.body
    without = lms.send(browser, begun, token[:-8] + "AAAAAAAA")
    refused(without, "launch-used")
    assert "course/view.php" not in without.body
