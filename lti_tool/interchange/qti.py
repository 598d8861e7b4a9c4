"""QTI 3.0: choice, order and match interactions, one item per file, in a content package (ZIP).

Source: 1EdTech QTI 3.0 Information Model and ASI XML binding. Our own fields stand in data-
attributes of the item body, which QTI allows. Reading is next door (`qti_read`).
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, register_namespace

from lti_tool.interchange.qti_read import DATA, MANIFEST
from lti_tool.interchange.qti_read import read as read
from lti_tool.interchange.row import Note, Written, not_written, shares_of, tags_of
from lti_tool.interchange.xml import rendered

KINDS = (
    *("single_choice", "true_false", "scenario", "multiple_response"),
    *("matching", "categorize", "ordering"),
)
SPACE = "http://www.imsglobal.org/xsd/imsqtiasi_v3p0"
PACKAGE = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
TEMPLATES = "https://purl.imsglobal.org/spec/qti/v3p0/rptemplates/"


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
