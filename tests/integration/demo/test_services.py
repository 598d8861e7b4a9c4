"""The platform's services: tokens, line items and scores, members, learning plans."""

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from flask.testing import FlaskClient

from demo import Config, create_app
from demo.claims import AGS_SCOPES, NRPS_SCOPE
from demo.grades import CONTAINER, ITEM, SCORE
from tests.integration.demo.visits import ask_token

CAPTURED = Path(__file__).parents[2] / "data" / "moodle" / "web-services.json"
WRITE_ITEMS, READ_ITEMS, READ_RESULTS, WRITE_SCORES = AGS_SCOPES
ITEMS = "/mod/lti/services.php/6/lineitems?type_id=1"
LINK_ITEM = "/mod/lti/services.php/6/lineitems/1/lineitem"

Make = Callable[..., str]
Bearer = Callable[[str], dict[str, str]]


def test_a_good_assertion_gets_a_token_for_the_known_scopes(
    browser: FlaskClient, assertion: Make
) -> None:
    answer = ask_token(browser, assertion(), f"{WRITE_SCORES} https://nowhere.example/scope")
    assert answer.status_code == 200
    assert answer.get_json()["scope"] == WRITE_SCORES
    assert answer.get_json()["expires_in"] == 3600


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"},
        {"sub": "somebody"},
        {"aud": "http://localhost:8090/elsewhere"},
        {"exp": "over"},
        {"exp": "in a month"},
        {"iat": "in an hour"},
        {"iss": None},
        {"sub": None},
        {"aud": None},
        {"exp": None},
        {"iat": None},
        {"jti": None},
        {"kid": "unknown"},
    ],
    ids=str,
)
def test_a_bad_assertion_is_refused(
    browser: FlaskClient, assertion: Make, changed: dict[str, Any]
) -> None:
    when = {"over": -60, "in a month": 30 * 86400, "in an hour": 3600}
    claims = {k: int(time.time()) + when[v] if v in when else v for k, v in changed.items()}
    answer = ask_token(browser, assertion(**claims), WRITE_SCORES)
    assert answer.status_code == 400
    assert answer.get_json()["error"] == "invalid_client"


