"""One launch, one secret, one path: what a request below /l/<launch>/ has to prove.

The secret lies in a cookie with the launch's own path, so tabs and courses stay apart and nothing
secret is in a URL. Every POST also carries the launch's form token, and must come from our own
pages. Source: decisions.md 4.4, reference/lti.md rule 16, OWASP ASVS 5.0 3.5 and 7.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Flask, Response, g, request

from lti_tool.lti.addresses import origin
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import Admitted, Launch
from lti_tool.settings import Settings
from lti_tool.store import launches
from lti_tool.store.launches import Opened
from lti_tool.web import cookies, headers
from lti_tool.web.services import house

CSRF_FIELD = "csrf"
ASKING = "learner.api_session"  # says when the session ends, and prolongs nothing
_ASKED_BY_SCRIPT = (ASKING, "learner.keep_session")
_TOUCH = timedelta(seconds=60)  # how exact the idle time is; else every page would write


def install(app: Flask) -> None:
    """Guard everything below /l/."""
    app.before_request(_guard)
    app.after_request(_clear)
    app.context_processor(lambda: {"csrf_token": csrf_token})


def current_launch() -> Launch:
    """Return the launch of this request, which lies below /l/<launch>/."""
    return cast(Launch, g.launch)


def csrf_token() -> str:
    """Return the form token of this launch, for the field `csrf`."""
    return str(g.csrf)


def set_cookie(response: Response, admitted: Admitted, settings: Settings) -> None:
    """Give the launch's secret to the browser."""
    response.headers.extend(cookies.of_launch(admitted, settings))


def read_cookie(name: str, *, prefix: str, settings: Settings) -> str:
    """Return a cookie's value, or ""."""
    return cookies.read(request.environ, name, prefix, settings)


def end(response: Response) -> None:
    """End the launch of this request: for good in the database, and in the browser. Writes.

    On a shared device every launch of the person ends, whatever tab or course it is in.
    """
    launch, now = current_launch(), datetime.now(UTC)
    with house().database.begin() as conn:
        launches.end(conn, launch.id, now)
        if launch.shared:
            launches.end_shared(conn, launch, now)
    _forget(response, launch)
    g.pop("launch")  # the page that follows is nobody's


def running(opened: Opened, now: datetime) -> bool:
    """Return whether a launch may still be used."""
    absolute_s = house().settings.session.absolute_s
    return opened.running(now, idle_s=idle_s(opened.launch), absolute_s=absolute_s)


def idle_s(launch: Launch) -> int:
    """Return after how many seconds without a tap a launch ends."""
    limits = house().settings.session
    return limits.shared_idle_s if launch.shared else limits.idle_s


@dataclass(frozen=True, slots=True)
class Ending:
    """When the session of this request ends, in seconds from now."""

    idle_s: int  # unless somebody taps
    absolute_s: int  # whatever happens

    @property
    def left_s(self) -> int:
        return min(self.idle_s, self.absolute_s)


def ending() -> Ending | None:
    """Return when this session ends, or None outside of one."""
    found: Ending | None = g.get("ending") if g.get("launch") else None
    return found


def touch() -> None:
    """Note that the session is in use. Writes."""
    now = datetime.now(UTC)
    with house().database.begin() as conn:
        launches.touch(conn, current_launch().id, now)
    g.ending = Ending(idle_s(current_launch()), g.ending.absolute_s)


def _guard() -> None:
    """Let a request below /l/ pass only with its launch's secret.

    :raises Refused: no, foreign or ended session; a POST without token or from elsewhere.
    """
    if not request.path.startswith("/l/"):
        return
    now = datetime.now(UTC)
    opened, secret = _opened(request.path.split("/")[2])
    headers.framed_by(opened.platform_urls)
    if not running(opened, now):
        raise _over(opened.launch)
    g.launch, g.ending = opened.launch, _ending(opened, now)
    g.csrf = house().seal.digest("csrf", opened.launch.id, secret)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_form(opened.launch.learner.language)
    # Asking how long it lasts is no use of it.
    if now - opened.seen > _TOUCH and request.endpoint != ASKING:
        touch()


def _ending(opened: Opened, now: datetime) -> Ending:
    idle = opened.seen + timedelta(seconds=idle_s(opened.launch)) - now
    last = opened.ends_for_good(house().settings.session.absolute_s) - now
    return Ending(round(idle.total_seconds()), round(last.total_seconds()))


def _over(launch: Launch) -> Refused:
    if launch.shared:
        if request.endpoint not in _ASKED_BY_SCRIPT:
            g.left_behind = launch  # else the page that follows would not know whose it was
        return Refused(Code.SESSION_LEFT, locale=launch.learner.language)
    return Refused(Code.SESSION_ENDED, locale=launch.learner.language)


def _clear(response: Response) -> Response:
    if launch := g.pop("left_behind", None):
        _forget(response, launch)
    return response


def _forget(response: Response, launch: Launch) -> None:
    """Take the launch out of the browser; from a shared device everything of ours."""
    gone = cookies.written(
        cookies.LAUNCH,
        "",
        prefix=cookies.SECURE,
        path=f"/l/{launch.id}/",
        max_age=0,
        settings=house().settings,
    )
    response.headers.extend(gone)
    if launch.shared:
        # Not "cookies": that reaches every site of the town's domain, not only ours.
        response.headers["Clear-Site-Data"] = '"cache", "storage"'


def _opened(launch_id: str) -> tuple[Opened, str]:
    # What does not exist and what is somebody else's look the same from outside.
    secret = read_cookie(cookies.LAUNCH, prefix=cookies.SECURE, settings=house().settings)
    if not secret or not launch_id.isprintable():
        raise Refused(Code.SESSION_FOREIGN)
    with house().database.read() as conn:
        opened = launches.find(conn, launch_id)
    if opened is None or not opened.admits(secret, house().seal):
        raise Refused(Code.SESSION_FOREIGN)
    return opened, secret


def check_form(language: str) -> None:
    """Let a form pass only from our own page, with the token of this request's session.

    :raises Refused: it came from elsewhere, or its token is not this session's.
    """
    check_origin(language)
    brought = request.form.get(CSRF_FIELD, "").encode()
    if not hmac.compare_digest(brought, csrf_token().encode()):
        raise Refused(Code.CSRF, locale=language)
    check_characters(language)


def check_origin(language: str) -> None:
    """:raises Refused: another site made the browser send this."""
    came_from = request.headers.get("Origin")
    if came_from and origin(came_from) != origin(house().settings.server.base_url):
        raise Refused(Code.ORIGIN, locale=language)
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Refused(Code.ORIGIN, locale=language)


def check_characters(language: str) -> None:
    # No control of a page makes NUL, and PostgreSQL cannot keep it.
    if any("\0" in value for _, value in request.form.items(multi=True)):
        raise Refused(Code.PARAMETER_MALFORMED, locale=language)
