"""Check the tool's client assertion (RFC 7523) and issue access tokens.

Stricter than Moodle, which checks neither `aud` nor the reuse of `jti`: a platform that lets
everything pass would hide mistakes of the tool.
"""

import hashlib
import secrets
import sqlite3
from typing import Any

import jwt

from demo.claims import AGS_SCOPES, NRPS_SCOPE
from demo.config import Config
from demo.toolkeys import NoSuchKey, ToolKeys

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KNOWN_SCOPES = (*AGS_SCOPES, NRPS_SCOPE)
TOKEN_LIFE_S = 3600
LONGEST_ASSERTION_S = 3600
LEEWAY_S = 10


class Refused(Exception):
    """The token endpoint says no; `error` is the OAuth code, the text says what was wrong."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


def check(assertion: str, config: Config, keys: ToolKeys, now: int) -> dict[str, Any]:
    """Return the verified claims of the assertion. :raises Refused:"""
    try:
        kid = jwt.get_unverified_header(assertion).get("kid")
        claims = _verified(assertion, keys.find(str(kid)), config)
    except NoSuchKey as error:
        raise Refused("invalid_client", "no such key") from error
    except jwt.PyJWTError as error:
        raise Refused("invalid_client", str(error)) from error
    _check_times(claims, now)
    if claims["sub"] != config.secrets.client_id:
        raise Refused("invalid_client", "sub is not the client id")
    return claims


def _verified(assertion: str, key: jwt.PyJWK, config: Config) -> dict[str, Any]:
    return jwt.decode(
        assertion,
        key,
        algorithms=["RS256"],
        audience=config.token_url,
        issuer=config.secrets.client_id,
        # Times are checked against the platform's own clock, which a fault may skew.
        options={
            "require": ["iss", "sub", "aud", "exp", "iat", "jti"],
            "verify_exp": False,
            "verify_iat": False,
            "verify_nbf": False,
        },
    )


def _check_times(claims: dict[str, Any], now: int) -> None:
    exp, iat = claims["exp"], claims["iat"]
    if not isinstance(exp, int | float) or not isinstance(iat, int | float):
        raise Refused("invalid_client", "exp and iat must be numbers")
    if exp + LEEWAY_S < now:
        raise Refused("invalid_client", "Expired token")
    if iat - LEEWAY_S > now or exp - now > LONGEST_ASSERTION_S:
        raise Refused("invalid_client", "the assertion lies in the future")


def use_once(conn: sqlite3.Connection, claims: dict[str, Any], now: int) -> None:
    """Note the assertion's id. :raises Refused: it was used before."""
    conn.execute("delete from jti where expires < ?", (now - LEEWAY_S,))
    new = conn.execute(
        "insert or ignore into jti values (?, ?)", (claims["jti"], int(claims["exp"]))
    )
    if new.rowcount == 0:
        raise Refused("invalid_client", "this jti was used before")


def granted(wanted: str) -> list[str]:
    """Return the known scopes among the wanted. :raises Refused: none is known."""
    scopes = [scope for scope in wanted.split() if scope in KNOWN_SCOPES]
    if not scopes:
        raise Refused("invalid_scope", "none of the scopes is known")
    return scopes


def issue(conn: sqlite3.Connection, scopes: list[str], now: int) -> str:
    """Return a new access token; only its digest is stored."""
    token = secrets.token_hex(32)
    conn.execute("delete from token where expires < ?", (now,))
    row = (_digest(token), " ".join(scopes), now + TOKEN_LIFE_S)
    conn.execute("insert into token values (?, ?, ?)", row)
    return token


def allows(conn: sqlite3.Connection, token: str, scopes: tuple[str, ...], now: int) -> bool:
    """Say whether a token is alive and carries at least one of the scopes."""
    found = conn.execute(
        "select scopes from token where digest = ? and expires > ?", (_digest(token), now)
    ).fetchone()
    return found is not None and any(scope in found["scopes"].split() for scope in scopes)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
