"""Audit log: who did what, about what, and when. Read only; the staff council sees counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for

from lti_tool.store import audit
from lti_tool.store.audit import Entry
from lti_tool.web.admin import session, words
from lti_tool.web.formats import moment
from lti_tool.web.services import house
from lti_tool.web.translate import gettext as _

A_PAGE = 50
FURTHEST = 10_000


@dataclass(frozen=True, slots=True)
class Line:
    at: str
    who: str
    what: str
    about: str


def log() -> str:
    """Show what was done: for an admin line by line, for the staff council counted."""
    here = session.current()
    number = request.args.get("ab", "0")
    skip = min(int(number), FURTHEST) if number.isdecimal() and len(number) < 7 else 0
    single = "admin" in here.roles
    with house().database.read() as conn:
        counts = audit.counted(conn, here.tenant.id)
        found = audit.page(conn, here.tenant.id, A_PAGE + 1, skip) if single else []
    page: dict[str, Any] = {
        "counts": [(words.word(words.ACTIONS, a), str(n)) for a, n in counts.items()],
        "single": single,
        "days": house().settings.retention.audit,
        "lines": [_line(entry) for entry in found[:A_PAGE]],
        "older": url_for("admin.log", ab=skip + A_PAGE) if len(found) > A_PAGE else "",
        "newer": url_for("admin.log", ab=max(0, skip - A_PAGE)) if skip else "",
    }
    return render_template("admin/log.html", page=page)


def _line(entry: Entry) -> Line:
    what = words.word(words.ACTIONS, entry.action)
    return Line(moment(entry.at), words.said_of(entry.actor), what, _about(entry.detail))


def _about(detail: Mapping[str, Any]) -> str:
    """Return what an entry is about. Only known fields: a reason may hold whatever was typed."""
    found = []
    if role := detail.get("role"):
        found.append(words.word(words.ROLES, str(role)))
    if person := detail.get("person"):
        found.append(_("person %(number)s", number=str(person)[:8].upper()))
    if work := detail.get("work"):
        number = detail.get("version")
        found.append(f"{work} {number}" if isinstance(number, int) else str(work))
    for key in ("issuer", "lrs", "switch", "state"):
        if value := detail.get(key):
            found.append(str(value))
    if job := detail.get("job"):
        title, _every = words.JOBS.get(str(job), (job, ""))
        found.append(str(title))
    if statement := detail.get("statement"):
        found.append(_("message %(number)s", number=str(statement)[:8].upper()))
    for key in ("count", "rows"):
        if isinstance(value := detail.get(key), int):
            found.append(_("number: %(number)s", number=value))
    return ", ".join(found) or "–"
