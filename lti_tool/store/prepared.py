"""Statements of every login and launch: built and compiled once, then given to the driver itself.

SQLAlchemy's way around a statement (cache key, context, result rows) takes several times as long
as SQLite takes for the work, and a whole town starts at eight in the morning (docs/adr/0010). They
are written with the tables of `schema` like all others. Values pass as the driver knows them: JSON
goes in as text.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import ClauseElement
from sqlalchemy.engine import Dialect

from lti_tool.store.queries import judge
from lti_tool.store.straight import Straight, said_by_driver

Row = tuple[Any, ...]


class Prepared:
    """One statement with its name, such as `launches.consume` (what names are for: `queries`)."""

    def __init__(self, name: str, build: Callable[[Dialect], ClauseElement]) -> None:
        """`build` is called once for each kind of database."""
        self._name = name
        self._build = build
        self._ready: dict[str, _Ready] = {}  # by name of the dialect

    def rows(self, conn: Straight, parameters: Mapping[str, object]) -> list[Row]:
        """Return all rows it finds, in the caller's transaction."""
        return self._run(conn, parameters)[1]

    def touched(self, conn: Straight, parameters: Mapping[str, object]) -> int:
        """Run it in the caller's transaction; return how many rows were written."""
        return self._run(conn, parameters)[0]

    def _run(self, conn: Straight, parameters: Mapping[str, object]) -> tuple[int, list[Row]]:
        ready = self._ready.get(conn.dialect.name) or self._compile(conn)
        cursor = conn.cursor()
        began = time.perf_counter()
        try:
            cursor.execute(ready.sql, ready.ordered({**ready.fixed, **parameters}))
            found = (cursor.rowcount, cursor.fetchall() if cursor.description else [])
        except conn.dialect.loaded_dbapi.Error as error:
            raise said_by_driver(conn.dialect, self._name, error) from error
        finally:
            cursor.close()
        judge(conn.dialect, self._name, time.perf_counter() - began)
        return found

    def _compile(self, conn: Straight) -> "_Ready":
        compiled: Any = self._build(conn.dialect).compile(dialect=conn.dialect)
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
