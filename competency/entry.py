"""Where a unit begins: at the end of the next lower one, and never in a circle (ADR 0008).

A catalogue says which level a unit teaches, not what it expects. Taken alone, that rule can make
two units wait for each other: one teaches passwords from level 1 on and security at level 1, the
other the reverse, and whoever knows nothing yet would be told that there is no offer at all.
"""

from collections.abc import Sequence
from dataclasses import replace

from competency.catalogue import LearningUnit


def chained(units: Sequence[LearningUnit]) -> tuple[LearningUnit, ...]:
    """Return the units in their order, each with its first step per competence.

    Whoever starts with nothing can take all of them in some order. Where units wait for each
    other, the one that lacks least opens the circle, of several the shortest: it then begins
    where the others have led.
    """
    walk = _Walk(_next_lower(units))
    while walk.waiting:
        walk.go()
        if walk.waiting:
            walk.open()
    return tuple(walk.begun[unit.key] for unit in units)


def _next_lower(units: Sequence[LearningUnit]) -> tuple[LearningUnit, ...]:
    ends: dict[str, set[int]] = {}
    for unit in units:
        for code, (_, end) in unit.lifts.items():
            ends.setdefault(code, set()).add(end)

    def begin(code: str, end: int) -> int:
        return max((e for e in ends[code] if e < end), default=0)

    return tuple(
        replace(unit, lifts={c: (begin(c, end), end) for c, (_, end) in unit.lifts.items()})
        for unit in units
    )


class _Walk:
    """A beginner who takes every unit as soon as it can start."""

    def __init__(self, units: Sequence[LearningUnit]) -> None:
        self.waiting = {unit.key: unit for unit in units}
        self.begun: dict[str, LearningUnit] = {}
        self._held: dict[str, int] = {}

    def go(self) -> None:
        while ready := [u for u in self.waiting.values() if self._may_start(u)]:
            for unit in ready:
                self._take(unit)

    def open(self) -> None:
        """Let one of the stuck units begin at what is held."""
        stuck = self._stuck_by_level_only() or list(self.waiting.values())
        unit = min(stuck, key=lambda u: (len(self._missing(u)), u.hours, u.key))
        lower = {c: self._held.get(c, 0) for c in self._missing(unit)}
        begins = {c: (lower.get(c, begin), end) for c, (begin, end) in unit.lifts.items()}
        self._take(replace(unit, lifts=begins))

    def _stuck_by_level_only(self) -> list[LearningUnit]:
        return [u for u in self.waiting.values() if self._prepared(u)]

    def _may_start(self, unit: LearningUnit) -> bool:
        return self._prepared(unit) and not self._missing(unit)

    def _prepared(self, unit: LearningUnit) -> bool:
        return self.begun.keys() >= set(unit.requires)

    def _missing(self, unit: LearningUnit) -> tuple[str, ...]:
        return tuple(c for c, (begin, _) in unit.lifts.items() if begin > self._held.get(c, 0))

    def _take(self, unit: LearningUnit) -> None:
        self.begun[unit.key] = unit
        del self.waiting[unit.key]
        for code, (_, end) in unit.lifts.items():
            self._held[code] = max(self._held.get(code, 0), end)
