"""Test providers: how the values of another test meet our steps, and how exact they are.

A provider is data (a document of plain values). Its scale has levels ("A1", "Basis") or points;
each level, or each range of points, says which step 0 to 8 is reached with it. `error_steps` is the
standard error of a result in steps; one step is 0.5 on theta. A result holds for `months`. Nothing
is guessed: a value that the scale does not name is refused. Source: features R05, R06; ADR 0015.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Any

from competency.framework import Framework
from competency.scale import MAX_STEP

KEY = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
LONGEST = 200
MOST = 60  # levels, topics or activities of one provider
LEAST_ERROR, MOST_ERROR = 0.5, 6.0
MOST_MONTHS = 60


class Method(StrEnum):
    TEST = "test"
    SELF = "self"  # people rate themselves: counts as a self-report, with its bias
    OBSERVED = "observed"  # somebody else has watched them work


class Shape(StrEnum):
    LEVELS = "levels"
    POINTS = "points"


class PersonBy(StrEnum):
    """By what a row of a provider's file names a person."""

    CODE = "code"  # her own code for tests, see `flows.external`
    SUB = "sub"  # her id in a learning portal
    IDENT = "ident"
    USERNAME = "username"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a provider's document. `cause` has words in every language."""

    field: str
    cause: str
    value: str = ""


class ProviderInvalid(ValueError):
    """A document that is no provider; `faults` name the fields."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{f.field}: {f.cause} {f.value}".strip() for f in faults))
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Band:
    """A level with its name, or the points from which on it is reached."""

    name: str
    step: int
    points: float = 0.0


@dataclass(frozen=True, slots=True)
class Scale:
    shape: Shape
    bands: tuple[Band, ...]  # by step; of points: by points, too
    lowest: float = 0.0
    highest: float = 0.0

    def band(self, value: str) -> Band | None:
        """Return what a value means; None: this scale does not say."""
        if self.shape is Shape.LEVELS:
            return next((b for b in self.bands if same(b.name, value)), None)
        points = number(value)
        if points is None or not self.lowest <= points <= self.highest:
            return None
        return next((b for b in reversed(self.bands) if points >= b.points), None)

    @property
    def steps(self) -> tuple[int, ...]:
        """Return the steps above 0 that it tells apart, lowest first."""
        return tuple(sorted({b.step for b in self.bands if b.step > 0}))

    @property
    def ends(self) -> tuple[str, str]:
        """Return the lowest and the highest value, as the provider says them."""
        if self.shape is Shape.LEVELS:
            return self.bands[0].name, self.bands[-1].name
        return f"{self.lowest:g}", f"{self.highest:g}"


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns of a provider's file. Without `topic`, each topic is a column."""

    person: str
    by: PersonBy
    date: str
    topic: str = ""
    value: str = ""
    platform: str = ""  # issuer of the learning portal whose id it is; "" with a code


@dataclass(frozen=True, slots=True)
class Provider:
    key: str
    name: str
    method: Method
    scale: Scale
    error_steps: float
    months: int  # how long a result holds
    topics: Mapping[str, str]  # the provider's word -> code of a competence or of an area
    columns: Columns | None = None  # None: no files are read
    activities: Mapping[str, str] = field(default_factory=dict)  # xAPI activity -> topic
    licence: str = ""
    contract_on: date | None = None  # data-processing contract; without one nothing is taken
    address: str = ""  # where a person does the test: an activity or a placed link of the LMS

    def code(self, topic: str) -> str | None:
        """Return the competence or area of a topic; None: not mapped."""
        return next((code for name, code in self.topics.items() if same(name, topic)), None)

    def document(self) -> dict[str, Any]:
        """Return it as plain values; `provider_of` reads them again."""
        shown = asdict(self) | {
            "contract_on": self.contract_on.isoformat() if self.contract_on else ""
        }
        return shown | {
            "scale": asdict(self.scale) | {"bands": [asdict(b) for b in self.scale.bands]}
        }


