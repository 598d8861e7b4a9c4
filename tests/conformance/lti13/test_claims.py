"""4.5 time, issuer, audience and 4.6 claims: one cause, one code, never a 500."""

import time
from collections.abc import Callable

import pytest

from lti_tool.store import platforms

from .conftest import Tool
from .platform import LTI, MEMBERSHIP, Browser, Platform, Reply, sign
from .test_accepted import DEEP_LINK, DEEP_LINKING
from .test_login import refused

NULL = object()  # a JSON null; None takes the claim away


def launch(lms: Platform, browser: Browser, name: str, value: object) -> Reply:
    begun = lms.login(browser)
    if value is not NULL:
        return lms.send(browser, begun, lms.token(begun, **{name: value}))
    claims = lms.claims(begun)
    claims[name if name in claims or name == "azp" else LTI + name] = None
    return lms.send(browser, begun, sign(lms.header(), claims, lms.key))


NOW = int(time.time())
TIMES = [
    ("T01", {"iat": NOW - 3660, "exp": NOW - 3600}, "token-expired"),
    ("T02", {"iat": 11111, "exp": 22222}, "token-expired"),
    ("T03", {"exp": None}, "token-exp-missing"),
    ("T04", {"iat": None}, "token-iat-missing"),
    ("T05", {"iat": NOW + 3600, "exp": NOW + 3660}, "token-from-future"),
    ("T06", {"iat": NOW - 86400, "exp": NOW + 31_000_000}, "token-too-old"),
    ("T06b", {"nbf": NOW + 3600}, "token-not-yet-valid"),
    ("T06c", {"iat": NOW + 5, "exp": NOW + 5}, "token-exp-before-iat"),
    ("T06d", {"iat": NOW + 5, "exp": NOW + 1}, "token-exp-before-iat"),
    ("T06e", {"iat": str(NOW)}, "token-time-malformed"),
    ("T06f", {"exp": True}, "token-time-malformed"),
    ("T06g", {"nbf": "soon"}, "token-time-malformed"),
    ("T06h", {"exp": 10**400}, "token-time-malformed"),
    ("T06i", {"iat": [NOW]}, "token-time-malformed"),
    ("T06j", {"exp": {}}, "token-time-malformed"),
    ("T06k", {"iat": -1e30}, "token-time-malformed"),
]


@pytest.mark.parametrize(("changes", "code"), [pytest.param(c, k, id=i) for i, c, k in TIMES])
def test_T01_to_T06_times(
    lms: Platform, browser: Browser, changes: dict[str, object], code: str
) -> None:
    refused(lms.launch(browser, **changes), code)


