"""From a pack's JSON files to values: framework, roles, items, texts, catalogue.

The shapes are those of the dataclasses; what a field may hold is said where it is read.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from competency.catalogue import Catalogue, LearningUnit, Module, Phase, PhaseKind
from competency.entry import chained
from competency.errors import PackError
from competency.expert import DISCRIMINATION
from competency.framework import Area, Competency, Framework
from competency.items import Item, Kind, Model, Option
from competency.manifest import DATA_FILE, PARAMETERS, Pack, read_object, read_rows
from competency.reading import Record
from competency.scale import CUTS, MAX_LEVEL, MAX_STEP, taught_steps
from competency.target import RoleProfile

T = TypeVar("T")

#: Status of a roles pack whose Soll a tenant has decided; every other status is a proposal.
DECIDED = "beschlossen"

#: Instead of a list of roles: a scene that everybody knows. An empty list says nothing yet.
FOR_ALL = "all"

#: Where a question touches DigComp 3.0, by the framework's own ids and labels.
LEARNING_OUTCOME = re.compile(r"LO[1-5]\.[1-6]\.\d{2}")
AI_LABELS = ("AI-Explicit", "AI-Implicit")

#: Expected time to answer (reference assessment 3.6); 35 s for every other kind.
SECONDS: Mapping[Kind, int] = {
    Kind.SELF_RATING: 15,
    Kind.REFLECTION: 15,
    Kind.PRACTICAL_TASK: 120,
}


def read_framework(pack: Pack) -> Framework:
    """Return the framework of a pack; level words are the interface's and are not read."""
    path = pack.path / DATA_FILE["framework"]
    record = read_object(path, pack.read(path.name))
    areas = tuple(_area(r) for r in record.records("areas"))
    framework = Framework(pack.id, pack.version, areas, record.numbers("cuts") or CUTS)
    rising = all(x < y for x, y in pairwise(framework.cuts))
    if len(framework.cuts) != MAX_STEP or not rising:
        raise record.wrong("cuts", f"expected {MAX_STEP} strictly increasing numbers")
    _unique(path, [c.code for a in areas for c in a.competencies])
    return framework


def _area(record: Record) -> Area:
    return Area(
        code=record.text("code"),
        title=record.text("title"),
        short=record.text("short"),
        title_en=record.text("title_en"),
        short_en=record.text("short_en"),
        competencies=tuple(_competency(r) for r in record.records("competencies")),
    )


def _competency(record: Record) -> Competency:
    return Competency(
        code=record.text("code"),
        title=record.text("title"),
        plain=record.text("plain"),
        title_en=record.text("title_en"),
        plain_en=record.text("plain_en"),
        private=record.flag("private"),
    )


def read_roles(pack: Pack) -> tuple[RoleProfile, ...]:
    """Return the roles in the pack's order; the Soll is a proposal unless the pack is decided."""
    path = pack.path / DATA_FILE["roles"]
    roles = tuple(_role(r, pack.status == DECIDED) for r in read_rows(path, pack.read(path.name)))
    _unique(path, [r.key for r in roles])
    return roles


def _role(record: Record, approved: bool) -> RoleProfile:
    if not {"levels", "steps", "areas"} & record.data.keys():
        raise record.wrong("levels", "expected a Soll: levels, steps or areas")
    workplace = record.text("workplace")
    if workplace not in ("desk", "non_desk", "mixed"):
        raise record.wrong("workplace", "expected desk, non_desk or mixed")
    return RoleProfile(
        key=record.text("key"),
        title=record.text("title"),
        title_en=record.text("title_en"),
        hint=record.text("hint", ""),
        hint_en=record.text("hint_en", ""),
        workplace=workplace,
        levels=_optional_levels(record, "levels", MAX_LEVEL),
        steps=_optional_levels(record, "steps", MAX_STEP),
        areas=_optional_levels(record, "areas", MAX_STEP),
        additional=record.flag("additional"),
        general=record.flag("general"),
        approved=record.flag("approved", approved),
        reason=record.text("reason", ""),
        reason_en=record.text("reason_en", ""),
        reasons=record.mapping("reasons"),
        reasons_en=record.mapping("reasons_en"),
    )


def _optional_levels(record: Record, field: str, highest: int) -> dict[str, int]:
    return record.levels(field, 0, highest) if field in record.data else {}


def read_items(pack: Pack) -> tuple[Item, ...]:
    """Return the items with their parameters; every scored item needs some."""
    path = pack.path / DATA_FILE["items"]
    items = [read_item(r) for r in read_rows(path, pack.read(path.name))]
    _unique(path, [i.key for i in items])
    parameters = read_object(pack.path / PARAMETERS, pack.read(PARAMETERS))
    basis = parameters.text("basis")
    rows = Record.of(f"{parameters.where}: items", parameters.data.get("items"))
    return tuple(_with_parameters(i, rows, basis) for i in items)


def _with_parameters(item: Item, rows: Record, basis: str) -> Item:
    if not item.scored:
        return item
    row = Record.of(f"{rows.where}: {item.key}", rows.data.get(item.key))
    a, b = row.number("a", 0.01, 10.0, default=0.0), row.numbers("b")
    if not a:
        raise row.wrong("a", "expected a number above 0")
    if not b:
        raise row.wrong("b", "expected at least one number")
    model = _choice(row, "model", Model) if "model" in row.data else Model.GRM
    # What a proposal kept says what it is known from, by itself.
    return replace(item, a=a, b=b, basis=row.text("basis", basis), model=model)


