"""4.4 State, nonce, replay: one browser, one login, one launch."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.lti import state as states
from lti_tool.lti.state import Login
from lti_tool.store.schema.lti import nonce as nonce_table

from .conftest import Tool
from .platform import Browser, Platform, Reply
from .test_login import refused


@pytest.mark.parametrize("state", [None, ""])
def test_N01_state_missing(lms: Platform, browser: Browser, state: str | None) -> None:
    begun = lms.login(browser)
    form = {"id_token": lms.token(begun)} | ({} if state is None else {"state": state})
    refused(browser.post("/lti/launch", form), "state-missing")


@pytest.mark.parametrize("state", ["x", "x.y", ".", "ä.ö", "e30.00", "a" * 9000])
def test_N02_state_never_issued(lms: Platform, browser: Browser, state: str) -> None:
    begun = lms.login(browser)
    reply = browser.post("/lti/launch", {"id_token": lms.token(begun), "state": state})
    assert reply.code in ("state-invalid", "parameter-malformed")
    assert reply.status in (400, 401)


def test_N02b_state_altered(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    body, signature = begun.query["state"].split(".")
    for altered in (
        f"{body[:-2]}AA.{signature}",
        f"{body}.{signature[:-1]}",
        f"{body}.{signature}x",
    ):
        form = {"id_token": lms.token(begun), "state": altered}
        refused(browser.post("/lti/launch", form), "state-invalid")


def test_N03_state_of_another_browser(
    lms: Platform, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    begun = lms.login(browser)
    reply = lms.send(new_browser(), begun, lms.token(begun))
    refused(reply, "state-cookie-missing")
    assert "COOKIES" in reply.body


def test_N04_login_csrf(
    lms: Platform, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    attacker, victim = browser, new_browser()
    lms.login(victim)
    begun = lms.login(attacker)
    refused(lms.send(victim, begun, lms.token(begun, sub="attacker")), "state-cookie-missing")
    # A cookie of the right name and a wrong value is no proof either.
    ((name, path),) = [place for place in attacker.jar if place[0].startswith("__Host-")]
    victim.jar[name, path] = next(v for (n, _), v in victim.jar.items() if n.startswith("__Host-"))
    refused(lms.send(victim, begun, lms.token(begun, sub="attacker")), "state-cookie-missing")


def test_N05_nonce_of_another_tab(lms: Platform, browser: Browser) -> None:
    first, second = lms.login(browser), lms.login(browser)
    refused(lms.send(browser, second, lms.token(first)), "token-nonce-wrong")


@pytest.mark.parametrize("nonce", [None, ""])
def test_N06_nonce_missing(lms: Platform, browser: Browser, nonce: str | None) -> None:
    refused(lms.launch(browser, nonce=nonce), "token-nonce-missing")


@pytest.mark.parametrize("nonce", ["never-issued", "x" * 255])
def test_N07_nonce_never_issued(lms: Platform, browser: Browser, nonce: str) -> None:
    refused(lms.launch(browser, nonce=nonce), "token-nonce-wrong")


def test_N08_the_same_again(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    token = lms.token(begun)
    assert lms.send(browser, begun, token).status == 303
    refused(lms.send(browser, begun, token), "launch-used")


def test_N09_the_same_again_with_the_cookies_restored(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    jar, token = dict(browser.jar), lms.token(begun)
    assert lms.send(browser, begun, token).status == 303
    browser.jar = jar
    refused(lms.send(browser, begun, token), "launch-used")
    # Another token for the same login is no other launch.
    refused(lms.send(browser, begun, lms.token(begun, sub="x")), "launch-used")


def test_N10_two_equal_posts_at_once(
    lms: Platform, browser: Browser, new_browser: Callable[[], Browser]
) -> None:
    lms.launch(browser)  # keys warm: the race is about the nonce
    for _ in range(3):
        begun = lms.login(browser)
        replies = race(lms, browser, begun, [new_browser() for _ in range(6)])
        assert sorted(r.status for r in replies) == [303] + [401] * 5
        assert {r.code for r in replies if r.status != 303} == {"launch-used"}


def race(lms: Platform, browser: Browser, begun: Reply, racers: list[Browser]) -> list[Reply]:
    """Post one launch from many threads at once, all with the cookies of `browser`."""
    token, replies = lms.token(begun), list[Reply]()

    def post(racer: Browser) -> None:
        racer.jar = dict(browser.jar)
        replies.append(lms.send(racer, begun, token))

    threads = [threading.Thread(target=post, args=(racer,)) for racer in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def test_N11_a_state_older_than_ten_minutes(lms: Platform, browser: Browser, tool: Tool) -> None:
    begun = lms.login(browser)
    seal = tool.app.extensions["roadmap"].seal
    now = datetime.now(UTC)
    fresh = states.read(begun.query["state"], seal, now)
    old = Login(
        fresh.platform_id,
        fresh.issuer,
        fresh.client_id,
        fresh.nonce,
        fresh.target,
        (now - timedelta(minutes=10, seconds=2)).timestamp(),
    )
    state = states.sign(old, seal)
    for place in list(browser.jar):
        browser.jar[place] = states.proof(state, seal)
    reply = browser.post("/lti/launch", {"state": state, "id_token": lms.token(begun)})
    refused(reply, "state-expired")
    assert "START-ABGELAUFEN" in reply.body


def test_a_refused_launch_does_not_use_up_the_nonce(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    begun = lms.login(browser)
    with tool.database.read() as conn:
        before = len(conn.execute(nonce_table.select()).all())
    assert lms.send(browser, begun, lms.token(begun, roles="x")).status == 400
    with tool.database.read() as conn:
        assert len(conn.execute(nonce_table.select()).all()) == before
    assert lms.send(browser, begun, lms.token(begun)).status == 303
