"""One launch, one secret, one path: what a request below /l/<launch>/ has to prove.

The secret lies in a cookie with the launch's own path, so tabs and courses stay apart and nothing
secret is in a URL. Every POST also carries the launch's form token, and must come from our own
pages. Source: decisions.md 4.4, reference/lti.md rule 16, OWASP ASVS 5.0 3.5 and 7.
"""

import hmac
from datetime import UTC, datetime, timedelta
from typing import cast

from flask import Flask, Response, g, request

from lti_tool.lti.addresses import origin
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import Admitted, Launch
from lti_tool.settings import Settings
from lti_tool.store import launches
from lti_tool.store.launches import Opened
from lti_tool.web import headers
from lti_tool.web.services import house

CSRF_FIELD = "csrf"
_COOKIE = "launch"
_TOUCH = timedelta(seconds=60)  # how exact the idle time is; else every page would write


def install(app: Flask) -> None:
    """Guard everything below /l/."""
    app.before_request(_guard)
    app.context_processor(lambda: {"csrf_token": csrf_token})


def current_launch() -> Launch:
    """Return the launch of this request, which lies below /l/<launch>/."""
    return cast(Launch, g.launch)


def csrf_token() -> str:
    """Return the form token of this launch, for the field `csrf`."""
    return str(g.csrf)


def set_cookie(response: Response, admitted: Admitted, settings: Settings) -> None:
    """Give the launch's secret to the browser."""
    path = f"/l/{admitted.launch_id}/"
    put_cookie(
        response,
        _COOKIE,
        admitted.secret,
        prefix="__Secure-",
        path=path,
        max_age=settings.session.absolute_s,
        settings=settings,
    )


def put_cookie(
    response: Response,
    name: str,
    value: str,
    *,
    prefix: str,
    path: str,
    max_age: int | None,
    settings: Settings,
) -> None:
    """Set (or with max_age 0 delete) a cookie that works inside a foreign frame.

    Without max_age it lasts as long as the browser.
    """
    response.set_cookie(
        prefix + name,
        value,
        max_age=max_age,
        path=path,
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
    )
    if fallback_allowed(settings):
        # Programs, and some browsers, keep no Secure cookie of a plain-http page.
        response.set_cookie(name, value, max_age=max_age, path=path, httponly=True, samesite="Lax")


def read_cookie(name: str, *, prefix: str, settings: Settings) -> str:
    """Return a cookie's value, or ""."""
    value = request.cookies.get(prefix + name)
    if not value and fallback_allowed(settings):
        value = request.cookies.get(name)
    return value or ""


def fallback_allowed(settings: Settings) -> bool:
    server = settings.server
    return settings.development and server.loopback and not server.secure


def end(response: Response) -> None:
    """End the launch of this request: for good in the database, and in the browser. Writes."""
    launch = current_launch()
    with house().database.begin() as conn:
        launches.end(conn, launch.id, datetime.now(UTC))
    put_cookie(
        response,
        _COOKIE,
        "",
        prefix="__Secure-",
        path=f"/l/{launch.id}/",
        max_age=0,
        settings=house().settings,
    )
    g.pop("launch")  # the page that follows is nobody's


def _guard() -> None:
    """Let a request below /l/ pass only with its launch's secret.

    :raises Refused: no, foreign or ended session; a POST without token or from elsewhere.
    """
    if not request.path.startswith("/l/"):
        return
    now = datetime.now(UTC)
    opened, secret = _opened(request.path.split("/")[2])
    headers.framed_by(opened.platform_urls)
    session = house().settings.session
    if not opened.running(now, idle_s=session.idle_s, absolute_s=session.absolute_s):
        raise Refused(Code.SESSION_ENDED, locale=opened.launch.learner.language)
    g.launch = opened.launch
    g.csrf = house().seal.digest("csrf", opened.launch.id, secret)
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        check_form(opened.launch.learner.language)
    if now - opened.seen > _TOUCH:
        with house().database.begin() as conn:
            launches.touch(conn, opened.launch.id, now)


def _opened(launch_id: str) -> tuple[Opened, str]:
    # What does not exist and what is somebody else's look the same from outside.
    secret = read_cookie(_COOKIE, prefix="__Secure-", settings=house().settings)
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
