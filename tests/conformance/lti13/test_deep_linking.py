"""4.10 Deep Linking: from the request to the signed answer, and what was placed is opened again."""

import json
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import jwt
import pytest

from lti_tool.ports import TenantSettings
from lti_tool.store import tenants

from .conftest import Tool
from .platform import MEMBERSHIP, Browser, Platform, Reply

DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
LTI = "https://purl.imsglobal.org/spec/lti/claim/"
BACK = "https://lms.example/mod/lti/contentitem_return.php?course=6&id=2&sesskey=s3cr3t"
SETTINGS: dict[str, object] = {
    "deep_link_return_url": BACK,
    "accept_types": ["ltiResourceLink"],
    "accept_presentation_document_targets": ["frame", "iframe", "window"],
    "accept_multiple": True,
    "auto_create": False,
}


def ask(lms: Platform, browser: Browser, roles: object = None, **settings: object) -> Reply:
    given = {k: v for k, v in {**SETTINGS, **settings}.items() if v is not ...}
    return lms.launch(
        browser,
        message_type="LtiDeepLinkingRequest",
        resource_link=None,
        roles=[MEMBERSHIP + "Instructor"] if roles is None else roles,
        **{DL + "deep_linking_settings": given},
    )


def page_of(browser: Browser, launched: Reply) -> tuple[str, Reply]:
    assert launched.status == 303, launched.code
    where = launched.header("Location")
    assert where.endswith("/einsetzen")
    return where, browser.get(where)


def choose(browser: Browser, where: str, page: Reply, *parts: str, **more: str) -> Reply:
    csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page.body)
    assert csrf
    form = [("csrf", csrf[1]), *(("part", part) for part in parts), *more.items()]
    return browser.post(where, form)


def answer_of(tool: Tool, browser: Browser, reply: Reply, lms: Platform) -> dict[str, Any]:
    """The signed answer, verified against our published keys as a platform does it."""
    found = re.search(r'name="JWT" value="([^"]+)"', reply.body)
    assert found, reply.body
    token = found[1]
    kid = jwt.get_unverified_header(token)["kid"]
    listed = {k["kid"]: k for k in json.loads(browser.get("/lti/jwks").body)["keys"]}
    claims: dict[str, Any] = jwt.decode(
        token,
        jwt.PyJWK(listed[kid]).key,
        algorithms=["RS256"],
        audience=lms.issuer,
        issuer=lms.client_id,
        options={"require": ["iss", "aud", "iat", "exp", "nonce"]},
    )
    return claims


def placed(
    tool: Tool, lms: Platform, browser: Browser, *parts: str, **settings: object
) -> dict[str, Any]:
    where, page = page_of(browser, ask(lms, browser, **settings))
    return answer_of(tool, browser, choose(browser, where, page, *parts), lms)


def test_D04_the_answer_is_signed_and_whole(tool: Tool, lms: Platform, browser: Browser) -> None:
    claims = placed(tool, lms, browser, "start")
    assert claims["aud"] == [lms.issuer]
    assert claims["exp"] - claims["iat"] <= 600
    assert claims[LTI + "deployment_id"] == lms.deployment_id
    assert claims[LTI + "message_type"] == "LtiDeepLinkingResponse"
    assert claims[LTI + "version"] == "1.3.0"
    (item,) = claims[DL + "content_items"]
    assert (item["type"], item["title"]) == ("ltiResourceLink", "Mein Lernweg")
    assert item["url"] == f"{tool.base_url}/"


def test_the_nonce_is_new_each_time(tool: Tool, lms: Platform, browser: Browser) -> None:
    nonces = {placed(tool, lms, browser, "start")["nonce"] for _ in range(3)}
    assert len(nonces) == 3


@pytest.mark.parametrize(
    "data", ["csrftoken:c7fbba78", "Größe=ja;x <b>", "", "x" * 20_000, {"a": [1, None]}, 0, False]
)
def test_D05_data_goes_back_unaltered(
    tool: Tool, lms: Platform, browser: Browser, data: object
) -> None:
    assert placed(tool, lms, browser, "start", data=data)[DL + "data"] == data


@pytest.mark.parametrize("data", [None, ...])
def test_D06_without_data_there_is_no_claim(
    tool: Tool, lms: Platform, browser: Browser, data: object
) -> None:
    assert DL + "data" not in placed(tool, lms, browser, "start", data=data)


