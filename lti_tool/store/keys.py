"""Keys: the shelf of platforms' key sets, shared by all workers, and the tool's own sealed keys.

A tool key is `next` (published, not yet used), `active` (signs) or `retiring` (published, no longer
used). A new key is published for at least an hour before it signs, an old one for more than a day
after it signed last: platforms keep our key set for a while. Private parts are sealed; only the
public JWK lies open. Source: reference/lti.md cases Y09 to Y12.
"""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Connection, delete, insert, select, update

from lti_tool.ports import ShelvedKeys, ToolKey
from lti_tool.seal import Seal
from lti_tool.store.database import Database, at, upsert, us
from lti_tool.store.schema.lti import platform_keys, tool_key

BITS = 2048
PUBLISHED_BEFORE = timedelta(hours=1)
PUBLISHED_AFTER = timedelta(hours=25)  # a day, and what was being signed when the key retired


class KeyState(NamedTuple):
    """One of the tool's keys, without its secret part."""

    kid: str
    state: str  # next | active | retiring
    created: datetime
    retired: datetime | None


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


def states(conn: Connection) -> list[KeyState]:
    """Return every key, the newest first."""
    rows = conn.execute(select(tool_key).order_by(tool_key.c.created_us.desc()))
    return [
        KeyState(r.kid, r.state, at(r.created_us), at(r.last_used_us) if r.last_used_us else None)
        for r in rows
    ]


def prepare(conn: Connection, seal: Seal, now: datetime) -> list[tuple[str, str]]:
    """Publish the next key, to sign from an hour on; return (kid, state). Writes.

    Nothing if one is waiting already. The very first key signs at once: nobody knows another.
    """
    found = _locked(conn)
    if any(key.state == "next" for key in found):
        return []
    state = "next" if found else "active"
    return [(_make(conn, seal, now, state=state).kid, state)]


def advance(conn: Connection, now: datetime) -> list[tuple[str, str]]:
    """Let what is due happen to each key; return (kid, what became of it). Writes.

    `active`: it was published long enough and signs from now on; `retiring`: it signs no more;
    `removed`: nobody can hold anything it signed.
    """
    found = _locked(conn)
    done: list[tuple[str, str]] = []
    due = [k for k in found if k.state == "next" and now - k.created >= PUBLISHED_BEFORE]
    for key in due[:1]:
        done += _activate(conn, key.kid, found, now)
    for key in found:
        if key.state == "retiring" and key.retired and now - key.retired >= PUBLISHED_AFTER:
            conn.execute(delete(tool_key).where(tool_key.c.kid == key.kid))
            done.append((key.kid, "removed"))
    return done


def replace_at_once(conn: Connection, seal: Seal, now: datetime) -> list[tuple[str, str]]:
    """Drop every key and sign with a new one: the old ones are in wrong hands. Writes.

    For some minutes a platform may still know the old keys only, and refuse us.
    """
    gone = [(key.kid, "removed") for key in _locked(conn)]
    conn.execute(delete(tool_key))
    return [*gone, (_make(conn, seal, now).kid, "active")]


def _locked(conn: Connection) -> list[KeyState]:
    """Return every key; other rotations wait until this one is through."""
    conn.execute(select(tool_key.c.kid).with_for_update()).all()
    return states(conn)


def _activate(
    conn: Connection, kid: str, found: list[KeyState], now: datetime
) -> list[tuple[str, str]]:
    olds = [key.kid for key in found if key.state == "active"]
    retired = update(tool_key).where(tool_key.c.kid.in_(olds))
    conn.execute(retired.values(state="retiring", last_used_us=us(now)))
    conn.execute(update(tool_key).where(tool_key.c.kid == kid).values(state="active"))
    return [(kid, "active"), *((old, "retiring") for old in olds)]


def _make(conn: Connection, seal: Seal, now: datetime, *, state: str = "active") -> ToolKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    made = ToolKey(secrets.token_hex(16), _pem(key))
    conn.execute(
        insert(tool_key).values(
            kid=made.kid,
            sealed=seal.seal(made.pem),
            public=_jwk(made.kid, key.public_key()),
            state=state,
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
