"""The database: connections, transactions, and the few places where SQLite and PostgreSQL differ.

SQLite runs in WAL mode; a write transaction takes the write lock at its start (BEGIN IMMEDIATE),
so it can never fail half-way because somebody else wrote in between.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError

from lti_tool.errors import DatabaseError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def us(moment: datetime) -> int:
    """Return microseconds since 1970 UTC of an aware instant."""
    return (moment - _EPOCH) // _MICROSECOND


def at(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


class Database:
    """One database. `begin` writes (one transaction), `read` reads."""

    def __init__(self, url: str, *, lock_timeout_s: float = 10.0) -> None:
        self.url = make_url(url)
        self.sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _sqlite(url, lock_timeout_s) if self.sqlite else _postgres(url)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection in one write transaction: committed at the end, or rolled back.

        :raises DatabaseError: locked, full, missing or unreachable; nothing was written.
        """
        with _explained(), self.engine.connect() as conn, conn.begin():
            if self.sqlite:
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent state; what it writes is rolled back."""
        begin = "BEGIN" if self.sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        with _explained(), self.engine.connect() as conn, conn.begin() as transaction:
            conn.exec_driver_sql(begin)
            yield conn
            transaction.rollback()

    def close(self) -> None:
        self.engine.dispose()


def insert_ignore(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose keys are not there yet; return how many were new."""
    if not rows:
        return 0
    statement = _insert(conn, table).on_conflict_do_nothing()
    counted = {"preserve_rowcount": True}  # without it an INSERT's count is not always kept
    return sum(conn.execute(statement, row, execution_options=counted).rowcount for row in rows)


def insert_missing(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows whose keys are not there yet, in one go; for many rows."""
    if rows:
        conn.execute(_insert(conn, table).on_conflict_do_nothing(), list(rows))


def upsert(
    conn: Connection,
    table: Table,
    row: Mapping[str, Any],
    *keys: str,
    keep: frozenset[str] = frozenset(),
) -> None:
    """Insert the row, or where `keys` are there update its other columns except `keep`."""
    statement = _insert(conn, table).values(**row)
    rest = {n: statement.excluded[n] for n in row if n not in keys and n not in keep}
    conn.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=rest))


def _insert(conn: Connection, table: Table) -> Any:
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    return dialect.insert(table)


def _sqlite(url: str, lock_timeout_s: float) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": lock_timeout_s})

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # We say BEGIN ourselves: the driver's own would come too late and without IMMEDIATE.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def _postgres(url: str) -> Engine:
    return create_engine(
        url, hide_parameters=True, pool_pre_ping=True, pool_size=10, max_overflow=10
    )


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (OperationalError, DBAPIError) as error:
        if (explained := _explain(error)) is None:
            raise
        raise explained from error


def _explain(error: DBAPIError) -> DatabaseError | None:
    """Return the operator's words for what a driver reports, or None for a programming error."""
    said = str(error.orig).lower()
    for sign, message, remedy in _SIGNS:
        if sign in said:
            return DatabaseError(message, remedy=remedy)
    if error.connection_invalidated:
        return DatabaseError("The connection to the database broke.", remedy="It will be retried.")
    return None


_SIGNS = (
    (
        "database is locked",
        "The database is locked by another process.",
        "Is a backup or another service using the file?",
    ),
    ("disk is full", "The disk is full.", "Free some space; nothing was lost."),
    ("no space left", "The disk is full.", "Free some space; nothing was lost."),
    (
        "unable to open database file",
        "The database file cannot be opened.",
        "Check database.url and the rights of its folder.",
    ),
    (
        "readonly database",
        "The database file cannot be written.",
        "Check the rights of the file and its folder.",
    ),
    (
        "no such table",
        "The database is not set up.",
        "Run `roadmap db upgrade`.",
    ),
    ("undefinedtable", "The database is not set up.", "Run `roadmap db upgrade`."),
    (
        "connection refused",
        "The database server cannot be reached.",
        "Is PostgreSQL running, and database.url right?",
    ),
    (
        "password authentication failed",
        "The database server refused our password.",
        "Check database.url.",
    ),
)


def ping(conn: Connection) -> None:
    conn.execute(text("SELECT 1"))
