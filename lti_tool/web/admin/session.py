"""Who is in the administration: a session of its own, apart from every launch.

Its cookie is sent to /admin only and never inside a foreign frame; every form carries a token of
the session; what a person may do is asked of the database with every request.
"""

from datetime import UTC, datetime, timedelta
from typing import cast

from flask import g, request
from werkzeug.wrappers import Response

from lti_tool.flows import staff as rights
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import Actor, Admitted, StaffSession
from lti_tool.settings import Settings
from lti_tool.store import staff
from lti_tool.web import headers
from lti_tool.web.cookies import SECURE, fallback_allowed
from lti_tool.web.services import house
from lti_tool.web.session import check_form, read_cookie

PATH = "/admin"
_COOKIE = "staff"
_TOUCH = timedelta(seconds=60)


def current() -> StaffSession:
    """Return the session of this request, which lies below /admin."""
    return cast(StaffSession, g.staff)


def actor() -> Actor:
    return current().actor


def set_cookie(response: Response, admitted: Admitted) -> None:
    settings = house().settings
    value = f"{admitted.launch_id}.{admitted.secret}"
    _put(response, value, settings.session.staff_absolute_s, settings)


def end(response: Response) -> None:
    """End the session: for good in the database, and in the browser. Writes."""
    with house().database.begin() as conn:
        staff.end(conn, current().id, datetime.now(UTC))
    _put(response, "", 0, house().settings)
    g.pop("staff")


def require(area: str) -> None:
    """Let a request pass only with a session whose person may see (or by POST: change) the area.

    "" is any session. What does not exist and what is somebody else's look the same from outside.

    :raises Refused: no, foreign or ended session; no right; a form that is not from our own page.
    """
    now = datetime.now(UTC)
    opened, secret = _opened()
    session = house().settings.session
    found = opened.session
    limits = {"idle_s": session.staff_idle_s, "absolute_s": session.staff_absolute_s}
    if not opened.running(now, **limits):
        raise Refused(Code.STAFF_SESSION, locale=found.language)
    headers.framed_by(())
    g.staff = found
    g.contact = found.tenant.settings.contact
    g.csrf = house().seal.digest("csrf", "staff", found.id, secret)
    changes = request.method not in ("GET", "HEAD", "OPTIONS")
    if changes:
        check_form(found.language)
    _require_right(found, area, changes=changes)
    if now - opened.seen > _TOUCH:
        with house().database.begin() as conn:
            staff.touch(conn, found.id, now)


def _require_right(found: StaffSession, area: str, *, changes: bool) -> None:
    seen = rights.sees(found.roles)
    allowed = bool(seen) if not area else area in seen
    if area and changes:
        allowed = allowed and rights.may_change(found.roles, area)
    if not allowed:
        raise Refused(Code.STAFF_RIGHT, locale=found.language)


def _opened() -> tuple[staff.Opened, str]:
    brought = read_cookie(_COOKIE, prefix=SECURE, settings=house().settings)
    session_id, _, secret = brought.partition(".")
    if not secret or not session_id.isprintable() or len(session_id) > 36:
        raise Refused(Code.STAFF_SESSION)
    with house().database.read() as conn:
        opened = staff.find(conn, house().seal, session_id)
    if opened is None or not opened.admits(secret, house().seal):
        raise Refused(Code.STAFF_SESSION)
    return opened, secret


def _put(response: Response, value: str, max_age: int, settings: Settings) -> None:
    # Lax, not Strict: whoever follows a bookmark or a link in a mail is signed in there, too.
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
