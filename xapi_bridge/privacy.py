"""What we keep of a statement: nobody's name, no other person, no duration.

Decision 1.5 and 2.4: names are dropped at the door; the learner appears as a pseudonym only.
All other values keep their bytes, unless they repeat a name or an address of a person of the
statement (the title of a profile page, an extension).
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from xapi_bridge.slices import joined, members
from xapi_bridge.statement import Statement

_MEANT = ("id", "type", "objectType")  # what the mapping reads: addresses, not texts
_OTHERS = ("instructor", "team", "contextAgents", "contextGroups")


def without_persons(statement: Statement, pseudonym: str) -> bytes:
    """Return the bytes we may keep, with the pseudonym as actor."""
    filters = _filters(statement, pseudonym)
    kept = []
    for key, value in members(statement.raw):
        if key in filters:
            value = filters[key](value)
        if value:
            kept.append((key, value))
    return _unnamed(joined(kept), _names(statement))


def pseudonymous(pseudonym: str) -> bytes:
    return orjson.dumps(
        {"objectType": "Agent", "account": {"homePage": "urn:roadmap:actor", "name": pseudonym}}
    )


def _filters(statement: Statement, pseudonym: str) -> dict[str, Callable[[bytes], bytes]]:
    """Return what has to be done to which property; most statements need only two of them."""
    found: dict[str, Callable[[bytes], bytes]] = {
        "actor": lambda _: pseudonymous(pseudonym),
        "authority": lambda _: b"",
    }
    if "duration" in statement.result:
        found["result"] = lambda raw: _drop(raw, "duration")
    if any(name in statement.context for name in _OTHERS):
        found["context"] = lambda raw: _drop(raw, *_OTHERS)
    if statement.object_kind in ("Agent", "Group"):
        found["object"] = lambda _: pseudonymous("dropped")
    if statement.object_kind == "SubStatement":
        found["object"] = _verb_only
    return found


def _names(statement: Statement) -> list[str]:
    """Return how the persons of a statement are called, longest first, where that tells a name."""
    document, context = statement.document, statement.context
    agents = [document["actor"], document.get("authority"), *(context.get(k) for k in _OTHERS)]
    whole = {name for agent in agents for name in _called(agent)}
    found = whole | {part for name in whole for part in name.split()}
    # "4" or "von" is no name, and cutting it out would change everything.
    return sorted((n for n in found if len(n) > 3 and not n.isdigit()), key=len, reverse=True)


def _called(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for entry in value:
            yield from _called(entry)
    elif isinstance(value, dict):
        if isinstance(name := value.get("name"), str) and "homePage" not in value:
            yield name.strip()
        if isinstance(mbox := value.get("mbox"), str):
            yield mbox.removeprefix("mailto:")
        for key in ("member", "agent", "group"):
            yield from _called(value.get(key))


def _unnamed(raw: bytes, names: list[str]) -> bytes:
    # As JSON writes them: with letters as they are, and with letters in ASCII escapes.
    written = [w for n in names for w in (orjson.dumps(n)[1:-1], json.dumps(n)[1:-1].encode())]
    if not any(w.lower() in raw.lower() for w in written):
        return raw
    return orjson.dumps(_without(orjson.loads(raw), names))


def _without(value: Any, names: list[str]) -> Any:
    if isinstance(value, dict):
        return {k: v if k in _MEANT else _without(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [_without(entry, names) for entry in value]
    if isinstance(value, str):
        for name in names:
            value = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", value, flags=re.IGNORECASE)
    return value


def _drop(raw: bytes, *names: str) -> bytes:
    return joined([(key, value) for key, value in members(raw) if key not in names])


def _verb_only(raw: bytes) -> bytes:
    # Nothing is ever concluded from a SubStatement: only that there was one, and its verb.
    kept = [(k, v) for k, v in members(raw) if k in ("objectType", "verb")]
    thing = ("object", b'{"id":"urn:roadmap:dropped"}')
    return joined([*kept, ("actor", pseudonymous("dropped")), thing])
