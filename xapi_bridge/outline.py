"""What may be shown of a statement that could not be used: its form, no person, no result.

Names of properties that xAPI knows, kinds of values, and the few values that say what happened in
the LMS and when. Everything else is its kind only: text, number, object, list. No I/O.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import orjson

from xapi_bridge.statement import MAX_STATEMENT_BYTES

#: Properties of a statement in the order in which they are shown.
PROPERTIES = (
    *("id", "version", "timestamp", "stored", "verb", "object", "actor", "result", "context"),
    *("authority", "attachments"),
)
#: Values that may be shown, and the properties that may be named below an object.
SHOWN = {"id", "version", "timestamp", "stored", "verb.id", "object.objectType", "object.id"}
BELOW = {
    "verb": ("id", "display"),
    "object": ("objectType", "id", "definition"),
    "actor": ("objectType", "account", "mbox", "mbox_sha1sum", "openid", "name", "member"),
}
LONGEST = 200
_KINDS = {dict: "object", list: "list", str: "text", bool: "true or false", type(None): "null"}


def outline(raw: bytes) -> list[tuple[str, str]] | None:
    """Return pairs of property and what may be shown of it; None where the bytes are no object."""
    if len(raw) > MAX_STATEMENT_BYTES:
        return None
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return list(_lines(document)) if isinstance(document, dict) else None


def _lines(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in PROPERTIES:
        if name not in document:
            continue
        value = document[name]
        yield name, _said(name, value)
        if isinstance(value, dict):
            for below in BELOW.get(name, ()):
                if below in value:
                    place = f"{name}.{below}"
                    yield place, _said(place, value[below], document)
    if unknown := len(document.keys() - set(PROPERTIES)):
        yield "…", f"{unknown} other"


def _said(place: str, value: Any, document: Mapping[str, Any] | None = None) -> str:
    kind = _KINDS.get(type(value), "number")
    if place not in SHOWN or not isinstance(value, str):
        return kind
    if place == "object.id" and not (document and _is_activity(document, value)):
        return kind
    if not value.isprintable() or "@" in value:
        return kind
    return value[:LONGEST]


def _is_activity(document: Mapping[str, Any], iri: str) -> bool:
    """Return whether this is the address of an activity: agents have ids, and users have pages."""
    thing = document["object"]
    if thing.get("objectType", "Activity") != "Activity":
        return False
    try:
        parts = urlsplit(iri)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "user" not in parts.path.lower()
