"""Moodle XML: choice, true/false, matching and ordering; everything else is listed.

Source: Moodle documentation "Moodle XML format"; question/format/xml, and question/type/ordering,
which is in core since Moodle 4.4. Formats other than plain text lose their markup.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from lti_tool.interchange.row import (
    TRUE_FALSE,
    InterchangeRefused,
    Note,
    Read,
    Row,
    Written,
    choice,
    escaped,
    key_of,
    not_written,
    number_of,
    plain_text,
    shares_of,
    tags_of,
    unique,
    with_tags,
    wordless,
)
from lti_tool.interchange.xml import parsed, rendered

KINDS = (
    *("single_choice", "true_false", "scenario", "multiple_response"),
    *("matching", "categorize", "ordering"),
)
#: Ordering graded by neighbours, as we do.
NEIGHBOURS = "RELATIVE_NEXT_EXCLUDE_LAST"


def write(rows: Sequence[Mapping[str, Any]]) -> Written:
    """Return the rows as Moodle XML, and what it cannot hold."""
    quiz, notes = Element("quiz"), list[Note]()
    for row in rows:
        fits, left = not_written(row, KINDS)
        notes += left
        if fits:
            quiz.append(_question(row))
    return Written(rendered(quiz), len(quiz), tuple(notes))


def _question(row: Mapping[str, Any]) -> Element:
    kind = row["kind"]
    own = tuple(o["text"] for o in row["options"]) == TRUE_FALSE
    name = {"matching": "matching", "categorize": "matching", "ordering": "ordering"}.get(kind)
    name = name or ("truefalse" if kind == "true_false" and own else "multichoice")
    question = Element("question", type=name)
    _text(SubElement(question, "name"), row.get("topic") or row["key"])
    _said(question, "questiontext", row["stem"])
    if row.get("feedback"):
        _said(question, "generalfeedback", row["feedback"])
    SubElement(question, "idnumber").text = row["key"]
    {"matching": _pairs, "ordering": _order, "truefalse": _truth, "multichoice": _choices}[name](
        question, row
    )
    tags = SubElement(question, "tags")
    for tag, value in tags_of(row).items():
        _text(SubElement(tags, "tag"), f"{tag}:{value}")
    return question


def _text(parent: Element, text: str) -> None:
    SubElement(parent, "text").text = text


def _said(parent: Element, name: str, text: str, **more: str) -> Element:
    made = SubElement(parent, name, more | {"format": "html"})
    _text(made, escaped(text))
    return made


def _choices(question: Element, row: Mapping[str, Any]) -> None:
    SubElement(question, "single").text = str(row["kind"] != "multiple_response").lower()
    SubElement(question, "shuffleanswers").text = "true"
    SubElement(question, "answernumbering").text = "none"
    for option, share in zip(row["options"], shares_of(row), strict=True):
        _said(
            question,
            "answer",
            option["text"],
            fraction=f"{100 * share:.5f}".rstrip("0").rstrip("."),
        )


def _truth(question: Element, row: Mapping[str, Any]) -> None:
    for option, word in zip(row["options"], ("true", "false"), strict=True):
        answer = SubElement(question, "answer", fraction="100" if option.get("correct") else "0")
        _text(answer, word)


def _pairs(question: Element, row: Mapping[str, Any]) -> None:
    SubElement(question, "shuffleanswers").text = "true"
    for option in row["options"]:
        pair = _said(question, "subquestion", option["text"])
        _text(SubElement(pair, "answer"), option["target"])


def _order(question: Element, row: Mapping[str, Any]) -> None:
    for name, value in (
        *(("layouttype", "VERTICAL"), ("selecttype", "ALL"), ("selectcount", "0")),
        ("gradingtype", NEIGHBOURS),
    ):
        SubElement(question, name).text = value
    for place, option in enumerate(row["options"], start=1):
        _said(question, "answer", option["text"], fraction=f"{place}")


# --- reading --------------------------------------------------------------------------------------


def read(data: bytes) -> Read:
    """Return the questions of a Moodle XML file, and what has no place in our rows.

    :raises InterchangeRefused: it is no Moodle XML, or unsafe.
    """
    root = parsed(data, "The file")
    if root.tag != "quiz":
        raise InterchangeRefused("This is no Moodle XML: it does not begin with <quiz>.")
    notes: list[Note] = []
    rows = []
    for number, question in enumerate(root.findall("question"), start=1):
        row = _row(question, number, notes)
        if row is not None:
            rows.append(row)
    return Read(unique(rows, notes), tuple(dict.fromkeys(notes)))


def _row(question: Element, number: int, notes: list[Note]) -> Row | None:
    kind, where = question.get("type", ""), f"question {number}"
    if kind == "category":
        said = question.findtext("category/text", "").strip()
        notes.append(Note(where, f"category {said} is not kept"))
        return None
    tags = [t.findtext("text", "").strip() for t in question.findall("tags/tag")]
    readers = {
        "multichoice": _chosen,
        "truefalse": _true,
        "matching": _matched,
        "ordering": _ordered,
    }
    if kind not in readers:
        notes.append(Note(where, f"not taken: there is no place for the type {kind or '?'}"))
        return None
    if (wrong := _no_number(question)) is not None:
        notes.append(Note(where, f'not taken: fraction="{wrong}" is no number'))
        return None
    stem = _plain(question.find("questiontext"), where, notes)
    made = readers[kind](question, tags, where, notes)
    if why := wordless(stem, made[1]):
        notes.append(Note(where, f"not taken: {why}"))
        return None
    for what in _untold(question):
        notes.append(Note(where, f"without {what}"))
    row: Row = {"key": "", "kind": made[0], "stem": stem, "options": made[1]}
    row["key"] = key_of(question.findtext("idnumber", ""), stem)
    title = question.findtext("name/text", "").strip()
    if title and title != row["key"]:
        row["topic"] = title
    if feedback := _plain(question.find("generalfeedback"), where, notes):
        row["feedback"] = feedback
    row, foreign = with_tags(row, [t for t in tags if not t.startswith("art:")])
    if foreign:
        notes.append(Note(where, f"tags are not kept: {', '.join(foreign)}"))
    return row


def _no_number(question: Element) -> str | None:
    shares = (a.get("fraction", "0") for a in question.findall("answer"))
    return next((share for share in shares if number_of(share) is None), None)


def _share(answer: Element) -> float:
    return number_of(answer.get("fraction", "0")) or 0.0


def _untold(question: Element) -> Iterator[str]:
    """Yield what is said to learners and has no place in our rows."""
    places = {
        "feedback of single answers": ("answer/feedback",),
        "feedback for right and wrong": (
            *("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback"),
        ),
        "hints": ("hint",),
    }
    for what, paths in places.items():
        found = (e.findtext("text", "").strip() for path in paths for e in question.findall(path))
        if any(found):
            yield what


def _plain(element: Element | None, where: str, notes: list[Note]) -> str:
    if element is None:
        return ""
    markup = element.get("format", "html") != "plain_text"
    text, pictured = plain_text(element.findtext("text", ""), markup=markup)
    if pictured or element.find("file") is not None:
        notes.append(Note(where, "without its picture, sound or film"))
    return text


Made = tuple[str, list[Row]]


def _chosen(question: Element, tags: Sequence[str], where: str, notes: list[Note]) -> Made:
    options = [(_plain(a, where, notes), _share(a) / 100) for a in question.findall("answer")]
    several = question.findtext("single", "true").strip() in ("false", "0")
    kind, rows, lost = choice(options, tags, several=several)
    if lost:
        notes.append(Note(where, f"without {lost}"))
    return kind, rows


def _true(question: Element, _tags: Sequence[str], _where: str, _notes: list[Note]) -> Made:
    full = {
        a.findtext("text", "").strip().lower() for a in question.findall("answer") if _share(a) > 0
    }
    right = 0 if "true" in full else 1
    return "true_false", [{"text": t, "correct": n == right} for n, t in enumerate(TRUE_FALSE)]


def _matched(question: Element, tags: Sequence[str], where: str, notes: list[Note]) -> Made:
    found = [
        (_plain(s, where, notes), plain_text(s.findtext("answer/text", ""))[0])
        for s in question.findall("subquestion")
    ]
    if any(not text for text, _ in found):
        notes.append(Note(where, "without answers that belong to nothing"))
    kind = "categorize" if "art:categorize" in tags else "matching"
    return kind, [{"text": text, "target": target} for text, target in found if text]


def _ordered(question: Element, _tags: Sequence[str], where: str, notes: list[Note]) -> Made:
    if question.findtext("gradingtype", NEIGHBOURS).strip() not in (NEIGHBOURS, ""):
        notes.append(Note(where, "graded by neighbours in the right order, not as Moodle was set"))
    answers = sorted(question.findall("answer"), key=_share)
    return "ordering", [{"text": _plain(a, where, notes)} for a in answers]
