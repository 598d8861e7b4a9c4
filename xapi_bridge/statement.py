"""A light, typed view over statements as they are read: cut, check, never re-serialise.

A page is cut into raw slices first and each slice is read alone, so that one bad statement is
set aside and its page lives; a statement is cut into its `parts`, most of which are known already.
Instants are integer microseconds since 1970 UTC. Source: xAPI 1.0.3 and 2.0, data section;
reference/xapi.md sections 2, 5.4 and 11. No I/O, no network, no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from xapi_bridge import parts
from xapi_bridge.errors import MalformedPage, MalformedStatement
from xapi_bridge.instants import DATE_ONLY, instant_us
from xapi_bridge.parts import Activity, Actor, Around, Json, Part, Target
from xapi_bridge.slices import Slice, elements, fields, valid_fields

MAX_STATEMENT_BYTES = 1 << 20
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
PROBE = "urn:roadmap:probe"  # extension of what our own probe writes, and takes back

#: Set by stores, not by who wrote the statement: never part of what it says.
STORE_FIELDS = frozenset({"stored", "authority", "version"})

_WRITTEN = frozenset({"id", "actor", "verb", "object", "result", "context", "timestamp"})
_FIELDS = _WRITTEN | STORE_FIELDS | {"attachments"}
_YEAR_2010_US = 1_262_304_000_000_000
_FUTURE_US = 5 * 60 * 1_000_000

_ACTOR = parts.reader("actor", lambda value: parts.actor(value, "actor"))
_VERB = parts.reader("verb", parts.verb)
_OBJECT = parts.reader("object", parts.target)
_RESULT = parts.reader("result", parts.check_result)
_CONTEXT = parts.reader("context", parts.around)
_AUTHORITY = parts.reader("authority", lambda value: parts.actor(value, "authority"))


@dataclass(slots=True, eq=False)
class Statement:
    """What we use of one statement; never changed. `given` is all of it, in slices."""

    id: str  # lower case; "" only where a sender may leave it out
    raw: bytes
    given: Mapping[str, Slice]
    who: Part[Actor]
    vouching: Part[Actor] | None
    did: Part[str]
    what: Part[Target]
    outcome: Part[None]
    around: Part[Around]
    stored_us: int | None
    timestamp_us: int | None
    flags: tuple[str, ...]

    @property
    def actor(self) -> Actor:
        return self.who.seen

    @property
    def authority(self) -> Actor | None:
        return None if self.vouching is None else self.vouching.seen

    @property
    def verb(self) -> str:
        return self.did.seen

    @property
    def object_kind(self) -> str:
        return self.what.seen.kind

    @property
    def object_id(self) -> str:
        """Address of an activity, or lower-case id of a referenced statement, else ""."""
        return self.what.seen.id

    @property
    def activity(self) -> Activity:
        return self.what.seen.activity

    @property
    def parents(self) -> tuple[Activity, ...]:
        return self.around.seen.parents

    @property
    def categories(self) -> tuple[str, ...]:
        return self.around.seen.categories

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
        return self.outcome.value or {}

    @property
    def context(self) -> Mapping[str, Json]:
        return self.around.value or {}

    @property
    def document(self) -> dict[str, Json]:
        """All of it, parsed."""
        return {name: parts.parsed(raw) for name, raw in self.given.items()}

    def extension(self, key: str) -> Json:
        return (self.context.get("extensions") or {}).get(key)


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
    given = _cut(raw)
    stored, _ = _instant(given.get("stored"), "stored")
    stamp, flags = _instant(given.get("timestamp"), "timestamp")
    _check_rest(given)
    return Statement(
        id=_id(given.get("id"), id_required),
        raw=raw,
        given=given,
        who=_ACTOR(given.get("actor")),
        vouching=_AUTHORITY(given["authority"]) if "authority" in given else None,
        did=_VERB(given.get("verb")),
        what=_OBJECT(given.get("object")),
        outcome=_RESULT(given.get("result")),
        around=_CONTEXT(given.get("context")),
        stored_us=stored,
        timestamp_us=stamp,
        flags=flags,
    )


def canonical(statement: Statement) -> bytes:
    """Return what a statement says, independent of the order of names and of what stores add.

    :raises MalformedStatement: nested deeper than can be compared.
    """
    s, given = statement, statement.given
    said = [b'{"actor":', s.who.said]
    if "attachments" in given:
        said += (b',"attachments":', parts.ordered(parts.parsed(given["attachments"])))
    if "context" in given:
        said += (b',"context":', s.around.said)
    if s.id:
        said += (b',"id":"', s.id.encode(), b'"')
    said += (b',"object":', s.what.said)
    if "result" in given:
        said += (b',"result":', s.outcome.said)
    if "timestamp" in given:
        said += (b',"timestamp":', parts.ordered(parts.parsed(given["timestamp"])))
    said += (b',"verb":', s.did.said, b"}")
    return b"".join(said)


def content_text(statement: Statement) -> str:
    """Return what makes two statements with different ids one event that was sent twice."""
    actor = statement.actor.key.text if statement.actor.key else ""
    result = statement.outcome.said.decode() or "{}"
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


def _cut(raw: bytes) -> Mapping[str, Slice]:
    try:
        given = valid_fields(raw)
    except (ValueError, RecursionError) as error:
        parts.parsed(raw)
        deep = isinstance(error, RecursionError)
        raise MalformedStatement("nested too deeply" if deep else "not an object") from None
    if not given.keys() <= _FIELDS:
        # Not named: a key can be a name, and the reason is read by people and kept unsealed.
        raise MalformedStatement("unknown property")
    return given


# --- checking ---------------------------------------------------------------------------------


def _id(given: Slice | None, required: bool) -> str:
    if given is None and not required:
        return ""
    value = _value(given, "id")
    if not parts.is_uuid(value):
        raise MalformedStatement("id is not a UUID")
    return str(value).lower()


def _instant(given: Slice | None, where: str) -> tuple[int | None, tuple[str, ...]]:
    if given is None:
        return None, ()
    try:
        return instant_us(_value(given, where))
    except (ValueError, TypeError, OverflowError):
        raise MalformedStatement(f"{where} is not an instant") from None


def _check_rest(given: Mapping[str, Slice]) -> None:
    if "version" in given and not isinstance(_value(given["version"], "version"), str):
        raise MalformedStatement("version is not text")
    if "attachments" in given:
        parts.a_list(_value(given["attachments"], "attachments"), "attachments")


def _value(given: Slice | None, name: str) -> Json:
    value = None if given is None else parts.parsed(given)
    if value is None and given is not None:
        raise MalformedStatement(f"{name} is null")
    return value
