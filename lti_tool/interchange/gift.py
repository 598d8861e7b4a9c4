"""GIFT, Moodle's text format for questions. Key and tags travel in a comment, as Moodle reads them.

Source: Moodle documentation "GIFT format"; question/format/gift of Moodle. Missing-word questions
become questions with a gap; short answers, numbers and essays have no place in our rows.
"""

import codecs
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lti_tool.interchange.row import (
    TRUE_FALSE,
    Note,
    Read,
    Row,
    Written,
    choice,
    key_of,
    not_written,
    plain_text,
    shares_of,
    tags_of,
    unique,
    with_tags,
    wordless,
)

KINDS = ("single_choice", "true_false", "scenario", "multiple_response", "matching", "categorize")
GAP = "_____"
_SPECIAL = re.compile(r"([~=#{}:\\])")
_TAG = re.compile(r"\[(id|tag):((?:\\\]|[^\]])*)\]")
_FORMAT = re.compile(r"\[(html|moodle|plain|markdown)\]")
_WEIGHT = re.compile(r"%(-?\d+(?:\.\d+)?)%")
_PLACE = re.compile(r"(?<!\\)[=~]")
_TRUTH = {"T": 0, "TRUE": 0, "F": 1, "FALSE": 1}


def write(rows: Sequence[Mapping[str, Any]]) -> Written:
    """Return the rows as GIFT, and what it cannot hold."""
    notes: list[Note] = []
    blocks = []
    for row in rows:
        fits, left = not_written(row, KINDS)
        notes += left
        if fits:
            blocks.append(_block(row))
    return Written(("\n\n".join(blocks) + "\n").encode(), len(blocks), tuple(notes))


def _block(row: Mapping[str, Any]) -> str:
    tags = [f"[tag:{name}:{_bracket(value)}]" for name, value in tags_of(row).items()]
    comment = " ".join([f"// [id:{_bracket(row['key'])}]", *tags])
    head = f"::{_escape(row.get('topic') or row['key'])}::[plain]{_escape(row['stem'])}"
    said = f"\t####{_escape(row['feedback'])}\n" if row.get("feedback") else ""
    answers = _answers(row)
    if answers in ("TRUE", "FALSE"):
        return f"{comment}\n{head}{{{answers}{said.strip()}}}"
    return f"{comment}\n{head}{{\n{answers}{said}}}"


def _answers(row: Mapping[str, Any]) -> str:
    options, kind = row["options"], row["kind"]
    if kind in ("matching", "categorize"):
        return "".join(f"\t={_escape(o['text'])} -> {_escape(o['target'])}\n" for o in options)
    if kind == "true_false" and tuple(o["text"] for o in options) == TRUE_FALSE:
        return "TRUE" if options[0].get("correct") else "FALSE"
    lines = []
    for option, share in zip(options, shares_of(row), strict=True):
        one = kind != "multiple_response" and share == 1
        weight = "" if one or share == 0 else f"%{_percent(share)}%"
        lines.append(f"\t{'=' if one else '~'}{weight}{_escape(option['text'])}\n")
    return "".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.5f}".rstrip("0").rstrip(".")


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", " ".join(str(text).split()))


def _bracket(text: str) -> str:
    return str(text).replace("]", r"\]")


def _plain(text: str) -> str:
    return re.sub(r"\\([~=#{}:\\])", r"\1", text.replace(r"\n", " ")).strip()


# --- reading --------------------------------------------------------------------------------------


def read(data: bytes) -> Read:
    """Return the questions of a GIFT file, and what has no place in our rows."""
    notes: list[Note] = []
    rows = []
    for line, comments, body in _blocks(_decoded(data, notes)):
        where = f"line {line}"
        if body.startswith("$CATEGORY:"):
            notes.append(Note(where, f"category {body[10:].strip()} is not kept"))
            continue
        row = _row(comments, body, where, notes)
        if row is not None:
            rows.append(row)
    return Read(unique(rows, notes), tuple(dict.fromkeys(notes)))


