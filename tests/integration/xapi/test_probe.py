"""What the probe finds out about stores of many kinds, over real HTTP: by asking, by writing."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.doubles.lrs.store import Knobs, Store
from tests.integration.xapi.site import serve, statement_of
from xapi_bridge.capabilities import SENTENCES, Capabilities, changes, findings, merged, sentences
from xapi_bridge.client import Client
from xapi_bridge.errors import CredentialsRefused, RequestRefused, StoreUnreachable
from xapi_bridge.probe import probe

#: Ralph as measured (reference/xapi.md section 3.3).
RALPH = Knobs(
    since="timestamp",
    order="timestamp",
    about=False,
    documents=False,
    hides_voided=False,
    filters=False,
    last_more="missing",
)
COURSE = "https://moodle.stadt.example.de/course/view.php?id=7"

Opening = Callable[..., tuple[Store, Client]]


@pytest.fixture
def opening() -> Iterator[Opening]:
    """Return a store with these knobs and a client that talks to it."""
    with ExitStack() as stack:

        def made(knobs: Knobs | None = None, **some: Any) -> tuple[Store, Client]:
            store = Store(dataclasses.replace(knobs or Knobs(), **some))
            server, origin = serve(store)
            stack.callback(server.close)
            client = Client(f"{origin}/xapi", "k", "s", patience_s=0.0)
            return store, stack.enter_context(client)

        yield made


def filled(store: Store, number: int = 5) -> None:
    """Statements that happened in another order than they were stored, in a course."""
    for hours in range(1, number + 1):
        happened = datetime.now(UTC) - timedelta(hours=hours)
        context = {"contextActivities": {"grouping": [{"id": COURSE}]}}
        store.put(statement_of(timestamp=happened.isoformat(), context=context))


def written(store: Store) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in store.asked if method != "GET"]


def test_a_good_store_is_read_as_it_is(opening: Opening) -> None:
    store, client = opening()
    filled(store)
    found = probe(client)
    assert (found.since, found.order, found.boolean) == ("stored", "stored", "lower")
    assert (found.more, found.last_more) == ("path", "empty")
    assert (found.filters, found.agents, found.voided) == ("usable", "usable", True)
    assert (found.documents, found.may_write, found.if_match) == (True, True, None)
    assert (found.version, found.answers) == ("1.0.3", "1.0.3")
    assert found.findings == ("inconsistent",)
    assert found.usable


def test_a_store_like_ralph_is_known_by_what_it_holds(opening: Opening) -> None:
    store, client = opening(RALPH)
    filled(store)
    found = probe(client)
    assert (found.since, found.order, found.last_more) == ("timestamp", "timestamp", "missing")
    assert (found.filters, found.voided, found.documents) == ("unusable", False, False)
    assert found.usable
    assert "forward to /xapi" in found.sentences[0]


def test_without_consent_nothing_is_written(opening: Opening) -> None:
    store, client = opening()
    filled(store)
    before = [r.raw for r in store.rows]
    probe(client)
    assert [r.raw for r in store.rows] == before
    # An empty list is offered: what a store says to that tells what our key may do.
    assert written(store) == [("POST", "/xapi/statements")]


def test_an_empty_store_tells_too_little_and_the_probe_says_so(opening: Opening) -> None:
    _store, client = opening()
    found = probe(client)
    assert (found.since, found.order, found.filters) == ("unknown", "unknown", "unknown")
    assert "unknown-since" in found.findings
    assert found.usable


@pytest.mark.parametrize("knobs", [Knobs(), RALPH], ids=["stored", "timestamp"])
def test_writing_tells_at_once_and_leaves_nothing_that_counts(
    opening: Opening, knobs: Knobs
) -> None:
    store, client = opening(knobs)
    found = probe(client, active=True, tool="https://tool.example")
    assert (found.since, found.order) == (knobs.since, knobs.order)
    assert (found.voided, found.wrote) == (knobs.hides_voided, True)
    voided = store._voids()
    assert {r.id for r in store.rows if r.document["verb"]["id"].endswith("initialized")} == voided
    assert store.profiles == {}


@pytest.mark.parametrize("if_match", [True, False])
def test_writing_tells_whether_documents_are_safe_from_each_other(
    opening: Opening, if_match: bool
) -> None:
    _store, client = opening(if_match=if_match)
    assert probe(client, active=True).if_match is if_match


def test_a_key_that_may_only_read_is_named(opening: Opening) -> None:
    store, client = opening(may_write=False)
    filled(store)
    for active in (False, True):
        found = probe(client, active=active)
        assert (found.may_write, "read-only" in found.findings) == (False, True)
    assert len(store.rows) == 5


@pytest.mark.parametrize(("may", "told_by"), [("none", "asking"), ("read", "writing")])
def test_a_key_that_may_not_use_documents_is_named_until_it_may(
    opening: Opening, may: str, told_by: str
) -> None:
    store, client = opening(document_key=may)
    filled(store)
    found = probe(client, active=told_by == "writing")
    assert (found.document_key, "document-key" in found.findings) == (False, True)
    assert merged(found.document(), probe(client).document())["document_key"] is False
    store.knobs.document_key = "all"
    after = merged(found.document(), probe(client, active=True).document())
    assert "document-key" not in findings(after)


def test_what_was_written_is_voided_also_if_our_key_may_not_read_it(opening: Opening) -> None:
    store, client = opening(singles=False)
    with pytest.raises(CredentialsRefused):
        probe(client, active=True)
    assert len(store._voids()) == 2


@pytest.mark.parametrize("form", ["path", "absolute", "query", "relative"])
def test_every_form_of_the_link_to_the_next_page_is_named(opening: Opening, form: str) -> None:
    store, client = opening(more=form)
    filled(store)
    assert probe(client).more == form


def test_page_sizes_are_found(opening: Opening) -> None:
    store, client = opening(cap=50, default=20)
    filled(store, 60)
    found = probe(client)
    assert (found.page_cap, found.page_default) == (50, 20)
    assert "50 statements per page" in " ".join(found.sentences)


def test_a_store_that_refuses_large_pages_is_asked_for_smaller_ones(opening: Opening) -> None:
    store, client = opening(refuses_above=100)
    filled(store)
    assert probe(client).page_cap == 100


def test_a_store_that_ignores_since_is_not_usable(opening: Opening) -> None:
    store, client = opening(since="ignored")
    filled(store)
    found = probe(client)
    assert not found.usable
    assert SENTENCES["ignores-since"] in found.sentences


@pytest.mark.parametrize(
    ("versions", "spoken", "writing"),
    [
        (("1.0.3",), "1.0.3", "1.0.3"),
        (("1.0.3", "2.0.0"), "2.0.0", "1.0.3"),
        (("2.0.0",), "2.0.0", "2.0.0"),
        (("1.0",), "1.0.3", "1.0.3"),
        (("3.0.0",), "", ""),
    ],
)
def test_the_version_is_negotiated(
    opening: Opening, versions: tuple[str, ...], spoken: str, writing: str
) -> None:
    _store, client = opening(versions=versions)
    found = probe(client)
    assert (found.version, found.write_version) == (spoken, writing)
    assert found.usable == bool(spoken)


def test_a_store_without_an_about_page_that_speaks_2_0_only_is_found_out(opening: Opening) -> None:
    _store, client = opening(versions=("2.0.0",), about=False)
    found = probe(client)
    assert (found.version, found.write_version) == ("2.0.0", "2.0.0")


@pytest.mark.parametrize(("kind", "monotonic"), [("wall", True), ("backwards", False)])
def test_consistent_through_is_watched(opening: Opening, kind: str, monotonic: bool) -> None:
    store, client = opening(consistent=kind)
    filled(store)
    found = probe(client)
    assert (found.consistent_through, found.consistency_monotonic) == ("present", monotonic)
    assert found.consistency_lag_s is not None
    assert (found.consistency_lag_s > 1.0) == (kind == "backwards")


def test_the_clock_of_a_store_is_compared_with_ours_for_display(opening: Opening) -> None:
    store, client = opening(skew_s=-300.0)
    filled(store)
    found = probe(client)
    assert found.skew_s == pytest.approx(300.0, abs=3.0)
    assert any("differs from ours by" in said for said in found.sentences)
    assert found.since == "stored"


def test_rate_limits_are_named(opening: Opening) -> None:
    _store, client = opening(headers={"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "7"})
    found = probe(client)
    assert found.limits == {"x-ratelimit-limit": "300"}
    assert "300" in next(said for said in found.sentences if "limits" in said)


def test_what_is_no_lrs_is_said_as_an_error(opening: Opening) -> None:
    _store, client = opening()
    elsewhere = Client(client.endpoint.replace("/xapi", "/moodle"), "k", "s", patience_s=0.0)
    with elsewhere, pytest.raises(RequestRefused, match="no LRS at this address"):
        probe(elsewhere)
    dead = Client("http://127.0.0.1:1/xapi", "k", "s", patience_s=0.0)
    with dead, pytest.raises(StoreUnreachable):
        probe(dead)


def test_a_refused_key_is_said_as_an_error() -> None:
    def refuses(_environ: Any, start: Any) -> list[bytes]:
        start("401 Unauthorized", [("Content-Length", "0")])
        return [b""]

    server, origin = serve(refuses)
    with Client(f"{origin}/xapi", "k", "s") as client, pytest.raises(CredentialsRefused):
        probe(client)
    server.close()


def test_what_could_not_be_told_this_time_stays_as_it_was_known() -> None:
    before = Capabilities(since="stored", if_match=True, skew_s=3.0).document()
    now = Capabilities(since="unknown", if_match=None, page_cap=50).document()
    kept = merged(before, now)
    assert (kept["since"], kept["if_match"], kept["page_cap"]) == ("stored", True, 50)
    assert kept["skew_s"] is None
    assert changes(before, kept) == []


def test_what_changed_is_named_and_what_always_changes_is_not() -> None:
    before = Capabilities(since="stored", versions=("1.0.3",), skew_s=1.0).document()
    now = Capabilities(since="timestamp", versions=("1.0.3", "2.0.0"), skew_s=2.0).document()
    assert changes(before, merged(before, now)) == [
        ("versions", "1.0.3", "1.0.3, 2.0.0"),
        ("since", "stored", "timestamp"),
    ]


def test_a_profile_of_an_older_version_of_ours_can_still_be_told() -> None:
    kept = {"since": "timestamp", "page_cap": 50, "consistent_through": "none", "ours": False}
    assert "timestamp" in findings(kept)
    assert len(sentences(kept)) == len(findings(kept))
