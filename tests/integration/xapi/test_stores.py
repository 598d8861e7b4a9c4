"""Pulling from stores of many kinds, over real HTTP, into SQLite and PostgreSQL.

Each reads a foreign store (tests/doubles/lrs) whose habits the test sets.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from lti_tool.store import lrs as connections
from lti_tool.store import lrs_settings, rounds
from lti_tool.store.database import us
from lti_tool.store.lrs_status import Details, details
from lti_tool.store.pull import UNUSABLE
from lti_tool.store.schema.xapi import lrs, lrs_cursor, quarantine
from tests.doubles.lrs.store import Store
from tests.integration.xapi.site import COMPLETED, MOODLE, VOIDED, Site, now, serve, statement_of
from xapi_bridge.errors import BridgeError
from xapi_bridge.statement import Statement

DAY = timedelta(days=1)
EXTERNAL_ID = "https://w3id.org/learning-analytics/learning-management-system/external-id"
ELSEWHERE = {"account": {"homePage": "https://other.example", "name": "4"}}
COURSE, OTHER = f"{MOODLE}/course/view.php?id=7", f"{MOODLE}/course/view.php?id=8"
RALPH = {"since": "timestamp", "filters": "unusable", "agents": "usable"}


def page(number: int) -> str:
    return f"{MOODLE}/mod/page/view.php?id={number}"


def ago(**time: float) -> dict[str, str]:
    return {"timestamp": (now() - timedelta(**time)).isoformat()}


def stored_ago(**time: float) -> int:
    return us(now() - timedelta(**time))


def within(course: str, **more: Any) -> dict[str, Any]:
    context = {"contextActivities": {"grouping": [{"id": course}]}}
    return statement_of(context=context, **more)


def counting(site: Site) -> list[Any]:
    return [e for e in site.evidence() if e.revoked_by is None]


def stands(site: Site) -> Details:
    with site.database.read() as conn:
        return details(conn, site.connection.id, now())


def since(store: Store) -> list[str | None]:
    """Return what each walk began with."""
    queries = [q for m, p, q in store.asked if p == "/xapi/statements" and "cursor" not in q]
    return [q.get("since") for q in queries]


# --- stores behind a path ---------------------------------------------------------------------


def test_a_store_that_does_not_know_the_path_below_which_it_stands_is_read(
    site: Site, store: Store
) -> None:
    """A proxy takes /dienste away, and the links to the next page are without it."""

    def proxy(environ: dict[str, Any], start: Any) -> Any:
        inside = environ["PATH_INFO"].removeprefix("/dienste")
        if inside == environ["PATH_INFO"]:
            start("404 x", [("Content-Length", "0")])
            return [b""]
        return store(environ | {"PATH_INFO": inside}, start)

    for _ in range(7):
        store.put(statement_of())
    server, origin = serve(proxy)
    site.leads_to(f"{origin}/dienste/xapi")
    report = site.pull(page_size=2)
    server.close()
    assert (report.pages, report.received, report.caught_up) == (4, 7, True)


# --- stores that filter by timestamp ----------------------------------------------------------


def like_ralph(site: Site, store: Store) -> None:
    knobs = {"since": "timestamp", "order": "timestamp", "filters": False, "hides_voided": False}
    store.knobs = replace(store.knobs, **knobs)  # type: ignore[arg-type]
    site.leads_to(site.connection.endpoint, **RALPH)


def test_a_late_statement_in_a_store_that_filters_by_timestamp_is_found(
    site: Site, store: Store
) -> None:
    like_ralph(site, store)
    site.learner("4")
    store.put(statement_of())
    site.pull()
    store.put(statement_of(**ago(days=3)))  # happened three days ago, arrives now
    assert site.pull().stored == 1
    assert site.counts()["evidence"] == 2


def test_what_is_later_than_thirty_days_is_found_at_night(site: Site, store: Store) -> None:
    like_ralph(site, store)
    site.learner("4")
    store.put(statement_of())
    site.pull()
    store.put(statement_of(**ago(days=90)))
    assert site.pull().stored == 0
    assert site.pull(sweep="night").stored == 1
    assert site.counts()["evidence"] == 2
    assert stands(site).late == 0  # senders' clocks say nothing about how late a store is


def test_what_a_store_like_ralph_still_lists_although_voided_does_not_count(
    site: Site, store: Store
) -> None:
    like_ralph(site, store)
    site.learner("4")
    target = store.put(statement_of())
    ref = {"objectType": "StatementRef", "id": target}
    store.put(statement_of(verb={"id": VOIDED}, object=ref))
    site.pull()
    assert (site.counts()["stored"], site.counts()["voided"]) == (2, 1)
    assert counting(site) == []


def test_a_foreign_statement_in_a_window_of_thirty_days_is_counted_once(
    site: Site, store: Store
) -> None:
    like_ralph(site, store)
    store.put(statement_of(actor=ELSEWHERE))
    store.put(statement_of(actor=ELSEWHERE, **ago(days=60)), stored_us=stored_ago(days=60))
    for sweep in ("", "", "night", ""):
        site.pull(sweep=sweep)
    assert (site.counts()["received"], site.counts()["foreign"]) == (2, 2)


# --- sweeps -----------------------------------------------------------------------------------


def test_what_came_later_than_the_overlap_is_found_by_the_sweep_and_widens_the_overlap(
    site: Site, store: Store
) -> None:
    site.learner("4")
    store.put(statement_of())
    site.pull()
    store.put(statement_of(), stored_us=stored_ago(minutes=20))
    assert site.pull().stored == 0
    assert site.pull(sweep="night").stored == 1
    site.pull()
    assert site.counts()["overlap_s"] == 3600.0  # twice half an hour: the bucket it fell into
    found = stands(site)
    (night,) = found.rounds
    assert (night.kind, night.running, night.found, night.seen) == ("night", False, 1, 2)
    assert (found.late, found.late_worst_s) == (1, 1800)


def test_each_sweep_that_finds_nothing_takes_half_of_that_back(site: Site, store: Store) -> None:
    for _ in range(1000):  # late ones of the usual kind, so that the histogram asks for little
        store.put(statement_of())
    site.pull()
    for _ in range(1000):
        store.put(statement_of(), stored_us=stored_ago(seconds=5))
    site.pull()
    store.put(statement_of(), stored_us=stored_ago(hours=20))
    site.pull(sweep="night")
    overlaps = []
    for _ in range(8):
        site.pull()
        overlaps.append(site.counts()["overlap_s"])
        site.pull(sweep="night")
    assert overlaps[:4] == [3600.0, 1800.0, 900.0, 450.0]
    assert overlaps[-1] == 30.0


def test_the_weekly_sweep_reaches_thirty_days_and_the_nightly_two(site: Site, store: Store) -> None:
    site.learner("4")
    store.put(statement_of())
    site.pull()
    for days in (1, 20, 40):
        store.put(statement_of(), stored_us=stored_ago(days=days))
    assert [site.pull(sweep=kind).stored for kind in ("night", "week", "week")] == [1, 1, 0]
    assert site.pull(sweep="night").stored == 0


def test_a_sweep_that_was_killed_goes_on_where_it_was(site: Site, store: Store) -> None:
    site.learner("4")
    store.put(statement_of())
    site.pull()
    for _ in range(6):
        store.put(statement_of(), stored_us=stored_ago(hours=5))
    report = site.pull(sweep="night", page_size=2, budget_s=0.0)
    assert (report.stored, report.caught_up) == (2, False)
    assert site.pull().caught_up  # the pull has a place of its own
    asked = len(store.asked)
    report = site.pull(sweep="night", page_size=2)
    assert (report.stored, report.caught_up, len(store.asked) - asked) == (4, True, 3)
    assert [(r.found, r.seen) for r in stands(site).rounds] == [(6, 7)]


def test_neither_a_sweep_nor_a_wider_overlap_counts_a_foreign_statement_twice(
    site: Site, store: Store
) -> None:
    site.learner("4")
    store.put(statement_of(actor=ELSEWHERE), stored_us=stored_ago(minutes=10))
    store.put(statement_of())
    site.pull()
    store.put(statement_of(), stored_us=stored_ago(minutes=8))  # widens the overlap to 20 minutes
    for sweep in ("night", "", "", "week"):
        site.pull(sweep=sweep)
    counts = site.counts()
    assert (counts["received"], counts["foreign"], counts["stored"]) == (3, 1, 2)


def test_of_many_foreign_statements_few_hashes_are_kept_even_during_the_import(
    site: Site, store: Store
) -> None:
    site.leads_to(site.connection.endpoint, order="stored")
    for minutes in range(300, 0, -1):
        store.put(statement_of(actor=ELSEWHERE), stored_us=stored_ago(minutes=minutes))
    assert not site.pull(page_size=50, budget_s=0.0).caught_up
    assert len(site.rows()) < 10
    site.pull(page_size=50)
    assert site.counts()["foreign"] == site.counts()["received"] == 300
    assert len(site.rows()) < 10


def test_rounds_are_due_at_night_or_half_a_day_later(site: Site, store: Store) -> None:
    made = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    with site.database.begin() as conn:
        mine = lrs.c.id == site.connection.id
        conn.execute(update(lrs).where(mine).values(created_us=us(made), probed_us=us(made)))

        def due(when: datetime) -> list[str]:
            return rounds.due(conn, site.connection, when)

        assert due(made + DAY) == []
        night = datetime(2026, 11, 24, 3, 30, tzinfo=UTC)
        assert due(night) == []  # nothing was pulled yet
        cursor = lrs_cursor.c.lrs_id == site.connection.id
        conn.execute(update(lrs_cursor).where(cursor).values(hwm_us=us(made)))
        assert due(night) == ["night"]
        assert due(made + DAY * 1.6) == ["night"]
        assert due(made + 8 * DAY) == ["night", "probe", "week"]
        assert due(made + 40 * DAY) == ["deleted", "night", "probe", "week"]
        rounds.begin(conn, site.connection.id, "night", night)
        assert due(night + timedelta(minutes=5)) == ["night"]  # it is under way: it goes on
        rounds.finish(conn, site.connection.id, "night", night)
        assert due(night + timedelta(minutes=5)) == []
        ralph = replace(site.connection, capabilities=RALPH)
        assert "week" not in rounds.due(conn, ralph, made + 40 * DAY)


# --- scope ------------------------------------------------------------------------------------


def narrowed(site: Site, **settings: Any) -> bool:
    with site.database.begin() as conn:
        anew = lrs_settings.change(conn, site.connection, settings)
        site.connection = connections.get(conn, site.seal, site.connection.id)
    return anew


@pytest.mark.parametrize("filters", ["usable", "unusable"])
def test_a_connection_may_be_narrowed_to_courses(site: Site, store: Store, filters: str) -> None:
    """Where the store's filters do not work, we choose before storing; the rest is counted."""
    store.knobs = replace(store.knobs, filters=filters == "usable")
    site.leads_to(site.connection.endpoint, filters=filters, skew_s=0.0)
    site.learner("4")
    assert not narrowed(site, courses=[COURSE])
    store.put(within(COURSE))
    store.put(within(OTHER))
    store.put(statement_of(activity=COURSE))
    for _ in range(2):
        site.pull()
    counts = site.counts()
    outside = 0 if filters == "usable" else 1
    assert (counts["stored"], counts["outside"]) == (2, outside)
    assert counts["received"] == 2 + outside
    asked = {q.get("activity") for _, _, q in store.asked if "verb" not in q}
    assert asked == ({COURSE} if filters == "usable" else {None})


