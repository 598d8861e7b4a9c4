"""Drawings of questions: what they look like is the sheet that every question page has."""

import re

from competency.packs import Content
from lti_tool.settings import ROOT
from lti_tool.web.assets import STATIC

CONTENT = Content.load(ROOT / "content")


def _drawings() -> dict[str, str]:
    pack = CONTENT.newest("items")
    return {name: pack.read(name).decode() for name in pack.files if name.startswith("pictures/")}


def test_every_class_of_a_drawing_is_in_the_sheet_of_the_question_page() -> None:
    known = set(re.findall(r"\.(rm-[\w-]+)", (STATIC / "roadmap.css").read_text(encoding="utf-8")))
    used = {
        (name, word)
        for name, text in _drawings().items()
        for words in re.findall(r'class="([^"]+)"', text)
        for word in words.split()
    }
    assert used
    assert sorted((name, word) for name, word in used if word not in known) == []


def test_no_drawing_brings_styles_scripts_or_addresses_of_its_own() -> None:
    own = re.compile(r"<(style|script|foreignObject)|\s(style|on\w+|(?:xlink:)?href)=")
    assert [name for name, text in _drawings().items() if own.search(text)] == []


def test_every_part_with_a_colour_of_its_own_follows_the_scheme_by_its_class() -> None:
    """The colours in the file are for whoever opens it alone; on the page the class wins."""
    loose = re.compile(r"<(?![^>]*class=)[^>]*(?:fill|stroke)=\"#[^>]*>")
    found = {name: loose.findall(text) for name, text in _drawings().items()}
    assert {name: parts for name, parts in found.items() if parts} == {}
