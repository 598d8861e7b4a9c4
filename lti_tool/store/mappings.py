"""What each LMS activity stands for, and which activities nobody has mapped yet.

The texts are those of `xapi_bridge.aims`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select

from lti_tool.store import lrs as connections
from lti_tool.store.conclusions import UNMAPPED, UNTRUSTED, Meaning, trusting
from lti_tool.store.database import upsert, us
from lti_tool.store.schema.xapi import FLAGGED, activity_map, statement, unmapped
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.mapping import Table, Trust
from xapi_bridge.statement import Statement, parse
from xapi_bridge.trial import Rules, Trial, tried

NOBODY = Trust(authorities=frozenset({"nobody"}))
LOOKED_AT = 400  # messages in which names of activities are looked for


@dataclass(frozen=True, slots=True)
class SqlMappings:
    """Implements ports.Mappings."""

    conn: Connection

    def all(self, tenant_id: str) -> dict[str, str]:
        return of_tenant(self.conn, tenant_id)

    def put(self, tenant_id: str, mapping: Mapping[str, str], now: datetime) -> None:
        add(self.conn, tenant_id, mapping, now)

    def remove(self, tenant_id: str, activities: frozenset[str]) -> None:
        self.conn.execute(
            delete(activity_map).where(
                activity_map.c.tenant_id == tenant_id, activity_map.c.activity.in_(activities)
            )
        )

    def unmapped(self, tenant_id: str) -> dict[str, int]:
        found: Counter[str] = Counter()
        for row in still_unmapped(self.conn, tenant_id):
            found[row["activity"]] += row["count"]
        return dict(found.most_common())


def add(conn: Connection, tenant_id: str, mapping: Mapping[str, str], now: datetime) -> None:
    """Add or change mappings. Writes."""
    for activity, unit in mapping.items():
        row = {
            "tenant_id": tenant_id,
            "activity": activity,
            "unit": unit,
            "created_us": us(now),
        }
        upsert(conn, activity_map, row, "tenant_id", "activity")


def of_tenant(conn: Connection, tenant_id: str) -> dict[str, str]:
    mine = activity_map.c.tenant_id == tenant_id
    rows = conn.execute(select(activity_map).where(mine).order_by(activity_map.c.activity))
    return {r.activity: r.unit for r in rows}


def still_unmapped(conn: Connection, tenant_id: str) -> list[dict[str, Any]]:
    """Return the activities that were completed but mean nothing to us yet, most frequent first.

    What was mapped since is not among them, even before the next pull reads it again.
    """
    mapped = select(activity_map.c.activity).where(activity_map.c.tenant_id == tenant_id)
    rows = conn.execute(
        select(unmapped)
        .where(unmapped.c.tenant_id == tenant_id, unmapped.c.activity.not_in(mapped))
        .order_by(unmapped.c.count.desc(), unmapped.c.activity)
    )
    return [{"activity": r.activity, "verb": r.verb, "count": r.count} for r in rows]


def rehearse(
    conn: Connection,
    meaning: Meaning,
    tenant_id: str,
    most: int,
    *,
    change: Mapping[str, str] | None = None,
    tables: tuple[Table, ...] | None = None,
) -> Trial:
    """Return what the newest `most` statements would come to. Reads only.

    `change` are mappings to add or change (an empty text takes one away), `tables` other rules.
    """
    activities = of_tenant(conn, tenant_id)
    now = then = Rules(meaning.tables, activities, meaning.lifts)
    if change or tables:
        mapped = {a: aim for a, aim in (activities | dict(change or {})).items() if aim}
        then = Rules(tables or meaning.tables, mapped, meaning.lifts)
    return tried(_newest(conn, tenant_id, most), now, then)


def _newest(conn: Connection, tenant_id: str, most: int) -> Iterator[tuple[Statement, Trust]]:
    """Return the newest statements whose text is still there, with whom to trust; at most `most`.

    Their actors are pseudonyms: persons were taken out when they came.
    """
    trusts = {c.id: trusting(c.trust) for c in connections.listed(conn, tenant_id=tenant_id)}
    rows = conn.execute(
        select(statement.c.raw, statement.c.lrs_id, statement.c.flags)
        .where(statement.c.tenant_id == tenant_id, statement.c.raw.is_not(None))
        .order_by(statement.c.received_us.desc())
        .limit(most)
    )
    for row in rows:
        try:
            found = parse(row.raw)
        except MalformedStatement:
            continue
        yield found, NOBODY if UNTRUSTED in row.flags else trusts.get(row.lrs_id, NOBODY)


def names(conn: Connection, tenant_id: str) -> dict[str, str]:
    """Return what the LMS calls the activities that newly came unmapped, by address."""
    rows = conn.execute(
        select(statement.c.raw)
        .where(
            FLAGGED,
            statement.c.tenant_id == tenant_id,
            statement.c.flags.contains(UNMAPPED),
            statement.c.raw.is_not(None),
        )
        .order_by(statement.c.received_us.desc())
        .limit(LOOKED_AT)
    )
    found: dict[str, str] = {}
    for raw in rows.scalars():
        document = parse(raw).document
        parents = ((document.get("context") or {}).get("contextActivities") or {}).get("parent")
        for thing in (document["object"], *(parents if isinstance(parents, list) else ())):
            if name := _called(thing):
                found.setdefault(thing["id"], name)
    return found


def _called(thing: Mapping[str, Any]) -> str:
    """Return the name of an activity, German before any other language."""
    called = (thing.get("definition") or {}).get("name") or {}
    if not isinstance(called, dict):
        return ""
    german = (text for language, text in called.items() if language.startswith("de"))
    return str(next(german, "") or next(iter(called.values()), ""))[:200]
