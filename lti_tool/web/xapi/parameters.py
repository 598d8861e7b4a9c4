"""Parameters of requests, read to the same standard as the same things in statements."""

from collections.abc import Collection, Mapping
from typing import Any

import orjson

from lti_tool.web.xapi.refusal import Refusal
from xapi_bridge import findable, forms, rules
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.instants import instant_us

Args = Mapping[str, str]
LONGEST_ID = 1024  # of a document: no name is longer than that


def only(args: Args, *known: Collection[str]) -> None:
    """:raises Refusal: there is a parameter that this resource does not know."""
    if strange := args.keys() - frozenset().union(*known):
        raise Refusal(400, f"There is no parameter {min(strange)[:40]!r} here.")


def agent(args: Args, *, person: bool = False) -> dict[str, Any] | None:
    """Return the agent or identified group that is meant; `person`: no group.

    :raises Refusal: it is neither.
    """
    if (given := args.get("agent")) is None:
        return None
    try:
        found = orjson.loads(given)
        rules.require_actor(found)
    except (orjson.JSONDecodeError, MalformedStatement) as error:
        raise Refusal(400, f"agent is not an Agent as JSON: {error}.") from None
    if findable.identifier(found) is None or (person and found.get("objectType") == "Group"):
        raise Refusal(400, "agent has to be an Agent with an identifier.")
    return dict(found)


def identifier(args: Args) -> str:
    """Return what identifies the agent that is meant, "" if none is."""
    found = agent(args)
    return "" if found is None else findable.identifier(found) or ""


def iri(args: Args, name: str) -> str:
    given = args.get(name)
    if given is None:
        return ""
    if not forms.is_iri(given):
        raise Refusal(400, f"{name} is not an IRI.")
    return given


def uuid(args: Args, name: str) -> str:
    given = args.get(name)
    if given is None:
        return ""
    if not forms.is_uuid(given):
        raise Refusal(400, f"{name} is not a UUID.")
    return given.lower()


def document_id(args: Args, name: str) -> str | None:
    given = args.get(name)
    if given is not None and ("\0" in given or len(given) > LONGEST_ID):
        raise Refusal(400, f"{name} has at most {LONGEST_ID} characters, and no NUL.")
    return given


def boolean(args: Args, name: str) -> bool:
    given = args.get(name, "false")
    if given not in ("true", "false"):
        raise Refusal(400, f"{name} is true or false.")
    return given == "true"


def instant(args: Args, name: str) -> int | None:
    if (given := args.get(name)) is None:
        return None
    try:
        return instant_us(given)[0]
    except (ValueError, OverflowError):
        raise Refusal(400, f"{name} is not an instant.") from None


def whole_number(args: Args, name: str) -> int:
    """Return the number, 0 if it is not there."""
    given = args.get(name, "0")
    if not given.isdecimal() or not given.isascii() or len(given) > 9:
        raise Refusal(400, f"{name} is a whole number, zero or more.")
    return int(given)


def one_of(args: Args, name: str, *allowed: str) -> str:
    """Return the value; the first one is the default."""
    given = args.get(name, allowed[0])
    if given not in allowed:
        raise Refusal(400, f"{name} is one of {', '.join(allowed)}.")
    return given
