"""Other tests: the register of test providers, and their files read in after a preview.

Nobody's result is on these pages: a preview counts, and lists rows of the file.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.external import cell_text
from competency.provider import Provider, ProviderInvalid
from lti_tool import sheets
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import external, providers
from lti_tool.flows import staff as rights
from lti_tool.flows.external import Preview
from lti_tool.flows.providers import Known
from lti_tool.sheets import SheetUnreadable
from lti_tool.web.admin import session, soll_words, tables, tests_words
from lti_tool.web.formats import date_of
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

SEALED, NAMED = "test-results", 20
LARGEST_ENTRY = 100_000  # bytes


@dataclass(frozen=True, slots=True)
class Line:
    """A provider in the list."""

    key: str
    name: str
    used: bool
    facts: tuple[tuple[str, str], ...]
    wrong: tuple[str, ...]
    reads_files: bool


def tests() -> str:
    """Show the test providers, how to enter one, and where to read a file in."""
    return _page()


def change() -> Response | str:
    """Enter a provider, stop or go on with it, look at a file of results, or take it over."""
    did = request.form.get("do", "")
    acts = {"enter": _enter, "stop": _use, "again": _use, "look": _look, "take": _take}
    return acts[did]() if did in acts else redirect(url_for("admin.tests"), 303)


def _enter() -> Response | str:
    try:
        entry = tomllib.loads(tables.uploaded(LARGEST_ENTRY).decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        place = str(error) if isinstance(error, tomllib.TOMLDecodeError) else ""
        return _page(wrong=[_("The entry cannot be read. %(place)s", place=place).strip()])
    if not entry:
        return _page(wrong=[_("No file was chosen.")])
    day = entry.get("contract_on")
    entry |= {"contract_on": day.isoformat()} if isinstance(day, date) else {}
    try:
        providers.save(services(), session.actor(), _home(), entry, datetime.now(UTC))
    except ProviderInvalid as error:
        return _page(wrong=[tests_words.fault(f) for f in error.faults])
    return redirect(url_for("admin.tests", getan="eingetragen"), 303)


def _use() -> Response | str:
    on, key = request.form.get("do") == "again", request.form.get("key", "")
    try:
        providers.use(services(), session.actor(), _home(), key, datetime.now(UTC), on=on)
    except NotFound:
        return redirect(url_for("admin.tests"), 303)
    return redirect(url_for("admin.tests", getan="wieder" if on else "aus"), 303)


def _look() -> Response | str:
    key = request.form.get("key", "")
    data = tables.uploaded()
    if not data:
        return _page(wrong=[_("No file was chosen.")])
    try:
        rows = sheets.read(data)
        found = external.preview(services(), _home(), key, rows, datetime.now(UTC))
    except SheetUnreadable as error:
        return _page(wrong=[str(soll_words.UNREADABLE[error.cause])])
    except (Conflict, NotFound):
        return _page(wrong=[_("Nothing is taken from this provider: look at its entry.")])
    if found.troubles:
        return _page(wrong=[tests_words.trouble(t) for t in found.troubles[:NAMED]])
    plain = [[cell_text(cell) for cell in row] for row in rows]
    return _page(key=key, found=found, sealed=tables.sealed(SEALED, [key, plain]))


def _take() -> Response | str:
    shown = tables.opened(SEALED)
    if shown is None:
        return redirect(url_for("admin.tests"), 303)
    key, rows = shown
    try:
        external.take(services(), session.actor(), _home(), key, rows, datetime.now(UTC))
    except (Conflict, NotFound):
        return _page(wrong=[_("Nothing is taken from this provider: look at its entry.")])
    return redirect(url_for("admin.tests", getan="gelesen"), 303)


def _page(
    *, wrong: Sequence[str] = (), key: str = "", found: Preview | None = None, sealed: str = ""
) -> str:
    known = providers.overview(services(), _home())
    page: dict[str, Any] = {
        "wrong": wrong,
        "done": request.args.get("getan", ""),
        "providers": [_line(k) for k in known],
        "may_change": rights.may_change(session.current().roles, "tests"),
        "preview": _said(found) if found else (),
        "new": found.new if found else 0,
        "looked": next((k.name for k in known if k.key == key), ""),
        "sealed": sealed,
    }
    return render_template("admin/tests.html", page=page)


def _line(known: Known) -> Line:
    p = known.provider
    return Line(
        key=known.key,
        name=known.name,
        used=known.registered.retired is None,
        facts=_facts(p) if p else (),
        wrong=tuple(tests_words.fault(f) for f in known.faults),
        reads_files=bool(p and p.columns and p.contract_on and not known.registered.retired),
    )


def _facts(p: Provider) -> tuple[tuple[str, str], ...]:
    low, high = p.scale.ends
    contract = date_of(p.contract_on.isoformat()) if p.contract_on else _("is missing")
    return (
        (_("Method"), tests_words.methods()[p.method]),
        (_("Scale"), _("%(low)s to %(high)s", low=low, high=high)),
        (_("Standard error in steps"), f"{p.error_steps:g}".replace(".", ",")),
        (_("A result counts"), ngettext("%(num)d month", "%(num)d months", p.months)),
        (_("Topics"), str(len(p.topics))),
        (_("Contract on data processing"), contract),
    )


def _said(found: Preview) -> tuple[str, ...]:
    said = [
        ngettext("%(num)d result is new.", "%(num)d results are new.", found.new),
        ngettext(
            "%(num)d result is here already.", "%(num)d results are here already.", found.known
        ),
    ]
    if found.unknown:
        rows = _rows(found.unknown)
        said.append(_("Nobody we know, left out: rows %(rows)s.", rows=rows))
    if found.old:
        said.append(_("Too old, left out: rows %(rows)s.", rows=_rows(found.old)))
    return tuple(said)


def _rows(numbers: Sequence[int]) -> str:
    more = " …" if len(numbers) > NAMED else ""
    return ", ".join(map(str, numbers[:NAMED])) + more


def _home() -> str:
    return session.current().tenant.id
