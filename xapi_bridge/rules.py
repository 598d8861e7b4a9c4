"""What a statement must be for a store to take it: every property, its form, and nothing else.

Stricter than `statement`, which reads what others have stored. The rules are one table per object;
the reason names the property by its path, never a value or an unknown key: both can be personal.
Nothing goes down into extensions. Source: xAPI 1.0.3 data sections 2.2 to 2.4; contextAgents and
contextGroups of 2.0 are taken in every version: a 2.0 statement may be forwarded here.
"""

from collections.abc import Callable, Mapping
from typing import Any

from xapi_bridge import forms
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.statement import VOIDED

Json = Any
Check = Callable[[Json], None]

VERSIONS = ("1.0", "2.0")
INTERACTIONS = {  # interaction type -> which lists of components it may have
    "true-false": (),
    "choice": ("choices",),
    "fill-in": (),
    "long-fill-in": (),
    "matching": ("source", "target"),
    "performance": ("steps",),
    "sequencing": ("choices",),
    "likert": ("scale",),
    "numeric": (),
    "other": (),
}
SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"
_COMMON = frozenset(("de", "de-DE", "en", "en-US", "en-GB", "fr", "und"))  # languages, for speed
IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")


class _Wrong(Exception):
    """What is wrong, and the path to it, innermost first."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str] = []


def require(document: Json) -> None:
    """Check a parsed statement.

    :raises MalformedStatement: the first thing found wrong, in words for who sent it.
    """
    _named(_STATEMENT, document, "the statement")


def require_actor(document: Json) -> None:
    """Check an Agent or Group.

    :raises MalformedStatement: the first thing found wrong.
    """
    _named(_actor, document, "agent")


def _named(check: Check, document: Json, name: str) -> None:
    try:
        check(document)
    except _Wrong as wrong:
        where = ".".join(reversed(wrong.path)) or name
        raise MalformedStatement(f"{where} {wrong}") from None


# --- building blocks --------------------------------------------------------------------------


def _form(fits: Callable[[Json], bool], what: str) -> Check:
    def check(value: Json) -> None:
        if not fits(value):
            raise _Wrong(f"is not {what}")

    return check


def _one_of(*values: str) -> Check:
    def check(value: Json) -> None:
        if value not in values:
            raise _Wrong(f"is not {' or '.join(values)}")

    return check


def _record(properties: Mapping[str, Check], *required: str) -> Check:
    """Return the check of an object that has these properties and no others."""

    def check(value: Json) -> None:
        if type(value) is not dict:
            raise _Wrong("is not an object")
        for key, inner in value.items():
            rule = properties.get(key)
            if rule is None:
                raise _Wrong("has a property that xAPI does not know")
            try:
                rule(inner)
            except _Wrong as wrong:
                wrong.path.append(key)
                raise
        for key in required:
            if key not in value:
                raise _Wrong(f"has no {key}")

    return check


def _list_of(item: Check, *, empty: bool = True) -> Check:
    def check(value: Json) -> None:
        if type(value) is not list:
            raise _Wrong("is not a list")
        if not value and not empty:
            raise _Wrong("is empty")
        for inner in value:
            item(inner)

    return check


def _both(first: Check, second: Check) -> Check:
    def check(value: Json) -> None:
        first(value)
        second(value)

    return check


def _language_map(value: Json) -> None:
    if type(value) is not dict:
        raise _Wrong("is not a language map")
    for tag, text in value.items():
        if tag not in _COMMON and not forms.is_language(tag):
            raise _Wrong("has a key that is not a language tag")
        if type(text) is not str:
            raise _Wrong("has a value that is not text")


def _extensions(value: Json) -> None:
    if type(value) is not dict:
        raise _Wrong("is not an object")
    if not all(map(forms.is_iri, value)):
        raise _Wrong("has a key that is not an IRI")


def _is_number(value: Json) -> bool:
    return type(value) in (int, float)


def _text(value: Json) -> None:
    if type(value) is not str:
        raise _Wrong("is not text")


def _iri(value: Json) -> None:
    if not forms.is_iri(value):
        raise _Wrong("is not an IRI")


_truth = _form(lambda value: type(value) is bool, "true or false")
_number = _form(_is_number, "a number")
_whole = _form(lambda value: type(value) is int, "a whole number")
_uuid = _form(forms.is_uuid, "a UUID")
_instant = _form(forms.is_instant, "an instant with date, time and zone")
_language = _form(forms.is_language, "a language tag")


# --- who --------------------------------------------------------------------------------------

_ACCOUNT = _record(
    {
        "homePage": _iri,
        "name": _form(lambda v: type(v) is str and v != "" and "\0" not in v, "a name"),
    },
    "homePage",
    "name",
)
_WHO: dict[str, Check] = {
    "name": _text,
    "mbox": _form(forms.is_mailto, "a mailto address"),
    "mbox_sha1sum": _form(
        lambda v: type(v) is str and len(v) == 40 and set(v) <= set("0123456789abcdefABCDEF"),
        "a SHA-1 digest",
    ),
    "openid": _iri,
    "account": _ACCOUNT,
}
_AGENT = _record(_WHO | {"objectType": _one_of("Agent")})


def _identifiers(value: Mapping[str, Json]) -> int:
    return sum(name in value for name in IDENTIFIERS)


def _agent(value: Json) -> None:
    _AGENT(value)
    if _identifiers(value) != 1:
        raise _Wrong("needs exactly one identifier: mbox, mbox_sha1sum, openid or account")


_GROUP = _record(
    _WHO | {"objectType": _one_of("Group"), "member": _list_of(_agent)},
    "objectType",
)


def _group(value: Json) -> None:
    _GROUP(value)
    number = _identifiers(value)
    if number > 1:
        raise _Wrong("has several identifiers")
    if number == 0 and "member" not in value:
        raise _Wrong("has neither identifier nor member")


def _actor(value: Json) -> None:
    is_group = type(value) is dict and value.get("objectType") == "Group"
    (_group if is_group else _agent)(value)


def _authority(value: Json) -> None:
    _actor(value)
    if value.get("objectType") == "Group" and (
        _identifiers(value) or len(value.get("member", ())) != 2
    ):
        raise _Wrong("is a Group, but not one without identifier and with two members")


# --- what -------------------------------------------------------------------------------------

_COMPONENT = _record({"id": _text, "description": _language_map}, "id")


def _components(value: Json) -> None:
    _list_of(_COMPONENT)(value)
    if len({component["id"] for component in value}) < len(value):
        raise _Wrong("has an id twice")


_LISTS = ("choices", "scale", "source", "target", "steps")
_DEFINITION = _record(
    {
        "name": _language_map,
        "description": _language_map,
        "type": _iri,
        "moreInfo": _iri,
        "extensions": _extensions,
        "interactionType": _one_of(*INTERACTIONS),
        "correctResponsesPattern": _list_of(_text),
        **dict.fromkeys(_LISTS, _components),
    }
)


def _definition(value: Json) -> None:
    _DEFINITION(value)
    given = [name for name in _LISTS if name in value]
    kind = value.get("interactionType")
    if kind is None and (given or "correctResponsesPattern" in value):
        raise _Wrong("has parts of an interaction, but no interactionType")
    if kind is not None and not set(given) <= set(INTERACTIONS[kind]):
        raise _Wrong("has components that its interactionType does not know")


_VERB = _record({"id": _iri, "display": _language_map}, "id")
_ACTIVITY = _record(
    {"objectType": _one_of("Activity"), "id": _iri, "definition": _definition}, "id"
)
_REFERENCE = _record({"objectType": _one_of("StatementRef"), "id": _uuid}, "objectType", "id")


def _object(value: Json) -> None:
    kind = value.get("objectType", "Activity") if type(value) is dict else "Activity"
    rule = _OBJECTS.get(kind) if type(kind) is str else None
    if rule is None:
        raise _Wrong("has an objectType that xAPI does not know")
    rule(value)


def _object_inside(value: Json) -> None:
    if type(value) is dict and value.get("objectType") == "SubStatement":
        raise _Wrong("is a SubStatement inside a SubStatement")
    _object(value)


# --- how, and around it -----------------------------------------------------------------------

_SCORE = _record(
    {
        "scaled": _form(lambda v: _is_number(v) and -1 <= v <= 1, "a number from -1 to 1"),
        "raw": _number,
        "min": _number,
        "max": _number,
    }
)


def _score(value: Json) -> None:
    _SCORE(value)
    low, high = value.get("min", float("-inf")), value.get("max", float("inf"))
    if low > high:
        raise _Wrong("has a min above its max")
    if not low <= value.get("raw", low if "min" in value else high) <= high:
        raise _Wrong("has a raw that is not between min and max")


_RESULT = _record(
    {
        "score": _score,
        "success": _truth,
        "completion": _truth,
        "response": _text,
        "duration": _form(forms.is_duration, "a duration"),
        "extensions": _extensions,
    }
)
_activities = _list_of(_ACTIVITY)


def _one_or_more_activities(value: Json) -> None:
    (_ACTIVITY if type(value) is dict else _activities)(value)


_types = _list_of(_iri, empty=False)
_CONTEXT = _record(
    {
        "registration": _uuid,
        "instructor": _actor,
        "team": _group,
        "contextActivities": _record(
            dict.fromkeys(("parent", "grouping", "category", "other"), _one_or_more_activities)
        ),
        "contextAgents": _list_of(
            _record(
                {"objectType": _one_of("contextAgent"), "agent": _agent, "relevantTypes": _types},
                "objectType",
                "agent",
            )
        ),
        "contextGroups": _list_of(
            _record(
                {"objectType": _one_of("contextGroup"), "group": _group, "relevantTypes": _types},
                "objectType",
                "group",
            )
        ),
        "revision": _text,
        "platform": _text,
        "language": _language,
        "statement": _REFERENCE,
        "extensions": _extensions,
    }
)
_ATTACHMENT = _record(
    {
        "usageType": _iri,
        "display": _language_map,
        "description": _language_map,
        "contentType": _text,
        "length": _whole,
        "sha2": _form(forms.is_digest, "a SHA-2 digest"),
        "fileUrl": _iri,
    },
    "usageType",
    "display",
    "contentType",
    "length",
    "sha2",
)


def _attachment(value: Json) -> None:
    _ATTACHMENT(value)
    if value["usageType"] == SIGNATURE and value["contentType"] != "application/octet-stream":
        raise _Wrong("is a signature, but not application/octet-stream")


# --- the whole --------------------------------------------------------------------------------


def _coherent(value: Json) -> None:
    """Check what two properties have to do with each other."""
    context, thing = value.get("context", {}), value["object"]
    kind = thing.get("objectType", "Activity")
    if kind != "Activity" and ("revision" in context or "platform" in context):
        raise _Wrong("has revision or platform, but its object is no Activity")
    if value["verb"]["id"] == VOIDED and kind != "StatementRef":
        raise _Wrong("is to void something, but its object is no StatementRef")


_SAID: dict[str, Check] = {
    "actor": _actor,
    "verb": _VERB,
    "result": _RESULT,
    "context": _CONTEXT,
    "timestamp": _instant,
    "attachments": _list_of(_attachment),
}
_NEEDED = ("actor", "verb", "object")
_SUBSTATEMENT = _both(
    _record(
        _SAID | {"objectType": _one_of("SubStatement"), "object": _object_inside},
        *_NEEDED,
        "objectType",
    ),
    _coherent,
)
_OBJECTS: dict[str, Check] = {
    "Activity": _ACTIVITY,
    "Agent": _agent,
    "Group": _group,
    "StatementRef": _REFERENCE,
    "SubStatement": _SUBSTATEMENT,
}
_STATEMENT = _both(
    _record(
        _SAID
        | {
            "id": _uuid,
            "object": _object,
            "stored": _instant,
            "authority": _authority,
            "version": _form(
                lambda v: type(v) is str and (v in VERSIONS or v[:4] in ("1.0.", "2.0.")),
                "a version of xAPI that is known here",
            ),
        },
        *_NEEDED,
    ),
    _coherent,
)
