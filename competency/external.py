"""Results of other tests: read from a table, and turned into evidence.

A result is one graded answer: its thresholds are the cuts at which the provider's levels begin, and
its discrimination is what the stated standard error comes to, a = pi / (sqrt(3) sd), because a
logistic error with discrimination a has that standard deviation. What is wrong is said by row and
column; nothing is guessed. Source: reference assessment 3.9 ("evidence is an item with its own a
and b, not a shift of theta").
"""

import math
import re
import uuid
from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from competency.evidence import Evidence, Source
from competency.framework import Framework
from competency.provider import Band, Columns, Method, Provider, Shape, same
from competency.scale import cut_of_step, level_of_step
from competency.troubles import Trouble

KIND = "external"
NAMESPACE = uuid.UUID("6d1d7a2e-5f0b-5f43-9d0a-0f6f5a7a3c11")
#: Nobody's test is taken for more exact than this; our own items reach 4 in calibration, too.
MOST_EXACT = 4.0
THETA_PER_STEP = 0.5
COMMENT = "#"
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})")


@dataclass(frozen=True, slots=True)
class Result:
    """What a provider says of one person about one topic on one day."""

    topic: str
    value: str
    on: date
    band: Band


@dataclass(frozen=True, slots=True)
class Row:
    """A result in a file, and how the file names the person. `number` counts as a spreadsheet."""

    number: int
    person: str
    result: Result


@dataclass(frozen=True)
class Table:
    """What was read; with troubles, nothing of it may be used. `old`: rows that hold no longer.

    Causes: column-missing | column-twice | person-missing | date | future | topic | value |
    value-missing | empty.
    """

    rows: tuple[Row, ...]
    troubles: tuple[Trouble, ...]
    old: tuple[int, ...] = ()


# --- reading --------------------------------------------------------------------------------------


def read_rows(provider: Provider, rows: Sequence[Sequence[object]], today: date) -> Table:
    """Return the results of a provider's file, and everything that is wrong with it."""
    columns = provider.columns
    if columns is None or not rows:
        return Table((), (Trouble(1, "", "empty"),))
    troubles: list[Trouble] = []
    places = _places(provider, columns, rows[0], troubles)
    if troubles:
        return Table((), tuple(troubles))
    reader = _Reader(provider, columns, places, today, troubles)
    found = [r for n, row in enumerate(rows[1:], start=2) for r in reader.row(n, row)]
    if not found and not troubles:
        troubles.append(Trouble(2, columns.person, "empty"))
    kept = tuple(r for r in found if until(provider, r.result.on) > _midnight(today))
    old = tuple(dict.fromkeys(r.number for r in found if r not in kept))
    return Table(kept, tuple(troubles), old)


def _places(
    provider: Provider, columns: Columns, heading: Sequence[object], troubles: list[Trouble]
) -> dict[str, int]:
    """Return the position of each column that is needed, by its name in the mapping."""
    wanted = [columns.person, columns.date]
    wanted += [columns.topic, columns.value] if columns.topic else list(provider.topics)
    found: dict[str, int] = {}
    for name in wanted:
        at = [n for n, cell in enumerate(heading) if same(cell_text(cell), name)]
        if len(at) > 1:
            troubles.append(Trouble(1, name, "column-twice"))
        elif at:
            found[name] = at[0]
        elif name in (columns.person, columns.date) or columns.topic:
            troubles.append(Trouble(1, name, "column-missing"))
    if not columns.topic and not troubles and len(found) < 3:
        troubles.append(Trouble(1, next(iter(provider.topics)), "column-missing"))
    return found


@dataclass(frozen=True)
class _Reader:
    provider: Provider
    columns: Columns
    places: Mapping[str, int]
    today: date
    troubles: list[Trouble]

    def row(self, number: int, row: Sequence[object]) -> list[Row]:
        if not any(cell_text(c) for c in row) or cell_text(row[0]).startswith(COMMENT):
            return []
        person = cell_text(self.cell(row, self.columns.person))
        if not person:
            self.trouble(number, self.columns.person, "person-missing")
        on = self.date(number, self.cell(row, self.columns.date))
        found = [self.result(number, *said, on) for said in self.said(row)]
        results = [r for r in found if r is not None]
        return [Row(number, person, r) for r in results] if person else []

    def said(self, row: Sequence[object]) -> list[tuple[str, str, str]]:
        """Return (column, topic, value) of what a row says."""
        c = self.columns
        if c.topic:
            return [
                (c.value, cell_text(self.cell(row, c.topic)), cell_text(self.cell(row, c.value)))
            ]
        topics = [t for t in self.provider.topics if t in self.places]
        cells = [(t, t, cell_text(self.cell(row, t))) for t in topics]
        return [said for said in cells if said[2]]  # a topic that was not tested

    def result(
        self, number: int, column: str, topic: str, value: str, on: date | None
    ) -> Result | None:
        band = self.provider.scale.band(value) if value else None
        if self.provider.code(topic) is None:
            self.trouble(number, self.columns.topic or column, "topic", topic)
        elif not value:
            self.trouble(number, column, "value-missing")
        elif band is None:
            self.trouble(number, column, "value", value)
        elif on is not None:
            return Result(topic, value, on, band)
        return None

    def date(self, number: int, cell: object) -> date | None:
        found = day_of(cell)
        if found is None:
            self.trouble(number, self.columns.date, "date", cell_text(cell))
        elif found > self.today:
            self.trouble(number, self.columns.date, "future", cell_text(cell))
        else:
            return found
        return None

    def cell(self, row: Sequence[object], name: str) -> object:
        place = self.places[name]
        return row[place] if place < len(row) else ""

    def trouble(self, number: int, column: str, cause: str, value: str = "") -> None:
        self.troubles.append(Trouble(number, column, cause, value[:80]))


