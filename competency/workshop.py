"""Blind votes about a job: what may be shown of them, and how far people agree.

A vote is a step 0 to 8 for one competence or area. Two groups vote: leaders and staff of the job
family. Votes say something about work, not about a person, but nobody shall be picked out by one:
a group with fewer than three votes is never shown apart. Source: features R03, days.md
(Führungskraft), docs/adr/0013-votes-nobody-cast.md.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from competency.scale import level_of_step

#: Votes from which a group is shown by itself: each voter stands among two others.
FLOOR = 3
#: Votes from which all are shown together where a group is too small (the floor of law L15).
TOGETHER = 5
#: Steps between neighbouring levels: votes that far apart count as close.
ONE_LEVEL = 2


class Group(StrEnum):
    LEAD = "lead"
    STAFF = "staff"


class Detail(StrEnum):
    """How much may be shown, see `view`."""

    GROUPS = "groups"  # every group with its distribution
    TOGETHER = "together"  # one distribution of all
    COARSE = "coarse"  # a median level and how far apart, of all
    HIDDEN = "hidden"  # nothing


class Agreement(StrEnum):
    SAME = "same"  # everybody says the same
    CLOSE = "close"  # within one level
    APART = "apart"
    UNKNOWN = "unknown"  # too few votes to say so


#: step -> number of votes
Counts = Mapping[int, int]


@dataclass(frozen=True)
class Spread:
    """The votes of one group, or of all (`group` None). `median`: the two middle votes."""

    group: Group | None
    votes: int
    counts: Counts
    median: tuple[int, int]


@dataclass(frozen=True)
class View:
    """What may be shown of the votes about one competence or area.

    `level` is the coarse median, -1 where it is not said.
    """

    detail: Detail
    agreement: Agreement
    spreads: tuple[Spread, ...] = ()
    level: int = -1

    @property
    def common(self) -> int | None:
        """Return the value nobody would argue about: one middle vote everywhere, nobody far off."""
        if self.agreement not in (Agreement.SAME, Agreement.CLOSE):
            return None
        middle = set(chain.from_iterable(s.median for s in self.spreads))
        return middle.pop() if len(middle) == 1 else None


def view(votes: Mapping[Group, Counts]) -> View:
    """Return what may be shown.

    Every group that voted has at least FLOOR votes: both distributions. Else at least TOGETHER
    votes: one distribution without groups. Else at least FLOOR: how far apart, and a median level.
    Else nothing. Only one of these is ever shown, so that none can be taken from another.
    """
    cast = {group: Counter(dict(counts)) for group, counts in votes.items() if any(counts.values())}
    everyone: Counter[int] = sum(cast.values(), Counter())
    total = everyone.total()
    if total < FLOOR:
        return View(Detail.HIDDEN, Agreement.UNKNOWN)
    agreement = _agreement(everyone)
    if all(counts.total() >= FLOOR for counts in cast.values()):
        spreads = tuple(_spread(group, cast[group]) for group in Group if group in cast)
        return View(Detail.GROUPS, agreement, spreads)
    if total >= TOGETHER:
        return View(Detail.TOGETHER, agreement, (_spread(None, everyone),))
    return View(Detail.COARSE, agreement, level=level_of_step(_median(everyone)[0]))


def _spread(group: Group | None, counts: Counter[int]) -> Spread:
    return Spread(group, counts.total(), dict(sorted(counts.items())), _median(counts))


def _median(counts: Counter[int]) -> tuple[int, int]:
    ordered = sorted(counts.elements())
    return ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]


def _agreement(counts: Counter[int]) -> Agreement:
    cast = [step for step, number in counts.items() if number]
    width = max(cast) - min(cast)
    if width == 0:
        return Agreement.SAME
    return Agreement.CLOSE if width <= ONE_LEVEL else Agreement.APART
