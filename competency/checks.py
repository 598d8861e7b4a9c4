"""What a content pack must pass before it is released: `roadmap content check`.

Reading already refuses what has the wrong shape; this looks at what was said. An error keeps a pack
from release, a warning is for the two people who review it.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from competency.catalogue import Catalogue, LearningUnit
from competency.errors import PackError
from competency.framework import Framework
from competency.items import Item, Kind
from competency.manifest import MANIFEST, Pack, checksum, read_manifest
from competency.readers import (
    read_catalogue,
    read_framework,
    read_items,
    read_roles,
    read_texts,
)
from competency.scoring import categories
from competency.target import RoleProfile
from competency.wording import MOST_SENTENCES, TOLERATED_WORDS, forbidden, long_sentences, sentences

T = TypeVar("T")

ERROR, WARNING = "error", "warning"

SOLL_FILE = "soll.csv"
LONGEST_TITLE = 60
LONGEST_SHORT = 11  # what fits beside the net of areas
ITEMS_PER_COMPETENCY = 3
#: A right option this much longer than every wrong one gives itself away.
GIVE_AWAY = 1.6
GIVE_AWAY_CHARACTERS = 20
#: Everybody needs these: safe devices, personal data, knowing what to learn (content-draft README).
NEEDED_BY_ALL = ("4.1", "4.2", "5.4")
#: How many options a kind needs to be a question at all.
FEWEST_OPTIONS: Mapping[Kind, int] = {
    Kind.SINGLE_CHOICE: 3,
    Kind.SCENARIO: 3,
    Kind.MULTIPLE_RESPONSE: 3,
    Kind.HOTSPOT: 3,
    Kind.ORDERING: 3,
    Kind.MATCHING: 3,
    Kind.CATEGORIZE: 3,
    Kind.SELF_RATING: 3,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to put right. `where` is a pack and the place in it."""

    severity: str  # error | warning
    where: str
    message: str

    @property
    def error(self) -> bool:
        """Whether it keeps the pack from release."""
        return self.severity == ERROR

    def document(self) -> dict[str, str]:
        """Return it as `roadmap content check --json` prints it."""
        return {"severity": self.severity, "where": self.where, "message": self.message}

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message}"


def check(root: Path) -> list[Finding]:
    """Return what is wrong with the newest packs below root, errors first; empty means good."""
    findings: list[Finding] = []
    framework = _newest(root, "framework", read_framework, findings)
    roles = _newest(root, "roles", read_roles, findings)
    items = _newest(root, "items", read_items, findings)
    catalogue = _newest(root, "catalogue", read_catalogue, findings)
    if (root / "texts").is_dir():  # no assessment needs them; one that is there must be sealed
        _newest(root, "texts", read_texts, findings)
    if framework:  # without one there is nothing to hold the rest against
        frame = framework[1]
        findings += _framework(frame)
        if roles:
            findings += [*_roles(frame, roles[1]), *_soll(*roles)]
        if items:
            findings += _items(items[0], frame, roles[1] if roles else (), items[1])
        if catalogue:
            findings += _catalogue(frame, catalogue[1])
    return sorted(findings, key=lambda f: (f.severity, f.where, f.message))


def _newest(
    root: Path, kind: str, read: Callable[[Pack], T], findings: list[Finding]
) -> tuple[Pack, T] | None:
    """Return the newest readable pack of a kind; what is wrong with any goes to `findings`."""
    newest: tuple[Pack, T] | None = None
    paths = sorted((root / kind).glob(f"*/{MANIFEST}"))
    if not paths:
        findings.append(Finding(ERROR, str(root / kind), "no pack of this kind"))
    for path in paths:
        try:
            pack = read_manifest(path.parent)
            findings += _sealed(pack)
            value = read(pack)
        except PackError as error:
            findings.append(Finding(ERROR, str(path.parent), str(error)))
            continue
        if newest is None or pack.order > newest[0].order:
            newest = (pack, value)
    return newest