def test_an_assertion_signed_by_someone_else_is_refused(
    browser: FlaskClient, assertion: Make
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    answer = ask_token(browser, assertion(stranger), WRITE_SCORES)
    assert answer.get_json()["error"] == "invalid_client"


def test_a_reused_jti_is_refused(browser: FlaskClient, assertion: Make) -> None:
    jti = str(uuid.uuid4())
    assert ask_token(browser, assertion(jti=jti), WRITE_SCORES).status_code == 200
    again = ask_token(browser, assertion(jti=jti), WRITE_SCORES)
    assert again.status_code == 400
    assert "jti" in again.get_json()["error_description"]


def test_a_used_jti_is_remembered_after_a_restart(
    config: Config, browser: FlaskClient, assertion: Make
) -> None:
    same = assertion()
    assert ask_token(browser, same, WRITE_SCORES).status_code == 200
    restarted = create_app(config).test_client()
    assert ask_token(restarted, same, WRITE_SCORES).status_code == 400


def test_garbage_is_refused_like_an_assertion(browser: FlaskClient) -> None:
    for garbage in ("", "x", "a.b.c"):
        assert ask_token(browser, garbage, WRITE_SCORES).status_code == 400


def test_only_unknown_scopes_are_an_error(browser: FlaskClient, assertion: Make) -> None:
    answer = ask_token(browser, assertion(), "openid")
    assert answer.get_json()["error"] == "invalid_scope"


def test_other_grants_are_refused(browser: FlaskClient, assertion: Make) -> None:
    answer = ask_token(browser, assertion(), WRITE_SCORES, grant_type="password")
    assert answer.get_json()["error"] == "unsupported_grant_type"


def test_line_items_want_their_exact_media_type(browser: FlaskClient, bearer: Bearer) -> None:
    headers = bearer(READ_ITEMS)
    good = browser.get(ITEMS, headers=headers | {"Accept": CONTAINER})
    assert good.status_code == 200
    assert [item["label"] for item in good.get_json(force=True)] == ["Mein Lernweg"]
    assert browser.get(ITEMS, headers=headers).status_code == 200
    for accept in ("*/*", "application/json"):
        assert browser.get(ITEMS, headers=headers | {"Accept": accept}).status_code == 400


def test_a_service_wants_a_token_with_the_right_scope(browser: FlaskClient, bearer: Bearer) -> None:
    assert browser.get(ITEMS).status_code == 401
    assert browser.get(ITEMS, headers={"Authorization": "Bearer no"}).status_code == 401
    assert browser.get(ITEMS, headers=bearer(WRITE_SCORES)).status_code == 401


def test_a_line_item_is_made_changed_and_deleted(browser: FlaskClient, bearer: Bearer) -> None:
    headers = bearer(WRITE_ITEMS)
    sent = {"label": "Größe – „Ä“", "scoreMaximum": 10, "tag": "t", "startDateTime": "2026-12-01"}
    made = browser.post(ITEMS, data=json.dumps(sent), content_type=ITEM, headers=headers)
    assert made.status_code == 201
    address = made.get_json(force=True)["id"]
    assert address.endswith("/lineitem?type_id=1")
    kept = browser.get(address, headers=headers).get_json(force=True)
    assert kept["label"] == sent["label"]
    assert "startDateTime" not in kept  # Moodle echoes it and forgets it
    changed = json.dumps(sent | {"label": "neu"})
    assert browser.put(address, data=changed, content_type=ITEM, headers=headers).status_code == 200
    assert browser.delete(address, headers=headers).status_code == 204
    assert browser.get(address, headers=headers).status_code == 404


def test_a_line_item_on_a_foreign_link_or_as_plain_json_is_refused(
    browser: FlaskClient, bearer: Bearer
) -> None:
    sent, headers = {"label": "x", "scoreMaximum": 1}, bearer(WRITE_ITEMS)
    plain = browser.post(ITEMS, json=sent, headers=headers)
    assert plain.status_code == 400
    foreign = json.dumps(sent | {"resourceLinkId": "99"})
    refused = browser.post(ITEMS, data=foreign, content_type=ITEM, headers=headers)
    assert refused.status_code == 403


def test_pages_of_line_items_carry_a_link_header_no_parser_reads(
    browser: FlaskClient, bearer: Bearer
) -> None:
    headers = bearer(WRITE_ITEMS)
    sent = json.dumps({"label": "zwei", "scoreMaximum": 1})
    browser.post(ITEMS, data=sent, content_type=ITEM, headers=headers)
    page = browser.get(ITEMS + "&limit=1", headers=headers)
    assert len(page.get_json(force=True)) == 1
    link = page.headers["Link"].encode("latin-1").decode()
    assert "rel=“next”" in link
    assert "&amp;from=1" in link


class Gradebook:
    """Posts scores for the gardener to the link's line item and reads them back."""

    def __init__(self, browser: FlaskClient, headers: dict[str, str]) -> None:
        self._browser = browser
        self._headers = headers

    def post(self, at: str, given: float = 8, user: str = "4", **more: Any) -> Any:
        sent = {
            "userId": user,
            "timestamp": at,
            "scoreGiven": given,
            "scoreMaximum": 10,
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
        } | more
        return self._browser.post(
            f"{LINK_ITEM}/scores?type_id=1",
            data=json.dumps(sent),
            content_type=more.pop("content_type", SCORE),
            headers=self._headers,
        )

    def take_back(self, at: str, user: str = "4") -> Any:
        progress = {"activityProgress": "Initialized", "gradingProgress": "NotReady"}
        return self._browser.post(
            f"{LINK_ITEM}/scores?type_id=1",
            data=json.dumps({"userId": user, "timestamp": at} | progress),
            content_type=SCORE,
            headers=self._headers,
        )

    def results(self) -> list[dict[str, Any]]:
        answer = self._browser.get(f"{LINK_ITEM}/results?type_id=1", headers=self._headers)
        found: list[dict[str, Any]] = answer.get_json(force=True)
        return found


@pytest.fixture
def gradebook(browser: FlaskClient, bearer: Bearer) -> Gradebook:
    return Gradebook(browser, bearer(f"{WRITE_SCORES} {READ_RESULTS}"))


def test_a_score_is_stored_scaled_to_the_line_item(gradebook: Gradebook) -> None:
    answer = gradebook.post("2026-01-01T10:00:00.5+01:00", comment="gut")
    assert answer.status_code == 200
    assert answer.data == b""
    (result,) = gradebook.results()
    assert (result["resultScore"], result["resultMaximum"], result["comment"]) == (80, 100, "gut")
    assert result["timestamp"] == "2026-01-01T09:00:00+00:00"


def test_an_equal_or_older_second_is_a_conflict(gradebook: Gradebook) -> None:
    assert gradebook.post("2026-01-01T10:00:00Z", given=5).status_code == 200
    for old in ("2026-01-01T10:00:00.900Z", "2026-01-01T09:00:00Z"):
        conflict = gradebook.post(old, given=9)
        assert conflict.status.startswith("409 Refusing score with an earlier timestamp")
    assert gradebook.results()[0]["resultScore"] == 50
    assert gradebook.post("2026-01-01T10:00:01Z", given=9).status_code == 200


def test_a_score_from_the_future_counts_from_its_receipt(gradebook: Gradebook) -> None:
    assert gradebook.post("2999-01-01T00:00:00Z").status_code == 200
    assert not gradebook.results()[0]["timestamp"].startswith("2999")


def test_progress_that_is_not_fully_graded_deletes_the_grade(gradebook: Gradebook) -> None:
    gradebook.post("2026-01-01T10:00:00Z")
    ping = gradebook.post("2026-01-01T10:00:05Z", gradingProgress="Pending")
    assert ping.status_code == 200
    assert gradebook.results() == []


def test_a_score_taken_back_is_gone_and_its_own_page_says_so(
    browser: FlaskClient, gradebook: Gradebook
) -> None:
    gradebook.post("2026-01-01T10:00:00Z", comment="1 von 8 Schritten")
    browser.post("/login", data={"person": "gardener"})
    assert "1 von 8 Schritten" in browser.get("/written-back").get_data(as_text=True)
    taken = gradebook.take_back("2026-01-01T10:00:00Z")
    assert taken.status.startswith("409"), "in the same second Moodle keeps the grade"
    assert gradebook.take_back("2026-01-01T10:00:01Z").status_code == 200
    assert gradebook.take_back("2026-01-01T10:00:01Z").status_code == 200, "nothing there is fine"
    assert gradebook.results() == []
    page = browser.get("/written-back").get_data(as_text=True)
    assert "1 von 8 Schritten" not in page
    assert page.count('data-test="removed-grade"') == 1


def test_a_score_without_comment_erases_the_comment(gradebook: Gradebook) -> None:
    gradebook.post("2026-01-01T10:00:00Z", comment="gut")
    gradebook.post("2026-01-01T10:00:05Z")
    assert "comment" not in gradebook.results()[0]


def test_more_than_the_maximum_is_clamped(gradebook: Gradebook) -> None:
    gradebook.post("2026-01-01T10:00:00Z", given=15)
    assert gradebook.results()[0]["resultScore"] == 100


def test_staff_and_strangers_get_no_grade(gradebook: Gradebook) -> None:
    for user in ("2", "9999", "rlindner", ""):
        refused = gradebook.post("2026-01-01T10:00:00Z", user=user)
        assert refused.status.startswith("400 Incorrect score received")
        assert "\n" not in refused.status
    assert gradebook.results() == []


def test_a_score_as_plain_json_is_refused(gradebook: Gradebook) -> None:
    refused = gradebook.post("2026-01-01T10:00:00Z", content_type="application/json")
    assert refused.status_code == 400


def test_a_fault_makes_every_score_a_conflict(browser: FlaskClient, gradebook: Gradebook) -> None:
    browser.post("/faults", json={"score_conflict": True})
    assert gradebook.post("2026-01-01T10:00:00Z").status_code == 409


def test_members_come_with_bare_role_words_and_a_next_link_without_the_filter(
    browser: FlaskClient, bearer: Bearer
) -> None:
    url = "/mod/lti/services.php/CourseSection/6/bindings/1/memberships"
    headers = bearer(NRPS_SCOPE)
    everyone = browser.get(url, headers=headers).get_json(force=True)["members"]
    assert {role for m in everyone for role in m["roles"]} == {"Learner", "Instructor"}
    page = browser.get(url + "?role=Learner&limit=2", headers=headers)
    assert [m["roles"] for m in page.get_json(force=True)["members"]] == [["Learner"]] * 2
    assert 'rel="next"' in page.headers["Link"]
    assert "role=" not in page.headers["Link"]
    assert browser.get(url, headers=bearer(WRITE_SCORES)).status_code == 401


class Plans:
    """Calls the learning-plan web service as a client of Moodle does."""

    def __init__(self, browser: FlaskClient, token: str) -> None:
        self.browser = browser
        self.token = token

    def call(self, function: str, **params: Any) -> Any:
        form = {
            "wstoken": self.token,
            "wsfunction": function,
            "moodlewsrestformat": "json",
        } | params
        answer = self.browser.post("/webservice/rest/server.php", data=form)
        assert answer.status_code == 200
        return answer.get_json()

    def create(self, **more: Any) -> Any:
        params = {
            "plan[name]": "Lernpfad",
            "plan[description]": "<p>Schritte</p>",
            "plan[descriptionformat]": 1,
            "plan[userid]": 4,
            "plan[status]": 1,
            "plan[duedate]": int(time.time()) + 86400,
        } | {f"plan[{name}]": value for name, value in more.items()}
        return self.call("core_competency_create_plan", **params)


@pytest.fixture
def plans(browser: FlaskClient, config: Config) -> Plans:
    return Plans(browser, config.secrets.plan_token)


def test_a_plan_record_has_the_keys_of_moodles(plans: Plans) -> None:
    moodle = json.loads(CAPTURED.read_text("utf-8"))["plan"]["response"]
    made = plans.create()
    assert set(made) == set(moodle)
    assert made["statusname"] == "Active"


def test_a_plan_is_listed_changed_and_deleted(plans: Plans) -> None:
    made = plans.create()
    changed = {"plan[id]": made["id"], "plan[name]": "Neu", "plan[userid]": 4}
    assert plans.call("core_competency_update_plan", **changed)["name"] == "Neu"
    (listed,) = plans.call("core_competency_list_user_plans", userid=4)
    assert (listed["name"], listed["duedate"]) == ("Neu", made["duedate"])
    assert plans.call("core_competency_list_user_plans", userid=5) == []
    assert plans.call("core_competency_delete_plan", id=made["id"]) is True
    assert plans.call("core_competency_list_user_plans", userid=4) == []


def test_a_deleted_plan_is_shown_as_taken_back_and_is_no_record_any_more(plans: Plans) -> None:
    made = plans.create()
    plans.browser.post("/login", data={"person": "gardener"})
    plans.call("core_competency_delete_plan", id=made["id"])
    page = plans.browser.get("/written-back").get_data(as_text=True)
    assert 'data-test="written-plan"' not in page
    assert 'data-test="removed-plan"' in page
    again = plans.call("core_competency_delete_plan", id=made["id"])
    assert again["errorcode"] == "invalidrecord"


def test_a_fault_refuses_one_function_with_a_code(plans: Plans) -> None:
    made = plans.create()
    fault = {"web_service": {"core_competency_delete_plan": "nopermissions"}}
    plans.browser.post("/faults", json=fault)
    refused = plans.call("core_competency_delete_plan", id=made["id"])
    assert refused["errorcode"] == "nopermissions"
    assert len(plans.call("core_competency_list_user_plans", userid=4)) == 1


def test_the_same_plan_twice_is_there_twice(plans: Plans) -> None:
    plans.create()
    plans.create()
    assert len(plans.call("core_competency_list_user_plans", userid=4)) == 2


def test_a_due_date_in_the_past_is_refused_in_moodles_words(plans: Plans) -> None:
    refused = plans.create(duedate=1000)
    assert refused["errorcode"] == "invalidpersistenterror"
    assert plans.call("core_competency_list_user_plans", userid=4) == []


def test_people_are_found_by_field_and_strangers_are_an_empty_list(plans: Plans) -> None:
    find = "core_user_get_users_by_field"
    (found,) = plans.call(find, **{"field": "id", "values[0]": 4})
    assert found["username"] == "rlindner"
    assert plans.call(find, **{"field": "idnumber", "values[0]": "P-0"}) == []


def test_the_site_info_lists_what_the_token_may_call(plans: Plans) -> None:
    info = plans.call("core_webservice_get_site_info")
    assert "core_competency_create_plan" in {f["name"] for f in info["functions"]}


@pytest.mark.parametrize(
    ("function", "params", "errorcode"),
    [
        ("core_course_delete_courses", {}, "invalidrecord"),
        ("core_competency_list_user_plans", {}, "invalidparameter"),
        ("core_competency_list_user_plans", {"userid": "x"}, "invalidparameter"),
        ("core_competency_list_user_plans", {"userid": 99}, "invaliduser"),
        ("core_competency_create_plan", {"plan": "x", "plan[name]": "y"}, "invalidparameter"),
        ("core_competency_update_plan", {"plan[id]": 77}, "invalidrecord"),
        ("core_competency_delete_plan", {"id": 77}, "invalidrecord"),
    ],
)
def test_a_wrong_call_is_http_200_with_an_errorcode(
    plans: Plans, function: str, params: dict[str, Any], errorcode: str
) -> None:
    assert plans.call(function, **params)["errorcode"] == errorcode


def test_a_wrong_plan_token_is_refused(browser: FlaskClient) -> None:
    refused = Plans(browser, "wrong").call("core_webservice_get_site_info")
    assert refused["errorcode"] == "invalidtoken"


def test_without_the_json_parameter_the_answer_is_xml(browser: FlaskClient) -> None:
    answer = browser.post("/webservice/rest/server.php", data={"wsfunction": "x"})
    assert answer.mimetype == "application/xml"
