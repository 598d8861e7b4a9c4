"""Small catalogues by hand and by seed, and a checker that shares no code with the planner."""

from itertools import combinations

import numpy as np

from competency.catalogue import Catalogue, LearningUnit, Phase, PhaseKind
from competency.path import LearningPath, Wishes
from recommender.gaps import Need
from recommender.model import Terms
from recommender.plan import Plan, plan

START = "2026-11"
VERSIONS = {"catalogue": "test 1"}


def unit(
    key: str,
    lifts: dict[str, tuple[int, int]],
    hours: float = 1.0,
    *,
    requires: tuple[str, ...] = (),
    quality: float = 0.5,
    cost_eur: float = 0.0,
    months: tuple[int, ...] = (),
    mode: str = "",
) -> LearningUnit:
    kind = PhaseKind.TUTORIAL if mode else PhaseKind.SELF_STUDY
    phases = (Phase(kind, round(hours * 60), mode),)
    return LearningUnit(
        key,
        key,
        key,
        lifts,
        phases,
        requires=requires,
        quality=quality,
        cost_eur=cost_eur,
        months=months,
    )


def catalogue(*units: LearningUnit) -> Catalogue:
    return Catalogue("test", "1", units)


def planned(
    need: Need, *units: LearningUnit, wishes: Wishes | None = None, **asked: object
) -> Plan:
    return plan(
        need,
        catalogue(*units),
        wishes or Wishes(),
        **({"start": START, "versions": VERSIONS} | asked),  # type: ignore[arg-type]
    )


def keys(path: LearningPath) -> list[str]:
    return [s.unit for s in path.steps]


def random_need(rng: np.random.Generator, competences: str = "abc") -> Need:
    ist = {c: int(rng.integers(0, 3)) for c in competences}
    soll = {c: min(8, ist[c] + int(rng.integers(0, 4))) for c in competences}
    weights = {c: float(rng.uniform(1, 3)) for c in competences}
    return Need.of_levels(ist, soll, weights)


def random_units(
    rng: np.random.Generator, count: int, competences: str = "abc"
) -> tuple[LearningUnit, ...]:
    units: list[LearningUnit] = []
    for n in range(count):
        lifts = {}
        for c in rng.choice(list(competences), int(rng.integers(1, 3)), replace=False):
            start = int(rng.integers(0, 5))
            lifts[str(c)] = (start, start + int(rng.integers(1, 3)))
        requires = (f"u{rng.integers(0, n)}",) if n and rng.random() < 0.2 else ()
        units.append(
            unit(
                f"u{n}",
                lifts,
                float(rng.integers(1, 9)) / 2,
                requires=requires,
                quality=float(rng.random()),
                cost_eur=float(rng.choice([0, 0, 100])),
            )
        )
    return tuple(units)


def brute_force(need: Need, units: tuple[LearningUnit, ...], terms: Terms) -> float:
    """Return the best value over all sets of units that can be walked in some order."""
    best = -np.inf
    for size in range(len(units) + 1):
        for some in combinations(units, size):
            if allowed(need, some, terms):
                best = max(best, worth(need, some, terms))
    return best


def allowed(need: Need, some: tuple[LearningUnit, ...], terms: Terms) -> bool:
    names = {u.key for u in some}
    return (
        terms.mandatory <= names
        and not names & terms.barred
        and sum(u.hours for u in some) <= terms.hours + 1e-9
        and sum(u.cost_eur for u in some) <= terms.budget_eur + 1e-9
        and all(len(names & g.units) >= g.at_least for g in terms.groups)
        and walkable(need, some, terms)
    )


def walkable(need: Need, some: tuple[LearningUnit, ...], terms: Terms) -> bool:
    """Return whether the units can be taken one after the other, mandatory ones at any time.

    Being able to start never ends, so trying whoever can go next is as good as all orders.
    """
    waiting, taken = list(some), list[LearningUnit]()
    while waiting:
        ready = [u for u in waiting if can_start(need, u, taken, terms)]
        if not ready:
            return False
        taken.append(ready[0])
        waiting.remove(ready[0])
    return True


def can_start(need: Need, one: LearningUnit, taken: list[LearningUnit], terms: Terms) -> bool:
    if one.key in terms.mandatory:
        return True
    level = levels(need, taken)
    prepared = all(p in terms.done or p in {u.key for u in taken} for p in one.requires)
    return prepared and all(level[c] >= start for c, (start, _) in one.lifts.items())


def levels(need: Need, taken: tuple[LearningUnit, ...] | list[LearningUnit]) -> dict[str, int]:
    """Return what is held after these units; above the Soll nothing counts."""
    held = dict(need.ist)
    for c in held:
        while held[c] < need.soll[c] and any(
            u.lifts[c][0] <= held[c] < u.lifts[c][1] or _covers(u, c, held[c] + 1)
            for u in taken
            if c in u.lifts
        ):
            held[c] += 1
    return held


def _covers(one: LearningUnit, competence: str, step: int) -> bool:
    start, end = one.lifts[competence]
    return start < step <= end


def worth(need: Need, some: tuple[LearningUnit, ...], terms: Terms) -> float:
    held = levels(need, some)
    total = sum(s.value for s in need.steps if s.step <= held[s.competency])
    for u in some:
        useful = any(
            max(start, need.ist[c]) < min(end, need.soll[c]) for c, (start, end) in u.lifts.items()
        )
        total += (0.02 * (u.quality + terms.preferences.get(u.mode, 0)) if useful else 0.0) - (
            0.004 * u.hours
        )
    return total
