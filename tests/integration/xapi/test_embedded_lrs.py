"""The embedded LRS, asked over HTTP as any sender or reader would ask it."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from lti_tool.ports import TenantSettings
from lti_tool.store import tenants, xapi_keys
from tests.integration.xapi.site import (
    MOODLE,
    VOIDED,
    Site,
    build_site,
    moodle_statements,
    now,
    statement_of,
)

DATA = Path(__file__).resolve().parents[2] / "data" / "xapi"
HARD = json.loads((DATA / "hard" / "index.json").read_text(encoding="utf-8"))["statements"]


def listed(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["statements"]
    return found


def void_of(statement_id: str) -> dict[str, Any]:
    ref = {"objectType": "StatementRef", "id": statement_id}
    return statement_of("9", verb={"id": VOIDED}, object=ref, result={})


def test_what_is_sent_comes_back_unchanged_with_what_an_lrs_adds(site: Site) -> None:
    sent = statement_of()
    assert site.post(sent).json() == [sent["id"]]
    (got,) = listed(site.ask("GET"))
    assert {k: got[k] for k in sent} == sent
    assert got.keys() - sent.keys() == {"stored", "authority", "version"}
    assert got["authority"]["account"] == {"homePage": site.origin, "name": site.key}


def test_bytes_stay_as_they_were_written(site: Site) -> None:
    raw = json.dumps(statement_of(), ensure_ascii=False, indent=3)[:-1] + ',"version":"1.0.3"}'
    raw = raw.replace('"result"', '"result" \t').replace("true", "true ")
    headers = {"Content-Type": "application/json"}
    assert site.ask("POST", data=raw.encode(), headers=headers).status_code == 200
    body = site.ask("GET").content.decode()
    for part in ('"homePage": "https://moodle.stadt.example.de"', '"Jürgen Müller"', "true ,"):
        assert part in body


def test_a_batch_of_a_real_moodle_gets_ids_and_is_stored_as_a_whole(site: Site) -> None:
    batch = moodle_statements()
    ids = site.post(*batch).json()
    assert len(set(ids)) == len(batch)
    found = listed(site.ask("GET", params={"ascending": "true"}))
    assert [s["id"] for s in found] == ids
    assert [s["actor"] for s in found] == [s["actor"] for s in batch]


def test_the_same_statement_again_is_fine_and_another_under_its_id_is_a_conflict(
    site: Site,
) -> None:
    sent = statement_of()
    for _ in range(2):
        assert site.post(sent).status_code == 200
    put = site.ask("PUT", params={"statementId": sent["id"].upper()}, json=sent)
    assert put.status_code == 204
    other = sent | {"result": {"completion": False}}
    assert site.post(statement_of(), other).status_code == 409
    assert site.ask("PUT", params={"statementId": sent["id"]}, json=other).status_code == 409
    assert len(listed(site.ask("GET"))) == 1


#: What we answer where it is not 200 for each statement of the file.
NOT_TAKEN = {
    "05-timestamp-no-zone.json": [400],
    "08-timestamp-leap-second.json": [400],
    "09-timestamp-date-only.json": [400],
    "22-void-of-void.json": [400],
    "27-duplicate-id-different-body.json": [200, 409],
    "32-score-scaled-out-of-range.json": [400],
    "36-unknown-property.json": [400],
}


@pytest.mark.parametrize("case", HARD, ids=lambda c: c["file"].removesuffix(".json"))
def test_what_this_store_answers_to_each_hard_statement(site: Site, case: dict[str, Any]) -> None:
    """It answers as xapi-lrs or xapi-statements do; where they differ as the stricter one."""
    sent = hard(case["file"])
    if case["file"].startswith("22"):  # the void that this one tries to void
        first = hard("20-void-target-first.json")
        assert [site.post(s).status_code for s in first] == [200, 200]
    version = {"X-Experience-API-Version": case["version"]}
    statuses = [site.post(s, headers=version).status_code for s in sent]
    assert statuses == NOT_TAKEN.get(case["file"], [200] * len(sent))
    assert statuses in list(case["http_status"].values())


@pytest.mark.parametrize("case", HARD, ids=lambda c: c["file"].removesuffix(".json"))
def test_a_hard_statement_that_is_taken_comes_back_as_it_was(
    site: Site, case: dict[str, Any]
) -> None:
    (sent, *_) = hard(case["file"])
    made = site.post(sent)
    if made.status_code == 200:
        (got,) = listed(site.ask("GET"))
        ours = {"id", "stored", "authority", "version"}  # set where absent, or always
        assert {k: v for k, v in got.items() if k in sent.keys() - ours} == {
            k: v for k, v in sent.items() if k not in ours
        }
        assert got["id"].lower() == made.json()[0]


def hard(name: str) -> list[dict[str, Any]]:
    found = json.loads((DATA / "hard" / name).read_text(encoding="utf-8"))
    return found if isinstance(found, list) else [found]


@pytest.mark.parametrize("void_first", [False, True], ids=["after", "before"])
def test_a_voided_statement_is_no_longer_listed_whichever_came_first(
    site: Site, void_first: bool
) -> None:
    target, other = statement_of(), statement_of()
    void = void_of(target["id"])
    for s in [void, target, other] if void_first else [target, other, void]:
        assert site.post(s).status_code == 200
    assert {s["id"] for s in listed(site.ask("GET"))} == {void["id"], other["id"]}
    by_id = site.ask("GET", params={"statementId": target["id"]})
    assert by_id.status_code == 404
    voided = site.ask("GET", params={"voidedStatementId": target["id"]})
    assert voided.json()["id"] == target["id"]
    still_there = site.ask("GET", params={"voidedStatementId": other["id"]})
    assert still_there.status_code == 404


def test_a_void_cannot_be_voided(site: Site) -> None:
    void = void_of(str(uuid.uuid4()))
    assert site.post(void).status_code == 200
    assert site.post(void_of(void["id"])).status_code == 400


def test_each_filter_finds_its_statements_only(site: Site) -> None:
    registration = str(uuid.uuid4())
    course = {"parent": [{"id": "https://l.example/course"}]}
    tutor = {"mbox": "mailto:t@l.example"}
    mine = statement_of("4")
    other = statement_of(
        "5",
        activity="https://l.example/x",
        verb={"id": "http://v.example/did"},
        context={"registration": registration, "contextActivities": course, "instructor": tutor},
    )
    assert site.post(mine, other).status_code == 200
    agent = json.dumps({"account": {"homePage": MOODLE, "name": "5"}, "name": "whoever"})
    finds_other = [
        {"agent": agent},
        {"verb": "http://v.example/did"},
        {"activity": "https://l.example/x"},
        {"registration": registration.upper()},
        {"activity": "https://l.example/course", "related_activities": "true"},
        {"agent": json.dumps(tutor), "related_agents": "true"},
        {"agent": agent, "verb": "http://v.example/did", "registration": registration},
    ]
    for params in finds_other:
        assert [s["id"] for s in listed(site.ask("GET", params=params))] == [other["id"]], params
    finds_nothing = [
        {"activity": "https://l.example/course"},
        {"agent": json.dumps(tutor)},
        {"agent": agent, "activity": mine["object"]["id"]},
        {"verb": "http://v.example/d"},
    ]
    for params in finds_nothing:
        assert listed(site.ask("GET", params=params)) == [], params


def test_a_statement_about_a_statement_is_found_where_that_one_is(site: Site) -> None:
    target = statement_of("4", activity="https://l.example/x")
    ref = {"objectType": "StatementRef", "id": target["id"]}
    comment = statement_of("5", verb={"id": "http://v.example/commented"}, object=ref, result={})
    assert site.post(target, comment).status_code == 200
    found = listed(site.ask("GET", params={"activity": "https://l.example/x"}))
    assert {s["id"] for s in found} == {target["id"], comment["id"]}


def test_since_is_exclusive_and_until_inclusive(site: Site) -> None:
    site.post(*(statement_of() for _ in range(3)))
    first, second, third = listed(site.ask("GET", params={"ascending": "true"}))
    assert listed(site.ask("GET", params={"since": second["stored"]})) == [third]
    until = {"until": second["stored"], "ascending": "true"}
    assert listed(site.ask("GET", params=until)) == [first, second]


@pytest.mark.parametrize("ascending", ["true", "false"])
def test_more_leads_through_everything_once_while_others_write(site: Site, ascending: str) -> None:
    sent = [site.post(*(statement_of() for _ in range(5))).json() for _ in range(5)]
    params = {"limit": "4", "ascending": ascending}
    answer, seen = site.ask("GET", params=params), []
    while True:
        seen += [s["stored"] for s in listed(answer)]
        site.post(statement_of()) if len(seen) < 12 else None
        if not (more := answer.json()["more"]):
            break
        answer = site.ask("GET", path=more.removeprefix("/xapi/"))
    assert len(seen) == len(set(seen))
    assert seen == sorted(seen, reverse=ascending == "false")
    assert len(seen) >= sum(map(len, sent))


def test_a_link_that_is_not_ours_or_another_tenant_s_is_refused(site: Site) -> None:
    site.post(*(statement_of() for _ in range(3)))
    more = site.ask("GET", params={"limit": 1}).json()["more"].removeprefix("/xapi/")
    assert site.ask("GET", path=more).status_code == 200
    assert site.ask("GET", path=more[:-1] + ("0" if more[-1] != "0" else "1")).status_code == 400
    stranger = build_site(site.database, site.origin)
    assert stranger.ask("GET", path=more).status_code == 400


def test_tenants_see_nothing_of_each_other(site: Site) -> None:
    stranger = build_site(site.database, site.origin)
    sent = statement_of()
    site.post(sent)
    assert listed(stranger.ask("GET")) == []
    assert stranger.ask("GET", params={"statementId": sent["id"]}).status_code == 404
    same_id = sent | {"verb": {"id": "http://v.example/other"}}
    assert stranger.post(same_id).status_code == 200
    assert stranger.post(void_of(sent["id"])).status_code == 200
    assert len(listed(site.ask("GET"))) == 1


def test_keys_open_only_what_they_are_for(site: Site) -> None:
    with site.database.begin() as conn:
        keys = {
            scope: xapi_keys.new_credential(conn, site.tenant_id, scope, now())
            for scope in ("write", "read")
        }
    assert site.post(statement_of(), auth=keys["write"]).status_code == 200
    assert site.ask("GET", auth=keys["write"]).status_code == 403
    assert site.post(statement_of(), auth=keys["read"]).status_code == 403
    assert len(listed(site.ask("GET", auth=keys["read"]))) == 1


@pytest.mark.parametrize("auth", [None, ("", ""), ("nobody", "x"), ("KEY", "wrong"), ("KEY", "ä")])
def test_without_a_key_that_fits_nothing_is_said(shared_site: Site, auth: Any) -> None:
    given = (shared_site.key, auth[1]) if auth and auth[0] == "KEY" else auth
    answer = shared_site.ask("GET", auth=given)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert shared_site.ask("GET").status_code == 200


def test_it_is_off_until_the_tenant_switches_it_on(site: Site) -> None:
    with site.database.begin() as conn:
        tenants.change(conn, site.tenant_id, TenantSettings(lrs_embedded=False))
    assert site.ask("GET").status_code == 403


BAD_REQUESTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "no version": ("GET", {"headers": {"X-Experience-API-Version": ""}}, 400),
    "version 0.95": ("GET", {"headers": {"X-Experience-API-Version": "0.95"}}, 400),
    "unknown parameter": ("GET", {"params": {"foo": "1"}}, 400),
    "both ids": ("GET", {"params": {"statementId": "x", "voidedStatementId": "y"}}, 400),
    "id is no uuid": ("GET", {"params": {"statementId": "1"}}, 400),
    "id and filter": ("GET", {"params": {"statementId": str(uuid.uuid4()), "limit": 1}}, 400),
    "limit": ("GET", {"params": {"limit": "-1"}}, 400),
    "since": ("GET", {"params": {"since": "yesterday"}}, 400),
    "agent": ("GET", {"params": {"agent": "{"}}, 400),
    "agent without id": ("GET", {"params": {"agent": '{"name":"x"}'}}, 400),
    "registration": ("GET", {"params": {"registration": "7"}}, 400),
    "boolean": ("GET", {"params": {"ascending": "True"}}, 400),
    "more": ("GET", {"params": {"more": "abc"}}, 400),
    "not json": ("POST", {"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
    "empty": ("POST", {"data": b"", "headers": {"Content-Type": "application/json"}}, 400),
    "cut off": ("POST", {"data": b"[{},", "headers": {"Content-Type": "application/json"}}, 400),
    "a form": ("POST", {"files": {"a": b"x"}}, 400),
    "put without id": ("PUT", {"json": {}}, 400),
    "delete": ("DELETE", {}, 405),
    "nul": ("GET", {"params": {"verb": "http://v.example/\0"}}, 400),
    "deep": ("POST", {"json": {"context": json.loads("[" * 300 + "]" * 300)}}, 400),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_gets_a_plain_sentence_and_never_a_500(shared_site: Site, name: str) -> None:
    method, options, status = BAD_REQUESTS[name]
    answer = shared_site.ask(method, **options)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert len(answer.text.strip()) > 10


def test_one_bad_statement_refuses_its_whole_batch(site: Site) -> None:
    assert site.post(statement_of(), statement_of(verb={"id": "x"})).status_code == 400
    twice = statement_of()
    assert site.post(twice, twice).status_code == 400
    assert listed(site.ask("GET")) == []


def test_a_statement_above_one_mebibyte_and_a_body_above_sixteen_are_refused(site: Site) -> None:
    large = statement_of(context={"extensions": {"http://e.example/x": "x" * (1 << 20)}})
    assert site.post(large).status_code == 413
    headers = {"Content-Type": "application/json"}
    answer = site.ask("POST", data=b"[" + b" " * (16 << 20) + b"]", headers=headers)
    assert answer.status_code == 413
