"""What the embedded LRS keeps of a checked statement: its bytes, and by what it can be found.

The bytes stay as they were sent; only what an LRS has to set is added (id, timestamp, authority,
version; `stored` is stamped by the store). No I/O.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from lti_tool.store.database import us
from lti_tool.store.xapi_statements import Incoming
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.instants import text_of
from xapi_bridge.slices import fields, joined
from xapi_bridge.statement import Statement, actor_key, canonical, is_iri


def incoming(
    read: Statement, statement_id: str, authority: Mapping[str, Any], now: datetime
) -> Incoming:
    """Return what the store keeps of a checked statement, and by what it is found."""
    document = {**read.document, "id": statement_id}
    near, around = _agents(document), _agents_around(document)
    return Incoming(
        id=statement_id,
        verb=read.verb,
        registration=str(read.context.get("registration", "")).lower(),
        target_id=read.object_id if read.object_kind == "StatementRef" else "",
        digest=hashlib.sha256(canonical(document)).hexdigest(),
        agents=near,
        agents_around=around | _identifiers(authority),
        activities=frozenset({read.object_id} if read.is_activity else ()),
        activities_around=_activities_around(document),
        body=_verbatim(read, statement_id, authority, now),
    )


def _verbatim(
    read: Statement, statement_id: str, authority: Mapping[str, Any], now: datetime
) -> bytes:
    """Return the bytes as sent, with what the LRS has to set: id, timestamp, authority, version."""
    kept = {k: v for k, v in fields(read.raw).items() if k not in ("stored", "authority")}
    added = {
        "id": statement_id,
        "timestamp": text_of(us(now)),
        "version": "1.0.0",
        "authority": authority,
    }
    return joined({**{k: orjson.dumps(v) for k, v in added.items()}, **kept})


def _agents(document: Mapping[str, Any]) -> frozenset[str]:
    found = _identifiers(document["actor"])
    if document["object"].get("objectType") in ("Agent", "Group"):
        found |= _identifiers(document["object"])
    return found


def _agents_around(document: Mapping[str, Any]) -> frozenset[str]:
    context = _object(document, "context")
    named = [context[key] for key in ("instructor", "team") if key in context]
    named += [entry.get("agent") for entry in _objects(context.get("contextAgents"))]
    named += [entry.get("group") for entry in _objects(context.get("contextGroups"))]
    found = frozenset[str]().union(*(_identifiers(agent) for agent in named))
    if document["object"].get("objectType") == "SubStatement":
        found |= _agents(document["object"]) | _agents_around(document["object"])
    return found


def _identifiers(agent: Any) -> frozenset[str]:
    """Return the identifier of an agent or group, and those of a group's members."""
    if not isinstance(agent, dict):
        return frozenset()
    try:
        keys = [actor_key(one) for one in (agent, *_objects(agent.get("member")))]
    except MalformedStatement:
        return frozenset()
    return frozenset(key.text for key in keys if key)


def _activities_around(document: Mapping[str, Any]) -> frozenset[str]:
    around = _object(_object(document, "context"), "contextActivities")
    lists = ([one] if isinstance(one, dict) else _objects(one) for one in around.values())
    named = (activity.get("id") for listed in lists for activity in listed)
    found = frozenset(str(iri) for iri in named if is_iri(iri))
    inner = document["object"]
    if inner.get("objectType") == "SubStatement":
        found |= _activities_around(inner)
        if inner["object"].get("objectType", "Activity") == "Activity":
            found |= {inner["object"]["id"]}
    return found


# What a SubStatement has around it, and what xAPI 2.0 added, the checks of the bridge do not cover:
# whatever is there by these names is kept, but only what has the right shape can be found.


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, dict) else {}


def _objects(listed: Any) -> list[Mapping[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
