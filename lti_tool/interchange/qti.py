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
    shares_of,
    tags_of,
    unique,
    with_tags,
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
PICTURES = ("img", "object", "picture", "audio", "video")
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
    for name, content in _files(data):
        row = _row(parsed(content, name), name, notes)
        if row is not None:
            rows.append(row)
    return Read(unique(rows, notes), tuple(notes))


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
                if path.suffix.lower() != ".xml" or path.name == MANIFEST:
                    continue
                with archive.open(part) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InterchangeRefused("The package unpacks to more than is read.")
                yield part.filename, content
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, NotImplementedError):
        raise InterchangeRefused("The file is no content package that can be opened.") from None


def _row(root: Element, name: str, notes: list[Note]) -> Row | None:
    kind = local(root)
    if kind == "assessmentItem":
        raise InterchangeRefused(f"{name} is QTI 2.", remedy=REMEDY_2)
    if kind != "qti-assessment-item":
        notes.append(Note(name, f"not taken: no item but {kind or 'nothing'}"))
        return None
    body = _child(root, "qti-item-body")
    asked = (
        [e for e in body.iter() if local(e).endswith("-interaction")] if body is not None else []
    )
    where = root.get("identifier") or name
    readers = {
        "qti-choice-interaction": _chosen,
        "qti-order-interaction": _ordered,
        "qti-match-interaction": _matched,
    }
    if body is None or len(asked) != 1 or local(asked[0]) not in readers:
        said = ", ".join(sorted({local(e) for e in asked})) or "no interaction"
        notes.append(Note(where, f"not taken: {said}, {len(asked)} in one item"))
        return None
    tags = [f"{k.removeprefix(DATA)}:{v}" for k, v in body.attrib.items() if k.startswith(DATA)]
    made = readers[local(asked[0])](root, asked[0], tags, where, notes)
    return None if made is None else _with_words(root, body, asked[0], tags, made, where, notes)


def _with_words(
    root: Element, body: Element, asked: Element, tags: Sequence[str],
    made: tuple[str, list[Row]], where: str, notes: list[Note],
) -> Row:  # fmt: skip
    if any(local(e) in PICTURES for e in body.iter()):
        notes.append(Note(where, "without its picture, sound or film"))
    before = " ".join(text_of(e) for e in body if e is not asked and asked not in list(e.iter()))
    stem = " ".join(part for part in (before, text_of(_child(asked, "qti-prompt"))) if part)
    row: Row = {"key": "", "kind": made[0], "stem": stem, "options": made[1]}
    row["key"] = key_of(root.get("identifier", ""), stem)
    if (title := root.get("title", "").strip()) and title != row["key"]:
        row["topic"] = title
    said = [text_of(e) for e in root if local(e) == "qti-modal-feedback"]
    if said:
        row["feedback"] = said[0]
        if len(said) > 1:
            notes.append(Note(where, f"of {len(said)} feedbacks the first"))
    return with_tags(row, [t for t in tags if not t.startswith("art:")])[0]


def _child(parent: Element, name: str) -> Element | None:
    return next((e for e in parent if local(e) == name), None)


def _id(element: Element) -> str:
    return element.get("identifier", "")


def _response(root: Element, asked: Element) -> tuple[list[str], dict[str, float]]:
    """Return the right answers, and what each answer is worth where the item says so."""
    wanted = asked.get("response-identifier")
    declared = next(
        e for e in [*root, Element("none")]
        if e.get("identifier") == wanted or e.tag == "none"
    )  # fmt: skip
    values = [text_of(e) for e in declared.iter() if local(e) == "qti-value"]
    worth = {
        " ".join(e.get("map-key", "").split()): float(e.get("mapped-value", "0"))
        for e in declared.iter()
        if local(e) == "qti-map-entry"
    }
    return values, worth


def _chosen(
    root: Element, asked: Element, tags: Sequence[str], where: str, notes: list[Note]
) -> tuple[str, list[Row]] | None:
    right, worth = _response(root, asked)
    if not right and not worth:
        notes.append(Note(where, "not taken: it does not say what is right"))
        return None
    several = asked.get("max-choices", "1") != "1"
    top = 1.0 if several else max([1e-9, *worth.values()])
    options = []
    for option in (e for e in asked if local(e) == "qti-simple-choice"):
        name = option.get("identifier", "")
        share = worth.get(name, 0.0) / top if worth else float(name in right)
        options.append((text_of(option), share))
    kind, rows, lost = choice(options, tags, several=several)
    if lost:
        notes.append(Note(where, f"without {lost}"))
    return kind, rows


def _ordered(
    root: Element, asked: Element, _tags: Sequence[str], where: str, notes: list[Note]
) -> tuple[str, list[Row]] | None:
    right, _ = _response(root, asked)
    texts = {_id(e): text_of(e) for e in asked if local(e) == "qti-simple-choice"}
    if set(right) != set(texts):
        notes.append(Note(where, "not taken: an order of some of the steps only"))
        return None
    return "ordering", [{"text": texts[name]} for name in right]


def _matched(
    root: Element, asked: Element, tags: Sequence[str], where: str, notes: list[Note]
) -> tuple[str, list[Row]] | None:
    right, _ = _response(root, asked)
    sets = [e for e in asked if local(e) == "qti-simple-match-set"]
    texts = {_id(e): text_of(e) for s in sets for e in s}
    pairs = dict(value.split() for value in right if len(value.split()) == 2)
    left = [_id(e) for e in sets[0]] if sets else []
    if not left or len(right) != len(left) or any(pairs.get(n) not in texts for n in left):
        notes.append(Note(where, "not taken: not each thing belongs to exactly one"))
        return None
    kind = "categorize" if "art:categorize" in tags else "matching"
    return kind, [{"text": texts[n], "target": texts[pairs[n]]} for n in left]
