"""No input to /xapi/* ever yields a 500: 2,000 requests here, 10,000 more in `make test-all`.

Hypothesis makes them from good ones: a node of a statement replaced by anything, and parameters,
headers and bodies of any kind. What is taken has to come back in every format.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.xapi.store import (
    ACTIVITY,
    AGENT,
    BOUNDARY,
    GROUP,
    VERB,
    Lrs,
    attachment,
    file_part,
    multipart,
    new_id,
    reference,
    statement,
    substatement,
)
from tests.conformance.xapi.test_documents import KINDS

Json = Any
FINE = {200, 204, 304, 400, 403, 404, 405, 409, 412, 413, 415}

texts = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            *("", "\0", "\ud800", "x" * 5000, "https://a.example", "mailto:a@b.example", "a:b"),
            *("2026-11-02T08:00:00Z", "9999-12-31T23:59:59.999999999+14:00", "P1D", "de", "1.0.3"),
            *("Group", "Agent", "SubStatement", "StatementRef", "Activity", "choice", "a" * 64),
            *(new_id(), new_id().upper(), "\u202e", "﷽", "%", "$x", "' OR 1=1 --", "../../etc"),
        ]
    ),
)
values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts, st.just(10**40)
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
RICH: list[Json] = [
    statement(
        result={
            "score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10},
            "duration": "PT1S",
            "extensions": {"https://e.example/x": {"a": [1]}},
        },
        context={
            "registration": new_id(),
            "instructor": AGENT,
            "team": GROUP,
            "contextActivities": {"parent": [ACTIVITY], "other": ACTIVITY},
            "contextAgents": [{"objectType": "contextAgent", "agent": AGENT}],
            "contextGroups": [{"objectType": "contextGroup", "group": GROUP}],
            "statement": reference(new_id()),
        },
        attachments=[attachment(b"x", fileUrl="https://f.example/x")],
        timestamp="2026-11-02T08:00:00Z",
        version="1.0.0",
        authority=AGENT,
    ),
    substatement(context={"contextActivities": {"grouping": ACTIVITY}}),
    statement(object=reference(new_id())),
    statement(actor=GROUP | {"account": {"homePage": "https://l.example", "name": "t"}}),
    statement(
        object=ACTIVITY
        | {
            "definition": {
                "name": {"de": "x"},
                "interactionType": "choice",
                "choices": [{"id": "a", "description": {"de": "x"}}],
                "correctResponsesPattern": ["a"],
                "extensions": {"a:b": None},
            }
        },
        verb=VERB,
    ),
]


def places(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every node."""
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [path, *(found for key, below in inner for found in places(below, (*path, key)))]


@st.composite
def statements(draw: Callable[..., Any]) -> Json:
    """A statement with anything where anything may be, and sometimes also where it may not."""
    made = copy.deepcopy(draw(st.sampled_from(RICH))) | {"id": new_id()}
    made["actor"] = {
        "name": draw(texts),
        "account": {"homePage": "a:b", "name": draw(texts) or "x"},
    }
    made["verb"] = VERB | {"display": {"de": draw(texts)}}
    anything = {"https://e.example/x": draw(values)}
    made["result"] = {"response": draw(texts), "extensions": anything}
    made["context"] = made.get("context", {}) | {"extensions": anything | {"a:b": draw(values)}}
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        path = draw(st.sampled_from(places(made)[1:]))
        node = made
        for key in path[:-1]:
            node = node[key]
        if isinstance(node, dict) and draw(st.booleans()):
            node[draw(st.one_of(texts, st.sampled_from(list(made))))] = draw(values)
        else:
            node[path[-1]] = draw(values)
    return made


@st.composite
def bodies(draw: Callable[..., Any]) -> tuple[bytes, str]:
    raw = draw(
        st.one_of(
            st.binary(max_size=200),
            statements().map(written),
            st.lists(statements(), max_size=3).map(written),
            values.map(written),
            st.sampled_from(
                [
                    b"[" * 3000,
                    b'{"a":' * 3000,
                    written({"a": {}}),
                    multipart(RICH[0], file_part(b"x")),
                    multipart(statement(attachments=[attachment(b"x")]), file_part(b"x")),
                ]
            ),
        )
    )
    if draw(st.booleans()) and raw:
        cut = draw(st.integers(0, len(raw) - 1))
        raw = raw[:cut] + draw(st.binary(max_size=3)) + raw[cut + draw(st.integers(0, 3)) :]
    kinds = ["application/json", f"multipart/mixed; boundary={BOUNDARY}", "text/plain", "", "x;;="]
    return raw, draw(st.sampled_from([*kinds, "application/x-www-form-urlencoded"]))


