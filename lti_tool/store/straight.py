"""The driver's own connection, for what every login and launch does: see `prepared` and ADR 0010.

What SQLAlchemy puts around a connection costs more than a short statement does in SQLite. Only
`Prepared` statements are sent here; whoever needs more takes `whole`, in the same transaction.
"""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError


@dataclass
class Straight:
    """A connection lent by the pool (or for good), and what statements are compiled for."""

    engine: Engine
    lent: Any

    @classmethod
    def of(cls, conn: "Connection | Straight") -> "Straight":
        """Return what lies under SQLAlchemy's connection, in the same transaction."""
        return conn if isinstance(conn, Straight) else cls(conn.engine, conn.connection)

    @property
    def dialect(self) -> Dialect:
        return self.engine.dialect

    def cursor(self) -> Any:
        driver = self.lent.dbapi_connection
        # Ours are timed as a whole: the cursor need not time each of its fetches (`queries`).
        return sqlite3.Cursor(driver) if isinstance(driver, sqlite3.Connection) else driver.cursor()

    def run(self, command: str) -> None:
        """Give the driver a command that begins a transaction."""
        self._driven(command, lambda: self.cursor().execute(command))

    def commit(self) -> None:
        self._driven("COMMIT", self.lent.dbapi_connection.commit)

    def roll_back(self) -> None:
        self._driven("ROLLBACK", self.lent.dbapi_connection.rollback)

    def _driven(self, what: str, do: Callable[[], object]) -> None:
        try:
            do()
        except self.dialect.loaded_dbapi.Error as error:
            raise said_by_driver(self.dialect, what, error) from error

    @cached_property
    def whole(self) -> Connection:
        """Return SQLAlchemy's connection around this one. Whoever began ends it, not it itself."""
        return Connection(self.engine, self.lent)


def taken(engine: Engine) -> Any:
    """Return a connection of the pool; give it back with `close`."""
    try:
        return engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise said_by_driver(engine.dialect, "connect", error) from error


def said_by_driver(dialect: Dialect, what: str, error: Exception) -> DBAPIError:
    """Return a driver's error as SQLAlchemy reports it, so that one kind only has to be known."""
    wrapped = DBAPIError.instance(
        what, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
    )
    assert isinstance(wrapped, DBAPIError)
    return wrapped


class OfThread(threading.local):
    """One connection to a SQLite file for each thread, outside of the pool. It ends with its
    thread; where the file was replaced meanwhile, another one is opened."""

    def __init__(self, engine: Engine, identity: Callable[[], object]) -> None:
        self._engine = engine
        self._identity = identity  # what tells whether it is still the same file
        self._lent: Any = None
        self._file: object = None

    def straight(self) -> Straight:
        file = self._identity()
        if self._lent is None or file != self._file:
            self._lent, self._file = taken(self._engine), file
            self._lent.detach()
        return Straight(self._engine, self._lent)

    def close(self) -> None:
        """Close the connection of the calling thread."""
        if self._lent is not None:
            self._lent.close()
            self._lent = None
