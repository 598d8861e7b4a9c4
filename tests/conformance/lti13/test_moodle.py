"""Launches captured from a real Moodle 4.5, re-signed: accepted; tampered: refused.

People are fictional. The captures name a tool at another address and an issuer with plain http;
address, issuer, client, nonce and times are replaced, everything else stays as Moodle sent it.
"""

import copy
import json
import time
from pathlib import Path

import pytest

from .conftest import Tool
from .platform import LTI, Browser, Platform, Reply, sign
from .test_login import refused

CAPTURED = sorted(Path(__file__).with_name("launches").glob("launch-*.json"))


def resigned(
    lms: Platform, browser: Browser, capture: dict[str, dict[str, object]], **changes: object
) -> Reply:
    claims = copy.deepcopy(capture["claims"])
    old = str(claims[LTI + "target_link_uri"])
    target = lms.tool + old.split("9145", 1)[1]
    begun = lms.login(browser, target_link_uri=target, login_hint=str(claims["sub"]))
    now = int(time.time())
    claims |= {
        "iss": lms.issuer,
        "aud": lms.client_id,
        "nonce": begun.query["nonce"],
        "iat": now,
        "exp": now + 60,
        LTI + "target_link_uri": target,
    }
    claims |= changes
    token = sign({**capture["jwt_header"], "kid": lms.key.kid}, claims, lms.key)
    return lms.send(browser, begun, token)


@pytest.fixture(params=CAPTURED, ids=[p.stem for p in CAPTURED])
def capture(request: pytest.FixtureRequest) -> dict[str, dict[str, object]]:
    return json.loads(request.param.read_text())  # type: ignore[no-any-return]


def test_a_captured_launch_is_accepted(
    lms: Platform, browser: Browser, tool: Tool, capture: dict[str, dict[str, object]]
) -> None:
    found = tool.opened(resigned(lms, browser, capture))
    claims = capture["claims"]
    presentation = claims[LTI + "launch_presentation"]
    assert found.locale == ("en" if presentation["locale"] == "en" else "de")  # type: ignore[index]
    teaches = any("membership#Instructor" in role for role in claims[LTI + "roles"])  # type: ignore[attr-defined]
    assert found.instructor == teaches
    assert found.context_title == "Digitale Grundkompetenzen für die Verwaltung"
    # Moodle names `lineitem` only where exactly one belongs to the link.
    endpoint = claims.get("https://purl.imsglobal.org/spec/lti-ags/claim/endpoint", {})
    assert found.services.get("lineitem") == endpoint.get("lineitem")  # type: ignore[attr-defined]


TAMPERED = [
    ({"iat": 1, "exp": 61}, "token-expired"),
    (
        {"nonce": "69d32b1d1ce543218d6875a0596b4d095251b800e63311f18d8002fc00000001"},
        "token-nonce-wrong",
    ),
    ({"aud": "12345"}, "token-aud-wrong"),  # an activity that kept its LTI 1.1 key
    ({"iss": "http://localhost:8145"}, "token-iss-wrong"),
    ({LTI + "target_link_uri": "http://127.0.0.1:9145/launch"}, "target-foreign"),
    ({LTI + "deployment_id": "99"}, "deployment-unknown"),
    ({LTI + "version": "1.1"}, "version-wrong"),
    ({"sub": ""}, "sub-missing"),
]


@pytest.mark.matrix
@pytest.mark.parametrize(("changes", "code"), TAMPERED)
def test_a_tampered_one_is_refused(
    lms: Platform,
    browser: Browser,
    capture: dict[str, dict[str, object]],
    changes: dict[str, object],
    code: str,
) -> None:
    refused(resigned(lms, browser, capture, **changes), code)
