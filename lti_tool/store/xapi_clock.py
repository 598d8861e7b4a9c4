"""The clock of the embedded LRS: when a statement was stored, and up to when nothing can come.

Who writes statements of a tenant holds its lock from before the stamp until after the commit, and
stamps strictly increase. So whatever is stamped earlier than something that can be seen can be
seen, too; and when nobody holds the lock, all that is stamped up to now can be seen. Both are what
X-Experience-API-Consistent-Through promises (xAPI 1.0.3 communication 2.1.3). The lock is SQLite's
own write lock, and an advisory one in PostgreSQL, whose clock is then the only one: web servers on
several machines need not agree on the time.
"""

import sqlite3
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, bindparam, func, select, text

from lti_tool.store.database import Database, us
from lti_tool.store.prepared import Prepared
from lti_tool.store.schema.embedded import xapi_statement
from lti_tool.store.straight import Straight

STEP_US = 1_000_000  # so far a clock may be set back while nobody writes, and all stays true
_LOCK = 0x0A91  # the first half of our advisory locks' names

# What could be seen once can always be seen.
_found_idle: WeakKeyDictionary[Database, dict[str, int]] = WeakKeyDictionary()
_US = "(extract(epoch FROM {}) * 1000000)::bigint"
_LATEST = select(func.max(xapi_statement.c.stored_us)).where(
    xapi_statement.c.tenant_id == bindparam("tenant")
)
_NEWEST = Prepared("xapi_clock.newest_us", lambda _dialect: _LATEST)
_TAKE = Prepared(
    "xapi_clock.stamp_us",
    lambda _dialect: text("SELECT 1 FROM pg_advisory_xact_lock(:lock, :number)"),
)
# With the lock in hand, in a question of its own: what the one before it saw is too old.
_NOW_AND_NEWEST = Prepared(
    "xapi_clock.stamp_us",
    lambda _dialect: _LATEST.with_only_columns(
        text(_US.format("clock_timestamp()")), func.max(xapi_statement.c.stored_us)
    ),
)
# The clock is read when the question arrives, before the lock is tried for.
_IDLE = text(
    f"SELECT CASE WHEN pg_try_advisory_xact_lock_shared(:lock, :number) "
    f"THEN {_US.format('statement_timestamp()')} END"
)


def stamp_us(conn: Connection, tenant_id: str) -> int:
    """Return the instant for the next statement of a tenant; the caller holds a write transaction.

    From now on until the transaction ends nobody else stamps statements of this tenant.
    """
    straight = Straight.of(conn)
    if conn.dialect.name == "sqlite":
        now = us(datetime.now(UTC))  # with the write lock in hand: it was taken at the start
        return max(now, newest_us(conn, tenant_id) + 1)
    _TAKE.rows(straight, _names(tenant_id))
    ((now, newest),) = _NOW_AND_NEWEST.rows(straight, {"tenant": tenant_id})
    return max(int(now), (newest or 0) + 1)


def idle_us(database: Database, tenant_id: str) -> int:
    """Return an instant up to which whoever looks from now on sees everything.

    While somebody writes it is what it was when this process last found nobody (0: never yet).
    """
    found = _idle_sqlite(database) if database.sqlite else _idle_postgres(database, tenant_id)
    known = _found_idle.setdefault(database, {})
    if found:
        known[tenant_id] = max(found - STEP_US, known.get(tenant_id, 0))
    return known.get(tenant_id, 0)


def newest_us(conn: Connection, tenant_id: str) -> int:
    """Return when the newest statement that can be seen was stored; 0: there is none."""
    (found,) = _NEWEST.rows(Straight.of(conn), {"tenant": tenant_id})
    return found[0] or 0


def _idle_sqlite(database: Database) -> int:
    with database.glance() as straight:
        cursor = straight.cursor()
        (patience_ms,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute("PRAGMA busy_timeout = 0")
        now = us(datetime.now(UTC))
        try:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute("ROLLBACK")
        except sqlite3.OperationalError:  # somebody writes
            return 0
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {int(patience_ms)}")
    return now


def _idle_postgres(database: Database, tenant_id: str) -> int:
    with database.engine.connect() as conn:  # its transaction ends here, and the lock with it
        return conn.execute(_IDLE, _names(tenant_id)).scalar() or 0


def _names(tenant_id: str) -> Mapping[str, int]:
    number = zlib.crc32(tenant_id.encode())
    return {"lock": _LOCK, "number": number - (1 << 32) if number >= 1 << 31 else number}
