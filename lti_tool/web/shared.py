"""/geteilt: what somebody shared, for whoever was given the code. No account, no name, no list."""

from datetime import UTC, datetime

from flask import current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue

from lti_tool.errors import NotFound
from lti_tool.flows import sharing
from lti_tool.lti.refusal import Code, Refused
from lti_tool.web.ballot import LONGEST_CODE
from lti_tool.web.formats import day
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.services import services
from lti_tool.web.sharing import headings, net, rows
from lti_tool.web.site import spoken_language


def door() -> str:
    """Ask for the code."""
    return render_template("shared.html", page={"typed": "", "wrong": False})


def look() -> ResponseReturnValue:
    """Show what the code opens; a code that opens nothing is counted, so that nobody guesses."""
    typed = request.form.get("code", "")[:LONGEST_CODE]
    try:
        found = sharing.open_code(services(), typed, datetime.now(UTC))
    except NotFound:
        return _refused(typed)
    page = {
        "rows": rows(found.share.said),
        "net": net(found.share),
        "headings": headings(),
        "tenant": found.tenant.name,
        "since": day(found.share.shared),
        "until": day(found.share.until),
    }
    return render_template("shared.html", page=page)


def _refused(typed: str) -> ResponseReturnValue:
    limit: RefusalLimit = current_app.extensions["roadmap_refusals"]
    if limit.exceeded(request.remote_addr or "", datetime.now(UTC).timestamp()):
        raise Refused(Code.RATE, locale=spoken_language())
    page = {"typed": typed, "wrong": True}
    return make_response(render_template("shared.html", page=page), 404)
