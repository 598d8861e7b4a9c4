"""Attacks on login, launch and the server, by a platform that shares no code with the tool."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from demo.serving import Serving
from lti_tool.lti.outbound import Outbound, Unreachable, _allowed
from lti_tool.serving import SERVING
from tests.conformance.lti13.conftest import Tool, run_tool
from tests.conformance.lti13.platform import (
    _KEYS,
    Browser,
    Key,
    KeyServer,
    Platform,
    sign,
    sign_hs256,
)

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def tool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tool]:
    with run_tool(tmp_path_factory.mktemp("door")) as made:
        yield made


@pytest.fixture(scope="module")
def key_servers() -> Iterator[list[KeyServer]]:
    made = [KeyServer(), KeyServer()]
    yield made
    for server in made:
        server.close()


@pytest.fixture(scope="module")
def platforms(tool: Tool, key_servers: list[KeyServer]) -> tuple[Platform, Platform]:
    """Two towns' registrations at one LMS: one issuer, two clients, two keys of the same name."""
    first, second = (
        Platform(tool.base_url, server, client_id=f"client-{n}", key=Key("kid-1", _KEYS[n]))
        for n, server in enumerate(key_servers)
    )
    for made in (first, second):
        made.publish()
        tool.register(made)
    return first, second


@pytest.fixture
def browser(tool: Tool) -> Browser:
    return Browser(tool.base_url)


# --- tokens and states that belong elsewhere ------------------------------------------------------


def test_a_token_of_one_registration_is_none_for_another(
    platforms: tuple[Platform, Platform], browser: Browser
) -> None:
    mine, victim = platforms
    begun = victim.login(browser)
    claims = victim.claims(begun)
    good_key, evil_key = victim.key, mine.key
    attempts = {
        "own key, victim's claims": sign(victim.header(), claims, evil_key),
        "own client as azp": sign(victim.header(), claims | {"azp": mine.client_id}, good_key),
        "own client as aud": sign(victim.header(), claims | {"aud": mine.client_id}, good_key),
        "both, without azp": sign(
            victim.header(), claims | {"aud": [mine.client_id, victim.client_id]}, good_key
        ),
        "jku": sign(victim.header(jku=mine.keys.url), claims, evil_key),
        "jwk": sign(victim.header(jwk=mine.key.jwk()), claims, evil_key),
        "x5u": sign(victim.header(x5u=mine.keys.url), claims, evil_key),
        "crit": sign(victim.header(crit=["b64"], b64=True), claims, good_key),
        "none": sign(victim.header(alg="none"), claims, good_key),
        "HS256": sign_hs256(victim.header(alg="HS256"), claims, good_key.public_pem()),
        "RS512 by name": sign(victim.header(alg="RS512"), claims, good_key),
        "kid as a path": sign(victim.header(kid="../../../dev/null"), claims, good_key),
        "kid as SQL": sign(victim.header(kid="kid-1' OR '1'='1"), claims, good_key),
        "kid as a list": sign(victim.header(kid=["kid-1"]), claims, good_key),
    }
    for name, token in attempts.items():
        refused = victim.send(browser, begun, token)
        assert refused.status in (400, 401), (name, refused.status)
        assert not refused.header("Location")
    # Nothing of all that has used up the login.
    assert victim.send(browser, begun, victim.token(begun)).status == 303


def test_states_and_nonces_of_tabs_and_registrations_do_not_mix(
    platforms: tuple[Platform, Platform], browser: Browser, tool: Tool
) -> None:
    mine, victim = platforms
    here, there, tab = victim.login(browser), mine.login(browser), victim.login(browser)
    assert victim.send(browser, there, victim.token(there)).status == 401
    assert victim.send(browser, here, victim.token(tab)).code == "token-nonce-wrong"
    assert mine.send(browser, here, mine.token(here)).status == 401
    other = Browser(tool.base_url)
    assert victim.send(other, here, victim.token(here)).code == "state-cookie-missing"
    assert victim.send(browser, here, victim.token(here)).status == 303
    assert victim.send(browser, here, victim.token(here)).code == "launch-used"
    assert victim.send(browser, tab, victim.token(tab)).status == 303


def test_the_same_person_at_two_registrations_is_two_persons(
    platforms: tuple[Platform, Platform], tool: Tool
) -> None:
    found = [tool.opened(p.launch(Browser(tool.base_url), sub="4711")) for p in platforms]
    assert found[0].learner.id != found[1].learner.id


# --- where a browser is sent ----------------------------------------------------------------------

TARGETS = (
    "https://evil.example/",
    "//evil.example/",
    "{tool}.evil.example/",
    "{tool}@evil.example/",
    "http://user@{host}/",
    "{tool}\\@evil.example/",
    "{tool}/\r\nX-Evil: 1",
    "javascript:alert(1)",
    "data:text/html,x",
)


@pytest.mark.parametrize("target", TARGETS)
def test_no_target_leads_outside(
    platforms: tuple[Platform, Platform], browser: Browser, tool: Tool, target: str
) -> None:
    host = tool.base_url.removeprefix("http://")
    named = target.format(tool=tool.base_url, host=host)
    refused = platforms[0].login(browser, target_link_uri=named)
    assert refused.status == 400
    assert not refused.header("Location")
    begun = platforms[0].login(browser)
    token = platforms[0].token(begun, target_link_uri=named)
    assert platforms[0].send(browser, begun, token).status == 400


