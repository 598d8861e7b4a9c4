"""Requests to the statements resource (xAPI 1.0.3 communication 1, 2.1.1, 2.1.2, 3.2, 3.3, 4)."""

import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from lti_tool.web.xapi.asked import LARGEST_BODY_BYTES
from tests.conformance.xapi.store import (
    VERB,
    Lrs,
    attachment,
    file_part,
    new_id,
    statement,
)

FORM = "application/x-www-form-urlencoded"
RESOURCES = (
    "statements",
    "activities",
    "activities/state",
    "activities/profile",
    "agents",
    "agents/profile",
)


# --- writing (2.1.1, 2.1.2) -----------------------------------------------------------------------


def test_put_stores_one_statement_under_the_id_of_the_address(lrs: Lrs) -> None:
    sent = statement()
    del sent["id"]
    wanted = new_id()
    assert lrs.ask("PUT", params={"statementId": wanted}, json=sent).status_code == 204
    assert lrs.one(wanted)["actor"] == sent["actor"]


def test_put_needs_the_id_and_the_same_one(lrs: Lrs) -> None:
    sent = statement()
    assert lrs.ask("PUT", json=sent).status_code == 400
    assert lrs.ask("PUT", params={"statementId": new_id()}, json=sent).status_code == 400
    assert lrs.ask("PUT", params={"statementId": "1"}, json=sent).status_code == 400
    listed = lrs.ask("PUT", params={"statementId": sent["id"]}, json=[sent])
    assert listed.status_code == 400
    assert lrs.ids() == []


def test_post_answers_with_the_ids_in_the_order_of_the_statements(lrs: Lrs) -> None:
    sent = [statement() for _ in range(5)]
    del sent[2]["id"]
    answer = lrs.post(*sent)
    assert answer.status_code == 200
    ids = answer.json()
    assert [i for n, i in enumerate(ids) if n != 2] == [s["id"] for s in sent if "id" in s]
    assert lrs.ids(ascending=True) == ids
    single = lrs.ask("POST", json=statement())
    assert len(single.json()) == 1
    assert lrs.post().json() == []


def test_a_stored_statement_never_changes(lrs: Lrs) -> None:
    sent = statement()
    assert lrs.post(sent).status_code == 200
    before = lrs.one(sent["id"])
    other = sent | {"verb": {"id": "http://example.com/other"}}
    assert lrs.post(other).status_code == 409
    assert lrs.ask("PUT", params={"statementId": sent["id"]}, json=other).status_code == 409
    assert lrs.one(sent["id"]) == before


SAME: dict[str, dict[str, Any]] = {
    "what a store sets": {"stored": "2020-01-01T00:00:00Z", "version": "1.0.3"},
    "another display of the verb": {"verb": {"id": VERB["id"], "display": {"en": "attended"}}},
    "the same instant in another zone": {"timestamp": "2026-11-02T09:00:00.000+01:00"},
    "a duration finer than a hundredth": {"result": {"duration": "PT1M0.1299S"}},
    "the domain of a mail address in capitals": {"actor": {"mbox": "mailto:anna@STADT.example"}},
    "the id in capitals": {},
    "a definition of the activity": {
        "object": {"id": "https://lms.example/a", "definition": {"name": {"de": "Neu"}}}
    },
    "members in another order": {
        "context": {
            "team": {
                "objectType": "Group",
                "member": [{"mbox": "mailto:b@x.example"}, {"mbox": "mailto:a@x.example"}],
            }
        }
    },
}
FIRST: dict[str, Any] = {
    "actor": {"mbox": "mailto:anna@stadt.example"},
    "object": {"id": "https://lms.example/a"},
    "timestamp": "2026-11-02T08:00:00Z",
    "result": {"duration": "PT1M0.12S"},
    "context": {
        "team": {
            "objectType": "Group",
            "member": [{"mbox": "mailto:a@x.example"}, {"mbox": "mailto:b@x.example"}],
        }
    },
}
OTHER: dict[str, dict[str, Any]] = {
    "another actor": {"actor": {"mbox": "mailto:Anna@stadt.example"}},
    "another instant": {"timestamp": "2026-11-02T08:00:01Z"},
    "another duration": {"result": {"duration": "PT1M0.13S"}},
    "the same length of time written in another way": {"result": {"duration": "PT60.12S"}},
    "another object": {"object": {"id": "https://lms.example/b"}},
    "no result": {"result": {}},
    "an attachment": {"attachments": [attachment(b"x", fileUrl="https://files.example/x")]},
}


