"""The values a statement is made of, each parsed and judged once.

Actors, verbs, activities and contexts come again and again, byte for byte the same. So a part is
remembered by its bytes, and what stands in it is worked out at the first time only. A part is
shared by all statements that have it: nobody changes its value. Source: xAPI 1.0.3 and 2.0, data
section. No I/O.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import orjson

from xapi_bridge.errors import MalformedStatement
from xapi_bridge.slices import Slice

EXTERNAL_ID = "https://w3id.org/learning-analytics/learning-management-system/external-id"

#: How many parts of a kind are remembered, and up to how many bytes: some ten megabytes in all.
REMEMBERED, LONGEST = 2048, 2048

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]+")
_IDENTIFIERS = frozenset({"account", "mbox", "mbox_sha1sum", "openid"})
_SHORT = 300  # characters of an address that is remembered
_SHA1 = re.compile(r"[0-9a-f]{40}", re.I)

Json = Any  # a parsed JSON value
Seen = TypeVar("Seen")
Found = TypeVar("Found")


class ActorKey(NamedTuple):
    """What identifies an agent or group: exactly one of the four inverse functional identifiers."""

    kind: str  # account | mbox | mbox_sha1sum | openid
    value: str
    home: str = ""  # home page of an account

    @property
    def text(self) -> str:
        return f"{self.kind}|{self.home}|{self.value}"


class Actor(NamedTuple):
    group: bool
    key: ActorKey | None  # None: an anonymous group
    members: tuple[ActorKey, ...] = ()


class Activity(NamedTuple):
    """An activity as a statement names it."""

    id: str
    type: str = ""
    external_id: str = ""  # idnumber of the LMS; the empty string Moodle sends is none


NO_ACTIVITY = Activity("")


class Target(NamedTuple):
    """What a statement is about. `id`: an activity's IRI, a statement's id in lower case, or ""."""

    kind: str  # Activity | Agent | Group | StatementRef | SubStatement
    id: str = ""
    activity: Activity = NO_ACTIVITY


class Around(NamedTuple):
    """The activities around a statement: those it belongs to, and addresses of its categories."""

    parents: tuple[Activity, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[Seen]):
    """One value of a statement. `said` are its bytes with the names in order."""

    value: Json
    said: bytes
    seen: Seen  # what its check has found in it


Reader = Callable[[Slice | None], Part[Seen]]


def reader(name: str, check: Callable[[Json], Seen]) -> Reader[Seen]:
    """Return what reads the part of this name; it raises MalformedStatement with the reason."""

    def read(raw: bytes) -> Part[Seen]:
        value = parsed(raw)
        if value is None:
            raise MalformedStatement(f"{name} is null")
        return Part(value, ordered(value), check(value))

    remembered = lru_cache(maxsize=REMEMBERED)(read)
    missing = cache(lambda: Part(None, b"", check(None)))

    def reading(given: Slice | None) -> Part[Seen]:
        if given is None:
            return missing()
        raw = bytes(given)
        return remembered(raw) if len(raw) <= LONGEST else read(raw)

    return reading


def about(work: Callable[[Part[Any]], Found]) -> Callable[[Part[Any]], Found]:
    """Return the same function, but what it has found out about a part is remembered."""
    remembered = lru_cache(maxsize=REMEMBERED)(work)
    return lambda part: remembered(part) if len(part.said) <= LONGEST else work(part)


def parsed(raw: bytes | Slice) -> Json:
    """:raises MalformedStatement: not valid JSON."""
    try:
        return orjson.loads(bytes(raw))
    except orjson.JSONDecodeError as error:
        raise MalformedStatement(f"not valid JSON: {error.msg}") from None


def ordered(value: Json) -> bytes:
    """Return JSON that does not depend on the order of names.

    :raises MalformedStatement: nested deeper than can be compared.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):
        raise MalformedStatement("nested too deeply, or a number too large to compare") from None


def is_uuid(text: Json) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def is_iri(text: Json) -> bool:
    return isinstance(text, str) and (
        _is_iri(text) if len(text) <= _SHORT else _IRI.fullmatch(text) is not None
    )


@lru_cache(maxsize=8192)  # verbs, types and activities of a town are the same ones again and again
def _is_iri(text: str) -> bool:
    return _IRI.fullmatch(text) is not None


# --- checking ---------------------------------------------------------------------------------


def verb(value: Json) -> str:
    found = _dict(value, "verb").get("id")
    if not is_iri(found):
        raise MalformedStatement("verb.id is not an IRI")
    return str(found)


def target(value: Json) -> Target:
    kind = _dict(value, "object").get("objectType", "Activity")
    if kind == "Activity":
        found = _activity(value)
        return Target(kind, found.id, found)
    if kind == "StatementRef":
        if not is_uuid(value.get("id")):
            raise MalformedStatement("the referenced statement has no UUID")
        return Target(kind, value["id"].lower())
    if kind in ("Agent", "Group"):
        actor(value, "object")
    elif kind == "SubStatement":
        _check_substatement(value)
    else:
        raise MalformedStatement("object.objectType is unknown")
    return Target(kind)


