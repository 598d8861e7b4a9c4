"""Pulling one LRS into the database: lease, cursor, and a page per transaction.

A lease lasts four seconds and is renewed while its holder works, so a killed puller is replaced
within five; its token only grows, and a page commits under the newest one only.
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, delete, select, text, update

from lti_tool.errors import DatabaseError
from lti_tool.seal import Seal
from lti_tool.settings import Lrs
from lti_tool.store import lrs as connections
from lti_tool.store import parked
from lti_tool.store.arrivals import Arrivals
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import Database, us
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.xapi import WAITING, late_hist, lrs_cursor, statement
from xapi_bridge import pull
from xapi_bridge.client import Client
from xapi_bridge.errors import BridgeError, LeaseLost
from xapi_bridge.instants import text_of
from xapi_bridge.ports import Cursor, Lease, Written
from xapi_bridge.pull import PullReport
from xapi_bridge.statement import Page

LEASE_S = 4.0
BEATS = 4  # renewals per lease


def utc_now() -> datetime:
    return datetime.now(UTC)


def pull_once(
    database: Database,
    seal: Seal,
    lrs_id: str,
    *,
    settings: Lrs,
    meaning: Meaning,
    patience_s: float = 5.0,
    lease_wait_s: float = 0.0,
    budget_s: float = pull.LONGEST_RUN_S,
    clock: Callable[[], datetime] = utc_now,
) -> PullReport:
    """Pull one LRS until it has no more. Sends; writes and commits page by page.

    `patience_s` is how long one request may wait for a busy store before StoreBusy says so,
    `lease_wait_s` how long to wait for another puller to end; then the report says `busy`.

    :raises BridgeError: the store cannot be used now; noted as the connection's last error.
    """
    with database.read() as conn:
        connection = connections.get(conn, seal, lrs_id)
    store = SqlPullStore(database, seal, connection, meaning, clock)
    cap = connection.capabilities.get("page_cap")
    page_size = min(settings.page_size, cap) if cap else settings.page_size
    _await_lease(store, lease_wait_s)
    trusted = connection.capabilities.get("consistent_through") == "trusted"
    try:
        with client_of(connection, patience_s) as client:
            report = pull.run(
                client, store, page_size=page_size, trust_consistency=trusted, budget_s=budget_s
            )
    except BridgeError as error:
        with database.begin() as conn:
            connections.failed(conn, lrs_id, str(error))
        raise
    if report.caught_up:
        with database.begin() as conn:
            connections.caught_up(conn, lrs_id, clock())
    return report


def _await_lease(store: "SqlPullStore", wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while store.taken() and time.monotonic() < until:
        time.sleep(0.1)


def client_of(connection: LrsConnection, patience_s: float = 5.0) -> Client:
    """Return the transport to an LRS; close it after use."""
    return Client(connection.endpoint, connection.key, connection.secret, patience_s=patience_s)


def deliver_statements(
    connection: LrsConnection, statements: list[dict[str, object]], *, patience_s: float = 5.0
) -> None:
    """Send statements that carry their ids; twice is harmless. Sends.

    :raises BridgeError: `.retry` says whether trying again later can help.
    """
    with client_of(connection, patience_s) as client:
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
    owner: str = field(
        default_factory=lambda: f"{socket.gethostname()[:20]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    )

    @contextmanager
    def lease(self) -> Iterator[Lease | None]:
        """Hold the lease while the block runs, renewing it; yield None if another has it."""
        lease = self._take()
        if lease is None:
            yield None
            return
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(lease, stop), daemon=True)
        beat.start()
        try:
            self._catch_up_with_ourselves(lease)
            yield lease
        finally:
            stop.set()
            beat.join()
            self._give_back(lease)

    def taken(self) -> bool:
        """Return whether a puller holds the lease now."""
        with self.database.read() as conn:
            until = conn.execute(select(lrs_cursor.c.lease_until_us).where(self._mine)).scalar()
            return until is not None and until > clock_us(conn)

    def cursor(self) -> Cursor:
        with self.database.read() as conn:
            row = conn.execute(select(lrs_cursor).where(self._mine)).one()
        return Cursor(row.hwm_us, row.overlap_s, row.more, _us(row.run_since), row.run_max_us)

    def commit(self, lease: Lease, page: Page, after: Cursor) -> Written:
        with self.database.begin() as conn:
            self._fence(conn, lease)
            before = conn.execute(select(lrs_cursor).where(self._mine)).one()
            arrivals = self._arrivals(conn)
            counts = arrivals.take(page.entries, before.hwm_us)
            if after.more is None:
                after = self._finish(conn, after)
            self._move(conn, after)
        return Written(received=counts["received"], stored=counts["stored"])

    def restart(self, lease: Lease) -> Cursor:
        with self.database.begin() as conn:
            self._fence(conn, lease)
            nothing = {"more": None, "run_since": None, "run_max": None, "run_max_us": None}
            conn.execute(update(lrs_cursor).where(self._mine).values(**nothing))
        return self.cursor()

    @property
    def _mine(self) -> ColumnElement[bool]:
        return lrs_cursor.c.lrs_id == self.connection.id

    def _arrivals(self, conn: Connection) -> Arrivals:
        return Arrivals(conn, self.seal, self.connection, self.meaning, us(self.clock()))

    def _catch_up_with_ourselves(self, lease: Lease) -> None:
        """Take up what only now makes sense: persons who came, activities that were mapped."""
        with self.database.read() as conn:
            waiting = parked.anything_waits(conn, self.connection)
            mapped = parked.anything_mapped(conn, self.connection)
        if waiting:
            with self.database.begin() as conn:
                self._fence(conn, lease)
                parked.take_up(self._arrivals(conn))
        place = None
        while mapped:
            with self.database.begin() as conn:
                self._fence(conn, lease)
                place = parked.remap(self._arrivals(conn), place)
            mapped = place is not None

    def _finish(self, conn: Connection, after: Cursor) -> Cursor:
        """At the end of a run: the overlap for the next one, and what it cannot bring any more."""
        mine = late_hist.c.lrs_id == self.connection.id
        rows = conn.execute(select(late_hist.c.bucket_s, late_hist.c.count).where(mine))
        late = {int(bucket): int(number) for bucket, number in rows}
        overlap = pull.overlap_s(late, after.overlap_s)
        if after.hwm_us is not None:
            horizon = after.hwm_us - int((overlap + 1) * 1e6)
            conn.execute(
                delete(statement).where(
                    statement.c.lrs_id == self.connection.id,
                    WAITING,
                    statement.c.state == "foreign",
                    statement.c.stored_us < horizon,
                )
            )
        return Cursor(hwm_us=after.hwm_us, overlap_s=overlap)

    def _move(self, conn: Connection, after: Cursor) -> None:
        conn.execute(
            update(lrs_cursor)
            .where(self._mine)
            .values(
                hwm=_text(after.hwm_us),
                hwm_us=after.hwm_us,
                more=after.more,
                run_since=_text(after.run_since_us),
                run_max=_text(after.run_max_us),
                run_max_us=after.run_max_us,
                overlap_s=after.overlap_s,
            )
        )

    # --- the lease ----------------------------------------------------------------------------

    def _take(self) -> Lease | None:
        with self.database.begin() as conn:
            row = conn.execute(select(lrs_cursor).where(self._mine).with_for_update()).one()
            now_us = clock_us(conn)
            if row.lease_until_us is not None and row.lease_until_us > now_us:
                return None
            lease = Lease(self.owner, row.lease_token + 1)
            conn.execute(
                update(lrs_cursor)
                .where(self._mine)
                .values(
                    lease_owner=lease.owner,
                    lease_token=lease.token,
                    lease_until_us=now_us + int(self.lease_s * 1e6),
                )
            )
        return lease

    def _fence(self, conn: Connection, lease: Lease) -> None:
        """Renew, and lock the row until the end of the transaction: who comes later must wait."""
        done = conn.execute(
            update(lrs_cursor)
            .where(self._mine, lrs_cursor.c.lease_token == lease.token)
            .values(lease_until_us=clock_us(conn) + int(self.lease_s * 1e6))
        )
        if done.rowcount != 1:
            raise LeaseLost("Another puller took over this LRS; this page was left to it.")

    def _beat(self, lease: Lease, stop: threading.Event) -> None:
        while not stop.wait(self.lease_s / BEATS):
            try:
                with self.database.begin() as conn:
                    self._fence(conn, lease)
            except LeaseLost:
                return
            except DatabaseError:
                continue  # the next beat tries again; a lost lease is noticed at the commit

    def _give_back(self, lease: Lease) -> None:
        with self.database.begin() as conn:
            conn.execute(
                update(lrs_cursor)
                .where(self._mine, lrs_cursor.c.lease_token == lease.token)
                .values(lease_until_us=0)
            )


def clock_us(conn: Connection) -> int:
    """Return the database's clock, the one clock all pullers share."""
    if conn.dialect.name == "sqlite":  # one machine, one clock
        return us(utc_now())
    seconds = conn.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    return int(seconds * 1_000_000)


def _text(instant: int | None) -> str | None:
    return None if instant is None else text_of(instant)


def _us(value: str | None) -> int | None:
    return None if value is None else us(datetime.fromisoformat(value))
