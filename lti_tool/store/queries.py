"""Every SQL statement has a name: the function that sends it, such as `jobs.SqlJobs.lease`.

The name goes in front of the statement as a comment, so PostgreSQL's own views and logs show it
too, and into the log line of a statement that took longer than `database.slow_query_s`. SQL text
and parameters are never logged: they may hold what a person did.
"""

import sqlite3
import sys
import time
from functools import lru_cache
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect

from lti_tool.logs import log

OURS = "lti_tool."
NOBODY = "unnamed"
# These only pass statements on; the name is that of whoever called them.
PASSING = frozenset({"lti_tool.store.bulk", "lti_tool.store.database", __name__})
_SLOW_S: WeakKeyDictionary[Dialect, float] = WeakKeyDictionary()  # an engine has its own dialect


class TimedCursor(sqlite3.Cursor):
    """Times fetching as well: SQLite looks for a row only when it is asked for."""

    name = NOBODY
    spent_s = 0.0
    slow_s = float("inf")

    def fetchone(self) -> Any:
        began = time.perf_counter()
        row = super().fetchone()
        self.spent_s += time.perf_counter() - began
        return row

    def fetchmany(self, size: int | None = None) -> list[Any]:
        began = time.perf_counter()
        rows = super().fetchmany(self.arraysize if size is None else size)
        self.spent_s += time.perf_counter() - began
        return rows

    def fetchall(self) -> list[Any]:
        began = time.perf_counter()
        rows = super().fetchall()
        self.spent_s += time.perf_counter() - began
        return rows

    def close(self) -> None:
        spent, self.spent_s = self.spent_s, 0.0
        _judge(self.name, spent, self.slow_s)
        super().close()


class TimedConnection(sqlite3.Connection):
    """Makes timed cursors."""

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or TimedCursor)


def watch(engine: Engine, slow_s: float) -> None:
    """Name every statement of this engine, and log the names of slow ones."""
    _SLOW_S[engine.dialect] = slow_s

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def name_it(
        _conn: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> tuple[str, Any]:
        name = caller()
        if context is not None:
            context.roadmap = (name, time.perf_counter())
        return f"/* {name} */ {statement}", parameters

    @event.listens_for(engine, "after_cursor_execute")
    def time_it(
        conn: Connection, cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        name, began = getattr(context, "roadmap", (NOBODY, time.perf_counter()))
        _note(conn.dialect, cursor, name, time.perf_counter() - began)


def judge(dialect: Dialect, name: str, spent_s: float) -> None:
    """Log the name of a statement if it was slow."""
    _judge(name, spent_s, _SLOW_S[dialect])


def _note(dialect: Dialect, cursor: Any, name: str, spent_s: float) -> None:
    """Log the name of a slow statement: at once, or when SQLite has also fetched its rows."""
    slow_s = _SLOW_S[dialect]
    if isinstance(cursor, TimedCursor):
        cursor.name, cursor.slow_s = name, slow_s
        cursor.spent_s += spent_s
    else:
        _judge(name, spent_s, slow_s)


def caller() -> str:
    """Return the name of the function of ours that sends a statement now."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith(OURS) and module not in PASSING:
            return _name(module, frame.f_code)
        frame = frame.f_back  # type: ignore[assignment]
    return NOBODY


@lru_cache(maxsize=1000)
def _name(module: str, code: CodeType) -> str:
    function = code.co_qualname.partition(".<locals>")[0].strip("<>")
    return f"{module.rpartition('.')[2]}.{function}"


def _judge(name: str, spent_s: float, slow_s: float) -> None:
    if spent_s >= slow_s:
        log().warning("slow query", where=name, ms=round(spent_s * 1e3))
