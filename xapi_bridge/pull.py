"""The lossless loop: every statement once, whatever the store, the network or we do meanwhile.

Knows neither SQL nor HTTP. Window: everything stored after (high-water mark - overlap), oldest
first; duplicates cost nothing. The mark is in the store's clock and moves only when a walk has
come to its end, never past the moment at which the walk began. A sweep is the same walk with a
window further back. Stores that filter by `timestamp` have no mark: thirty days are walked each
time. Source: reference/xapi.md sections 5.3 and 5.4; measured: a naive cursor loses 79 %.
"""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from xapi_bridge.errors import MoreExpired, RequestRefused, ResponseTooLarge
from xapi_bridge.ports import Cursor, Fetched, Lease, PullStore, Query, StatementSource, Written
from xapi_bridge.statement import Page, Statement, parse_page

LONGEST_RUN_S = 24 * 3600.0
MOST_RESTARTS = 3  # in a row, without anything new in between
MOST_EMPTY_PAGES = 1000  # in a row, each with a link to the next
OVERLAP_FROM_S, OVERLAP_TO_S = 30.0, 3600.0

SECOND_US = 1_000_000
DAY_US = 86_400 * SECOND_US
#: A store that filters by `timestamp`: how far back every walk goes.
TIMESTAMP_WINDOW_US = 30 * DAY_US
#: Walks further back than the overlap: how far.
SWEEPS: Mapping[str, int] = {"night": 2 * DAY_US, "week": 30 * DAY_US}
#: Its clock was turned back this far: what it has stored since is looked for anew.
TURNED_BACK_US, LOOK_BACK_US = 60 * SECOND_US, 2 * DAY_US


