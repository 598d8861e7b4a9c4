"""4.1 Launches that must be accepted. reference/lti.md gives the case for each id."""

import time
from collections.abc import Callable

import pytest

from .conftest import Tool
from .platform import _KEYS, LTI, MEMBERSHIP, Browser, Key, Platform, Reply


def start_page(browser: Browser, launched: Reply) -> str:
    """Return the page behind an accepted launch."""
    assert launched.status == 303, (launched.status, launched.code)
    assert launched.header("Location").startswith("/l/")
    page = browser.get(launched.header("Location"))
    assert page.status in (200, 302, 303), page.code
    return page.body


def test_V01_a_learner_is_admitted(lms: Platform, browser: Browser) -> None:
    start_page(browser, lms.launch(browser))


def test_V02_an_instructor_is_admitted(lms: Platform, browser: Browser, tool: Tool) -> None:
    launched = lms.launch(browser, roles=[MEMBERSHIP + "Instructor"])
    assert tool.opened(launched).instructor


def test_V03_several_roles_are_admitted(lms: Platform, browser: Browser, tool: Tool) -> None:
    roles = [
        MEMBERSHIP + "Learner",
        "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor",
        "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",
    ]
    # Only a role in the course makes a teacher of the course.
    assert not tool.opened(lms.launch(browser, roles=roles)).instructor


def test_V04_a_short_role_name_counts(lms: Platform, browser: Browser, tool: Tool) -> None:
    assert tool.opened(lms.launch(browser, roles=["Instructor"])).instructor


def test_V05_an_unknown_role_beside_a_known_one_is_ignored(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    roles = ["https://example.org/roles#Gärtnerin", MEMBERSHIP + "Instructor"]
    assert tool.opened(lms.launch(browser, roles=roles)).instructor


@pytest.mark.parametrize(
    "roles",
    [
        ["https://example.org/roles#Instructor"],
        ["http://purl.imsglobal.org/vocab/lis/v2/institution/person#Administrator"],
        ["http://purl.imsglobal.org/vocab/lis/v2/unheard#Administrator"],
        ["http://purl.imsglobal.org/vocab/lis/v2/membership#instructor"],
    ],
)
def test_V06_an_unknown_role_gives_no_rights(
    lms: Platform, browser: Browser, tool: Tool, roles: list[str]
) -> None:
    assert not tool.opened(lms.launch(browser, roles=roles)).instructor


def test_V07_no_roles_give_no_rights(lms: Platform, browser: Browser, tool: Tool) -> None:
    assert not tool.opened(lms.launch(browser, roles=[])).instructor


def test_V08_nothing_personal_is_needed(lms: Platform, browser: Browser) -> None:
    start_page(browser, lms.launch(browser, launch_presentation=None, context=None))


def test_V09_only_an_address_is_fine(lms: Platform, browser: Browser) -> None:
    start_page(browser, lms.launch(browser, email="a@b.example"))


def test_V10_no_course_is_fine(lms: Platform, browser: Browser, tool: Tool) -> None:
    assert tool.opened(lms.launch(browser, context=None)).context_id == ""


@pytest.mark.parametrize(
    ("audience", "azp"),
    [
        pytest.param(["ours"], None, id="V11"),
        pytest.param(["ours", "other"], "ours", id="V12"),
        pytest.param(["other", "ours"], "ours", id="V13"),
        pytest.param("ours", "ours", id="V13b"),
    ],
)
def test_V11_V12_V13_audiences_with_us_in_them(
    lms: Platform, browser: Browser, audience: object, azp: str | None
) -> None:
    ours = lms.client_id
    named = [ours if a == "ours" else a for a in audience] if audience != "ours" else ours
    extra = {"azp": ours} if azp else {}
    start_page(browser, lms.launch(browser, aud=named, **extra))


def test_V14_a_clock_five_seconds_ahead_is_fine(lms: Platform, browser: Browser) -> None:
    now = int(time.time())
    start_page(browser, lms.launch(browser, iat=now + 5, exp=now + 65, nbf=now + 5))


def test_V15_umlauts_arrive_unchanged(lms: Platform, browser: Browser, tool: Tool) -> None:
    context = {"id": "ä-6", "title": "Straßenbäume pflegen – Größe „ß“"}
    launched = lms.launch(browser, context=context, name="Jürgen Groß")
    assert tool.opened(launched).context_title == "Straßenbäume pflegen – Größe „ß“"


def test_V16_login_by_get(lms: Platform, browser: Browser) -> None:
    from urllib.parse import urlencode

    begun = browser.get("/lti/login?" + urlencode(lms.login_form()))
    assert begun.status == 302
    start_page(browser, lms.send(browser, begun, lms.token(begun)))


def test_V17_login_without_client_id(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser, client_id=None, lti_deployment_id=None)
    start_page(browser, lms.send(browser, begun, lms.token(begun)))


def test_V18_two_tabs_interleaved(lms: Platform, browser: Browser) -> None:
    first, second = lms.login(browser), lms.login(browser)
    start_page(browser, lms.send(browser, second, lms.token(second)))
    start_page(browser, lms.send(browser, first, lms.token(first)))


def test_V19_the_platform_rotates_its_key(lms: Platform, browser: Browser) -> None:
    start_page(browser, lms.launch(browser))
    lms.key = Key("kid-2", _KEYS[1])
    lms.publish()
    start_page(browser, lms.launch(browser))


DEEP_LINK = "https://purl.imsglobal.org/spec/lti-dl/claim/deep_linking_settings"
DEEP_LINKING = {
    "message_type": "LtiDeepLinkingRequest",
    "resource_link": None,
    "roles": [MEMBERSHIP + "Instructor"],
    DEEP_LINK: {
        "deep_link_return_url": "https://lms.example/return?sesskey=x",
        "accept_types": ["ltiResourceLink"],
        "accept_presentation_document_targets": ["iframe"],
    },
}


def test_V20_deep_linking_by_an_instructor(lms: Platform, browser: Browser) -> None:
    start_page(browser, lms.launch(browser, **DEEP_LINKING))


def test_V21_submission_review(lms: Platform, browser: Browser) -> None:
    review = {"message_type": "LtiSubmissionReviewRequest", "for_user": {"user_id": "user-4"}}
    start_page(browser, lms.launch(browser, **review))


def test_V22_deep_linking_without_target(lms: Platform, browser: Browser) -> None:
    start_page(browser, lms.launch(browser, **{**DEEP_LINKING, "target_link_uri": None}))


def test_V23_V24_launch_on_another_worker_or_after_a_restart(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    begun = lms.login(browser)
    tool.restart()
    start_page(browser, lms.send(browser, begun, lms.token(begun)))


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        (None, "de"),
        ("", "de"),
        ("de", "de"),
        ("de-DE", "de"),
        ("de_comm", "de"),
        ("DE", "de"),
        ("en", "en"),
        ("fr", "en"),
        ("de\nx", None),
    ],
)
def test_V25_the_language_follows_the_platform(
    lms: Platform, browser: Browser, tool: Tool, locale: str | None, language: str | None
) -> None:
    presentation = {} if locale is None else {"locale": locale}
    launched = lms.launch(browser, launch_presentation=presentation)
    if language is None:
        assert launched.code == "claim-malformed"
    else:
        assert tool.opened(launched).locale == language


