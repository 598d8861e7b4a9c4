"""Pulling one LRS into the database: where a walk is, and a page per transaction.

A statement on which our own program stumbles is set aside like one that cannot be read: its page
and the cursor go on.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, select, update
from sqlalchemy.exc import DataError, DBAPIError

from lti_tool import heap
from lti_tool.errors import DatabaseError
from lti_tool.seal import Seal
from lti_tool.settings import Lrs
from lti_tool.store import lrs as connections
from lti_tool.store import parked, rounds
from lti_tool.store.arrivals import Arrivals, KnownAs
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database, us
from lti_tool.store.leasing import LEASE_S, PullLease, new_owner
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.xapi import WAITING, late_hist, lrs_cursor, statement
from xapi_bridge import pull
from xapi_bridge.client import Client
from xapi_bridge.errors import BridgeError, LeaseLost
from xapi_bridge.instants import text_of
from xapi_bridge.ports import Cursor, Lease, Sleep, Written
from xapi_bridge.pull import Habits, PullReport, Watch
from xapi_bridge.statement import Bad, Page, Statement

UNUSABLE = "our program stumbles on it"
NO_RUN = {"more": None, "run_since": None, "run_max": None, "run_max_us": None, "part": 0}


def utc_now() -> datetime:
    return datetime.now(UTC)


def pull_once(
    database: Database,
    seal: Seal,
    lrs_id: str,
    *,
    settings: Lrs,
    meaning: Meaning,
    sweep: str = "",
    patience_s: float = 5.0,
    lease_wait_s: float = 0.0,
    budget_s: float = pull.LONGEST_RUN_S,
    watch: Watch = lambda _report: None,
    clock: Callable[[], datetime] = utc_now,
) -> PullReport:
    """Pull one LRS until it has no more. Sends; writes and commits page by page.

    `sweep` looks further back instead (`pull.SWEEPS`). `patience_s` is how long one request may
    wait for a busy store before StoreBusy says so, `lease_wait_s` how long to wait for another
    puller to end; then the report says `busy`.

    :raises BridgeError: the store cannot be used now; noted as the connection's last error.
    """
    with database.read() as conn:
        connection = connections.get(conn, seal, lrs_id)
    habits = habits_of(connection, settings.page_size)
    store = SqlPullStore(database, seal, connection, meaning, clock, habits=habits, sweep=sweep)
    _await_lease(store, lease_wait_s)

    def page_done(report: PullReport) -> None:
        heap.sweep()
        watch(report)

    try:
        with client_of(connection, patience_s) as client:
            report = pull.run(
                client,
                store,
                habits,
                now_us=us(clock()),
                sweep=sweep,
                budget_s=budget_s,
                watch=page_done,
            )
    except LeaseLost:
        return PullReport(busy=True)
    except BridgeError as error:
        with database.begin() as conn:
            connections.failed(conn, lrs_id, error, clock())
        raise
    if not report.busy:
        with database.begin() as conn:
            connections.answered(conn, connection, report.version, report.received, clock())
            if report.caught_up and not sweep:
                connections.caught_up(conn, lrs_id, clock())
    return report


def habits_of(connection: LrsConnection, page_size: int) -> Habits:
    """Return how to read an LRS, by what the probe found and what the connection is set to."""
    found = connection.capabilities
    cap = found.get("page_cap")
    scope = connection.scope
    # Several walks per pull need the store's clock, to know up to when all of them have looked.
    asks = (
        scope is not None and found.get("filters") == "usable" and found.get("skew_s") is not None
    )
    return Habits(
        page_size=min(page_size, cap) if cap else page_size,
        by_timestamp=connection.by_timestamp,
        ordered=found.get("order") == "stored",
        trust_consistency=found.get("consistent_through") == "trusted",
        queries=tuple(scope.queries()) if scope is not None and asks else ({},),
    )


def _await_lease(store: "SqlPullStore", wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while store.taken() and time.monotonic() < until:
        time.sleep(0.1)


def client_of(
    connection: LrsConnection,
    patience_s: float = 5.0,
    *,
    writing: bool = False,
    sleep: Sleep = time.sleep,
) -> Client:
    """Return the transport to an LRS; close it after use. What we write is xAPI 1.0.3."""
    version = connection.capabilities.get("write_version" if writing else "version")
    return Client(
        connection.endpoint,
        connection.key,
        connection.secret,
        patience_s=patience_s,
        version=version or "1.0.3",
        sleep=sleep,
    )


def deliver_statements(
    connection: LrsConnection, statements: list[dict[str, object]], *, patience_s: float = 5.0
) -> None:
    """Send statements that carry their ids; twice is harmless. Sends.

    :raises BridgeError: `.retry` says whether trying again later can help.
    """
    with client_of(connection, patience_s, writing=True) as client:
        client.send(statements)


@dataclass
class SqlPullStore:
    """Implements xapi_bridge.ports.PullStore on SQLite and PostgreSQL."""

    database: Database
    seal: Seal
    connection: LrsConnection
    meaning: Meaning
    clock: Callable[[], datetime] = utc_now
    lease_s: float = LEASE_S
    owner: str = field(default_factory=new_owner)
    habits: Habits = field(default_factory=Habits)
    sweep: str = ""
    _known_as: KnownAs = field(default_factory=KnownAs, repr=False)

    @cached_property
    def leasing(self) -> PullLease:
        return PullLease(self.database, self.connection.id, self.lease_s, self.owner)

    @contextmanager
    def lease(self) -> Iterator[Lease | None]:
        """Hold the lease while the block runs, renewing it; yield None if another has it."""
        with self.leasing.hold() as lease:
            if lease is not None:
                self._begin(lease)
            yield lease

    def taken(self) -> bool:
        """Return whether a puller holds the lease now."""
        return self.leasing.taken()

    def cursor(self) -> Cursor:
        with self.database.read() as conn:
            row = conn.execute(select(lrs_cursor).where(self._mine)).one()
            mine = Cursor(
                hwm_us=row.hwm_us,
                overlap_s=row.overlap_s,
                more=row.more,
                part=row.part,
                run_since_us=_us(row.run_since),
                run_max_us=row.run_max_us,
                run_began_us=row.run_began_us,
            )
            if not self.sweep:
                return mine
            return rounds.cursor(conn, self.connection.id, self.sweep, mine)

    def commit(self, lease: Lease, page: Page, after: Cursor, *, last: bool) -> Written:
        try:
            return self._commit(lease, page.entries, after, last)
        except Exception as error:
            if not _of_one_statement(error):
                raise
            harmless = self._harmless(lease, page.entries)
            if harmless == page.entries:
                raise
            return self._commit(lease, harmless, after, last)

    def keep(self, lease: Lease, cursor: Cursor) -> None:
        with self.database.begin() as conn:
            self.leasing.fence(conn, lease)
            self._move(conn, cursor)

    @property
    def _mine(self) -> ColumnElement[bool]:
        return lrs_cursor.c.lrs_id == self.connection.id

    def _arrivals(self, conn: Connection, forgotten_us: int | None = None) -> Arrivals:
        now_us = us(self.clock())
        return Arrivals(
            *(conn, self.seal, self.connection, self.meaning, now_us, forgotten_us),
            known_as=self._known_as,
        )

    # --- a page -------------------------------------------------------------------------------

    def _commit(
        self, lease: Lease, entries: Sequence[Statement | Bad], after: Cursor, last: bool
    ) -> Written:
        # Rows, evidence and cursor are one: what is lost of them together is fetched again.
        with self.database.begin(comes_again=True) as conn:
            self.leasing.fence(conn, lease)
            before = conn.execute(select(lrs_cursor).where(self._mine)).one()
            arrivals = self._arrivals(conn, before.forgotten_us)
            # Senders' clocks say nothing about how late something came.
            hwm_us = None if self.habits.by_timestamp else before.hwm_us
            counts = arrivals.take(entries, hwm_us)
            if self.sweep:
                self._swept(conn, arrivals, len(entries), after, last)
            else:
                self._pulled(conn, before, counts["foreign"] + counts["outside"], after, last)
        return Written(received=counts["received"], stored=counts["stored"])

    def _swept(
        self, conn: Connection, arrivals: Arrivals, seen: int, after: Cursor, last: bool
    ) -> None:
        found = arrivals.counts["stored"] + arrivals.counts["parked"]
        lrs_id = self.connection.id
        rounds.count(conn, lrs_id, self.sweep, seen, found, arrivals.worst_s)
        if last:
            rounds.finish(conn, lrs_id, self.sweep, self.clock())
        else:
            rounds.keep(conn, lrs_id, self.sweep, after)

    def _pulled(
        self, conn: Connection, before: Row[Any], strangers: int, after: Cursor, last: bool
    ) -> None:
        if last:
            after = replace(after, overlap_s=self._overlap_s(conn, after.overlap_s))
        if last or strangers:
            self._forget(conn, before, after, last)
        self._move(conn, after)

    def _overlap_s(self, conn: Connection, present: float) -> float:
        """Return the overlap for the next run, by what came late and what sweeps have found."""
        mine = late_hist.c.lrs_id == self.connection.id
        rows = conn.execute(select(late_hist.c.bucket_s, late_hist.c.count).where(mine))
        late = {int(bucket): int(number) for bucket, number in rows}
        raised = rounds.raised_s(conn, self.connection.id)
        return max(pull.overlap_s(late, present), raised)

    def _forget(self, conn: Connection, before: Row[Any], after: Cursor, last: bool) -> None:
        """Forget what was not for us and cannot come again, not even its hash."""
        reached = after
        if not last:
            if not self.habits.ordered or after.run_max_us is None:
                return
            newest = min(after.run_max_us, after.run_began_us or after.run_max_us)
            reached = replace(after, hwm_us=newest)
        horizon = pull.forgettable_us(reached, self.habits, us(self.clock()))
        if horizon is None or horizon <= (before.forgotten_us or horizon - 1):
            return
        conn.execute(
            delete(statement).where(
                statement.c.lrs_id == self.connection.id,
                WAITING,
                statement.c.state.in_(("foreign", "outside")),
                statement.c.stored_us < horizon,
            )
        )
        conn.execute(update(lrs_cursor).where(self._mine).values(forgotten_us=horizon))

    def _move(self, conn: Connection, after: Cursor) -> None:
        if self.sweep:
            rounds.keep(conn, self.connection.id, self.sweep, after)
            return
        conn.execute(
            update(lrs_cursor)
            .where(self._mine)
            .values(
                hwm=_text(after.hwm_us),
                hwm_us=after.hwm_us,
                more=after.more,
                part=after.part,
                run_since=_text(after.run_since_us),
                run_max=_text(after.run_max_us),
                run_max_us=after.run_max_us,
                run_began_us=after.run_began_us,
                overlap_s=after.overlap_s,
            )
        )

    def _harmless(
        self, lease: Lease, entries: Sequence[Statement | Bad]
    ) -> tuple[Statement | Bad, ...]:
        """Return the entries with those set aside on which we stumble; each is tried alone.

        Where we stumble on all of several, it is not they who are odd: they come back as they are.
        """
        with self.database.begin() as conn:
            self.leasing.fence(conn, lease)
            tried = tuple(self._tried(conn, entry, n) for n, entry in enumerate(entries))
        before, after = (sum(isinstance(e, Statement) for e in some) for some in (entries, tried))
        return tuple(entries) if before > 1 and after == 0 else tried

    def _tried(self, conn: Connection, entry: Statement | Bad, position: int) -> Statement | Bad:
        savepoint = conn.begin_nested()
        try:
            self._arrivals(conn).take([entry], None)
        except Exception as error:
            if not _of_one_statement(error):
                raise
            return Bad(entry.raw, f"{UNUSABLE} ({type(error).__name__})", position)
        finally:
            savepoint.rollback()
        return entry

    # --- before the first page ----------------------------------------------------------------

    def _begin(self, lease: Lease) -> None:
        """Take up what only now makes sense: persons who came, activities that were mapped."""
        if self.sweep:
            with self.database.begin() as conn:
                self.leasing.fence(conn, lease)
                rounds.begin(conn, self.connection.id, self.sweep, self.clock())
            return
        with self.database.read() as conn:
            waiting = parked.anything_waits(conn, self.connection)
            mapped = parked.anything_mapped(conn, self.connection)
        if waiting:
            with self.database.begin() as conn:
                self.leasing.fence(conn, lease)
                parked.take_up(self._arrivals(conn))
        place = None
        while mapped:
            with self.database.begin() as conn:
                self.leasing.fence(conn, lease)
                place = parked.remap(self._arrivals(conn), place)
            heap.sweep()
            mapped = place is not None


def _of_one_statement(error: Exception) -> bool:
    """Return whether the cause may be what one statement holds, and not the database or our lease.

    A driver says "data error" to a value that it cannot store; all its other words are about more.
    """
    if isinstance(error, DBAPIError):
        return isinstance(error, DataError)
    return not isinstance(error, LeaseLost | DatabaseError | MemoryError)


def _text(instant: int | None) -> str | None:
    return None if instant is None else text_of(instant)


def _us(value: str | None) -> int | None:
    return None if value is None else us(datetime.fromisoformat(value))