@pytest.mark.parametrize("multiple", [False, None, ...])
def test_D07_where_one_is_allowed_one_is_sent(
    tool: Tool, lms: Platform, browser: Browser, multiple: object
) -> None:
    where, page = page_of(browser, ask(lms, browser, accept_multiple=multiple))
    assert 'type="radio"' in page.body
    claims = answer_of(tool, browser, choose(browser, where, page, "path", "start"), lms)
    assert [item["title"] for item in claims[DL + "content_items"]] == ["Mein Lernpfad"]


def test_several_parts_come_in_the_order_they_were_chosen(
    tool: Tool, lms: Platform, browser: Browser
) -> None:
    claims = placed(tool, lms, browser, "role-GB", "path", "unit-A1", "path")
    found = [(item["custom"], item["url"]) for item in claims[DL + "content_items"]]
    base = tool.base_url
    assert found == [
        ({"page": "frage", "role": "GB"}, f"{base}/frage"),
        ({"page": "lernpfad"}, f"{base}/lernpfad"),
        ({"page": "einheit/A1"}, f"{base}/einheit/A1"),
    ]


def test_custom_values_survive_ilias(tool: Tool, lms: Platform, browser: Browser) -> None:
    where, page = page_of(browser, ask(lms, browser))
    every = re.findall(r'name="part" value="([^"]+)"', page.body)
    assert len(every) > 40
    claims = answer_of(tool, browser, choose(browser, where, page, *every), lms)
    for item in claims[DL + "content_items"]:
        assert not {";", "="} & set("".join(item["custom"].values()))
        assert "<" not in item["title"] + item["text"]


@pytest.mark.parametrize("types", [["file"], ["link", "html"], []])
def test_D08_a_place_that_takes_no_links_gets_a_page_and_no_token(
    lms: Platform, browser: Browser, types: object
) -> None:
    _where, page = page_of(browser, ask(lms, browser, accept_types=types))
    assert page.status == 200
    assert 'name="part"' not in page.body
    assert "JWT" not in page.body


@pytest.fixture
def graded(tool: Tool) -> Any:
    """The municipality wants grades, for one test."""
    for on in (True, False):
        settings = TenantSettings(contact="Lernportal-Team, Zimmer 14", ags=on)
        with tool.database.begin() as conn:
            tenants.change(conn, tool.tenant.id, settings)
        if on:
            yield


def test_D09_a_graded_item_asks_for_a_line_item(
    tool: Tool, lms: Platform, browser: Browser, graded: None
) -> None:
    where, page = page_of(browser, ask(lms, browser))
    reply = choose(browser, where, page, "path", "unit-A1", grade="1")
    path, unit = answer_of(tool, browser, reply, lms)[DL + "content_items"]
    assert path["lineItem"]["scoreMaximum"] == 100
    assert (path["lineItem"]["resourceId"], path["lineItem"]["tag"]) == ("lernpfad", "roadmap")
    assert path["lineItem"]["submissionReview"]["url"] == f"{tool.base_url}/einsicht"
    assert "lineItem" not in unit


def test_D09_no_line_item_where_grades_are_off_or_not_taken(
    tool: Tool, lms: Platform, browser: Browser
) -> None:
    where, page = page_of(browser, ask(lms, browser))
    assert 'name="grade"' not in page.body
    reply = choose(browser, where, page, "path", grade="1")
    assert "lineItem" not in answer_of(tool, browser, reply, lms)[DL + "content_items"][0]


def test_D09_a_platform_that_takes_no_line_items_gets_none(
    lms: Platform, browser: Browser, graded: None
) -> None:
    _where, page = page_of(browser, ask(lms, browser, accept_lineitem=False))
    assert 'name="grade"' not in page.body


def test_D10_nothing_is_a_good_answer(tool: Tool, lms: Platform, browser: Browser) -> None:
    where, page = page_of(browser, ask(lms, browser))
    claims = answer_of(tool, browser, choose(browser, where, page, do="none"), lms)
    assert claims[DL + "content_items"] == []


def test_whoever_chose_nothing_is_asked_again(lms: Platform, browser: Browser) -> None:
    where, page = page_of(browser, ask(lms, browser))
    reply = choose(browser, where, page)
    assert "JWT" not in reply.body
    assert 'role="alert"' in reply.body


@pytest.mark.parametrize("part", ["unit-XX", "role-XX", "", "../x", "<script>"])
def test_what_we_do_not_have_is_not_placed(lms: Platform, browser: Browser, part: str) -> None:
    where, page = page_of(browser, ask(lms, browser))
    assert "JWT" not in choose(browser, where, page, part).body


