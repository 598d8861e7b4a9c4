"""Copying a database while it is in use, and bringing a copy back into an empty one.

SQLite has its own online backup; for PostgreSQL its own programs are run (pg_dump, pg_restore), the
password goes by environment. A copy is readable by its owner only. What has to happen to a database
that comes from yesterday is in `lti_tool.restoring`.
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import URL

from lti_tool.errors import DatabaseError, RoadmapError
from lti_tool.store.database import Database, explained


class BackupFailed(RoadmapError):
    """No copy was made, or it cannot be used; nothing of the database was changed."""


def backup(database: Database, target: Path) -> None:
    """Write a consistent copy to a new file. Reads the database; it stays in use.

    :raises BackupFailed: the file is there already, cannot be written, or the copy is not sound.
    """
    _reserve(target)
    try:
        if database.sqlite:
            _copy(_file(database.url), target)
        else:
            _run("pg_dump", database.url, "--format=custom", f"--file={target}")
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def restore(database: Database, source: Path) -> None:
    """Bring a copy into an empty database. Writes.

    :raises BackupFailed: the copy cannot be read, or the database is not empty.
    """
    if not source.is_file():
        raise BackupFailed(f"There is no file {source}.", remedy="Name the file of the backup.")
    if database.sqlite:
        _copy(source, _file(database.url))
        return
    _require_empty(database)
    options = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
    _run("pg_restore", database.url, *options, str(source))


def in_use(database: Database) -> bool:
    """Return whether another process of ours is connected; on SQLite nobody can tell."""
    if database.sqlite:
        return False
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND application_name = 'roadmap' AND pid <> pg_backend_pid()"
    )
    with explained(), database.engine.connect() as conn:
        return bool(conn.execute(text(others)).scalar_one())


def _file(url: URL) -> Path:
    if not url.database or url.database == ":memory:":
        raise BackupFailed("A database in memory cannot be backed up.", remedy="Use a file.")
    return Path(url.database)


def _reserve(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise BackupFailed(f"{target} is there already.", remedy="Name a new file.") from None
    except OSError as error:
        raise BackupFailed(
            f"{target} cannot be written ({error.strerror}).", remedy="Check folder, rights, space."
        ) from None


def _copy(source: Path, target: Path) -> None:
    """Copy page by page, with what other processes write meanwhile, and check the copy."""
    if not source.is_file():
        raise DatabaseError(f"There is no database file {source}.", remedy="Check database.url.")
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
            # One file without companions: it can be copied and moved like any other.
            new.execute("PRAGMA journal_mode = DELETE")
            sound = new.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise BackupFailed(
            f"The copy failed ({error}).", remedy="Is it a SQLite database, and is there space?"
        ) from None
    if sound != "ok":
        raise BackupFailed("The copy is damaged.", remedy="Check the disk; keep older backups.")


def _require_empty(database: Database) -> None:
    with explained():
        tables = inspect(database.engine).get_table_names()
    if tables:
        raise BackupFailed(
            f"The database {database.url.database} is not empty ({len(tables)} tables).",
            remedy="Make a new one (createdb) and let database.url name it.",
        )


def _run(program: str, url: URL, *arguments: str) -> None:
    names = {"host": "PGHOST", "username": "PGUSER", "password": "PGPASSWORD"}
    given = {env: value for name, env in names.items() if (value := getattr(url, name))}
    given |= {"PGPORT": str(url.port)} if url.port else {}
    given |= {k: str(v) for k, v in (("PGDATABASE", url.database),) if v}
    into = [f"--dbname={url.database}"] if program == "pg_restore" else []
    done = subprocess.run(
        [_program(program), "--no-password", *into, *arguments],
        env=dict(os.environ) | given,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        # Its messages name tables and versions, never a value: nothing was parsed by then.
        said = next(iter(done.stderr.strip().splitlines()), "")[:300]
        raise BackupFailed(f"{program} failed: {said}", remedy="Is its version the server's?")


def _program(name: str) -> str:
    newest = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = shutil.which(name) or (str(newest[0]) if newest else None)
    if found is None:
        raise BackupFailed(f"{name} is not installed.", remedy="apt-get install postgresql-client")
    return found
