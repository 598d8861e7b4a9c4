"""Single statements that could not be used: why, their form, another try, and throwing away.

Their bytes are sealed: what could not be read could not be freed of names either. Only an outline
without persons and results ever leaves this file.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Row, delete, func, select

from lti_tool.errors import NotFound
from lti_tool.ports import Aside
from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store.arrivals import ID_CONFLICT, Arrivals
from lti_tool.store.conclusions import Meaning
from lti_tool.store.database import at, us
from lti_tool.store.schema.xapi import lrs, quarantine
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.outline import outline
from xapi_bridge.statement import Statement, parse

SHORTEST_NUMBER = 6
CONFLICT_STAYS = "another statement is stored under this id; the first one stays"


def listed(conn: Connection, tenant_id: str | None = None, limit: int = 200) -> list[Aside]:
    """Return what was set aside, the newest first; of one municipality, or of all."""
    query = select(quarantine, lrs.c.name).join(lrs, lrs.c.id == quarantine.c.lrs_id)
    if tenant_id is not None:
        query = query.where(quarantine.c.tenant_id == tenant_id)
    newest = query.order_by(quarantine.c.first_seen_us.desc(), quarantine.c.digest).limit(limit)
    return [_value(row) for row in conn.execute(newest)]


def count(conn: Connection, tenant_id: str) -> int:
    mine = quarantine.c.tenant_id == tenant_id
    return conn.execute(select(func.count()).select_from(quarantine).where(mine)).scalar_one()


def shown(conn: Connection, seal: Seal, aside: Aside) -> list[tuple[str, str]]:
    """Return the form of a statement, without persons and results; its size if it has none."""
    raw = _raw(conn, seal, aside)
    return outline(raw) or [("bytes", str(len(raw)))]


@dataclass(frozen=True, slots=True)
class SqlQuarantine:
    """Implements ports.Quarantine."""

    conn: Connection
    seal: Seal
    meaning: Meaning | None

    def find(self, number: str, tenant_id: str | None) -> Aside:
        query = select(quarantine, lrs.c.name).join(lrs, lrs.c.id == quarantine.c.lrs_id)
        if tenant_id is not None:
            query = query.where(quarantine.c.tenant_id == tenant_id)
        usable = len(number) >= SHORTEST_NUMBER and number.isalnum() and number.isascii()
        begins = quarantine.c.digest.startswith(number, autoescape=True)
        found = self.conn.execute(query.where(begins).limit(2)).all() if usable else []
        if len(found) != 1:
            raise NotFound(
                "There is no such statement in the quarantine, or several begin so.",
                remedy="See `roadmap lrs quarantine list`.",
            )
        return _value(found[0])

    def retry(self, aside: Aside, now: datetime) -> str:
        if aside.reason == ID_CONFLICT:
            return CONFLICT_STAYS
        try:
            found = parse(_raw(self.conn, self.seal, aside))
        except MalformedStatement as error:
            return str(error)
        self.drop(aside)
        self._take(aside, found, now)
        return ""

    def drop(self, aside: Aside) -> None:
        self.conn.execute(delete(quarantine).where(_mine(aside)))

    def _take(self, aside: Aside, found: Statement, now: datetime) -> None:
        assert self.meaning is not None, "this store was opened without the mapping tables"
        connection = connections.get(self.conn, self.seal, aside.lrs_id)
        arrivals = Arrivals(self.conn, self.seal, connection, self.meaning, us(now))
        # It was counted as received and quarantined when it came: each statement is counted once.
        arrivals.counts.update({"received": -1, "quarantined": -1})
        arrivals.take([found], None)


def _raw(conn: Connection, seal: Seal, aside: Aside) -> bytes:
    sealed = conn.execute(select(quarantine.c.raw).where(_mine(aside))).scalar_one()
    return seal.open(sealed).encode("latin-1")


def _mine(aside: Aside) -> ColumnElement[bool]:
    return (quarantine.c.lrs_id == aside.lrs_id) & (quarantine.c.digest == aside.number)


def _value(row: Row[tuple[object, ...]]) -> Aside:
    r = row._mapping
    return Aside(
        number=r["digest"],
        lrs_id=r["lrs_id"],
        lrs=r["name"],
        tenant_id=r["tenant_id"],
        reason=r["reason"],
        since=at(r["first_seen_us"]),
    )
