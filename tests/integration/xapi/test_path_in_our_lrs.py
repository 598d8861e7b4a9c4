"""The path's document, written by our own bridge into our own store, over HTTP like to any."""

from collections.abc import Iterator
from typing import Any

import pytest

from lti_tool.store.pull import client_of
from tests.integration.xapi.site import Site
from xapi_bridge import documents, wire
from xapi_bridge.client import Client
from xapi_bridge.errors import RequestRefused
from xapi_bridge.probe import probe

TOOL = "https://kompetenz.example.de"
EVENT: dict[str, Any] = {
    "kind": "assigned",
    "assignment": "3c1d7a52-2f0e-4a52-9d0a-6d0a5f3f1a11",
    "revision": 1,
    "home_page": "https://moodle.stadt.example.de",
    "name": "77",
    "course": "https://moodle.stadt.example.de/course/view.php?id=7",
    "language": "de",
    "assigned": "2026-11-22T05:40:00Z",
    "timestamp": "2026-11-22T05:40:00Z",
    "steps": [
        {
            "order": 1,
            "activity": "https://moodle.stadt.example.de/mod/quiz/view.php?id=19",
            "title": "Passwörter",
            "mandatory": True,
            "month": 1,
            "state": "open",
        }
    ],
}
WHERE = wire.document_place(TOOL, EVENT)


@pytest.fixture
def client(site: Site) -> Iterator[Client]:
    with client_of(site.connection) as made:
        yield made


def there(site: Site) -> Any:
    return site.ask("GET", "agents/profile", params=WHERE)


def test_a_path_is_written_changed_beside_others_and_taken_back(site: Site, client: Client) -> None:
    assert documents.put(client, WHERE, wire.path_document(TOOL, EVENT))
    first = there(site)
    assert first.json()["steps"][0]["state"] == "open"
    assert documents.put(client, WHERE, wire.path_document(TOOL, EVENT)), "twice is harmless"
    assert there(site).headers["ETag"] == first.headers["ETag"]
    others = first.json() | {"theirs": 1}
    etag = {"If-Match": first.headers["ETag"]}
    put = site.ask("PUT", "agents/profile", params=WHERE, json=others, headers=etag)
    assert put.status_code == 204
    later = EVENT | {"timestamp": "2026-11-23T05:40:00Z", "revision": 2}
    assert documents.put(client, WHERE, wire.path_document(TOOL, later))
    assert (there(site).json()["revision"], there(site).json()["theirs"]) == (2, 1)
    at = wire.instant("2026-11-24T05:40:00Z")
    assert documents.take_back(client, WHERE, wire.DOCUMENT_KEYS, at)
    assert there(site).json() == {"theirs": 1}


def test_what_is_taken_back_leaves_no_document(site: Site, client: Client) -> None:
    documents.put(client, WHERE, wire.path_document(TOOL, EVENT))
    at = wire.instant("2026-11-24T05:40:00Z")
    assert documents.take_back(client, WHERE, wire.DOCUMENT_KEYS, at)
    assert there(site).status_code == 404


def test_whoever_is_overtaken_is_told(site: Site, client: Client) -> None:
    documents.put(client, WHERE, wire.path_document(TOOL, EVENT))
    with pytest.raises(RequestRefused) as refused:
        client.document("PUT", WHERE, b"{}", {"If-Match": '"old"'})
    assert refused.value.status == 412


def test_the_path_s_statements_are_found_by_whom_they_are_about(site: Site, client: Client) -> None:
    statements = wire.statements(TOOL, EVENT)
    assert site.post(*statements).json() == [s["id"] for s in statements]
    assert site.post(*statements).status_code == 200, "sent again"
    agent = WHERE["agent"]
    recommended, registered = (s["id"] for s in statements)

    def found(**params: str) -> list[str]:
        return [s["id"] for s in site.ask("GET", params=params).json()["statements"]]

    assert found(agent=agent) == [registered]
    assert found(registration=EVENT["assignment"]) == [registered, recommended]
    step = EVENT["steps"][0]["activity"]
    assert found(activity=step, related_activities="true") == [registered, recommended]


def test_the_probe_knows_it_as_ours(client: Client) -> None:
    found = probe(client)
    assert (found.ours, found.since) == (True, "stored"), "also while it is empty"
    assert {"1.0.3", "2.0.0"} <= set(found.versions)
    assert client.about()["extensions"]["urn:roadmap:lrs"] == {"documents": True}
