"""Documents to file away: one neutral description, as DOCX here and as HTML in a template.

Only here: python-docx. A paper has real headings, tables with a heading row, a language and a
title, so that a screen reader finds its way in Word as in the browser.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import docx
from docx.opc.constants import CONTENT_TYPE as CT
from docx.opc.constants import RELATIONSHIP_TYPE as RT
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Mm, Pt, RGBColor

from lti_tool import sheets

_CHART, _BOOK = "/word/charts/chart%d.xml", "/word/embeddings/Microsoft_Excel_Sheet%d.xlsx"
#: 12 by 9 cm in the text; 360 000 English Metric Units are a centimetre.
_PLACE = """<wp:inline {wp} distT="0" distB="0" distL="0" distR="0">
<wp:extent cx="4320000" cy="3240000"/><wp:docPr id="1" name="Net"/><wp:cNvGraphicFramePr/>
<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart"><c:chart/>
</a:graphicData></a:graphic></wp:inline>"""
#: What XML cannot hold: controls, and halves of characters.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Heading:
    level: int  # 1 below the title
    text: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True)
class Facts:
    """Labels and values: a line each in Word; in the browser as many in a line as fit."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table; its first row and first column are headings."""

    caption: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """A drawing with the table of its numbers, None where they stand above already.

    The browser draws `picture`. Word takes no SVG: it draws a chart of its own from `points`, area
    -> value, on `top` rings of which every `step`-th has its number (ADR 0013).
    """

    picture: Any  # what the template draws
    grid: Grid | None
    text: str  # what a screen reader says
    key: str
    points: Sequence[Sequence[str | float]]  # the first is the heading
    top: int
    step: int


Block = Heading | Text | Facts | Grid | Figure


@dataclass(frozen=True)
class Paper:
    title: str
    language: str  # de-DE
    blocks: Sequence[Block]


def docx_of(paper: Paper) -> bytes:
    """Return the paper as a Word document."""
    document = docx.Document()
    _prepare(document, paper)
    document.add_heading(_clean(paper.title), level=0)
    for block in paper.blocks:
        if isinstance(block, Heading):
            document.add_heading(_clean(block.text), level=block.level)
        elif isinstance(block, Facts):
            for n, (label, value) in enumerate(block.pairs, start=1):
                _fact(document, label, value, last=n == len(block.pairs))
        elif isinstance(block, Grid):
            _table(document, block)
        elif isinstance(block, Figure):
            _chart(document, block, paper.language)
            document.add_paragraph(_clean(block.key))
            if block.grid is not None:
                _table(document, block.grid)
        else:
            document.add_paragraph(_clean(block.text))
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def _prepare(document: Any, paper: Paper) -> None:
    document.core_properties.title = _clean(paper.title)
    document.core_properties.language = paper.language
    document.core_properties.author = ""  # the library writes its own name there
    document.core_properties.comments = ""
    document.styles["Normal"].font.size = Pt(11)
    for name in ("Title", "Heading 1", "Heading 2", "Caption"):
        document.styles[name].font.color.rgb = RGBColor(0, 0, 0)  # the template's blue is too pale
    document.styles["Caption"].paragraph_format.keep_with_next = True
    page = document.sections[0]  # the template's is an American sheet
    page.page_width, page.page_height = Mm(210), Mm(297)
    page.left_margin = page.right_margin = page.top_margin = page.bottom_margin = Mm(20)
    for language in document.styles.element.iter(qn("w:lang")):
        language.set(qn("w:val"), paper.language)


def _fact(document: Any, label: str, value: str, *, last: bool) -> None:
    paragraph = _close(document.add_paragraph())
    paragraph.paragraph_format.keep_with_next = not last
    paragraph.add_run(f"{_clean(label)}: ").bold = True
    paragraph.add_run(_clean(value))


def _close(paragraph: Any) -> Any:
    """Return a paragraph without the air that the template gives each."""
    paragraph.paragraph_format.space_after = Pt(1)
    paragraph.paragraph_format.line_spacing = 1.0
    return paragraph


def _chart(document: Any, figure: Figure, language: str) -> None:
    """Append a net that Word itself draws, with the workbook of its numbers inside."""
    book, drawn = sheets.net_of(figure.points, figure.top, figure.step)
    package = document.part.package
    numbers = Part(package.next_partname(_BOOK), CT.SML_SHEET, book, package)
    chart = Part(package.next_partname(_CHART), CT.DML_CHART, None, package)
    data = f'<c:externalData r:id="{chart.relate_to(numbers, RT.PACKAGE)}"/>'
    for before, after in (
        ('<c:lang val="en-US"/>', f'<c:lang val="{language}"/>'),
        ("<c:printSettings>", f"{data}<c:printSettings>"),
        # Left out, some programs take an axis for deleted.
        ("</c:scaling>", '</c:scaling><c:delete val="0"/>'),
    ):
        drawn = drawn.replace(before, after)
    chart._blob = drawn.encode()
    place = parse_xml(_PLACE.format(wp=nsdecls("wp", "a", "c", "r")))
    place.find(qn("wp:docPr")).set("descr", _clean(figure.text))
    place.find(f".//{qn('c:chart')}").set(qn("r:id"), document.part.relate_to(chart, RT.CHART))
    drawing = OxmlElement("w:drawing")
    drawing.append(place)
    document.add_paragraph().add_run()._r.append(drawing)


def _table(document: Any, grid: Grid) -> None:
    document.add_paragraph(_clean(grid.caption), style="Caption")
    table = document.add_table(rows=1, cols=len(grid.headings), style="Table Grid")
    _fill(table.rows[0], grid.headings, bold=True)
    # Repeated on every page, and what a screen reader calls the heading of a column.
    properties = table.rows[0]._tr.get_or_add_trPr()
    properties.append(OxmlElement("w:tblHeader"))
    for row in grid.rows:
        _fill(table.add_row(), row)
    document.add_paragraph()


def _fill(row: Any, cells: Sequence[str], *, bold: bool = False) -> None:
    for n, (cell, text) in enumerate(zip(row.cells, cells, strict=True)):
        run = _close(cell.paragraphs[0]).add_run(_clean(text))
        run.bold = bold or n == 0


def _clean(text: str) -> str:
    return _UNWRITABLE.sub("", text)
