"""The platform's side of a launch: Moodle's claims, and what it refuses."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask.testing import FlaskClient

from demo import Config, configure, create_app
from demo.claims import LTI
from demo.lms import Lms
from tests.integration.demo.visits import (
    authorization,
    fields,
    launch_claims,
    login_fields,
    press,
    verified,
)

CAPTURED = Path(__file__).parents[2] / "data" / "moodle"
# Set by an administrator in the tool's settings, different at every Moodle.
FREE = LTI + "custom"


def captured(name: str) -> dict[str, Any]:
    document = json.loads((CAPTURED / f"launch-resourcelink-{name}.json").read_text("utf-8"))
    found: dict[str, Any] = document["claims"]
    return found


def shape(value: Any) -> Any:
    """Return keys and types of a JSON value, its texts left out."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def test_a_learner_launch_has_exactly_the_claims_of_a_captured_moodle_launch(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    made, moodle = launch_claims(gardener, config, platform), captured("learner-manual")
    custom, moodle_custom = made.pop(FREE), moodle.pop(FREE)
    assert shape(made) == shape(moodle)
    assert set(moodle_custom) - {"competency"} == set(custom)
    assert made["exp"] - made["iat"] == moodle["exp"] - moodle["iat"] == 60


def test_an_admin_launch_has_exactly_the_claims_and_roles_of_a_captured_one(
    browser: FlaskClient, config: Config, platform: Lms
) -> None:
    browser.post("/login", data={"person": "lms-admin"})
    made, moodle = launch_claims(browser, config, platform), captured("admin")
    assert made[LTI + "roles"] == moodle[LTI + "roles"]
    del made[FREE], moodle[FREE]
    assert shape(made) == shape(moodle)


def test_without_shared_names_only_what_moodle_still_sends_is_sent(
    tmp_path: Path, peer: Any
) -> None:
    config = configure(tmp_path, base_url="http://lms", tool=peer.url, share_names=False)
    app = create_app(config)
    browser = app.test_client()
    browser.post("/login", data={"person": "gardener"})
    claims = launch_claims(browser, config, app.extensions["demo"])
    moodle = captured("learner-privacy-off")
    assert set(claims) == set(moodle)
    assert claims[LTI + "ext"] == moodle[LTI + "ext"]


def test_unknown_variables_arrive_unresolved_and_mixed_case_names_twice(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    custom = launch_claims(gardener, config, platform)[FREE]
    assert custom["bad"] == "$Nope.nope"
    assert custom["timeframe"] == custom["TimeFrame"]
    assert "role" not in custom


def test_the_course_of_the_clerks_names_their_role(
    browser: FlaskClient, config: Config, platform: Lms
) -> None:
    browser.post("/login", data={"person": "clerk"})
    claims = launch_claims(browser, config, platform, cm=103)
    assert claims[FREE]["role"] == "VFA"
    assert claims[LTI + "launch_presentation"]["locale"] == "de_comm"


def test_the_language_a_person_chooses_is_told_to_the_tool(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    assert press(gardener, "/my/", "/user/language", locale="en").status_code == 303
    claims = launch_claims(gardener, config, platform)
    assert claims[LTI + "launch_presentation"]["locale"] == "en"


def test_a_window_launch_says_so(gardener: FlaskClient, config: Config, platform: Lms) -> None:
    asked = authorization(config, login_fields(gardener, window=1))
    posted = fields(gardener.get("/mod/lti/auth.php", query_string=asked).text)
    claims = verified(posted["id_token"], config, platform)
    assert claims[LTI + "launch_presentation"]["document_target"] == "window"


def test_state_and_nonce_come_back_as_they_were_sent(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    odd = {"state": "a&b=\"<ö>'", "nonce": "n&o"}
    asked = authorization(config, login_fields(gardener), **odd)
    posted = fields(gardener.post("/mod/lti/auth.php", data=asked).text)
    assert posted["state"] == odd["state"]
    assert verified(posted["id_token"], config, platform)["nonce"] == odd["nonce"]


def test_a_foreign_redirect_uri_gets_nothing(gardener: FlaskClient, config: Config) -> None:
    for foreign in ("http://evil.example/lti/launch", config.redirect_uris[0] + "?item=1", ""):
        asked = authorization(config, login_fields(gardener), redirect_uri=foreign)
        answer = gardener.get("/mod/lti/auth.php", query_string=asked)
        assert answer.status_code == 400
        assert "id_token" not in answer.text
        assert "<form" not in answer.text


def test_a_launch_hint_works_once(gardener: FlaskClient, config: Config) -> None:
    asked = authorization(config, login_fields(gardener))
    assert gardener.get("/mod/lti/auth.php", query_string=asked).status_code == 200
    again = gardener.get("/mod/lti/auth.php", query_string=asked)
    assert again.status_code == 400
    assert "id_token" not in again.text


@pytest.mark.parametrize("hint", ["", "nothing", "[]", '{"launchid":"ltilaunch1_1"}', "null"])
def test_an_unknown_launch_hint_gets_nothing(
    gardener: FlaskClient, config: Config, hint: str
) -> None:
    asked = authorization(config, login_fields(gardener), lti_message_hint=hint)
    assert gardener.get("/mod/lti/auth.php", query_string=asked).status_code == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"response_type": "code"}, "unsupported_response_type"),
        ({"response_mode": "query"}, "invalid_request"),
        ({"client_id": "somebody"}, "unauthorized_client"),
        ({"login_hint": "5"}, "access_denied"),
        ({"prompt": "login"}, "invalid_request"),
        ({"nonce": ""}, "invalid_request"),
    ],
)
def test_a_wrong_request_is_answered_with_an_openid_error(
    gardener: FlaskClient, config: Config, changed: dict[str, str], error: str
) -> None:
    asked = authorization(config, login_fields(gardener), **changed)
    posted = fields(gardener.get("/mod/lti/auth.php", query_string=asked).text)
    assert posted["error"] == error
    assert posted["state"] == "state-1"
    assert "id_token" not in posted


