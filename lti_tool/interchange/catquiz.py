"""Item parameters as Moodle's local_catquiz imports and exports them (CSV).

Columns as in its test data: componentid, status, qtype, model, difficulty, discrimination,
guessing, label, catscalename, parentscalenames, componentname, json. `label` is the question's
idnumber, our key. 2PL (raschbirnbaum) and the generalised graded model (grmgeneralized: json
`difficulties`, one per share of the points) mean the same as here. Guessing has no place in our
model, and its partial credit intercepts are written in another way: both are listed, not converted.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from competency.items import Item, Model
from lti_tool.interchange.row import InterchangeRefused, Note, Written

COLUMNS = (
    *("componentid", "status", "qtype", "model", "difficulty", "discrimination", "guessing"),
    *("label", "catscalename", "parentscalenames", "componentname", "json"),
)
NEEDED = ("label", "model", "difficulty", "discrimination")
TWO, GRADED, ONE = "raschbirnbaum", "grmgeneralized", "rasch"
TWO_NAMES = (TWO, "raschbirnbauma", "raschbirnbaumb")  # as older versions call it
SET_BY_HAND = "4"  # status: "manually confirmed"
TOP_SCALE = "roadMAP"


@dataclass(frozen=True, slots=True)
class Parameters:
    a: float
    b: tuple[float, ...]


@dataclass(frozen=True)
class Found:
    parameters: Mapping[str, Parameters]  # by key
    notes: tuple[Note, ...]


def write(items: Sequence[Item]) -> Written:
    """Return the parameters of the items, and which cannot be written."""
    text, notes = io.StringIO(), list[Note]()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    count = 0
    for item in items:
        if why := _unfit(item):
            notes.append(Note(item.key, f"not written: {why}"))
            continue
        writer.writerow(_row(item))
        count += 1
    return Written(text.getvalue().encode(), count, tuple(notes))


def _unfit(item: Item) -> str:
    if not item.scored:
        return "a private reflection has no parameters"
    if item.self_report:
        return "a self-report measures the person's own view, too"
    if item.model is not Model.GRM and len(item.b) > 1:
        return "partial credit is written in another way there"
    return ""


def _row(item: Item) -> list[str]:
    graded = len(item.b) > 1
    middle = sum(item.b) / len(item.b)
    more = {"difficulties": _shares(item.b)} if graded else {}
    return [
        *("0", SET_BY_HAND, "", GRADED if graded else TWO),
        *(f"{middle:.6g}", f"{item.a:.6g}", "0", item.key, item.competency, TOP_SCALE),
        *("question", json.dumps(more) if more else ""),
    ]


def _shares(b: Sequence[float]) -> dict[str, float]:
    """Return each threshold by the share of the points it leads to; nobody has to reach none."""
    return {f"{n / len(b):.2f}": value for n, value in enumerate(b, start=1)}


def read(data: bytes) -> Found:
    """Return the parameters of a file by key, and what cannot be used.

    :raises InterchangeRefused: it is no such table.
    """
    text = data.decode("utf-8-sig", errors="replace")
    first = text.partition("\n")[0]
    try:
        rows = list(csv.DictReader(io.StringIO(text), delimiter=max(";,\t", key=first.count)))
    except csv.Error:
        raise InterchangeRefused("The file is no table.") from None
    heading = [name.strip() for name in (rows[0] if rows else {}) if name]
    if missing := [name for name in NEEDED if name not in heading]:
        raise InterchangeRefused(f"These columns are missing: {', '.join(missing)}.")
    found: dict[str, Parameters] = {}
    notes: list[Note] = []
    for line, row in enumerate(rows, start=2):
        key, where = (row.get("label") or "").strip(), f"line {line}"
        made = _parameters(row)
        if isinstance(made, str):
            notes.append(Note(where, f"{key or 'no label'}: not taken: {made}"))
        elif not key or key in found:
            notes.append(Note(where, "not taken: no label, or one that was there before"))
        else:
            found[key] = made
    return Found(found, tuple(notes))


def _parameters(row: Mapping[str, str]) -> Parameters | str:
    """Return the parameters of a row, or why there are none that can be used."""
    model = (row.get("model") or "").strip().lower()
    try:
        a, b = (
            float((row.get(n) or "0").replace(",", ".")) for n in ("discrimination", "difficulty")
        )
        guessing = float((row.get("guessing") or "0").replace(",", "."))
        more = json.loads(row.get("json") or "{}")
        steps = sorted((float(k), float(v)) for k, v in more.get("difficulties", {}).items())
    except (ValueError, AttributeError):
        return "a number cannot be read"
    if guessing > 0:
        return "guessing has no place here"
    if model == ONE:
        return Parameters(1.0, (b,))
    if model in TWO_NAMES:
        return Parameters(a, (b,)) if a > 0 else "the discrimination is not above 0"
    if model != GRADED:
        return f"there is no model {model or '(none)'} here"
    thresholds = tuple(value for share, value in steps if share > 0)
    rising = all(x < y for x, y in pairwise(thresholds))
    return Parameters(a, thresholds) if thresholds and rising and a > 0 else "no rising thresholds"
