"""Own roles of a municipality: add one, change its words, offer a role no longer, or again."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.flows import role_list
from lti_tool.flows.role_list import RoleDraft, RoleInvalid
from lti_tool.web.admin import session
from lti_tool.web.admin.soll_parts import alike, places, tenant_id
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Wrong:
    field: str
    text: str


def new() -> str:
    """Show the form of an own role."""
    return _form(RoleDraft("", ""))


def add() -> Response | str:
    """Add an own role; its Soll comes by a workshop, a file or by hand."""
    given = _given(request.form.get("key", "")[:LONGEST].strip().upper())
    try:
        made = role_list.add(services(), session.actor(), tenant_id(), given, datetime.now(UTC))
    except RoleInvalid as error:
        return _form(given, _wrong(error))
    return redirect(url_for("admin.soll_role", work=made.key, getan="rolle"), 303)


def change(work: str) -> Response | str:
    """Change the words of an own role, or offer a role no longer, or again."""
    did, now = request.form.get("do", ""), datetime.now(UTC)
    s, by, home = services(), session.actor(), tenant_id()
    if did in ("retire", "restore"):
        role_list.retire(s, by, home, work, now, back=did == "restore")
        done = "aus" if did == "retire" else "wieder"
        return redirect(url_for("admin.soll_role", work=work, getan=done), 303)
    given = _given(work)
    try:
        role_list.change(s, by, home, given, now)
    except RoleInvalid as error:
        return _form(given, _wrong(error), changing=True)
    return redirect(url_for("admin.soll_role", work=work, getan="rolle"), 303)


def _given(key: str) -> RoleDraft:
    form = request.form
    return RoleDraft(
        key=key,
        title=form.get("title", "")[:LONGEST],
        hint=form.get("hint", "")[:LONGEST],
        workplace=form.get("workplace", "mixed"),
        additional="additional" in form,
        alike=form.get("alike", ""),
    )


def _form(given: RoleDraft, wrong: Wrong | None = None, *, changing: bool = False) -> str:
    page = {
        "given": given,
        "wrong": wrong,
        "changing": changing,
        "places": places(),
        "alike": alike(),
    }
    return render_template("admin/soll_role_new.html", page=page)


def _wrong(error: RoleInvalid) -> Wrong:
    said = {
        "key": _("Use 2 to 16 capital letters, digits and hyphens, for example BAD."),
        "taken": _("There is a role with this short name already."),
        "title": _("A role needs a title of at most 80 characters."),
        "hint": _("The line about the work has at most 200 characters."),
    }
    field = "key" if error.field == "taken" else error.field
    return Wrong(field, said.get(error.field, _("Please choose one of the list.")))
