"""After erasing: this browser's old launch says "deleted" and nothing else, until a new launch.

Nothing about the person is left to look up, so what the page says lies in a cookie of the launch's
own path, signed by us: when, how many entries, the number, the language. It ends when the session
would have ended; an old tab without it reads only that this page belongs to no running session.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime

from flask import Flask, Response, make_response, render_template, request
from flask_babel import force_locale

from lti_tool.ports import Launch
from lti_tool.store.database import at, us
from lti_tool.web import cookies, session
from lti_tool.web.formats import moment
from lti_tool.web.services import house
from lti_tool.web.translate import gettext as _

_COOKIE = "erased"


@dataclass(frozen=True, slots=True)
class Erased:
    """What is still said about an erasure."""

    when: datetime
    entries: int
    number: str
    language: str

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        return (
            (_("When"), moment(self.when)),
            (_("Entries"), str(self.entries)),
            (_("Number"), self.number),
        )


def install(app: Flask) -> None:
    """Answer for launches whose person was deleted; has to come before the guard of `session`."""
    app.before_request(_gone)


def of(launch: Launch, entries: int, now: datetime) -> Erased:
    return Erased(now, entries, launch.learner.id[:8].upper(), launch.learner.language)


def remember(response: Response, launch_id: str, erased: Erased) -> None:
    """Let this browser know that the launch is over for good."""
    said = f"{us(erased.when)}.{erased.entries}.{erased.number}.{erased.language}"
    settings = house().settings
    told = cookies.written(
        _COOKIE,
        f"{said}.{_signature(launch_id, said)}",
        prefix=cookies.SECURE,
        path=f"/l/{launch_id}/",
        max_age=settings.session.absolute_s,
        settings=settings,
    )
    response.headers.extend(told)


def _gone() -> Response | None:
    if not request.path.startswith("/l/"):
        return None
    brought = session.read_cookie(_COOKIE, prefix=cookies.SECURE, settings=house().settings)
    erased = _read(request.path.split("/")[2], brought)
    if erased is None:
        return None
    with force_locale(erased.language):
        html = render_template("erased.html", page={"facts": erased.facts, "taken_back": ()})
    return make_response(html, 410)


def _read(launch_id: str, brought: str) -> Erased | None:
    said, _dot, signature = brought.rpartition(".")
    ours = _signature(launch_id, said)
    if not hmac.compare_digest(signature.encode(), ours.encode()):
        return None
    when, entries, number, language = said.split(".")
    return Erased(at(int(when)), int(entries), number, language)


def _signature(launch_id: str, said: str) -> str:
    return house().seal.digest("erased", launch_id, said)
