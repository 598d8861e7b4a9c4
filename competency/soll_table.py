"""The Soll of roles as a table: one role a row, one competence or area a column, and back.

    Rolle;Titel;Tätigkeit;Skala;Soll 1.1;…;Soll K.6;Soll Bereich 1;…;Begründung 1.1;…

Values are written on four levels (2 or 2,5) or on eight; stored are steps. What is wrong is said by
row and column; nothing is guessed. Reading and writing files is not done here.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from competency.framework import Framework
from competency.scale import MAX_LEVEL, mark_of_step, step_of_mark
from competency.soll import Granularity, codes_of
from competency.troubles import Trouble

ROLE, TITLE, HINT, SCALE, STATE, SINCE = (
    *("Rolle", "Titel", "Tätigkeit", "Skala"),
    *("Stand", "Gültig ab"),
)
SOLL, AREA, REASON = "Soll", "Bereich", "Begründung"
COMMENT = "#"
_MARK = re.compile(r"\d(?:[.,]\d+)?")
_SCALE = re.compile(
    r"(?:[01]\s*(?:-|\u2013|bis)\s*)?([48])(?:[.,]0+)?(?:\s*stufen)?", re.IGNORECASE
)
_NOTHING = frozenset(("", "-", "\u2013"))


@dataclass(frozen=True)
class Entry:
    """One role of a table. `reasons` is None where the table has no column for them."""

    row: int  # as a spreadsheet counts: the heading is row 1
    role: str
    title: str
    hint: str
    granularity: Granularity
    scale: int
    steps: Mapping[str, int]
    reasons: Mapping[str, str] | None


@dataclass(frozen=True)
class Table:
    """What was read; with troubles, nothing of it may be used.

    Causes: role-missing | role-twice | column-missing | column-twice | unknown-code | private |
    value | off-scale | date | missing | both | scale | empty.
    """

    entries: tuple[Entry, ...]
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True)
class Line:
    """One role to write. `state` and `since` are for people, and ignored when read again."""

    role: str
    title: str
    hint: str
    granularity: Granularity
    scale: int
    steps: Mapping[str, int]
    reasons: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    since: date | None = None


def rows_of(
    framework: Framework, lines: Sequence[Line], comment: str, scale: int = 0
) -> list[list[str | float]]:
    """Return the table with its heading; `scale` 4 or 8 writes all of it on that scale."""
    columns = [
        *_columns(framework, Granularity.COMPETENCE, lines),
        *_columns(framework, Granularity.AREA, lines),
    ]
    reasoned = {code for line in lines for code, text in line.reasons.items() if text}
    why = [(code, name) for code, name in columns if code in reasoned]
    heading: list[str | float] = [ROLE, TITLE, HINT, STATE, SINCE, SCALE]
    heading += [f"{SOLL} {name}" for _, name in columns]
    heading += [f"{REASON} {name}" for _, name in why]
    body = [_row(line, columns, why, scale or line.scale) for line in lines]
    return [heading, *body, [f"{COMMENT} {comment}"]]


def _columns(
    framework: Framework, granularity: Granularity, lines: Iterable[Line]
) -> list[tuple[str, str]]:
    """Return (code, name in a heading) of what is written; areas only where there are some."""
    if all(line.granularity is not granularity for line in lines):
        return []
    area = granularity is Granularity.AREA
    return [(c, f"{AREA} {c}" if area else c) for c in codes_of(framework, granularity)]


def _row(
    line: Line,
    columns: Sequence[tuple[str, str]],
    why: Sequence[tuple[str, str]],
    scale: int,
) -> list[str | float]:
    since = f"{line.since:%d.%m.%Y}" if line.since else ""
    marks = [mark_of_step(line.steps[c], scale) if c in line.steps else "" for c, _ in columns]
    words = [line.role, line.title, line.hint, line.state, since, f"{scale} Stufen"]
    return [*words, *marks, *(line.reasons.get(code, "") for code, _ in why)]


# --- reading --------------------------------------------------------------------------------------


def read_rows(framework: Framework, rows: Sequence[Sequence[object]]) -> Table:
    """Return the roles of a table, and everything that is wrong with it."""
    troubles: list[Trouble] = []
    if not rows:
        return Table((), (Trouble(1, ROLE, "empty"),))
    heading = _Heading.of(framework, rows[0], troubles)
    entries = []
    for number, row in enumerate(rows[1:], start=2):
        if _is_said(row) and not _text(row[0]).startswith(COMMENT):
            reader = _Reader(heading, framework, number, row, troubles)
            entries.append(reader.entry())
    found = tuple(e for e in entries if e is not None)
    _no_role_twice(found, troubles)
    if not found and not troubles:
        troubles.append(Trouble(2, ROLE, "empty"))
    return Table(found, tuple(troubles))


def _is_said(row: Sequence[object]) -> bool:
    return any(_text(cell) not in _NOTHING for cell in row)


def _no_role_twice(entries: Sequence[Entry], troubles: list[Trouble]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.role in seen:
            troubles.append(Trouble(entry.row, ROLE, "role-twice", entry.role))
        seen.add(entry.role)


@dataclass(frozen=True)
class _Heading:
    """Where everything stands: position by word, by code of a value, by code of a reason."""

    words: Mapping[str, int]
    values: Mapping[Granularity, Mapping[str, int]]
    reasons: Mapping[str, int]

    @classmethod
    def of(cls, framework: Framework, row: Sequence[object], troubles: list[Trouble]) -> "_Heading":
        words: dict[str, int] = {}
        values: dict[Granularity, dict[str, int]] = {g: {} for g in Granularity}
        reasons: dict[str, int] = {}
        private = {c.code for a in framework.areas for c in a.competencies if c.private}
        for position, cell in enumerate(row):
            name = " ".join(_text(cell).split())
            kind, _, rest = name.partition(" ")
            if kind.casefold() not in (SOLL.casefold(), REASON.casefold()):
                words.setdefault(name.casefold(), position)
                continue
            area, code = _code(rest)
            granularity = Granularity.AREA if area else Granularity.COMPETENCE
            known = code in codes_of(framework, granularity)
            place = reasons if kind.casefold() == REASON.casefold() else values[granularity]
            if not known and code not in private:
                troubles.append(Trouble(1, name, "unknown-code", code))
            elif code in place:
                troubles.append(Trouble(1, name, "column-twice", name))
            else:
                place[code] = position
        if ROLE.casefold() not in words:
            troubles.append(Trouble(1, ROLE, "column-missing"))
        return cls(words, values, reasons)


def _code(rest: str) -> tuple[bool, str]:
    """Return whether this names an area, and the code: "4.1", "Bereich 4"."""
    first, _, second = rest.partition(" ")
    area = first.casefold() == AREA.casefold()
    return area, (second if area else rest).strip().upper()


class _Reader:
    """One row being read; what is wrong goes to `troubles`."""

    def __init__(
        self,
        heading: _Heading,
        framework: Framework,
        number: int,
        row: Sequence[object],
        troubles: list[Trouble],
    ) -> None:
        self.heading, self.framework = heading, framework
        self.number, self.row, self.troubles = number, row, troubles

    def entry(self) -> Entry | None:
        """Return the row as a role; None if there is nothing to use in it."""
        before = len(self.troubles)
        role = self._word(ROLE).upper()
        if not role:
            self._wrong(ROLE, "role-missing")
        scale, granularity = self._scale(), self._granularity()
        if granularity is None or len(self.troubles) > before:
            return None
        steps = self._steps(granularity, scale)
        if len(self.troubles) > before:
            return None
        title, hint = self._word(TITLE), self._word(HINT)
        reasons = self._reasons(granularity)
        return Entry(self.number, role, title, hint, granularity, scale, steps, reasons)

    def _granularity(self) -> Granularity | None:
        filled = [g for g in Granularity if any(map(self._filled, self.heading.values[g].values()))]
        if len(filled) > 1:
            self._wrong(SOLL, "both")
        return filled[0] if len(filled) == 1 else None  # None: the row says nothing about a Soll

    def _scale(self) -> int:
        said = self._word(SCALE)
        if not said:
            return MAX_LEVEL
        found = _SCALE.fullmatch(said)
        if not found:
            self._wrong(SCALE, "scale", said)
            return MAX_LEVEL
        return int(found[1])

    def _steps(self, granularity: Granularity, scale: int) -> dict[str, int]:
        places = self.heading.values[granularity]
        steps = {}
        for code in codes_of(self.framework, granularity):
            step = self._step(code, granularity, places.get(code), scale)
            if step is not None:
                steps[code] = step
        for code in places.keys() - set(codes_of(self.framework, granularity)):
            if self._filled(places[code]):
                self._wrong(f"{SOLL} {code}", "private", code)
        return steps

    def _step(
        self, code: str, granularity: Granularity, position: int | None, scale: int
    ) -> int | None:
        column = f"{SOLL} {AREA} {code}" if granularity is Granularity.AREA else f"{SOLL} {code}"
        found = _step_of(self._cell(position), scale)
        if isinstance(found, int):
            return found
        self._wrong(column, *found)
        return None

    def _reasons(self, granularity: Granularity) -> dict[str, str] | None:
        if not self.heading.reasons:
            return None
        codes = codes_of(self.framework, granularity)
        found = {c: _text(self._cell(self.heading.reasons.get(c))) for c in codes}
        return {code: text for code, text in found.items() if text}

    def _word(self, column: str) -> str:
        return _text(self._cell(self.heading.words.get(column.casefold())))

    def _filled(self, position: int) -> bool:
        return _text(self._cell(position)) not in _NOTHING

    def _cell(self, position: int | None) -> object:
        return "" if position is None or position >= len(self.row) else self.row[position]

    def _wrong(self, column: str, cause: str, value: str = "") -> None:
        self.troubles.append(Trouble(self.number, column, cause, value))


def _step_of(cell: object, scale: int) -> int | tuple[str, str]:
    """Return the step a cell says, or what is wrong with it: cause and value."""
    said = _text(cell)
    if isinstance(cell, date):
        return "date", said
    if said in _NOTHING:
        return "missing", ""
    try:
        if _MARK.fullmatch(said):
            return step_of_mark(float(said.replace(",", ".")), scale)
    except ValueError:
        return "off-scale", said
    return "value", said


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:g}"
    return str(cell).strip()
