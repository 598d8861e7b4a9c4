"""Tables in and out as CSV and XLSX, safely. Only here: python-calamine and XlsxWriter.

A file that is uploaded is hostile until shown otherwise: size, rows, columns, cells and what a zip
unpacks to are limited before a library sees it. CSV is written as German Excel reads it (UTF-8
with BOM, semicolon, decimal comma), and no text in it is ever taken for a formula.
Source: design/terms.md section 1; OWASP "CSV injection".
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock

from python_calamine import CalamineError, CalamineWorkbook
from xlsxwriter import Workbook

from lti_tool.errors import RoadmapError

#: A cell as it is read: numbers stay numbers, and a date is what Excel makes of "1.5".
Cell = str | int | float | bool | date | datetime | clock | timedelta

LARGEST = 1_000_000  # bytes
UNPACKED = 20_000_000  # bytes
MOST_PARTS = 200  # files in an XLSX
MOST_ROWS, MOST_COLUMNS, LONGEST_CELL = 1000, 300, 2000
NET = "Netz"
ZIP, FORMULA = b"PK\x03\x04", ("=", "+", "-", "@", "\t", "\r")
_REFERENCE = re.compile(rb'\br="([A-Z]{1,7})([0-9]{1,10})"')
_QUOTED = re.compile(r'"[^"]*(?:"|$)')
_SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")


class SheetUnreadable(RoadmapError):
    """A file that is no table we can read. `cause`: size | format | rows | columns | cell."""

    def __init__(self, cause: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy)
        self.cause = cause


def read(data: bytes) -> list[list[Cell]]:
    """Return the rows of a CSV file or of the first sheet of an XLSX file.

    :raises SheetUnreadable: it is neither, or larger than any table of ours.
    """
    if len(data) > LARGEST:
        raise _wrong("size", f"The file is larger than {LARGEST // 1000} kB.")
    rows = _xlsx(data) if data.startswith(ZIP) else _csv(data)
    _limit(rows)
    return [[_plain(cell) for cell in row] for row in rows]


def csv_of(rows: Sequence[Sequence[str | float]]) -> bytes:
    """Return rows as CSV for German Excel."""
    text = io.StringIO()
    plain = csv.writer(text, delimiter=";", lineterminator="\r\n")
    quoted = csv.writer(text, delimiter=";", lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    for n, row in enumerate(rows):
        cells = [_safe(cell) for cell in row]
        # The heading tells what separates: other separators in it are put into quotes.
        doubtful = n == 0 and any(set(",\t") & set(cell) for cell in cells)
        (quoted if doubtful else plain).writerow(cells)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def xlsx_of(title: str, rows: Sequence[Sequence[str | float]]) -> bytes:
    """Return rows as an XLSX file with one sheet; the first row is the heading."""
    buffer = io.BytesIO()
    never = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    with Workbook(buffer, {"in_memory": True, **never}) as book:
        book.set_properties({"title": title})
        sheet, head = book.add_worksheet(title[:31]), book.add_format({"bold": True})
        for n, row in enumerate(rows):
            sheet.write_row(n, 0, row, head if n == 0 else None)
        sheet.freeze_panes(1, 2)
        sheet.set_column(1, 2, 30)
    return buffer.getvalue()


def net_of(rows: Sequence[Sequence[str | float]], top: int, step: int) -> tuple[bytes, str]:
    """Return label -> value (the first row is the heading) as an XLSX file, and its net as XML.

    The net has `top` rings and a number at every `step`-th. Black on white: it is printed.
    """
    buffer, ink = io.BytesIO(), {"color": "#000000"}
    with Workbook(buffer, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(NET)
        for n, row in enumerate(rows):
            sheet.write_row(n, 0, row)
        chart = book.add_chart({"type": "radar", "subtype": "with_markers"})
        series = {
            "name": [NET, 0, 1],
            "categories": [NET, 1, 0, len(rows) - 1, 0],
            "values": [NET, 1, 1, len(rows) - 1, 1],
            "line": ink | {"width": 2, "dash_type": "dash"},
            "marker": {"type": "diamond", "size": 7, "fill": ink, "border": ink},
        }
        chart.add_series(series)
        rings = {"visible": True, "line": {"color": "#767676"}}
        chart.set_y_axis({"min": 0, "max": top, "major_unit": step, "major_gridlines": rings})
        chart.set_title({"none": True})
        chart.set_legend({"none": True})
        chart.set_chartarea({"border": {"none": True}})
        sheet.insert_chart("D2", chart)
    with zipfile.ZipFile(buffer) as archive:
        return buffer.getvalue(), archive.read("xl/charts/chart1.xml").decode()


def _csv(data: bytes) -> list[list[Cell]]:
    if b"\0" in data:
        raise _wrong("format", "The file is no table.")
    text = _decoded(data)
    first = _QUOTED.sub("", text.partition("\n")[0])
    delimiter = max((";", "\t", ","), key=first.count)
    try:
        # Line ends inside of quotes belong to the text.
        return [list(row) for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]
    except csv.Error:
        raise _wrong("format", "The file is no table.") from None


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")  # how older Excel saves CSV in Germany


def _xlsx(data: bytes) -> list[list[Cell]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _require_harmless(archive)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError):
        raise _wrong("format", "The file is no XLSX table.") from None
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        return book.get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, OSError, ValueError, IndexError):
        raise _wrong("format", "The file is no XLSX table.") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what the library's own bugs look like
            raise
        raise _wrong("format", "The file is no XLSX table.") from None


def _require_harmless(archive: zipfile.ZipFile) -> None:
    """Unpack everything once, with a limit: what a zip says about its sizes may be a lie."""
    left, parts = UNPACKED, archive.infolist()
    if len(parts) > MOST_PARTS or "xl/workbook.xml" not in archive.namelist():
        raise _wrong("format", "The file is no XLSX table.")
    for part in parts:
        if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise _wrong("format", "The file is no XLSX table.")
        with archive.open(part) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise _wrong("size", "The file unpacks to more than any table of ours.")
        if _SHEET.fullmatch(part.filename):
            _require_small(content)


def _require_small(sheet: bytes) -> None:
    # One cell far out would make the library lay out everything in between.
    for letters, number in _REFERENCE.findall(sheet):
        if int(number) > MOST_ROWS:
            raise _wrong("rows", f"The table has more than {MOST_ROWS} rows.")
        if len(letters) > 2 or _column(letters) > MOST_COLUMNS:
            raise _wrong("columns", f"The table has more than {MOST_COLUMNS} columns.")


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def _limit(rows: Sequence[Sequence[Cell]]) -> None:
    if len(rows) > MOST_ROWS:
        raise _wrong("rows", f"The table has more than {MOST_ROWS} rows.")
    if any(len(row) > MOST_COLUMNS for row in rows):
        raise _wrong("columns", f"The table has more than {MOST_COLUMNS} columns.")
    if any(len(cell) > LONGEST_CELL for row in rows for cell in row if isinstance(cell, str)):
        raise _wrong("cell", f"A cell has more than {LONGEST_CELL} characters.")


def _safe(cell: str | float) -> str:
    """Return a cell as CSV shows it: a decimal comma, and no text that Excel computes with."""
    if isinstance(cell, str):
        return f"'{cell}" if cell.startswith(FORMULA) else cell
    return f"{cell:g}".replace(".", ",")


def _plain(cell: Cell) -> Cell:
    """Return a cell as it was before `_safe`."""
    if not isinstance(cell, str):
        return cell
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _wrong(cause: str, message: str) -> SheetUnreadable:
    return SheetUnreadable(cause, message, remedy="Export a table here and fill it in.")
