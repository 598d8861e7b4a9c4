"""What a browser without our cookies carries from one window to the next, sealed.

A login that has to start again elsewhere, and the one-time code of a launch that goes on in a
window of its own. Both are encrypted: an address or a log shows no hint and no secret. They prove
nothing about a browser: a login gets a new state each time, and a code is spent in the database.
Source: reference/lti.md rule 14; ten minutes are as long as a state (lti.state).
"""

import json
from dataclasses import dataclass
from datetime import datetime

from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import LIFETIME
from lti_tool.seal import Seal, SealBroken

#: Longer than this no proxy takes in an address; such a login goes on without a test.
LONGEST = 6000
_NAMES = (
    *("iss", "login_hint", "target_link_uri", "client_id", "lti_deployment_id"),
    *("lti_message_hint", "lti_storage_target"),
)


@dataclass(frozen=True, slots=True)
class Handover:
    """An accepted launch on its way to a window that keeps its cookie."""

    launch_id: str
    secret: str
    page: str  # path below our own origin


def seal_login(given: Parameters, seal: Seal, now: datetime) -> str:
    """Return the login for an address of ours, or "" if it is too long for one."""
    kept = {name: given.values[name] for name in _NAMES if name in given.values}
    sealed = _sealed("login", kept, seal, now)
    return sealed if len(sealed) <= LONGEST else ""


def open_login(sealed: str, seal: Seal, now: datetime) -> Parameters:
    """Return the parameters of a login that was sealed here.

    :raises Refused: not sealed by us, or more than ten minutes ago.
    """
    kept = _opened("login", sealed, seal, now)
    return Parameters({name: tuple(values) for name, values in kept.items()})


def seal_handover(handover: Handover, seal: Seal, now: datetime) -> str:
    body = {"launch": handover.launch_id, "secret": handover.secret, "page": handover.page}
    return _sealed("handover", body, seal, now)


def open_handover(sealed: str, seal: Seal, now: datetime) -> Handover:
    """Return what a code stands for; whether it was spent only the database knows.

    :raises Refused: not sealed by us, or more than ten minutes ago.
    """
    body = _opened("handover", sealed, seal, now)
    return Handover(body["launch"], body["secret"], body["page"])


def _sealed(purpose: str, body: object, seal: Seal, now: datetime) -> str:
    return seal.seal(json.dumps([purpose, now.timestamp(), body])).decode()


def _opened(purpose: str, sealed: str, seal: Seal, now: datetime) -> dict[str, str]:
    try:
        found = json.loads(seal.open(sealed.encode()))
    except (SealBroken, ValueError):
        raise Refused(Code.STATE_INVALID) from None
    # Other things are sealed with the same key: only a list that starts with its purpose is ours.
    if not isinstance(found, list) or found[:1] != [purpose]:
        raise Refused(Code.STATE_INVALID)
    _purpose, at, body = found
    if now.timestamp() - at > LIFETIME.total_seconds():
        raise Refused(Code.STATE_EXPIRED)
    opened: dict[str, str] = body
    return opened
