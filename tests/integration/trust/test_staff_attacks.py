"""What an attacker would try at the admin's door: links, cookies, redirects, logs, big bodies."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from lti_tool.flows import staff as rights
from lti_tool.store.schema.core import audit
from lti_tool.store.schema.staff import staff_link, staff_session
from tests.conftest import settings_for
from tests.integration.trust.test_routes import error_code
from tests.pages.desk import HALF_READ, NAME, OPERATOR, busy, official
from tests.pages.scene import Stage

DOOR = "/admin/eintreten"


@pytest.fixture(scope="module")
def stage(module_url: str) -> Iterator[Stage]:
    made = Stage(settings_for(module_url, ROADMAP__SECURITY__REFUSALS_PER_MINUTE="5"))
    yield made
    made.close()


def new_code(stage: Stage) -> str:
    return rights.make_link(stage.s, OPERATOR, stage.tenant.id, stage.now)


def enter(stage: Stage, code: str, address: str = "192.0.2.1", **headers: str):
    client = stage.app.test_client()
    here = {"REMOTE_ADDR": address}
    return client.post(DOOR, data={"code": code}, headers=headers, environ_base=here)


def test_of_many_who_use_one_link_at_the_same_moment_one_comes_in(stage: Stage) -> None:
    code, together, at_once = new_code(stage), Barrier(8), 8

    def try_it(_number: int) -> bool:
        together.wait(10)
        return rights.enter_by_link(stage.s, code, "de", stage.now) is not None

    with ThreadPoolExecutor(at_once) as pool:
        assert sum(pool.map(try_it, range(at_once))) == 1


def test_a_mail_scanner_that_opens_the_link_does_not_use_it_up(stage: Stage) -> None:
    code, client = new_code(stage), stage.app.test_client()
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        answer = client.open(f"{DOOR}?code={code}", method=method)
        assert "Set-Cookie" not in answer.headers
    assert enter(stage, code).status_code == 303
    assert error_code(enter(stage, code, "192.0.2.2").text) == "staff-entry"


def test_the_page_of_a_link_gives_its_code_to_no_other_address_and_is_not_kept(
    stage: Stage,
) -> None:
    code = new_code(stage)
    answer = stage.app.test_client().get(f"{DOOR}?code={code}")
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    entered = enter(stage, code)
    assert code not in str(entered.headers)
    assert entered.location == "/admin/"


def test_a_link_works_with_the_headers_that_a_browser_sends_from_its_page(stage: Stage) -> None:
    headers = {"Origin": stage.settings.server.base_url, "Sec-Fetch-Site": "same-origin"}
    assert enter(stage, new_code(stage), **headers).status_code == 303


def test_another_site_cannot_sign_anybody_in(stage: Stage) -> None:
    code = new_code(stage)
    answer = enter(stage, code, "192.0.2.3", Origin="https://evil.example")
    assert (answer.status_code, error_code(answer.text)) == (403, "form-origin")
    assert enter(stage, code).status_code == 303


def test_who_guesses_links_has_to_wait_and_a_good_link_still_opens(stage: Stage) -> None:
    answers = [enter(stage, f"guess-{n}", "192.0.2.9").status_code for n in range(8)]
    assert answers == [403] * 5 + [429] * 3
    assert enter(stage, new_code(stage), "192.0.2.9").status_code == 303


def test_a_session_that_somebody_planted_is_not_the_one_that_is_opened(stage: Stage) -> None:
    planted = official(stage)
    client = stage.client(planted)
    entered = client.post(DOOR, data={"code": new_code(stage)})
    value = entered.headers["Set-Cookie"].split(";")[0].partition("=")[2]
    assert value.split(".")[0] != planted.launch_id


def test_the_cookie_is_for_the_administration_over_https_only(tmp_path) -> None:
    settings = settings_for(
        f"sqlite:///{tmp_path / 'https.db'}",
        ROADMAP__ENVIRONMENT="production",
        ROADMAP__SERVER__BASE_URL="https://roadmap.example",
        ROADMAP__SECURITY__ALLOW_LOCAL_HTTP="false",
        ROADMAP__SECURITY__SECRET_KEY="x7Qm" * 16,
    )
    safe = Stage(settings)
    cookies = enter(safe, new_code(safe)).headers.getlist("Set-Cookie")
    safe.close()
    assert len(cookies) == 1
    name, *flags = cookies[0].split("; ")
    assert name.startswith("__Secure-staff=")
    assert {"Secure", "HttpOnly", "Path=/admin", "SameSite=Lax"} <= set(flags)
    assert not [flag for flag in flags if flag.startswith("Domain")]


@pytest.mark.parametrize(
    "back",
    [
        *(
            "https://evil.example/",
            "//evil.example/admin/",
            "/\\evil.example",
            "javascript:alert(1)",
        ),
        *("/admin//evil.example", "/admin/\\evil", "/admin/\r\nSet-Cookie: a=b", "/l/x", "/admin"),
    ],
)
def test_changing_the_language_leads_to_no_foreign_page(stage: Stage, back: str) -> None:
    who = official(stage)
    form = {"csrf": stage.csrf(who), "language": "en", "back": back}
    answer = stage.client(who).post("/admin/sprache", data=form)
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert "evil" not in str(answer.headers)


def test_a_body_that_is_too_big_is_refused_before_it_is_read(stage: Stage) -> None:
    who = official(stage)
    form = {"csrf": stage.csrf(who), "person": "x" * (stage.settings.security.max_body_bytes + 1)}
    assert stage.client(who).post("/admin/rechte", data=form).status_code == 413


def test_neither_codes_nor_names_nor_numbers_of_the_lms_stand_in_the_audit(
    stage: Stage, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    busy(stage)
    code = new_code(stage)
    entered = enter(stage, code)
    secret = entered.headers["Set-Cookie"].split(";")[0].rpartition(".")[2]
    stage.app.test_client().get(f"{DOOR}?code={code}")
    who = official(stage)
    client, csrf = stage.client(who), stage.csrf(who)
    client.post("/admin/ausgang", data={"csrf": csrf})
    client.post("/admin/auftraege", data={"csrf": csrf, "job": "deliver"})
    with stage.house.database.read() as conn:
        rows = [dict(row._mapping) for row in conn.execute(select(audit))]
    written = json.dumps(rows, default=str) + caplog.text + "".join(capfd.readouterr())
    assert "outbox.retry" in written
    for canary in (code, secret, csrf, who.secret, NAME, "person-1", HALF_READ[:60]):
        assert canary not in written


def test_the_database_holds_neither_the_code_of_a_link_nor_the_secret_of_a_session(
    stage: Stage,
) -> None:
    code = new_code(stage)
    secret = enter(stage, code).headers["Set-Cookie"].split(";")[0].rpartition(".")[2]
    with stage.house.database.read() as conn:
        rows = [*conn.execute(select(staff_link)), *conn.execute(select(staff_session))]
        count = conn.execute(select(func.count()).select_from(staff_link)).scalar_one()
    assert count
    assert code not in str(rows)
    assert secret not in str(rows)
