"""4.2 Login: everything it names is resolved before the redirect."""

import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from .conftest import Tool, run_tool
from .platform import Browser, Platform, Reply

T = TypeVar("T")
STANDARD = {
    "scope",
    "response_type",
    "response_mode",
    "prompt",
    "client_id",
    "redirect_uri",
    "state",
    "nonce",
    "login_hint",
    "lti_message_hint",
}


def refused(reply: Reply, code: str) -> None:
    assert 400 <= reply.status < 500, (reply.status, reply.body[:300])
    assert reply.code == code
    assert reply.header("Location") == ""
    assert "<h1" in reply.body


@pytest.mark.parametrize("iss", [None, ""])
def test_L01_iss_missing(lms: Platform, browser: Browser, iss: str | None) -> None:
    refused(lms.login(browser, iss=iss), "login-iss-missing")


@pytest.mark.parametrize("hint", [None, ""])
def test_L02_login_hint_missing(lms: Platform, browser: Browser, hint: str | None) -> None:
    refused(lms.login(browser, login_hint=hint), "login-hint-missing")


def test_L03_unknown_issuer(lms: Platform, browser: Browser) -> None:
    refused(lms.login(browser, iss="https://nobody.example"), "issuer-unknown")
    refused(lms.login(browser, iss=lms.issuer + "/"), "issuer-unknown")


def test_L04_unknown_client(lms: Platform, browser: Browser) -> None:
    refused(lms.login(browser, client_id="client-9"), "client-unknown")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "/profil",
        "{tool}.evil.example/",
        "{tool}@evil.example/",
        "http://user@{host}/",
        "https://{host}/",
        "{tool}\\@evil.example/",
        "{tool}:99999/",
        " {tool}/",
    ],
)
def test_L05_target_on_a_foreign_host(lms: Platform, browser: Browser, target: str) -> None:
    host = urlsplit(lms.tool).netloc
    full = target.replace("{tool}", lms.tool).replace("{host}", host)
    refused(lms.login(browser, target_link_uri=full), "login-target-foreign")


@pytest.mark.parametrize("target", [None, ""])
def test_L05b_target_missing(lms: Platform, browser: Browser, target: str | None) -> None:
    refused(lms.login(browser, target_link_uri=target), "login-target-missing")


def test_L06_hints_travel_unaltered(lms: Platform, browser: Browser) -> None:
    hints = {"login_hint": "ä+&=%20 " * 1300, "lti_message_hint": '{"cmid":13,"x":"' + "y" * 10_000}
    begun = lms.login(browser, **hints)
    assert begun.status == 302
    assert {name: begun.query[name] for name in hints} == hints


def test_L06b_bytes_that_are_no_text_travel_unaltered(lms: Platform, browser: Browser) -> None:
    from urllib.parse import urlencode

    form = urlencode(lms.login_form(login_hint=None)) + "&login_hint=%ff%00%e4b"
    begun = browser.post("/lti/login", form.encode())
    assert begun.status == 302
    assert "login_hint=%FF%00%E4b" in begun.header("Location")


def test_L07_only_standard_parameters(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    assert begun.status == 302
    parts = urlsplit(begun.header("Location"))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://lms.example/auth"
    # The query the platform registered with stays.
    assert set(begun.query) == STANDARD | {"site"}
    assert begun.query["response_mode"] == "form_post"
    assert begun.query["prompt"] == "none"


def test_L08_redirect_uri_is_the_registered_one(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser, target_link_uri=f"{lms.tool}/profil?a=b")
    assert begun.query["redirect_uri"] == f"{lms.tool}/lti/launch"


@pytest.mark.parametrize(
    ("state", "code"), [("blocked", "platform-blocked"), ("pending", "platform-pending")]
)
def test_L09_a_platform_that_may_not(
    tool: Tool, browser: Browser, key_server: object, state: str, code: str
) -> None:
    stopped = Platform(tool.base_url, key_server, issuer=f"https://{state}.example")  # type: ignore[arg-type]
    tool.register(stopped, state=state)
    reply = stopped.login(browser)
    refused(reply, code)
    assert reply.status == 403


def test_L10_too_many_refusals_get_a_page_and_good_launches_pass(
    tmp_path_factory: pytest.TempPathFactory, lms: Platform
) -> None:
    def visit() -> tuple[list[Reply], Reply] | None:
        """Sixty refused logins at a tool of their own, then a good launch."""
        with run_tool(tmp_path_factory.mktemp("limited"), refusals=30) as limited:
            here = Platform(limited.base_url, lms.keys, issuer="https://one.example")
            here.publish()
            limited.register(here)
            browser = Browser(limited.base_url)
            return in_one_minute(
                lambda: (
                    [here.login(browser, iss="https://nobody.example") for _ in range(60)],
                    here.launch(browser),
                )
            )

    replies, launched = next(found for _ in range(5) if (found := visit()))
    assert [r.status for r in replies] == [403] * 30 + [429] * 30
    assert replies[-1].code == "too-many-refusals"
    assert "<h1" in replies[-1].body
    assert launched.status == 303


def in_one_minute(do: Callable[[], T]) -> T | None:
    """Return what was done, or None if a clock minute ended: refusals count per minute."""
    minute = time.time() // 60
    done = do()
    return done if time.time() // 60 == minute else None


def test_a_parameter_that_comes_twice_is_refused(lms: Platform, browser: Browser) -> None:
    from urllib.parse import urlencode

    for name in ("iss", "client_id", "target_link_uri", "login_hint", "lti_message_hint"):
        form = urlencode(lms.login_form()) + f"&{name}=x"
        refused(browser.post("/lti/login", form.encode()), "parameter-twice")


def test_two_clients_of_one_issuer_need_the_client_id(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    second = Platform(tool.base_url, lms.keys, lms.issuer, "client-2", "2")
    tool.register(second)
    refused(lms.login(browser, client_id=None, lti_deployment_id=None), "client-ambiguous")
    # The deployment tells them apart where it can.
    assert (
        lms.login(browser, client_id=None, lti_deployment_id="2").query["client_id"] == "client-2"
    )


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND"])
@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch"])
def test_other_methods_get_a_page(browser: Browser, method: str, path: str) -> None:
    reply = browser.request(method, path)
    assert (reply.status, reply.code) == (405, "method-not-allowed")


@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch"])
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "", "%"])
def test_other_content_types_get_a_page(browser: Browser, path: str, kind: str) -> None:
    reply = browser.post(path, b"iss=x", headers={"Content-Type": kind})
    assert (reply.status, reply.code) == (415, "content-type")


@pytest.mark.parametrize("path", ["/lti/login", "/lti/launch"])
def test_a_body_too_large_gets_a_page(browser: Browser, path: str) -> None:
    reply = browser.post(path, b"iss=" + b"x" * (1 << 20))
    assert (reply.status, reply.code) == (413, "too-large")