def _sealed(pack: Pack) -> Iterator[Finding]:
    found = checksum(pack.path)
    for name in sorted(set(found) | set(pack.files)):
        if name not in found:
            yield Finding(ERROR, pack.ref, f"{name}: in {MANIFEST}, but not there")
        elif name not in pack.files:
            yield Finding(ERROR, pack.ref, f"{name}: not in {MANIFEST} (roadmap content seal)")
        elif found[name] != pack.files[name]:
            yield Finding(ERROR, pack.ref, f"{name}: changed since it was sealed")


# --- framework and roles --------------------------------------------------------------------------


def _framework(framework: Framework) -> Iterator[Finding]:
    for area in framework.areas:
        where = f"framework: area {area.code}"
        for short in (area.short, area.short_en):
            if len(short) > LONGEST_SHORT:
                yield Finding(ERROR, where, f"short title {short!r}: over {LONGEST_SHORT} letters")
        for competency in area.competencies:
            where = f"framework: {competency.code}"
            yield from _titles(where, competency.title, competency.title_en)
            yield from _plain(where, "plain", competency.plain)


def _roles(framework: Framework, roles: Iterable[RoleProfile]) -> Iterator[Finding]:
    codes = set(framework.by_code)
    for role in roles:
        where = f"roles: {role.key}"
        yield from _titles(where, role.title, role.title_en)
        yield from _plain(where, "hint", role.hint)
        said = role.soll.competencies
        by_area = {c for c in codes if framework.area_of[c].code in role.areas}
        if missing := sorted(codes - set(said) - by_area):
            yield Finding(ERROR, where, f"no Soll for {', '.join(missing)}")
        if unknown := sorted(set(said) - codes):
            yield Finding(ERROR, where, f"no competence {', '.join(unknown)}")
        for code in NEEDED_BY_ALL:
            if said.get(code) == 0 and code not in by_area:
                yield Finding(ERROR, where, f"{code} is needed in every role, Soll is 0")


