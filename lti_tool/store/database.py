"""The database: connections, transactions, and the few places where SQLite and PostgreSQL differ.

SQLite runs in WAL mode; a write transaction takes the write lock at its start (BEGIN IMMEDIATE),
so it can never fail half-way because somebody else wrote in between.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, ColumnElement, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from lti_tool.errors import DatabaseError
from lti_tool.store import queries
from lti_tool.store.queries import TimedConnection
from lti_tool.store.straight import OfThread, Straight, taken
from lti_tool.store.troubles import LOCKED, explain

CONNECT_S = 5  # a server that is not there is noticed within this time

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def us(moment: datetime) -> int:
    """Return microseconds since 1970 UTC of an aware instant."""
    return (moment - _EPOCH) // _MICROSECOND


def at(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the database may keep us waiting, in seconds, and how many connections we take."""

    lock_s: float = 10.0
    statement_s: float = 60.0
    slow_query_s: float = 0.5
    pool_size: int = 20


class Database:
    """One database. `begin` writes (one transaction), `read` reads."""

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        limits = limits or Limits()
        self.engine = _sqlite(url, limits) if self.sqlite else _postgres(url, limits)
        queries.watch(self.engine, limits.slow_query_s)
        self._turns = _Turns(limits.lock_s) if self.sqlite else nullcontext()
        path = _file_of(self.url)
        self._of_thread = OfThread(self.engine, partial(_identity, path)) if path else None

    @contextmanager
    def begin(self, *, comes_again: bool = False) -> Iterator[Connection]:
        """Yield a connection in one write transaction: committed at the end, or rolled back.

        `comes_again`: should the database's machine die now, all of it will be done anew from where
        it stood before. So the commit does not wait for the disk (SQLite's never does, see below).

        :raises DatabaseError: locked, full, missing or unreachable; nothing was written.
        """
        with self._turns, explained(), self.engine.connect() as conn, conn.begin():
            if self.sqlite:
                Straight.of(conn).run("BEGIN IMMEDIATE")
            elif comes_again:
                Straight.of(conn).run("SET LOCAL synchronous_commit = off")
            yield conn

    @contextmanager
    def begin_straight(self) -> Iterator[Straight]:
        """Yield what `begin` does, for `Prepared` statements first of all."""
        with self._turns, explained(), self._straight() as straight:
            if self.sqlite:
                straight.run("BEGIN IMMEDIATE")
            try:
                yield straight
                straight.commit()
            except BaseException:
                straight.roll_back()
                raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent state; what it writes is rolled back."""
        begin = "BEGIN" if self.sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        with explained(), self.engine.connect() as conn, conn.begin() as transaction:
            Straight.of(conn).run(begin)
            yield conn
            transaction.rollback()

    @contextmanager
    def glance(self) -> Iterator[Straight]:
        """Yield a connection for one `Prepared` question: two might see two different states."""
        with explained(), self._straight() as straight:
            yield straight

    @contextmanager
    def _straight(self) -> Iterator[Straight]:
        if self._of_thread is not None:
            yield self._of_thread.straight()
            return
        lent = taken(self.engine)
        try:
            yield Straight(self.engine, lent)
        finally:
            lent.close()

    def exists(self) -> bool:
        """Return whether there is a file to open; a server's answer is left to the server."""
        path = _file_of(self.url)
        return path is None or path.exists()

    def make(self) -> None:
        """Make the empty file of a new SQLite database, and its folder."""
        if (path := _file_of(self.url)) is not None and not path.exists():
            _make(path)

    def close(self) -> None:
        self.engine.dispose()
        if self._of_thread is not None:
            self._of_thread.close()


class _Turns:
    """Lets the threads of this process write one after the other. SQLite itself knows no queue:
    who finds it locked sleeps for up to a tenth of a second, and looks again."""

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._turn = threading.Lock()
        self._next = threading.Lock()

    def __enter__(self) -> None:
        # Whoever has just written has to queue again: a purge lets others in between its batches.
        if not self._next.acquire(timeout=self._wait_s):
            raise LOCKED.error()
        try:
            if not self._turn.acquire(timeout=self._wait_s):
                raise LOCKED.error()
        finally:
            self._next.release()

    def __exit__(self, *_: object) -> None:
        self._turn.release()


def filtering(column: ColumnElement[str]) -> ColumnElement[str]:
    """Return a column as a mere condition on rows that another one finds.

    Without statistics (a first import) SQLite takes the index that begins with it, and reads all
    that a municipality or an LRS has, rather than the one of the wanted keys.
    """
    return column.concat("")


def insert_ignore(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet; return how many were new."""
    if not rows:
        return 0
    statement = _missing(conn.dialect.name, table)
    counted = {"preserve_rowcount": True}  # without it an INSERT's count is not always kept
    return sum(conn.execute(statement, row, execution_options=counted).rowcount for row in rows)


def insert_missing(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys are not there yet, in one go; for many rows."""
    if rows:
        conn.execute(_missing(conn.dialect.name, table), list(rows))


@cache  # what is built for a page is built once: it took longer than the insert itself
def _missing(dialect: str, table: Table) -> Any:
    return insert_into(dialect, table).on_conflict_do_nothing()


def add_to_counts(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *keys: str
) -> None:
    """Add each row's `count` to the row with its keys, or insert it; other columns take its values.

    Sorted by their keys, rows of two writers never wait for each other in a circle.
    """
    if not rows:
        return
    conn.execute(_adding(conn.dialect.name, table, tuple(rows[0]), keys), list(rows))


@cache
def _adding(dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...]) -> Any:
    statement = insert_into(dialect, table)
    rest = {n: statement.excluded[n] for n in names if n not in keys}
    rest["count"] = table.c.count + statement.excluded["count"]
    return statement.on_conflict_do_update(index_elements=keys, set_=rest)