def written(value: Json) -> bytes:
    return json.dumps(value).encode()


PARAMETERS = (
    *("statementId", "voidedStatementId", "agent", "verb", "activity", "registration", "since"),
    *("until", "limit", "format", "attachments", "ascending", "related_agents", "more", "method"),
    *("activityId", "stateId", "profileId", "foo"),
)
GOOD: dict[str, list[str]] = {
    "agent": [json.dumps(AGENT), json.dumps(GROUP)],
    "activityId": [ACTIVITY["id"]],
    "format": ["ids", "canonical"],
    "attachments": ["true"],
    "related_agents": ["true"],
    "method": ["PUT", "GET", "DELETE"],
    "limit": ["0", "1"],
    "since": ["2026-11-02T08:00:00Z"],
}
PLACE = {
    "statements": (),
    "activities": ("activityId",),
    "agents": ("agent",),
    **{kind.path: (*kind.needs, kind.id) for kind in KINDS},
}
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
HEADERS = ("If-Match", "If-None-Match", "Accept-Language", "Content-Encoding", "Authorization")
odd_headers = st.dictionaries(
    st.sampled_from(HEADERS),
    st.one_of(
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
        st.sampled_from(["*", '"x"', "W/", "gzip", "Basic eDp5", "Bearer x", "de;q=0.5, *;q=x"]),
    ),
    min_size=1,
    max_size=2,
)
versions = st.sampled_from(["1.0.3", "2.0.0"])


@st.composite
def asks(draw: Callable[..., Any]) -> tuple[str, str, dict[str, str], dict[str, str]]:
    """Method, path, parameters and headers: what the resource needs, and now and then more."""
    path = draw(st.sampled_from([*PLACE, "about", "x/y"]))
    params = {name: draw(st.sampled_from(GOOD.get(name, ["d"]))) for name in PLACE.get(path, ())}
    for name in draw(st.lists(st.sampled_from(PARAMETERS), max_size=2)):
        params[name] = draw(st.one_of(texts, st.sampled_from(GOOD.get(name, [new_id()]))))
    seldom = draw(st.integers(0, 3)) == 0
    return draw(st.sampled_from(METHODS)), path, params, draw(odd_headers) if seldom else {}


ROUNDS = [pytest.param(1, id="usual"), pytest.param(5, id="long", marks=pytest.mark.slow)]


def fuzz(number: int, test: Callable[..., None], **strategies: Any) -> None:
    relaxed = settings(
        max_examples=number, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    relaxed(given(**strategies)(test))()


@pytest.fixture
def session(shared: Lrs) -> requests.Session:
    made = requests.Session()
    made.auth = (shared.site.key, shared.site.secret)
    return made


@pytest.mark.parametrize("rounds", ROUNDS)
def test_no_statement_breaks_it_and_what_is_taken_comes_back(
    shared: Lrs, session: requests.Session, rounds: int
) -> None:
    url = f"{shared.site.endpoint}/statements"

    def check(sent: Json, version: str) -> None:
        asked = {"X-Experience-API-Version": version}
        posted = {"Content-Type": "application/json"}
        made = session.post(url, data=written(sent), headers=asked | posted, timeout=20)
        assert made.status_code in (200, 400, 409), (made.status_code, sent)
        if made.status_code != 200:
            return
        for form in ("exact", "ids", "canonical"):
            params = {"statementId": made.json()[0], "format": form}
            got = session.get(url, params=params, headers=asked, timeout=20)
            assert got.status_code == 200, sent
        again = session.post(url, data=written(sent), headers=asked | posted, timeout=20)
        assert again.status_code == 200, sent

    fuzz(700 * rounds, check, sent=statements(), version=versions)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_no_request_breaks_it(shared: Lrs, session: requests.Session, rounds: int) -> None:
    def check(ask: Any, body: Any, version: str) -> None:
        (method, path, params, more), (raw, kind) = ask, body
        known = {"X-Experience-API-Version": version, "Content-Type": kind}
        got = requests.request(
            method,
            f"{shared.site.endpoint}/{path}",
            params={k: v.encode("utf-8", "replace").decode() for k, v in params.items()},
            data=raw,
            headers=known | {k: v.strip() for k, v in more.items()},
            auth=None if "Authorization" in more else session.auth,
            timeout=20,
        )
        assert got.status_code in FINE | {401}, (got.status_code, ask, body)
        if got.status_code >= 400 and method != "HEAD":
            assert got.headers["Content-Type"].startswith("text/plain")

    fuzz(1300 * rounds, check, ask=asks(), body=bodies(), version=versions)
