"""The words of the pages: complete in both languages, plain, and free of words that hurt."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message

from tools import messages

MOST_WORDS = 15
#: terms.md section 1 and pages.md section 2: never in front of a learner.
FORBIDDEN = (
    "Defizit", "Schwäche", "Note ", "bestanden", "durchgefallen", "Prüfung", "Punkte", "Prozent",
    "Fehler", "ungültig", "Zugriff", "LMS", "Administrator", "Rangliste", "Leichte Sprache",
    "Konfidenz", "Mangel",
)  # fmt: skip
KONJUNKTIV = re.compile(r"\b(würden?|könnten?|möchten?|sollten?|müssten?|hätten?|wären?)\b", re.I)


def _german() -> Iterator[str]:
    for message in messages.written("de"):
        if message.id:
            yield from _texts(message)


def _read_by_learners() -> Iterator[str]:
    theirs = {(m.context, m.id) for m in messages.extracted(learners_only=True)}
    for message in messages.written("de"):
        if message.id and (message.context, message.id) in theirs:
            yield from _texts(message)


def _texts(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (str(message.string),)


def test_nothing_is_untranslated_fuzzy_or_left_over() -> None:
    assert messages.missing() == []


def test_no_message_hides_inside_an_f_string_where_extraction_cannot_see_it() -> None:
    hidden = [p.name for p in messages.WEB.glob("*.py") if re.search(r"\{n?p?_\(", p.read_text())]
    assert hidden == []


@pytest.mark.parametrize("word", FORBIDDEN)
def test_no_message_of_the_learners_pages_holds_a_word_that_frightens(word: str) -> None:
    assert [t for t in _read_by_learners() if word.casefold() in t.casefold()] == []


def test_sentences_are_short() -> None:
    long = []
    for text in _german():
        for sentence in re.split(r"[.!?:]\s", re.sub(r"[„“]|%\(\w+\)[sd]", "x", text)):
            if len(sentence.split()) > MOST_WORDS:
                long.append(sentence)
    assert long == []


def test_nothing_is_said_in_the_subjunctive() -> None:
    assert [t for t in _german() if KONJUNKTIV.search(t)] == []
