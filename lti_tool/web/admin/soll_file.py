"""The Soll as a file: given out as CSV or XLSX, read in after a preview that changes nothing."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.soll import Granularity
from lti_tool import sheets
from lti_tool.flows import soll_exchange
from lti_tool.flows.role_list import day_of
from lti_tool.flows.soll_exchange import Preview, Reading
from lti_tool.sheets import SheetUnreadable
from lti_tool.web.admin import session, soll_words, tables
from lti_tool.web.admin.soll_parts import may_change, tenant_id
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

SEALED = "soll-table"
NAMED = 8  # changes of one role that the preview spells out


@dataclass(frozen=True, slots=True)
class Line:
    """What the file would do to one role."""

    title: str
    kind: str
    changes: tuple[str, ...]
    more: int


def file() -> str:
    """Show how to get the table and how to read one in."""
    return _page()


def preview() -> str:
    """Read an uploaded table and show what it would change. Nothing is written."""
    data = tables.uploaded()
    if not data:
        return _page(unreadable=_("No file was chosen."))
    try:
        rows = sheets.read(data)
    except SheetUnreadable as error:
        return _page(unreadable=str(soll_words.UNREADABLE[error.cause]))
    found = soll_exchange.preview(services(), tenant_id(), rows, datetime.now(UTC))
    plain = [[str(cell) for cell in row] for row in rows]
    return _page(found, "" if found.troubles else tables.sealed(SEALED, plain))


def take() -> Response:
    """Write the drafts of the table that was shown."""
    rows, now = tables.opened(SEALED), datetime.now(UTC)
    if rows is None:
        return redirect(url_for("admin.soll_file"), 303)
    found = soll_exchange.preview(services(), tenant_id(), rows, now)
    soll_exchange.take(services(), session.actor(), tenant_id(), found, now)
    return redirect(url_for("admin.soll", getan="gelesen"), 303)


def export() -> FlaskResponse:
    """Give the table out as CSV or XLSX; `skala` 4 or 8, `entwuerfe` with what is worked on."""
    scale = request.args.get("skala", "")
    now = datetime.now(UTC)
    rows = soll_exchange.export(
        services(),
        tenant_id(),
        now,
        scale=int(scale) if scale in ("4", "8") else 0,
        drafts=request.args.get("entwuerfe") == "1",
    )
    name = f"soll-{session.current().tenant.key}-{day_of(now).isoformat()}"
    return tables.given_out("Soll", name, rows)


def _page(found: Preview | None = None, sealed: str = "", *, unreadable: str = "") -> str:
    page = {
        "unreadable": unreadable,
        "troubles": [soll_words.trouble(t) for t in found.troubles] if found else [],
        "lines": [_line(r) for r in found.readings if r.kind != soll_exchange.SAME]
        if found
        else [],
        "counts": _counts(found) if found and not found.troubles else "",
        "sealed": sealed,
        "may_change": may_change(),
    }
    return render_template("admin/soll_file.html", page=page)


def _line(reading: Reading) -> Line:
    entry, framework = reading.entry, services().content.framework
    titles = soll_words.titles(framework, Granularity.COMPETENCE)
    titles |= soll_words.titles(framework, Granularity.AREA)
    said = tuple(
        _(
            "%(topic)s: %(before)s → %(after)s",
            topic=titles.get(c.code, c.code),
            before=soll_words.mark(c.before, entry.scale),
            after=soll_words.mark(c.after, entry.scale),
        )
        for c in reading.changes[:NAMED]
    )
    kinds = {
        soll_exchange.NEW: _("new draft"),
        soll_exchange.CHANGED: _("changed"),
        soll_exchange.BLOCKED: _("left alone: a version is being checked"),
    }
    title = f"{entry.role} {entry.title}".strip()
    return Line(title, kinds[reading.kind], said, max(0, len(reading.changes) - NAMED))


def _counts(found: Preview) -> str:
    counts = found.counts
    drafts = counts[soll_exchange.NEW] + counts[soll_exchange.CHANGED]
    said = [ngettext("%(num)d draft is made.", "%(num)d drafts are made.", drafts)]
    if same := counts[soll_exchange.SAME]:
        said.append(ngettext("%(num)d role stays.", "%(num)d roles stay.", same))
    return " ".join(said)
