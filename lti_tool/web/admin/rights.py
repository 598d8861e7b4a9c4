"""Rights: who may enter the administration, given and taken by a named human. Ids, no names."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import NotFound
from lti_tool.flows import staff as flows
from lti_tool.ports import STAFF_ROLES, Grant
from lti_tool.web.admin import session, words
from lti_tool.web.formats import moment
from lti_tool.web.services import services

DONE = ("gegeben", "hatte", "entzogen")


@dataclass(frozen=True, slots=True)
class Right:
    person: str
    role: str
    title: str
    since: str
    by: str
    own: bool


def rights() -> str:
    """List the rights in force, with the form to give one."""
    done = request.args.get("getan", "")
    return _page(done=done if done in DONE else "")


def grant() -> Response | str:
    """Give a right to a person, by id."""
    person, role = request.form.get("person", "").strip(), request.form.get("role", "")
    if not _is_id(person) or role not in STAFF_ROLES:
        return _page(wrong=True, person=person[:40], role=role)
    try:
        new = flows.grant(services(), session.actor(), person.lower(), role, datetime.now(UTC))
    except NotFound:
        return _page(wrong=True, person=person[:40], role=role)
    return redirect(url_for("admin.rights", getan="gegeben" if new else "hatte"), 303)


def revoking(person: str, role: str) -> str:
    """Ask before a right is taken away."""
    page = {"right": _found(person, role)}
    return render_template("admin/revoke.html", page=page)


def revoke(person: str, role: str) -> Response:
    """Take a right away, at once."""
    _found(person, role)
    flows.revoke(services(), session.actor(), person, role, datetime.now(UTC))
    return redirect(
        url_for("admin.first" if _own(person) else "admin.rights", getan="entzogen"), 303
    )


def _page(*, done: str = "", wrong: bool = False, person: str = "", role: str = "") -> str:
    roles = [(key, words.word(words.ROLES, key)) for key in STAFF_ROLES]
    page = {
        "rights": _all(),
        "done": done,
        "wrong": wrong,
        "person": person,
        "role": role,
        "roles": roles,
        "mine": session.current().learner_id,
        "by_link": not session.current().learner_id,
    }
    return render_template("admin/rights.html", page=page)


def _all() -> list[Right]:
    with services().store.read() as work:
        found = work.staff.grants(session.current().tenant.id)
    return [_right(g) for g in found]


def _right(given: Grant) -> Right:
    title = words.word(words.ROLES, given.role)
    by, since = words.said_of(given.by), moment(given.at)
    return Right(given.learner_id, given.role, title, since, by, _own(given.learner_id))


def _found(person: str, role: str) -> Right:
    mine = [r for r in _all() if (r.person, r.role) == (person, role)]
    if not mine:
        raise NotFound("There is no such right.")
    return mine[0]


def _own(person: str) -> bool:
    return person == session.current().learner_id


def _is_id(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
