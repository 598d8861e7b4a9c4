"""“In another learning portal, too”: a code is shown here, or typed here and confirmed."""

from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import Conflict
from lti_tool.flows import linking
from lti_tool.flows.linking import CodeUnknown
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _

LONGEST = 40


@dataclass(frozen=True, slots=True)
class LinkPage:
    shown: str = ""  # the code of this person
    minutes: int = int(linking.CODE_LIVES.total_seconds() // 60)
    typed: str = ""
    wrong: str = ""
    host: str = ""  # where the typed code was shown
    course: str = ""


def link() -> str:
    """Show the page with both ways: a code from here, a code from there."""
    return _page(LinkPage())


def linked() -> Response | str:
    """Show a code; or look at a typed one; or, confirmed, join."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    did, typed = request.form.get("do", ""), request.form.get("code", "")[:LONGEST]
    if did == "show":
        return _page(LinkPage(shown=linking.show_code(s, learner, now)))
    try:
        if did == "join":
            return _joined(typed, now)
        found = linking.look(s, learner, typed, now)
    except CodeUnknown:
        return _page(LinkPage(typed=typed, wrong=_("This code is not right, or it is too old.")))
    except Conflict:
        return _page(LinkPage(typed=typed, wrong=_("That is the code of this learning portal.")))
    host = urlsplit(found.issuer).netloc
    return _page(LinkPage(typed=typed, host=host, course=found.context))


def _joined(typed: str, now: datetime) -> Response:
    # The session goes on: its launch belongs to the person who stays now.
    linking.join(services(), current_launch().learner, typed, now)
    return redirect(url_for("learner.data", verknuepft=1), 303)


def _page(page: LinkPage) -> str:
    return render_template("link.html", page=page)
