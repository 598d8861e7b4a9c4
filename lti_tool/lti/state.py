"""The state of a login: a signed record, alive ten minutes, bound to one browser and one nonce.

Nothing is stored between login and launch, so a restart or another worker does no harm; what makes
it one-time is the nonce in the database. The cookie holds a keyed digest of the state that nobody
can compute from the state in the URL. Source: OIDC core 3.1.2.1, IMS Security Framework 5.1.1.
"""

import hmac
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from lti_tool.lti.refusal import Code, Refused
from lti_tool.seal import Seal

LIFETIME = timedelta(minutes=10)
COOKIE_PREFIX = "lti-state-"


@dataclass(frozen=True, slots=True)
class Login:
    """What the login was for. The launch is held against exactly this."""

    platform_id: str
    issuer: str
    client_id: str
    nonce: str
    target: str
    started: float  # seconds since 1970 UTC
    storage: str = ""  # frame of the platform that keeps the proof; "": a cookie does

    @property
    def cookie(self) -> str:
        """Return the name of this login's own cookie, without prefix."""
        # Part of the nonce is enough to keep logins apart; the value is what proves something.
        return COOKIE_PREFIX + self.nonce[:16]


_FIELDS = tuple(field.name for field in fields(Login))  # asdict() would copy each value


def new_nonce() -> str:
    return secrets.token_hex(24)


def sign(login: Login, seal: Seal) -> str:
    record = {name: getattr(login, name) for name in _FIELDS}
    body = urlsafe_b64encode(json.dumps(record).encode()).decode().rstrip("=")
    return f"{body}.{seal.digest('lti-state', body)}"


def proof(state: str, seal: Seal) -> str:
    """Return what this browser's state cookie must hold."""
    return seal.digest("lti-state-cookie", state)[:32]


def belongs(state: str, cookie: str, seal: Seal) -> bool:
    return hmac.compare_digest(proof(state, seal).encode(), cookie.encode())


def read(state: str, seal: Seal, now: datetime) -> Login:
    """Return the login that a state we signed was for.

    :raises Refused: not ours, altered, or older than ten minutes.
    """
    body, _, signature = state.partition(".")
    good = hmac.compare_digest(seal.digest("lti-state", body).encode(), signature.encode())
    if not good:
        raise Refused(Code.STATE_INVALID)
    login = _decode(body)
    age = now - datetime.fromtimestamp(login.started, UTC)
    if age > LIFETIME:
        raise Refused(Code.STATE_EXPIRED)
    return login


def _decode(body: str) -> Login:
    try:
        return Login(**json.loads(urlsafe_b64decode(body + "=" * (-len(body) % 4))))
    except (ValueError, TypeError, Base64Error):
        # Only after an update that changed the record: it was signed by us, but by an older us.
        raise Refused(Code.STATE_EXPIRED) from None
