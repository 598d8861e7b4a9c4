"""RS256 by hand: sign our tokens, verify the tool's."""

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class Broken(Exception):
    """This token cannot be verified."""


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def jwk(key: rsa.RSAPrivateKey, kid: str) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    n = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
    e = numbers.e.to_bytes(3, "big")
    return {"kty": "RSA", "alg": "RS256", "kid": kid, "e": b64(e), "n": b64(n), "use": "sig"}


def sign(claims: dict[str, Any], key: rsa.RSAPrivateKey, kid: str) -> str:
    head, body = (b64(json.dumps(part).encode()) for part in ({"alg": "RS256", "kid": kid}, claims))
    signed = f"{head}.{body}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{b64(signature)}"


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims, unverified. :raises Broken: it is no token."""
    try:
        head, body, _ = token.split(".")
        return json.loads(unb64(head)), json.loads(unb64(body))
    except ValueError:
        raise Broken("not a token") from None


def verify(token: str, key: rsa.RSAPublicKey) -> dict[str, Any]:
    """Return the claims. :raises Broken: another algorithm or signature."""
    head, claims = parts(token)
    signed, _, signature = token.rpartition(".")
    if head.get("alg") != "RS256":
        raise Broken("algorithm")
    try:
        key.verify(unb64(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise Broken("signature") from None
    return claims


def of_set(keyset: Any, kid: object) -> rsa.RSAPublicKey:
    """Return the key of a key set. :raises Broken: none of that id, or one without `alg`."""
    listed = keyset.get("keys", []) if isinstance(keyset, dict) else []
    found = [k for k in listed if k.get("kid") == kid and kid]
    if not found or found[0].get("alg") != "RS256":
        raise Broken("key")
    e, n = (int.from_bytes(unb64(found[0][name]), "big") for name in "en")
    return rsa.RSAPublicNumbers(e, n).public_key()


def of_pem(pem: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(pem.encode())
    assert isinstance(key, rsa.RSAPublicKey)
    return key
