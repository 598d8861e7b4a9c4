"""Tables of real answers as people export them: wide CSV, one row a person, one column an item.

Comma, semicolon or tab; with or without byte order mark; any line end; UTF-8 or Windows-1252. An
empty cell (or NA) is "not answered". Everything that cannot be meant is one error that names file,
line and column. This module reads text, not files.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from competency.calibration.hits import Codes
from competency.errors import TableError

PERSON, GROUP = "person", "group"
BINARY, GRADED = "binary", "graded"
ABSENT = frozenset({"", "na", "nan", "n/a", "null", "none", "."})
#: A code above this is a mistake (a year, an id), not a category.
LARGEST_CODE = 50


@dataclass(frozen=True, slots=True)
class ItemSpec:
    """A line of ITEMS.csv: what an item is; `a` and `b` are an expert's, if there are any."""

    key: str
    competency: str
    kind: str
    categories: int = 0  # 0: as many as the answers show
    a: float | None = None
    b: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Answers:
    """Who answered what: codes (persons, items), -1 where not answered."""

    persons: tuple[str, ...]
    items: tuple[str, ...]
    codes: Codes
    groups: tuple[str, ...] = ()  # one a person, or empty
    lines: tuple[int, ...] = ()  # of the file, one a person

    def columns(self, keys: Sequence[str]) -> Codes:
        """Return the codes of these items, in this order; an item without a column has none."""
        at = {key: n for n, key in enumerate(self.items)}
        out = np.full((len(self.persons), len(keys)), -1, dtype=np.int16)
        for n, key in enumerate(keys):
            if key in at:
                out[:, n] = self.codes[:, at[key]]
        return out

    def grouped(self, groups: Sequence[str]) -> "Answers":
        """Return them with another grouping."""
        return replace(self, groups=tuple(groups))


