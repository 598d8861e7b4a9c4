"""Pictures: small, own, safe to inline, right in light, dark and print, and no wiser than the text.

They are drawn into the page as they are, so what may stand in them is listed, not what may not.
Colours come from classes of the style sheet; the attributes are for a viewer without it.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from competency.items import Item
from competency.manifest import Pack
from competency.scoring import categories

LARGEST = 25_000  # bytes
LONGEST_ALT = 260  # characters
SMALLEST_TYPE = 13  # px at a width of 320
ELEMENTS = frozenset({"svg", "g", "rect", "circle", "ellipse", "line", "path", "text", "tspan"})
ATTRIBUTE = re.compile(
    r"viewBox|width|height|class|fill|stroke(?:-width|-dasharray|-linecap)?|[xy][12]?|c[xy]|r[xy]?|d"
    r"|font-(?:family|size|weight)|text-anchor|transform"
)
#: What roadmap.css knows of pictures; another class has no colour of its own.
CLASS = re.compile(r"rm-(?:cell|bg|mark|sure|p1|pl|st|num|grid)")
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_BOX = re.compile(r"0 0 \d+ \d+")


def check_picture(item: Item, pack: Pack) -> Iterator[str]:
    """Yield what is wrong with the picture of a question and with its description."""
    name = f"pictures/{item.picture}"
    if not item.picture or name not in pack.files:
        return
    yield from _described(item)
    content = pack.read(name)
    if len(content) > LARGEST:
        yield f"{item.picture}: {len(content)} bytes, at most {LARGEST}"
    try:
        root = ElementTree.fromstring(content)  # noqa: S314  (a sealed file of the pack)
    except ElementTree.ParseError as error:
        yield f"{item.picture}: not SVG: {error}"
        return
    if not _BOX.fullmatch(root.get("viewBox", "")):
        yield f'{item.picture}: expected a viewBox "0 0 width height"'
    for message in sorted({m for node in root.iter() for m in _drawn(node)}):
        yield f"{item.picture}: {message}"


def _drawn(node: ElementTree.Element) -> Iterator[str]:
    tag = node.tag.removeprefix(_NAMESPACE)
    if tag not in ELEMENTS:
        yield f"<{tag}> is not drawn"
    for name in node.attrib:
        if not ATTRIBUTE.fullmatch(name):
            yield f"attribute {name} is not needed"
    if tag not in ("svg", "g", "tspan") and not CLASS.fullmatch(node.get("class", "")):
        yield f"<{tag}> without a class that has a colour in light and dark"
    size = node.get("font-size")
    if size and float(size) < SMALLEST_TYPE:
        yield f"type of {size}, at least {SMALLEST_TYPE}"


def _described(item: Item) -> Iterator[str]:
    """A description tells what is there to be seen, never which option is right."""
    if len(item.picture_alt) > LONGEST_ALT:
        yield f"picture_alt: {len(item.picture_alt)} characters, at most {LONGEST_ALT}"
    if categories(item) < 2 or item.spots:
        return
    best = max(o.points for o in item.options)
    said = [o for o in item.options if o.text.casefold() in item.picture_alt.casefold()]
    # A screen that shows all options as buttons says nothing about which is right.
    if said and all(o.correct or o.points == best > 0 for o in said):
        yield f"picture_alt: says the right option: {said[0].text}"
