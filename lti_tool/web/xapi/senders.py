"""Who asks: a key and its secret, what the key may do, and how often it may ask.

Authentication is Basic only; there is no anonymous access but to `about`. A key belongs to one
tenant and sees nothing of another.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import cast

from flask import current_app, request

from lti_tool.errors import DatabaseError
from lti_tool.store import xapi_keys
from lti_tool.store.xapi_keys import Credential
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.services import house
from lti_tool.web.xapi.asked import VERSION, Asked
from lti_tool.web.xapi.refusal import Refusal

MAJOR = {"1": "1.0.3", "2": "2.0.0"}  # what we answer to each
VERSIONS = ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0")
_MINUTE_S = 60
_SENDERS, _STRANGERS = "xapi-senders", "xapi-strangers"


def limit(senders: RefusalLimit, strangers: RefusalLimit) -> Mapping[str, RefusalLimit]:
    """Return what an app has to know: requests of a key, and wrong secrets of an address."""
    return {_SENDERS: senders, _STRANGERS: strangers}


def sender(asked: Asked, now: datetime) -> Credential:
    """Return whose key this is; unknown keys and wrong secrets cannot be told apart.

    :raises Refusal: 401 nobody we know, 403 the tenant has no LRS, 429 too often.
    """
    if (given := asked.credentials) is None:
        raise Refusal(401, "Send key and secret by Basic authentication.")
    key, secret = given
    found = None
    if key and "\0" not in key:  # PostgreSQL would not even look for it
        with house().database.glance() as straight:
            found = xapi_keys.credential(straight, key)
    if found is None or not _verified(found, secret):
        _count(_STRANGERS, request.remote_addr or "", now)
        raise Refusal(401, "Key and secret do not fit.")
    if not found.enabled:
        raise Refusal(403, "The embedded LRS is not switched on for this tenant.")
    _count(_SENDERS, found.key, now)
    return found


def version(asked: Asked) -> str:
    """Return the major version that is asked for, "1" or "2".

    :raises Refusal: none, or one that is not spoken here.
    """
    given = asked.headers.get(VERSION.lower(), "")
    if given in ("1.0", "2.0") or given.startswith(("1.0.", "2.0.")):
        return given[0]
    raise Refusal(400, f"Send the header {VERSION}: 1.0.3 (or 2.0.0).")


def note_use(known: Credential, major: str, now: datetime) -> None:
    """Remember what a key speaks and that it is used, if that is news."""
    if not xapi_keys.is_news(known, major, now):
        return
    try:
        with house().database.begin() as conn:
            xapi_keys.note_use(conn, known.id, major, now)
    except DatabaseError:
        pass  # the store is busy; this can wait


def require(known: Credential, *rights: str) -> None:
    """:raises Refusal: the key has none of these rights."""
    if not any(known.may(right) for right in rights):
        raise Refusal(403, f"This key is for {known.scope!r} only, and may not do that.")


def _count(which: str, who: str, now: datetime) -> None:
    seconds = now.timestamp()
    counter = cast(RefusalLimit | None, current_app.extensions.get(which))
    if counter is not None and counter.exceeded(f"{which} {who}", seconds):
        wait_s = _MINUTE_S - int(seconds) % _MINUTE_S
        raise Refusal(429, f"Too many requests; come again in {wait_s} s.", wait_s=wait_s)


def _verified(found: Credential, secret: str) -> bool:
    """Check a secret: slowly once, then by a digest that lives in this process only.

    The stored hash is part of what is remembered: a changed or deleted secret counts at once.
    """
    seen = current_app.extensions.setdefault("xapi-verified", (secrets.token_bytes(32), {}))
    process_key, good = cast(tuple[bytes, dict[str, bytes]], seen)
    said = f"{found.secret_hash}\n{secret}".encode()
    digest = hmac.new(process_key, said, hashlib.sha256).digest()
    if hmac.compare_digest(good.get(found.id, b""), digest):
        return True
    if not xapi_keys.fits(secret, found.secret_hash):
        return False
    good[found.id] = digest
    return True