def test_the_target_decides_the_page(lms: Platform, browser: Browser) -> None:
    for path, page in (("/lti/launch", ""), ("/launch?item=x", ""), ("/../../x", ""), ("", "")):
        target = lms.tool + path
        begun = lms.login(browser, target_link_uri=target)
        launched = lms.send(browser, begun, lms.token(begun, target_link_uri=target))
        assert launched.status == 303, launched.code
        assert launched.header("Location").split("/", 3)[3] == page


def test_ilias_always_names_our_redirect_uri_as_target(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    begun = lms.login(browser, target_link_uri=f"{lms.tool}/lernpfad")
    token = lms.token(begun, target_link_uri=f"{lms.tool}/lti/launch")
    assert tool.opened(lms.send(browser, begun, token)).target == f"{lms.tool}/lernpfad"


def test_C16_the_same_sub_at_two_issuers_is_two_people(
    lms: Platform, tool: Tool, new_browser: Callable[[], Browser]
) -> None:
    other = Platform(tool.base_url, lms.keys, issuer=lms.issuer + ".other")
    tool.register(other)
    first = tool.opened(lms.launch(new_browser())).learner.id
    assert tool.opened(lms.launch(new_browser())).learner.id == first
    assert tool.opened(other.launch(new_browser())).learner.id != first


def test_C17_an_unresolved_variable_is_absent(lms: Platform, browser: Browser, tool: Tool) -> None:
    custom = {"role": "$User.role", "x": "$ResourceLink.id.history", "n": 5, "z": None}
    assert tool.opened(lms.launch(browser, custom=custom)).role == ""
    assert tool.opened(lms.launch(browser, custom={"role": "gaertner"})).role == "gaertner"


def test_null_stands_for_absent_where_a_claim_is_optional(lms: Platform, browser: Browser) -> None:
    # None takes a claim away; a JSON null is sent with the raw token.
    begun = lms.login(browser)
    claims = lms.claims(begun) | {LTI + name: None for name in ("context", "custom", "lis")}
    from .platform import sign

    start_page(browser, lms.send(browser, begun, sign(lms.header(), claims, lms.key)))
