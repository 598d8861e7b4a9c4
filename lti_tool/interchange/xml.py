"""XML of strangers: no DTD, no entities, no outside, and a limit. Only here: defusedxml."""

from xml.etree import ElementTree as Tree

import defusedxml.ElementTree as Safe  # type: ignore[import-untyped]
from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]

from lti_tool.interchange.row import LARGEST, InterchangeRefused

Element = Tree.Element


def parsed(data: bytes, where: str) -> Element:
    """Return the root of a document.

    :raises InterchangeRefused: it is none, too large, or has a DTD.
    """
    if len(data) > LARGEST:
        raise InterchangeRefused(f"{where} is larger than {LARGEST // 1_000_000} MB.")
    try:
        root: Element = Safe.fromstring(data, forbid_dtd=True)
    except DefusedXmlException:
        raise InterchangeRefused(
            f"{where} has a document type (DTD) or entities and is not read.",
            remedy="Export it without; no exchange format needs one.",
        ) from None
    except Tree.ParseError as error:
        line, column = error.position
        raise InterchangeRefused(f"{where} is no XML: line {line}, column {column}.") from None
    return root


def rendered(root: Element) -> bytes:
    Tree.indent(root, " ")
    data: bytes = Tree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def local(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def text_of(element: Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""
