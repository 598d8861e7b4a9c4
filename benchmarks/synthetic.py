"""The synthetic catalogue and learners of reference/planning.md, section 12.

Everything is drawn from seeded generators in the order that section fixes, so that figures can be
compared with the anchors there. Units: steps 0-8, hours, EUR, months 0-11.
"""

from dataclasses import dataclass

import numpy as np

from competency.catalogue import Catalogue, LearningUnit, Phase, PhaseKind
from recommender.gaps import Need

COMPETENCES = tuple(f"c{n:02d}" for n in range(21))
MODES = ("", "online", "praesenz")  # self-paced, live online, Präsenz
CATALOGUE_SEED = 1
LEARNER_SEED = 100_000


@dataclass(frozen=True)
class Learner:
    need: Need
    hours: float
    budget_eur: float
    preferences: dict[str, float]
    mandatory: frozenset[str]


def catalogue(modules: int, seed: int = CATALOGUE_SEED) -> Catalogue:
    """Return a catalogue of so many modules; modules with explicit prerequisites included."""
    rng = np.random.default_rng(seed)
    popularity = np.arange(1, len(COMPETENCES) + 1) ** -0.6
    popularity = rng.permutation(popularity / popularity.sum())
    lifts = [_lifts(rng, popularity) for _ in range(modules)]
    hours = np.clip(np.round(rng.lognormal(np.log(4), 0.7, modules) * 2) / 2, 0.5, 40)
    free = rng.random(modules) < 0.6
    cost = np.where(free, 0, np.round(rng.lognormal(np.log(180), 0.6, modules), -1))
    quality = rng.beta(8, 3, modules)
    formats = rng.choice(3, modules, p=(0.55, 0.25, 0.20))
    months = [_months(rng) if f else () for f in formats]
    requires = _prerequisites(rng, lifts)
    units = tuple(
        LearningUnit(
            key=f"m{n:05d}",
            title=f"Modul {n}",
            title_en=f"Module {n}",
            lifts=lifts[n],
            phases=_phases(float(hours[n]), MODES[formats[n]]),
            requires=requires[n],
            quality=float(quality[n]),
            cost_eur=float(cost[n]),
            months=months[n],
        )
        for n in range(modules)
    )
    return Catalogue(f"synthetic-{modules}", str(seed), units)


def learner(number: int, offers: Catalogue) -> Learner:
    """Return learner i, drawn with seed 100000 + i."""
    rng = np.random.default_rng(LEARNER_SEED + number)
    relevant = set(rng.choice(len(COMPETENCES), int(rng.integers(6, 14)), replace=False).tolist())
    ist = rng.integers(0, 3, len(COMPETENCES))
    soll = np.minimum(8, ist + rng.integers(1, 5, len(COMPETENCES)))
    weights = rng.uniform(1, 3, len(COMPETENCES))
    need = Need.of_levels(
        {c: int(ist[n]) for n, c in enumerate(COMPETENCES)},
        {c: int(soll[n] if n in relevant else ist[n]) for n, c in enumerate(COMPETENCES)},
        {c: float(weights[n]) for n, c in enumerate(COMPETENCES)},
    )
    hours, budget = float(rng.choice([20, 28, 40, 40])), float(rng.choice([0, 300, 600, 1000]))
    preferences = dict(zip(MODES, rng.random(3).tolist(), strict=True))
    easy = [u.key for u in offers.units if u.hours <= 4 and not u.cost_eur and not u.requires]
    duties = rng.choice(easy, int(rng.integers(0, 3)), replace=False) if easy else ()
    return Learner(need, hours, budget, preferences, frozenset(map(str, duties)))


def _lifts(rng: np.random.Generator, popularity: np.ndarray) -> dict[str, tuple[int, int]]:
    count = 1 + int(rng.random() < 0.35) + int(rng.random() < 0.10)
    chosen = rng.choice(len(COMPETENCES), count, replace=False, p=popularity)
    lifts = {}
    for place, n in enumerate(chosen):
        start = min(6, int(rng.geometric(0.33)) - 1)
        more = int(rng.random() < 0.4) if place == 0 else 0
        lifts[COMPETENCES[n]] = (start, min(8, start + 1 + more))
    return lifts


def _months(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(sorted(set(rng.integers(0, 12, int(rng.integers(1, 5))).tolist())))


def _prerequisites(
    rng: np.random.Generator, lifts: list[dict[str, tuple[int, int]]]
) -> list[tuple[str, ...]]:
    ending: dict[tuple[str, int], list[int]] = {}
    for n, lift in enumerate(lifts):
        competence, (_, end) = next(iter(lift.items()))
        ending.setdefault((competence, end), []).append(n)
    found: list[tuple[str, ...]] = []
    for lift in lifts:
        competence, (start, _) = next(iter(lift.items()))
        before = ending.get((competence, start), []) if start > 0 else []
        wanted = rng.random() < 0.2
        found.append((f"m{rng.choice(before):05d}",) if wanted and before else ())
    return found


def _phases(hours: float, mode: str) -> tuple[Phase, ...]:
    kind = PhaseKind.TUTORIAL if mode else PhaseKind.SELF_STUDY
    return (Phase(kind, round(hours * 60), mode),)
