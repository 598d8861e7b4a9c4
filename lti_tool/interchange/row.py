"""A question as a row of items.json, what travels with it as tags, and what does not travel."""

import hashlib
import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from lti_tool.errors import RoadmapError

Row = dict[str, Any]
LARGEST = 20_000_000  # bytes of a file, and of all that a package unpacks to
#: What our rows say beyond question, answers and feedback, and travels as a tag "name:value".
TAGS: Mapping[str, str] = {
    "competency": "kompetenz",
    "level": "niveau",
    "kind": "art",
    "setting": "umgebung",
    "seconds": "sekunden",
    "roles": "rollen",
    "learning_outcomes": "lernergebnisse",
    "ai_label": "ki",
    "source": "quelle",
    "plain": "einfach",
}
NUMBERS, LISTS = frozenset(("level", "seconds")), frozenset(("roles", "learning_outcomes"))
#: What each format says in its own words.
OWN = frozenset(("key", "topic", "stem", "options", "feedback", *TAGS))
OWN_OF_OPTIONS = frozenset(("text", "correct", "points", "target"))
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TRUE_FALSE = ("Richtig", "Falsch")
#: Kinds that are no questions with a right answer, or need a picture with places.
WHY_NOT = {
    "self_rating": "a self-rating has no right answer",
    "reflection": "a private reflection never leaves",
    "practical_task": "a task that people check themselves has no right answer",
    "hotspot": "places in a picture cannot be written in this format",
}


class InterchangeRefused(RoadmapError):
    """A file that cannot be read at all: no such format, unsafe, or too large."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something that was not taken over. `where`: a line, a question or a file."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True)
class Read:
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Written:
    data: bytes
    count: int
    notes: tuple[Note, ...]


def tags_of(row: Mapping[str, Any]) -> dict[str, str]:
    """Return what travels as tags; only what the row says."""
    found = {}
    for field, tag in TAGS.items():
        value = row.get(field)
        if value in (None, "", [], False):
            continue
        said = " ".join(value) if isinstance(value, list | tuple) else str(value)
        found[tag] = "ja" if value is True else said
    if row.get("kind") == "scenario":
        found["punkte"] = str(best(row))
    return found


def with_tags(row: Row, tags: Iterable[str]) -> tuple[Row, list[str]]:
    """Return a row with what our tags say, and the tags that are not ours."""
    fields = {tag: field for field, tag in TAGS.items()}
    done, foreign = dict(row), []
    for text in tags:
        name, colon, value = text.partition(":")
        field = fields.get(name)
        if name == "punkte" and colon:
            continue
        if field is None or not colon:
            foreign.append(text)
        elif field == "plain":
            done[field] = value == "ja"
        elif field in NUMBERS:
            done[field] = int(value) if value.isdecimal() else value
        elif field in LISTS:
            done[field] = value if value == "all" else value.split()
        else:
            done[field] = value
    return done, foreign


def top_points(tags: Iterable[str]) -> int:
    """Return the points of the best answer, as the tags say; 100 if they do not."""
    said = next((t.partition(":")[2] for t in tags if t.startswith("punkte:")), "")
    return int(said) if said.isdecimal() and int(said) > 0 else 100


def best(row: Mapping[str, Any]) -> int:
    return max((int(o.get("points", 0)) for o in row["options"]), default=0)


def not_written(row: Mapping[str, Any], kinds: Iterable[str]) -> tuple[bool, list[Note]]:
    """Return whether a format with these kinds can hold a row, and what of it it cannot."""
    key, kind = str(row["key"]), str(row["kind"])
    if kind not in kinds:
        why = WHY_NOT.get(kind, f"this format has no {kind}")
        return False, [Note(key, f"not written: {why}")]
    left = [f for f in row if f not in OWN and row[f] not in (None, "", [])]
    options = {f for o in row["options"] for f in o if f not in OWN_OF_OPTIONS and o[f]}
    left += sorted(f"options.{f}" for f in options)
    return True, [Note(key, f"without {', '.join(left)}")] if left else []


def wordless(stem: str, options: Iterable[Row]) -> str:
    """Return what of a question has no words, because it is a picture or nothing; "" if all has."""
    if not stem:
        return "it has no words that ask something"
    spoken = all(o["text"] and o.get("target", "-") for o in options)
    return "" if spoken else "an answer has no words"


def number_of(text: str) -> float | None:
    """Return a number as others write it, also with a comma; None: it is none."""
    try:
        value = float(text.strip().replace(",", ".") or 0)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def key_of(given: str, stem: str) -> str:
    """Return a key: the given one, or one that the same question always gets."""
    given = given.strip()
    digest = hashlib.sha256(stem.encode()).hexdigest()[:10]
    return given if KEY.fullmatch(given) else f"q-{digest}"


def unique(rows: Sequence[Row], notes: list[Note]) -> tuple[Row, ...]:
    """Return the rows with keys of their own; of two with the same key the first stays."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["key"] in found:
            notes.append(Note(row["key"], "not taken: there is another question with this key"))
        found.setdefault(row["key"], row)
    return tuple(found.values())


def choice(
    options: Sequence[tuple[str, float]], tags: Sequence[str], *, several: bool
) -> tuple[str, list[Row], str]:
    """Return kind, options and what is lost, of answers with a share of the points (1 = all)."""
    if several:
        right = [share for _, share in options if share > 0]
        lost = "weights of the answers" if len({round(s, 3) for s in right}) > 1 else ""
        return "multiple_response", [{"text": t, "correct": s > 0} for t, s in options], lost
    shares = {round(share, 4) for _, share in options}
    if shares <= {0.0, 1.0} and "art:scenario" not in tags:
        kind = "true_false" if "art:true_false" in tags else "single_choice"
        return kind, [{"text": t, "correct": s == 1} for t, s in options], ""
    top = top_points(tags)
    lost = "points below zero" if min(shares) < 0 else ""
    return "scenario", [{"text": t, "points": max(0, round(s * top))} for t, s in options], lost


def shares_of(row: Mapping[str, Any]) -> list[float]:
    """Return each answer's share of the points, 1 = all; a wrong tick takes a right one back."""
    options = row["options"]
    if row["kind"] == "scenario":
        return [int(o.get("points", 0)) / best(row) for o in options]
    right = sum(bool(o.get("correct")) for o in options)
    if row["kind"] == "multiple_response":
        return [(1 if o.get("correct") else -1) / right for o in options]
    return [1.0 if o.get("correct") else 0.0 for o in options]


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.pictures = 0
        self.hidden = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.pictures += tag in ("img", "audio", "video", "object", "iframe", "embed")
        self.hidden += tag in ("script", "style")
        if tag in ("br", "p", "div", "li", "tr"):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style") and self.hidden > 0
        if tag in ("p", "div", "li"):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(data)


def plain_text(text: str, *, markup: bool = True) -> tuple[str, bool]:
    """Return text without any markup, and whether a picture, sound or film was in it."""
    if not markup:
        return " ".join(text.split()), False
    parser = _Text()
    parser.feed(text)
    parser.close()
    return " ".join("".join(parser.parts).split()), parser.pictures > 0


def escaped(text: str) -> str:
    return html.escape(text, quote=False)
