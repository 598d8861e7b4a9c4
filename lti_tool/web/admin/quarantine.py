"""Quarantine: messages of an LRS that could not be read. Their form: no person, no result."""

from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import Conflict
from lti_tool.flows import resending
from lti_tool.ports import Aside
from lti_tool.store import quarantine as store
from lti_tool.store.quarantine import SqlQuarantine
from lti_tool.web.admin import session, words
from lti_tool.web.formats import moment
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _

DONE = ("gelesen", "bleibt", "verworfen")


def quarantine() -> str:
    """List what was set aside, and why."""
    with house().database.read() as conn:
        found = store.listed(conn, session.current().tenant.id)
    done = request.args.get("getan", "")
    page = {
        "asides": [_shown(a) for a in found],
        "done": done if done in DONE else "",
        "days": house().settings.retention.raw_statements,
    }
    return render_template("admin/quarantine.html", page=page)


def set_aside(number: str) -> str:
    """Show one message: its form, without person and result."""
    here = house()
    with here.database.read() as conn:
        found = SqlQuarantine(conn, here.seal, None).find(number, session.current().tenant.id)
        form = store.shown(conn, here.seal, found)
    page = {"aside": _shown(found), "form": [(name, _value(value)) for name, value in form]}
    return render_template("admin/aside.html", page=page)


def decide(number: str) -> Response:
    """Read a message again, or throw it away."""
    s, by, now = services(), session.actor(), datetime.now(UTC)
    match request.form.get("do", ""):
        case "retry":
            done = "bleibt" if resending.reread(s, by, number, now) else "gelesen"
        case "drop":
            resending.drop(s, by, number, now)
            done = "verworfen"
        case _:
            raise Conflict("Neither read nor thrown away.")
    return redirect(url_for("admin.quarantine", getan=done), 303)


def _shown(aside: Aside) -> dict[str, str]:
    return {
        "number": aside.number,
        "short": aside.number[:8].upper(),
        "lrs": aside.lrs,
        "since": moment(aside.since),
        "reason": words.reason(aside.reason),
    }


def _value(value: str) -> str:
    """Return the kind of a value in words; a value that may be shown as it is."""
    kinds = {
        "object": _("several values, not shown"),
        "list": _("a list, not shown"),
        "text": _("a text, not shown"),
        "number": _("a number, not shown"),
        "true or false": _("yes or no, not shown"),
        "null": _("empty"),
    }
    return kinds.get(value, value)
