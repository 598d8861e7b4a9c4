"""What a well-formed text is in xAPI: identifiers, instants, durations, languages, digests.

Each function returns whether a JSON value is one. Pure; used where a store has to refuse what the
bridge would still read. Source: xAPI 1.0.3 data sections 2.2 and 4; RFC 3987, 5646, 3339; ISO 8601.
"""

import re
from datetime import datetime
from typing import Any

from xapi_bridge.parts import is_iri, is_uuid

__all__ = [
    "is_digest",
    "is_duration",
    "is_instant",
    "is_iri",
    "is_language",
    "is_mailto",
    "is_uuid",
]

# RFC 5646, section 2.1; the irregular tags of old are the last line.
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})"
    r"(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+"
    r"|en-gb-oed|i-[a-z]{3,8}|sgn-(?:be-fr|be-nl|ch-de)",
    re.I,
)
_DURATION = re.compile(
    r"P(?:[0-9]+(?:[.,][0-9]+)?W"
    r"|(?=[0-9]|T[0-9])(?:[0-9]+(?:[.,][0-9]+)?Y)?(?:[0-9]+(?:[.,][0-9]+)?M)?"
    r"(?:[0-9]+(?:[.,][0-9]+)?D)?"
    r"(?:T(?=[0-9])(?:[0-9]+(?:[.,][0-9]+)?H)?(?:[0-9]+(?:[.,][0-9]+)?M)?"
    r"(?:[0-9]+(?:[.,][0-9]+)?S)?)?)"
)
_INSTANT = re.compile(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}T[0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2}(?:[.,][0-9]+)?)?)?"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
)
_NO_ZONE = re.compile(r"-00(?::?00)?$")  # RFC 3339: the zone is not known
_MAILTO = re.compile(r"mailto:[^\s@<>]+@[^\s@<>]+")
_DIGEST = re.compile(r"(?:[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", re.I)


def is_language(text: Any) -> bool:
    return isinstance(text, str) and _LANGUAGE.fullmatch(text) is not None


def is_duration(text: Any) -> bool:
    return isinstance(text, str) and _DURATION.fullmatch(text) is not None


def is_instant(text: Any) -> bool:
    """Return whether it is an instant with date, time and zone that exists in the calendar."""
    if not isinstance(text, str) or _INSTANT.fullmatch(text) is None or _NO_ZONE.search(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_mailto(text: Any) -> bool:
    return is_iri(text) and _MAILTO.fullmatch(text) is not None


def is_digest(text: Any) -> bool:
    """Return whether it is a SHA-2 digest in hexadecimal digits (SHA-224 to SHA-512)."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None
