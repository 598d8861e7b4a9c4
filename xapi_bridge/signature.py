"""Signed statements: whether the signature that came with one is well formed and signs it.

A check for mistakes, not for who signed: a certificate, if there is one, is whatever the sender put
in. Source: xAPI 1.0.3 data 2.6; RFC 7515. Pure.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_der_x509_certificate

from xapi_bridge import rules
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.same import same

_DIGESTS = {"RS256": hashes.SHA256(), "RS384": hashes.SHA384(), "RS512": hashes.SHA512()}


def require_signed(statement: Mapping[str, Any], signature: bytes) -> None:
    """Check the compact JWS that came as an attachment of this statement.

    :raises MalformedStatement: it is not one, uses another algorithm, signs another statement, or
        its certificate says that it does not fit.
    """
    try:
        head, payload, seal = (_decoded(part) for part in signature.strip().split(b"."))
        header, signed = orjson.loads(head), orjson.loads(payload)
    except (ValueError, binascii.Error):
        raise MalformedStatement("the signature is not a JSON Web Signature") from None
    if not isinstance(header, dict) or header.get("alg") not in _DIGESTS:
        raise MalformedStatement("the signature uses another algorithm than RS256, RS384, RS512")
    _require_same(statement, signed)
    if header.get("x5c"):
        _require_fitting(header, signature.strip().rpartition(b".")[0], seal)


def _require_same(statement: Mapping[str, Any], signed: Any) -> None:
    try:
        rules.require(signed)
    except MalformedStatement:
        raise MalformedStatement("what is signed is not a statement") from None
    # The signature is an attachment itself: what was signed could not hold it.
    if not same(statement, signed, without="attachments"):
        raise MalformedStatement("another statement is signed than the one that was sent")


def _require_fitting(header: Mapping[str, Any], signed: bytes, seal: bytes) -> None:
    try:
        certificate = load_der_x509_certificate(base64.b64decode(header["x5c"][0], validate=True))
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("no RSA key")
        key.verify(seal, signed, padding.PKCS1v15(), _DIGESTS[header["alg"]])
    except (ValueError, TypeError, KeyError, IndexError, InvalidSignature):
        raise MalformedStatement("the signature does not fit its certificate") from None


def _decoded(part: bytes) -> bytes:
    return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
