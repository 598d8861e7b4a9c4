"""The pull loop on stores that misbehave: in memory, no network and no database."""

import itertools
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from xapi_bridge.errors import MoreExpired, RequestRefused, ResponseTooLarge
from xapi_bridge.instants import text_of
from xapi_bridge.ports import Cursor, Fetched, Lease, Query, Written
from xapi_bridge.pull import (
    DAY_US,
    LOOK_BACK_US,
    SECOND_US,
    TIMESTAMP_WINDOW_US,
    Habits,
    PullReport,
    forgettable_us,
    overlap_s,
    run,
    window_us,
)
from xapi_bridge.statement import Page, Statement

NOON = 1_795_000_000 * SECOND_US


def body(*stored_us: int, more: str = "") -> bytes:
    """A page of statements, each about itself, stored at these instants."""
    statements = [
        {
            "id": str(uuid.uuid4()),
            "actor": {"account": {"homePage": "https://lms.example", "name": "4"}},
            "verb": {"id": "http://v.example/did"},
            "object": {"id": "https://lms.example/a"},
            "stored": text_of(at),
        }
        for at in stored_us
    ]
    return json.dumps({"statements": statements, "more": more}).encode()


@dataclass
class Source:
    """Answers as the test says: pages by link ("" is the first); what was asked is noted."""

    pages: dict[str, list[Fetched | Exception]]
    asked: list[tuple[int | None, int, Query]] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def first(self, since_us: int | None, limit: int, query: Query) -> Fetched:
        self.asked.append((since_us, limit, query))
        return self._next("")

    def next(self, more: str) -> Fetched:
        self.links.append(more)
        return self._next(more)

    def _next(self, link: str) -> Fetched:
        answers = self.pages[link]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Memory:
    """A pull store that remembers; implements ports.PullStore."""

    now: Cursor = field(default_factory=Cursor)
    ids: list[str] = field(default_factory=list)
    ends: int = 0
    taken: bool = False

    @contextmanager
    def lease(self) -> Iterator[Lease | None]:
        yield None if self.taken else Lease("me", 1)

    def cursor(self) -> Cursor:
        return self.now

    def commit(self, lease: Lease, page: Page, after: Cursor, *, last: bool) -> Written:
        new = [e.id for e in page.entries if isinstance(e, Statement) and e.id not in self.ids]
        self.ids += new
        self.now = after
        self.ends += last
        return Written(len(new), len(new))

    def keep(self, lease: Lease, cursor: Cursor) -> None:
        self.now = cursor


def pulled(
    source: Source, store: Memory, habits: Habits | None = None, **more: object
) -> PullReport:
    options = {"now_us": NOON, **more}
    return run(source, store, habits or Habits(), **options)  # type: ignore[arg-type]


def at(source: Source) -> list[int | None]:
    return [since for since, _, _ in source.asked]


def test_a_run_walks_to_the_end_and_only_then_moves_the_mark() -> None:
    store = Memory()
    source = Source({"": [Fetched(body(NOON, more="2"))], "2": [Fetched(body(NOON + 5))]})
    marks: list[int | None] = []
    report = pulled(source, store, watch=lambda _r: marks.append(store.now.hwm_us))
    assert (report.pages, report.stored, report.caught_up) == (2, 2, True)
    assert marks == [None, NOON + 5]
    pulled(source, store)
    assert at(source) == [None, NOON + 5 - 60 * SECOND_US]


def test_who_has_not_the_lease_asks_for_nothing() -> None:
    source = Source({})
    assert pulled(source, Memory(taken=True)).busy
    assert source.asked == []


def test_a_run_without_time_stops_behind_a_page_and_the_next_one_goes_on() -> None:
    store = Memory()
    source = Source({"": [Fetched(body(NOON, more="2"))], "2": [Fetched(body(NOON + 5))]})
    assert not pulled(source, store, budget_s=0.0).caught_up
    assert pulled(source, store).caught_up
    assert (len(source.asked), source.links) == (1, ["2"])