def test_voids_reach_a_narrowed_connection(site: Site, store: Store) -> None:
    site.leads_to(site.connection.endpoint, filters="usable", skew_s=0.0)
    site.learner("4")
    narrowed(site, courses=[COURSE], verbs=[COMPLETED])
    target = store.put(within(COURSE))
    site.pull()
    assert len(counting(site)) == 3
    store.put(
        statement_of(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": target})
    )
    site.pull()
    assert counting(site) == []


def test_what_only_refers_to_a_match_is_not_taken(site: Site, store: Store) -> None:
    """A filtered query returns comments on what matches, too: hard/39-context-statement-ref."""
    site.learner("4")
    narrowed(site, verbs=[COMPLETED])
    target = store.put(statement_of())
    comment = {"objectType": "StatementRef", "id": target}
    store.put(statement_of(verb={"id": "http://v.example/commented"}, object=comment))
    site.pull()
    assert (site.counts()["stored"], site.counts()["outside"]) == (1, 1)


def test_a_wider_scope_reads_again_what_was_passed_over_and_counts_it_once(
    site: Site, store: Store
) -> None:
    site.learner("4")
    narrowed(site, courses=[COURSE])
    for course in (COURSE, OTHER, OTHER):
        store.put(within(course))
    store.put(within(COURSE, actor=ELSEWHERE))
    site.pull()
    counts = site.counts()
    assert (counts["stored"], counts["outside"], counts["foreign"]) == (1, 2, 1)
    assert narrowed(site, courses=[COURSE, OTHER])
    for _ in range(2):
        site.pull()
    counts = site.counts()
    assert (counts["stored"], counts["outside"], counts["foreign"]) == (3, 0, 1)
    assert counts["received"] == 4
    assert not narrowed(site, courses=[OTHER])


def test_a_home_page_that_is_added_makes_its_people_known(site: Site, store: Store) -> None:
    site.learner("4")
    store.put(statement_of(actor={"account": {"homePage": "https://lms.alt.example", "name": "4"}}))
    site.pull()
    assert site.counts()["foreign"] == 1
    assert narrowed(site, home_pages={"https://lms.alt.example": site.platform_id})
    site.pull()
    counts = site.counts()
    assert (counts["foreign"], counts["stored"], counts["received"]) == (0, 1, 1)


# --- versions, and what changes ---------------------------------------------------------------


def test_xapi_2_0_is_read_where_a_store_speaks_it(site: Site, store: Store) -> None:
    store.knobs = replace(store.knobs, versions=("2.0.0",))
    with pytest.raises(BridgeError):
        site.pull()
    site.leads_to(site.connection.endpoint, version="2.0.0")
    site.learner("4")
    other = {"objectType": "contextAgent", "agent": statement_of("7")["actor"]}
    store.put(statement_of(context={"contextAgents": [other]}, version="2.0.0"))
    assert site.pull().stored == 1
    assert {e.learner_id for e in site.evidence()} == {site.rows()[0].learner_id}
    assert b"contextAgents" not in site.rows()[0].raw


def test_a_node_of_another_time_does_not_hide_what_the_others_store_next(
    site: Site, store: Store
) -> None:
    """One node's clock is a year ahead: its statement must not carry the mark there."""
    site.learner("4")
    store.put(statement_of(), stored_us=us(now() + 365 * DAY))
    site.pull()
    for _ in range(3):
        store.put(statement_of())
        assert site.pull().stored == 1


def test_a_store_whose_clock_was_turned_back_goes_on_being_read(site: Site, store: Store) -> None:
    store.knobs = replace(store.knobs, skew_s=86_400.0)
    site.learner("4")
    store.put(statement_of())
    site.pull()
    store.knobs = replace(store.knobs, skew_s=0.0)
    store._last_us = 0
    for _ in range(3):
        store.put(statement_of())
        assert site.pull().stored == 1
    assert datetime.fromisoformat(site.counts()["cursor"]) < now() + timedelta(minutes=1)


# --- what our own program stumbles on ---------------------------------------------------------


def test_a_statement_on_which_we_stumble_is_set_aside_and_its_page_goes_on(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.learner("4")
    ids = [store.put(statement_of()) for _ in range(5)]
    real = Statement.object_id.fget

    def stumbles(self: Statement) -> Any:
        if self.id == ids[2]:
            raise RecursionError("a fault of ours")
        return real(self)

    monkeypatch.setattr(Statement, "object_id", property(stumbles))
    report = site.pull()
    assert (report.stored, report.caught_up) == (4, True)
    assert (site.counts()["quarantined"], site.counts()["evidence"]) == (1, 4)
    with site.database.read() as conn:
        mine = quarantine.c.lrs_id == site.connection.id
        (row,) = conn.execute(select(quarantine).where(mine)).all()
    assert row.reason == f"{UNUSABLE} (RecursionError)"


def test_where_we_stumble_on_everything_nothing_is_set_aside_and_all_comes_again(
    site: Site, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.learner("4")
    for _ in range(3):
        store.put(statement_of())
    with monkeypatch.context() as broken:
        broken.setattr(Statement, "object_id", property(lambda _self: 1 // 0))
        with pytest.raises(ZeroDivisionError):
            site.pull()
    assert (site.counts()["quarantined"], site.counts()["cursor"]) == (0, None)
    assert site.pull().stored == 3


def test_a_table_that_takes_no_rows_is_no_fault_of_a_statement(site: Site, store: Store) -> None:
    site.learner("4")
    store.put(statement_of())
    with refusing(site, "evidence"), pytest.raises(IntegrityError):
        site.pull()
    assert site.counts()["quarantined"] == 0
    assert site.pull().stored == 1


@contextmanager
def refusing(site: Site, table: str) -> Iterator[None]:
    """Let a table refuse every new row while the block runs."""
    undo = f"ALTER TABLE {table} DROP CONSTRAINT broken"
    do = f"ALTER TABLE {table} ADD CONSTRAINT broken CHECK (false) NOT VALID"
    if site.database.sqlite:
        do = f"CREATE TRIGGER broken BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'x'); END"
        undo = "DROP TRIGGER broken"
    with site.database.begin() as conn:
        conn.exec_driver_sql(do)
    try:
        yield
    finally:
        with site.database.begin() as conn:
            conn.exec_driver_sql(undo)


@pytest.mark.parametrize(
    "change",
    [
        {"object": {"id": page(1), "definition": {"extensions": {EXTERNAL_ID: "a\0b"}}}},
        {"object": {"id": "https://a.example/" + "x" * 9000}},
        {"verb": {"id": "http://v.example/" + "v" * 9000}},
        {"result": {"completion": True, "score": {"raw": 1e308, "min": -1e308, "max": 1e308}}},
        {"timestamp": "0001-01-01T00:00:00Z"},
        {"timestamp": "9999-12-31T23:59:59.999999-12:00"},
        {"actor": {"account": {"homePage": MOODLE, "name": "4\ud83d"}}},
        {"context": {"extensions": {"http://e.example/\0": "\0"}}},
    ],
    ids=["nul", "long-object", "long-verb", "huge", "year-1", "year-9999", "surrogate", "key"],
)  # fmt: skip
def test_no_odd_value_of_one_statement_stops_a_page(
    site: Site, store: Store, change: dict[str, Any]
) -> None:
    site.learner("4")
    for more in ({}, change, {}):
        store.put(statement_of(**more))
    for _ in range(2):
        assert site.pull().caught_up
    counts = site.counts()
    assert counts["received"] == 3
    assert counts["stored"] + counts["quarantined"] + counts["parked"] == 3
    assert counts["stored"] >= 2