@pytest.mark.parametrize("case", SAME)
def test_the_same_statement_again_is_no_conflict(lrs1: Lrs, case: str) -> None:
    sent = statement(**FIRST)
    again = sent | SAME[case]
    if "capitals" in case and case.startswith("the id"):
        again["id"] = again["id"].upper()
    assert lrs1.post(sent).status_code == 200
    assert lrs1.post(again).status_code == 200
    assert len(lrs1.ids()) == 1


@pytest.mark.parametrize("case", OTHER)
def test_another_statement_under_the_same_id_is_one(lrs1: Lrs, case: str) -> None:
    sent = statement(**FIRST)
    assert lrs1.post(sent).status_code == 200
    assert lrs1.post(statement(), sent | OTHER[case]).status_code == 409
    assert len(lrs1.ids()) == 1, "a batch is stored as a whole or not at all"


def test_a_statement_without_timestamp_may_come_again_with_the_one_it_got(lrs1: Lrs) -> None:
    sent = statement()
    lrs1.post(sent)
    got = lrs1.one(sent["id"])
    assert lrs1.post(got).status_code == 200
    assert lrs1.post(sent).status_code == 200
    assert len(lrs1.ids()) == 1


def test_a_batch_with_the_same_id_twice_is_refused(lrs: Lrs) -> None:
    sent = statement()
    assert lrs.post(sent, sent).status_code == 400
    assert lrs.post(sent, sent | {"id": sent["id"].upper()}).status_code == 400
    assert lrs.ids() == []


def test_one_bad_statement_refuses_the_whole_batch(lrs: Lrs) -> None:
    assert lrs.post(statement(), statement(verb={"id": "should fail"})).status_code == 400
    assert lrs.ids() == []


def test_what_was_not_given_is_set(lrs: Lrs) -> None:
    sent = statement()
    lrs.post(sent)
    got = lrs.one(sent["id"])
    assert got["version"] == ("1.0.0" if lrs.version == "1.0.3" else "2.0.0")
    assert got["authority"]["account"]["name"] == lrs.site.key
    assert got["timestamp"][:13] == got["stored"][:13]
    kept = statement(version="1.0.7", timestamp="2026-11-02T08:00:00.5Z")
    lrs.post(kept)
    assert lrs.one(kept["id"])["version"] == "1.0.7"
    assert lrs.one(kept["id"])["timestamp"] == "2026-11-02T08:00:00.5Z"


# --- content (1.4, 1.5) ---------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "", FORM])
def test_statements_come_as_json_or_multipart_mixed(lrs: Lrs, kind: str) -> None:
    body = json.dumps(statement()).encode()
    assert lrs.send(body, kind).status_code == 400


@pytest.mark.parametrize("raw", [b"", b"{", b"[", b"[{},]", b"null", b"1", b'"x"', b"\xff", b"[1]"])
def test_a_body_that_is_no_statement_is_refused(lrs: Lrs, raw: bytes) -> None:
    assert lrs.send(raw, "application/json").status_code == 400


def test_text_is_utf_8(lrs: Lrs) -> None:
    sent = statement(actor={"name": "Änne 東京 🌳", "mbox": "mailto:a@x.example"})
    lrs.send(json.dumps(sent, ensure_ascii=False).encode(), "application/json; charset=UTF-8")
    assert lrs.one(sent["id"])["actor"]["name"] == "Änne 東京 🌳"


def test_a_body_may_be_gzipped_and_no_bomb_goes_off(lrs: Lrs) -> None:
    sent = statement()
    zipped = gzip.compress(json.dumps([sent]).encode())

    def send(raw: bytes, encoding: str = "gzip") -> int:
        headers = {"Content-Encoding": encoding}
        return int(lrs.send(raw, "application/json", headers=headers).status_code)

    assert send(zipped) == 200
    assert lrs.ids() == [sent["id"]]
    assert send(zipped[:-5]) == 400
    assert send(b"no gzip") == 400
    assert send(zipped, "br") == 415
    assert send(gzip.compress(b" " * (LARGEST_BODY_BYTES + 1))) == 413


# --- refusals (3.2) -------------------------------------------------------------------------------

