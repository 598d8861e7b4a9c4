"""The seat of a device in a Soll workshop: a cookie with a random secret, and nothing else.

It holds nothing about a person and is sent to /soll only. A form that votes carries a token made
from it, so no other site can vote from this device.
"""

from flask import g
from werkzeug.wrappers import Response

from lti_tool.web.cookies import SECURE, fallback_allowed
from lti_tool.web.services import house
from lti_tool.web.session import read_cookie

PATH = "/soll"
_COOKIE = "seat"
KEPT_S = 15 * 24 * 3600  # one day longer than any code is good
LONGEST = 100


def secret() -> str:
    """Return the secret this device brings, or ""; forms of this request get their token."""
    brought = read_cookie(_COOKIE, prefix=SECURE, settings=house().settings)
    found = brought if len(brought) <= LONGEST and brought.isprintable() else ""
    g.csrf = house().seal.digest("csrf", "seat", found) if found else ""
    return found


def keep(response: Response, value: str) -> None:
    _put(response, value, KEPT_S)


def forget(response: Response) -> None:
    _put(response, "", 0)


def _put(response: Response, value: str, max_age: int) -> None:
    settings = house().settings
    names = {SECURE + _COOKIE: True} | ({_COOKIE: False} if fallback_allowed(settings) else {})
    for name, secure in names.items():
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            path=PATH,
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
