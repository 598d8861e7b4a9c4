"""Hard rules before planning: which units may be offered to somebody in these roles.

A unit that is set in another role's work ("Fotos von Kindern" for a gardener) is not offered,
unless nothing else teaches a step that is missing: an odd setting is better than no offer.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from competency.catalogue import Catalogue, LearningUnit
from recommender.gaps import Need


def offered(catalogue: Catalogue, roles: Collection[str], need: Need) -> Catalogue:
    """Return the catalogue for these roles, in its own order."""
    fitting = [u for u in catalogue.units if not u.roles or u.roles & frozenset(roles)]
    taught = {step for unit in fitting for step in _teaches(unit)}
    missing = {(s.competency, s.step) for s in need.steps} - taught
    keys = {u.key for u in fitting} | {
        u.key for u in catalogue.units if not missing.isdisjoint(_teaches(u))
    }
    return replace(catalogue, units=tuple(u for u in catalogue.units if u.key in keys))


def _teaches(unit: LearningUnit) -> Iterator[tuple[str, int]]:
    for competency, (begin, end) in unit.lifts.items():
        yield from ((competency, step) for step in range(begin + 1, end + 1))
