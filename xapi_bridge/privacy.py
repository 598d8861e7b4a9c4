"""What we keep of a statement: nobody's name, no other person, no duration, no answer in words.

Decision 1.5 and 2.4: names are dropped at the door; the learner appears as a pseudonym only. What
the mapping does not read and may tell of a person (answers, attachments) goes, too.
All other values keep their bytes, unless they repeat a name or an address of a person of the
statement (the title of a profile page, an extension).
"""

import re
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any, NamedTuple

import orjson

from xapi_bridge.parts import Around, Part, about
from xapi_bridge.slices import Slice, fields, joined
from xapi_bridge.statement import Statement

_MEANT = ("id", "type", "objectType")  # what the mapping reads: addresses, not texts
_UNTOLD = ("authority", "attachments")
_UNREAD = frozenset({"duration", "response"})
_OTHERS = frozenset({"instructor", "team", "contextAgents", "contextGroups"})


def without_persons(statement: Statement, pseudonym: str) -> bytes:
    """Return the bytes we may keep, with the pseudonym as actor."""
    kept = dict(statement.given)
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
    return _unnamed(joined(kept), statement)


@lru_cache(maxsize=2048)
def pseudonymous(pseudonym: str) -> Slice:
    account = {"homePage": "urn:roadmap:actor", "name": pseudonym}
    return Slice(orjson.dumps({"objectType": "Agent", "account": account}))


class _Called(NamedTuple):
    """How the persons of a part are called, where that tells a name, and how JSON writes it."""

    names: tuple[str, ...] = ()
    written: tuple[bytes, ...] = ()  # lower case


@about
def _called(part: Part[Any]) -> _Called:
    """Return the names in an actor, or those of the other persons in a context."""
    whole: list[str] = []
    if isinstance(part.seen, Around):
        for other in _OTHERS.intersection(part.value or ()):
            _call(part.value[other], whole)
    else:
        _call(part.value, whole)
    found = {*whole, *(word for name in whole for word in name.split())}
    # "4" or "von" is no name, and cutting it out would change everything.
    names = tuple(n for n in found if len(n) > 3 and not n.isdigit())
    # Where a whole name stands, its parts stand as well: they are looked for.
    shortest = [n for n in names if not any(other != n and other in n for other in names)]
    return _Called(names, tuple(written for name in shortest for written in _written(name)))


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


def _unnamed(raw: bytes, statement: Statement) -> bytes:
    found = [_called(statement.who), _called(statement.around)]
    if statement.vouching is not None:
        found.append(_called(statement.vouching))
    lower = raw.lower()
    for called in found:
        for written in called.written:
            if written in lower:
                names = {name for called in found for name in called.names}
                longest_first = sorted(names, key=len, reverse=True)
                return orjson.dumps(_without(orjson.loads(raw), longest_first))
    return raw


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
