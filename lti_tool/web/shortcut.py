"""Good logins and launches, answered before Flask is asked: a town starts at eight.

Everything here is also done by the views of `lti`, with the same functions of `starts`; what is
left out is what a framework does around them (docs/adr/0010). Only what is simply good is answered:
a refusal, a page, a frame without cookies, a key that has to be fetched goes to the views as if
nothing had been, and nothing has: a launch is written last, by whoever answers it.
"""

import io
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from lti_tool.errors import DatabaseError
from lti_tool.lti import login as logins
from lti_tool.lti import state
from lti_tool.lti.refusal import Refused
from lti_tool.web import counting, framed, headers
from lti_tool.web.starts import Asked, Onward, Starts

LOGIN, LAUNCH = "/lti/login", "/lti/launch"
#: Where a view finds the error that ended the short way: a database that is down is asked once.
FAILED = "roadmap.failed"

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]


class NotThisWay(Exception):
    """Nothing is wrong; a view has to answer this."""


@dataclass(frozen=True)
class Shortcut:
    """A WSGI application around another."""

    app: App
    starts: Starts

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = _ANSWERS.get(environ["PATH_INFO"])
        if answer is None or environ["REQUEST_METHOD"] not in ("GET", "POST"):
            return self.app(environ, start_response)
        began = time.perf_counter()
        try:
            asked = Asked(environ, self._body(environ))
            onward = answer(self.starts, asked, datetime.now(UTC))
        except (Refused, NotThisWay):
            return self.app(environ, start_response)
        except DatabaseError as error:
            environ[FAILED] = error
            return self.app(environ, start_response)
        route = environ["PATH_INFO"]
        counting.answered(route, environ["REQUEST_METHOD"], onward.status, began)
        return self._said(onward, start_response)

    def _body(self, environ: Environ) -> bytes:
        """Read the body, and leave it there for a view."""
        if environ["REQUEST_METHOD"] == "GET":
            return b""
        length = environ.get("CONTENT_LENGTH", "")
        most = self.starts.settings.security.max_body_bytes
        if not length.isdecimal() or len(length) > 10 or int(length) > most:
            raise NotThisWay
        body: bytes = environ["wsgi.input"].read(int(length))
        environ["wsgi.input"] = io.BytesIO(body)
        return body

    def _said(self, onward: Onward, start_response: StartResponse) -> Iterable[bytes]:
        status = f"{onward.status} {HTTPStatus(onward.status).phrase}"
        said = [("Location", onward.location), ("Content-Length", "0"), *onward.headers]
        start_response(status, said + headers.of_start(self.starts.settings))
        return (b"",)


def _login(starts: Starts, asked: Asked, now: datetime) -> Onward:
    given = asked.given
    if framed.AGAIN in given.values or not framed.keeps_cookies(asked):
        raise NotThisWay
    base_url, seal = starts.settings.server.base_url, starts.house.seal
    begun = logins.begin(given, starts.registered, base_url, seal, now)
    return starts.to_platform(begun)


def _launch(starts: Starts, asked: Asked, now: datetime) -> Onward:
    if asked.environ["REQUEST_METHOD"] != "POST":
        raise NotThisWay
    starts.check_secure(asked.environ)
    form = asked.form
    brought, started = starts.state_of(form, now)
    if not state.belongs(brought, starts.cookie_of(asked.environ, started), starts.house.seal):
        raise NotThisWay
    platform = starts.platform_of(started)

    def key_of(kid: str) -> RSAPublicKey:
        known = starts.keys.known(platform.jwks_url, kid, now)
        if known is None:
            raise NotThisWay
        return known

    verified = starts.verified(form, started, platform, now, key_of)
    admitted = starts.admitted(verified, now)
    if admitted is None:
        raise NotThisWay
    return starts.welcome(admitted, verified, started)


_ANSWERS: dict[str, Callable[[Starts, Asked, datetime], Onward]] = {LOGIN: _login, LAUNCH: _launch}
