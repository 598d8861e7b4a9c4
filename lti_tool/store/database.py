"""The database: connections, transactions, and the few places where SQLite and PostgreSQL differ.

SQLite runs in WAL mode; a write transaction takes the write lock at its start (BEGIN IMMEDIATE),
so it can never fail half-way because somebody else wrote in between.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lti_tool.errors import DatabaseError
from lti_tool.store import queries
from lti_tool.store.queries import TimedConnection
from lti_tool.store.troubles import explain

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

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Yield a connection in one write transaction: committed at the end, or rolled back.

        :raises DatabaseError: locked, full, missing or unreachable; nothing was written.
        """
        with explained(), self.engine.connect() as conn, conn.begin():
            if self.sqlite:
                conn.exec_driver_sql("BEGIN IMMEDIATE")
            yield conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Yield a connection that sees one consistent state; what it writes is rolled back."""
        begin = "BEGIN" if self.sqlite else "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
        with explained(), self.engine.connect() as conn, conn.begin() as transaction:
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


def _sqlite(url: str, limits: Limits) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        _make_folder(Path(path).parent)
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
        connection.execute("PRAGMA foreign_keys = ON")

    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseError(
            f"The folder of the database, {folder}, cannot be made ({error.strerror}).",
            remedy="Check database.url, or make the folder and give it to the service's user.",
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


@contextmanager
def explained() -> Iterator[None]:
    """Raise what a driver reports in our words."""
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        if (said := explain(error)) is None:
            raise
        raise said from error


def tidy(database: Database) -> None:
    """Let SQLite count anew what its planner goes by; PostgreSQL does so by itself. Writes."""
    if database.sqlite:
        with database.begin() as conn:
            conn.exec_driver_sql("PRAGMA analysis_limit = 1000")  # a sample: milliseconds
            conn.exec_driver_sql("ANALYZE")


def ping(conn: Connection) -> None:
    conn.execute(text("SELECT 1"))
