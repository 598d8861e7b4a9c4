"""What is known of an activity: the definitions statements gave it, merged, the newest on top.

Language maps and extensions grow entry by entry; anything else is as it came last. Source: xAPI
1.0.3 communication 2.5 ("all available information"), data 2.4.4.1.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from lti_tool.store import bulk
from lti_tool.store.database import insert_into
from lti_tool.store.schema.embedded import xapi_activity
from lti_tool.store.xapi_links import digest, digest_of_thing

Json = Any
_GROWING = ("name", "description", "extensions")
_COLUMNS = ("said", "definition", "updated_us")


def learn(conn: Connection, tenant_id: str, said: Iterable[tuple[str, Json]], now_us: int) -> None:
    """Remember definitions (activity, definition) in the order they came. Writes."""
    newest: dict[str, dict[bytes, Json]] = {}
    for iri, definition in said:
        newest.setdefault(iri, {})[orjson.dumps(definition)] = definition
    by_digest = {digest_of_thing(iri): definitions for iri, definitions in newest.items()}
    known = {row[0]: row[1:] for row in _rows(conn, tenant_id, list(by_digest))}
    rows = []
    for activity, definitions in by_digest.items():
        mark = digest(next(reversed(definitions)).decode())
        said_last, before = known.get(activity, ("", b"{}"))
        if said_last == mark and len(definitions) == 1:
            continue  # said again, word for word: nearly always so
        merged: Json = orjson.loads(before)
        for definition in definitions.values():
            merged = _merged(merged, definition)
        rows.append(
            {
                "tenant_id": tenant_id,
                "activity": activity,
                "said": mark,
                "definition": orjson.dumps(merged),
                "updated_us": now_us,
            }
        )
    if rows:
        insert = insert_into(conn.dialect.name, xapi_activity)
        change = {name: insert.excluded[name] for name in _COLUMNS}
        keys = ["tenant_id", "activity"]
        conn.execute(insert.on_conflict_do_update(index_elements=keys, set_=change), rows)


def known(conn: Connection, tenant_id: str, iris: Iterable[str]) -> Mapping[str, Json]:
    """Return the definitions of those activities that have one."""
    by_digest = {digest_of_thing(iri): iri for iri in iris}
    rows = _rows(conn, tenant_id, list(by_digest))
    return {by_digest[activity]: orjson.loads(definition) for activity, _, definition in rows}


def _rows(conn: Connection, tenant_id: str, activities: Sequence[str]) -> list[bulk.Row]:
    c = xapi_activity.c
    columns = (c.activity, c.said, c.definition)
    return bulk.found(conn, columns, (c.tenant_id, tenant_id), c.activity, activities)


def _merged(before: Json, now: Json) -> Json:
    grown = {
        name: {**before[name], **now[name]} for name in _GROWING if name in before and name in now
    }
    return {**before, **now, **grown}
