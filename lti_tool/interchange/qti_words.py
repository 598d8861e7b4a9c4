"""The words of a QTI item: what a person reads before answering, and what is left out of it.

What is shown only after the answer, or only to those who mark it, is never part of a question: in
the item it stands in the middle of its text. Source: QTI 3.0 ASI, content model.
"""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from lti_tool.interchange.xml import local

HIDDEN = {
    "qti-feedback-inline": "feedback of single answers",
    "qti-feedback-block": "feedback inside of the question",
    "qti-rubric-block": "notes for those who mark it",
    "include": "the text that stands in another file (include)",
    "svg": "its picture, sound or film",
    **dict.fromkeys(("annotation", "annotation-xml", "script", "style"), ""),
}
PICTURES = frozenset(("img", "object", "picture", "audio", "video", "svg", "iframe"))
#: Written as part of a word; everything else begins and ends one.
INLINE = frozenset(
    (
        *("a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "dfn", "em", "i", "kbd", "q", "s"),
        *("samp", "small", "span", "strong", "sub", "sup", "tt", "u", "var"),
    )
)
FORMULA, FORMULAS = "the form of a formula: read it again", frozenset(("math", "sub", "sup"))


def words(element: Element | None, left: set[str], *, place: Element | None = None) -> str:
    """Return what is read of an element; of the interaction `place` only its prompt.

    Adds to `left` what is not taken, or loses its form.
    """
    if element is None:
        return ""
    text = " ".join("".join(_pieces(element, left, place)).split())
    if r"\(" in text or "$$" in text:
        left.add(FORMULA)
    return text


def _pieces(element: Element, left: set[str], place: Element | None) -> Iterator[str]:
    name = local(element)
    if name in PICTURES:
        left.add("its picture, sound or film")
    if name in HIDDEN and "candidate" not in element.get("view", "").split():
        left.add(HIDDEN[name])
        return
    if name in FORMULAS:
        left.add(FORMULA)
    apart = "" if name in INLINE else " "
    yield apart + ("" if element is place else element.text or "")
    for child in element:
        if element is not place or local(child) == "qti-prompt":
            yield from _pieces(child, left, place)
            yield child.tail or ""
    yield apart
