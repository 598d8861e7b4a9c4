"""Which activity of the LMS stands for what: one by one, or as a table, after a look at it.

    activity_iri;unit;competency;level

A row names a unit, or a competence and the level (1 to 4) somebody is on who did it. Rows that name
neither are left alone, so a list of what is unmapped can be filled in part by part. What is wrong
is said by row and column, all at once. Source: contract.md, `roadmap mapping import`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from competency.packs import Content
from competency.scale import MAX_LEVEL, level_of_step, step_of_level
from competency.troubles import Trouble
from lti_tool.errors import Conflict
from lti_tool.ports import Actor, Services
from xapi_bridge.aims import Aim

ACTIVITY, UNIT, COMPETENCY, LEVEL = COLUMNS = ("activity_iri", "unit", "competency", "level")
TITLE, COUNT = REMARKS = ("title", "count")  # for the reader; ignored when read
NEW, CHANGED, GONE = "new", "changed", "gone"
LONGEST = 512


@dataclass(frozen=True)
class Table:
    """What was read; with troubles, nothing of it may be used.

    Causes: column-missing | column-twice | column-unknown | activity-missing | activity-long |
    twice | both | unit | competency | private | level.
    """

    aims: Mapping[str, str] = field(default_factory=dict)  # activity -> text of the aim
    troubles: tuple[Trouble, ...] = ()
    empty: int = 0  # rows that name nothing


@dataclass(frozen=True, slots=True)
class Change:
    activity: str
    before: str  # text of an aim, "" = unmapped
    after: str  # "" = to be unmapped

    @property
    def kind(self) -> str:
        if not self.after:
            return GONE
        return CHANGED if self.before else NEW


@dataclass(frozen=True)
class Preview:
    """With troubles nothing can be taken."""

    changes: tuple[Change, ...] = ()
    same: int = 0
    empty: int = 0
    troubles: tuple[Trouble, ...] = ()

    def number(self, kind: str) -> int:
        return sum(c.kind == kind for c in self.changes)


def read_rows(content: Content, rows: Sequence[Sequence[Any]]) -> Table:
    """Return what a table says. Pure."""
    heading = [str(cell).strip() for cell in rows[0]] if rows else []
    if wrong := tuple(_headings(heading)):
        return Table(troubles=wrong)
    place = {name: heading.index(name) for name in COLUMNS if name in heading}
    aims: dict[str, str] = {}
    troubles: list[Trouble] = []
    empty = 0
    for number, row in enumerate(rows[1:], start=2):
        cells = {n: _text(row[i]) if i < len(row) else "" for n, i in place.items()}
        if not any(cells.get(n) for n in (UNIT, COMPETENCY)):
            empty += bool(cells[ACTIVITY])
            continue
        found = _aim(content, number, cells)
        if isinstance(found, Trouble):
            troubles.append(found)
        elif aims.setdefault(cells[ACTIVITY], found.text) != found.text:
            troubles.append(Trouble(number, ACTIVITY, "twice", cells[ACTIVITY]))
    return Table(aims, tuple(troubles), empty)


def preview(s: Services, tenant_id: str, table: Table) -> Preview:
    """Return what a table would change; an empty text takes a mapping away. Reads only."""
    if table.troubles:
        return Preview(troubles=table.troubles)
    with s.store.read() as work:
        before = work.mappings.all(tenant_id)
    changes = tuple(
        Change(activity, before.get(activity, ""), text)
        for activity, text in table.aims.items()
        if before.get(activity, "") != text
    )
    return Preview(changes, len(table.aims) - len(changes), table.empty)


def take(s: Services, by: Actor, tenant_id: str, table: Table, now: datetime) -> Preview:
    """Write a table; return what was changed. Writes, commits, is audited.

    Evidence that is there already stays as it is.

    :raises Conflict: there are troubles in it.
    """
    found = preview(s, tenant_id, table)
    if found.troubles:
        raise Conflict("This table cannot be taken.", remedy="Mend what the preview names.")
    if not found.changes:
        return found
    with s.store.begin() as work:
        kept = {c.activity: c.after for c in found.changes if c.after}
        work.mappings.put(tenant_id, kept, now)
        work.mappings.remove(tenant_id, frozenset(c.activity for c in found.changes if not c.after))
        detail = {"count": len(found.changes)}
        work.audit.note(by.name, "mapping.import", detail, now, tenant_id=tenant_id)
    return found


def export(s: Services, tenant_id: str) -> list[list[str | float]]:
    """Return what is mapped, as a table that can be read in again. Reads only."""
    with s.store.read() as work:
        found = work.mappings.all(tenant_id)
    return [list(COLUMNS), *([activity, *_cells(text)] for activity, text in found.items())]


def to_fill_in(s: Services, tenant_id: str, names: Mapping[str, str]) -> list[list[str | float]]:
    """Return what is not mapped, as a table to be filled in. Reads only."""
    with s.store.read() as work:
        found = work.mappings.unmapped(tenant_id)
    rows: list[list[str | float]] = [[*COLUMNS, *REMARKS]]
    rows += [[activity, "", "", "", names.get(activity, ""), n] for activity, n in found.items()]
    return rows


def _headings(heading: Sequence[str]) -> Iterable[Trouble]:
    for name in (ACTIVITY, UNIT):
        if name not in heading:
            yield Trouble(1, name, "column-missing")
    for name in dict.fromkeys(heading):
        if name and heading.count(name) > 1:
            yield Trouble(1, name, "column-twice")
        if name and name not in (*COLUMNS, *REMARKS):
            yield Trouble(1, name, "column-unknown")


def _aim(content: Content, row: int, cells: Mapping[str, str]) -> Aim | Trouble:
    activity, unit = cells[ACTIVITY], cells[UNIT]
    competency, level = cells.get(COMPETENCY, ""), cells.get(LEVEL, "")
    if not activity:
        return Trouble(row, ACTIVITY, "activity-missing")
    if len(activity) > LONGEST:
        return Trouble(row, ACTIVITY, "activity-long")
    if unit and competency:
        return Trouble(row, COMPETENCY, "both", competency)
    if unit:
        known = unit in content.catalogue.by_key
        return Aim(unit=unit) if known else Trouble(row, UNIT, "unit", unit)
    if competency not in content.framework.dimensions:
        private = competency in content.framework.by_code
        return Trouble(row, COMPETENCY, "private" if private else "competency", competency)
    if level not in {str(n) for n in range(1, MAX_LEVEL + 1)}:
        return Trouble(row, LEVEL, "level", level)
    return Aim(competency=competency, step=step_of_level(int(level)))


def _cells(text: str) -> list[str | float]:
    aim = Aim.of(text)
    return [aim.unit, "", ""] if aim.unit else ["", aim.competency, level_of_step(aim.step)]


def _text(cell: Any) -> str:
    """Return a cell as it was meant: Excel makes 2.0 of a level, and a number of 4.2."""
    if isinstance(cell, float) and cell == int(cell):
        return str(int(cell))
    return str(cell).strip()
