"""LimeSurvey surveys (.lss): self-ratings with anchors; everything else is listed.

An array (type F) is one self-rating for each of its lines, its answers are the steps. A list (L, !)
is one only if its answers have different assessment values: else nothing says what is more. Read
are the files of LimeSurvey 3 (texts in the rows) and of 4 and later (texts in rows of their own).
Source: LimeSurvey's export "Survey structure (.lss)"; tables questions, answers, *_l10ns.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from lti_tool.interchange.row import (
    InterchangeRefused,
    Note,
    Read,
    Row,
    key_of,
    plain_text,
    unique,
)
from lti_tool.interchange.xml import parsed

Line = Mapping[str, str]
ARRAY, LISTS = "F", ("L", "!")
FEWEST, GERMAN = 3, "de"


def read(data: bytes) -> Read:
    """Return the self-ratings of a survey, and what has no place in our rows.

    :raises InterchangeRefused: it is no survey of LimeSurvey, or unsafe.
    """
    root = parsed(data, "The file")
    if root.findtext("LimeSurveyDocType", "").strip() != "Survey":
        raise InterchangeRefused(
            "This is no survey of LimeSurvey.",
            remedy="Export there: Display/Export, Survey structure (.lss).",
        )
    survey, notes = _survey(root), list[Note]()
    rows = [row for question in survey.questions for row in _rows(survey, question, notes)]
    return Read(unique(rows, notes), tuple(notes))


@dataclass(frozen=True)
class _Survey:
    """The rows of a survey in one language. Questions and lines in their order."""

    questions: tuple[Line, ...]
    lines: tuple[Line, ...]
    answers: tuple[Line, ...]
    said: Mapping[tuple[str, str], str]  # (kind, id) -> text


def _survey(root: Element) -> _Survey:
    codes = [(e.text or "").strip() for e in root.findall("languages/language")]
    base = root.findtext("surveys/rows/row/language", (codes or [""])[0]).strip()
    language = next((c for c in codes if c.split("-")[0] == GERMAN), base)
    questions, lines, answers = (_lines(root, n) for n in ("questions", "subquestions", "answers"))
    said = {
        (kind, row[number]): row[text]
        for kind, number, text, rows in (
            ("question", "qid", "question", (*questions, *lines, *_lines(root, "question_l10ns"))),
            ("answer", "aid", "answer", _lines(root, "answer_l10ns")),
        )
        for row in rows
        if row.get(text) and row.get(number) and row.get("language", language) == language
    }
    return _Survey(
        questions=_once(questions, "qid", language, "question_order"),
        lines=_once(lines, "qid", language, "question_order"),
        answers=tuple(r for r in answers if r.get("language", language) == language),
        said=said,
    )


def _lines(root: Element, name: str) -> list[Line]:
    rows = root.findall(f"{name}/rows/row")
    return [{cell.tag: (cell.text or "").strip() for cell in row} for row in rows]


def _once(rows: Iterable[Line], key: str, language: str, order: str) -> tuple[Line, ...]:
    found = {r.get(key, ""): r for r in rows if r.get("language", language) == language}
    return tuple(sorted(found.values(), key=lambda r: (_whole(r, "gid"), _whole(r, order))))


def _whole(row: Line, name: str) -> int:
    text = row.get(name, "")
    return int(text) if text.lstrip("-").isdecimal() else 0


def _rows(survey: _Survey, question: Line, notes: list[Note]) -> list[Row]:
    kind, where = question.get("type", ""), question.get("title") or question.get("qid", "?")
    if kind not in (ARRAY, *LISTS):
        notes.append(Note(where, f"not taken: type {kind or '?'} is no self-rating with anchors"))
        return []
    answers = [a for a in survey.answers if a.get("qid") == question.get("qid")]
    stated = len({a.get("assessment_value") for a in answers}) == len(answers)
    if kind in LISTS and not stated:
        notes.append(Note(where, "not taken: no assessment values say which answer is more"))
        return []
    options = _options(survey, answers, stated=stated)
    if len(options) < FEWEST:
        notes.append(Note(where, f"not taken: fewer than {FEWEST} answers"))
        return []
    if not stated:
        notes.append(Note(where, f"“{options[0]}” is taken as the lowest step; turn it if not"))
    own = [x for x in survey.lines if x.get("parent_qid") == question.get("qid")]
    asked: list[tuple[Line, ...]] = [(question, line) for line in own] or [(question,)]
    return [_row(survey, one, options, notes) for one in asked]


def _options(survey: _Survey, answers: Sequence[Line], *, stated: bool) -> list[str]:
    """Return the words of the steps, the lowest first."""
    by = "assessment_value" if stated else "sortorder"
    ordered = sorted(answers, key=lambda a: _whole(a, by))
    texts = (a.get("answer") or survey.said.get(("answer", a.get("aid", "")), "") for a in ordered)
    return [text for text in (plain_text(t)[0] for t in texts) if text]


def _row(survey: _Survey, asked: Sequence[Line], options: Sequence[str], notes: list[Note]) -> Row:
    """Return a row of a question, or of a question and one of its lines."""
    parts = [survey.said.get(("question", q.get("qid", "")), "") for q in asked]
    read_ = [plain_text(part) for part in parts]
    stem = " ".join(text for text, _ in read_ if text)
    codes = [q.get("title", "") for q in asked]
    key = key_of("-".join(c for c in codes if c), stem)
    if any(lost for _, lost in read_):
        notes.append(Note(key, "without its picture or sound"))
    return {
        "key": key,
        "kind": "self_rating",
        "stem": stem,
        "options": [{"text": text} for text in options],
    }
