"""Reading QTI 3.0: items and packages of other programs, and why an item has no place in our rows.

QTI 2.x and 1.2 are not read; `REMEDY_2` and `REMEDY_1` say what to do. Source: as `qti`.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from xml.etree.ElementTree import Element

from lti_tool.interchange.qti_words import words
from lti_tool.interchange.row import (
    LARGEST,
    InterchangeRefused,
    Note,
    Read,
    Row,
    choice,
    key_of,
    number_of,
    unique,
    with_tags,
    wordless,
)
from lti_tool.interchange.xml import local, parsed, text_of

#: Our own fields in the attributes of an item body.
DATA = "data-roadmap-"
MANIFEST, MOST_FILES = "imsmanifest.xml", 5000
REMEDY_2 = (
    "Convert it first: pipx run --spec citolab-qti-convert qti-convert upgrade OLD.zip NEW.zip"
)
REMEDY_1 = "Export it as Moodle XML, GIFT, QTI 2.1 or QTI 3."
ZIP = b"PK\x03\x04"


def read(data: bytes) -> Read:
    """Return the questions of a QTI 3.0 item or package, and what has no place in our rows.

    :raises InterchangeRefused: it is neither, unsafe, or QTI 2.x.
    """
    notes: list[Note] = []
    rows = []
    packed = data.startswith(ZIP)
    for name, content in _files(data):
        try:
            root = parsed(content, name)
        except InterchangeRefused as error:
            if not packed:
                raise
            notes.append(Note(name, f"not taken: {error}"))
            continue
        row = _row(root, name, notes, packed=packed)
        if row is not None:
            rows.append(row)
    if not rows and not notes:
        raise InterchangeRefused("The package has no QTI item.", remedy=REMEDY_1)
    return Read(unique(rows, notes), tuple(dict.fromkeys(notes)))


def _files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the XML files of a package; nothing is unpacked onto the disk."""
    if not data.startswith(ZIP):
        yield "The file", data
        return
    left = LARGEST
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_FILES:
                raise InterchangeRefused(f"The package has more than {MOST_FILES} files.")
            for part in parts:
                path = PurePosixPath(part.filename)
                if path.is_absolute() or ".." in path.parts or "\\" in part.filename:
                    raise InterchangeRefused("The package has a file outside of its folder.")
                # A Mac adds a shadow of each file.
                if path.name == MANIFEST or path.name.startswith("._"):
                    continue
                if path.suffix.lower() != ".xml":
                    continue
                with archive.open(part) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InterchangeRefused("The package unpacks to more than is read.")
                yield part.filename, content
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError):
        raise InterchangeRefused("The file is no content package that can be opened.") from None


def _row(root: Element, name: str, notes: list[Note], *, packed: bool) -> Row | None:
    kind = local(root)
    if kind == "assessmentItem":
        raise InterchangeRefused(f"{name} is QTI 2.", remedy=REMEDY_2)
    if kind == "questestinterop":
        raise InterchangeRefused(f"{name} is QTI 1.2, which is not read.", remedy=REMEDY_1)
    if kind != "qti-assessment-item":
        notes.append(Note(name, f"not taken: no item but {kind or 'nothing'}"))
        return None
    where = name if packed else root.get("identifier") or name
    try:
        body, asked = _asked(root)
        return _with_words(root, body, asked, where, notes)
    except _NotTaken as why:
        notes.append(Note(where, f"not taken: {why}"))
        return None


class _NotTaken(Exception):
    """Why a question has no place in our rows."""


def _asked(root: Element) -> tuple[Element, Element]:
    """Return body and interaction; :raises _NotTaken: there is another number or kind of them."""
    body = _child(root, "qti-item-body")
    inside = body.iter() if body is not None else ()
    found = [e for e in inside if local(e).endswith("-interaction")]
    if body is None or len(found) != 1 or local(found[0]) not in READERS:
        said = ", ".join(sorted({local(e) for e in found})) or "no interaction"
        raise _NotTaken(f"{said}, {len(found)} in one item")
    if root.get("adaptive") == "true":
        raise _NotTaken('it goes on after an answer (adaptive="true")')
    if _child(root, "qti-template-declaration") is not None:
        raise _NotTaken("it is made anew each time (qti-template-declaration)")
    return body, found[0]


