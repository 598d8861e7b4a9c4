"""What the platform remembers, in one SQLite file: DATA/lms.sqlite.

Every change is one transaction. A completion and the xAPI message about it are written together,
so that neither exists without the other. Times are whole unix seconds unless a name says more.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SCHEMA = """
create table if not exists rsa_key(
  kid text primary key, pem text not null, created integer not null, retired integer);
create table if not exists preference(person integer primary key, locale text not null);
create table if not exists hint(
  launch text primary key, person integer not null, cm integer not null,
  target text not null, made integer not null);
create table if not exists jti(jti text primary key, expires integer not null);
create table if not exists token(
  digest text primary key, scopes text not null, expires integer not null);
create table if not exists lineitem(
  id integer primary key autoincrement, course integer not null, label text not null,
  maximum real not null, resource text not null, tag text not null, link integer);
create table if not exists grade(
  lineitem integer not null, person integer not null, score real not null,
  comment text, graded integer not null, primary key(lineitem, person));
create table if not exists plan(
  id integer primary key autoincrement, person integer not null, name text not null,
  description text not null, format integer not null, status integer not null,
  due integer not null, made integer not null, changed integer not null);
create table if not exists removal(
  id integer primary key autoincrement, person integer not null, what text not null,
  title text not null, at integer not null);
create table if not exists completion(
  person integer not null, cm integer not null, done integer not null,
  primary key(person, cm));
create table if not exists attempt(
  id integer primary key autoincrement, person integer not null, cm integer not null,
  raw real not null, made integer not null);
create table if not exists queue(
  id integer primary key autoincrement, statement text not null, refused text);
"""


class Store:
    """Opens the file for each transaction; safe to share between threads."""

    def __init__(self, data: Path) -> None:
        self._path = data / "lms.sqlite"
        with self._open() as conn:
            conn.execute("pragma journal_mode = wal")
            conn.executescript(SCHEMA)
        self._path.chmod(0o600)

    @contextmanager
    def begin(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one write transaction; commits, or rolls back on error."""
        with self._open() as conn:
            conn.execute("begin immediate")
            try:
                yield conn
            except BaseException:
                conn.rollback()
                raise
            conn.commit()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for reading."""
        with self._open() as conn:
            yield conn

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        conn = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        conn.row_factory = sqlite3.Row
        try:
            yield conn
        finally:
            conn.close()


def note_removal(conn: sqlite3.Connection, person: int, what: str, title: str, at: int) -> None:
    """Remember that the tool took a plan or a grade back, for the page that shows it."""
    conn.execute(
        "insert into removal(person, what, title, at) values (?, ?, ?, ?)",
        (person, what, title, at),
    )
