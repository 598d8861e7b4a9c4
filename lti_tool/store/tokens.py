"""Service tokens of platforms, sealed, one per platform and set of scopes.

Keyed by platform, never by issuer: two clients of one issuer must not get each other's token.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from lti_tool.ports import AccessToken
from lti_tool.seal import Seal
from lti_tool.store.database import Database, at, upsert, us
from lti_tool.store.schema.lti import access_token


def get(
    conn: Connection, seal: Seal, platform_id: str, scopes: Sequence[str], now: datetime
) -> AccessToken | None:
    """Return the stored token if it is good at `now`."""
    row = conn.execute(
        select(access_token).where(
            access_token.c.platform_id == platform_id,
            access_token.c.scopes == _key(scopes),
            access_token.c.expires_us > us(now),
        )
    ).one_or_none()
    return AccessToken(seal.open(row.sealed), at(row.expires_us)) if row else None


def put(
    conn: Connection, seal: Seal, platform_id: str, scopes: Sequence[str], token: AccessToken
) -> None:
    """Store a token in place of an older one. Writes."""
    row = {
        "platform_id": platform_id,
        "scopes": _key(scopes),
        "sealed": seal.seal(token.value),
        "expires_us": us(token.expires),
    }
    upsert(conn, access_token, row, "platform_id", "scopes")


def drop(conn: Connection, platform_id: str) -> None:
    """Forget the tokens of a platform. Writes."""
    conn.execute(delete(access_token).where(access_token.c.platform_id == platform_id))


def _key(scopes: Sequence[str]) -> str:
    return " ".join(sorted(scopes))


@dataclass(frozen=True, slots=True)
class SqlTokenShelf:
    """The tokens of one platform (implements lti.services.TokenShelf)."""

    database: Database
    seal: Seal
    platform_id: str

    def get(self, scopes: Sequence[str], good_at: datetime) -> AccessToken | None:
        with self.database.read() as conn:
            return get(conn, self.seal, self.platform_id, scopes, good_at)

    def put(self, scopes: Sequence[str], token: AccessToken) -> None:
        with self.database.begin() as conn:
            put(conn, self.seal, self.platform_id, scopes, token)
