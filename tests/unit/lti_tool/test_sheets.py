"""CSV and XLSX: as German Excel reads and writes them, and harmless whatever is uploaded."""

import io
import random
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lti_tool import sheets
from lti_tool.sheets import SheetUnreadable, csv_of, read, xlsx_of

ROWS = [["Rolle", "Soll 1.1"], ["GB", 2.5], ["Ähm; „x“\nzwei", 3]]


def test_csv_is_written_as_german_excel_reads_it() -> None:
    written = csv_of(ROWS)
    assert written.startswith(b"\xef\xbb\xbfRolle;Soll 1.1\r\n")
    assert b"GB;2,5\r\n" in written


def test_both_kinds_are_read_back() -> None:
    assert read(csv_of(ROWS)) == [["Rolle", "Soll 1.1"], ["GB", "2,5"], ["Ähm; „x“\nzwei", "3"]]
    assert read(xlsx_of("Soll", ROWS)) == ROWS


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (b"Rolle,Soll 1.1\nGB,2\n", [["Rolle", "Soll 1.1"], ["GB", "2"]]),
        (b"Rolle\tSoll 1.1\nGB\t2\n", [["Rolle", "Soll 1.1"], ["GB", "2"]]),
        (
            "Rolle;Tätigkeit\r\nGB;Grün\r\n".encode("cp1252"),
            [["Rolle", "Tätigkeit"], ["GB", "Grün"]],
        ),
    ],
)
def test_csv_of_other_programs_is_understood(data: bytes, rows: list[list[str]]) -> None:
    assert read(data) == rows


@pytest.mark.parametrize("evil", ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_text_of_ours_is_a_formula_for_excel_and_it_comes_back_as_it_was(evil: str) -> None:
    line = csv_of([["a", evil]]).decode("utf-8-sig")
    assert f"'{evil}" in line
    assert read(csv_of([["a", evil]]))[0][1] == evil
    assert read(xlsx_of("t", [["a", evil]]))[0][1] == evil.replace("\r", "\n") or evil[0] in "\t\r"
    with zipfile.ZipFile(io.BytesIO(xlsx_of("t", [["a", evil]]))) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")


@given(st.lists(st.lists(st.text(max_size=9), min_size=1, max_size=4), min_size=1, max_size=4))
def test_every_text_survives_csv(rows: list[list[str]]) -> None:
    from_file = [cell for row in read(_csv_of(rows)) for cell in row]
    assert from_file == [cell for row in rows for cell in row]


def _csv_of(rows: list[list[str]]) -> bytes:
    # NUL and half characters cannot be written; a row of one empty cell is no row; a line end is
    # one line end, whatever it was; what looks escaped already is unescaped.
    for row in rows:
        for n, cell in enumerate(row):
            clean = cell.encode("utf-8", "ignore").decode().replace("\0", "").replace("\r", "")
            row[n] = clean.lstrip("'") or "x"
    return csv_of(rows)


def packed(**parts: bytes) -> bytes:
    """Return a zip with these parts, compressed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def with_sheet(change: bytes) -> bytes:
    """Return a good XLSX whose sheet says something else."""
    parts = {}
    with zipfile.ZipFile(io.BytesIO(xlsx_of("t", [["a", 1]]))) as archive:
        for name in archive.namelist():
            parts[name] = archive.read(name)
    parts["xl/worksheets/sheet1.xml"] = change
    return packed(**parts)


MANY = [f"xl/{n}" for n in range(sheets.MOST_PARTS)]
SHEET = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
    b'<row r="%s"><c r="%s"><v>1</v></c></row></sheetData></worksheet>'
)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"a;b\n" * 300_000, "size"),
        (packed(**{"xl/workbook.xml": b"0" * (sheets.UNPACKED + 1)}), "size"),
        (packed(**dict.fromkeys(MANY, b""), **{"xl/workbook.xml": b""}), "format"),
        (packed(**{"word/document.xml": b"<x/>"}), "format"),
        (b"PK\x03\x04 no zip at all", "format"),
        (b"\x00\x01\x02", "format"),
        (b"a\n" * (sheets.MOST_ROWS + 1), "rows"),
        (b";" * (sheets.MOST_COLUMNS + 1), "columns"),
        (b"x" * (sheets.LONGEST_CELL + 1), "cell"),
        (with_sheet(SHEET % (b"1048576", b"A1048576")), "rows"),
        (with_sheet(SHEET % (b"1", b"XFD1")), "columns"),
        (with_sheet(SHEET % (b"1", b"ZZ1")), "columns"),
        (with_sheet(b"not xml"), "format"),
    ],
)  # fmt: skip
def test_a_file_that_no_table_of_ours_is_like_is_refused_before_it_costs_anything(
    data: bytes, cause: str
) -> None:
    with pytest.raises(SheetUnreadable) as caught:
        read(data)
    assert caught.value.cause == cause


def test_entities_that_would_grow_without_end_are_not_unfolded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "' + b"ha" * 1000 + b'">' + b"".join(
        b'<!ENTITY a%d "%s">' % (n, b"&a%s;" % (b"" if n == 0 else b"%d" % (n - 1)) * 50)
        for n in range(9)
    ) + b"]>" + SHEET % (b"1", b"A1")  # fmt: skip
    try:
        rows = read(with_sheet(bomb))
    except SheetUnreadable:
        rows = []
    assert sum(len(str(cell)) for row in rows for cell in row) < 100


def test_a_damaged_file_is_refused_or_read_and_never_breaks_the_program() -> None:
    good, dice = bytearray(xlsx_of("t", ROWS)), random.Random(7)
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(dice.randrange(1, 12)):
            bad[dice.randrange(len(bad))] = dice.randrange(256)
        try:
            read(bytes(bad))
        except SheetUnreadable:
            continue
