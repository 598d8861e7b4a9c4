"""The exam of a Lerneinheit ("Kurzer Rückblick", R71): when it opens, what it asks, when it sits.

Some days after the tutorial a few questions show whether what was taught is still there. It opens
on a day, stays open, and can be repeated; nobody fails it. Pure: no clock, no randomness, the same
person, unit and try always get the same questions. Days begin at midnight in Germany.
"""

import hashlib
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import zip_longest
from zoneinfo import ZoneInfo

from competency.catalogue import LearningUnit, PhaseKind
from competency.items import Item, Scene
from competency.scale import level_of_step

ZONE = ZoneInfo("Europe/Berlin")
DAYS_AFTER, SOONEST, LATEST = 14, 7, 28  # after the tutorial; between these a town may choose
REMIND_BEFORE = timedelta(days=3)
DUE_FOR = timedelta(days=14)  # afterwards it is late, and can still be done
FEWEST, MOST, PER_TOPIC = 5, 8, 2
SHARE = 0.6  # of the questions have to fit


class Standing(StrEnum):
    """Where the calendar stands; only from OPEN on may anything be answered."""

    AHEAD = "ahead"
    SOON = "soon"  # worth a reminder
    OPEN = "open"
    LATE = "late"

    @property
    def answerable(self) -> bool:
        return self in (Standing.OPEN, Standing.LATE)


@dataclass(frozen=True, slots=True)
class Dates:
    """Midnights in Germany, aware: reminded from, open from, due until (exclusive)."""

    reminds: datetime
    opens: datetime
    ends: datetime

    def standing(self, now: datetime) -> Standing:
        if now < self.reminds:
            return Standing.AHEAD
        if now < self.opens:
            return Standing.SOON
        return Standing.OPEN if now < self.ends else Standing.LATE


def dates(held: datetime, days: int) -> Dates:
    """Return the dates of an exam so many days after its tutorial."""
    day = held.astimezone(ZONE).date() + timedelta(days=days)
    return Dates(midnight(day - REMIND_BEFORE), midnight(day), midnight(day + DUE_FOR))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE)


def days_after(unit: LearningUnit, chosen: int = 0) -> int:
    """Return after how many days: as the municipality chose (0: it did not), else the catalogue."""
    said = next((p.exam_due_days for p in unit.phases if p.exam_due_days), DAYS_AFTER)
    return min(max(chosen or said, SOONEST), LATEST)


def has_exam(unit: LearningUnit) -> bool:
    """Return whether an exam belongs to the unit: it has a tutorial, or names the days."""
    return any(p.kind is PhaseKind.TUTORIAL or p.exam_due_days for p in unit.phases)


def questions(
    unit: LearningUnit,
    items: Iterable[Item],
    roles: Collection[str],
    *,
    seed: str,
    explained: Collection[str] = (),
    asked: Collection[str] = (),
    never: Collection[str] = (),
) -> tuple[Item, ...]:
    """Return five to eight questions on what the unit teaches, topic after topic in turn.

    First come those whose answer was never shown (`explained`), were not asked before (`asked`),
    are from work the person knows, and are near the level that is taught. Fewer come only where
    the bank has no more; `never` are left out altogether. Self-ratings prove nothing here.
    """
    taught = {code: level_of_step(to) for code, (_, to) in sorted(unit.lifts.items())}
    usable = [i for i in items if i.competency in taught and _proves(i) and i.key not in never]

    def rank(item: Item) -> tuple[bool, bool, bool, bool, int, str]:
        level = taught[item.competency]
        return (
            item.key in explained,
            item.key in asked,
            item.level > level,
            item.scene(roles) is Scene.FOREIGN,
            abs(item.level - level),
            hashlib.sha256(f"{seed}|{item.key}".encode()).hexdigest(),
        )

    by_topic = [sorted((i for i in usable if i.competency == c), key=rank) for c in taught]
    wanted = min(max(PER_TOPIC * sum(map(bool, by_topic)), FEWEST), MOST)
    return tuple(_in_turn(by_topic))[:wanted]


def needed(count: int) -> int:
    """Return how many of the questions have to fit."""
    return math.ceil(count * SHARE)


def fits(item: Item, category: int) -> bool:
    """Return whether an answer is right altogether."""
    return category == item.categories - 1


def _proves(item: Item) -> bool:
    return item.scored and not item.self_report


def _in_turn(topics: Iterable[Iterable[Item]]) -> Iterator[Item]:
    for round_ in zip_longest(*topics):
        yield from (item for item in round_ if item is not None)
