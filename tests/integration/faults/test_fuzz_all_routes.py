"""Whatever is sent to whichever route: never a 500, never a stack trace, and the house stands.

Every rule of the URL map is asked, by nobody and by a learner in the middle of the loop, so a new
route is fuzzed without a line here. A few hundred requests in `make test`, ten thousand in
`make test-all`. Seeded: a failure prints what was sent.
"""

import random
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import Headers
from werkzeug.routing import Rule

from lti_tool.flows.reflecting import private_items
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor

FEW, MANY = 250, 2500
LIFETIME = 50  # requests until somebody new is asked for: sooner or later one of them erases
METHODS = ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "BREW")
TEXTS = (
    "", " ", "0", "-1", "1e9", "999999999999999999999", "NaN", "ä", "\u202e", "﷽", "\u0000", "%00",
    "../../etc/passwd", "<script>alert(1)</script>", "' OR 1=1 --", "x" * 3000, "null", "[]",
    "{}", '{"id": 1}', "true", "de", "en", "1.1", "4.2", "GB", "2026-13-45", "2026-12", "$x", "*",
    "http://[", "//evil.example", "javascript:x", "2026-01-01T00:00:00Z", "🌻",
)  # fmt: skip
FIELDS = (
    "answer", "choice", "choices", "option", "order", "targets", "role", "roles", "month",
    "language", "unit", "other", "hours", "kind", "text", "reason", "position", "state", "id_token",
    "iss", "login_hint", "target_link_uri", "client_id", "more", "since", "limit", "statementId",
    "verb", "agent", "activity", "fuer", "action", "confirm", "evidence", "id", "next", "token",
)  # fmt: skip
HEADERS = (
    "Accept-Language", "Accept", "Content-Type", "If-Match", "Range", "Cookie", "Origin", "Referer",
    "Authorization", "X-Experience-API-Version", "X-Forwarded-For", "If-None-Match", "User-Agent",
)  # fmt: skip
BODIES = (
    b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"id":' * 500, b'[{"actor":{}}]', b"a=%ZZ&b",
    b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n', b"=" * 5000,
)  # fmt: skip


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    found = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'fuzz.db'}"))
    found.app.testing = False  # what a browser would get, not an exception
    yield found
    found.close()


@pytest.mark.parametrize("seed", range(2))
def test_a_few_hundred_odd_requests(stage: Stage, seed: int) -> None:
    fuzz(stage, seed, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 14))
def test_ten_thousand_odd_requests(stage: Stage, seed: int) -> None:
    fuzz(stage, seed, MANY)


def fuzz(stage: Stage, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    rules = sorted(stage.app.url_map.iter_rules(), key=lambda rule: rule.rule)
    client = stage.app.test_client()
    for n in range(rounds):
        if n % LIFETIME == 0:
            visitor = stage.planned(stage.assessed("GB", luck=0.3, seed=n))
            known = (stage.first_unit(visitor), "4.1", "GB", *items_of(stage))
        sent = request_of(chance, chance.choice(rules), visitor, stage.csrf(visitor), known)
        judge(client, visitor if chance.random() < 0.8 else None, sent)
    stands(stage)


def items_of(stage: Stage) -> list[str]:
    return [item.key for item in private_items(stage.s)]


def judge(client: FlaskClient, visitor: Visitor | None, sent: dict[str, Any]) -> None:
    if visitor is not None:
        client.set_cookie("launch", visitor.secret, path=visitor.home)
    answer = client.open(**sent)
    client.delete_cookie("launch", path=visitor.home if visitor else "/")
    text = answer.data.decode("utf-8", "replace")
    assert answer.status_code < 500, (answer.status_code, sent, text[:2000])
    assert "Traceback" not in text, sent


def request_of(
    chance: random.Random, rule: Rule, visitor: Visitor, csrf: str, known: Sequence[str]
) -> dict[str, Any]:
    """Return the arguments of one odd request to a rule; half of them nearly right."""
    headers = Headers()
    for name in chance.sample(HEADERS, chance.choice((0, 0, 1, 2))):
        headers[name] = re.sub(r"[^\x20-\xff]", "?", chance.choice(TEXTS))[:500]
    sent: dict[str, Any] = {
        "path": path_of(chance, rule, visitor, known),
        "method": chance.choice(sorted(rule.methods or ()) if chance.random() < 0.8 else METHODS),
        "headers": headers,
    }
    pairs = {name: chance.choice(TEXTS) for name in chance.sample(FIELDS, chance.randint(0, 6))}
    if chance.random() < 0.2:
        sent["data"] = chance.choice(BODIES)
    elif sent["method"] == "GET":
        sent["query_string"] = pairs
    else:
        sent["data"] = pairs | ({"csrf": csrf} if chance.random() < 0.8 else {})
    return sent


def path_of(chance: random.Random, rule: Rule, visitor: Visitor, known: Sequence[str]) -> str:
    def value(found: re.Match[str]) -> str:
        if "launch" in found.group() and chance.random() < 0.9:
            return visitor.launch_id
        if chance.random() < 0.6:
            return chance.choice(known)
        return chance.choice(TEXTS).replace("?", "").replace("#", "") or "x"

    return re.sub(r"<[^>]+>", value, rule.rule)


def stands(stage: Stage) -> None:
    """Somebody new is let in and gets a question: nothing is broken for the others."""
    visitor = stage.assessed("GB", most=1)
    client = stage.app.test_client()
    client.set_cookie("launch", visitor.secret, path=visitor.home)
    page = client.get(f"{visitor.home}frage")
    assert page.status_code == 200
    assert b'data-test="question"' in page.data
