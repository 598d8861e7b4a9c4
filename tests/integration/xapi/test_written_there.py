"""What we write, in real stores that judge it: ours, and pelotech/xapi-lrs where it is built.

Every kind of statement and both documents, in both versions of xAPI; what is taken back is gone.
"""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import empty_database, free_port
from tests.integration.torture.stores import Place, own_lrs
from tests.peers import xapi_lrs
from tests.peers.process import NotBuilt
from tests.unit.xapi_bridge.test_profile import EVENTS
from xapi_bridge import documents, wire
from xapi_bridge.client import Client
from xapi_bridge.probe import probe

TOOL = "https://kompetenz.example.de"
BEFORE, LATER = "2026-11-22T05:40:00Z", "2026-11-24T05:40:00Z"


@pytest.fixture(params=["own", pytest.param("xapi-lrs", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    if request.param == "own":
        with own_lrs(f"sqlite:///{tmp_path / 'lrs.db'}") as made:
            yield made
        return
    with empty_database(request.getfixturevalue("postgres_server")) as url:
        try:
            peer = xapi_lrs.Peer(free_port(), free_port(), url)
        except NotBuilt as error:
            pytest.skip(str(error))
        yield Place(peer.endpoint, xapi_lrs.KEY, xapi_lrs.SECRET)
        peer.close()


@pytest.fixture(params=["1.0.3", "2.0.0"])
def client(request: pytest.FixtureRequest, place: Place) -> Iterator[Client]:
    with Client(place.endpoint, place.key, place.secret, version=request.param) as made:
        yield made


def event(kind: str, assignment: str, **more: Any) -> dict[str, Any]:
    return EVENTS[kind] | {"assignment": assignment, "timestamp": BEFORE} | more


def there(client: Client, number: str, name: str = "statementId") -> set[str]:
    return client.ids({name: number})


def test_every_statement_is_taken_once_as_it_is_and_a_shared_result_can_be_voided(
    client: Client,
) -> None:
    path = str(uuid.uuid4())
    written = [
        statement
        for kind in ("assigned", "withdrawn", "asserted")
        for statement in wire.statements(TOOL, event(kind, path))
    ]
    for _ in range(2):
        client.send(written)  # sending again is harmless
    assert client.ids({"registration": path}) == {s["id"] for s in written}
    for sent in written:
        stored = client.statements({"statementId": sent["id"]})
        added = {"stored", "authority", "version"}
        assert without(stored, added) == without(sent, added)
    result = written[-1]["id"]
    (void,) = wire.statements(TOOL, EVENTS["voided"] | {"statement": result})
    client.send([void])
    assert there(client, result) == set()
    assert there(client, result, "voidedStatementId") == {result}


def without(statement: dict[str, Any], names: set[str]) -> dict[str, Any]:
    kept = {k: v for k, v in statement.items() if k not in names}
    return kept | {"timestamp": wire.instant(kept["timestamp"])}


def test_both_documents_are_written_changed_beside_others_and_deleted(client: Client) -> None:
    person = str(uuid.uuid4())
    path = event("assigned", str(uuid.uuid4()), name=person, assigned=BEFORE)
    path["steps"] = [s | {"month": "2026-11", "state": "planned"} for s in path["steps"]]
    said = {"code": "1.1", "title": "x", "low": 1, "high": 2, "confidence": 0.9, "evidence": 3}
    share = path | {"share": str(uuid.uuid4()), "until": LATER, "results": [said]}
    for where, document, keys in (
        (wire.document_place(TOOL, path), wire.path_document(TOOL, path), wire.DOCUMENT_KEYS),
        (wire.levels_place(TOOL, share), wire.levels_document(TOOL, share), wire.LEVELS_KEYS),
    ):
        assert documents.put(client, where, document)
        body, etag = client.document("GET", where, None, {})
        assert json.loads(body) == json.loads(json.dumps(document))
        client.document("PUT", where, json.dumps(document | {"a": 1}).encode(), {"If-Match": etag})
        newer = document | {"updated": wire.instant("2026-11-23T05:40:00Z"), "revision": 2}
        assert documents.put(client, where, newer)
        assert json.loads(client.document("GET", where, None, {})[0]) == newer | {"a": 1}
        assert documents.take_back(client, where, keys, wire.instant(LATER))
        assert json.loads(client.document("GET", where, None, {})[0]) == {"a": 1}
        client.document("DELETE", where, None, {})


def test_the_probe_tells_the_truth_of_it(client: Client) -> None:
    found = probe(client, active=True, tool=TOOL)
    assert (found.version, found.write_version, found.since) == ("2.0.0", "1.0.3", "stored")
    assert (found.documents, found.document_key, found.if_match) == (True, True, True)
    assert (found.may_write, found.voided, found.findings) == (True, True, ())
