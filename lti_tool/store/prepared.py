"""Statements of every login and launch: built and compiled once, then given to the driver itself.

SQLAlchemy's way around a statement (cache key, context, result rows) takes several times as long
as SQLite takes for the work, and a whole town starts at eight in the morning (docs/adr/0010). They
are written with the tables of `schema` like all others. Values pass as the driver knows them: JSON
goes in as text.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement, Connection

from lti_tool.store.database import said_by_driver
from lti_tool.store.queries import note

Row = tuple[Any, ...]


class Prepared:
    """One statement with its name, such as `launches.consume` (what names are for: `queries`)."""

    def __init__(self, name: str, build: Callable[[Connection], ClauseElement]) -> None:
        """`build` is called once for each kind of database."""
        self._name = name
        self._build = build
        self._ready: dict[str, _Ready] = {}  # by name of the dialect

    def rows(self, conn: Connection, parameters: Mapping[str, object]) -> list[Row]:
        """Return all rows it finds, in the caller's transaction."""
        cursor = self._run(conn, parameters)
        found: list[Row] = cursor.fetchall()
        cursor.close()
        return found

    def touched(self, conn: Connection, parameters: Mapping[str, object]) -> int:
        """Run it in the caller's transaction; return how many rows were written."""
        cursor = self._run(conn, parameters)
        number: int = cursor.rowcount
        cursor.close()
        return number

    def _run(self, conn: Connection, parameters: Mapping[str, object]) -> Any:
        ready = self._ready.get(conn.dialect.name) or self._compile(conn)
        cursor = conn.connection.cursor()
        began = time.perf_counter()
        try:
            cursor.execute(ready.sql, ready.ordered({**ready.fixed, **parameters}))
        except conn.dialect.loaded_dbapi.Error as error:
            raise said_by_driver(conn, self._name, error) from error
        note(conn, cursor, self._name, time.perf_counter() - began)
        return cursor

    def _compile(self, conn: Connection) -> "_Ready":
        compiled: Any = self._build(conn).compile(dialect=conn.dialect)
        places = tuple(compiled.positiontup) if compiled.positional else None
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        ready = _Ready(f"/* {self._name} */ {compiled}", fixed, places)
        self._ready[conn.dialect.name] = ready
        return ready


class _Ready(NamedTuple):
    sql: str
    fixed: Mapping[str, Any]  # what the statement itself says, such as kind = 'sub'
    places: tuple[str, ...] | None  # names in the order of their marks; None: marks have names

    def ordered(self, given: Mapping[str, Any]) -> Mapping[str, Any] | list[Any]:
        return given if self.places is None else [given[place] for place in self.places]
