"""The words of a Soll: values on both scales, states, where it came from, what is wrong."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _l

from competency.framework import Framework
from competency.scale import level_of_step, mark_of_step, steps_on
from competency.soll import Granularity, SollVersion, State, codes_of
from competency.troubles import Trouble
from lti_tool.web.formats import number
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import pgettext
from lti_tool.web.wording import local

STATES: Mapping[State, object] = {
    State.DRAFT: _l("draft"),
    State.REVIEW: _l("is being checked"),
    State.APPROVED: _l("decided"),
    State.DROPPED: _l("given up"),
}
SOURCES: Mapping[str, object] = {
    "workshop": _l("workshop"),
    "import": _l("read from a file"),
    "hand": _l("typed in here"),
    "proposal": _l("proposal of roadMAP"),
    "earlier": _l("confirmed earlier"),
}
GRANULARITIES: Mapping[Granularity, object] = {
    Granularity.COMPETENCE: _l("topic by topic"),
    Granularity.AREA: _l("area by area"),
}
#: What is wrong with a table: `competency.soll_table` and `flows.soll_exchange`.
TROUBLES: Mapping[str, object] = {
    "role-missing": _l("The short name of the role is missing."),
    "role-twice": _l("This role stands there twice."),
    "role-key": _l("A short name has 2 to 16 capital letters, digits and hyphens."),
    "role-title": _l("A new role needs a title."),
    "role-hint": _l("The line about the work is too long."),
    "column-missing": _l("This column is missing."),
    "column-twice": _l("This column stands there twice."),
    "unknown-code": _l("There is no such topic or area."),
    "private": _l("This is a private self-reflection. It gets no Soll."),
    "value": _l("This is no value."),
    "off-scale": _l("This value is not on the scale."),
    "date": _l("The spreadsheet made a date of it. Format the column as text."),
    "missing": _l("A value is missing. 0 means: not needed."),
    "both": _l("A role has values for topics or for areas, not both."),
    "scale": _l("The scale is “4 Stufen” or “8 Stufen”."),
    "empty": _l("There is no role in this table."),
}
UNREADABLE: Mapping[str, object] = {
    "size": _l("The file is too large."),
    "format": _l("This is no CSV and no XLSX file."),
    "rows": _l("The table has too many rows."),
    "columns": _l("The table has too many columns."),
    "cell": _l("A cell holds too much text."),
}


def levels() -> tuple[str, ...]:
    """Return the words of the four levels as a Soll, 0 to 4."""
    return (
        pgettext("soll", "not needed"),
        pgettext("soll", "with help"),
        pgettext("soll", "on your own"),
        pgettext("soll", "confidently; helps others"),
        pgettext("soll", "shapes it and leads others"),
    )


def word(step: int) -> str:
    """Return the word of a step."""
    return levels()[level_of_step(step)]


def mark(step: int | None, scale: int) -> str:
    """Return a step as it is written on a scale; None as a dash."""
    return "–" if step is None else number(mark_of_step(step, scale))


def said(step: int | None, scale: int) -> str:
    """Return a step as mark and word: "2 – on your own"."""
    return "–" if step is None else f"{mark(step, scale)} – {word(step)}"


def choices(scale: int, also: int = 0) -> tuple[tuple[str, str], ...]:
    """Return (step, words) of what can be chosen on a scale, and `also` where it lies between."""
    return tuple((str(step), said(step, scale)) for step in sorted({*steps_on(scale), also}))


def titles(framework: Framework, granularity: Granularity) -> dict[str, str]:
    """Return code -> title in the reader's language, in order."""
    codes = codes_of(framework, granularity)
    return {code: local(framework.topic(code), "title") for code in codes}


def trouble(found: Trouble, words: Mapping[str, object] = TROUBLES) -> str:
    """Return "Row 12, column Soll 4.1: This value is not on the scale. (9)"."""
    value = f" ({found.value})" if found.value else ""
    place = _("Row %(row)s, column %(column)s:", row=found.row, column=found.column)
    return f"{place} {words[found.cause]}{value}"


def name(version: SollVersion) -> str:
    return _("version %(number)s", number=version.number)
