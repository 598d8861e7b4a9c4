"""4.7 Platform keys: cache, rotation, outage. Over HTTP; time travel on the cache itself."""

import json
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.lti.keys import PlatformKeys
from lti_tool.lti.outbound import Outbound, Unreachable
from lti_tool.lti.refusal import Refused
from lti_tool.store.keys import KeyShelf

from .conftest import Tool
from .platform import _KEYS, Browser, Key, KeyServer, Platform
from .test_login import refused

BROKEN = [
    (500, json.dumps({"error": "x"}).encode()),
    (404, b"<html>"),
    (200, b"<html>not json</html>"),
    (200, b"{}"),
    (200, b'{"keys": []}'),
    (200, b'{"keys": {}}'),
    (200, b'{"keys": [1, null, "x", {"kty": "RSA", "kid": "kid-1"}]}'),
    (200, b"[" * 100_000),
    (200, b"\xff\xfe"),
    (200, b'{"keys": "' + b"x" * 300_000 + b'"}'),
    (204, b""),
]


def break_server(keys: KeyServer, status: int, body: bytes | None) -> None:
    keys.status, keys.body = status, body


@pytest.mark.parametrize(("status", "body"), BROKEN)
def test_K01_K02_a_broken_key_server_and_its_recovery(
    lms: Platform, browser: Browser, status: int, body: bytes
) -> None:
    break_server(lms.keys, status, body)
    reply = lms.launch(browser)
    assert (reply.status, reply.code) == (502, "platform-keys-unreachable")
    assert "PORTAL" in reply.body
    break_server(lms.keys, 200, None)
    assert lms.launch(browser).status == 303


def test_K03_a_hanging_key_server_blocks_nobody_else(
    lms: Platform, tool: Tool, new_browser: Callable[[], Browser], key_server: KeyServer
) -> None:
    other_keys = KeyServer()
    other = Platform(tool.base_url, other_keys, issuer=lms.issuer + ".other")
    other.publish()
    tool.register(other)
    key_server.delay_s = 20
    waiting = threading.Thread(target=lambda: answers.append(lms.launch(new_browser())))
    answers: list[object] = []
    started = time.monotonic()
    waiting.start()
    assert other.launch(new_browser()).status == 303
    assert time.monotonic() - started < 2
    waiting.join()
    assert time.monotonic() - started < 8
    (reply,) = answers
    assert (reply.status, reply.code) == (502, "platform-keys-unreachable")  # type: ignore[attr-defined]
    other_keys.close()


def test_K04_known_keys_outlive_an_outage(lms: Platform, tool: Tool) -> None:
    cache = PlatformKeys(Outbound(allow_local_http=True), KeyShelf(tool.database))
    start = datetime.now(UTC)
    url = lms.keys.url
    known = cache.key(url, "kid-1", start)
    break_server(lms.keys, 500, b"{}")
    for hours in (1.1, 5, 23.9):
        assert cache.key(url, "kid-1", start + timedelta(hours=hours)) == known
        # A new process knows them from the shelf.
        fresh = PlatformKeys(Outbound(allow_local_http=True), KeyShelf(tool.database))
        assert fresh.key(url, "kid-1", start + timedelta(hours=hours)) == known
    with pytest.raises(Refused, match="platform-keys-unreachable"):
        cache.key(url, "kid-1", start + timedelta(hours=24, seconds=1))
    break_server(lms.keys, 200, None)
    assert cache.key(url, "kid-1", start + timedelta(hours=24, seconds=2)) == known


def test_a_dead_server_with_known_keys_is_asked_every_30_s_only(lms: Platform, tool: Tool) -> None:
    cache = PlatformKeys(Outbound(allow_local_http=True), KeyShelf(tool.database))
    start = datetime.now(UTC)
    cache.key(lms.keys.url, "kid-1", start)
    break_server(lms.keys, 500, b"{}")
    before = lms.keys.fetches
    for second in range(0, 60, 5):
        cache.key(lms.keys.url, "kid-1", start + timedelta(hours=2, seconds=second))
    assert lms.keys.fetches - before == 2


def test_K05_a_flood_of_unknown_kids_causes_two_fetches(lms: Platform, tool: Tool) -> None:
    shelf = KeyShelf(tool.database)
    workers = [PlatformKeys(Outbound(allow_local_http=True), shelf) for _ in range(2)]
    start = datetime.now(UTC)
    for worker in workers:
        worker.key(lms.keys.url, "kid-1", start)
    before = lms.keys.fetches
    for n in range(1000):
        now = start + timedelta(seconds=1 + n * 0.058)
        with pytest.raises(Refused, match="token-kid-unknown"):
            workers[n % 2].key(lms.keys.url, f"kid-x{n}", now)
    assert lms.keys.fetches - before == 2


