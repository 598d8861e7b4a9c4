"""Attacks on the embedded LRS by who has a key: other towns, odd shapes, what should exhaust it."""

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import Flask

from lti_tool.seal import Seal
from lti_tool.store import migrations, xapi_keys
from lti_tool.store.database import Database
from lti_tool.store.xapi_keys import credential
from lti_tool.store.xapi_queries import LARGEST_PAGE_BYTES
from lti_tool.web.xapi import blueprint
from lti_tool.web.xapi.intake import LARGEST_BATCH
from tests.integration.xapi.site import SECRET, Site, build_site, house_of, now, serve, statement_of
from xapi_bridge.errors import MalformedPage
from xapi_bridge.slices import members, spans


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, str]]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('lrs') / 'lrs.db'}")
    migrations.upgrade(database)
    app = Flask("lrs")
    app.register_blueprint(blueprint)
    server, origin = serve(app)
    app.extensions["roadmap"] = house_of(database, Seal(SECRET), origin)
    yield database, origin
    server.close()
    database.close()


@pytest.fixture
def site(house: tuple[Database, str]) -> Site:
    return build_site(*house)


@pytest.fixture
def neighbour(house: tuple[Database, str]) -> Site:
    return build_site(*house)


# --- another town ---------------------------------------------------------------------------------


def test_a_key_reads_and_voids_nothing_of_another_town(site: Site, neighbour: Site) -> None:
    secret = statement_of("4711")
    wanted = site.post(secret).json()[0]
    agent = json.dumps(secret["actor"] | {"name": "x"})
    for query in (
        {},
        {"statementId": wanted},
        {"voidedStatementId": wanted},
        {"agent": agent},
        {"agent": agent, "related_agents": "true"},
        {"activity": secret["object"]["id"], "related_activities": "true"},
        {"verb": secret["verb"]["id"]},
    ):
        answer = neighbour.ask("GET", params=query)
        assert wanted not in answer.text, query
        assert "4711" not in answer.text, query
    void = statement_of(
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"},
        object={"objectType": "StatementRef", "id": wanted},
    )
    neighbour.post(void)
    assert site.ask("GET", params={"statementId": wanted}).status_code == 200
    # The same id is free in the other town: whether it is taken here cannot be found out.
    assert neighbour.post(statement_of(id=wanted)).status_code == 200


def test_a_link_to_the_next_page_belongs_to_its_town_and_cannot_be_written(
    site: Site, neighbour: Site
) -> None:
    for place in (site, neighbour):
        place.post(*(statement_of() for _ in range(3)))
    more = site.ask("GET", params={"limit": "1"}).json()["more"]
    token = parse_qs(urlsplit(more).query)["more"][0]
    text, signature = token.split(".")
    assert site.ask("GET", params={"more": token}).status_code == 200
    forged = (
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        text,
        f"{text}.",
        f".{signature}",
        f"{text[:-2]}.{signature}",
        "",
        ".",
        "ä.ä",
    )
    for bad in forged:
        assert site.ask("GET", params={"more": bad}).status_code == 400, bad
    assert neighbour.ask("GET", params={"more": token}).status_code == 400
    mixed = {"more": token, "limit": "1000"}
    assert site.ask("GET", params=mixed).status_code == 400


def test_the_authority_is_the_key_whatever_is_sent(site: Site) -> None:
    forged = {"objectType": "Agent", "account": {"homePage": "https://evil.example", "name": "x"}}
    body = json.dumps(statement_of())
    for name in ('"authority"', '"\\u0061uthority"', '"authorit\\u0079"'):
        sent = body.replace(json.loads(body)["id"], str(uuid.uuid4()))
        stored = '"\\u0073tored":"2001-01-01T00:00:00Z"'
        raw = f"{sent[:-1]},{name}:{json.dumps(forged)},{stored}}}"
        made = site.ask("POST", data=raw, headers={"Content-Type": "application/json"})
        assert made.status_code == 200, made.text
        kept = site.ask("GET", params={"statementId": made.json()[0]})
        assert kept.json()["authority"]["account"]["name"] == site.key
        assert kept.text.count("stored") == 1
        assert not kept.json()["stored"].startswith("2001")


@pytest.mark.parametrize("scope", ["read", "write"])
def test_a_key_does_only_what_it_is_for(site: Site, scope: str) -> None:
    with site.database.begin() as conn:
        made = xapi_keys.new_credential(conn, site.tenant_id, scope, now())
    statuses = (
        site.post(statement_of(), auth=made).status_code,
        site.ask("GET", auth=made).status_code,
        site.ask("GET", auth=made, headers={"X-HTTP-Method-Override": "POST"}).status_code,
    )
    assert statuses == ((403, 200, 200) if scope == "read" else (200, 403, 403))


ODD_KEYS = ("", "\0", "' OR '1'='1", "%", "_" * 19, "rm-\u00e4", "a" * 9000)


@pytest.mark.parametrize("key", ODD_KEYS, ids=lambda k: ascii(k)[:12])
def test_no_odd_key_opens_or_breaks_anything(site: Site, key: str) -> None:
    for secret in ("", "x", site.secret):
        answer = site.ask("GET", auth=(key.encode(), secret.encode()))
        assert answer.status_code == 401
    assert "Key and secret" in answer.text or "Basic" in answer.text


def test_nul_in_a_key_never_reaches_postgresql(site: Site) -> None:
    assert site.ask("GET", auth=("\0", "x")).text == "Key and secret do not fit.\n"
    with site.database.read() as conn:
        assert credential(conn, "' OR 1=1 --") is None


# --- filters --------------------------------------------------------------------------------------


