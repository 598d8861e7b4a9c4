"""4.3 Signature and form of the token: nothing in it chooses the key or the algorithm."""

from urllib.parse import urlencode

import pytest

from .platform import _KEYS, Browser, Key, Platform, Reply, b64, dump, sign, sign_hs256
from .test_login import refused


def send(
    lms: Platform, browser: Browser, header: dict[str, object], key: Key | None = None
) -> Reply:
    begun = lms.login(browser)
    return lms.send(browser, begun, sign(header, lms.claims(begun), key or lms.key))


@pytest.mark.parametrize("kid", [None, "", 5, ["kid-1"], {}, "k" * 256])
def test_J01_no_kid(lms: Platform, browser: Browser, kid: object) -> None:
    header = {"typ": "JWT", "alg": "RS256"} | ({} if kid is None else {"kid": kid})
    refused(send(lms, browser, header), "token-kid-missing")


def test_J02_unknown_kid(lms: Platform, browser: Browser) -> None:
    refused(send(lms, browser, lms.header(kid="kid-9")), "token-kid-unknown")


def test_J03_right_kid_wrong_key(lms: Platform, browser: Browser) -> None:
    refused(send(lms, browser, lms.header(), Key("kid-1", _KEYS[2])), "token-signature")


def test_J04_payload_changed_after_signing(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    head, _, signature = lms.token(begun).split(".")
    changed = dump(lms.claims(begun, sub="somebody-else"))
    refused(lms.send(browser, begun, f"{head}.{changed}.{signature}"), "token-signature")


def test_J05_alg_none(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    for alg in ("none", "None", "nOnE"):
        unsigned = f"{dump(lms.header(alg=alg))}.{dump(lms.claims(begun))}."
        refused(lms.send(browser, begun, unsigned), "token-malformed")
        refused(lms.send(browser, begun, unsigned + "AA"), "token-algorithm")


def test_J06_hs256_with_the_public_key(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    header = lms.header(alg="HS256")
    token = sign_hs256(header, lms.claims(begun), lms.key.public_pem())
    refused(lms.send(browser, begun, token), "token-algorithm")


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "ES256", "rs256", None, 5, ["RS256"]])
def test_J06b_other_algorithms(lms: Platform, browser: Browser, alg: object) -> None:
    header = {"typ": "JWT", "kid": "kid-1"} | ({} if alg is None else {"alg": alg})
    refused(send(lms, browser, header), "token-algorithm")


def test_J07_a_key_offered_in_the_header(lms: Platform, browser: Browser) -> None:
    mine = Key("kid-1", _KEYS[2])
    for offer in (
        {"jwk": mine.jwk()},
        {"jku": lms.keys.url},
        {"x5u": lms.keys.url},
        {"x5c": ["x"]},
    ):
        refused(send(lms, browser, lms.header(**offer), mine), "token-header-key")
        refused(send(lms, browser, lms.header(**offer)), "token-header-key")


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ({"crit": ["exp"], "exp": 1}, "token-header-critical"),
        ({"crit": []}, "token-header-critical"),
        ({"b64": False}, "token-header-critical"),
        ({"b64": False, "crit": ["b64"]}, "token-header-critical"),
        ({"typ": "at+jwt"}, "token-type"),
        ({"typ": "logout+jwt"}, "token-type"),
        ({"typ": 7}, "token-type"),
    ],
)
def test_J07b_headers_that_change_the_meaning(
    lms: Platform, browser: Browser, extra: dict[str, object], code: str
) -> None:
    refused(send(lms, browser, lms.header(**extra)), code)


@pytest.mark.parametrize("extra", [{"typ": "jwt"}, {"x5t": "abc"}, {"foo": {"bar": 1}}])
def test_J07c_headers_that_mean_nothing_to_us(
    lms: Platform, browser: Browser, extra: dict[str, object]
) -> None:
    assert send(lms, browser, lms.header(**extra)).status == 303


def test_J07d_no_typ_is_fine(lms: Platform, browser: Browser) -> None:
    assert send(lms, browser, lms.header(typ=None)).status == 303


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "..",
        "ä.ö.ü",
        "e30.e30.e30",
        "W10.W10.W10",
        "bnVsbA.e30.AA",
    ],
)
def test_J08_not_a_jwt(lms: Platform, browser: Browser, token: str) -> None:
    begun = lms.login(browser)
    reply = lms.send(browser, begun, token)
    assert reply.status in (400, 401)
    assert reply.code in ("token-malformed", "token-algorithm")


def test_J08b_a_payload_that_is_no_object(lms: Platform, browser: Browser) -> None:
    for payload in ("text", [], 5, None, [[]] * 10):
        begun = lms.login(browser)
        refused(lms.send(browser, begun, sign(lms.header(), payload, lms.key)), "token-malformed")


def test_J08c_nesting_that_breaks_parsers(lms: Platform, browser: Browser) -> None:
    deep = b64(b'{"a":' * 20_000 + b"1" + b"}" * 20_000)
    refused(lms.send(browser, lms.login(browser), f"{deep}.e30.AA"), "token-malformed")


@pytest.mark.parametrize("token", [None, ""])
def test_J09_id_token_missing(lms: Platform, browser: Browser, token: str | None) -> None:
    refused(lms.send(browser, lms.login(browser), token), "token-missing")


def test_J10_well_signed_but_not_lti(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    plain = {k: v for k, v in lms.claims(begun).items() if not k.startswith("http")}
    refused(lms.send(browser, begun, sign(lms.header(), plain, lms.key)), "version-missing")


def test_J11_launch_by_get(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    form = {"state": begun.query["state"], "id_token": lms.token(begun)}
    refused(browser.get("/lti/launch?" + urlencode(form)), "method-not-allowed")


@pytest.mark.parametrize(
    ("error", "code"),
    [("login_required", "platform-login-required"), ("<b>x</b>", "platform-error")],
)
def test_J12_the_platform_says_no(lms: Platform, browser: Browser, error: str, code: str) -> None:
    begun = lms.login(browser)
    reply = lms.send(browser, begun, None, error=error, error_description="secret words")
    refused(reply, code)
    assert "secret words" not in reply.body
    assert "<b>x" not in reply.body
