"""The right to pull one LRS: held by one process at a time, renewed while it works, fenced.

A lease lasts four seconds, so a killed puller is replaced within five. Its token only grows, and a
page commits only under the newest one: who slept meanwhile writes nothing.
"""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, select, text, update

from lti_tool.errors import DatabaseError
from lti_tool.store.database import Database, us
from lti_tool.store.schema.xapi import lrs_cursor
from xapi_bridge.errors import LeaseLost
from xapi_bridge.ports import Lease

LEASE_S = 4.0
BEATS = 4  # renewals per lease


def new_owner() -> str:
    # Unique even where two containers share a host name, and so the numbers of their processes.
    return f"{socket.gethostname()[:20]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class PullLease:
    database: Database
    lrs_id: str
    lease_s: float = LEASE_S
    owner: str = field(default_factory=new_owner)

    @contextmanager
    def hold(self) -> Iterator[Lease | None]:
        """Hold the lease while the block runs, renewing it; yield None if another has it."""
        lease = self._take()
        if lease is None:
            yield None
            return
        stop = threading.Event()
        beat = threading.Thread(target=self._beat, args=(lease, stop), daemon=True)
        beat.start()
        try:
            yield lease
        finally:
            stop.set()
            beat.join()
            self._give_back(lease)

    def taken(self) -> bool:
        """Return whether somebody holds the lease now."""
        with self.database.read() as conn:
            until = conn.execute(select(lrs_cursor.c.lease_until_us).where(self._mine)).scalar()
            return until is not None and until > clock_us(conn)

    def fence(self, conn: Connection, lease: Lease) -> None:
        """Renew, and lock the row until the end of the transaction: who comes later must wait.

        :raises LeaseLost: another puller took over.
        """
        done = conn.execute(
            update(lrs_cursor)
            .where(self._mine, lrs_cursor.c.lease_token == lease.token)
            .values(lease_until_us=clock_us(conn) + int(self.lease_s * 1e6))
        )
        if done.rowcount != 1:
            raise LeaseLost("Another puller took over this LRS; this page was left to it.")

    @property
    def _mine(self) -> ColumnElement[bool]:
        return lrs_cursor.c.lrs_id == self.lrs_id

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

    def _beat(self, lease: Lease, stop: threading.Event) -> None:
        while not stop.wait(self.lease_s / BEATS):
            try:
                # The page under way waits for this; a renewal that is lost is an older lease.
                with self.database.begin(comes_again=True) as conn:
                    self.fence(conn, lease)
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
        return us(datetime.now(UTC))
    seconds = conn.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    return int(seconds * 1_000_000)
