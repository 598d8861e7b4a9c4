"""How well a unit fits a person, in named parts; and what a swap would really cost.

The parts (reference: planning 6.2) always add up to the score, 0 to 100, and are shown one by one.
What a swap costs is never guessed: every alternative is planned, and the two paths are compared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from competency.catalogue import Catalogue, LearningUnit
from competency.path import LearningPath, Reason, StepState
from recommender import model
from recommender.explain import Mandate, gap_reasons
from recommender.gaps import Need
from recommender.model import Offer, Terms
from recommender.plan import plan
from recommender.sequence import end_month

MOST = 4  # alternatives shown
TRIED = 12  # best matches that are planned
HALF_GAP = 2.0  # value of closed steps that earns half of the points for the gap
POINTS = {"gap": 50.0, "level": 20.0, "format": 10.0, "time": 10.0, "quality": 10.0}


@dataclass(frozen=True, slots=True)
class Score:
    """Points per part: gap 50, level 20, format 10, time 10, quality 10 at most."""

    gap: float
    level: float
    format: float
    time: float
    quality: float

    @property
    def total(self) -> float:
        return self.gap + self.level + self.format + self.time + self.quality


@dataclass(frozen=True, slots=True)
class Alternative:
    """A unit that could take another's place, and the path that would come of it."""

    unit: str
    score: Score
    reasons: tuple[Reason, ...]
    lost: bool  # the Soll is reached later, or not in every competence the path reaches it in
    missing: tuple[str, ...]  # competences that end lower than in the present path
    later: int  # months the path ends later; negative: earlier
    path: LearningPath


def score(
    need: Need,
    unit: LearningUnit,
    hours_per_month: float,
    preferences: Mapping[str, float] | None = None,
) -> Score:
    """Return the parts; more of the gap covered, all else equal, always scores higher."""
    offer = _offer(need, unit)
    worth = sum(need.values[step] for step in offer.covers)
    measured = [(c, lift) for c, lift in unit.lifts.items() if need.held(c) < lift[1]]
    startable = sum(lift[0] <= need.held(c) for c, lift in measured)
    shares = {
        "gap": worth / (worth + HALF_GAP),
        "level": startable / len(measured) if measured else 0.0,
        "format": (preferences or {}).get(unit.mode, 0.5),
        "time": min(1.0, hours_per_month / unit.hours) if unit.hours else 1.0,
        "quality": unit.quality,
    }
    return Score(**{part: POINTS[part] * share for part, share in shares.items()})


def alternatives(
    unit: str,
    path: LearningPath,
    need: Need,
    catalogue: Catalogue,
    *,
    now: str,
    done: frozenset[str] = frozenset(),
    mandatory: Iterable[str] | Mapping[str, Mandate] = (),
    preferences: Mapping[str, float] | None = None,
) -> tuple[Alternative, ...]:
    """Return up to four units that can take this unit's place, the best first.

    A mandatory or finished unit has none. A unit counts as an alternative if there is a plan
    without the one and with the other. Order: gap, level, quality, key.
    """
    planned = {s.unit for s in path.steps if s.state is StepState.PLANNED} - done
    if unit in frozenset(mandatory) or unit not in planned:
        return ()
    found = []
    for offer in _candidates(unit, path, need, catalogue, done, frozenset(mandatory)):
        wishes = replace(
            path.wishes,
            excluded=path.wishes.excluded | {unit},
            included=(path.wishes.included | {offer.key}) - {unit},
        )
        other = plan(
            need,
            catalogue,
            wishes,
            start=now,
            versions=path.versions,
            done=done,
            mandatory=mandatory,
            previous=path,
            preferences=preferences,
        ).path
        if offer.key in {s.unit for s in other.steps}:
            parts = score(need, offer.unit, wishes.hours_per_month, preferences)
            found.append(_alternative(need, offer, parts, path, other))
        if len(found) == MOST:
            break
    return tuple(found)


def _candidates(
    unit: str,
    path: LearningPath,
    need: Need,
    catalogue: Catalogue,
    done: frozenset[str],
    mandatory: frozenset[str],
) -> list[Offer]:
    """Return what works on the same competences and is not in the path, best match first."""
    taken = {s.unit for s in path.steps} | mandatory
    terms = Terms(barred=path.wishes.excluded | {unit}, done=done)
    topics = _topics(unit, path, need, catalogue)
    offers = [
        o
        for o in model.offers(need, catalogue.units, terms)
        if o.key not in taken and not topics.isdisjoint(c for c, _ in o.covers)
    ]
    return sorted(offers, key=lambda o: _rank(need, o, path.wishes.hours_per_month))[:TRIED]


def _rank(need: Need, offer: Offer, hours_per_month: float) -> tuple[object, ...]:
    parts = score(need, offer.unit, hours_per_month)
    return (-parts.gap, -parts.level, -parts.quality, offer.key)


def _topics(unit: str, path: LearningPath, need: Need, catalogue: Catalogue) -> set[str]:
    """Return the competences the unit closes in the path, or else all it could close."""
    closes = {c.competency for s in path.steps if s.unit == unit for c in s.closes}
    known = catalogue.by_key.get(unit)
    return closes or ({c for c, _ in _offer(need, known).covers} if known else set())


def _offer(need: Need, unit: LearningUnit) -> Offer:
    return model.offer_of(need, unit, Terms())


def _alternative(
    need: Need, offer: Offer, parts: Score, path: LearningPath, other: LearningPath
) -> Alternative:
    before, after = _closed(path), _closed(other)
    missing = tuple(sorted({c for c, _ in before - after}))
    later = (end_month(other) or 0) - (end_month(path) or 0)
    return Alternative(
        unit=offer.key,
        score=parts,
        reasons=gap_reasons(need, offer.covers),
        lost=bool(missing) or later > 0,
        missing=missing,
        later=later,
        path=other,
    )


def _closed(path: LearningPath) -> set[tuple[str, int]]:
    return {
        (c.competency, n)
        for step in path.steps
        if step.state is StepState.PLANNED
        for c in step.closes
        for n in range(c.start + 1, c.end + 1)
    }