def test_leeway_is_ten_seconds_and_sixty_for_ilias(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    ilias = Platform(tool.base_url, lms.keys, issuer=lms.issuer + ".ilias")
    tool.register(ilias, kind="ilias")
    now = int(time.time())
    behind, ahead = {"iat": now - 68, "exp": now - 8}, {"iat": now + 40, "exp": now + 100}
    assert lms.launch(browser, **behind).status == 303
    refused(lms.launch(browser, **ahead), "token-from-future")
    assert ilias.launch(browser, **ahead).status == 303
    assert ilias.launch(browser, iat=now - 110, exp=now - 50).status == 303
    refused(ilias.launch(browser, iat=now - 130, exp=now - 70), "token-expired")


def test_fractions_of_seconds_are_numbers(lms: Platform, browser: Browser) -> None:
    now = time.time()
    assert lms.launch(browser, iat=now, exp=now + 60.5).status == 303


PARTIES = [
    ("T07", "iss", None, "token-iss-missing"),
    ("T07b", "iss", NULL, "token-iss-missing"),
    ("T08", "iss", "https://nobody.example", "token-iss-wrong"),
    ("T08b", "iss", 5, "claim-malformed"),
    ("T09", "aud", None, "token-aud-missing"),
    ("T09b", "aud", [], "token-aud-missing"),
    ("T09c", "aud", "", "token-aud-missing"),
    ("T10", "aud", "another-tool", "token-aud-wrong"),
    ("T10b", "aud", ["another-tool"], "token-aud-wrong"),
    ("T10c", "aud", {"client-1": 1}, "token-aud-malformed"),
    ("T10d", "aud", ["client-1", 5], "token-aud-malformed"),
    ("T10e", "aud", ["client-1", ["client-1"]], "token-aud-malformed"),
    ("T11", "aud", ["client-1", "other"], "token-azp-missing"),
    ("T12", "azp", "other", "token-azp-wrong"),
    ("T12b", "azp", NULL, "token-azp-wrong"),
    ("T12c", "azp", ["client-1"], "token-azp-wrong"),
    ("N06c", "nonce", 5, "claim-malformed"),
]


@pytest.mark.parametrize(
    ("name", "value", "code"), [pytest.param(n, v, c, id=i) for i, n, v, c in PARTIES]
)
def test_T07_to_T12_issuer_and_audience(
    lms: Platform, browser: Browser, name: str, value: object, code: str
) -> None:
    refused(launch(lms, browser, name, value), code)


def test_T13_token_for_one_client_after_the_login_of_another(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    second = Platform(tool.base_url, lms.keys, lms.issuer, "client-2", "1")
    tool.register(second)
    begun = second.login(browser)
    refused(lms.send(browser, begun, lms.token(begun)), "token-aud-wrong")


CLAIMS = [
    ("C01", "version", None, "version-missing"),
    ("C01b", "version", NULL, "version-missing"),
    ("C02", "version", "11.3", "version-wrong"),
    ("C02b", "version", 1.3, "claim-malformed"),
    ("C02c", "version", "1.3", "version-wrong"),
    ("C03", "message_type", None, "message-type-missing"),
    ("C03b", "message_type", "", "message-type-missing"),
    ("C04", "message_type", "LtiSomethingRequest", "message-type-unknown"),
    ("C04b", "message_type", ["LtiResourceLinkRequest"], "claim-malformed"),
    ("C05", "deployment_id", None, "deployment-missing"),
    ("C05b", "deployment_id", "", "deployment-missing"),
    ("C05c", "deployment_id", 1, "claim-malformed"),
    ("C05d", "deployment_id", "x" * 256, "claim-malformed"),
    ("C05e", "deployment_id", "1\u0000", "claim-malformed"),
    ("C08", "resource_link", None, "resource-link-missing"),
    ("C08b", "resource_link", NULL, "resource-link-missing"),
    ("C08c", "resource_link", "link-1", "claim-malformed"),
    ("C08d", "resource_link", [], "claim-malformed"),
    ("C09", "resource_link", {}, "resource-link-id-missing"),
    ("C09b", "resource_link", {"id": ""}, "resource-link-id-missing"),
    ("C09c", "resource_link", {"id": None}, "resource-link-id-missing"),
    ("C09d", "resource_link", {"id": 7}, "claim-malformed"),
    ("C10", "roles", None, "roles-missing"),
    ("C10b", "roles", NULL, "roles-missing"),
    ("C11", "roles", MEMBERSHIP + "Instructor", "roles-malformed"),
    ("C11b", "roles", {"0": "Instructor"}, "roles-malformed"),
    ("C11c", "roles", ["Learner", 5], "roles-malformed"),
    ("C11d", "roles", [["Learner"]], "roles-malformed"),
    ("C12", "sub", None, "sub-missing"),
    ("C12b", "sub", "", "sub-missing"),
    ("C12c", "sub", NULL, "sub-missing"),
    ("C12d", "sub", 4, "claim-malformed"),
    ("C12e", "sub", "x" * 256, "claim-malformed"),
    ("C12f", "sub", "\ud800", "claim-malformed"),
    ("C13", "target_link_uri", None, "target-missing"),
    ("C13b", "target_link_uri", "", "target-missing"),
    ("C13c", "target_link_uri", 1, "claim-malformed"),
    ("C15", "target_link_uri", "https://evil.example/", "target-foreign"),
    ("C15b", "target_link_uri", "not a url", "target-foreign"),
    ("context list", "context", [], "claim-malformed"),
    ("context text", "context", "6", "claim-malformed"),
    ("context id number", "context", {"id": 6}, "claim-malformed"),
    ("context title number", "context", {"id": "6", "title": 5}, "claim-malformed"),
    ("presentation list", "launch_presentation", [], "claim-malformed"),
    ("locale number", "launch_presentation", {"locale": 5}, "claim-malformed"),
    ("custom text", "custom", "role=x", "claim-malformed"),
    ("custom role list", "custom", {"role": ["x"]}, "claim-malformed"),
    ("custom role long", "custom", {"role": "x" * 65}, "claim-malformed"),
]


@pytest.mark.parametrize(
    ("name", "value", "code"), [pytest.param(n, v, c, id=i) for i, n, v, c in CLAIMS]
)
def test_C01_to_C15_claims(
    lms: Platform, browser: Browser, name: str, value: object, code: str
) -> None:
    refused(launch(lms, browser, name, value), code)


def test_C06_an_unknown_deployment_waits(lms: Platform, browser: Browser, tool: Tool) -> None:
    reply = lms.launch(browser, deployment_id="42")
    refused(reply, "deployment-unknown")
    assert reply.status == 403
    assert "Zimmer 14" in reply.body
    assert "Grünpflege" not in reply.body
    again = lms.launch(browser, deployment_id="42")
    assert (again.status, again.code) == (403, "deployment-pending")
    with tool.database.read() as conn:
        (known,) = platforms.of_issuer(conn, lms.issuer)
        waiting = [d for d in platforms.deployments(conn) if d.platform_id == known.id]
    assert [(d.deployment_id, d.state) for d in waiting if d.state == "pending"] == [
        ("42", "pending")
    ]
    with tool.database.begin() as conn:
        (row,) = [d for d in waiting if d.deployment_id == "42"]
        platforms.set_deployment_state(conn, row.id, "active")
    assert lms.launch(browser, deployment_id="42").status == 303


def test_C06b_a_badly_signed_deployment_is_not_recorded(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    begun = lms.login(browser)
    token = lms.token(begun, deployment_id="77")[:-6] + "AAAAAA"
    refused(lms.send(browser, begun, token), "token-signature")
    refused(lms.launch(browser, deployment_id="77", sub=None), "sub-missing")
    with tool.database.read() as conn:
        assert "77" not in {d.deployment_id for d in platforms.deployments(conn)}


def test_C07_an_inactive_deployment(lms: Platform, browser: Browser, tool: Tool) -> None:
    with tool.database.begin() as conn:
        (known,) = platforms.of_issuer(conn, lms.issuer)
        (row,) = [d for d in platforms.deployments(conn) if d.platform_id == known.id]
        platforms.set_deployment_state(conn, row.id, "blocked")
    reply = lms.launch(browser)
    refused(reply, "deployment-blocked")
    assert reply.status == 403
    assert "Zimmer 14" in reply.body


def test_C14_target_of_another_login(lms: Platform, browser: Browser) -> None:
    reply = lms.launch(browser, target_link_uri=f"{lms.tool}/profil")
    refused(reply, "target-mismatch")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({DEEP_LINK: None}, "deep-linking-settings-missing"),
        ({DEEP_LINK: "x"}, "claim-malformed"),
        ({DEEP_LINK: {"accept_types": []}}, "deep-linking-return-url"),
        ({DEEP_LINK: {"deep_link_return_url": "javascript:alert(1)"}}, "deep-linking-return-url"),
        ({DEEP_LINK: {"deep_link_return_url": 5}}, "deep-linking-return-url"),
        ({"roles": [MEMBERSHIP + "Learner"]}, "deep-linking-not-allowed"),
        ({"target_link_uri": "https://evil.example/"}, "target-foreign"),
    ],
)
def test_D01_D02_D03_deep_linking_requests(
    lms: Platform, browser: Browser, changes: dict[str, object], code: str
) -> None:
    refused(lms.launch(browser, **{**DEEP_LINKING, **changes}), code)


def test_a_review_of_somebody_else_needs_a_teacher(lms: Platform, browser: Browser) -> None:
    review = {"message_type": "LtiSubmissionReviewRequest", "for_user": {"user_id": "user-9"}}
    refused(lms.launch(browser, **review), "for-user-foreign")
    teacher = {**review, "roles": [MEMBERSHIP + "Instructor"]}
    assert lms.launch(browser, **teacher).status == 303
    refused(lms.launch(browser, **{**review, "for_user": None}), "for-user-missing")


def test_the_way_back_is_shown_only_when_the_platform_signed_it(
    lms: Platform, browser: Browser
) -> None:
    back = "https://lms.example/course/view.php?id=6"
    assert back in lms.launch(browser, version="1.1").body
    begun = lms.login(browser)
    forged = lms.token(begun)[:-6] + "AAAAAA"
    assert back not in lms.send(browser, begun, forged).body
    bad = {"launch_presentation": {"return_url": "javascript:alert(1)"}, "version": "1.1"}
    assert "javascript:" not in lms.launch(browser, **bad).body


def test_the_page_speaks_the_language_of_the_launch(
    lms: Platform, new_browser: Callable[[], Browser]
) -> None:
    english = {"launch_presentation": {"locale": "en"}, "version": "1.1"}
    assert "The start did not work" in lms.launch(new_browser(), **english).body
    german = {"launch_presentation": {"locale": "de_comm"}, "version": "1.1"}
    assert "Der Start hat nicht geklappt" in lms.launch(new_browser(), **german).body
