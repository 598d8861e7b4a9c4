"""Is the web service for learning plans usable? Asked over real HTTP, nothing is changed there."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lti_tool.checking.result import CODES
from lti_tool.lti import plans
from lti_tool.lti.outbound import Outbound
from lti_tool.web.admin.tested import WORDS


@contextmanager
def answering(document: object) -> Iterator[plans.PlanService]:
    """Yield the web service of an LMS that answers everything with this document."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(document).encode()
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