def test_D11_the_form_is_escaped_and_may_go_to_the_platform_only(
    lms: Platform, browser: Browser
) -> None:
    evil = "https://lms.example/back?x='onclick=alert(1)&y=%22%3E%3Cscript%3E"
    where, page = page_of(browser, ask(lms, browser, deep_link_return_url=evil))
    reply = choose(browser, where, page, "start")
    (action,) = re.findall(r'<form method="post" action="([^"]+)" class="rm-cta', reply.body)
    assert unescape(action) == evil
    assert "<script>" not in reply.body
    policy = reply.header("Content-Security-Policy")
    assert "form-action 'self' https://lms.example;" in policy
    assert "unsafe-inline" not in policy
    assert "form-action 'self';" in page.header("Content-Security-Policy")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accept_types", "ltiResourceLink"),
        ("accept_types", [1]),
        ("accept_multiple", "true"),
        ("accept_multiple", 1),
        ("accept_lineitem", []),
    ],
)
def test_settings_of_the_wrong_type_are_refused(
    lms: Platform, browser: Browser, name: str, value: object
) -> None:
    reply = ask(lms, browser, **{name: value})
    assert (reply.status, reply.code) == (400, "claim-malformed")


@pytest.mark.parametrize("role", ["Learner", "Mentor"])
def test_D03_only_who_may_place_gets_the_page(lms: Platform, browser: Browser, role: str) -> None:
    reply = ask(lms, browser, roles=[MEMBERSHIP + role])
    assert (reply.status, reply.code) == (403, "deep-linking-not-allowed")


@pytest.mark.parametrize("role", ["ContentDeveloper", "Administrator", "Instructor"])
def test_content_developers_and_administrators_of_the_context_place_too(
    lms: Platform, browser: Browser, role: str
) -> None:
    assert ask(lms, browser, roles=[MEMBERSHIP + role]).status == 303


def test_the_page_of_an_ordinary_launch_leads_to_the_start(lms: Platform, browser: Browser) -> None:
    where = lms.launch(browser).header("Location")
    reply = browser.get(f"{where}einsetzen")
    assert (reply.status, reply.header("Location")) == (303, where)


def test_the_return_address_is_stored_sealed(tool: Tool, lms: Platform, browser: Browser) -> None:
    page_of(browser, ask(lms, browser))
    with tool.database.read() as conn:
        for table in ("placing_request", "launch"):
            assert "s3cr3t" not in str(conn.exec_driver_sql(f"SELECT * FROM {table}").all())


def test_what_was_placed_opens_its_page_by_address_or_by_custom(
    tool: Tool, lms: Platform, browser: Browser
) -> None:
    by_address = lms.login(browser, target_link_uri=f"{tool.base_url}/einheit/A1")
    token = lms.token(by_address, target_link_uri=f"{tool.base_url}/einheit/A1")
    assert lms.send(browser, by_address, token).header("Location").endswith("/einheit/A1")
    by_custom = lms.launch(browser, custom={"page": "einheit/A1"})
    assert by_custom.header("Location").endswith("/einheit/A1")


@pytest.mark.parametrize("page", ["start", "$ResourceLink.title", "nirgends", "//evil.example", ""])
def test_a_custom_page_that_is_none_leads_to_the_start(
    lms: Platform, browser: Browser, page: str
) -> None:
    where = lms.launch(browser, custom={"page": page}).header("Location")
    assert re.fullmatch(r"/l/[0-9a-f-]{36}/", where)


def test_a_copied_course_opens_the_same_page(tool: Tool, lms: Platform, browser: Browser) -> None:
    copied = lms.launch(
        browser,
        resource_link={"id": "link-after-copy"},
        context={"id": "course-after-copy"},
        custom={
            "page": "lernpfad",
            "link_history": "link-1,link-0",
            "context_history": "$Context.id.history",
        },
    )
    assert copied.header("Location").endswith("/lernpfad")


def review(lms: Platform, browser: Browser, who: object, role: str) -> Reply:
    return lms.launch(
        browser,
        message_type="LtiSubmissionReviewRequest",
        roles=[MEMBERSHIP + role],
        for_user={"user_id": who},
    )


@pytest.mark.parametrize(("who", "role"), [("user-4", "Learner"), ("user-9", "Instructor")])
def test_a_review_says_what_the_number_means_and_nothing_of_anybody(
    lms: Platform, browser: Browser, who: str, role: str
) -> None:
    reply = review(lms, browser, who, role)
    assert reply.header("Location").endswith("/einsicht")
    page = browser.get(reply.header("Location"))
    assert page.status == 200
    assert who not in page.body
    assert ("/lernpfad" in page.body) == (role == "Learner")