def test_a_launch_begun_by_one_person_is_not_finished_by_another(
    app: Any, gardener: FlaskClient, config: Config
) -> None:
    login = login_fields(gardener)
    clerk = app.test_client()
    clerk.post("/login", data={"person": "clerk"})
    for login_hint in (login["login_hint"], "6"):
        asked = authorization(config, login, login_hint=login_hint)
        page = clerk.get("/mod/lti/auth.php", query_string=asked).text
        assert "id_token" not in fields(page)
        login = login_fields(gardener)


def test_a_second_line_item_on_the_link_hides_the_line_item_claim(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    with platform.store.begin() as conn:
        conn.execute(
            "insert into lineitem(course, label, maximum, resource, tag, link)"
            " values (6, 'Zusatz', 5, '', '', 1)"
        )
    claims = launch_claims(gardener, config, platform)
    assert "lineitem" not in claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"]


def test_faults_skew_the_clock_and_drop_and_replace_claims(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    fault = {"skew_s": -300, "drop_claims": ["sub"], "claims": {"azp": "somebody"}}
    assert gardener.post("/faults", json=fault).status_code == 200
    asked = authorization(config, login_fields(gardener))
    token = fields(gardener.get("/mod/lti/auth.php", query_string=asked).text)["id_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert "sub" not in claims
    assert claims["azp"] == "somebody"
    assert abs(claims["iat"] - (time.time() - 300)) < 5


def test_a_rotated_key_replaces_the_published_one(gardener: FlaskClient, platform: Lms) -> None:
    before = gardener.get("/mod/lti/certs.php").get_json()["keys"][0]
    gardener.post("/faults/rotate")
    after = gardener.get("/mod/lti/certs.php").get_json()["keys"]
    assert len(after) == 1
    assert after[0]["kid"] != before["kid"]
    assert "d" not in after[0]


def test_a_foreign_key_does_not_fit_the_published_one(
    gardener: FlaskClient, config: Config, platform: Lms
) -> None:
    gardener.post("/faults", json={"foreign_key": True})
    asked = authorization(config, login_fields(gardener))
    token = fields(gardener.get("/mod/lti/auth.php", query_string=asked).text)["id_token"]
    with pytest.raises(jwt.InvalidSignatureError):
        verified(token, config, platform)


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("jwks", "/mod/lti/certs.php"),
        ("token", "/mod/lti/token.php"),
        ("ags", "/mod/lti/services.php/6/lineitems"),
        ("nrps", "/mod/lti/services.php/CourseSection/6/bindings/1/memberships"),
        ("plan", "/webservice/rest/server.php"),
    ],
)
def test_a_service_can_be_dead_or_babble(browser: FlaskClient, service: str, path: str) -> None:
    browser.post("/faults", json={"services": {service: "dead"}})
    assert browser.get(path).status_code == 503
    browser.post("/faults", json={"services": {service: "html"}})
    assert browser.get(path).mimetype == "text/html"
    browser.delete("/faults")
    assert browser.get(path).status_code != 503


def test_an_unknown_fault_is_named(browser: FlaskClient) -> None:
    answer = browser.post("/faults", json={"sleepy": True})
    assert answer.status_code == 400
    assert "sleepy" in answer.get_json()["error"]


def test_faults_are_out_of_reach_outside_test_mode(config: Config) -> None:
    browser = create_app(replace(config, test_mode=False)).test_client()
    assert browser.post("/faults", json={"skew_s": 5}).status_code == 404
