"""Documents: state, activity profile, agent profile (xAPI 1.0.3 communication 2.2 to 2.7, 3.1)."""

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from tests.conformance.xapi.store import Lrs, activity, new_id, person

MUST_NOT_BE = {"If-None-Match": "*"}


@dataclass(frozen=True)
class Kind:
    path: str
    id: str
    needs: tuple[str, ...]

    def place(self) -> dict[str, str]:
        """Return a place where nothing is yet."""
        given = {"activityId": activity()["id"], "agent": json.dumps(person())}
        return {name: given[name] for name in self.needs} | {self.id: "d"}


STATE = Kind("activities/state", "stateId", ("activityId", "agent"))
ACTIVITY = Kind("activities/profile", "profileId", ("activityId",))
AGENT = Kind("agents/profile", "profileId", ("agent",))
KINDS = [STATE, ACTIVITY, AGENT]
PROFILES = [ACTIVITY, AGENT]

of_all = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.path)
of_profiles = pytest.mark.parametrize("kind", PROFILES, ids=lambda k: k.path)


def put(lrs: Lrs, kind: Kind, place: Mapping[str, str], raw: Any, **headers: str) -> int:
    given = {"Content-Type": "application/json"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return lrs.ask("PUT", kind.path, params=place, data=body, headers=given).status_code


def make(lrs: Lrs, kind: Kind, place: Mapping[str, str], raw: Any = None, **headers: str) -> None:
    body = {"a": 1} if raw is None else raw
    assert put(lrs, kind, place, body, If_None_Match="*", **headers) == 204


def merge(lrs: Lrs, kind: Kind, place: Mapping[str, str], raw: Any, **headers: str) -> int:
    given = {"Content-Type": "application/json"} | {
        k.replace("_", "-"): v for k, v in headers.items()
    }
    body = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return lrs.ask("POST", kind.path, params=place, data=body, headers=given).status_code


def got(lrs: Lrs, kind: Kind, place: Mapping[str, str]) -> Any:
    answer = lrs.ask("GET", kind.path, params=place)
    assert answer.status_code == 200, answer.text
    return answer


def ids(lrs: Lrs, kind: Kind, place: Mapping[str, str], **more: str) -> list[str]:
    params = {k: v for k, v in place.items() if k != kind.id} | more
    found: list[str] = got(lrs, kind, params).json()
    return sorted(found)


# --- one document ---------------------------------------------------------------------------------


@of_all
def test_a_document_comes_back_byte_by_byte_with_its_type(lrs: Lrs, kind: Kind) -> None:
    place, raw = kind.place(), bytes(range(256))
    make(lrs, kind, place, raw, Content_Type="application/x-own; a=b")
    answer = got(lrs, kind, place)
    assert answer.content == raw
    assert answer.headers["Content-Type"] == "application/x-own; a=b"


@of_all
def test_its_etag_is_the_sha_1_and_last_modified_is_said(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    make(lrs, kind, place, b'{"b": 2}')
    answer = got(lrs, kind, place)
    sha1 = hashlib.sha1(b'{"b": 2}', usedforsecurity=False).hexdigest()
    assert answer.headers["ETag"] == f'"{sha1}"'
    changed = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert abs((parsedate_to_datetime(answer.headers["Date"]) - changed).total_seconds()) < 5


@of_all
def test_who_has_it_already_need_not_get_it_again(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    make(lrs, kind, place)
    etag = got(lrs, kind, place).headers["ETag"]
    again = lrs.ask("GET", kind.path, params=place, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@of_all
def test_what_is_not_there_is_not_found_and_may_be_deleted(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    assert lrs.ask("GET", kind.path, params=place).status_code == 404
    assert lrs.ask("DELETE", kind.path, params=place).status_code == 204
    make(lrs, kind, place)
    assert lrs.ask("DELETE", kind.path, params=place).status_code == 204
    assert lrs.ask("GET", kind.path, params=place).status_code == 404


@of_all
def test_documents_are_told_apart_by_all_that_names_them(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    make(lrs, kind, place, {"mine": 1})
    for name, value in kind.place().items():
        other = place | {name: value if name != kind.id else "e"}
        assert lrs.ask("GET", kind.path, params=other).status_code == 404
    for parameter in kind.needs:
        if parameter == "agent":
            named = json.loads(place["agent"]) | {"objectType": "Agent", "name": "Anna"}
            same = place | {"agent": json.dumps(named)}
            assert got(lrs, kind, same).json() == {"mine": 1}, "the name does not tell people apart"


@pytest.mark.parametrize("name", ["ä/ö", "a b", "https://x.example/p?a=1&b=2", "x" * 1000, "🌳"])
def test_an_id_is_any_text(lrs1: Lrs, name: str) -> None:
    place = STATE.place() | {"stateId": name}
    make(lrs1, STATE, place)
    assert ids(lrs1, STATE, place) == [name]


@of_all
def test_what_names_a_document_has_to_be_there_and_right(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    bad = [{k: v for k, v in place.items() if k != name} for name in kind.needs]
    bad += [place | {"activityId": "no IRI"}] if "activityId" in place else []
    if "agent" in place:
        bad += [place | {"agent": a} for a in ("x", "true", "{}", '{"name":"a"}')]
    bad += [place | {"foo": "bar"}]
    for params in bad:
        for method in ("PUT", "POST", "GET", "DELETE"):
            headers = {"Content-Type": "application/json"} | MUST_NOT_BE
            answer = lrs.ask(method, kind.path, params=params, data=b"{}", headers=headers)
            assert answer.status_code == 400, (method, params)
    without_id = {k: v for k, v in place.items() if k != kind.id}
    for method in ("PUT", "POST"):
        answer = lrs.ask(method, kind.path, params=without_id, data=b"{}", headers=MUST_NOT_BE)
        assert answer.status_code == 400


@of_all
def test_json_that_is_none_is_refused(lrs: Lrs, kind: Kind) -> None:
    assert put(lrs, kind, kind.place(), b"{no json", If_None_Match="*") == 400


# --- POST merges (2.2) ----------------------------------------------------------------------------


@of_all
def test_post_replaces_properties_of_that_name_and_keeps_the_others(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    assert merge(lrs, kind, place, {"x": "foo", "y": {"a": 1}}) == 204
    assert merge(lrs, kind, place, {"x": "bash", "y": {"b": 2}, "z": "faz"}) == 204
    assert got(lrs, kind, place).json() == {"x": "bash", "y": {"b": 2}, "z": "faz"}


def test_post_changes_no_value_by_writing_it_anew(lrs1: Lrs) -> None:
    place = STATE.place()
    merge(lrs1, STATE, place, b'{"n": 123456789012345678901234567890, "f": 1.0e2}')
    merge(lrs1, STATE, place, b'{"m": 83.00}')
    raw = got(lrs1, STATE, place).content
    for kept in (b"123456789012345678901234567890", b"1.0e2", b"83.00"):
        assert kept in raw


@of_all
def test_only_json_objects_can_be_merged(lrs: Lrs, kind: Kind) -> None:
    text = kind.place()
    make(lrs, kind, text, b"text", Content_Type="text/plain")
    assert merge(lrs, kind, text, {"a": 1}) == 400
    listed = kind.place()
    make(lrs, kind, listed, [1])
    assert merge(lrs, kind, listed, {"a": 1}) == 400
    fine = kind.place()
    make(lrs, kind, fine, {"a": 1})
    assert merge(lrs, kind, fine, b"text", Content_Type="text/plain") == 400
    assert merge(lrs, kind, fine, [1]) == 400
    assert merge(lrs, kind, fine, b"{no json") == 400
    assert got(lrs, kind, fine).json() == {"a": 1}


# --- concurrency (3.1) ----------------------------------------------------------------------------


@of_all
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_a_change_of_what_somebody_else_changed_is_refused(
    lrs: Lrs, kind: Kind, method: str
) -> None:
    place = kind.place()
    make(lrs, kind, place)
    old = got(lrs, kind, place).headers["ETag"]
    assert put(lrs, kind, place, {"a": 2}, If_Match=old) == 204

    def change(etag: str) -> int:
        headers = {"If-Match": etag, "Content-Type": "application/json"}
        answer = lrs.ask(method, kind.path, params=place, data=b'{"a": 3}', headers=headers)
        return answer.status_code

    assert change(old) == 412
    assert got(lrs, kind, place).json() == {"a": 2}
    assert change(f'"other", {got(lrs, kind, place).headers["ETag"]}') == 204
    assert lrs.ask("GET", kind.path, params=place).status_code == (
        404 if method == "DELETE" else 200
    )


@of_all
def test_if_none_match_star_writes_only_where_there_is_none(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    assert put(lrs, kind, place, {"a": 1}, If_None_Match="*") == 204
    assert put(lrs, kind, place, {"a": 2}, If_None_Match="*") == 412
    assert put(lrs, kind, place, {"a": 2}, If_Match="*") == 204
    assert put(lrs, kind, kind.place(), {"a": 2}, If_Match="*") == 412
    assert got(lrs, kind, place).json() == {"a": 2}


@of_profiles
def test_a_profile_is_never_put_without_a_condition(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    assert put(lrs, kind, place, {"a": 1}) == 400
    make(lrs, kind, place)
    answer = lrs.ask("PUT", kind.path, params=place, json={"a": 2})
    assert answer.status_code == 409
    assert "If-Match" in answer.text
    assert got(lrs, kind, place).json() == {"a": 1}


def test_state_may_be_overwritten_in_1_but_not_in_2(lrs1: Lrs, lrs2: Lrs) -> None:
    for lrs, second in ((lrs1, 204), (lrs2, 409)):
        place = STATE.place()
        assert put(lrs, STATE, place, {"a": 1}) == 204
        assert put(lrs, STATE, place, {"a": 2}) == second


def test_of_many_who_change_at_once_nobody_s_change_is_lost(lrs1: Lrs) -> None:
    place = AGENT.place()
    make(lrs1, AGENT, place, {})

    def add(n: int) -> None:
        for _ in range(60):
            answer = got(lrs1, AGENT, place)
            wanted = answer.json() | {str(n): n}
            if put(lrs1, AGENT, place, wanted, If_Match=answer.headers["ETag"]) == 204:
                return
        raise AssertionError("never got through")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(add, range(12)))
    assert len(got(lrs1, AGENT, place).json()) == 12


def test_of_many_who_make_it_at_once_one_does(lrs1: Lrs) -> None:
    place = AGENT.place()
    with ThreadPoolExecutor(6) as pool:
        tries = [
            pool.submit(put, lrs1, AGENT, place, {"by": n}, If_None_Match="*") for n in range(6)
        ]
    assert sorted(t.result() for t in tries) == [204, 412, 412, 412, 412, 412]


# --- many documents -------------------------------------------------------------------------------


@of_all
def test_all_ids_of_a_place_since_an_instant(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    for name in ("a", "b"):
        make(lrs, kind, place | {kind.id: name})
    between = lrs.ask("GET", "statements").headers["X-Experience-API-Consistent-Through"]
    assert ids(lrs, kind, place) == ["a", "b"]
    listed = lrs.ask("GET", kind.path, params={k: v for k, v in place.items() if k != kind.id})
    assert "Last-Modified" in listed.headers
    assert set(ids(lrs, kind, place, since="2099-01-01T00:00:00Z")) == set()
    assert ids(lrs, kind, place, since="2020-01-01T00:00:00+01:00") == ["a", "b"]
    assert ids(lrs, kind, place, since=between) == ["a", "b"]  # it lags by a second
    assert lrs.ask("GET", kind.path, params=place | {"since": between}).status_code == 400
    wrong = {k: v for k, v in place.items() if k != kind.id} | {"since": "yesterday"}
    assert lrs.ask("GET", kind.path, params=wrong).status_code == 400


def test_a_changed_document_is_listed_again(lrs1: Lrs) -> None:
    place = STATE.place()
    put(lrs1, STATE, place, {"a": 1})
    first = lrs1.site.database
    with first.read() as conn:
        from sqlalchemy import func, select

        from lti_tool.store.schema.embedded import xapi_document

        newest = conn.execute(select(func.max(xapi_document.c.updated_us))).scalar_one()
    from xapi_bridge.instants import text_of

    assert ids(lrs1, STATE, place, since=text_of(newest)) == []
    put(lrs1, STATE, place, {"a": 1})
    assert ids(lrs1, STATE, place, since=text_of(newest)) == ["d"]


def test_state_has_registrations_and_may_be_deleted_at_once(lrs: Lrs) -> None:
    place, one, two = STATE.place(), new_id(), new_id()
    for registration in (one, two.upper()):
        make(lrs, STATE, place | {"stateId": registration, "registration": registration})
    make(lrs, STATE, place | {"stateId": "none"})
    assert ids(lrs, STATE, place | {"registration": one}) == [one]
    assert ids(lrs, STATE, place | {"registration": two}) == [two.upper()]
    assert len(ids(lrs, STATE, place)) == 3
    everything = {k: v for k, v in place.items() if k != "stateId"}
    gone = lrs.ask("DELETE", STATE.path, params=everything | {"registration": one})
    assert gone.status_code == 204
    assert len(ids(lrs, STATE, place)) == 2
    assert lrs.ask("DELETE", STATE.path, params=everything).status_code == 204
    assert ids(lrs, STATE, place) == []
    bad = lrs.ask("GET", STATE.path, params=place | {"registration": "1"})
    assert bad.status_code == 400


@of_profiles
def test_profiles_are_deleted_one_by_one(lrs: Lrs, kind: Kind) -> None:
    place = kind.place()
    make(lrs, kind, place)
    everything = {k: v for k, v in place.items() if k != kind.id}
    assert lrs.ask("DELETE", kind.path, params=everything).status_code == 400
    assert lrs.ask("GET", kind.path, params=place | {"registration": new_id()}).status_code == 400


def test_tenants_have_documents_of_their_own(lrs1: Lrs, lrs2: Lrs) -> None:
    place = AGENT.place()
    make(lrs1, AGENT, place, {"mine": 1})
    assert lrs2.ask("GET", AGENT.path, params=place).status_code == 404
    assert ids(lrs2, AGENT, place) == []
    make(lrs2, AGENT, place, {"yours": 1})
    assert lrs2.ask("DELETE", AGENT.path, params=place).status_code == 204
    assert got(lrs1, AGENT, place).json() == {"mine": 1}
