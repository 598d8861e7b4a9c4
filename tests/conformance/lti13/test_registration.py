"""4.13 Dynamic Registration: only what is whole is stored, nobody launches before approval."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import quote

import pytest

from lti_tool.flows import approvals
from lti_tool.lti import registering
from lti_tool.ports import Actor, Platform
from lti_tool.store import platforms, tenants

from .conftest import Tool
from .platform import Browser, KeyServer, Reply
from .platform import Platform as Lms
from .registrar import TOOL, Registrar

NOW = datetime(2026, 11, 24, tzinfo=UTC)


@pytest.fixture
def registrar() -> Iterator[Registrar]:
    made = Registrar()
    yield made
    made.close()


def register(browser: Browser, registrar: Registrar, **more: str) -> Reply:
    return browser.get(f"/lti/register?{registrar.address(**more)}")


def stored(tool: Tool, registrar: Registrar) -> list[Platform]:
    with tool.database.read() as conn:
        return platforms.of_issuer(conn, registrar.url)


def approve(tool: Tool, platform: Platform) -> None:
    flows = tool.app.extensions["roadmap"].flows
    approvals.set_platform(flows, Actor("cli"), platform.id, "active", datetime.now(UTC))


def refused(reply: Reply, code: str, status: int = 400) -> None:
    assert (reply.status, reply.code) == (status, code)
    assert "ANBINDEN" in reply.body


def lms_of(tool: Tool, registrar: Registrar, keys: KeyServer) -> Lms:
    made = Lms(tool.base_url, keys, issuer=registrar.url, client_id=registrar.client_id)
    registrar.keys = [made.key.jwk()]
    return made


def test_Y04_a_new_registration_waits_is_audited_and_launches_after_approval(
    tool: Tool, browser: Browser, registrar: Registrar, key_server: KeyServer
) -> None:
    reply = register(browser, registrar)
    assert reply.status == 200, reply.body
    (found,) = stored(tool, registrar)
    assert (found.state, found.kind, found.deployments) == ("pending", "moodle", {"1": "active"})
    assert found.name == "Moodle 2024100705.01"
    lms = lms_of(tool, registrar, key_server)
    assert lms.login(browser).code == "platform-pending"
    approve(tool, found)
    assert lms.launch(browser).status == 303
    with tool.database.read() as conn:
        actions = conn.exec_driver_sql("SELECT action, actor FROM audit").all()
    assert ("platform.register", "registration") in [tuple(row) for row in actions]


def test_Y02_the_token_goes_as_bearer_and_nowhere_else(
    browser: Browser, registrar: Registrar
) -> None:
    register(browser, registrar, token="s3cret")
    read, posted = registrar.requests
    assert "authorization" not in read[2]
    assert posted[2]["authorization"] == "Bearer s3cret"
    assert b"s3cret" not in posted[3]


def test_without_a_token_none_is_sent(browser: Browser, registrar: Registrar) -> None:
    assert register(browser, registrar, token="").status == 200
    assert "authorization" not in registrar.requests[1][2]


def test_what_we_send_has_every_field_that_some_platform_demands(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    register(browser, registrar)
    sent, base = registrar.sent, tool.base_url
    assert sent["application_type"] == "web"
    assert "id_token" in sent["response_types"]
    assert {"implicit", "client_credentials"} <= set(sent["grant_types"])
    assert sent["initiate_login_uri"] == f"{base}/lti/login"
    assert sent["redirect_uris"] == [f"{base}/lti/launch"]
    assert sent["jwks_uri"] == f"{base}/lti/jwks"
    assert sent["token_endpoint_auth_method"] == "private_key_jwt"
    assert sent["client_name"]
    tool_part = sent[TOOL]
    assert tool_part["domain"] == base.split("://")[1]
    assert tool_part["target_link_uri"].startswith(base + "/")
    assert all(m["target_link_uri"].startswith(base + "/") for m in tool_part["messages"])
    kinds = {message["type"] for message in tool_part["messages"]}
    assert kinds == {f"Lti{k}Request" for k in ("ResourceLink", "DeepLinking", "SubmissionReview")}


def test_neither_names_nor_mail_are_asked_for(browser: Browser, registrar: Registrar) -> None:
    register(browser, registrar)
    assert registrar.sent[TOOL]["claims"] == ["iss", "sub"]


def test_only_scopes_that_the_platform_knows_and_we_use(
    browser: Browser, registrar: Registrar
) -> None:
    register(browser, registrar)
    assert {s.rsplit("/", 1)[1] for s in registrar.sent["scope"].split()} == {
        "score",
        "contextmembership.readonly",
    }


@pytest.mark.parametrize(
    "address",
    [
        "http://10.0.0.1/config",
        "https://10.0.0.1/config",
        "https://169.254.169.254/latest",
        "https://[fc00::1]/config",
        "file:///etc/passwd",
        "ftp://lms.example/config",
        "https://user:pw@lms.example/config",
        "nonsense",
    ],
)
def test_Y01_addresses_we_may_not_call(browser: Browser, address: str) -> None:
    asked = f"/lti/register?openid_configuration={quote(address, safe='')}"
    refused(browser.get(asked), "registration-address")


@pytest.mark.parametrize(
    "issuer", ["https://other.example", "http://127.0.0.1:1", "HTTP://x", "", None, 7, ["a"]]
)
def test_Y01_the_issuer_is_the_host_that_says_so(
    tool: Tool, browser: Browser, registrar: Registrar, issuer: object
) -> None:
    registrar.document["issuer"] = issuer
    reply = register(browser, registrar)
    assert reply.code in ("registration-issuer", "registration-configuration")
    assert len(registrar.requests) == 1  # nothing was sent there
    assert stored(tool, registrar) == []


@pytest.mark.matrix
@pytest.mark.parametrize("value", [None, "", "javascript:alert(1)", "http://evil.example/x", 5, []])
@pytest.mark.parametrize(
    "name", ["authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint"]
)
def test_an_endpoint_that_is_none_is_refused(
    browser: Browser, registrar: Registrar, name: str, value: object
) -> None:
    registrar.document[name] = value
    refused(register(browser, registrar), "registration-configuration")


@pytest.mark.parametrize("document", [b"", b"<html>", b"[]", b"null", b'"x"', b"[" * 20_000])
def test_a_configuration_that_is_none(
    browser: Browser, registrar: Registrar, document: bytes
) -> None:
    registrar.document = document
    refused(register(browser, registrar), "registration-configuration")


@pytest.mark.parametrize("status", [301, 302, 404, 500])
def test_a_configuration_that_is_not_there(
    browser: Browser, registrar: Registrar, status: int
) -> None:
    registrar.configuration_status, registrar.location = status, f"{registrar.url}/config2"
    refused(register(browser, registrar), "registration-configuration")
    assert len(registrar.requests) == 1  # redirects are not followed


def test_a_platform_that_does_not_answer(browser: Browser, registrar: Registrar) -> None:
    registrar.close()
    refused(register(browser, registrar), "registration-silent", 502)


@pytest.mark.parametrize("client_id", [None, "", 5, "x" * 256, "a\nb", {}])
def test_Y03_an_answer_without_client_id_stores_nothing(
    tool: Tool, browser: Browser, registrar: Registrar, client_id: object
) -> None:
    registrar.client_id = client_id
    refused(register(browser, registrar), "registration-answer")
    assert stored(tool, registrar) == []


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b"[" * 20_000])
def test_Y03_an_answer_that_is_none(browser: Browser, registrar: Registrar, body: bytes) -> None:
    registrar.raw = body
    refused(register(browser, registrar), "registration-answer")


def test_Y05_the_last_page_says_what_is_left_and_closes_by_message(
    browser: Browser, registrar: Registrar
) -> None:
    reply = register(browser, registrar)
    assert "roadmap platform approve" in reply.body
    assert 'data-close="10"' in reply.body
    script = reply.body.split('<script src="')[1].split('"')[0]
    assert "org.imsglobal.lti.close" in browser.get(script).body
    assert "data-quiet" in reply.body  # ILIAS: any other message is a failure


def test_Y06_the_same_platform_twice_is_one(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    assert register(browser, registrar).status == register(browser, registrar).status == 200
    assert len(stored(tool, registrar)) == 1


def test_two_clients_of_one_platform_are_two(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    register(browser, registrar)
    registrar.client_id = "another"
    register(browser, registrar)
    assert len(stored(tool, registrar)) == 2


def test_Y07_an_update_of_what_may_launch_changes_addresses_only_after_approval(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    register(browser, registrar)
    approve(tool, stored(tool, registrar)[0])
    registrar.document["jwks_uri"] = f"{registrar.url}/evil-jwks"
    registrar.deployment_id = "2"
    assert register(browser, registrar).status == 200
    (found,) = stored(tool, registrar)
    assert found.jwks_url == f"{registrar.url}/jwks"
    assert (found.state, found.deployments) == ("active", {"1": "active", "2": "pending"})
    approve(tool, found)
    (found,) = stored(tool, registrar)
    assert (found.jwks_url, found.proposed) == (f"{registrar.url}/evil-jwks", {})


def test_a_blocked_platform_stays_blocked(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    register(browser, registrar)
    with tool.database.begin() as conn:
        platforms.set_state(conn, stored(tool, registrar)[0].id, "blocked")
    register(browser, registrar)
    assert [p.state for p in stored(tool, registrar)] == ["blocked"]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"token_already_used", "registration-used"),
        (401, b"missing_registration_token", "registration-token"),
        (403, b"", "registration-token"),
        (405, b"Missing Authorization header", "registration-token"),
        (400, b"missing required attribute client_name", "registration-refused"),
        (302, b"", "registration-refused"),
    ],
)
def test_Y08_what_the_platform_says_no_to(
    browser: Browser, registrar: Registrar, status: int, body: bytes, code: str
) -> None:
    registrar.status, registrar.raw = status, body
    reply = register(browser, registrar)
    refused(reply, code)
    assert body.decode() not in reply.body or not body


def test_a_platform_that_fails_is_at_fault(browser: Browser, registrar: Registrar) -> None:
    registrar.status, registrar.raw = 500, b"oops"
    refused(register(browser, registrar), "registration-silent", 502)


@pytest.mark.parametrize(
    ("deployment", "kept"),
    [(17, {"17": "active"}), ("17", {"17": "active"}), (None, {}), (True, {}), ("", {}), ([], {})],
)
def test_deployments_by_number_or_text_or_none(
    tool: Tool, browser: Browser, registrar: Registrar, deployment: object, kept: object
) -> None:
    registrar.deployment_id = deployment
    assert register(browser, registrar).status == 200
    assert stored(tool, registrar)[0].deployments == kept


def test_ilias_glues_its_parameters_to_our_query_or_path(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    assert browser.get(f"/lti/register?p=ilias&{registrar.address()}").status == 200
    registrar.client_id = "second"
    assert browser.get(f"/lti/register&{registrar.address()}").status == 200
    assert len(stored(tool, registrar)) == 2


@pytest.mark.parametrize("family", ["ilias.de", "ilias", "ILIAS"])
def test_ilias_is_known_by_both_its_names(tool: Tool, browser: Browser, family: str) -> None:
    made = Registrar(family)
    register(browser, made)
    assert stored(tool, made)[0].kind == "ilias"
    made.close()


def test_where_several_municipalities_are_served_it_is_asked_which(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    with tool.database.begin() as conn:
        other = tenants.add(conn, "nachbarstadt", "Nachbarstadt", "HE", tool.tenant.settings, NOW)
    try:
        asked = register(browser, registrar)
        assert asked.status == 200
        assert 'name="kommune"' in asked.body
        assert "Nachbarstadt" not in asked.body
        assert registrar.requests == []  # nobody was called yet
        assert register(browser, registrar, kommune="nachbarstadt").status == 200
        assert stored(tool, registrar)[0].tenant_id == other.id
        refused(register(browser, registrar, kommune="nirgends"), "registration-tenant")
    finally:
        with tool.database.begin() as conn:
            for table in ("deployment", "platform", "audit"):
                conn.exec_driver_sql(f"DELETE FROM {table} WHERE tenant_id = ?", (other.id,))
            conn.exec_driver_sql("DELETE FROM tenant WHERE id = ?", (other.id,))


def test_our_registration_is_brought_up_to_date_by_get_and_put(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    registrar.manages = True
    register(browser, registrar)
    (found,) = stored(tool, registrar)
    with tool.database.read() as conn:
        kept = platforms.manager(conn, found.id)
    assert kept
    token = tool.app.extensions["roadmap"].seal.open(kept[1])
    assert (kept[0], token) == (f"{registrar.url}/manage/7", "manage-token")
    registrar.registered["initiate_login_uri"] = "https://old.example/login"
    assert registering.refresh(kept[0], token, tool.settings)
    assert registrar.requests[-1][0] == "PUT"
    assert registrar.sent["initiate_login_uri"] == f"{tool.base_url}/lti/login"
    assert registrar.sent["client_id"] == registrar.client_id
    assert not registering.refresh(kept[0], token, tool.settings)


def test_an_address_for_changes_on_another_host_is_not_kept(
    tool: Tool, browser: Browser, registrar: Registrar
) -> None:
    good = registrar.answer
    registrar.answer = lambda sent: {
        **good(sent),
        "registration_client_uri": "https://evil.example/x",
        "registration_access_token": "t",
    }
    register(browser, registrar)
    with tool.database.read() as conn:
        assert platforms.manager(conn, stored(tool, registrar)[0].id) is None


def test_too_many_that_wait_let_nobody_else_in(
    tool: Tool, browser: Browser, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lti_tool.flows.enrolment.MOST_WAITING", 0)
    refused(register(browser, registrar), "registration-full", 409)
    assert registrar.requests == []


def test_without_parameters_the_page_says_how_to_do_it_by_hand(browser: Browser) -> None:
    reply = browser.get("/lti/register")
    assert reply.status == 200
    for part in ("/lti/login", "/lti/launch", "/lti/jwks", "/lti/register"):
        assert part in reply.body


def test_any_https_origin_may_frame_these_pages(browser: Browser, registrar: Registrar) -> None:
    policy = register(browser, registrar).header("Content-Security-Policy")
    assert "frame-ancestors 'self' https:" in policy
