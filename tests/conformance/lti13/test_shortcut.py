"""Good starts are answered before Flask is asked; nobody may be able to tell from the answer.

Each case goes the short way and Flask's way, to the same tool.
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from prometheus_client import REGISTRY

from lti_tool.web import shortcut
from lti_tool.web.shortcut import Shortcut

from .conftest import Tool
from .platform import Browser, Platform, Reply


@pytest.fixture(params=["the short way", "Flask's way"])
def way(tool: Tool, request: pytest.FixtureRequest) -> Iterator[str]:
    """Let the tool answer one of the two ways."""
    short = tool.app.wsgi_app
    if request.param == "Flask's way":
        tool.app.wsgi_app = _short_of(tool).app  # type: ignore[method-assign]
    yield request.param
    tool.app.wsgi_app = short  # type: ignore[method-assign]


def _short_of(tool: Tool) -> Shortcut:
    found: Any = tool.app.wsgi_app
    assert isinstance(found, Shortcut)
    return found


@pytest.fixture
def asked_flask(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reached Flask, by path."""
    seen: list[str] = []
    inner = _short_of(tool).app

    def counted(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    monkeypatch.setattr(tool.app, "wsgi_app", Shortcut(counted, _short_of(tool).starts))
    return seen


def _told(reply: Reply) -> list[tuple[str, str]]:
    """Return status and headers without what differs each time."""
    varying = re.compile(r"[A-Za-z0-9_-]{16,}(\.[A-Za-z0-9_-]+)?")
    plain = [(n, varying.sub("…", v)) for n, v in reply.headers if n.lower() != "date"]
    return sorted([("status", str(reply.status)), *plain])


def test_both_ways_give_the_same_answers(tool: Tool, lms: Platform) -> None:
    short, answers = tool.app.wsgi_app, []
    for app in (short, _short_of(tool).app, short):
        tool.app.wsgi_app = app  # type: ignore[method-assign]
        browser = Browser(tool.base_url)
        begun = lms.login(browser)
        by_get = browser.get(f"/lti/login?{urlencode(lms.login_form())}")
        started = lms.send(browser, begun, lms.token(begun))
        answers.append([_told(reply) for reply in (begun, by_get, started)])
        assert [begun.status, by_get.status, started.status] == [302, 302, 303]
    tool.app.wsgi_app = short  # type: ignore[method-assign]
    assert answers[0] == answers[1] == answers[2]


def test_good_starts_never_reach_flask(tool: Tool, lms: Platform, asked_flask: list[str]) -> None:
    lms.launch(Browser(tool.base_url))  # fetches the platform's keys, so a view answers it
    asked_flask.clear()
    browser = Browser(tool.base_url)
    started = lms.launch(browser)
    assert started.status == 303
    assert asked_flask == []
    assert browser.get(started.header("Location")).status in (200, 302, 303)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"aud": "another"}, "token-aud-wrong"),
        ({"deployment_id": "unknown"}, "deployment-unknown"),
        ({"exp": 1}, "token-exp-before-iat"),
    ],
)
def test_what_is_not_good_has_the_same_page_both_ways(
    tool: Tool, lms: Platform, way: str, change: dict[str, object], code: str
) -> None:
    lms.launch(Browser(tool.base_url))
    refused = lms.launch(Browser(tool.base_url), **change)
    assert 400 <= refused.status < 500, way
    assert refused.code == code, way


def test_a_reload_is_told_from_a_stranger_both_ways(tool: Tool, lms: Platform, way: str) -> None:
    browser = Browser(tool.base_url)
    begun = lms.login(browser)
    token = lms.token(begun)
    assert lms.send(browser, begun, token).status == 303
    assert lms.send(browser, begun, token).code == "launch-used", way
    assert lms.send(Browser(tool.base_url), lms.login(browser), token).status >= 400, way


def test_a_database_that_is_down_is_asked_once(
    tool: Tool, lms: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lti_tool.errors import DatabaseError
    from lti_tool.web.starts import Starts

    tried = []

    def down(_self: Starts, _issuer: str) -> None:
        tried.append(1)
        raise DatabaseError("The database does not answer.", remedy="Start it.")

    monkeypatch.setattr(Starts, "registered", down)
    assert lms.login(Browser(tool.base_url)).status == 503
    assert len(tried) == 1


def test_starts_are_counted_both_ways(tool: Tool, lms: Platform, way: str) -> None:
    def accepted() -> float:
        return REGISTRY.get_sample_value("roadmap_launches_total") or 0.0

    before = accepted()
    assert lms.launch(Browser(tool.base_url)).status == 303
    assert accepted() == before + 1, way


def test_a_body_without_length_or_too_long_goes_to_flask(
    tool: Tool, asked_flask: list[str]
) -> None:
    too_long = b"a=" + b"x" * (tool.settings.security.max_body_bytes + 1)
    assert Browser(tool.base_url).post("/lti/launch", too_long).status == 413
    assert asked_flask == [shortcut.LAUNCH]