GET_PARAMETERS: dict[str, dict[str, str]] = {
    "unknown": {"foo": "bar"},
    "in another case": {"StatementId": new_id()},
    "both ids": {"statementId": new_id(), "voidedStatementId": new_id()},
    "id and filter": {"statementId": new_id(), "verb": "http://a.example"},
    "id and limit": {"voidedStatementId": new_id(), "limit": "1"},
    "no uuid": {"statementId": "1"},
    "agent is no json": {"agent": "anna"},
    "agent is nobody": {"agent": "{}"},
    "agent is an anonymous group": {"agent": '{"objectType":"Group","member":[]}'},
    "verb is no IRI": {"verb": "attended"},
    "activity is no IRI": {"activity": "course"},
    "registration": {"registration": "1"},
    "since": {"since": "yesterday"},
    "until": {"until": ""},
    "limit": {"limit": "-1"},
    "limit is a fraction": {"limit": "1.5"},
    "boolean": {"ascending": "True"},
    "related": {"related_agents": "1"},
    "format": {"format": "full"},
    "attachments": {"attachments": "yes"},
    "more": {"more": "x.y"},
}


@pytest.mark.parametrize("case", GET_PARAMETERS)
def test_a_parameter_that_is_not_right_is_refused(lrs: Lrs, case: str) -> None:
    answer = lrs.ask("GET", params=GET_PARAMETERS[case])
    assert answer.status_code == 400
    assert answer.headers["X-Experience-API-Consistent-Through"]
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_a_parameter_twice_is_refused(lrs: Lrs) -> None:
    assert lrs.ask("GET", "statements?limit=1&limit=2").status_code == 400


@pytest.mark.parametrize("resource", RESOURCES)
def test_no_resource_takes_a_parameter_it_does_not_know(lrs: Lrs, resource: str) -> None:
    assert lrs.ask("GET", f"{resource}?foo=bar").status_code == 400


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_statements_are_never_changed_or_deleted(lrs: Lrs, method: str) -> None:
    assert lrs.ask(method, json=statement()).status_code == 405


# --- versions (3.3) and keys (4) ------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("given", ["", "0.9", "0.95", "1.1", "1", "2.1.0", "3.0", "x"])
def test_a_version_that_is_not_spoken_is_refused(lrs: Lrs, resource: str, given: str) -> None:
    answer = lrs.ask("GET", resource, headers={"X-Experience-API-Version": given})
    assert answer.status_code == 400


@pytest.mark.parametrize("given", ["1.0", "1.0.0", "1.0.3", "1.0.9", "2.0", "2.0.0", "2.0.5"])
def test_every_answer_says_its_version(lrs1: Lrs, given: str) -> None:
    answer = lrs1.ask("GET", headers={"X-Experience-API-Version": given})
    assert answer.status_code == 200
    said = answer.headers["X-Experience-API-Version"]
    assert said == ("1.0.3" if given.startswith("1") else "2.0.0")


def test_who_names_no_version_is_refused_in_the_one_spoken_last(lrs1: Lrs) -> None:
    """Both versions want to be the answer; which one is meant shows in what was asked before."""
    nothing = {"X-Experience-API-Version": None}
    for spoken in ("1.0.3", "2.0.0", "1.0.3"):
        assert lrs1.ask("GET", headers={"X-Experience-API-Version": spoken}).status_code == 200
        answer = lrs1.ask("GET", headers=nothing)
        assert answer.status_code == 400
        assert answer.headers["X-Experience-API-Version"] == spoken


