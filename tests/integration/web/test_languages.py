"""German pages are German and English pages are English: every page, both catalogues, all content.

What is text of the other language is known from the catalogues and from the content packs, which
hold both. What a municipality wrote, and the drawings, are marked with their language and skipped.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from tests.conftest import settings_for
from tests.pages.gallery import Shown, gallery
from tests.pages.scene import Stage, Visitor
from tools import messages

ROOT = Path(__file__).parents[3]
FEWEST_WORDS = 3  # of a phrase that is looked for inside longer texts
SAID = ("aria-label", "alt", "title", "placeholder", "data-ends-text", "data-ends-button")
VOID = {"br", "hr", "img", "input", "link", "meta", "path", "rect", "line", "circle"}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
OTHER = {"de": "en", "en": "de"}


class EnglishStage(Stage):
    """The same town; everybody comes with an English browser and portal."""

    def visitor(self, *, role: str = "", language: str = "de") -> Visitor:
        return super().visitor(role=role, language="en")


@dataclass
class Texts(HTMLParser):
    """Collects what is read on a page in the page's own language."""

    found: list[str] = field(default_factory=list)
    _open: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    @property
    def language(self) -> str:
        return self._open[-1][1] if self._open else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        language = given.get("lang") or self.language
        if tag not in VOID:
            self._open.append((tag, language))
        self.found += [v for k in SAID if (v := given.get(k)) and self._ours(language)]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        while self._open and tag not in VOID and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if (text := " ".join(data.split())) and self._ours(self.language):
            self.found.append(text)

    def _ours(self, language: str) -> bool:
        return not self._open or language == self._open[0][1]


def texts_of(html: str) -> list[str]:
    parser = Texts()
    parser.feed(html)
    return parser.found


# --- what is German and what is English -----------


@cache
def known(language: str) -> frozenset[str]:
    """Return every text of our catalogues and content in a language."""
    column = 0 if language == "de" else 1
    return frozenset(pair[column].strip() for pair in (*_catalogue(), *_content()))


def _catalogue() -> Iterator[tuple[str, str]]:
    for message in messages.written("de"):
        if message.id:
            german = message.string if isinstance(message.string, tuple) else (message.string,)
            english = message.id if isinstance(message.id, tuple) else (message.id,)
            yield from zip(map(str, german), map(str, english), strict=False)


def _content() -> Iterator[tuple[str, str]]:
    for path in (ROOT / "content").glob("*/*/*.json"):
        yield from _pairs(json.loads(path.read_text(encoding="utf-8")))


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for entry in value:
            yield from _pairs(entry)
    elif isinstance(value, dict):
        for key, entry in value.items():
            english = value.get(f"{key}_en")
            if isinstance(entry, str) and isinstance(english, str):
                yield entry, english
            elif not (isinstance(entry, dict) and entry.keys() == {"de", "en"}):
                yield from _pairs(entry)
            else:
                yield from zip(_strings(entry["de"]), _strings(entry["en"]), strict=False)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for entry in value if isinstance(value, list) else value.values():
            yield from _strings(entry)


@cache
def _phrases(language: str) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return short texts, matched whole, and longer parts, found anywhere, of one language only."""
    only = known(language) - known(OTHER[language])
    parts = {p.strip(" .:,“”„") for text in only for p in PLACEHOLDER.split(text)}
    long = tuple(p for p in parts if len(p.split()) >= FEWEST_WORDS)
    whole = frozenset(t for t in only if t and not PLACEHOLDER.search(t))
    return whole, long


def foreign(html: str, language: str) -> list[str]:
    """Return what on a page in `language` is of the other one."""
    whole, long = _phrases(OTHER[language])
    texts = texts_of(html)
    everything = "\n".join(texts)
    return [t for t in texts if t in whole] + [p for p in long if p in everything]


# --- the walk -----------


def _shown(stage: Stage, shown: Shown, language: str) -> str:
    client = stage.client(shown.visitor)
    headers = {"Accept-Language": language}
    path = shown.path if shown.visitor is None else shown.visitor.home + shown.path
    if shown.form is None:
        return client.get(path, headers=headers).text
    assert shown.visitor is not None
    sent = MultiDict([("csrf", stage.csrf(shown.visitor)), *shown.form])
    return client.post(path, data=sent, headers=headers).text


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_page_speaks_the_other_language(tmp_path: Path, language: str) -> None:
    kind = Stage if language == "de" else EnglishStage
    stage = kind(settings_for(f"sqlite:///{tmp_path / 'languages.db'}"))
    found: dict[str, list[str]] = {}
    for shown in gallery(stage):
        html = _shown(stage, shown, language)
        if f'<html lang="{language}"' not in html:
            assert shown.name.endswith("-en"), shown.name
        elif rest := foreign(html, language):
            found[shown.name] = rest
    stage.close()
    assert found == {}


def test_a_page_in_the_wrong_language_would_be_found(tmp_path: Path) -> None:
    stage = Stage(settings_for(f"sqlite:///{tmp_path / 'languages.db'}"))
    page = stage.client().get("/", headers={"Accept-Language": "de"}).text
    stage.close()
    assert foreign(page, "de") == []
    assert "Mein Lernweg" in foreign(page, "en")
    assert "Nur die Person" in str(foreign(page, "en"))