@pytest.mark.parametrize("path", ["//evil.example", "l/x/profil", "%2e%2e/%2e%2e/x", "a%0d%0aX:1"])
def test_a_target_of_ours_leads_to_a_page_of_this_launch(
    platforms: tuple[Platform, Platform], browser: Browser, tool: Tool, path: str
) -> None:
    target = f"{tool.base_url}/{path}"
    begun = platforms[0].login(browser, target_link_uri=target)
    token = platforms[0].token(begun, target_link_uri=target)
    sent = platforms[0].send(browser, begun, token)
    assert sent.status == 303
    place = sent.header("Location")
    assert place.startswith("/l/")
    assert place.count("/") == 3
    assert "evil" not in place


@pytest.mark.parametrize("back", ["javascript:alert(1)", "http://evil.example/", f'x"{SCRIPT}'])
def test_the_way_back_is_a_link_or_nothing(
    platforms: tuple[Platform, Platform], browser: Browser, back: str
) -> None:
    presented = {"locale": "de", "return_url": back}
    refused = platforms[0].launch(browser, deployment_id="?", launch_presentation=presented)
    assert refused.status == 403
    assert back not in refused.body
    assert SCRIPT not in refused.body


def test_what_a_login_names_never_comes_back_as_markup_or_header(
    platforms: tuple[Platform, Platform], browser: Browser
) -> None:
    for name in ("iss", "client_id", "login_hint", "lti_message_hint", "target_link_uri"):
        for odd in (SCRIPT, "x\r\nX-Evil: 1", "\0", "\u202e"):
            answer = platforms[0].login(browser, **{name: odd})
            assert answer.status in (302, 400, 403), (name, odd)
            assert SCRIPT not in answer.body
            assert not answer.header("X-Evil")
            assert "X-Evil: 1" not in answer.header("Location")


def test_names_in_claims_are_text(platforms: tuple[Platform, Platform], browser: Browser) -> None:
    context = {"id": "6", "title": f"{SCRIPT}\r\n\0{{{{7*7}}}}"}
    link = {"id": SCRIPT, "title": SCRIPT}
    sent = platforms[0].launch(browser, context=context, resource_link=link)
    assert sent.status == 303
    page = browser.get(browser.get(sent.header("Location")).header("Location"))
    assert page.status == 200
    assert SCRIPT not in page.body


# --- where we are sent ----------------------------------------------------------------------------

INSIDE = (
    *("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "100.64.0.1", "0.0.0.0"),
    *("::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::a9fe:a9fe", "192.0.0.192"),
    *("2002:a00:1::", "2001:0:a00:1::", "fec0::1", "fd00::1", "fe80::1", "ff02::1", "224.0.0.1"),
)


@pytest.mark.parametrize("address", INSIDE)
def test_no_disguise_of_a_private_address_is_public(address: str) -> None:
    assert not _allowed(address, Outbound(False))


def test_public_addresses_and_the_loopback_of_development_are_reached() -> None:
    assert _allowed("93.184.216.34", Outbound(False))
    assert _allowed("2606:2800:220:1::1", Outbound(False))
    assert _allowed("::1", Outbound(True))
    assert not _allowed("10.0.0.1", Outbound(True))


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:1/", "https://127.0.0.1:1/", "https://2130706433/", "https://0x7f.1/"),
        *("https://localhost:1/", "file:///etc/passwd", "gopher://x/", "https://a@127.0.0.1/"),
    ],
)
def test_nothing_inside_is_fetched_in_production(url: str) -> None:
    with pytest.raises(Unreachable):
        Outbound(allow_local_http=False).get(url, accept="*/*")


# --- the server -----------------------------------------------------------------------------------


def test_slow_senders_keep_nobody_out(tool: Tool) -> None:
    server = Serving(tool.app, **SERVING)
    server.start()
    place = ("127.0.0.1", server.port)
    head = b"POST /lti/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na="
    with ExitStack() as held:
        for _ in range(150):
            held.enter_context(socket.create_connection(place)).sendall(head)
        connection = http.client.HTTPConnection(*place, timeout=5)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
    server.close()


def test_a_huge_body_is_refused_with_the_page(browser: Browser) -> None:
    refused = browser.post("/lti/launch", b"state=" + b"a" * (2 << 20))
    assert refused.status == 413
    assert refused.code == "too-large"
    many = b"&".join(b"a%d=1" % n for n in range(5000))
    assert browser.post("/lti/launch", many).code == "form-malformed"


def test_a_refusal_says_nothing_that_a_log_could_be_forged_with(
    platforms: tuple[Platform, Platform], browser: Browser, capfd: pytest.CaptureFixture[str]
) -> None:
    evil = 'x"}\n{"event":"launch accepted"'
    platforms[0].login(browser, iss=evil)
    browser.get("/l/" + "x%0a%7B%22event%22:%22forged%22%7D" + "/profil")
    browser.get("/zzz%0aforged", headers={"User-Agent": "forged", "Referer": "forged"})
    said = "".join(capfd.readouterr())
    assert "forged" not in said
    assert "launch accepted" not in said