@pytest.mark.parametrize("ordered", [True, False])
def test_where_the_order_is_proven_a_forgotten_link_costs_the_overlap_only(ordered: bool) -> None:
    """Else an import that takes longer than links live would never end."""
    store = Memory()
    answers = [Fetched(body(NOON, NOON + 300 * SECOND_US, more="2")), Fetched(body(NOON))]
    source = Source({"": answers, "2": [MoreExpired("gone")]})
    assert pulled(source, store, Habits(ordered=ordered)).caught_up
    assert at(source) == [None, NOON + 240 * SECOND_US if ordered else None]


def test_a_link_that_is_forgotten_again_and_again_is_an_error_in_the_end() -> None:
    source = Source({"": [Fetched(body(NOON, more="2"))], "2": [MoreExpired("gone")]})
    with pytest.raises(MoreExpired, match="faster"):
        pulled(source, Memory())
    assert len(source.asked) == 4


@pytest.mark.parametrize("circle", [["2", "2"], ["2", "3", "2"], ["2", "3", "4", "2"]])
def test_links_in_a_circle_end_the_run_and_the_next_one_begins_anew(circle: list[str]) -> None:
    pages: dict[str, list[Fetched | Exception]] = {"": [Fetched(body(NOON, more=circle[0]))]}
    for here, there in itertools.pairwise(circle):
        pages.setdefault(here, [Fetched(body(NOON, more=there))])
    store = Memory(Cursor(hwm_us=NOON))
    with pytest.raises(RequestRefused, match="same page"):
        pulled(Source(pages), store)
    assert (store.now.more, store.now.hwm_us, store.ends) == (None, NOON, 0)


def test_empty_pages_are_walked_through() -> None:
    links = [str(n) for n in range(2, 60)]
    pages: dict[str, list[Fetched | Exception]] = {"": [Fetched(body(more=links[0]))]}
    for here, there in zip(links, [*links[1:], ""], strict=True):
        pages[here] = [Fetched(body(*([] if there else [NOON]), more=there))]
    assert pulled(Source(pages), Memory()).stored == 1


def test_a_row_of_empty_pages_without_end_is_an_error() -> None:
    class Endless(Source):
        def next(self, more: str) -> Fetched:
            return Fetched(body(more=f"{more}x"))

    with pytest.raises(RequestRefused, match="empty pages"):
        pulled(Endless({"": [Fetched(body(more="x"))]}), Memory())


def test_answers_that_are_too_large_are_asked_for_in_smaller_pages() -> None:
    source = Source({"": [ResponseTooLarge("large"), ResponseTooLarge("large"), Fetched(body(1))]})
    assert pulled(source, Memory(), Habits(page_size=500)).caught_up
    assert [limit for _, limit, _ in source.asked] == [500, 62, 7]
    source = Source({"": [ResponseTooLarge("large")]})
    with pytest.raises(ResponseTooLarge, match="single statement"):
        pulled(source, Memory(), Habits(page_size=2))


# --- the mark ---------------------------------------------------------------------------------


def test_a_node_whose_clock_is_ahead_does_not_carry_the_mark_past_the_others() -> None:
    ahead = NOON + 3600 * SECOND_US
    source = Source({"": [Fetched(body(NOON, ahead), date_us=NOON)]})
    store = Memory()
    pulled(source, store)
    assert store.now.hwm_us == NOON + SECOND_US  # a date is cut to seconds


def test_the_mark_is_bounded_by_the_moment_at_which_the_run_began() -> None:
    """What was stored while a long run went on may have been passed already."""
    later = NOON + 600 * SECOND_US
    first = Fetched(body(NOON, more="2"), date_us=NOON)
    source = Source({"": [first], "2": [Fetched(body(later), date_us=later)]})
    store = Memory()
    pulled(source, store)
    assert store.now.hwm_us == NOON + SECOND_US


def test_the_mark_never_moves_backwards() -> None:
    store = Memory(Cursor(hwm_us=NOON))
    pulled(Source({"": [Fetched(body(NOON - 5), date_us=NOON - SECOND_US)]}), store)
    assert store.now.hwm_us == NOON