@pytest.mark.parametrize("kind", ["DataPrivacyLaunchRequest", "LtiDataPrivacyLaunchRequest"])
def test_a_privacy_launch_leads_to_the_persons_own_data(
    lms: Platform, browser: Browser, kind: str
) -> None:
    reply = lms.launch(
        browser,
        message_type=kind,
        resource_link=None,
        context=None,
        target_link_uri=None,
        for_user={"user_id": "user-4"},
    )
    assert reply.header("Location").endswith("/daten")


def test_a_privacy_launch_about_somebody_else_needs_an_administrator(
    lms: Platform, browser: Browser
) -> None:
    def about(*roles: str) -> Reply:
        return lms.launch(
            browser,
            message_type="DataPrivacyLaunchRequest",
            resource_link=None,
            roles=list(roles),
            for_user={"user_id": "user-9"},
        )

    assert about(MEMBERSHIP + "Instructor").code == "for-user-foreign"
    system = "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator"
    assert about(system).status == 303


def exam_of(
    tool: Tool, lms: Platform, browser: Browser, tutorial: str, **context: object
) -> dict[str, Any]:
    """Place the exam of A4 with this day of the tutorial; return the one item."""
    where, page = page_of(browser, ask(lms, browser, **context))
    reply = choose(browser, where, page, "exam-A4", tutorial=tutorial, grade="1")
    (item,) = answer_of(tool, browser, reply, lms)[DL + "content_items"]
    return dict(item)


def test_an_exam_is_placed_with_the_day_of_the_tutorial_and_a_column_of_one_point(
    tool: Tool, lms: Platform, browser: Browser, graded: None
) -> None:
    day = (datetime.now(UTC) - timedelta(days=15)).date().isoformat()
    item = exam_of(tool, lms, browser, day)
    assert re.fullmatch(rf"rueckblick/A4/{day}-[0-9a-f]{{8}}", item["custom"]["page"])
    assert item["url"] == f"{tool.base_url}/{item['custom']['page']}"
    assert item["lineItem"]["scoreMaximum"] == 1
    assert item["lineItem"]["resourceId"] == "rueckblick/A4"


def test_a_placed_exam_opens_for_its_course_by_address_or_by_custom(
    tool: Tool, lms: Platform, graded: None
) -> None:
    day = (datetime.now(UTC) - timedelta(days=15)).date().isoformat()
    item = exam_of(tool, lms, Browser(tool.base_url), day)
    page = item["custom"]["page"]
    pupil, other = Browser(tool.base_url), Browser(tool.base_url)
    begun = lms.login(pupil, target_link_uri=item["url"])
    token = lms.token(begun, target_link_uri=item["url"], sub="pupil-1")
    for browser, reply in (
        (pupil, lms.send(pupil, begun, token)),
        (other, lms.launch(other, custom={"page": page}, sub="pupil-2")),
    ):
        where = reply.header("Location")
        assert where.endswith(page)
        notice = browser.get(browser.get(where).header("Location"))
        csrf, version = (re.search(rf'name="{n}" value="([^"]+)"', notice.body) for n in READ)
        assert csrf
        assert version
        read = [("csrf", csrf[1]), ("version", version[1])]
        back = browser.post(where.removesuffix(page) + "hinweis", read)
        assert back.header("Location") == where  # after the first information it goes on there
        opened = browser.get(browser.get(where).header("Location"))
        assert 'data-test="begin-exam"' in opened.body


READ = ("csrf", "version")


@pytest.mark.parametrize("day", ["gestern", "2026-13-40", "1999-01-01", "2026-11-20; x=1"])
def test_a_day_that_is_none_is_asked_for_again_and_the_choice_is_kept(
    lms: Platform, browser: Browser, day: str
) -> None:
    where, page = page_of(browser, ask(lms, browser))
    reply = choose(browser, where, page, "exam-A4", tutorial=day)
    assert "JWT" not in reply.body
    assert 'aria-invalid="true"' in reply.body
    assert re.search(r'value="exam-A4"[^>]* checked', reply.body)


def test_without_a_day_the_exam_waits_for_the_unit_to_be_done(
    tool: Tool, lms: Platform, browser: Browser
) -> None:
    item = exam_of(tool, lms, browser, "")
    assert item["custom"] == {"page": "rueckblick/A4"}
    assert "lineItem" not in item  # grades are off