def test_filters_are_values_and_never_sql(site: Site) -> None:
    site.post(statement_of())
    for bad in (
        "' OR 1=1 --",
        "a:b') OR ('1'='1",
        "a:'||(SELECT 1)||'",
        "\0",
        "%",
        "[]",
        "1",
        "{}",
    ):
        for name in ("verb", "activity", "agent", "registration", "since", "limit", "statementId"):
            answer = site.ask("GET", path=f"statements?{name}={quote(bad)}")
            assert answer.status_code in (200, 400, 404), (name, bad)
            if answer.status_code == 200 and (name, bad) != ("limit", "1"):
                assert answer.json()["statements"] == [], (name, bad)
    assert site.ask("GET", params={"statements; DROP TABLE": "1"}).status_code == 400


AGENTS: tuple[Any, ...] = (
    None,
    True,
    [],
    "x",
    {"account": 1},
    {"account": {"homePage": "https://x.example", "name": ["a"]}},
    {"mbox": 5},
    {"mbox_sha1sum": []},
    {"objectType": "Group", "member": 5},
    {"objectType": [], "mbox": "mailto:a@x.example"},
)


@pytest.mark.parametrize("agent", AGENTS, ids=json.dumps)
def test_an_odd_agent_is_refused_in_plain_words(site: Site, agent: Any) -> None:
    answer = site.ask("GET", params={"agent": json.dumps(agent)})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")


# --- odd statements -------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (None, True, 5, "x", [], [1], ["x"], {}, {"a": 1}, [[]], [{"agent": 5}])


@pytest.mark.parametrize("odd", ODD, ids=json.dumps)
def test_no_odd_shape_is_an_error_of_ours(site: Site, odd: Any) -> None:
    agent = {"mbox": "mailto:a@x.example"}
    inner = {
        "objectType": "SubStatement",
        "actor": agent,
        "verb": {"id": "http://x.example/v"},
        "object": {"id": "http://x.example/a"},
    }
    group = {"objectType": "Group", "member": odd}
    for sent in (
        *({"context": {name: odd}} for name in ("contextAgents", "contextGroups", "instructor")),
        *({"context": {"contextActivities": {name: odd}}} for name in ("parent", "other")),
        {"context": {"contextAgents": [{"agent": odd}]}},
        {"context": {"contextAgents": [{"agent": group}]}},
        {"context": odd},
        {"object": inner | {"context": odd}},
        {"object": inner | {"context": {"contextActivities": odd}}},
        {"object": inner | {"context": {"contextActivities": {"parent": odd}}}},
        {"object": inner | {"context": {"contextAgents": odd}}},
        {"object": inner | {"actor": group}},
        {"object": odd},
        {"actor": odd},
        {"actor": group},
        {"verb": odd},
        {"result": odd},
        {"result": {"score": odd}},
        {"result": {"score": {"scaled": odd}}},
        {"attachments": odd},
        {"version": odd},
        {"timestamp": odd},
        {"id": odd},
    ):
        assert site.post(statement_of(**sent)).status_code in (200, 400), sent


def test_a_property_that_comes_twice_is_refused(site: Site) -> None:
    """Else one reader finds (and erases) by the last actor what another shows by the first."""
    body = json.dumps(statement_of("7"))
    other = json.dumps({"account": {"homePage": "https://x.example", "name": "8"}})
    for name in ('"actor"', '"\\u0061ctor"'):
        raw = f"{body[:-1]},{name}:{other}}}"
        answer = site.ask("POST", data=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400


def test_deep_and_broken_json_is_refused_in_time(site: Site) -> None:
    began = time.monotonic()
    deep, flat = b'{"a":' * 200_000, b"[" * 3000 + b"]" * 3000
    for raw in (deep, b"[" * 1_000_000, b"[" + flat + b"]", b'["', b"[1,", b""):
        answer = site.ask("POST", data=raw, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 413)
    deep_extension = "[" * 900 + "]" * 900
    nested = json.dumps(statement_of(context={"extensions": {"http://x.example/e": "HERE"}}))
    raw = nested.replace('"HERE"', deep_extension).encode()
    answer = site.ask("POST", data=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert time.monotonic() - began < 8


# --- exhausting -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "evil", [b'["' + b'\\"' * 500_000, b'{"' + b'\\"' * 500_000, b'{"a' + b'\\"' * 500_000 + b'"}']
)
def test_quotes_that_never_close_cost_no_more_than_their_length(evil: bytes) -> None:
    began = time.monotonic()
    with pytest.raises(MalformedPage):
        spans(evil, b"[") if evil.startswith(b"[") else members(evil)
    assert time.monotonic() - began < 2


def test_a_page_of_large_statements_ends_before_memory_does(site: Site) -> None:
    large = "x" * 1_000_000
    sent: list[str] = []
    for _ in range(3):
        batch = [statement_of(result={"response": large}) for _ in range(8)]
        sent += site.post(*batch).json()
    answer = site.ask("GET", params={"ascending": "true", "limit": "1000"})
    assert len(answer.content) < LARGEST_PAGE_BYTES + 2_000_000
    found = [s["id"] for s in answer.json()["statements"]]
    assert 0 < len(found) < len(sent)
    while more := answer.json()["more"]:
        answer = site.ask("GET", params={"more": parse_qs(urlsplit(more).query)["more"][0]})
        found += [s["id"] for s in answer.json()["statements"]]
    assert found == sent


def test_a_batch_without_end_is_refused_as_a_whole(site: Site) -> None:
    tiny = b'{"actor":{"mbox":"mailto:a@b"},"verb":{"id":"a:b"},"object":{"id":"a:b"}}'
    raw = b"[" + b",".join([tiny] * (LARGEST_BATCH + 1)) + b"]"
    answer = site.ask("POST", data=raw, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert site.ask("GET").json()["statements"] == []