def same(one: str, other: str) -> bool:
    """Return whether two names are the same to a person who reads them."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()


def number(text: str) -> float | None:
    """Return a number, written with a decimal comma or point; None: it is none."""
    try:
        found = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def provider_of(document: Mapping[str, Any], framework: Framework) -> Provider:
    """Return the provider that a document describes.

    :raises ProviderInvalid: names every field that is wrong.
    """
    reader = _Reader(document, framework, [])
    made = reader.provider()
    if reader.faults or made is None:
        raise ProviderInvalid(reader.faults)
    return made


def _is_pair(row: object) -> bool:
    return isinstance(row, list | tuple) and len(row) == 2


@dataclass
class _Reader:
    document: Mapping[str, Any]
    framework: Framework
    faults: list[Fault]

    def provider(self) -> Provider | None:
        scale = self.scale(self.part(self.document, "scale"))
        topics = self.topics()
        made = {
            "key": self.text("key", required=True),
            "name": self.text("name", required=True),
            "method": self.choice("method", Method),
            "error_steps": self.within("error_steps", LEAST_ERROR, MOST_ERROR),
            "months": int(self.within("months", 1, MOST_MONTHS)),
            "licence": self.text("licence"),
            "contract_on": self.day("contract_on"),
            "address": self.address(),
            "columns": self.columns(),
            "activities": self.activities(topics),
        }
        if made["key"] and not KEY.fullmatch(made["key"]):
            self.fault("key", "key", made["key"])
        return Provider(scale=scale, topics=topics, **made) if scale else None

    def fault(self, name: str, cause: str, value: object = "") -> None:
        self.faults.append(Fault(name, cause, str(value)[:LONGEST]))

    def part(self, of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        found = of.get(name) or {}
        if isinstance(found, Mapping):
            return found
        self.fault(name, "value", found)
        return {}

    def text(
        self, name: str, *, required: bool = False, of: Mapping[str, Any] | None = None
    ) -> str:
        value = " ".join(str((self.document if of is None else of).get(name) or "").split())
        if required and not value:
            self.fault(name, "missing")
        if len(value) > LONGEST:
            self.fault(name, "long")
        return value

    def choice(self, name: str, kind: type[StrEnum], of: Mapping[str, Any] | None = None) -> Any:
        value = self.text(name, required=True, of=of)
        try:
            return kind(value)
        except ValueError:
            if value:
                self.fault(name, "choice", value)
            return next(iter(kind))

    def within(self, name: str, low: float, high: float) -> float:
        found = number(self.text(name, required=True))
        if found is None or not low <= found <= high:
            self.fault(name, "range", f"{low:g}–{high:g}")
            return low
        return found

    def day(self, name: str) -> date | None:
        value = self.text(name)
        try:
            return date.fromisoformat(value) if value else None
        except ValueError:
            self.fault(name, "date", value)
            return None

    def address(self) -> str:
        value = self.text("address")
        if value and not value.startswith(("https://", "http://")):
            self.fault("address", "address", value)
        return value

    def scale(self, of: Mapping[str, Any]) -> Scale | None:
        shape = self.choice("shape", Shape, of)
        bands = [
            b for row in self.rows(of.get("bands")) if (b := self.band(row, shape)) is not None
        ]
        if not any(b.step for b in bands):
            self.fault("bands", "missing")
            return None
        # More points are never a lower step.
        bands.sort(key=lambda b: b.points if shape is Shape.POINTS else b.step)
        if any(low.step > high.step for low, high in pairwise(bands)):
            self.fault("bands", "order")
        names = [b.name.casefold() if shape is Shape.LEVELS else f"{b.points:g}" for b in bands]
        if twice := next((n for n in names if names.count(n) > 1), None):
            self.fault("bands", "twice", twice)
        if shape is Shape.LEVELS:
            return Scale(shape, tuple(bands))
        return self.points(of, bands)

    def points(self, of: Mapping[str, Any], bands: Sequence[Band]) -> Scale:
        lowest, highest = (number(str(of.get(n, ""))) for n in ("lowest", "highest"))
        if lowest is None or highest is None or lowest >= highest:
            self.fault("highest", "range", f"{of.get('lowest', '')}–{of.get('highest', '')}")
            return Scale(Shape.POINTS, tuple(bands))
        if bands[0].points != lowest or bands[-1].points > highest:
            self.fault("bands", "gap", f"{lowest:g}–{highest:g}")
        return Scale(Shape.POINTS, tuple(bands), lowest, highest)

    def rows(self, value: object) -> Sequence[Any]:
        rows = value if isinstance(value, list | tuple) else ()
        if len(rows) > MOST:
            self.fault("bands", "many", MOST)
        return rows[:MOST]

    def band(self, row: Any, shape: Shape) -> Band | None:
        name, step = (str(row.get(n, "")).strip() for n in ("name", "step")) if isinstance(
            row, Mapping
        ) else ("", "")  # fmt: skip
        points = number(str(row.get("points", ""))) if isinstance(row, Mapping) else None
        reached = number(step)
        if reached is None or reached != int(reached) or not 0 <= reached <= MAX_STEP:
            self.fault("bands", "step", f"{name} = {step}")
        elif shape is Shape.LEVELS and not name:
            self.fault("bands", "missing", step)
        elif shape is Shape.POINTS and points is None:
            self.fault("bands", "number", name)
        else:
            return Band(name or f"{points:g}", int(reached), points or 0.0)
        return None

    def topics(self) -> dict[str, str]:
        found: dict[str, str] = {}
        measured = {*self.framework.dimensions, *self.framework.areas_by_code}
        for name, code in self.pairs("topics"):
            if not name:
                self.fault("topics", "missing", code)
            elif code not in measured:
                self.fault("topics", "code", f"{name} = {code}")
            elif any(same(name, other) for other in found):
                self.fault("topics", "twice", name)
            else:
                found[name] = code
        if not found and not any(f.field == "topics" for f in self.faults):
            self.fault("topics", "missing")
        return found

    def activities(self, topics: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for iri, topic in self.pairs("activities"):
            if not iri:
                self.fault("activities", "missing", topic)
            elif not any(same(topic, t) for t in topics):
                self.fault("activities", "topic", f"{iri} = {topic}")
            elif iri in found:
                self.fault("activities", "twice", iri)
            found[iri] = topic
        return found

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """Return the rows of a mapping, or of a list of pairs: in a form a name can stand twice."""
        given = self.document.get(name)
        if not (isinstance(given, list) and all(map(_is_pair, given))):
            given = self.part(self.document, name).items()
        rows = [(str(k).strip(), str(v).strip()) for k, v in given]
        if len(rows) > MOST:
            self.fault(name, "many", MOST)
        return [row for row in rows[:MOST] if any(row)]

    def columns(self) -> Columns | None:
        of = self.part(self.document, "columns")
        if not any(str(v or "").strip() for k, v in of.items() if k != "by"):
            return None
        by = self.choice("by", PersonBy, of)
        made = Columns(
            person=self.text("person", required=True, of=of),
            by=by,
            date=self.text("date", required=True, of=of),
            topic=self.text("topic", of=of),
            value=self.text("value", of=of),
            platform=self.text("platform", of=of),
        )
        if bool(made.topic) != bool(made.value):
            self.fault("value" if made.topic else "topic", "missing")
        if by is not PersonBy.CODE and not made.platform:
            self.fault("platform", "missing")
        return made
