"""Sessions that end: in time, told in time, and for good on a device that others use next."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.store import tenants
from lti_tool.store.database import us
from lti_tool.store.schema.lti import launch as launch_table

from .conftest import Tool
from .platform import Browser, Platform
from .test_browser import form_token, page_of
from .test_login import refused


def seen(tool: Tool, page: str, ago: timedelta, column: str = "seen_us") -> None:
    """Let the last tap (or the start) of a launch lie back."""
    with tool.database.begin() as conn:
        conn.execute(
            launch_table.update()
            .where(launch_table.c.id == page.split("/")[2])
            .values(**{column: us(datetime.now(UTC) - ago)})
        )


def left(browser: Browser, page: str) -> dict[str, object]:
    said: dict[str, object] = json.loads(browser.get(page + "api/session").body)
    return said


def test_asking_how_long_it_lasts_prolongs_nothing(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    page = page_of(lms.launch(browser))
    seen(tool, page, timedelta(minutes=20))
    for _ in range(2):
        said = left(browser, page)
        assert 590 < int(str(said["ends_s"])) <= 600
        assert said["last"] is False


def test_keep_working_prolongs_and_needs_the_form_token(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    page = page_of(lms.launch(browser))
    seen(tool, page, timedelta(minutes=29))
    refused(browser.post(page + "api/session", {}), "form-token")
    token = {"csrf": form_token(tool, browser, page)}
    assert json.loads(browser.post(page + "api/session", token).body)["ends_s"] == 1800
    assert int(str(left(browser, page)["ends_s"])) > 1790


def test_the_longest_time_is_prolonged_by_nothing(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    page = page_of(lms.launch(browser))
    seen(tool, page, timedelta(hours=7, minutes=50), "created_us")
    token = {"csrf": form_token(tool, browser, page)}
    said = json.loads(browser.post(page + "api/session", token).body)
    assert 590 < said["ends_s"] <= 600
    assert said["last"] is True


def test_without_script_every_page_says_when_the_session_ends(
    lms: Platform, browser: Browser
) -> None:
    page = page_of(lms.launch(browser))
    for path in ("hinweis", "hilfe"):
        assert "Ohne Tippen endet die Sitzung nach 30 Minuten" in browser.get(page + path).body


@pytest.mark.parametrize(
    ("custom", "switch", "shared"),
    [
        ({"tablet": "1"}, False, True),
        ({"tablet": " Ja "}, False, True),
        ({"tablet": "0"}, True, False),
        ({}, True, True),
        ({}, False, False),
        ({"tablet": "$Unresolved"}, True, True),
        ({"tablet": "perhaps"}, False, False),
    ],
)
def test_a_launch_or_the_municipality_says_that_the_device_is_shared(
    lms: Platform,
    browser: Browser,
    tool: Tool,
    custom: dict[str, str],
    switch: bool,
    shared: bool,
) -> None:
    with tool.database.begin() as conn:
        before = tenants.get(conn, tool.tenant.id).settings
        tenants.change(conn, tool.tenant.id, replace(before, shared_devices=switch))
    try:
        launched = lms.launch(browser, custom=custom)
        page = page_of(launched)
        assert tool.opened(launched).shared is shared
        assert ('data-test="sign-out"' in browser.get(page + "hilfe").body) is shared
        assert left(browser, page)["ends_s"] in ((299, 300) if shared else (1799, 1800))
    finally:
        with tool.database.begin() as conn:
            tenants.change(conn, tool.tenant.id, before)


def test_a_shared_device_is_free_after_five_minutes_without_a_tap(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    page = page_of(lms.launch(browser, custom={"tablet": "1"}))
    seen(tool, page, timedelta(minutes=5, seconds=1))
    kept = dict(browser.jar)
    reply = browser.get(page + "hilfe")
    refused(reply, "session-left")
    assert "Sie sind abgemeldet" in reply.body
    assert reply.header("Clear-Site-Data") == '"cache", "storage"'
    assert reply.header("Cache-Control") == "no-store"
    assert not [path for _, path in browser.jar if path == page]
    browser.jar = kept  # "back": the page is asked for again, and says nothing of her
    refused(browser.get(page + "hilfe"), "session-left")


def test_logging_out_of_a_shared_device_ends_every_course_of_the_person_there(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    tablet = {"custom": {"tablet": "1"}}
    one, two = (page_of(lms.launch(browser, **tablet)) for _ in range(2))
    desk = page_of(lms.launch(browser))
    other = page_of(lms.launch(browser, sub="somebody-else", **tablet))
    done = browser.post(one + "ende", {"csrf": form_token(tool, browser, one)})
    assert done.status == 200
    assert done.header("Clear-Site-Data") == '"cache", "storage"'
    assert "Das Gerät ist frei für andere" in done.body
    refused(browser.get(one), "session-foreign")
    refused(browser.get(two), "session-left")
    assert browser.get(desk).status < 400
    assert browser.get(other).status < 400


def test_an_own_device_keeps_what_the_browser_has_stored(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    page = page_of(lms.launch(browser))
    done = browser.post(page + "ende", {"csrf": form_token(tool, browser, page)})
    assert done.header("Clear-Site-Data") == ""
