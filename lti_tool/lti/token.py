"""An id_token's form and signature: nothing in its header may choose key, algorithm or processing.

One algorithm (RS256), one JWT library (PyJWT), one parse of the payload: of the bytes that were
verified. Source: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (best practice), reference/lti.md 3.6.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lti_tool.lti.refusal import Code, Refused

KeyLookup = Callable[[str], RSAPublicKey]  # kid -> key; raises Refused

# Three parts, none empty, base64url without padding: what a lenient decoder would skip is refused.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_KEY_OFFERS = ("jwk", "jku", "x5u", "x5c")
_TYPES = ("jwt", "application/jwt")
_RS256 = jwt.get_algorithm_by_name("RS256")


def verified_claims(id_token: str, key_of: KeyLookup) -> dict[str, Any]:
    """Return the payload of a token whose signature is good.

    :raises Refused: not a JWT, a header we do not accept, an unknown key, a wrong signature.
    """
    if not _COMPACT.fullmatch(id_token):
        raise Refused(Code.TOKEN_MALFORMED)
    signed, _, signature = id_token.rpartition(".")
    header, _, payload = signed.partition(".")
    key = key_of(_judged_kid(_object(_decoded(header))))
    # The form is judged already: of the library only what judges the signature is needed.
    if not _RS256.verify(signed.encode(), key, _decoded(signature)):
        raise Refused(Code.SIGNATURE)
    return _object(_decoded(payload))


def _decoded(part: str) -> bytes:
    try:
        return urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:  # impossible length
        raise Refused(Code.TOKEN_MALFORMED) from None


def _judged_kid(header: dict[str, Any]) -> str:
    if header.get("alg") != "RS256":
        raise Refused(Code.ALGORITHM)
    # We understand no extension, so anything critical, and b64 (RFC 7797), must be refused.
    if "crit" in header or "b64" in header:
        raise Refused(Code.HEADER_CRITICAL)
    if any(name in header for name in _KEY_OFFERS):
        raise Refused(Code.HEADER_KEY)
    if "typ" in header and str(header["typ"]).lower() not in _TYPES:
        raise Refused(Code.TOKEN_TYPE)
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= 255:
        raise Refused(Code.KID_MISSING)
    return kid


def _object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            data.decode(), object_pairs_hook=_without_duplicates, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise Refused(Code.TOKEN_MALFORMED) from None
    if not isinstance(value, dict):
        raise Refused(Code.TOKEN_MALFORMED)
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers of a token with a name twice may see two different tokens (RFC 7519 section 4).
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> None:
    raise ValueError  # NaN and Infinity are not JSON
