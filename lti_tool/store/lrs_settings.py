"""Changing how a connection is read. What it passed over so far is then read from the beginning.

A puller that is at work is fenced off: what it holds in hand belongs to how it was before.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update

from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.xapi import WAITING, lrs, lrs_cursor, lrs_round, statement
from xapi_bridge.scope import Scope

PASSED_OVER = ("foreign", "outside")
NO_WALK = {"more": None, "part": 0, "run_since": None, "run_max": None, "run_max_us": None}


def change(conn: Connection, connection: LrsConnection, wanted: Mapping[str, Any]) -> bool:
    """Keep new settings; return whether everything is read again because of them. Writes."""
    conn.execute(update(lrs).where(lrs.c.id == connection.id).values(settings=dict(wanted)))
    _stop_walks(conn, connection)
    if not _reads_more(connection.settings, wanted):
        return False
    read_again(conn, connection)
    return True


def read_again(conn: Connection, connection: LrsConnection) -> None:
    """Begin at the first statement; what was passed over is counted anew. Writes."""
    _stop_walks(conn, connection)
    passed = statement.c.state.in_(PASSED_OVER)
    conn.execute(delete(statement).where(statement.c.lrs_id == connection.id, WAITING, passed))
    counts = dict(conn.execute(select(lrs.c.counts).where(lrs.c.id == connection.id)).scalar_one())
    over = sum(counts.get(name, 0) for name in PASSED_OVER)
    counts |= dict.fromkeys(PASSED_OVER, 0)
    counts["received"] = counts.get("received", 0) - over
    conn.execute(update(lrs).where(lrs.c.id == connection.id).values(counts=counts))
    begin = {"hwm": None, "hwm_us": None, "forgotten_us": None}
    conn.execute(update(lrs_cursor).where(lrs_cursor.c.lrs_id == connection.id).values(**begin))


def _stop_walks(conn: Connection, connection: LrsConnection) -> None:
    fenced = {"lease_token": lrs_cursor.c.lease_token + 1, "lease_until_us": 0}
    mine = lrs_cursor.c.lrs_id == connection.id
    conn.execute(update(lrs_cursor).where(mine).values(**NO_WALK, **fenced))
    nowhere = {"more": None, "part": 0, "run_max_us": None}
    conn.execute(update(lrs_round).where(lrs_round.c.lrs_id == connection.id).values(**nowhere))


def _reads_more(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether something that was passed over may be wanted now."""
    homes = dict(wanted.get("home_pages", {})).items() - dict(before.get("home_pages", {})).items()
    if homes or (before.get("strict") and not wanted.get("strict")):
        return True
    old, new = Scope.of(before), Scope.of(wanted)
    if old is None or new is None:
        return old is not None
    return _widened(old.courses, new.courses) or _widened(old.verbs, new.verbs)


def _widened(old: frozenset[str], new: frozenset[str]) -> bool:
    return bool(old) and not (new and new <= old)
