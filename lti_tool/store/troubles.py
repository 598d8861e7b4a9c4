"""What a database driver reports -> what happened and what to do, in our words.

SQLite is read by its result code, PostgreSQL by SQLSTATE. Only a connection that was never made has
no SQLSTATE: there the server's sentence decides, which may be in German. None of our words quote
the driver: it may quote what was being written, or a URL with a password.
"""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lti_tool.errors import DatabaseError

ADMIN = "Ask whoever runs the database server."


class Trouble(NamedTuple):
    message: str
    remedy: str

    def error(self) -> DatabaseError:
        return DatabaseError(self.message, remedy=self.remedy)


LOCKED = Trouble(
    "The database is locked by another process.",
    "Is a backup or another service using the file? It will be retried.",
)
FULL = Trouble("The disk is full.", "Free some space; nothing was lost.")
DISK = Trouble(
    "The disk of the database cannot be written or read.",
    "Is it full, over a quota, or broken? Nothing that was confirmed is lost.",
)
NOT_WRITABLE = Trouble(
    "The database file cannot be written.",
    "The service's user needs to write the file and its folder.",
)
CANNOT_OPEN = Trouble(
    "The database file cannot be opened.",
    "Check database.url, and that the service's user may use the folder.",
)
CORRUPT = Trouble(
    "The database file is damaged or is no SQLite database.",
    "Stop the service and restore a backup; keep the damaged file for a look at it.",
)
NOT_SET_UP = Trouble("The database is not set up.", "Run `roadmap db upgrade`.")
UNREACHABLE = Trouble(
    "The database server cannot be reached.",
    "Is PostgreSQL running, and are host and port in database.url right? " + ADMIN,
)
REFUSED = Trouble(
    "The database server refused our password or user.",
    "Check user and password in database.url. " + ADMIN,
)
NO_DATABASE = Trouble(
    "There is no such database on the server.",
    "Check the name in database.url, or create it: `createdb --owner=USER NAME`. " + ADMIN,
)
NO_RIGHTS = Trouble(
    "The database user has no right to do this.",
    "The user in database.url has to own the database and its tables. " + ADMIN,
)
READ_ONLY = Trouble(
    "The database server takes no writes now (a standby, or set to read only).",
    "database.url has to name the primary server. " + ADMIN,
)
RESTARTING = Trouble("The database server is starting or stopping.", "It will be retried.")
BROKE = Trouble("The connection to the database broke.", "It will be retried.")
CROWDED = Trouble(
    "The database server has no free connection for us.",
    "Raise max_connections there, or lower database.pool_size here. " + ADMIN,
)
POOL = Trouble(
    "All our connections to the database are busy.",
    "If this lasts, raise database.pool_size; slow queries are named in the log.",
)
COLLISION = Trouble(
    "Two changes of the same data met; this one was taken back.", "It will be retried."
)
TOO_LONG = Trouble(
    "A statement took too long and was ended; nothing of it was written.",
    "The log names slow queries; see database.statement_timeout_s.",
)
NO_MEMORY = Trouble("The database has no memory left.", ADMIN)
UNUSABLE = Trouble(
    "The database cannot be used now.", "`roadmap check` says more, or its own log. " + ADMIN
)

_SQLITE = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: DISK,
    sqlite3.SQLITE_READONLY: NOT_WRITABLE,
    sqlite3.SQLITE_PERM: NOT_WRITABLE,
    sqlite3.SQLITE_CANTOPEN: CANNOT_OPEN,
    sqlite3.SQLITE_AUTH: CANNOT_OPEN,
    sqlite3.SQLITE_CORRUPT: CORRUPT,
    sqlite3.SQLITE_NOTADB: CORRUPT,
    sqlite3.SQLITE_NOMEM: NO_MEMORY,
}

# Two-character keys are classes of SQLSTATE; the longer key wins.
_SQLSTATE = {
    "08": BROKE,
    "25006": READ_ONLY,
    "28": REFUSED,
    "3D": NO_DATABASE,
    "40": COLLISION,
    "42501": NO_RIGHTS,
    "42P01": NOT_SET_UP,
    "42703": NOT_SET_UP,
    "3F": NOT_SET_UP,
    "53100": FULL,
    "53200": NO_MEMORY,
    "53300": CROWDED,
    "53": UNUSABLE,
    "55P03": LOCKED,
    "55": COLLISION,
    "57014": TOO_LONG,
    "57": RESTARTING,
    "58": DISK,
    "XX": UNUSABLE,
}

# Said by libpq or the server while connecting, in English or German.
_CONNECTING: tuple[tuple[str, Trouble], ...] = (
    ("starting up", RESTARTING),
    ("shutting down", RESTARTING),
    ("startet gerade", RESTARTING),
    ("fährt herunter", RESTARTING),
    ("too many clients", CROWDED),
    ("too many connections", CROWDED),
    ("zu viele verbindungen", CROWDED),
    ("remaining connection slots", CROWDED),
    ("password", REFUSED),
    ("passwort", REFUSED),
    ("authenti", REFUSED),
    ("pg_hba.conf", REFUSED),
    ('role "', REFUSED),
    ("rolle »", REFUSED),
    ('database "', NO_DATABASE),
    ("datenbank »", NO_DATABASE),
)


def explain(error: DBAPIError | PoolTimeout) -> DatabaseError | None:
    """Return the operator's words for what a driver reports, or None for a fault of ours."""
    found = POOL if isinstance(error, PoolTimeout) else _trouble(error)
    return None if found is None else found.error()


def _trouble(error: DBAPIError) -> Trouble | None:
    if isinstance(error, IntegrityError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _of_sqlite(error.orig)
    if code := getattr(error.orig, "sqlstate", None):
        return _SQLSTATE.get(code) or _SQLSTATE.get(code[:2])
    if error.connection_invalidated:
        return BROKE
    if type(error.orig).__name__ == "OperationalError":
        return _while_connecting(str(error.orig).lower())
    return None


def _of_sqlite(error: sqlite3.Error) -> Trouble | None:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_ERROR and "no such" in str(error):
        return NOT_SET_UP  # a table or column of another version
    return None if code is None else _SQLITE.get(code & 0xFF)


def _while_connecting(said: str) -> Trouble:
    return next(_matching(said), UNREACHABLE)


def _matching(said: str) -> Iterator[Trouble]:
    return (trouble for sign, trouble in _CONNECTING if sign in said)