def test_K06_a_removed_key_is_refused_within_an_hour(lms: Platform, tool: Tool) -> None:
    cache = PlatformKeys(Outbound(allow_local_http=True), KeyShelf(tool.database))
    start = datetime.now(UTC)
    cache.key(lms.keys.url, "kid-1", start)
    lms.publish(Key("kid-2", _KEYS[1]))
    with pytest.raises(Refused, match="token-kid-unknown"):
        cache.key(lms.keys.url, "kid-1", start + timedelta(hours=1))


def test_K07_redirects_are_not_followed(lms: Platform, browser: Browser, tool: Tool) -> None:
    inner = KeyServer()
    inner.keys = [lms.key.jwk()]
    lms.keys.status, lms.keys.location = 302, inner.url
    reply = lms.launch(browser)
    assert (reply.status, reply.code) == (502, "platform-keys-unreachable")
    assert inner.fetches == 0
    inner.close()


def test_K08_steady_state_fetches_nothing(lms: Platform, browser: Browser) -> None:
    for _ in range(5):
        assert lms.launch(browser).status == 303
    assert lms.keys.fetches == 1


def test_one_fetch_serves_all_who_wait(lms: Platform, tool: Tool) -> None:
    cache = PlatformKeys(Outbound(allow_local_http=True), KeyShelf(tool.database))
    lms.keys.delay_s = 0.3
    now, found = datetime.now(UTC), []
    threads = [
        threading.Thread(target=lambda: found.append(cache.key(lms.keys.url, "kid-1", now)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), lms.keys.fetches) == (8, 1)


def test_workers_that_meet_a_new_key_together_all_accept_it(lms: Platform, tool: Tool) -> None:
    shelf = KeyShelf(tool.database)
    workers = [PlatformKeys(Outbound(allow_local_http=True), shelf) for _ in range(3)]
    now = datetime.now(UTC)
    for worker in workers:
        worker.key(lms.keys.url, "kid-1", now)
    lms.publish(Key("kid-2", _KEYS[1]))
    lms.keys.delay_s = 0.3
    found: list[object] = []
    later = now + timedelta(seconds=5)
    threads = [
        threading.Thread(target=lambda w=w: found.append(w.key(lms.keys.url, "kid-2", later)))  # type: ignore[misc]
        for w in workers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": 5},
        {"kty": "oct"},
        {"key_ops": ["sign"]},
        {"key_ops": "verify"},
        {"d": "AQAB"},
        {"n": "AQAB"},
        {"n": "!!!"},
        {"n": 5},
        {"e": "Ag"},
        {"e": ""},
        {"kid": ""},
        {"kid": 5},
        {"kid": None},
    ],
)
def test_entries_we_cannot_rely_on_are_skipped(
    lms: Platform, browser: Browser, change: dict[str, object]
) -> None:
    other = Key("kid-2", _KEYS[1])
    lms.keys.keys = [lms.key.jwk() | change, 5, None, other.jwk()]
    refused(lms.launch(browser), "token-kid-unknown")
    lms.key = other
    assert lms.launch(browser).status == 303


def test_two_keys_under_one_kid_are_none(lms: Platform, browser: Browser) -> None:
    lms.keys.keys = [
        lms.key.jwk(),
        Key("kid-1", _KEYS[1]).jwk(),
        Key("kid-2", _KEYS[2]).jwk(),
    ]
    refused(lms.launch(browser), "token-kid-unknown")


@pytest.mark.parametrize(
    "url",
    [
        "http://lms.example/jwks",
        "https://127.0.0.1/jwks",
        "https://localhost/jwks",
        "https://10.0.0.1/jwks",
        "https://169.254.169.254/latest",
        "https://[::1]/jwks",
        "https://[::ffff:127.0.0.1]/jwks",
        "https://0.0.0.0/",
        "file:///etc/passwd",
        "https://user@lms.example/",
    ],
)
def test_only_public_https_addresses_are_asked(url: str) -> None:
    with pytest.raises(Unreachable, match=r"public|https|usable"):
        Outbound().get(url, accept="*/*")


def test_development_allows_loopback_but_no_other_private_address() -> None:
    with pytest.raises(Unreachable, match="public"):
        Outbound(allow_local_http=True).get("https://10.0.0.1/", accept="*/*")
    with pytest.raises(Unreachable, match="https"):
        Outbound(allow_local_http=True).get("http://10.0.0.1/", accept="*/*")