@dataclass(frozen=True, slots=True)
class Habits:
    """How a store wants to be read, as the probe found it, and what a connection asks for."""

    page_size: int = 500
    by_timestamp: bool = False  # `since` works on `timestamp`
    ordered: bool = False  # oldest stored first, proven
    trust_consistency: bool = False
    queries: tuple[Query, ...] = ({},)


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one run did. `received` and `stored` count statement ids that were new."""

    pages: int = 0
    received: int = 0
    stored: int = 0
    seen: int = 0  # statements in all pages, new or not
    caught_up: bool = False  # walked to the end of what the store has
    busy: bool = False  # another puller holds the lease
    reached_us: int | None = None  # newest `stored` seen
    version: str = ""  # of xAPI, as the store names it


Watch = Callable[[PullReport], None]


def run(
    source: StatementSource,
    store: PullStore,
    habits: Habits,
    *,
    now_us: int,
    sweep: str = "",
    budget_s: float = LONGEST_RUN_S,
    watch: Watch = lambda _report: None,
    clock: Callable[[], float] = time.monotonic,
) -> PullReport:
    """Pull until there is no more, or the time is used up (the rest resumes from `more`).

    `sweep` names how far back a sweep goes; `watch` is told after every page.
    """
    with store.lease() as lease, _Ahead(source) as ahead:
        if lease is None:
            return PullReport(busy=True)
        walk = _Walk(source, ahead, store, lease, habits, sweep, now_us)
        until = clock() + budget_s
        while not walk.step(more_time=clock() < until) and clock() < until:
            watch(walk.report)
        watch(walk.report)
        return walk.report


def overlap_s(late: Mapping[int, int], present: float) -> float:
    """Return the overlap for the next run: twice the lag that 99.9 % of late statements had.

    `late` maps lag in seconds (upper bound of its bucket) to how many came that late.
    """
    total = sum(late.values())
    if not total:
        return present
    seen = 0
    for lag, number in sorted(late.items()):
        seen += number
        if seen >= 0.999 * total:
            return clamped(2.0 * lag)
    return OVERLAP_TO_S


def clamped(overlap: float) -> float:
    return min(max(overlap, OVERLAP_FROM_S), OVERLAP_TO_S)


def window_us(cursor: Cursor, habits: Habits, sweep: str, now_us: int) -> int | None:
    """Return since when a new walk has to look; None: from the first statement on."""
    if cursor.hwm_us is None:
        return None
    if habits.by_timestamp:
        # Senders' clocks, not the store's: nothing but a wide window, and at night everything.
        return None if sweep else now_us - TIMESTAMP_WINDOW_US
    back = SWEEPS[sweep] if sweep else int(cursor.overlap_s * SECOND_US)
    return cursor.hwm_us - back


def forgettable_us(cursor: Cursor, habits: Habits, now_us: int) -> int | None:
    """Return before when (`stored`) no pull will bring anything again, sweeps aside."""
    if habits.by_timestamp:
        return now_us - TIMESTAMP_WINDOW_US - DAY_US
    if cursor.hwm_us is None:
        return None
    return cursor.hwm_us - int((cursor.overlap_s + 1) * SECOND_US)


class _Ahead:
    """Asks for the next page while the present one is taken in: the two wait for different things.

    What a page asked for in vain raises is raised when it is wanted, or never.
    """

    def __init__(self, source: StatementSource) -> None:
        self._source = source
        self._thread = ThreadPoolExecutor(1, "next page")
        self._asked: dict[str, Future[Fetched]] = {}  # by link; one at most

    def __enter__(self) -> "_Ahead":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def ask(self, more: str) -> None:
        self._asked = {more: self._thread.submit(self._source.next, more)}

    def next(self, more: str) -> Fetched:
        """Return the page behind a link, asked for before or now."""
        asked = self._asked.pop(more, None)
        return asked.result() if asked else self._source.next(more)


class _Walk:
    """One run from the start of its window, or from where the last one stopped, to the end."""

    def __init__(
        self,
        source: StatementSource,
        ahead: _Ahead,
        store: PullStore,
        lease: Lease,
        habits: Habits,
        sweep: str,
        now_us: int,
    ) -> None:
        self.report = PullReport()
        self._source, self._ahead, self._store, self._lease = source, ahead, store, lease
        self._habits, self._sweep, self._now_us = habits, sweep, now_us
        self._cursor = store.cursor()
        self._restarts = self._empty = 0
        self._links: set[int] = set()

    def step(self, *, more_time: bool) -> bool:
        """Take in one page; return whether it was the last. The next is asked for meanwhile."""
        try:
            fetched = self._fetch()
        except MoreExpired:
            self._forgotten()
            return False
        except ResponseTooLarge:
            self._with_smaller_pages()
            return False
        page = parse_page(fetched.body)
        self._require_progress(page)
        after, last = self._advance(page, fetched)
        if after.more is not None and more_time:
            self._ahead.ask(after.more)
        written = self._store.commit(self._lease, page, after, last=last)
        self._cursor = after
        self._restarts = 0 if written.received else self._restarts
        self._count(page, written, fetched, last)
        return last

    # --- asking -------------------------------------------------------------------------------

    def _fetch(self) -> Fetched:
        if self._cursor.more is not None:
            return self._ahead.next(self._cursor.more)
        if self._cursor.under_way:
            return self._first(self._resumed_us())
        since = window_us(self._cursor, self._habits, self._sweep, self._now_us)
        fetched = self._first(since)
        if self._turned_back(fetched):
            since = (fetched.date_us or 0) - LOOK_BACK_US
            self._cursor = replace(self._cursor, hwm_us=since)
            fetched = self._first(since)
        self._cursor = replace(
            self._cursor, run_since_us=since, run_max_us=None, run_began_us=fetched.date_us
        )
        return fetched

    def _first(self, since_us: int | None) -> Fetched:
        query = self._habits.queries[min(self._cursor.part, len(self._habits.queries) - 1)]
        return self._source.first(since_us, self._habits.page_size, query)

    def _resumed_us(self) -> int | None:
        """Return since when a walk whose link was forgotten goes on.

        Where the order is proven, that is just before the newest it has brought: otherwise an
        import that takes longer than links live would never end.
        """
        cursor = self._cursor
        if not self._habits.ordered or len(self._habits.queries) > 1 or cursor.run_max_us is None:
            return cursor.run_since_us
        newest = min(cursor.run_max_us, cursor.run_began_us or cursor.run_max_us)
        near = newest - int(cursor.overlap_s * SECOND_US)
        return near if cursor.run_since_us is None else max(near, cursor.run_since_us)

    def _turned_back(self, fetched: Fetched) -> bool:
        """Return whether the store's clock stands well before a moment that it had reached."""
        hwm, date = self._cursor.hwm_us, fetched.date_us
        if self._sweep or self._habits.by_timestamp or hwm is None or date is None:
            return False
        return hwm > date + TURNED_BACK_US

    # --- what goes wrong ----------------------------------------------------------------------

    def _forgotten(self) -> None:
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            raise MoreExpired(
                "The store forgets its own links faster than we can follow them.",
                remedy="Try a larger page size.",
            )
        self._restart()

    def _with_smaller_pages(self) -> None:
        if self._habits.page_size == 1:
            raise ResponseTooLarge(
                "A single statement is larger than an answer may be.",
                remedy="Report this to whoever runs the store.",
            )
        smaller = max(1, self._habits.page_size // 8)
        self._habits = replace(self._habits, page_size=smaller)
        self._restart()

    def _restart(self) -> None:
        self._links.clear()
        self._cursor = replace(self._cursor, more=None)
        self._store.keep(self._lease, self._cursor)

    def _require_progress(self, page: Page) -> None:
        """Follow no link twice and no endless row of empty pages; begin anew next time."""
        self._empty = 0 if page.entries else self._empty + 1
        link = hash(page.more)
        if page.more and (link in self._links or page.more == self._cursor.more):
            said = "The store's link to the next page leads to the same page."
        elif page.more and self._empty > MOST_EMPTY_PAGES:
            said = "The store's links lead to empty pages only."
        else:
            self._links.add(link)
            return
        self._restart()
        raise RequestRefused(said, status=200, remedy="Report this to whoever runs the store.")

    # --- going on -----------------------------------------------------------------------------

    def _advance(self, page: Page, fetched: Fetched) -> tuple[Cursor, bool]:
        """Return the cursor behind a page, and whether that was the last."""
        cursor = self._cursor
        stored = [e.stored_us for e in page.entries if isinstance(e, Statement) and e.stored_us]
        run_max = max([cursor.run_max_us or 0, *stored]) or None
        if page.more:
            return replace(cursor, more=page.more, run_max_us=run_max), False
        if cursor.part + 1 < len(self._habits.queries):
            return replace(cursor, more=None, part=cursor.part + 1, run_max_us=run_max), False
        reached = self._reached(run_max, fetched)
        hwm = max(cursor.hwm_us or 0, reached or 0) or None
        return Cursor(hwm_us=hwm, overlap_s=cursor.overlap_s), True

    def _reached(self, run_max: int | None, fetched: Fetched) -> int | None:
        """Return up to when everything is here: never later than the store's clock at the start.

        A node whose clock is ahead would else carry the mark past what the others store next.
        """
        bounds = [run_max]
        if self._cursor.run_began_us is not None:
            bounds.append(self._cursor.run_began_us + SECOND_US)
        if self._habits.trust_consistency:
            bounds.append(fetched.consistent_through_us)
        return None if run_max is None else min(b for b in bounds if b is not None)

    def _count(self, page: Page, written: Written, fetched: Fetched, last: bool) -> None:
        before = self.report
        self.report = PullReport(
            pages=before.pages + 1,
            received=before.received + written.received,
            stored=before.stored + written.stored,
            seen=before.seen + len(page.entries),
            caught_up=last,
            reached_us=self._cursor.hwm_us if last else self._cursor.run_max_us,
            version=fetched.version or before.version,
        )
