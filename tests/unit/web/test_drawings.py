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