def day_of(cell: object) -> date | None:
    """Return a day: a spreadsheet's date, 2026-11-28 or 28.11.2026; a time behind it is cut."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = cell_text(cell)
    try:
        if german := _GERMAN.match(text):
            day, month, year = (int(part) for part in german.groups())
            return date(year, month, day)
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def cell_text(cell: object) -> str:
    """Return what stands in a cell, in the same words whichever kind of file it came from."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))  # a spreadsheet's 72 is 72.0
    return " ".join(str(cell).split()) if cell is not None else ""


# --- from xAPI ------------------------------------------------------------------------------------


def value_in(result: Mapping[str, Any], provider: Provider) -> str | None:
    """Return the provider's value in the result of a statement, or None if it holds none.

    Points: `raw`, where `min` and `max` are the scale's or missing; else `scaled` (0 to 1). Levels:
    what stands in `response`.
    """
    scale, score = provider.scale, result.get("score") or {}
    if scale.shape is Shape.LEVELS:
        said = result.get("response")
        return said if isinstance(said, str) and scale.band(said) else None
    low, high = score.get("min", scale.lowest), score.get("max", scale.highest)
    raw, share = score.get("raw"), score.get("scaled")
    if raw is not None and (low, high) == (scale.lowest, scale.highest):
        points = float(raw)
    elif raw is not None and high > low:
        points = scale.lowest + (raw - low) / (high - low) * (scale.highest - scale.lowest)
    elif share is not None:
        points = scale.lowest + share * (scale.highest - scale.lowest)
    else:
        return None
    text = f"{points:g}"
    return text if scale.band(text) else None


# --- evidence -------------------------------------------------------------------------------------


def until(provider: Provider, on: date) -> datetime:
    """Return the moment from which a result of that day counts no more."""
    year, month = divmod(on.year * 12 + on.month - 1 + provider.months, 12)
    day = min(on.day, monthrange(year, month + 1)[1])
    return _midnight(date(year, month + 1, day))


def exactness(error_steps: float, parts: int = 1) -> float:
    """Return the discrimination that a standard error in steps comes to.

    A result about an area of n competences says as much about the whole as n results with an error
    larger by the root of n: so its evidence is not counted n times.
    """
    sd = error_steps * math.sqrt(parts) * THETA_PER_STEP
    return min(MOST_EXACT, math.pi / (math.sqrt(3) * sd))


def evidence_of(
    provider: Provider, framework: Framework, result: Result, owner: str, arrival: int
) -> tuple[Evidence, ...]:
    """Return what a result says about each competence of its topic.

    `owner` is whose it is (municipality and person): the same result of the same person has the
    same ids whenever and however often it comes.
    """
    code = provider.code(result.topic)
    assert code is not None  # only results of mapped topics are made
    parts = framework.measured(code) if code in framework.areas_by_code else (code,)
    steps = provider.scale.steps
    b = tuple(cut_of_step(step, framework.cuts) for step in steps)
    name = f"{owner}|{provider.key}|{result.topic.casefold()}|{result.on}|{result.value.casefold()}"
    return tuple(
        Evidence(
            id=str(uuid.uuid5(NAMESPACE, f"{name}|{part}")),
            source=Source.EXTERNAL,
            competency=part,
            kind=KIND,
            a=exactness(provider.error_steps, len(parts)),
            b=b,
            category=sum(step <= result.band.step for step in steps),
            at=_midnight(result.on),
            arrival=arrival,
            self_report=provider.method is Method.SELF,
            level=level_of_step(result.band.step),
            provider=provider.key,
            until=until(provider, result.on),
        )
        for part in parts
    )


def origin_of(provider: Provider, version: int, result: Result) -> dict[str, Any]:
    """Return what stands beside a result, as it was when it came: whose, on which scale, what."""
    low, high = provider.scale.ends
    return {
        "provider": provider.key,
        "version": version,
        "name": provider.name,
        "method": provider.method.value,
        "topic": result.topic,
        "value": result.value,
        "lowest": low,
        "highest": high,
        "step": result.band.step,
        "error_steps": provider.error_steps,
    }


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
