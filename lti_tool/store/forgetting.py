"""What LRS traffic holds of a person beside the rows that carry their id, and how it is deleted.

Parked statements are known by a keyed hash of the actor only, and the embedded LRS holds what it
was sent verbatim. Statements in foreign stores can only be voided or deleted by their operator.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, select

from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store import xapi_persons
from lti_tool.store.database import filtering
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.lti import platform
from lti_tool.store.schema.xapi import statement
from xapi_bridge.identity import Alias, Bindings, actors, normal
from xapi_bridge.parts import ActorKey


def forget(conn: Connection, seal: Seal, learner_id: str) -> Mapping[str, int]:
    """Delete what no `learner_id` leads to; return how many rows. Writes; the caller commits.

    Call it before the identities of the learner are deleted: they say what to look for.
    """
    tenant_id, names = _names(conn, seal, learner_id)
    if not names:
        return dict.fromkeys(("parked", *xapi_persons.TABLES), 0)
    parked = 0
    for connection in connections.listed(conn, tenant_id=tenant_id):
        keys = _keys(names, connections.bindings(conn, connection))
        hashes = [seal.digest("actor", normal(key).text) for key in keys]
        mine = filtering(statement.c.lrs_id) == connection.id
        theirs = statement.c.actor_key.in_(hashes)
        parked += conn.execute(delete(statement).where(mine, theirs)).rowcount
    embedded = xapi_persons.forget(conn, tenant_id, _identifiers(conn, tenant_id, names))
    return {"parked": parked, **embedded}


def embedded_counts(conn: Connection, seal: Seal, learner_id: str) -> Mapping[str, int]:
    """Return how many rows the embedded LRS holds of this person, by table."""
    tenant_id, names = _names(conn, seal, learner_id)
    return xapi_persons.counts(conn, tenant_id, _identifiers(conn, tenant_id, names))


def embedded_rows(
    conn: Connection, seal: Seal, learner_id: str
) -> Mapping[str, list[Mapping[str, Any]]]:
    """Return what the embedded LRS holds of this person, by table."""
    tenant_id, names = _names(conn, seal, learner_id)
    return xapi_persons.rows(conn, tenant_id, _identifiers(conn, tenant_id, names))


def _names(conn: Connection, seal: Seal, learner_id: str) -> tuple[str, list[Alias]]:
    rows = conn.execute(select(identity).where(identity.c.learner_id == learner_id)).all()
    names = [Alias(r.platform_id, r.kind, seal.open(r.sealed)) for r in rows]
    return (rows[0].tenant_id if rows else ""), names


def _identifiers(conn: Connection, tenant_id: str, names: list[Alias]) -> list[str]:
    return sorted(key.text for key in _keys(names, _platforms(conn, tenant_id)))


def _keys(names: list[Alias], bindings: Bindings) -> set[ActorKey]:
    found = {key for name in names for key in actors(name, bindings)}
    slashed = {ActorKey(k.kind, k.value, f"{k.home}/") for k in found if k.kind == "account"}
    return found | slashed


def _platforms(conn: Connection, tenant_id: str) -> Bindings:
    mine = platform.c.tenant_id == tenant_id
    columns = (platform.c.id, platform.c.issuer, platform.c.aliases)
    rows = conn.execute(select(*columns).where(mine)).all()
    aliases = {alias: r.id for r in rows for alias in r.aliases or ()}
    return Bindings.of({r.id: r.issuer for r in rows}, aliases)
