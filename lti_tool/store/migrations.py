"""Bringing a database to the version of this program, and saying which version it is."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from lti_tool.errors import DatabaseError
from lti_tool.store.database import Database, explained

ROOT = Path(__file__).resolve().parents[2]


def upgrade(database: Database, revision: str = "head") -> None:
    """Run the missing migrations. Writes and commits, all or nothing."""
    database.make()
    _refuse_newer(current(database))
    _run(database, lambda config: command.upgrade(config, revision))


def downgrade(database: Database, revision: str) -> None:
    _run(database, lambda config: command.downgrade(config, revision))


def current(database: Database) -> str:
    """Return the revision of the database, or "" if it is not set up."""
    if not database.exists():
        return ""
    with database.read() as conn:
        return MigrationContext.configure(conn).get_current_revision() or ""


@cache
def head() -> str:
    """Return the revision this program needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def require_head(database: Database) -> None:
    """Check that the database fits this program.

    :raises DatabaseError: it is not set up, too old, or from a newer program.
    """
    here = current(database)
    if here == head():
        return
    _refuse_newer(here)
    raise DatabaseError(
        f"The database is {'at ' + here if here else 'not set up'}, this program needs {head()}.",
        remedy="Run `roadmap db upgrade`.",
    )


def _refuse_newer(here: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if here and here not in known:
        raise DatabaseError(
            f"The database ({here}) is newer than this program ({head()}).",
            remedy="Install the program version that belongs to it, or restore a backup.",
        )


def _run(database: Database, action) -> None:  # type: ignore[no-untyped-def]
    config = _config()
    with explained(), database.engine.connect() as conn:
        if database.sqlite:
            # Batch migrations copy tables; enforcing foreign keys meanwhile would empty children.
            conn.exec_driver_sql("PRAGMA foreign_keys = OFF")
        else:
            _without_hurry(conn)
        try:
            _one_at_a_time(conn, database)
            config.attributes["connection"] = conn
            action(config)
            conn.commit()
        finally:
            conn.rollback()
            if database.sqlite:
                conn.exec_driver_sql("PRAGMA foreign_keys = ON")


def _without_hurry(conn: Connection) -> None:
    """Let an index over millions of rows take its time, and wait for whoever else upgrades."""
    for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
        conn.exec_driver_sql(f"SET LOCAL {name} = 0")


def _one_at_a_time(conn: Connection, database: Database) -> None:
    """Let a second process that upgrades at the same moment wait; all or nothing is written."""
    if database.sqlite:
        conn.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        conn.exec_driver_sql("SELECT pg_advisory_xact_lock(7236001)")


def _config() -> Config:
    return Config(ROOT / "config" / "alembic.ini")
