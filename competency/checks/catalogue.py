"""Catalogue: units teach something that exists, and nobody has to take a unit before itself."""

from collections.abc import Iterable, Iterator

from competency.catalogue import Catalogue, LearningUnit
from competency.checks.findings import ERROR, WARNING, Finding, plain, titles
from competency.framework import Framework


def check_catalogue(framework: Framework, catalogue: Catalogue) -> Iterator[Finding]:
    """Yield what is wrong with units, modules and what they require of each other."""
    for unit in catalogue.units:
        where = f"catalogue: {unit.key}"
        yield from titles(where, unit.title, unit.title_en)
        yield from plain(where, "benefit", unit.benefit)
        yield from (Finding(ERROR, where, m) for m in _unit(unit, framework, catalogue))
    for ring in _rings(catalogue):
        yield Finding(ERROR, "catalogue", f"units require each other: {' -> '.join(ring)}")
    for module in catalogue.modules:
        where = f"catalogue: module {module.key}"
        yield from titles(where, module.title, module.title_en)
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