def _with_words(root: Element, body: Element, asked: Element, where: str, notes: list[Note]) -> Row:
    tags = [f"{k.removeprefix(DATA)}:{v}" for k, v in body.attrib.items() if k.startswith(DATA)]
    left: set[str] = set()
    stem = words(body, left, place=asked)
    kind, options = READERS[local(asked)](root, asked, tags, left)
    if why := wordless(stem, options):
        raise _NotTaken(why)
    if _child(root, "qti-assessment-stimulus-ref") is not None:
        left.add("the text that stands in another file (qti-assessment-stimulus-ref)")
    row: Row = {"key": key_of(root.get("identifier", ""), stem), "kind": kind, "stem": stem}
    row["options"] = options
    if (title := root.get("title", "").strip()) and title != row["key"]:
        row["topic"] = title
    feedbacks = [e for e in root if _is(e, "modal-feedback")]
    always = [e for e in feedbacks if _always(root, e)]
    if always and (said := words(always[0], left)):
        row["feedback"] = said
    notes += [Note(where, f"without {what}") for what in sorted(left) if what]
    if lost := len(feedbacks) - len(always[:1]):
        notes.append(Note(where, f"without {lost} of its feedbacks: they depend on the answer"))
    return with_tags(row, [t for t in tags if not t.startswith("art:")])[0]


def _always(root: Element, feedback: Element) -> bool:
    """Return whether a feedback is shown whatever the answer was: nobody wrong reads "Right!"."""
    wanted = feedback.get("outcome-identifier")
    outcome = next((e for e in root if _is(e, "outcome-declaration") and _id(e) == wanted), None)
    default = _child(outcome, "qti-default-value") if outcome is not None else None
    return text_of(default) == _id(feedback) != ""


def _child(parent: Element, name: str) -> Element | None:
    return next((e for e in parent if local(e) == name), None)


def _id(element: Element) -> str:
    return element.get("identifier", "")


def _response(root: Element, asked: Element) -> tuple[list[str], dict[str, float]]:
    """Return the right answers, and what each answer is worth where that is how it is marked.

    A mapping stands in many items that are marked by the right answer alone.
    """
    wanted = asked.get("response-identifier")
    declared = next((e for e in root if _is(e, "response-declaration") and _id(e) == wanted), None)
    if declared is None:
        return [], {}
    correct = _child(declared, "qti-correct-response")
    right = [text_of(e) for e in correct] if correct is not None else []
    worth = {}
    for entry in (e for e in declared.iter() if _is(e, "map-entry")):
        said = entry.get("mapped-value", "0")
        if (value := number_of(said)) is None:
            raise _NotTaken(f'mapped-value="{said}" is no number')
        worth[" ".join(entry.get("map-key", "").split())] = value
    if right and not (_mapped(root) and any(value > 0 for value in worth.values())):
        worth = {}
    return right or [name for name, value in worth.items() if value > 0], worth


def _mapped(root: Element) -> bool:
    """Return whether an item is marked by what each answer is worth."""
    processing = _child(root, "qti-response-processing")
    if processing is None:
        return True
    inside = any(_is(e, "map-response") for e in processing.iter())
    return inside or "map_response" in processing.get("template", "")


def _is(element: Element, name: str) -> bool:
    return local(element) == f"qti-{name}"


Made = tuple[str, list[Row]]


def _chosen(root: Element, asked: Element, tags: Sequence[str], left: set[str]) -> Made:
    right, worth = _response(root, asked)
    choices = [e for e in asked if _is(e, "simple-choice")]
    if not right:
        raise _NotTaken("it does not say what is right")
    if unknown := sorted(set(right) - {_id(e) for e in choices}):
        raise _NotTaken(f"the right answer {unknown[0]} is none of its answers")
    several = asked.get("max-choices", "1") != "1"
    top = 1.0 if several else max([1e-9, *worth.values()])
    shares = {_id(e): worth.get(_id(e), 0.0) / top if worth else _id(e) in right for e in choices}
    options = [(words(e, left), float(shares[_id(e)])) for e in choices]
    kind, rows, lost = choice(options, tags, several=several)
    left.add(lost)
    return kind, rows


def _ordered(root: Element, asked: Element, _tags: Sequence[str], left: set[str]) -> Made:
    right, _ = _response(root, asked)
    texts = {_id(e): words(e, left) for e in asked if _is(e, "simple-choice")}
    if set(right) != set(texts):
        raise _NotTaken("an order of some of the steps only")
    return "ordering", [{"text": texts[name]} for name in right]


def _matched(root: Element, asked: Element, tags: Sequence[str], left: set[str]) -> Made:
    right, _ = _response(root, asked)
    sets = [[e for e in s if _id(e)] for s in asked if _is(s, "simple-match-set")]
    texts = {_id(e): words(e, left) for s in sets for e in s}
    pairs = dict(value.split() for value in right if len(value.split()) == 2)
    things = [_id(e) for e in sets[0]] if sets else []
    if not things or len(right) != len(things) or any(pairs.get(n) not in texts for n in things):
        raise _NotTaken("not each thing belongs to exactly one")
    if any(_id(e) not in pairs.values() for e in sets[1]):
        left.add("answers that belong to nothing")
    kind = "categorize" if "art:categorize" in tags else "matching"
    return kind, [{"text": texts[n], "target": texts[pairs[n]]} for n in things]


READERS = {
    "qti-choice-interaction": _chosen,
    "qti-order-interaction": _ordered,
    "qti-match-interaction": _matched,
}
