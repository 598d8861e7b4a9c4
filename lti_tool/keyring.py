"""The tool's own signing keys over time: prepared, used, retired, removed; every change is audited.

What happens when is `store.keys`. The worker turns the ring every few minutes, so nobody has to
think of it; `roadmap keys rotate` only begins a change earlier.
"""

from datetime import datetime, timedelta

from lti_tool.bootstrap import House
from lti_tool.store import keys
from lti_tool.store.audit import SqlAudit

Changes = list[tuple[str, str]]  # key id, and what became of it


def rotate(house: House, by: str, now: datetime) -> Changes:
    """Publish the next key, unless one is waiting already. Writes, commits, is audited."""
    with house.database.begin() as conn:
        changes = keys.prepare(conn, house.seal, now)
        _note(SqlAudit(conn), by, changes, now)
    return changes


def replace(house: House, by: str, now: datetime) -> Changes:
    """Drop every key at once and sign with a new one. Writes, commits, is audited."""
    with house.database.begin() as conn:
        changes = keys.replace_at_once(conn, house.seal, now)
        _note(SqlAudit(conn), by, changes, now)
    return changes


def turn(house: House, now: datetime) -> Changes:
    """Do what is due: activate, remove, and begin a change when the key is old. Writes."""
    with house.database.begin() as conn:
        changes = keys.advance(conn, now)
        if _is_old(house, keys.states(conn), now):
            changes += keys.prepare(conn, house.seal, now)
        _note(SqlAudit(conn), "worker", changes, now)
    return changes


def _is_old(house: House, found: list[keys.KeyState], now: datetime) -> bool:
    days = house.settings.security.tool_key_days
    signing = [key for key in found if key.state == "active"]
    return bool(days and signing) and now - signing[0].created > timedelta(days=days)


def _note(audit: SqlAudit, by: str, changes: Changes, now: datetime) -> None:
    for kid, what in changes:
        audit.note(by, f"key.{what}", {"kid": kid}, now)
