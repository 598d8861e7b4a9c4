"""My data: what is stored, a copy of all of it, and deleting it."""

from datetime import UTC, datetime
from typing import Any

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from lti_tool.flows import assess, persons, reflecting
from lti_tool.flows.persons import StoredGroup
from lti_tool.web import erasure, reflections, session, sharing, taken_back
from lti_tool.web.formats import language
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local


def data() -> str:
    s, learner = services(), current_launch().learner
    page: dict[str, Any] = {
        "said": _receipt(),
        "groups": [_group(g) for g in persons.stored(s, learner)],
        "reflections": _reflections(),
        "objected": learner.state == "objected",
        "taken_back": taken_back.of_the_path(),
        "shares": sharing.lines(),
    }
    return render_template("data.html", page=page)


def seen_by() -> dict[str, str]:
    """Return who can see it, in words, for every `visible_to` of config/privacy.toml."""
    return {
        "learner": _("only you"),
        "nobody": _("nobody"),
        "learner, receiving system": _("you, and where it is sent to"),
        "learner, chosen recipient": _("you, and whom you chose"),
        "systems with a key of this LRS": _("systems that your municipality gave a key"),
        "learner, administration": _("you, and the administration"),
        "learner, administration of the municipality": _("you, and who manages this service"),
    }


def _group(group: StoredGroup) -> dict[str, str]:
    return {
        "title": group.what[language()],
        "what": ngettext("%(num)d entry", "%(num)d entries", group.count),
        "seen_by": seen_by()[group.visible_to],
        "until": group.kept[language()],
    }


def _reflections() -> list[dict[str, str]]:
    """Return the private questions; they can be answered once there is an attempt to keep them."""
    s, learner = services(), current_launch().learner
    if assess.state(s, learner).state == "none":
        return []
    given = reflections.notes()
    return [
        {
            "key": i.key,
            "title": local(i, "topic") or local(i, "stem"),
            "answered": _said(sum(n.item == i.key for n in given)),
        }
        for i in reflecting.private_items(s)
    ]


def _said(count: int) -> str:
    if not count:
        return _("Not answered yet.")
    return ngettext("%(num)d answer of yours.", "%(num)d answers of yours.", count)


def _receipt() -> str:
    if "gemerkt" in request.args:
        return _("Your answer is saved. Only you see it.")
    if "verknuepft" in request.args:
        return _("Joined. Both learning portals know now that it is you.")
    return _("Your answer is deleted.") if "weg" in request.args else ""


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
    gone = erasure.of(here, sum(counts.values()), now)
    page = {"facts": gone.facts, "taken_back": going}
    response = make_response(render_template("erased.html", page=page))
    session.end(response)
    erasure.remember(response, here.id, gone)
    return response
