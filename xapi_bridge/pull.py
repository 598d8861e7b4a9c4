"""The lossless loop: every statement once, whatever the store, the network or we do meanwhile.

Knows neither SQL nor HTTP. Window: everything stored after (high-water mark - overlap), oldest
first; duplicates cost nothing. The mark is in the store's clock and moves only when a run has
walked to its end. Source: reference/xapi.md section 5.3; measured: a naive cursor loses 79 %.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from xapi_bridge.errors import MoreExpired, RequestRefused
from xapi_bridge.ports import Cursor, Fetched, Lease, PullStore, StatementSource
from xapi_bridge.statement import Page, Statement, parse_page

LONGEST_RUN_S = 24 * 3600.0
MOST_RESTARTS = 3
OVERLAP_FROM_S, OVERLAP_TO_S = 30.0, 3600.0


@dataclass(frozen=True, slots=True)
class PullReport:
    """What one run did. `received` and `stored` count statement ids that were new."""

    pages: int = 0
    received: int = 0
    stored: int = 0
    caught_up: bool = False  # walked to the end of what the store has
    busy: bool = False  # another puller holds the lease


def run(
    source: StatementSource,
    store: PullStore,
    *,
    page_size: int,
    trust_consistency: bool = False,
    budget_s: float = LONGEST_RUN_S,
    clock: Callable[[], float] = time.monotonic,
) -> PullReport:
    """Pull until there is no more, or the time is used up (the rest resumes from `more`)."""
    with store.lease() as lease:
        if lease is None:
            return PullReport(busy=True)
        walk = _Walk(source, store, lease, page_size, trust_consistency)
        until = clock() + budget_s
        while not walk.step() and clock() < until:
            pass
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
            return min(max(2.0 * lag, OVERLAP_FROM_S), OVERLAP_TO_S)
    return OVERLAP_TO_S


class _Walk:
    """One run from the start of its window, or from `more`, to the end."""

    def __init__(
        self, source: StatementSource, store: PullStore, lease: Lease, page_size: int, trust: bool
    ) -> None:
        self.report = PullReport()
        self._source, self._store, self._lease = source, store, lease
        self._page_size, self._trust = page_size, trust
        self._cursor = store.cursor()
        self._restarts = 0

    def step(self) -> bool:
        """Take in one page; return whether it was the last."""
        try:
            fetched = self._fetch()
        except MoreExpired:
            self._restart()
            return False
        page = parse_page(fetched.body)
        if page.more and page.more == self._cursor.more:
            raise RequestRefused(
                "The store's link to the next page leads to the same page.",
                status=200,
                remedy="Report this to whoever runs the store.",
            )
        after = self._advance(page, fetched)
        written = self._store.commit(self._lease, page, after)
        self._cursor = after
        self.report = PullReport(
            pages=self.report.pages + 1,
            received=self.report.received + written.received,
            stored=self.report.stored + written.stored,
            caught_up=not page.more,
        )
        return not page.more

    def _fetch(self) -> Fetched:
        cursor = self._cursor
        if cursor.more is not None:
            return self._source.next(cursor.more)
        if cursor.hwm_us is not None:
            since = cursor.hwm_us - int(cursor.overlap_s * 1e6)
            self._cursor = replace(cursor, run_since_us=since, run_max_us=None)
        return self._source.first(self._cursor.run_since_us, self._page_size)

    def _restart(self) -> None:
        self._restarts += 1
        if self._restarts > MOST_RESTARTS:
            raise MoreExpired(
                "The store forgets its own links faster than we can follow them.",
                remedy="Try a larger page size.",
            )
        self._cursor = self._store.restart(self._lease)

    def _advance(self, page: Page, fetched: Fetched) -> Cursor:
        cursor = self._cursor
        stored = [e.stored_us for e in page.entries if isinstance(e, Statement) and e.stored_us]
        run_max = max([cursor.run_max_us or 0, *stored]) or None
        if page.more:
            return replace(cursor, more=page.more, run_max_us=run_max)
        reached = run_max
        if self._trust and reached and fetched.consistent_through_us is not None:
            reached = min(reached, fetched.consistent_through_us)
        hwm = max(cursor.hwm_us or 0, reached or 0) or None
        return Cursor(hwm_us=hwm, overlap_s=cursor.overlap_s)