def decoded(name: str, content: bytes) -> str:
    """Return the text of a file; :raises TableError: it is no text."""
    if b"\x00" in content[:4096]:
        raise TableError(f"{name}: not a text file (CSV in UTF-8 is expected)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def read_answers(name: str, text: str) -> Answers:
    """Return the answers; :raises TableError: naming file, line and column."""
    rows = _rows(name, text)
    head = next(rows, (1, []))[1]
    if len(head) < 2:
        raise TableError(f"{name}, line 1: expected the columns person, then one an item")
    group = _head(name, head)
    at = [n for n in range(1, len(head)) if n != group]
    persons, groups, cells, lines = [], [], [], []
    for line, row in rows:
        row = _fitted(name, line, row, len(head))
        lines.append(line)
        persons.append(_person(name, line, row[0]))
        groups.append(row[group].strip() if group else "")
        cells.append([_code(name, line, head[n], row[n]) for n in at])
    if not persons:
        raise TableError(f"{name}: there is no person in it, only a heading")
    codes = np.array(cells, dtype=np.int16).reshape(len(persons), len(at))
    keys = tuple(head[n] for n in at)
    return Answers(tuple(persons), keys, codes, tuple(groups) if group else (), tuple(lines))


def _head(name: str, head: list[str]) -> int | None:
    """Return where the groups are; :raises TableError: the heading cannot be meant."""
    if head[0].lower() != PERSON:
        raise TableError(f"{name}, line 1, column 1: expected person, found {head[0]!r}")
    for n, key in enumerate(head):
        if not key:
            raise TableError(f"{name}, line 1, column {n + 1}: the item has no name")
        if key in head[:n]:
            raise TableError(f"{name}, line 1, column {n + 1}: {key} is there twice")
    lower = [h.lower() for h in head]
    return lower.index(GROUP) if GROUP in lower else None


def _person(name: str, line: int, cell: str) -> str:
    if not cell.strip():
        raise TableError(f"{name}, line {line}, column person: the id is missing")
    return cell.strip()


def _code(name: str, line: int, column: str, cell: str) -> int:
    text = cell.strip()
    if text.lower() in ABSENT:
        return -1
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value != int(value) if np.isfinite(value) else True:
        value = -1.0
    if not 0 <= value <= LARGEST_CODE:
        wanted = f"expected a whole number from 0 to {LARGEST_CODE}, or nothing"
        raise TableError(f"{name}, line {line}, column {column}: {wanted}")
    return int(value)


def read_items(name: str, text: str) -> tuple[ItemSpec, ...]:
    """Return the items of ITEMS.csv; :raises TableError: naming file, line and column."""
    rows = _rows(name, text)
    head = [h.lower() for h in next(rows, (1, []))[1]]
    for column in ("item", "competency", "kind"):
        if column not in head:
            raise TableError(f"{name}, line 1: the column {column} is missing")
    specs: dict[str, ItemSpec] = {}
    for line, row in rows:
        spec = _spec(name, line, dict(zip(head, _fitted(name, line, row, len(head)), strict=True)))
        if spec.key in specs:
            raise TableError(f"{name}, line {line}, column item: {spec.key} is there twice")
        specs[spec.key] = spec
    if not specs:
        raise TableError(f"{name}: there is no item in it, only a heading")
    return tuple(specs.values())


def _spec(name: str, line: int, row: dict[str, str]) -> ItemSpec:
    where = f"{name}, line {line}, column"
    row = {column: cell.strip() for column, cell in row.items()}
    for column in ("item", "competency"):
        if not row[column]:
            raise TableError(f"{where} {column}: nothing is there")
    kind = row["kind"].lower()
    if kind not in (BINARY, GRADED):
        raise TableError(f"{where} kind: expected binary or graded, found {row['kind']!r}")
    a = _number(f"{where} a", row.get("a", ""))
    if a is not None and a <= 0:
        raise TableError(f"{where} a: expected a number above 0")
    b = tuple(_number(f"{where} b", part) or 0.0 for part in row.get("b", "").split())
    categories = _number(f"{where} categories", row.get("categories", "")) or 0
    if categories and not 2 <= categories <= LARGEST_CODE + 1:
        raise TableError(f"{where} categories: expected 2 to {LARGEST_CODE + 1}")
    return ItemSpec(row["item"], row["competency"], kind, int(categories), a, b)


def _number(where: str, text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = np.inf
    if not np.isfinite(value):
        raise TableError(f"{where}: expected a number, found {text!r}")
    return value


def read_list(name: str, text: str) -> tuple[str, ...]:
    """Return the ids of a list, one a line; :raises TableError: twice, or none at all."""
    keys: list[str] = []
    for line, row in enumerate(text.splitlines(), start=1):
        key = row.strip().strip('"')
        if not key:
            continue
        if key in keys:
            raise TableError(f"{name}, line {line}: {key} is there twice")
        keys.append(key)
    if not keys:
        raise TableError(f"{name}: the list is empty")
    return tuple(keys)


def read_groups(name: str, text: str) -> dict[str, str]:
    """Return person -> group of a table with these two columns."""
    rows = _rows(name, text)
    head = [h.lower() for h in next(rows, (1, []))[1]]
    if head[:2] != [PERSON, GROUP]:
        raise TableError(f"{name}, line 1: expected the columns person and group")
    fitted = ((line, _fitted(name, line, row, len(head))) for line, row in rows)
    return {_person(name, line, row[0]): row[1].strip() for line, row in fitted}


def _rows(name: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of every line that has something in it; the heading comes stripped."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    heading = True
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield reader.line_num, [cell.strip() for cell in row] if heading else row
                heading = False
    except csv.Error as error:
        raise TableError(f"{name}, line {reader.line_num}: {error}") from None


def _fitted(name: str, line: int, row: list[str], columns: int) -> list[str]:
    if len(row) > columns and not any(cell.strip() for cell in row[columns:]):
        row = row[:columns]
    if len(row) != columns:
        raise TableError(f"{name}, line {line}: {len(row)} columns, the heading has {columns}")
    return row
