"""QTI 3.0: choice, order and match interactions, one item per file, in a content package (ZIP).

Source: 1EdTech QTI 3.0 Information Model and ASI XML binding. Our own fields stand in data-
attributes of the item body, which QTI allows. QTI 2.x is not read; `REMEDY_2` says what to do.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace

from lti_tool.interchange.qti_words import words
from lti_tool.interchange.row import (
    LARGEST,
    InterchangeRefused,
    Note,
    Read,
    Row,
    Written,
    choice,
    key_of,
    not_written,
    number_of,
    shares_of,
    tags_of,
    unique,
    with_tags,
    wordless,
)
from lti_tool.interchange.xml import local, parsed, rendered, text_of

KINDS = (
    *("single_choice", "true_false", "scenario", "multiple_response"),
    *("matching", "categorize", "ordering"),
)
SPACE = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
PACKAGE = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
TEMPLATES = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/"
DATA = "data-roadmap-"
MANIFEST, MOST_FILES = "imsmanifest.xml", 5000
REMEDY_2 = (
    "Convert it first: pipx run --spec citolab-qti-convert qti-convert upgrade OLD.zip NEW.zip"
)
REMEDY_1 = "Export it as Moodle XML, GIFT, QTI 2.1 or QTI 3."
ZIP = b"PK\x03\x04"


def write(rows: Sequence[Mapping[str, Any]]) -> Written:
    """Return the rows as a QTI 3.0 content package, and what it cannot hold."""
    register_namespace("", SPACE)
    notes: list[Note] = []
    files: dict[str, bytes] = {}
    for row in rows:
        fits, left = not_written(row, KINDS)
        notes += left
        if fits:
            files[f"items/{row['key']}.xml"] = rendered(_item(row))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {MANIFEST: _manifest(files), **files}.items():
            # The same rows make the same bytes.
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return Written(buffer.getvalue(), len(files), tuple(notes))


def _manifest(files: Mapping[str, bytes]) -> bytes:
    lines = "".join(
        f'<resource identifier="r{n}" type="imsqti_item_xmlv3p0" href="{name}">'
        f'<file href="{name}"/></resource>'
        for n, name in enumerate(files, start=1)
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<manifest xmlns="{PACKAGE}" identifier="roadmap">'
        "<metadata><schema>QTI Package</schema><schemaversion>3.0.0</schemaversion></metadata>"
        f"<organizations/><resources>{lines}</resources></manifest>\n"
    ).encode()


def _tag(name: str) -> str:
    return f"{{{SPACE}}}qti-{name}"


def _sub(parent: Element, name: str, text: str = "", **more: str) -> Element:
    attributes = {key.replace("_", "-"): value for key, value in more.items()}
    made = SubElement(parent, _tag(name), attributes)
    if text:
        made.text = text
    return made


def _item(row: Mapping[str, Any]) -> Element:
    root = Element(
        _tag("assessment-item"),
        {
            "identifier": row["key"],
            "title": row.get("topic") or row["key"],
            "adaptive": "false",
            "time-dependent": "false",
            "{http://www.w3.org/XML/1998/namespace}lang": "de",
        },
    )
    kind = row["kind"]
    body = Element(_tag("item-body"), {DATA + n: v for n, v in tags_of(row).items()})
    if kind in ("matching", "categorize"):
        template = _match(root, body, row)
    elif kind == "ordering":
        template = _order(root, body, row)
    else:
        template = _choice(root, body, row)
    _sub(root, "outcome-declaration", identifier="SCORE", cardinality="single", base_type="float")
    if row.get("feedback"):
        out = {"identifier": "FEEDBACK", "cardinality": "single", "base_type": "identifier"}
        default = _sub(_sub(root, "outcome-declaration", **out), "default-value")
        _sub(default, "value", "ALL")
    root.append(body)
    _sub(root, "response-processing", template=f"{TEMPLATES}{template}.xml")
    if row.get("feedback"):
        shown = {"outcome_identifier": "FEEDBACK", "identifier": "ALL", "show_hide": "show"}
        content = _sub(_sub(root, "modal-feedback", **shown), "content-body")
        SubElement(content, f"{{{SPACE}}}p").text = row["feedback"]
    return root


def _declared(root: Element, cardinality: str, base: str, values: Sequence[str]) -> Element:
    declared = _sub(
        root, "response-declaration",
        identifier="RESPONSE", cardinality=cardinality, base_type=base,
    )  # fmt: skip
    correct = _sub(declared, "correct-response")
    for value in values:
        _sub(correct, "value", value)
    return declared


def _choice(root: Element, body: Element, row: Mapping[str, Any]) -> str:
    several = row["kind"] == "multiple_response"
    shares = {f"c{n}": share for n, share in enumerate(shares_of(row), start=1)}
    best = [name for name, share in shares.items() if (share > 0 if several else share == 1)]
    declared = _declared(root, "multiple" if several else "single", "identifier", best)
    mapping = _sub(declared, "mapping", default_value="0", lower_bound="0", upper_bound="1")
    for name, share in shares.items():
        if share:
            _sub(mapping, "map-entry", map_key=name, mapped_value=f"{share:.6g}")
    asked = _sub(
        body, "choice-interaction", response_identifier="RESPONSE", shuffle="true",
        max_choices="0" if several else "1",
    )  # fmt: skip
    _sub(asked, "prompt", row["stem"])
    for name, option in zip(shares, row["options"], strict=True):
        _sub(asked, "simple-choice", option["text"], identifier=name)
    return "map_response"


def _order(root: Element, body: Element, row: Mapping[str, Any]) -> str:
    names = [f"c{n}" for n in range(1, len(row["options"]) + 1)]
    _declared(root, "ordered", "identifier", names)
    asked = _sub(body, "order-interaction", response_identifier="RESPONSE", shuffle="true")
    _sub(asked, "prompt", row["stem"])
    for name, option in zip(names, row["options"], strict=True):
        _sub(asked, "simple-choice", option["text"], identifier=name)
    return "match_correct"


def _match(root: Element, body: Element, row: Mapping[str, Any]) -> str:
    options = row["options"]
    targets = list(dict.fromkeys(o["target"] for o in options))
    pairs = [f"s{n} t{targets.index(o['target']) + 1}" for n, o in enumerate(options, start=1)]
    declared = _declared(root, "multiple", "directedPair", pairs)
    mapping = _sub(declared, "mapping", default_value="0", lower_bound="0", upper_bound="1")
    for pair in pairs:
        _sub(mapping, "map-entry", map_key=pair, mapped_value=f"{1 / len(options):.6g}")
    asked = _sub(
        body, "match-interaction", response_identifier="RESPONSE", shuffle="true",
        max_associations=str(len(options)),
    )  # fmt: skip
    _sub(asked, "prompt", row["stem"])
    left, right = _sub(asked, "simple-match-set"), _sub(asked, "simple-match-set")
    most = str(len(options))
    for n, option in enumerate(options, start=1):
        _sub(left, "simple-associable-choice", option["text"], identifier=f"s{n}", match_max="1")
    for n, target in enumerate(targets, start=1):
        _sub(right, "simple-associable-choice", target, identifier=f"t{n}", match_max=most)
    return "map_response"


# --- reading --------------------------------------------------------------------------------------


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
    feedbacks = [e for e in root if local(e) == "qti-modal-feedback"]
    said = [text for e in feedbacks if (text := words(e, left))]
    if said:
        row["feedback"] = said[0]
    if any(e.get("title") for e in feedbacks):
        left.add("the titles of its feedback")
    notes += [Note(where, f"without {what}") for what in sorted(left) if what]
    if len(said) > 1:
        notes.append(Note(where, f"of {len(said)} feedbacks the first"))
    return with_tags(row, [t for t in tags if not t.startswith("art:")])[0]


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