def test_a_store_whose_clock_was_turned_back_is_read_from_well_before_that() -> None:
    """Its clock was a day ahead for a while: since then nothing seems new."""
    day_ahead = NOON + DAY_US
    store = Memory(Cursor(hwm_us=day_ahead))
    source = Source({"": [Fetched(body(), date_us=NOON), Fetched(body(NOON - 9), date_us=NOON)]})
    assert pulled(source, store).stored == 1
    assert at(source) == [day_ahead - 60 * SECOND_US, NOON - LOOK_BACK_US]
    assert store.now.hwm_us == NOON - 9


def test_consistent_through_bounds_the_mark_where_it_is_trusted_only() -> None:
    for trusted, mark in ((True, NOON - 5), (False, NOON)):
        store = Memory()
        source = Source({"": [Fetched(body(NOON), consistent_through_us=NOON - 5)]})
        pulled(source, store, Habits(trust_consistency=trusted))
        assert store.now.hwm_us == mark


# --- windows ----------------------------------------------------------------------------------


def test_a_pull_looks_back_by_the_overlap_and_a_sweep_further() -> None:
    cursor, habits = Cursor(hwm_us=NOON, overlap_s=90.0), Habits()
    assert window_us(cursor, habits, "", NOON) == NOON - 90 * SECOND_US
    assert window_us(cursor, habits, "night", NOON) == NOON - 2 * DAY_US
    assert window_us(cursor, habits, "week", NOON) == NOON - 30 * DAY_US
    assert window_us(Cursor(), habits, "", NOON) is None


def test_a_store_that_filters_by_timestamp_is_read_thirty_days_back_and_at_night_whole() -> None:
    habits, now_us = Habits(by_timestamp=True), NOON + 5
    cursor = Cursor(hwm_us=NOON)
    assert window_us(cursor, habits, "", now_us) == now_us - TIMESTAMP_WINDOW_US
    assert window_us(cursor, habits, "night", now_us) is None
    assert window_us(Cursor(), habits, "", now_us) is None  # the first time: everything


def test_what_cannot_come_again_may_be_forgotten() -> None:
    cursor = Cursor(hwm_us=NOON, overlap_s=60.0)
    assert forgettable_us(cursor, Habits(), NOON) == NOON - 61 * SECOND_US
    assert forgettable_us(Cursor(), Habits(), NOON) is None
    by_timestamp = Habits(by_timestamp=True)
    assert forgettable_us(cursor, by_timestamp, NOON) == NOON - TIMESTAMP_WINDOW_US - DAY_US


def test_the_overlap_is_twice_what_nearly_all_late_statements_needed() -> None:
    assert overlap_s({}, 60.0) == 60.0
    assert overlap_s({1: 5}, 60.0) == 30.0  # never less than half a minute
    assert overlap_s({1: 900, 120: 100}, 60.0) == 240.0
    assert overlap_s({10: 9999, 3600: 1}, 60.0) == 30.0  # one in ten thousand: for the sweeps
    assert overlap_s({86_400: 5}, 60.0) == 3600.0


# --- several questions ------------------------------------------------------------------------

COURSES = Habits(queries=({"activity": "a"}, {"activity": "b"}))


def test_each_part_of_a_narrowed_connection_is_walked_from_the_same_instant() -> None:
    store = Memory(Cursor(hwm_us=NOON))
    answers = [Fetched(body(NOON + 5), date_us=NOON + 9), Fetched(body(NOON + 7), date_us=NOON + 9)]
    source = Source({"": [*answers]})
    report = pulled(source, store, COURSES)
    assert (report.stored, report.caught_up, store.ends) == (2, True, 1)
    since = NOON - 60 * SECOND_US
    assert [(s, q["activity"]) for s, _, q in source.asked] == [(since, "a"), (since, "b")]


def test_a_killed_run_goes_on_in_the_part_where_it_was() -> None:
    store = Memory(Cursor(hwm_us=NOON))
    source = Source({"": [Fetched(body(NOON + 5), date_us=NOON + 9)]})
    assert not pulled(source, store, COURSES, budget_s=0.0).caught_up
    assert store.now.part == 1
    assert pulled(source, store, COURSES).caught_up
    assert [q["activity"] for _, _, q in source.asked] == ["a", "b"]
    assert store.now == replace(Cursor(), hwm_us=NOON + 5)
