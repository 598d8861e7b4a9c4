"""Many rows at once: written, or looked up by many keys, straight by the driver.

For what is done thousands of times a second: building and converting would cost more than the
database does. Only for columns that are text, bytes, numbers or truths; values are always bound.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects import sqlite

from lti_tool.store.database import filtering
from lti_tool.store.queries import caller, judge
from lti_tool.store.straight import Straight, said_by_driver

MOST_AT_ONCE = 1000
Row = tuple[Any, ...]
_BINARY: Mapping[type, str] = {
    String: "text",
    Text: "text",
    BigInteger: "int8",
    Integer: "int4",
    Boolean: "bool",
    LargeBinary: "bytea",
}


def insert_all(conn: Connection | Straight, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows given as the values of all columns, in the order of the table."""
    if not rows:
        return
    straight, names = Straight.of(conn), ", ".join(table.c.keys())
    if straight.dialect.name == "postgresql":
        types = [_BINARY[type(column.type)] for column in table.c]
        copy = f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)"
        _timed(straight, lambda cursor, named: _copy(cursor, f"{named} {copy}", types, rows))
    else:
        marks = ", ".join("?" * len(table.c))
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608  (names are ours)
        _timed(straight, lambda cursor, named: cursor.executemany(f"{named} {sql}", rows))


def _copy(cursor: Any, copy: str, types: Sequence[str], rows: Sequence[Row]) -> None:
    # Ten to twenty times as quick as INSERTs, even where psycopg sends those in a pipeline.
    with cursor.copy(copy) as stream:
        stream.set_types(types)
        for row in rows:
            stream.write_row(row)


def found(
    conn: Connection | Straight,
    columns: Sequence[Column[Any]],
    within: tuple[Column[Any], str],
    column: Column[Any],
    values: Sequence[str],
) -> list[Row]:
    """Return these columns of the rows in which a column has one of these values.

    `within` is the column, and its value, that says whose rows they are.
    """
    straight, (owner, mine) = Straight.of(conn), within
    names, table = ", ".join(c.name for c in columns), column.table.name
    if straight.dialect.name == "sqlite":
        whose = f"{_looked_at(owner, column)} = ?"
    else:
        whose = f"{owner.name} = %s"  # PostgreSQL knows how much its tables hold
    select = f"SELECT {names} FROM {table} WHERE {whose} AND {column.name}"  # noqa: S608
    rows: list[Row] = []
    for start in range(0, len(values), MOST_AT_ONCE):
        some = values[start : start + MOST_AT_ONCE]
        bound: Row
        if straight.dialect.name == "postgresql":
            condition, bound = "= ANY(%s)", (mine, list(some))
        else:
            condition, bound = f"IN ({', '.join('?' * len(some))})", (mine, *some)

        def ask(cursor: Any, named: str, sql: str = condition, given: Row = bound) -> None:
            cursor.execute(f"{named} {select} {sql}", given)
            rows.extend(cursor.fetchall())

        _timed(straight, ask)
    return rows


@cache
def _looked_at(owner: Column[Any], column: Column[Any]) -> str:
    """Return the owner for SQLite: as a mere condition, where no index goes on with the column."""
    said = owner if _together(owner, column) else filtering(owner)
    return str(said.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


def _together(owner: Column[Any], column: Column[Any]) -> bool:
    """Return whether an index begins with these two."""
    table = column.table
    assert isinstance(table, Table)
    keys = [c for c in table.constraints if isinstance(c, PrimaryKeyConstraint | UniqueConstraint)]
    begins = [tuple(c.name for c in list(some.columns)[:2]) for some in (*keys, *table.indexes)]
    return (owner.name, column.name) in begins


def _timed(straight: Straight, do: Callable[[Any, str], object]) -> None:
    """Run something under the name of the function that asks for it (see `queries`)."""
    cursor, name, began = straight.cursor(), caller(), time.perf_counter()
    try:
        do(cursor, f"/* {name} */")
    except straight.dialect.loaded_dbapi.Error as error:
        raise said_by_driver(straight.dialect, name, error) from error
    finally:
        cursor.close()
    judge(straight.dialect, name, time.perf_counter() - began)
