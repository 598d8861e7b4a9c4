"""Retention: what would be deleted right now, by which rule; the worker does it every hour."""

from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.flows import staff as rights
from lti_tool.flows import upkeep
from lti_tool.store import retention as store
from lti_tool.web.admin import session
from lti_tool.web.admin.rules import words_of
from lti_tool.web.services import house, services


def retention() -> str:
    """Preview: rows past their time, by rule."""
    here, kept = session.current(), house().settings.retention
    now = datetime.now(UTC)
    counts = store.due(house().database, kept, now, here.tenant.id)
    rows = [(*words_of(rule, kept), str(number)) for rule, number in counts.items()]
    page = {
        "rows": rows,
        "total": sum(counts.values()),
        "started": request.args.get("gestartet", "") == "ja",
        "may_start": rights.may_change(here.roles, "retention"),
    }
    return render_template("admin/retention.html", page=page)


def purge() -> Response:
    """Start the deletion run; the worker does it."""
    upkeep.start(services(), session.actor(), "purge", datetime.now(UTC))
    return redirect(url_for("admin.retention", gestartet="ja"), 303)