def upsert(
    conn: Connection,
    table: Table,
    row: Mapping[str, Any],
    *keys: str,
    keep: frozenset[str] = frozenset(),
) -> None:
    """Insert the row, or where `keys` are there update its other columns except `keep`."""
    conn.execute(_replacing(conn.dialect.name, table, tuple(row), keys, keep).values(**row))


def upsert_all(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *keys: str,
    keep: frozenset[str] = frozenset(),
) -> None:
    """Do for many rows of one shape what `upsert` does for one; one statement."""
    if not rows:
        return
    conn.execute(_replacing(conn.dialect.name, table, tuple(rows[0]), keys, keep), list(rows))


@cache
def _replacing(
    dialect: str, table: Table, names: tuple[str, ...], keys: tuple[str, ...], keep: frozenset[str]
) -> Any:
    statement = insert_into(dialect, table)
    rest = {n: statement.excluded[n] for n in names if n not in keys and n not in keep}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=rest)


def insert_into(dialect: str, table: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT, as this kind of database writes it."""
    written = sqlite if dialect == "sqlite" else postgresql
    return written.insert(table)


def _sqlite(url: str, limits: Limits) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"timeout": limits.lock_s, "factory": TimedConnection},
        **_pool(limits),
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # We say BEGIN ourselves: the driver's own would come too late and without IMMEDIATE.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        # Pages that many transactions wrote are copied back (and synced) once, not each time: a log
        # of 64 MB. And a page of a pull is held in memory as a whole (ADR 0020).
        connection.execute("PRAGMA wal_autocheckpoint = 16000")
        connection.execute("PRAGMA cache_size = -4000")
        connection.execute("PRAGMA foreign_keys = ON")

    if (path := _file_of(make_url(url))) is not None:
        _stay_with_the_file(engine, path)
    return engine


def _file_of(url: URL) -> Path | None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return Path(str(url.database))


def _stay_with_the_file(engine: Engine, path: Path) -> None:
    """Notice when the file was removed or replaced: an open connection would go on without it.

    A file that is missing is never made by opening it, or a mistyped path would begin anew.
    """

    identity = partial(_identity, path)

    @event.listens_for(engine, "do_connect")
    def require(_dialect: object, _record: object, _args: object, _options: object) -> None:
        if identity() is None:
            raise DatabaseError(
                f"There is no database file {path}.",
                remedy="A new service: run `roadmap db upgrade`. Otherwise check database.url, or "
                "put the file or a backup back; until then nothing is written anywhere.",
            )

    @event.listens_for(engine, "connect")
    def remember(_connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        record.info["file"] = identity()

    @event.listens_for(engine, "checkout")
    def compare(
        _connection: sqlite3.Connection, record: ConnectionPoolEntry, _proxy: object
    ) -> None:
        if identity() != record.info["file"]:
            raise DisconnectionError  # open what is there now: a backup, perhaps


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise DatabaseError(
            f"The database file {path} cannot be made ({error.strerror}).",
            remedy="Check database.url, and that the service's user may write in the folder.",
        ) from None


def _postgres(url: str, limits: Limits) -> Engine:
    # The server ends what hangs: a forgotten lock or a runaway statement never lasts for ever.
    options = {
        "lock_timeout": limits.lock_s,
        "statement_timeout": limits.statement_s,
        "idle_in_transaction_session_timeout": 2 * limits.statement_s,
    }
    given = make_url(url).query
    own = " ".join(f"-c {name}={int(seconds * 1000)}" for name, seconds in options.items())
    arguments = {
        "options": f"{own} {given.get('options', '')}".strip(),
        "connect_timeout": int(given.get("connect_timeout", CONNECT_S)),  # type: ignore[arg-type]
        "application_name": given.get("application_name", "roadmap"),
    }
    # A connection that a restart of the server has broken is replaced when it is taken.
    return create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args=arguments, **_pool(limits)
    )


def _pool(limits: Limits) -> dict[str, Any]:
    half = max(1, limits.pool_size // 2)
    return {
        "pool_size": half,
        "max_overflow": limits.pool_size - half,
        "pool_timeout": limits.lock_s,
    }


class explained:
    """Raise what a driver reports in our words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, DBAPIError | PoolTimeout) and (said := explain(error)) is not None:
            raise said from error


def tidy(database: Database) -> None:
    """Let SQLite count anew what its planner goes by; PostgreSQL does so by itself. Writes."""
    if database.sqlite:
        with database.begin() as conn:
            conn.exec_driver_sql("PRAGMA analysis_limit = 1000")  # a sample: milliseconds
            conn.exec_driver_sql("ANALYZE")


def require_writable(database: Database) -> None:
    """Check that rows can be written; what is tried is rolled back.

    :raises DatabaseError: it cannot; says why.
    """
    with explained(), database.engine.connect() as conn, conn.begin() as transaction:
        if database.sqlite:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        conn.execute(text("UPDATE alembic_version SET version_num = version_num"))
        transaction.rollback()


def ping(conn: Connection) -> None:
    conn.execute(text("SELECT 1"))
