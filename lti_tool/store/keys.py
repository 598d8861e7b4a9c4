"""Keys: the shelf of platforms' key sets, shared by all workers, and the tool's own sealed keys.

A tool key is `next` (published, not yet used), `active` (signs) or `retiring` (published, no longer
used). Private parts are sealed; only the public JWK lies open.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Connection, insert, select, update

from lti_tool.ports import ShelvedKeys, ToolKey
from lti_tool.seal import Seal
from lti_tool.store.database import Database, at, upsert, us
from lti_tool.store.schema.lti import platform_keys, tool_key

BITS = 2048


@dataclass(frozen=True)
class KeyShelf:
    """The last good key set per address (implements lti.keys.Shelf)."""

    database: Database

    def look(self, url: str) -> ShelvedKeys | None:
        with self.database.read() as conn:
            row = conn.execute(
                select(platform_keys).where(platform_keys.c.jwks_url == url)
            ).one_or_none()
        if row is None:
            return None
        tried = at(row.tried_us) if row.tried_us else None
        return ShelvedKeys(tuple(row._mapping["keys"]), at(row.fetched_us), tried)

    def put(self, url: str, entries: tuple[Mapping[str, str], ...], now: datetime) -> None:
        row = {"jwks_url": url, "keys": [dict(e) for e in entries], "fetched_us": us(now)}
        with self.database.begin() as conn:
            if not conn.execute(
                update(platform_keys).where(platform_keys.c.jwks_url == url).values(**row)
            ).rowcount:
                upsert(conn, platform_keys, {**row, "tried_us": 0}, "jwks_url")

    def claim(self, url: str, before: datetime, now: datetime) -> bool:
        with self.database.begin() as conn:
            # The condition and the write are one statement: of several workers one wins.
            claimed = conn.execute(
                update(platform_keys)
                .where(platform_keys.c.jwks_url == url, platform_keys.c.tried_us <= us(before))
                .values(tried_us=us(now))
            )
        return claimed.rowcount == 1


def active(conn: Connection, seal: Seal, now: datetime) -> ToolKey:
    """Return the key that signs; the first one is made on demand. May write."""
    row = conn.execute(
        select(tool_key).where(tool_key.c.state == "active").order_by(tool_key.c.created_us.desc())
    ).first()
    if row is not None:
        return ToolKey(row.kid, seal.open(row.sealed))
    return _make(conn, seal, now)


def published(conn: Connection) -> list[dict[str, Any]]:
    """Return the public JWKs of all keys that platforms may meet, newest first."""
    query = select(tool_key.c.public).order_by(tool_key.c.created_us.desc())
    return list(conn.execute(query).scalars())


def states(conn: Connection) -> list[tuple[str, str, datetime]]:
    """Return kid, state and creation of every key, newest first."""
    rows = conn.execute(select(tool_key).order_by(tool_key.c.created_us.desc()))
    return [(row.kid, row.state, at(row.created_us)) for row in rows]


def _make(conn: Connection, seal: Seal, now: datetime) -> ToolKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    made = ToolKey(secrets.token_hex(16), _pem(key))
    conn.execute(
        insert(tool_key).values(
            kid=made.kid,
            sealed=seal.seal(made.pem),
            public=_jwk(made.kid, key.public_key()),
            state="active",
            created_us=us(now),
        )
    )
    return made


def _pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _jwk(kid: str, key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": kid,
        "n": _base64url(numbers.n),
        "e": _base64url(numbers.e),
    }


def _base64url(number: int) -> str:
    data = number.to_bytes((number.bit_length() + 7) // 8)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
