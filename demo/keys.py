"""The platform's RSA keys: one signs, it alone is published; older ones are kept unpublished."""

import json
import secrets
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from demo.store import Store

BITS = 2048


class Keys:
    """Signs and publishes; keys live in the store and survive a restart."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        if self._row() is None:
            self.rotate(now)

    def rotate(self, now: int) -> str:
        """Replace the key at once, as Moodle does, and return the new kid."""
        kid, pem = secrets.token_hex(10), _pem(_new())
        with self._store.begin() as conn:
            conn.execute("update rsa_key set retired = ? where retired is null", (now,))
            conn.execute("insert into rsa_key values (?, ?, ?, null)", (kid, pem, now))
        return kid

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a JWS signed with the published key."""
        kid, pem = self._active()
        return jwt.encode(claims, pem, algorithm="RS256", headers={"kid": kid})

    def sign_with_foreign_key(self, claims: dict[str, Any]) -> str:
        """Return a JWS that names the published kid but was signed by someone else (a fault)."""
        kid, _ = self._active()
        return jwt.encode(claims, _pem(_new()), algorithm="RS256", headers={"kid": kid})

    def jwks(self) -> dict[str, Any]:
        """Return the key set document."""
        kid, pem = self._active()
        private = serialization.load_pem_private_key(pem.encode(), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)  # we made it ourselves
        key = json.loads(RSAAlgorithm.to_jwk(private.public_key()))
        return {"keys": [{**key, "kid": kid, "alg": "RS256", "use": "sig"}]}

    def _active(self) -> tuple[str, str]:
        row = self._row()
        if row is None:
            raise LookupError("the platform has no key")
        return row

    def _row(self) -> tuple[str, str] | None:
        with self._store.read() as conn:
            row = conn.execute("select kid, pem from rsa_key where retired is null").fetchone()
        return (row["kid"], row["pem"]) if row else None


def _new() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=BITS)


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
