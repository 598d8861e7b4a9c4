"""What we keep of a statement: nobody's name, no other person, no duration.

Decision 1.5 and 2.4: names are dropped at the door; the learner appears as a pseudonym only.
All other values keep their bytes.
"""

from collections.abc import Callable

import orjson

from xapi_bridge.slices import joined, members
from xapi_bridge.statement import Statement

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
    return joined(kept)


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


def _drop(raw: bytes, *names: str) -> bytes:
    return joined([(key, value) for key, value in members(raw) if key not in names])


def _verb_only(raw: bytes) -> bytes:
    # Nothing is ever concluded from a SubStatement: only that there was one, and its verb.
    kept = [(k, v) for k, v in members(raw) if k in ("objectType", "verb")]
    thing = ("object", b'{"id":"urn:roadmap:dropped"}')
    return joined([*kept, ("actor", pseudonymous("dropped")), thing])