@pytest.mark.parametrize("resource", RESOURCES)
def test_without_a_key_there_is_nothing(lrs: Lrs, resource: str) -> None:
    for auth in (None, ("nobody", "x"), (lrs.site.key, "x")):
        for method in ("GET", "HEAD", "PUT", "POST", "DELETE"):
            answer = lrs.ask(method, resource, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"].startswith("Basic")


# --- alternate request syntax (1.3) ---------------------------------------------------------------


def wrapped(lrs: Lrs, method: str, form: Any, path: str = "statements", **more: Any) -> Any:
    return lrs.send(urlencode(form).encode(), FORM, path=f"{path}?method={method}", **more)


def test_any_method_may_come_as_a_form(lrs1: Lrs) -> None:
    sent = statement()
    content = {"statementId": sent["id"], "content": json.dumps(sent)}
    assert wrapped(lrs1, "PUT", content).status_code == 204
    found = wrapped(lrs1, "GET", {"statementId": sent["id"]})
    assert found.json()["id"] == sent["id"]
    assert wrapped(lrs1, "POST", {"content": json.dumps([statement()])}).status_code == 200
    state = {"activityId": "https://a.example", "stateId": "s", "agent": json.dumps(sent["actor"])}
    path = "activities/state"
    text = {"content": "höhe", "Content-Type": "text/plain; charset=utf-8"}
    assert wrapped(lrs1, "PUT", state | text, path).status_code == 204
    got = lrs1.ask("GET", path, params=state)
    assert (got.content.decode(), got.headers["Content-Type"]) == ("höhe", text["Content-Type"])
    assert wrapped(lrs1, "DELETE", state, path).status_code == 204
    assert lrs1.ask("GET", path, params=state).status_code == 404


def test_headers_may_be_in_the_form(lrs1: Lrs) -> None:
    key = requests.Request("GET", "http://x", auth=(lrs1.site.key, lrs1.site.secret)).prepare()
    form = {"limit": "1", "Authorization": key.headers["Authorization"]}
    bare = {"auth": None, "headers": {"X-Experience-API-Version": None}}
    version = {"X-Experience-API-Version": "1.0.3"}
    assert wrapped(lrs1, "GET", form | version, **bare).status_code == 200
    assert wrapped(lrs1, "GET", form, **bare).status_code == 400
    assert wrapped(lrs1, "GET", form | {"X-Experience-API-Version": "0.8"}).status_code == 400


def test_a_content_type_in_the_form_cannot_write_into_an_answer(lrs1: Lrs) -> None:
    place = {"activityId": "https://a.example", "profileId": "p"}
    evil = {"content": "x", "Content-Type": "text/plain\r\nX-Evil: 1\0", "If-None-Match": "*"}
    path = "activities/profile"
    assert wrapped(lrs1, "PUT", place | evil, path).status_code == 204
    answer = lrs1.ask("GET", path, params=place)
    assert (answer.status_code, "X-Evil" in answer.headers) == (200, False)


@pytest.mark.parametrize(
    ("method", "form"),
    [
        ("PUT", {"statementId": new_id()}),
        ("GET", {"foo": "bar"}),
        ("GET", [("limit", "1"), ("limit", "2")]),
        ("BREW", {}),
        ("put", {"statementId": new_id(), "content": json.dumps(statement())}),
    ],
)
def test_a_form_that_is_not_right_is_refused(lrs1: Lrs, method: str, form: Any) -> None:
    assert wrapped(lrs1, method, form).status_code == 400


def test_only_a_post_is_a_form_and_all_else_is_in_it(lrs1: Lrs) -> None:
    body = urlencode({"content": json.dumps(statement())}).encode()
    assert lrs1.send(body, FORM, method="PUT", path="statements?method=POST").status_code == 400
    more = f"statements?method=PUT&statementId={new_id()}"
    assert lrs1.send(body, FORM, path=more).status_code == 400
    raw = json.dumps(statement()).encode()
    assert lrs1.send(raw, FORM, path="statements?method=PUT").status_code == 400


def test_version_2_has_no_such_syntax(lrs2: Lrs) -> None:
    assert wrapped(lrs2, "GET", {"limit": "1"}).status_code == 400
    content = {"statementId": new_id(), "content": json.dumps(statement())}
    assert wrapped(lrs2, "PUT", content).status_code == 400


# --- HEAD (1.1) -----------------------------------------------------------------------------------


@pytest.mark.parametrize("resource", RESOURCES)
def test_head_says_what_get_says_without_a_body(lrs: Lrs, resource: str) -> None:
    sent = statement()
    lrs.post(sent)
    document = {"profileId": "p"} if resource.endswith("profile") else {"stateId": "p"}
    known = {
        "statements": {},
        "activities": {"activityId": sent["object"]["id"]},
        "agents": {"agent": json.dumps(sent["actor"])},
    }
    place = known.get(resource)
    if place is None:
        place = known["activities"] | known["agents"]
        if resource != "activities/state":
            place.pop("agent" if resource.startswith("activities") else "activityId")
        place |= document
        made = lrs.ask("PUT", resource, params=place, json={"a": 1}, headers={"If-None-Match": "*"})
        assert made.status_code == 204
    got, head = (lrs.ask(method, resource, params=place) for method in ("GET", "HEAD"))
    assert head.status_code == got.status_code == 200
    assert head.content == b""
    for name in ("Content-Type", "Content-Length", "ETag", "Last-Modified"):
        assert head.headers.get(name) == got.headers.get(name), name


def test_an_attachment_in_json_has_to_have_an_address(lrs: Lrs) -> None:
    bare = statement(attachments=[attachment(b"x")])
    assert lrs.post(bare).status_code == 400
    assert lrs.send_multipart(bare, file_part(b"x")).status_code == 200