def _check_substatement(value: Mapping[str, Json]) -> None:
    inner = value.get("object")
    if isinstance(inner, dict) and inner.get("objectType") == "SubStatement":
        raise MalformedStatement("a SubStatement inside a SubStatement")
    if {"id", "stored", "version", "authority"} & value.keys():
        raise MalformedStatement("a SubStatement has id, stored, version or authority")
    actor(value.get("actor"), "object.actor")
    verb(value.get("verb"))
    target(inner)


def _activity(value: Json) -> Activity:
    if not isinstance(value, dict) or not is_iri(value.get("id")):
        raise MalformedStatement("an activity has no IRI as id")
    if (definition := value.get("definition")) is None:
        return Activity(value["id"])
    external = _extensions(_dict(definition, "definition"), "definition").get(EXTERNAL_ID)
    kind = definition.get("type")
    return Activity(
        value["id"],
        kind if isinstance(kind, str) else "",
        external.strip() if isinstance(external, str) else "",
    )


def actor(value: Json, where: str) -> Actor:
    kind = _dict(value, where).get("objectType", "Agent")
    if kind not in ("Agent", "Group"):
        raise MalformedStatement(f"{where}.objectType is neither Agent nor Group")
    given = _IDENTIFIERS & value.keys()
    if len(given) > 1:
        raise MalformedStatement(f"{where} has several identifiers")
    group = kind == "Group"
    found = _members(value, where) if group else ()
    if not given:
        if not (group and "member" in value):
            raise MalformedStatement(f"{where} has no identifier")
        return Actor(group, None, found)
    (name,) = given
    return Actor(group, _key(name, value[name], where), found)


def _members(value: Mapping[str, Json], where: str) -> tuple[ActorKey, ...]:
    listed = value.get("member", ())
    if not isinstance(listed, list | tuple):
        raise MalformedStatement(f"{where}.member is not a list")
    if any(_dict(m, where).get("objectType", "Agent") != "Agent" for m in listed):
        raise MalformedStatement(f"{where} has a member that is not an Agent")
    keys = (actor(m, f"{where}.member").key for m in listed)
    return tuple(key for key in keys if key)


def _key(kind: str, value: Json, where: str) -> ActorKey:
    if kind == "account":
        home, name = _dict(value, f"{where}.account").get("homePage"), value.get("name")
        if not is_iri(home) or not isinstance(name, str) or not name or "\0" in name:
            raise MalformedStatement(f"{where}.account needs homePage and name")
        return ActorKey("account", name, str(home))
    if not _WELL_FORMED[kind](value):
        raise MalformedStatement(f"{where}.{kind} is not well formed")
    return ActorKey(kind, value.lower() if kind == "mbox_sha1sum" else value)


def check_result(value: Json) -> None:
    if value is None:
        return
    for key in ("success", "completion"):
        if not isinstance(_dict(value, "result").get(key, True), bool):
            raise MalformedStatement(f"result.{key} is not true or false")
    _extensions(value, "result")
    if not isinstance(value.get("duration", ""), str):
        raise MalformedStatement("result.duration is not text")
    score = _dict(value.get("score", {}), "result.score")
    for key in ("scaled", "raw", "min", "max"):
        if key in score and not _is_number(score[key]):
            raise MalformedStatement(f"result.score.{key} is not a number")
    if not -1 <= score.get("scaled", 0) <= 1:
        raise MalformedStatement("result.score.scaled is not between -1 and 1")


def around(value: Json) -> Around:
    if value is None:
        return Around()
    listed = _dict(_dict(value, "context").get("contextActivities", {}), "contextActivities")
    found: dict[str, tuple[Activity, ...]] = {}
    for relation, some in listed.items():
        if relation not in ("parent", "grouping", "category", "other"):
            raise MalformedStatement("contextActivities has an unknown property")
        activities = (some,) if isinstance(some, dict) else a_list(some, "contextActivities")
        found[relation] = tuple(_activity(a) for a in activities)
    if not is_uuid(value.get("registration", "00000000-0000-0000-0000-000000000000")):
        raise MalformedStatement("context.registration is not a UUID")
    for key in ("instructor", "team"):
        if key in value:
            actor(value[key], f"context.{key}")
    _extensions(value, "context")
    return Around(found.get("parent", ()), tuple(a.id for a in found.get("category", ())))


def a_list(value: Json, where: str) -> list[Json]:
    if not isinstance(value, list):
        raise MalformedStatement(f"{where} is not a list")
    return value


def _extensions(value: Mapping[str, Json], where: str) -> dict[str, Json]:
    return _dict(value.get("extensions", {}), f"{where}.extensions")


def _dict(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise MalformedStatement(f"{where} is missing or not an object")
    return value


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_WELL_FORMED: dict[str, Callable[[Json], bool]] = {
    "mbox": lambda v: is_iri(v) and v.startswith("mailto:") and "@" in v,
    "mbox_sha1sum": lambda v: isinstance(v, str) and _SHA1.fullmatch(v) is not None,
    "openid": is_iri,
}
