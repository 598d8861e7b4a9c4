"""A light, typed view over statements as they are read: cut, check, never re-serialise.

A page is cut into raw slices first and each slice is parsed alone, so that one bad statement is
set aside and its page lives. Instants are integer microseconds since 1970 UTC. Source: xAPI 1.0.3
and 2.0, data section; reference/xapi.md sections 2, 5.4 and 11. No I/O, no network, no database.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import orjson

from xapi_bridge.errors import MalformedPage, MalformedStatement
from xapi_bridge.instants import DATE_ONLY, instant_us
from xapi_bridge.slices import Slice, elements, fields

MAX_STATEMENT_BYTES = 1 << 20
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
PROBE = "urn:roadmap:probe"  # extension of what our own probe writes, and takes back
EXTERNAL_ID = "https://w3id.org/learning-analytics/learning-management-system/external-id"

#: Set by stores, not by who wrote the statement: never part of what it says.
STORE_FIELDS = frozenset({"stored", "authority", "version"})

_WRITTEN = frozenset({"id", "actor", "verb", "object", "result", "context", "timestamp"})
_FIELDS = _WRITTEN | STORE_FIELDS | {"attachments"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]+")
_IDENTIFIERS = frozenset({"account", "mbox", "mbox_sha1sum", "openid"})
_SHORT = 300  # characters of an address that is remembered
_SHA1 = re.compile(r"[0-9a-f]{40}", re.I)
_YEAR_2010_US = 1_262_304_000_000_000
_FUTURE_US = 5 * 60 * 1_000_000

Json = Any  # a parsed JSON value


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


@dataclass(frozen=True)
class Statement:
    """What we use of one statement. `document` is all of it, parsed."""

    id: str  # lower case; "" only where a sender may leave it out
    raw: bytes
    document: Mapping[str, Json]
    actor: Actor
    authority: Actor | None
    verb: str
    object_kind: str  # Activity | Agent | Group | StatementRef | SubStatement
    object_id: str  # activity IRI, or lower-case id of a referenced statement, else ""
    stored_us: int | None
    timestamp_us: int | None
    flags: tuple[str, ...]

    @cached_property
    def activity(self) -> Activity:
        return _activity(self.document["object"]) if self.is_activity else Activity("")

    @cached_property
    def parents(self) -> tuple[Activity, ...]:
        return self._around("parent")

    @cached_property
    def categories(self) -> frozenset[str]:
        return frozenset(activity.id for activity in self._around("category"))

    @property
    def is_activity(self) -> bool:
        return self.object_kind == "Activity"

    @property
    def voids(self) -> str:
        """The id of the statement this one voids, or ""."""
        ref = self.verb == VOIDED and self.object_kind == "StatementRef"
        return self.object_id if ref else ""

    @property
    def result(self) -> Mapping[str, Json]:
        return self.document.get("result") or {}

    @property
    def context(self) -> Mapping[str, Json]:
        return self.document.get("context") or {}

    def extension(self, key: str) -> Json:
        return (self.context.get("extensions") or {}).get(key)

    def _around(self, relation: str) -> tuple[Activity, ...]:
        found = (self.context.get("contextActivities") or {}).get(relation) or ()
        return tuple(_activity(a) for a in ([found] if isinstance(found, dict) else found))


@dataclass(frozen=True, slots=True)
class Bad:
    """A slice that is no statement: set aside alone, with the reason."""

    raw: bytes
    reason: str
    position: int


@dataclass(frozen=True, slots=True)
class Page:
    entries: tuple[Statement | Bad, ...]
    more: str  # "" on the last page (some stores leave it out)


def parse_page(body: bytes) -> Page:
    """Return the statements of a result page in their order, bad ones as `Bad`.

    :raises MalformedPage: the envelope itself is no statement result.
    """
    envelope = _envelope(body)
    if (statements := envelope.get("statements")) is None:
        raise MalformedPage("The answer has no list of statements.")
    more = _more(envelope.get("more"))
    return Page(tuple(_entry(raw, i) for i, raw in enumerate(elements(statements))), more)


def parse_answer(body: bytes) -> tuple[Statement | Bad, ...]:
    """Return what stands in an answer about one id: a statement, or (Ralph) a list of one."""
    listed = body.lstrip().startswith(b'{"statements"')
    return parse_page(body if listed else b'{"statements":[' + body + b"]}").entries


def parse(raw: bytes, *, id_required: bool = True) -> Statement:
    """Return the typed view of one statement.

    :raises MalformedStatement: the reason, in words for the quarantine.
    """
    if len(raw) > MAX_STATEMENT_BYTES:
        raise MalformedStatement("larger than 1 MiB")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise MalformedStatement(f"not valid JSON: {error.msg}") from None
    return _typed(raw, document, id_required)


def canonical(document: Mapping[str, Json]) -> bytes:
    """Return what a statement says, independent of key order and of what stores add.

    :raises MalformedStatement: nested deeper than can be compared.
    """
    said = {k: v for k, v in document.items() if k not in STORE_FIELDS}
    if isinstance(said.get("id"), str):
        said["id"] = said["id"].lower()
    try:
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError):
        raise MalformedStatement("nested too deeply, or a number too large to compare") from None


def content_text(statement: Statement) -> str:
    """Return what makes two statements with different ids one event that was sent twice."""
    actor = statement.actor.key.text if statement.actor.key else ""
    result = orjson.dumps(statement.result, option=orjson.OPT_SORT_KEYS).decode()
    said = (actor, statement.verb, statement.object_id, str(statement.timestamp_us), result)
    return "\n".join(said)


def effective_us(statement: Statement, *, blackened: bool = False) -> tuple[int | None, bool]:
    """Return when it happened, and whether that had to be the store's time.

    The store's time is taken if the event lies in its future, before 2010, or if the connection
    is known to replace timestamps (ILIAS "hide data").
    """
    stored, stamp = statement.stored_us, statement.timestamp_us
    if stored is None or stamp is None:
        return (stamp if stored is None else stored), stamp is None
    odd = blackened or stamp > stored + _FUTURE_US or stamp < _YEAR_2010_US
    # A bare date says the day, not the order within it.
    same_day = DATE_ONLY in statement.flags and 0 <= stored - stamp < 86_400_000_000
    return (stored if odd or same_day else stamp), odd


def actor_key(document: Json) -> ActorKey | None:
    """Return what identifies an agent or group; None for an anonymous group.

    :raises MalformedStatement: no identifier, several, or one that is not well formed.
    """
    return _actor(document, "agent").key


def is_uuid(text: Json) -> bool:
    return isinstance(text, str) and _UUID.fullmatch(text) is not None


def is_iri(text: Json) -> bool:
    return isinstance(text, str) and (
        _is_iri(text) if len(text) <= _SHORT else _IRI.fullmatch(text) is not None
    )


@lru_cache(maxsize=8192)  # verbs, types and activities of a town are the same ones again and again
def _is_iri(text: str) -> bool:
    return _IRI.fullmatch(text) is not None


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


# --- cutting ----------------------------------------------------------------------------------


def _envelope(body: bytes) -> Mapping[str, Slice]:
    try:
        return fields(body)
    except orjson.JSONDecodeError:
        raise MalformedPage("The answer is not the JSON it should be.") from None


def _more(raw: Slice | None) -> str:
    try:
        value = orjson.loads(bytes(raw)) if raw else ""
    except orjson.JSONDecodeError:
        raise MalformedPage("The link to the next page is not readable.") from None
    return value if isinstance(value, str) else ""


def _entry(raw: bytes, position: int) -> Statement | Bad:
    raw = raw.strip()
    try:
        return parse(raw)
    except MalformedStatement as error:
        return Bad(raw[:MAX_STATEMENT_BYTES], str(error), position)


# --- checking ---------------------------------------------------------------------------------


def _typed(raw: bytes, document: Json, id_required: bool) -> Statement:
    if not isinstance(document, dict):
        raise MalformedStatement("not an object")
    if not document.keys() <= _FIELDS:
        # Not named: a key can be a name, and the reason is read by people and kept unsealed.
        raise MalformedStatement("unknown property")
    if None in document.values():
        empty = next(key for key, value in document.items() if value is None)
        raise MalformedStatement(f"{empty} is null")
    kind, object_id = _object(document.get("object"))
    stored, _ = _instant(document.get("stored"), "stored")
    stamp, flags = _instant(document.get("timestamp"), "timestamp")
    _result(document.get("result", {}))
    _context(document.get("context", {}))
    _rest(document)
    vouching = document.get("authority")
    return Statement(
        id=_id(document.get("id"), id_required),
        raw=raw,
        document=document,
        actor=_actor(document.get("actor"), "actor"),
        authority=None if vouching is None else _actor(vouching, "authority"),
        verb=_verb(document.get("verb")),
        object_kind=kind,
        object_id=object_id,
        stored_us=stored,
        timestamp_us=stamp,
        flags=flags,
    )


def _id(value: Json, required: bool) -> str:
    if value is None and not required:
        return ""
    if not is_uuid(value):
        raise MalformedStatement("id is not a UUID")
    return str(value).lower()


def _verb(value: Json) -> str:
    verb = _dict(value, "verb").get("id")
    if not is_iri(verb):
        raise MalformedStatement("verb.id is not an IRI")
    return str(verb)


def _object(value: Json) -> tuple[str, str]:
    kind = _dict(value, "object").get("objectType", "Activity")
    if kind == "Activity":
        return kind, _activity(value).id
    if kind == "StatementRef":
        if not is_uuid(value.get("id")):
            raise MalformedStatement("the referenced statement has no UUID")
        return kind, value["id"].lower()
    if kind in ("Agent", "Group"):
        _actor(value, "object")
        return kind, ""
    if kind == "SubStatement":
        return kind, _substatement(value)
    raise MalformedStatement("object.objectType is unknown")


def _substatement(value: Mapping[str, Json]) -> str:
    inner = value.get("object")
    if isinstance(inner, dict) and inner.get("objectType") == "SubStatement":
        raise MalformedStatement("a SubStatement inside a SubStatement")
    if {"id", "stored", "version", "authority"} & value.keys():
        raise MalformedStatement("a SubStatement has id, stored, version or authority")
    _actor(value.get("actor"), "object.actor")
    _verb(value.get("verb"))
    _object(inner)
    return ""


def _check_activity(value: Json) -> None:
    if not isinstance(value, dict) or not is_iri(value.get("id")):
        raise MalformedStatement("an activity has no IRI as id")
    if (definition := value.get("definition")) is not None:
        _extensions(_dict(definition, "definition"), "definition")


def _activity(value: Json) -> Activity:
    _check_activity(value)
    definition = value.get("definition")
    if not definition:
        return Activity(value["id"])
    kind, external = definition.get("type"), definition.get("extensions", {}).get(EXTERNAL_ID)
    return Activity(
        value["id"],
        kind if isinstance(kind, str) else "",
        external.strip() if isinstance(external, str) else "",
    )


def _actor(value: Json, where: str) -> Actor:
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
    keys = (_actor(m, f"{where}.member").key for m in listed)
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


def _instant(value: Json, where: str) -> tuple[int | None, tuple[str, ...]]:
    if value is None:
        return None, ()
    try:
        return instant_us(value)
    except (ValueError, TypeError, OverflowError):
        raise MalformedStatement(f"{where} is not an instant") from None


def _result(value: Json) -> None:
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


def _context(value: Json) -> None:
    around = _dict(_dict(value, "context").get("contextActivities", {}), "contextActivities")
    for relation, found in around.items():
        if relation not in ("parent", "grouping", "category", "other"):
            raise MalformedStatement("contextActivities has an unknown property")
        for activity in (found,) if isinstance(found, dict) else _list(found, "contextActivities"):
            _check_activity(activity)
    if not is_uuid(value.get("registration", "00000000-0000-0000-0000-000000000000")):
        raise MalformedStatement("context.registration is not a UUID")
    for key in ("instructor", "team"):
        if key in value:
            _actor(value[key], f"context.{key}")
    _extensions(value, "context")


def _rest(document: Mapping[str, Json]) -> None:
    if not isinstance(document.get("version", ""), str):
        raise MalformedStatement("version is not text")
    _list(document.get("attachments", []), "attachments")


def _extensions(value: Mapping[str, Json], where: str) -> dict[str, Json]:
    return _dict(value.get("extensions", {}), f"{where}.extensions")


def _dict(value: Json, where: str) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise MalformedStatement(f"{where} is missing or not an object")
    return value


def _list(value: Json, where: str) -> list[Json]:
    if not isinstance(value, list):
        raise MalformedStatement(f"{where} is not a list")
    return value


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_WELL_FORMED: dict[str, Callable[[Json], bool]] = {
    "mbox": lambda v: is_iri(v) and v.startswith("mailto:") and "@" in v,
    "mbox_sha1sum": lambda v: isinstance(v, str) and _SHA1.fullmatch(v) is not None,
    "openid": is_iri,
}
