"""Zuordnung: which activity of the learning portal stands for what. Nothing about persons.

Every change is shown first, with what it would make of the last messages; then it is taken over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool import sheets
from lti_tool.flows import assigning
from lti_tool.flows.assigning import COLUMNS, LONGEST, Preview, Table
from lti_tool.sheets import SheetUnreadable
from lti_tool.store import mappings
from lti_tool.web.admin import mapping_words, session, soll_words, tables
from lti_tool.web.admin.mapping_words import Tried
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _

SEALED = "mapping-table"
LOOKED_AT = 1000  # messages of a trial
LISTED = 100  # mappings on the page; all of them are in the export
DONE = ("uebernommen",)


@dataclass(frozen=True, slots=True)
class Activity:
    address: str
    name: str  # as the learning portal calls it, "" = unknown
    said: str  # how often, or what it stands for

    @property
    def url(self) -> str:
        return url_for("admin.assign", adresse=self.address)


def mapping() -> str:
    """List what stands for nothing yet, and what stands for what."""
    return _page()


def assign() -> str:
    """Show the form for one activity."""
    return _form(request.args.get("adresse", "")[:LONGEST])


def preview() -> str:
    """Show what a table, or one activity, would change. Nothing is written."""
    if "file" in request.files:
        return _preview_file()
    given = {name: request.form.get(name, "")[: LONGEST + 1].strip() for name in COLUMNS}
    if request.form.get("do") == "loesen":
        return _preview(Table({given[assigning.ACTIVITY]: ""}))
    rows = [list(COLUMNS), [given[name] for name in COLUMNS]]
    table = assigning.read_rows(services().content, rows)
    if table.troubles or not table.aims:
        wrong = mapping_words.wrong(table.troubles[0].cause if table.troubles else "nothing")
        return _form(given[assigning.ACTIVITY], given, wrong)
    return _preview(table)


def take() -> Response:
    """Take over what was shown."""
    aims, now = tables.opened(SEALED), datetime.now(UTC)
    if aims is None:
        return redirect(url_for("admin.mapping"), 303)
    assigning.take(services(), session.actor(), _tenant(), Table(aims), now)
    return redirect(url_for("admin.mapping", getan="uebernommen"), 303)


def trial() -> str:
    """Show what the last messages come to: by rule, with examples, without persons."""
    return render_template("admin/mapping_trial.html", page={"tried": _tried({})})


def export() -> FlaskResponse:
    """Give out what is mapped, or with `was=offen` what is not: as CSV or XLSX."""
    if request.args.get("was") == "offen":
        rows = assigning.to_fill_in(services(), _tenant(), _names())
    else:
        rows = assigning.export(services(), _tenant())
    return tables.given_out("Zuordnung", f"zuordnung-{session.current().tenant.key}", rows)


def _tenant() -> str:
    return session.current().tenant.id


def _names() -> dict[str, str]:
    with house().database.read() as conn:
        return mappings.names(conn, _tenant())


def _page(unreadable: str = "", troubles: list[str] | None = None) -> str:
    with services().store.read() as work:
        waiting, mapped = work.mappings.unmapped(_tenant()), work.mappings.all(_tenant())
    names = _names()
    done = request.args.get("getan", "")
    page = {
        "open": [Activity(a, names.get(a, ""), mapping_words.times(n)) for a, n in waiting.items()],
        "mapped": [
            Activity(a, "", mapping_words.aim(text)) for a, text in list(mapped.items())[:LISTED]
        ],
        "number": len(mapped),
        "done": done if done in DONE else "",
        "unreadable": unreadable,
        "troubles": troubles or [],
    }
    return render_template("admin/mapping.html", page=page)


def _form(address: str, given: Mapping[str, str] | None = None, wrong: str = "") -> str:
    with services().store.read() as work:
        text = work.mappings.all(_tenant()).get(address, "")
    levels = list(enumerate(soll_words.levels()))[1:]
    page = {
        "address": address,
        "name": _names().get(address, ""),
        "now": mapping_words.aim(text) if text else "",
        "given": given or mapping_words.chosen(text),
        "wrong": wrong,
        "units": mapping_words.units(),
        "topics": mapping_words.topics(),
        "levels": [(str(level), f"{level} – {word}") for level, word in levels],
    }
    return render_template("admin/mapping_one.html", page=page)


def _preview_file() -> str:
    data = tables.uploaded()
    if not data:
        return _page(_("No file was chosen."))
    try:
        table = assigning.read_rows(services().content, sheets.read(data))
    except SheetUnreadable as error:
        return _page(str(soll_words.UNREADABLE[error.cause]))
    if table.troubles:
        return _page(troubles=[mapping_words.trouble(t) for t in table.troubles])
    return _preview(table)


def _preview(table: Table) -> str:
    found = assigning.preview(services(), _tenant(), table)
    page = {
        "counts": mapping_words.counts(found),
        "lines": _lines(found),
        "more": max(0, len(found.changes) - LISTED),
        "tried": _tried({c.activity: c.after for c in found.changes}),
        "sealed": tables.sealed(SEALED, dict(table.aims)) if found.changes else "",
    }
    return render_template("admin/mapping_preview.html", page=page)


def _lines(found: Preview) -> list[tuple[str, str]]:
    return [(c.activity, mapping_words.change(c)) for c in found.changes[:LISTED]]


def _tried(change: Mapping[str, str]) -> Tried:
    here = house()
    with here.database.read() as conn:
        found = mappings.rehearse(conn, here.meaning, _tenant(), LOOKED_AT, change=change)
    return mapping_words.tried(found, here.meaning.tables, compared=bool(change))
