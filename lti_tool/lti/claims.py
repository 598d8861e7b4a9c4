"""Typed reading of claims: absent, empty, null, wrong type, too long each have an outcome.

Required text is a non-empty string. An optional claim may be absent or null; if it is there, it
has the right type or the launch is refused with the claim's name. What we do not read is ignored.
"""

import math
from collections.abc import Mapping
from typing import Any

from lti_tool.lti.refusal import Code, Refused

LONGEST_ID = 255  # LTI 1.3 section 5.3: ids are at most 255 characters
Claims = Mapping[str, Any]


def malformed(name: str) -> Refused:
    return Refused(Code.CLAIM_MALFORMED, claim=name.rsplit("/", 1)[-1])


def required(claims: Claims, name: str, missing: Code, *, longest: int = LONGEST_ID) -> str:
    """Return a required text claim.

    :raises Refused: with `missing` if absent, null or empty; else malformed.
    """
    value = claims.get(name)
    if value is None or value == "":
        raise Refused(missing)
    return _text(value, name, longest)


def optional(claims: Claims, name: str, *, longest: int = LONGEST_ID) -> str:
    """Return an optional text claim, "" if absent, null or empty."""
    value = claims.get(name)
    return "" if value is None else _text(value, name, longest)


def title(claims: Claims, name: str) -> str:
    """Return an optional text made for people: cut, and cleaned of what no page can show."""
    value = claims.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(name)
    clean = "".join(c if c.isprintable() else " " for c in value)
    return " ".join(clean.split())[:LONGEST_ID]


def section(claims: Claims, name: str) -> Claims:
    """Return an optional object claim, empty if absent or null."""
    value = claims.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed(name)
    return value


def texts(claims: Claims, name: str) -> tuple[str, ...]:
    """Return an optional list of texts, empty if absent or null."""
    value = claims.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise malformed(name)
    return tuple(value)


def moment(claims: Claims, name: str) -> float | None:
    """Return a NumericDate in seconds since 1970, None if absent. Null is malformed: a time that
    is named must bind."""
    if name not in claims:
        return None
    value = claims[name]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or abs(value) > 1e12 or not math.isfinite(value):
        raise Refused(Code.TIME_MALFORMED, claim=name)
    return float(value)


def _text(value: object, name: str, longest: int) -> str:
    # isprintable also refuses NUL (PostgreSQL cannot store it) and lone surrogates.
    if not isinstance(value, str) or len(value) > longest or not value.isprintable():
        raise malformed(name)
    return value
