"""Who may send to the embedded LRS and read from it: keys of a tenant, each for what it is for.

A secret is shown once and kept as a scrypt hash. A revoked key stays as a row: statements name it
as their authority, and somebody may ask which system that was.
"""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, Text, bindparam, cast, select, update

from lti_tool.errors import Conflict, NotFound
from lti_tool.ports import LrsKey
from lti_tool.store.database import at, us
from lti_tool.store.prepared import Prepared
from lti_tool.store.schema.core import tenant
from lti_tool.store.schema.embedded import xapi_credential
from lti_tool.store.straight import Straight

# scope -> what a key with it may do
SCOPES: Mapping[str, frozenset[str]] = {
    "write": frozenset({"statements/write"}),
    "mine": frozenset({"statements/write", "statements/read/mine"}),
    "read": frozenset({"statements/read", "documents/read"}),
    "all": frozenset({"statements/write", "statements/read", "documents/read", "documents/write"}),
}
_READ = ("id", "tenant_id", "key", "scope", "secret_hash", "speaks", "used_us")
USE_NOTED = timedelta(days=1)  # how exactly the last use is known
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}


_OF_KEY = Prepared(
    "xapi_keys.credential",
    lambda _dialect: (
        select(
            *(xapi_credential.c[name] for name in _READ),
            cast(tenant.c.settings, Text),
        )
        .join(tenant, tenant.c.id == xapi_credential.c.tenant_id)
        .where(
            xapi_credential.c.key == bindparam("wanted"),
            xapi_credential.c.revoked_us.is_(None),
        )
    ),
)


@dataclass(frozen=True, slots=True)
class Credential:
    """Who asks: a sender of one tenant."""

    id: str
    tenant_id: str
    key: str
    scope: str
    secret_hash: str
    speaks: str  # 1 | 2
    used_us: int | None
    enabled: bool  # the tenant has its own LRS switched on

    def may(self, what: str) -> bool:
        return what in SCOPES[self.scope]


@dataclass(frozen=True, slots=True)
class SqlLrsKeys:
    """Implements ports.LrsKeys."""

    conn: Connection

    def make(self, tenant_id: str, scope: str, name: str, now: datetime) -> tuple[str, str]:
        return new_credential(self.conn, tenant_id, scope, now, name)

    def listed(self, tenant_id: str) -> tuple[LrsKey, ...]:
        c = xapi_credential.c
        mine = select(xapi_credential).where(c.tenant_id == tenant_id)
        rows = self.conn.execute(mine.order_by(c.created_us, c.key))
        return tuple(
            LrsKey(r.key, r.scope, r.name, at(r.created_us), _at(r.used_us), _at(r.revoked_us))
            for r in rows
        )

    def revoke(self, tenant_id: str, key: str, now: datetime) -> None:
        c = xapi_credential.c
        in_use = (c.tenant_id == tenant_id) & (c.key == key) & c.revoked_us.is_(None)
        change = update(xapi_credential).where(in_use).values(revoked_us=us(now))
        if self.conn.execute(change).rowcount == 0:
            raise NotFound("There is no such key in use.", remedy="See `roadmap lrs key list`.")


def new_credential(
    conn: Connection, tenant_id: str, scope: str, now: datetime, name: str = ""
) -> tuple[str, str]:
    """Write a new sender and return its key and secret; the secret is shown this once."""
    key, secret = f"rm-{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    add_credential(conn, tenant_id, key, secret, scope, now, name)
    return key, secret


def add_credential(
    conn: Connection,
    tenant_id: str,
    key: str,
    secret: str,
    scope: str,
    now: datetime,
    name: str = "",
) -> None:
    """Write a sender with a given key and secret.

    :raises Conflict: the key is taken.
    """
    if scope not in SCOPES:
        raise ValueError(f"scope {scope!r}")
    if conn.execute(select(xapi_credential.c.id).where(xapi_credential.c.key == key)).first():
        raise Conflict("There is a sender with this key already.", remedy="Choose another key.")
    conn.execute(
        xapi_credential.insert().values(
            id=str(uuid.uuid4()),
            tenant_id=tenant_id,
            key=key,
            secret_hash=hashed(secret),
            scope=scope,
            name=name,
            created_us=us(now),
        )
    )


def credential(conn: Connection | Straight, key: str) -> Credential | None:
    """Return who has this key; None if nobody has, or if it was revoked."""
    for row in _OF_KEY.rows(Straight.of(conn), {"wanted": key}):
        enabled = bool(orjson.loads(row[-1]).get("lrs_embedded", False))
        return Credential(*(*row[:-1], enabled))
    return None


def note_use(conn: Connection, credential_id: str, speaks: str, now: datetime) -> None:
    """Write down that a key was used now, and in which major version of xAPI."""
    mine = xapi_credential.c.id == credential_id
    conn.execute(update(xapi_credential).where(mine).values(used_us=us(now), speaks=speaks))


def is_news(known: Credential, speaks: str, now: datetime) -> bool:
    """Return whether this use of a key is worth a write."""
    last = known.used_us
    return known.speaks != speaks or last is None or last < us(now - USE_NOTED)


def hashed(secret: str) -> str:
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}${_stretched(secret, salt).hex()}"


def fits(secret: str, secret_hash: str) -> bool:
    """Return whether this is the secret; takes tens of milliseconds on purpose."""
    salt, _, wanted = secret_hash.partition("$")
    return hmac.compare_digest(_stretched(secret, bytes.fromhex(salt)), bytes.fromhex(wanted))


def _stretched(secret: str, salt: bytes) -> bytes:
    return hashlib.scrypt(secret.encode(), salt=salt, dklen=32, **_SCRYPT)


def _at(instant_us: int | None) -> datetime | None:
    return None if instant_us is None else at(instant_us)
