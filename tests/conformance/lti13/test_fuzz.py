"""No input to /lti/* ever yields a 500: a few hundred requests here, ten thousand in `test-all`.

Seeded, so that a failure can be repeated: the seed is in the test's id.
"""

import os
import random

import pytest

from .conftest import Tool
from .platform import LTI, Browser, Platform, sign

ROUNDS = int(os.environ.get("ROADMAP_FUZZ_ROUNDS", "60"))
ODD = [
    None, True, False, 0, -1, 1.5, 10**30, "", " ", "x", "ä", "\u0000", "\ud800", "x" * 5000,
    [], {}, [None], [[]], {"id": {}}, {"": ""}, "javascript:x", "http://[", "https://[::1", "//",
    "%", "$x", {"a": [{"b": {}}]}, ["x"] * 300, "2026-01-01T00:00:00Z", "\u202e", "﷽",
]  # fmt: skip


def mutate(chance: random.Random, claims: dict[str, object]) -> dict[str, object]:
    changed = dict(claims)
    for _ in range(chance.randint(1, 3)):
        name = chance.choice([*changed, LTI + "custom", LTI + "lis", "azp", "nbf", "https://x/ags"])
        if chance.random() < 0.2:
            changed.pop(name, None)
        elif isinstance(changed.get(name), dict) and chance.random() < 0.7:
            inner = dict(changed[name])  # type: ignore[call-overload]
            inner[chance.choice([*inner, "id", "role", "locale"])] = chance.choice(ODD)
            changed[name] = inner
        else:
            changed[name] = chance.choice(ODD)
    return changed


@pytest.mark.parametrize("seed", range(4))
def test_fuzzed_claims_and_headers(lms: Platform, browser: Browser, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        begun = lms.login(browser)
        header = lms.header()
        if chance.random() < 0.3:
            header[chance.choice(["alg", "kid", "typ", "crit", "b64", "jwk", "x"])] = chance.choice(
                ODD
            )
        claims = mutate(chance, lms.claims(begun))
        reply = lms.send(browser, begun, sign(header, claims, lms.key))
        assert reply.status in (303, 400, 401, 403), (reply.status, header, claims)
        assert reply.status == 303 or reply.code not in ("", "internal"), (header, claims)


@pytest.mark.parametrize("seed", range(2))
def test_fuzzed_requests(lms: Platform, browser: Browser, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(ROUNDS):
        begun = lms.login(browser)
        form = bytearray(
            f"state={begun.query['state']}&id_token={lms.token(begun)}".encode()
            if chance.random() < 0.5
            else b"iss=https://lms.example&login_hint=1&target_link_uri=" + lms.tool.encode()
        )
        for _ in range(chance.randint(1, 6)):
            form[chance.randrange(len(form))] = chance.randrange(256)
        path = chance.choice(["/lti/login", "/lti/launch", "/lti/jwks", "/lti/x", "/lti/register"])
        method = chance.choice(["POST", "POST", "POST", "GET", "PUT", "HEAD", "OPTIONS"])
        reply = browser.request(method, path, bytes(form))
        assert reply.status < 500, (reply.status, method, path, bytes(form))


@pytest.mark.parametrize("seed", range(2))
def test_fuzzed_logins(lms: Platform, browser: Browser, tool: Tool, seed: int) -> None:
    chance = random.Random(seed)
    texts = [odd for odd in ODD if isinstance(odd, str) and odd != "\ud800"]
    for _ in range(ROUNDS):
        form = lms.login_form()
        for _ in range(chance.randint(1, 2)):
            form[chance.choice(list(form))] = chance.choice(texts)
        reply = browser.post("/lti/login", form)
        assert reply.status in (302, 400, 403), (reply.status, form)
