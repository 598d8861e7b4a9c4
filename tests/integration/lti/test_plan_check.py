"""Is the web service for learning plans usable? Asked over real HTTP, nothing is changed there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl

import pytest

from lti_tool.checking.result import CODES
from lti_tool.lti import plans
from lti_tool.lti.outbound import Outbound
from lti_tool.web.admin.tested import WORDS


@contextmanager
def answering(document: object) -> Iterator[plans.PlanService]:
    """Yield the web service of an LMS that answers everything with this document.

    A callable is asked with the form and says what to answer.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
            said = document(dict(parse_qsl(sent))) if callable(document) else document
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/webservice/rest/server.php"
        yield plans.PlanService(url, "token", Outbound(allow_local_http=True))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def allowing(*names: str) -> dict[str, object]:
    return {"functions": [{"name": name, "version": "1"} for name in names]}


def test_a_token_for_all_our_functions_lacks_none() -> None:
    with answering(allowing(*plans.NEEDED)) as service:
        assert plans.missing_functions(service) == ()


@pytest.mark.parametrize("lacking", plans.NEEDED)
def test_a_missing_function_is_named_deleting_a_plan_included(lacking: str) -> None:
    with answering(allowing(*(n for n in plans.NEEDED if n != lacking))) as service:
        assert plans.missing_functions(service) == (lacking,)


class Moodle:
    """Answers to making a plan as Moodle 4.1 and 4.5 do: the right first, then the date."""

    def __init__(self, *, may: bool = True, careless: bool = False) -> None:
        self.may, self.careless = may, careless
        self.asked: list[dict[str, str]] = []

    def __call__(self, form: dict[str, str]) -> object:
        self.asked.append(form)
        if form["wsfunction"] == "core_webservice_get_site_info":
            return {"userid": 6} | allowing(*plans.NEEDED)
        if form["wsfunction"] == "core_competency_delete_plan":
            return True
        if not self.may:
            return {"exception": "x", "errorcode": "nopermissions", "message": "x"}
        if self.careless:
            return {"id": 77}
        return {"exception": "x", "errorcode": "invalidpersistenterror", "message": "x"}


@pytest.mark.parametrize("may", [True, False])
def test_whether_plans_may_be_made_is_asked_without_making_one(*, may: bool) -> None:
    moodle = Moodle(may=may)
    with answering(moodle) as service:
        assert plans.may_manage(service) is may
    probe = moodle.asked[-1]
    assert (probe["plan[userid]"], probe["plan[duedate]"]) == ("6", "1")  # its own, in 1970


def test_a_plan_that_was_made_all_the_same_is_deleted_at_once() -> None:
    moodle = Moodle(careless=True)
    with answering(moodle) as service:
        assert plans.may_manage(service)
    assert (moodle.asked[-1]["wsfunction"], moodle.asked[-1]["id"]) == (
        "core_competency_delete_plan",
        "77",
    )


def test_another_refusal_is_said_as_it_is() -> None:
    refused = {"exception": "x", "errorcode": "accessexception", "message": "x"}

    def strange(form: dict[str, str]) -> object:
        known = form["wsfunction"] == "core_webservice_get_site_info"
        return {"userid": 6} if known else refused

    with answering(strange) as service, pytest.raises(plans.PlanRefused):
        plans.may_manage(service)


def test_a_wrong_token_is_a_refusal_with_its_remedy() -> None:
    refused = {"exception": "moodle_exception", "errorcode": "invalidtoken", "message": "x"}
    with answering(refused) as service, pytest.raises(plans.PlanRefused) as caught:
        plans.missing_functions(service)
    assert "new token" in caught.value.remedy


@pytest.mark.parametrize("nonsense", [[], "x", {}, {"functions": "all"}])
def test_an_answer_without_functions_is_no_usable_answer(nonsense: object) -> None:
    with answering(nonsense) as service, pytest.raises(plans.PlanServiceSilent):
        plans.missing_functions(service)


def test_the_page_has_words_for_every_code_of_the_connection_test() -> None:
    assert set(WORDS) == set(CODES)
