"""My data: what is stored, a copy of all of it, and deleting it."""

from datetime import UTC, datetime
from typing import Any

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from lti_tool.flows import assess, persons
from lti_tool.flows.persons import StoredGroup
from lti_tool.web import session, taken_back
from lti_tool.web.formats import language, moment
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local


def data() -> str:
    s, learner = services(), current_launch().learner
    page: dict[str, Any] = {
        "said": _("Your answer is saved.") if "gemerkt" in request.args else "",
        "groups": [_group(g) for g in persons.stored(s, learner)],
        "reflections": _reflections(),
        "objected": learner.state == "objected",
        "taken_back": taken_back.sentences(),
    }
    return render_template("data.html", page=page)


def _group(group: StoredGroup) -> dict[str, str]:
    seen_by = {
        "learner": _("only you"),
        "nobody": _("nobody"),
        "learner, receiving system": _("you, and where it is sent to"),
        "learner, chosen recipient": _("you, and whom you chose"),
    }
    return {
        "title": group.what[language()],
        "what": ngettext("%(num)d entry", "%(num)d entries", group.count),
        "seen_by": seen_by.get(group.visible_to, group.visible_to),
        "until": group.kept[language()],
    }


def _reflections() -> list[dict[str, str]]:
    """Return the private questions; they can be answered once there is an attempt to keep them."""
    s, learner = services(), current_launch().learner
    if assess.state(s, learner).state == "none":
        return []
    return [
        {"key": i.key, "title": local(i, "topic") or local(i, "stem"), "answer": ""}
        for i in assess.reflection_items(s)
    ]


def export() -> Response:
    """Send a ZIP with everything about this person, for this person only."""
    archive = persons.export(services(), current_launch().learner)
    response = make_response(archive)
    response.headers["Content-Type"] = "application/zip"
    response.headers["Content-Disposition"] = 'attachment; filename="meine-daten.zip"'
    response.headers["Cache-Control"] = "no-store"
    return response


def erase() -> str:
    return render_template("erase.html", page=erase_page())


def erase_page(*, missing: bool = False) -> dict[str, Any]:
    s, learner = services(), current_launch().learner
    return {
        "missing": missing,
        "counts": [
            (g.what[language()], ngettext("%(num)d entry", "%(num)d entries", g.count))
            for g in persons.stored(s, learner)
        ],
        "taken_back": taken_back.sentences(),
    }


def erased() -> Response | str:
    """Delete everything about this person and end the session."""
    if request.form.get("sure") != "yes":
        return render_template("erase.html", page=erase_page(missing=True))
    here, now = current_launch(), datetime.now(UTC)
    going = taken_back.sentences()
    counts = persons.erase(services(), here.learner, f"learner:{here.learner.id}", now)
    facts = [
        (_("When"), moment(now)),
        (_("Entries"), str(sum(counts.values()))),
        (_("Number"), here.learner.id[:8].upper()),
    ]
    response = make_response(
        render_template("erased.html", page={"facts": facts, "taken_back": going})
    )
    session.end(response)
    return response