def read_item(record: Record) -> Item:
    """Return an item as written, still without parameters of its own."""
    kind = _choice(record, "kind", Kind)
    lowest = 0 if kind is Kind.REFLECTION else 1
    return Item(
        key=record.text("key"),
        competency=record.text("competency"),
        level=record.whole("level", lowest, MAX_LEVEL, default=0 if lowest == 0 else None),
        kind=kind,
        stem=record.text("stem"),
        options=tuple(_option(r) for r in record.records("options")),
        feedback=record.text("feedback", ""),
        a=DISCRIMINATION,
        b=(),
        roles=_roles_of(record),
        for_all=record.data.get("roles") == FOR_ALL,
        picture=record.text("picture", ""),
        picture_alt=record.text("picture_alt", ""),
        topic=record.text("topic", ""),
        seconds=record.whole("seconds", 5, 1800, default=SECONDS.get(kind, 35)),
        stem_en=record.text("stem_en", ""),
        feedback_en=record.text("feedback_en", ""),
        topic_en=record.text("topic_en", ""),
        picture_alt_en=record.text("picture_alt_en", ""),
        spots=record.pairs("spots"),
        setting=record.text("setting", "both"),
        source=record.text("source", ""),
        stem_plain=record.text("stem_plain", ""),
        sound=record.text("sound", ""),
        sound_plain=record.text("sound_plain", ""),
        sound_en=record.text("sound_en", ""),
        plain=record.flag("plain"),
        learning_outcomes=_learning_outcomes(record),
        ai_label=_ai_label(record),
    )


def _learning_outcomes(record: Record) -> tuple[str, ...]:
    ids = record.texts("learning_outcomes")
    if wrong := [i for i in ids if not LEARNING_OUTCOME.fullmatch(i)]:
        raise record.wrong("learning_outcomes", f"expected ids like LO4.1.06, not {wrong[0]}")
    return ids


def _ai_label(record: Record) -> str:
    label = record.text("ai_label", "")
    if label and label not in AI_LABELS:
        raise record.wrong("ai_label", f"expected {' or '.join(AI_LABELS)}")
    return label


def _roles_of(record: Record) -> frozenset[str]:
    return frozenset() if record.data.get("roles") == FOR_ALL else frozenset(record.texts("roles"))


def _option(record: Record) -> Option:
    return Option(
        text=record.text("text"),
        correct=record.flag("correct"),
        points=record.whole("points", 0, 100, default=0),
        target=record.text("target", ""),
        text_en=record.text("text_en", ""),
        target_en=record.text("target_en", ""),
        text_plain=record.text("text_plain", ""),
    )


def read_texts(pack: Pack) -> Record:
    """Return the texts as they are; what they must say is the pages' business."""
    path = pack.path / DATA_FILE["texts"]
    return read_object(path, pack.read(path.name))


def read_catalogue(pack: Pack) -> Catalogue:
    """Return units and modules; a unit that teaches level L ends at step 2L - 1."""
    path = pack.path / DATA_FILE["catalogue"]
    record = read_object(path, pack.read(path.name))
    units = chained(tuple(_unit(r) for r in record.records("units")))
    modules = tuple(_module(r) for r in record.records("modules", required=False))
    _unique(path, [u.key for u in units])
    _unique(path, [m.key for m in modules])
    return Catalogue(pack.id, pack.version, units, modules)


def _unit(record: Record) -> LearningUnit:
    return LearningUnit(
        key=record.text("key"),
        title=record.text("title"),
        title_en=record.text("title_en"),
        lifts={code: taught_steps(n) for code, n in record.levels("teaches", 1).items()},
        phases=tuple(_phase(r) for r in record.records("phases")),
        benefit=record.text("benefit", ""),
        benefit_en=record.text("benefit_en", ""),
        requires=record.texts("requires"),
        follows=record.texts("follows"),
        provider=record.text("provider", ""),
        roles=frozenset(record.texts("roles")),
        quality=record.number("quality", 0.0, 1.0, default=0.5),
        cost_eur=record.number("cost", 0.0, 1e6, default=0.0),
        months=tuple(int(m) for m in record.numbers("months")),
    )


def _phase(record: Record) -> Phase:
    return Phase(
        kind=_choice(record, "kind", PhaseKind),
        minutes=record.whole("minutes", 1, 10_000),
        mode=record.text("mode", ""),
        exam_due_days=record.whole("exam_due_days", 0, 365, default=0),
    )


def _module(record: Record) -> Module:
    return Module(
        key=record.text("key"),
        title=record.text("title"),
        title_en=record.text("title_en"),
        mandatory=record.texts("mandatory"),
        elective=record.texts("elective"),
    )


def _choice(record: Record, field: str, of: Callable[[str], T]) -> T:
    try:
        return of(record.text(field))
    except ValueError:
        raise record.wrong(field, "unknown") from None


def _unique(path: Path, keys: list[str]) -> None:
    if twice := sorted({k for k in keys if keys.count(k) > 1}):
        raise PackError(f"{path}: not unique: {', '.join(twice)}")
