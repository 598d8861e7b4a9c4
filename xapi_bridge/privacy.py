"""What we keep of a statement: nobody's name, no other person, no duration, no answer in words.

Decision 1.5 and 2.4: names are dropped at the door; the learner appears as a pseudonym only. What
the mapping does not read and may tell of a person (answers, attachments) goes, too.
All other values keep their bytes, unless they repeat a name or an address of a person of the
statement (the title of a profile page, an extension).
"""

import re
from json.encoder import encode_basestring_ascii
from typing import Any

import orjson

from xapi_bridge.slices import Slice, fields, joined
from xapi_bridge.statement import Statement

_MEANT = ("id", "type", "objectType")  # what the mapping reads: addresses, not texts
_UNTOLD = ("authority", "attachments")
_UNREAD = frozenset({"duration", "response"})
_OTHERS = frozenset({"instructor", "team", "contextAgents", "contextGroups"})


def without_persons(statement: Statement, pseudonym: str) -> bytes:
    """Return the bytes we may keep, with the pseudonym as actor."""
    kept = fields(statement.raw)
    for name in _UNTOLD:
        kept.pop(name, None)
    kept["actor"] = pseudonymous(pseudonym)
    if not _UNREAD.isdisjoint(statement.result):
        kept["result"] = _drop(kept["result"], *_UNREAD)
    if not _OTHERS.isdisjoint(statement.context):
        kept["context"] = _drop(kept["context"], *_OTHERS)
    if statement.object_kind in ("Agent", "Group"):
        kept["object"] = pseudonymous("dropped")
    elif statement.object_kind == "SubStatement":
        kept["object"] = _verb_only(kept["object"])
    return _unnamed(joined(kept), _names(statement))


def pseudonymous(pseudonym: str) -> Slice:
    account = {"homePage": "urn:roadmap:actor", "name": pseudonym}
    return Slice(orjson.dumps({"objectType": "Agent", "account": account}))


def _names(statement: Statement) -> list[str]:
    """Return how the persons of a statement are called, longest first, where that tells a name."""
    document, context = statement.document, statement.context
    whole: list[str] = []
    _call(document["actor"], whole)
    _call(document.get("authority"), whole)
    for other in _OTHERS.intersection(context):
        _call(context[other], whole)
    if not whole:
        return []
    found = {*whole, *(part for name in whole for part in name.split())}
    # "4" or "von" is no name, and cutting it out would change everything.
    return sorted((n for n in found if len(n) > 3 and not n.isdigit()), key=len, reverse=True)


def _call(value: Any, found: list[str]) -> None:
    """Add the names and addresses of an agent, a group or a list of them."""
    if isinstance(value, dict):
        if isinstance(name := value.get("name"), str) and "homePage" not in value:
            found.append(name.strip())
        if isinstance(mbox := value.get("mbox"), str):
            found.append(mbox.removeprefix("mailto:"))
        for key in ("member", "agent", "group"):
            if key in value:
                _call(value[key], found)
    elif isinstance(value, list):
        for entry in value:
            _call(entry, found)


def _unnamed(raw: bytes, names: list[str]) -> bytes:
    if not names:
        return raw
    lower = raw.lower()
    if not any(written in lower for name in names for written in _written(name)):
        return raw
    return orjson.dumps(_without(orjson.loads(raw), names))


def _written(name: str) -> tuple[bytes, ...]:
    """Return a name as JSON writes it: with its letters, or with ASCII escapes; lower case."""
    plain = orjson.dumps(name)[1:-1].lower()
    if name.isascii():
        return (plain,)
    return plain, encode_basestring_ascii(name)[1:-1].lower().encode()


def _without(value: Any, names: list[str]) -> Any:
    if isinstance(value, dict):
        return {k: v if k in _MEANT else _without(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [_without(entry, names) for entry in value]
    if isinstance(value, str):
        lower = value.lower()
        for name in names:
            if name.lower() in lower:
                value = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", value, flags=re.IGNORECASE)
    return value


def _drop(raw: Slice, *names: str) -> Slice:
    kept = fields(raw)
    for name in names:
        kept.pop(name, None)
    return Slice(joined(kept))


def _verb_only(raw: Slice) -> Slice:
    # Nothing is ever concluded from a SubStatement: only that there was one, and its verb.
    kept = {key: value for key, value in fields(raw).items() if key in ("objectType", "verb")}
    kept["actor"] = pseudonymous("dropped")
    kept["object"] = Slice(b'{"id":"urn:roadmap:dropped"}')
    return Slice(joined(kept))