def _decoded(data: bytes, notes: list[Note]) -> str:
    """Return the text; what is no UTF-8 was written by an old Windows."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        notes.append(Note("the file", "read as Windows-1252: it is no UTF-8"))
        return data.decode("cp1252", errors="replace")


def _blocks(text: str) -> Iterator[tuple[int, list[str], str]]:
    """Yield (first line, comments, rest) of what stands between empty lines."""
    comments: list[str] = []
    body: list[str] = []
    first = 0
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        bare = line.strip()
        if bare.startswith("//"):
            comments.append(bare[2:])
        elif bare:
            first = first or number
            body.append(bare)
            if bare.startswith("$CATEGORY:"):
                yield first, comments, bare
                comments, body, first = [], [], 0
        elif body:
            yield first, comments, "\n".join(body)
            comments, body, first = [], [], 0


def _row(comments: Sequence[str], body: str, where: str, notes: list[Note]) -> Row | None:
    found = [(k, v.replace(r"\]", "]")) for c in comments for k, v in _TAG.findall(c)]
    tags = [value for kind, value in found if kind == "tag"]
    key = next((value for kind, value in found if kind == "id"), "")
    title, stem, answers, markup = _parts(body)
    if answers is None:
        _note(notes, where, "a description without a question")
        return None
    answers, _, feedback = answers.partition("####")
    made = _kind_of(answers.strip(), tags, where, notes, markup=markup)
    if made is None:
        return None
    stem, pictured = plain_text(_plain(stem), markup=markup)
    if why := wordless(stem, made[1]):
        _note(notes, where, why)
        return None
    if pictured:
        notes.append(Note(where, "without its picture, sound or film"))
    row: Row = {"key": key_of(key, stem), "kind": made[0], "stem": stem, "options": made[1]}
    if title and title != row["key"]:
        row["topic"] = title
    if feedback.strip():
        row["feedback"] = plain_text(_plain(feedback), markup=markup)[0]
    row, foreign = with_tags(row, [t for t in tags if not t.startswith("art:")])
    if "art:categorize" in tags and row["kind"] == "matching":
        row["kind"] = "categorize"
    if foreign:
        notes.append(Note(where, f"tags are not kept: {', '.join(foreign)}"))
    return row


def _note(notes: list[Note], where: str, what: str) -> None:
    notes.append(Note(where, f"not taken: {what}"))


def _parts(body: str) -> tuple[str, str, str | None, bool]:
    """Return title, question, what stands in braces (None: nothing does), and whether HTML."""
    title = ""
    if named := re.match(r"::((?:\\.|[^\\])*?)::", body, re.S):
        title, body = _plain(named[1]), body[named.end() :].lstrip()
    formatted = _FORMAT.match(body)
    body = body[formatted.end() :] if formatted else body
    markup = formatted is None or formatted[1] != "plain"
    opening = re.search(r"(?<!\\)\{", body)
    closing = re.search(r"(?<!\\)\}", body[opening.end() :]) if opening else None
    if opening is None or closing is None:
        return title, body, None, markup
    answers = body[opening.end() : opening.end() + closing.start()]
    after = body[opening.end() + closing.end() :].strip()
    before = body[: opening.start()].rstrip()
    return title, f"{before} {GAP} {after}" if after else before, answers, markup


def _kind_of(
    answers: str, tags: Sequence[str], where: str, notes: list[Note], *, markup: bool
) -> tuple[str, list[Row]] | None:
    truth = answers.split("#")[0].strip().upper()
    if truth in _TRUTH:
        right = _TRUTH[truth]
        return "true_false", [{"text": t, "correct": n == right} for n, t in enumerate(TRUE_FALSE)]
    if not answers or answers.startswith("#"):
        _note(notes, where, "an essay" if not answers else "a number as the answer")
        return None
    if answers.startswith(">"):
        return _order(answers, where, notes, markup=markup)
    pieces = [(answers[a:b][0], answers[a + 1 : b].strip()) for a, b in _spans(answers)]
    if not pieces:
        _note(notes, where, "answers without = or ~")
        return None
    if all(mark == "=" and "->" in text for mark, text in pieces):
        return _pairs(pieces, where, notes, markup=markup)
    if all(mark == "=" for mark, _ in pieces):
        _note(notes, where, "a word to be typed as the answer")
        return None
    return _choice(pieces, tags, where, notes, markup=markup)


def _spans(answers: str) -> list[tuple[int, int]]:
    starts = [m.start() for m in _PLACE.finditer(answers)]
    return list(zip(starts, [*starts[1:], len(answers)], strict=False))


def _said(text: str, where: str, notes: list[Note], *, markup: bool) -> str:
    """Return an answer; its own format counts before that of the question."""
    formatted = _FORMAT.match(text)
    if formatted:
        text, markup = text[formatted.end() :], formatted[1] != "plain"
    plain, pictured = plain_text(_plain(text), markup=markup)
    if pictured:
        notes.append(Note(where, "without its picture, sound or film"))
    return plain


def _order(answers: str, where: str, notes: list[Note], *, markup: bool) -> tuple[str, list[Row]]:
    """Return an ordering: ">", how Moodle grades it, and a line a step in the right order."""
    _graded, *lines = answers.splitlines()
    notes.append(Note(where, "graded by neighbours in the right order, not as Moodle was set"))
    return "ordering", [{"text": _said(x, where, notes, markup=markup)} for x in lines]


def _pairs(
    pieces: Sequence[tuple[str, str]], where: str, notes: list[Note], *, markup: bool
) -> tuple[str, list[Row]]:
    found = [
        [_said(part.strip(), where, notes, markup=markup) for part in text.partition("->")[::2]]
        for _, text in pieces
    ]
    if any(not text for text, _ in found):
        notes.append(Note(where, "without answers that belong to nothing"))
    return "matching", [{"text": t, "target": target} for t, target in found if t]


def _choice(
    pieces: Sequence[tuple[str, str]],
    tags: Sequence[str],
    where: str,
    notes: list[Note],
    *,
    markup: bool,
) -> tuple[str, list[Row]]:
    options, told = [], False
    for mark, text in pieces:
        weight = _WEIGHT.match(text)
        text = text[weight.end() :] if weight else text
        answer, *said = re.split(r"(?<!\\)#", text, maxsplit=1)
        told |= bool(said)
        share = float(weight[1]) / 100 if weight else float(mark == "=")
        options.append((_said(answer.strip(), where, notes, markup=markup), share))
    several = all(mark == "~" for mark, _ in pieces) and max(s for _, s in options) < 1
    kind, rows, lost = choice(options, tags, several=several or "art:multiple_response" in tags)
    for what in (lost, "feedback of single answers" if told else ""):
        if what:
            notes.append(Note(where, f"without {what}"))
    return kind, rows