def _soll(pack: Pack, roles: tuple[RoleProfile, ...]) -> Iterator[Finding]:
    if SOLL_FILE not in pack.files:
        yield Finding(ERROR, pack.ref, f"{SOLL_FILE}: missing")
        return
    text = (pack.path / SOLL_FILE).read_text(encoding="utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    rows = {row.get("code", ""): row for row in table}
    for role in roles:
        for code, level in role.levels.items():
            cell = rows.get(code, {}).get(role.key)
            if cell != str(level):
                found = "nothing" if cell is None else cell
                yield Finding(
                    ERROR, f"{SOLL_FILE}: {code}, {role.key}", f"says {found}, roles say {level}"
                )


# --- items ----------------------------------------------------------------------------------------


def _items(
    pack: Pack, framework: Framework, roles: tuple[RoleProfile, ...], items: tuple[Item, ...]
) -> Iterator[Finding]:
    known = {r.key: r for r in roles}
    for item in items:
        where = f"items: {item.key}"
        yield from (Finding(ERROR, where, m) for m in _belongs(item, framework, known, pack))
        yield from (Finding(ERROR, where, m) for m in _answerable(item))
        yield from (Finding(ERROR, where, m) for m in _complete(item))
        yield from (Finding(WARNING, where, m) for m in _addressed(item))
        yield from _worded(where, item)
    yield from _covered(framework, items)
    yield from _settings(known, items)
    yield from _guessable(items)


def _belongs(
    item: Item, framework: Framework, roles: Mapping[str, RoleProfile], pack: Pack
) -> Iterator[str]:
    competency = framework.by_code.get(item.competency)
    if competency is None:
        yield f"no competence {item.competency}"
    elif competency.private and item.scored:
        yield f"{item.competency} is private: reflections only"
    elif not competency.private and not item.scored:
        yield "a reflection belongs to a private competence"
    if unknown := sorted(item.roles - set(roles)):
        yield f"no role {', '.join(unknown)}"
    if item.picture and not _has_picture(item.picture, pack):
        yield f"no picture {item.picture}"
    for sound in filter(None, (item.sound, item.sound_plain, item.sound_en)):
        if f"sounds/{sound}" not in pack.files:
            yield f"no recording sounds/{sound}"
    if item.scored and len(item.b) != categories(item) - 1:
        yield f"b has {len(item.b)} numbers, its options need {categories(item) - 1}"
    if any(x >= y for x, y in pairwise(item.b)):
        yield "b does not rise strictly"


def _addressed(item: Item) -> Iterator[str]:
    if not item.roles and not item.for_all:
        yield 'roles: nobody yet; list who meets this scene at work, or say "all"'


def _has_picture(name: str, pack: Pack) -> bool:
    return name in pack.files or f"pictures/{name}" in pack.files


def _answerable(item: Item) -> Iterator[str]:
    """Say why nobody could give, or everybody could guess, the right answer."""
    texts = Counter(o.text.casefold() for o in item.options)
    if twice := [t for t, n in texts.items() if n > 1]:
        yield f"two options say the same: {twice[0]}"
    if len(item.options) < FEWEST_OPTIONS.get(item.kind, 2):
        yield f"{len(item.options)} options are too few"
    right = sum(o.correct for o in item.options)
    match item.kind:
        case Kind.SINGLE_CHOICE | Kind.TRUE_FALSE if right != 1:
            yield f"{right} options are correct, exactly one must be"
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT if not 0 < right < len(item.options):
            yield "some options must be correct and some not"
        case Kind.SCENARIO:
            points = sorted(o.points for o in item.options)
            if points[0] == points[-1] or points[-1] == points[-2]:
                yield "exactly one option must have the most points"
        case Kind.MATCHING | Kind.CATEGORIZE if not all(o.target for o in item.options):
            yield "every option needs a target"
    if item.kind is Kind.MATCHING and len({o.target for o in item.options}) < len(item.options):
        yield "two options match the same target; categorize is for that"
    if item.kind is Kind.HOTSPOT and not (item.picture and len(item.spots) == len(item.options)):
        yield "a picture and one spot per option are needed"
    if _gives_itself_away(item):
        yield "the right option is much longer than every other"


def _gives_itself_away(item: Item) -> bool:
    right, wrong = _lengths(item)
    return right > GIVE_AWAY * wrong and right - wrong > GIVE_AWAY_CHARACTERS


def _lengths(item: Item) -> tuple[int, int]:
    """Return the length of the longest right and wrong option; (0, 0) where none is chosen."""
    best = max((o.points for o in item.options), default=0)
    right = [o for o in item.options if o.correct or (best and o.points == best)]
    wrong = [o for o in item.options if o not in right]
    if item.kind not in (Kind.SINGLE_CHOICE, Kind.SCENARIO) or not (right and wrong):
        return 0, 0
    return max(len(o.text) for o in right), max(len(o.text) for o in wrong)


def _complete(item: Item) -> Iterator[str]:
    fields = {
        "feedback": item.feedback,
        "feedback_en": item.feedback_en,
        "stem_en": item.stem_en,
        "topic": item.topic,
        "topic_en": item.topic_en,
    }
    if item.picture:
        fields |= {"picture_alt": item.picture_alt, "picture_alt_en": item.picture_alt_en}
    for name, text in fields.items():
        if not text.strip():
            yield f"{name} is missing"
    for n, option in enumerate(item.options):
        if not option.text_en or (option.target and not option.target_en):
            yield f"options[{n}] is not in English"


def _worded(where: str, item: Item) -> Iterator[Finding]:
    if (count := len(sentences(item.stem))) > MOST_SENTENCES:
        yield Finding(ERROR, where, f"stem has {count} sentences, at most {MOST_SENTENCES}")
    yield from _plain(where, "stem", item.stem)
    yield from _plain(where, "feedback", item.feedback)
    for option in item.options:
        yield from _plain(where, "option", option.text)


def _covered(framework: Framework, items: Iterable[Item]) -> Iterator[Finding]:
    count = Counter(i.competency for i in items if i.scored)
    for code in framework.dimensions:
        if count[code] < ITEMS_PER_COMPETENCY:
            message = f"{count[code]} items, at least {ITEMS_PER_COMPETENCY}"
            yield Finding(ERROR, f"items: competence {code}", message)


def _settings(roles: Mapping[str, RoleProfile], items: Iterable[Item]) -> Iterator[Finding]:
    scored = [i for i in items if i.scored]
    away = sum(_away_from_desk(i, roles) for i in scored)
    if 2 * away < len(scored):
        message = f"{away} of {len(scored)} are set in work without a desk, at least half must be"
        yield Finding(ERROR, "items", message)
    for item in scored:
        if item.setting not in ("desk", "no_desk", "both"):
            yield Finding(ERROR, f"items: {item.key}", f"unknown setting {item.setting}")


def _guessable(items: Iterable[Item]) -> Iterator[Finding]:
    choices = [(right, wrong) for right, wrong in map(_lengths, items) if wrong]
    longest = sum(right > wrong for right, wrong in choices)
    if 2 * longest > len(choices):
        message = f"the longest option is right in {longest} of {len(choices)} questions"
        yield Finding(WARNING, "items", message)


def _away_from_desk(item: Item, roles: Mapping[str, RoleProfile]) -> bool:
    workplaces = {roles[key].workplace for key in item.roles if key in roles}
    return item.setting == "no_desk" or (bool(workplaces) and "desk" not in workplaces)


# --- catalogue ------------------------------------------------------------------------------------


def _catalogue(framework: Framework, catalogue: Catalogue) -> Iterator[Finding]:
    for unit in catalogue.units:
        where = f"catalogue: {unit.key}"
        yield from _titles(where, unit.title, unit.title_en)
        yield from _plain(where, "benefit", unit.benefit)
        yield from (Finding(ERROR, where, m) for m in _unit(unit, framework, catalogue))
    for ring in _rings(catalogue):
        yield Finding(ERROR, "catalogue", f"units require each other: {' -> '.join(ring)}")
    for module in catalogue.modules:
        where = f"catalogue: module {module.key}"
        yield from _titles(where, module.title, module.title_en)
        units = (*module.mandatory, *module.elective)
        yield from (Finding(ERROR, where, f"no unit {u}") for u in _missing(units, catalogue))
    taught = {code for unit in catalogue.units for code in unit.lifts}
    for code in framework.by_code:
        if code not in taught:
            yield Finding(WARNING, f"catalogue: {code}", "no unit teaches this competence")


def _unit(unit: LearningUnit, framework: Framework, catalogue: Catalogue) -> Iterator[str]:
    if unknown := sorted(set(unit.lifts) - set(framework.by_code)):
        yield f"no competence {', '.join(unknown)}"
    if not unit.lifts:
        yield "teaches nothing"
    for name, keys in (("requires", unit.requires), ("follows", unit.follows)):
        yield from (f"{name}: no unit {key}" for key in _missing(keys, catalogue))


def _missing(keys: Iterable[str], catalogue: Catalogue) -> list[str]:
    return [key for key in keys if key not in catalogue.by_key]


def _rings(catalogue: Catalogue) -> Iterator[list[str]]:
    """Yield every unit's first way back to itself through `requires`, each ring once."""
    seen: set[frozenset[str]] = set()
    for start in catalogue.by_key:
        ring = _way_back(catalogue, start)
        if ring and frozenset(ring) not in seen:
            seen.add(frozenset(ring))
            yield [*ring, start]


def _way_back(catalogue: Catalogue, start: str) -> list[str]:
    ways, visited = [[start]], set()
    while ways:
        way = ways.pop()
        unit = catalogue.by_key.get(way[-1])
        for key in unit.requires if unit else ():
            if key == start:
                return way
            if key not in visited:
                visited.add(key)
                ways.append([*way, key])
    return []


# --- wording --------------------------------------------------------------------------------------


def _titles(where: str, *titles: str) -> Iterator[Finding]:
    for title in titles:
        if len(title) > LONGEST_TITLE:
            message = f"title over {LONGEST_TITLE} characters: {title}"
            yield Finding(ERROR, where, message)
        yield from (Finding(ERROR, where, f"forbidden word {w}") for w in forbidden(title))


def _plain(where: str, field: str, text: str) -> Iterator[Finding]:
    for word in forbidden(text):
        yield Finding(ERROR, where, f"{field}: forbidden word {word}")
    for count, sentence in long_sentences(text):
        severity = ERROR if count > TOLERATED_WORDS else WARNING
        yield Finding(severity, where, f"{field}: {count} words in a sentence: {sentence}")
