"""4.8 cookies, headers, logs and 4.9 sessions and tabs."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from flask.testing import FlaskClient

from lti_tool import settings as settings_module
from lti_tool.app import create_app
from lti_tool.logs import configure
from lti_tool.ports import TenantSettings
from lti_tool.store import launches, migrations, tenants
from lti_tool.store.database import Database, us
from lti_tool.store.schema import metadata
from lti_tool.store.schema.lti import launch as launch_table
from tests import registered

from .conftest import Tool
from .platform import LTI, Browser, Platform, Reply
from .test_login import refused


def cookie(reply: Reply, start: str) -> str:
    return next(c for c in reply.set_cookies if c.startswith(start))


def page_of(launched: Reply) -> str:
    assert launched.status == 303, launched.code
    return launched.header("Location")


def test_B01_the_state_cookie_has_all_attributes(lms: Platform, browser: Browser) -> None:
    parts = {p.strip() for p in cookie(lms.login(browser), "__Host-").split(";")[1:]}
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned", "Path=/", "Max-Age=600"} <= parts
    assert not any(p.startswith("Domain") for p in parts)


def test_B02_the_state_cookie_is_deleted_at_launch(lms: Platform, browser: Browser) -> None:
    launched = lms.launch(browser)
    gone = cookie(launched, "__Host-")
    assert "Max-Age=0" in gone
    assert "Partitioned" in gone
    assert not [name for name, _ in browser.jar if "state" in name]


def test_B02b_thirty_embeds_on_one_page_keep_headers_small(lms: Platform, browser: Browser) -> None:
    for _ in range(30):
        lms.login(browser)
    # What a browser sends: the Secure cookies; the fallback is for programs.
    sent = [f"{n}={v}" for (n, _), v in browser.jar.items() if n.startswith("__")]
    assert len("; ".join(sent)) < 4096
    for _ in range(30):
        lms.launch(browser)
    assert len(browser.cookie_header("/lti/launch")) < 8192


def test_the_launch_cookie_is_confined_to_its_path(lms: Platform, browser: Browser) -> None:
    launched = lms.launch(browser)
    parts = {p.strip() for p in cookie(launched, "__Secure-").split(";")[1:]}
    assert {"Secure", "HttpOnly", "SameSite=None", "Partitioned"} <= parts
    assert f"Path={page_of(launched)}" in parts
    secret = cookie(launched, "__Secure-").split(";")[0].split("=", 1)[1]
    assert secret not in page_of(launched)


def test_B05_only_its_own_platform_frames_a_launch(lms: Platform, browser: Browser) -> None:
    policy = browser.get(page_of(lms.launch(browser))).header("Content-Security-Policy")
    ancestors = re.search(r"frame-ancestors ([^;]*)", policy)
    assert ancestors
    assert ancestors[1].split() == ["'self'", "https://lms.example", lms.issuer]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy


def test_B05b_pages_without_a_person_may_be_framed_by_any_https_page(
    lms: Platform, browser: Browser
) -> None:
    for reply in (lms.launch(browser, sub=None), browser.get("/lti/register")):
        policy = reply.header("Content-Security-Policy")
        assert "frame-ancestors 'self' https:" in policy
        assert "unsafe" not in policy


def test_B06_other_headers(lms: Platform, browser: Browser) -> None:
    launched = lms.launch(browser)
    for reply in (launched, browser.get(page_of(launched)), lms.launch(browser, sub=None)):
        assert reply.header("X-Frame-Options") == ""
        assert reply.header("X-Content-Type-Options") == "nosniff"
        assert reply.header("Referrer-Policy") == "same-origin"
        assert "camera=()" in reply.header("Permissions-Policy")
        assert reply.header("Cache-Control") == "no-store"


CANARIES = {
    "name": "Kanari Vogelsang",
    "given_name": "Kanari",
    "family_name": "Vogelsang",
    "email": "kanari@vogel.example",
    "sub": "sub-kanari-4711",
    "lis": {"person_sourcedid": "P-kanari"},
    "custom": {"uname": "uname-kanari"},
    "https://purl.imsglobal.org/spec/lti/claim/ext": {"user_username": "login-kanari"},
    "launch_presentation": {"locale": "de", "return_url": "https://lms.example/?sesskey=kanari9"},
}


def test_B07_logs_and_database_hold_no_canary(
    lms: Platform, browser: Browser, tool: Tool, capfd: pytest.CaptureFixture[str]
) -> None:
    configure()
    try:
        begun = lms.login(browser)
        token = lms.token(begun, **CANARIES)
        assert lms.send(browser, begun, token).status == 303
        second = lms.login(browser)
        assert lms.send(browser, second, lms.token(second, **CANARIES, version="9")).status == 400
        assert lms.send(browser, second, token[:-9] + "kanari-xA").status == 401
        logged = "".join(capfd.readouterr())
    finally:
        structlog.reset_defaults()
    assert "launch accepted" in logged
    assert "version-wrong" in logged
    secrets = ["anari", token[:40], begun.query["state"], begun.query["nonce"], "lms.example/?"]
    assert [word for word in secrets if word in logged] == []
    with tool.database.read() as conn:
        rows = [
            str(row._mapping)
            for table in metadata.sorted_tables
            for row in conn.execute(table.select())
        ]
    assert [row for row in rows if "anari" in row or "ogelsang" in row] == []


def test_S01_the_secret_of_one_launch_opens_no_other(
    lms: Platform, new_browser: Callable[[], Browser]
) -> None:
    anna, bert = new_browser(), new_browser()
    hers, his = page_of(lms.launch(anna, sub="anna")), page_of(lms.launch(bert, sub="bert"))
    # Anna's browser sends her secret under the path of Bert's launch.
    for name, path in list(anna.jar):
        anna.jar[name, path.replace(hers, his)] = anna.jar[name, path]
    reply = anna.get(his)
    refused(reply, "session-foreign")
    assert reply.status == 403
    assert anna.get(hers).status != 403
    assert new_browser().get(his).status == 403


def test_S01b_what_does_not_exist_looks_like_what_is_not_yours(browser: Browser) -> None:
    for path in ("/l/", "/l/x/", "/l/0000/profil", "/l/%00/", "/l/../l/", "/l/%F0%9F/"):
        reply = browser.get(path)
        assert (reply.status, reply.code) in ((403, "session-foreign"), (404, "not-found")), path


def test_S02_a_post_needs_the_form_token(lms: Platform, browser: Browser, tool: Tool) -> None:
    page = page_of(lms.launch(browser))
    for form in ({}, {"csrf": ""}, {"csrf": "x" * 64}, {"csrf": "ä"}):
        reply = browser.post(page, form)
        refused(reply, "form-token")
        assert reply.status == 403


def form_token(tool: Tool, browser: Browser, page: str) -> str:
    secret = next(v for (n, p), v in browser.jar.items() if p == page and n.startswith("__"))
    return str(tool.app.extensions["roadmap"].seal.digest("csrf", page.split("/")[2], secret))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_S02b_a_post_from_elsewhere_is_refused_even_with_the_token(
    lms: Platform, browser: Browser, tool: Tool, headers: dict[str, str]
) -> None:
    page = page_of(lms.launch(browser))
    token = {"csrf": form_token(tool, browser, page)}
    refused(browser.post(page, token, headers=headers), "form-origin")


def test_S02c_the_form_token_of_one_launch_is_none_for_another(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    first, second = page_of(lms.launch(browser)), page_of(lms.launch(browser))
    refused(browser.post(second, {"csrf": form_token(tool, browser, first)}), "form-token")


def test_S03_a_reload_says_that_the_launch_was_used(lms: Platform, browser: Browser) -> None:
    begun = lms.login(browser)
    token = lms.token(begun)
    lms.send(browser, begun, token)
    reply = lms.send(browser, begun, token)
    refused(reply, "launch-used")
    assert "START-ABGELAUFEN" in reply.body


def test_S04_two_courses_in_two_tabs_stay_apart(
    lms: Platform, browser: Browser, tool: Tool
) -> None:
    one = lms.launch(browser, context={"id": "1", "title": "Eins"}, custom={"role": "a"})
    two = lms.launch(browser, context={"id": "2", "title": "Zwei"}, custom={"role": "b"})
    assert (tool.opened(one).context_title, tool.opened(one).role) == ("Eins", "a")
    assert (tool.opened(two).context_title, tool.opened(two).role) == ("Zwei", "b")
    assert browser.cookie_header(page_of(one)) != browser.cookie_header(page_of(two))
    for launched in (one, two, one):
        assert browser.get(page_of(launched)).status < 400


@pytest.mark.parametrize(
    ("column", "age"),
    [("seen_us", timedelta(minutes=31)), ("created_us", timedelta(hours=8, minutes=1))],
)
def test_a_session_ends_after_idle_and_after_absolute_time(
    lms: Platform, browser: Browser, tool: Tool, column: str, age: timedelta
) -> None:
    page = page_of(lms.launch(browser))
    with tool.database.begin() as conn:
        conn.execute(
            launch_table.update()
            .where(launch_table.c.id == page.split("/")[2])
            .values(**{column: us(datetime.now(UTC) - age)})
        )
    reply = browser.get(page)
    refused(reply, "session-ended")
    assert "SITZUNG" in reply.body


def test_use_keeps_a_session_alive(lms: Platform, browser: Browser, tool: Tool) -> None:
    page = page_of(lms.launch(browser))
    launch_id = page.split("/")[2]
    twenty = datetime.now(UTC) - timedelta(minutes=20)
    with tool.database.begin() as conn:
        launches.touch(conn, launch_id, twenty)
    assert browser.get(page).status < 400
    with tool.database.read() as conn:
        found = launches.find(conn, launch_id)
    assert found
    assert datetime.now(UTC) - found.seen < timedelta(minutes=1)


def test_our_key_set_is_public_and_holds_no_private_part(browser: Browser) -> None:
    import json

    reply = browser.get("/lti/jwks")
    assert reply.status == 200
    assert "max-age" in reply.header("Cache-Control")
    (jwk,) = json.loads(reply.body)["keys"]
    assert set(jwk) == {"kty", "use", "alg", "kid", "n", "e"}
    assert browser.get("/lti/jwks").body == reply.body


def test_the_target_names_nothing_outside(lms: Platform, browser: Browser) -> None:
    assert LTI  # the claim's prefix; the target itself is in the login
    for path in ("//evil.example", "/%2e%2e/x", "/l/other/", "/lti/jwks"):
        target = lms.tool + path
        begun = lms.login(browser, target_link_uri=target)
        location = lms.send(browser, begun, lms.token(begun, target_link_uri=target)).header(
            "Location"
        )
        assert re.fullmatch(r"/l/[0-9a-f-]{36}/", location)


def test_a_target_may_name_a_page(lms: Platform, browser: Browser) -> None:
    target = f"{lms.tool}/profil"
    begun = lms.login(browser, target_link_uri=target)
    launched = lms.send(browser, begun, lms.token(begun, target_link_uri=target))
    assert re.fullmatch(r"/l/[0-9a-f-]{36}/profil", launched.header("Location"))


def test_leaving_ends_the_launch_for_good(lms: Platform, browser: Browser, tool: Tool) -> None:
    page = page_of(lms.launch(browser))
    kept = dict(browser.jar)
    asked = browser.get(page + "ende")
    assert asked.status == 200
    assert browser.get(page).status < 400  # asking alone changes nothing
    left = browser.post(page + "ende", {"csrf": form_token(tool, browser, page)})
    assert left.status == 200
    assert "Sie sind abgemeldet" in left.body
    assert not [path for _, path in browser.jar if path == page]
    browser.jar = kept
    refused(browser.get(page), "session-ended")


@pytest.fixture
def production(tmp_path: Path) -> Iterator[FlaskClient]:
    """The tool as it runs behind TLS, without a browser in between."""
    loaded = settings_module.load(
        {
            "ROADMAP__ENVIRONMENT": "production",
            "ROADMAP__SERVER__BASE_URL": "https://roadmap.stadt.example",
            "ROADMAP__SECURITY__SECRET_KEY": "k" * 40,
            "ROADMAP__DATABASE__URL": f"sqlite:///{tmp_path / 'p.db'}",
        }
    )
    database = Database(loaded.database.url)
    migrations.upgrade(database)
    with database.begin() as conn:
        tenant = tenants.add(conn, "m", "M", "HE", TenantSettings(), datetime.now(UTC))
        registered.moodle(conn, tenant.id, "https://lms.example", datetime.now(UTC))
    database.close()
    app = create_app(loaded)
    yield app.test_client()
    app.extensions["roadmap"].close()


LOGIN = {
    "iss": "https://lms.example",
    "login_hint": "4",
    "target_link_uri": "https://roadmap.stadt.example/",
}


def test_over_tls_there_is_no_weaker_cookie_and_no_loopback(production: FlaskClient) -> None:
    begun = production.post("/lti/login", data=LOGIN, base_url="https://roadmap.stadt.example")
    assert begun.status_code == 302
    (only,) = begun.headers.getlist("Set-Cookie")
    assert only.startswith("__Host-")
    assert begun.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert "http:" not in begun.headers["Content-Security-Policy"].replace("https:", "")


def test_a_launch_that_did_not_come_over_tls_is_refused(production: FlaskClient) -> None:
    plain = production.post(
        "/lti/launch", data={"state": "x"}, base_url="http://roadmap.stadt.example"
    )
    assert plain.status_code == 400
    assert 'content="not-secure"' in plain.text
