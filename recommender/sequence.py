"""Months: the chosen units laid into months 0 to 11, in an order that can be walked.

What a unit needs (entry levels, prerequisites) ends in an EARLIER month. A month takes no more
than the learner's hours; a unit longer than that starts in a month where nothing else starts and
goes on through the following months that are free. Mandatory units are laid first and so never
lose their place to others. Of a few rules the best result is kept, and of equals the one that
begins with what is short and easy; the rules are fixed and ties break on the unit's key, so the
same choice gives the same months.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from competency.catalogue import PhaseKind
from competency.path import LearningPath, PathStep, Wishes
from recommender.gaps import Need
from recommender.model import Offer, Progress, value

HORIZON = 12  # months
SLACK = 1e-9  # hours; sums of minutes / 60


@dataclass(frozen=True)
class Calendar:
    """The months that can be used, and what is already in them."""

    hours_per_month: float
    months: tuple[int, ...]  # ascending
    spent: Mapping[int, float] = field(default_factory=dict)  # hours, by what is done

    @classmethod
    def of(cls, wishes: Wishes, since: int = 0, done: Iterable[PathStep] = ()) -> "Calendar":
        """Return the months from `since` on that are not blocked; finished steps keep theirs."""
        months = tuple(m for m in range(since, HORIZON) if m not in wishes.blocked_months)
        empty = cls(wishes.hours_per_month, months)
        book = Book(empty)
        for step in sorted(done, key=lambda s: (s.month, s.unit)):
            if step.month in empty.months:
                book.enter(step.hours, step.month)
        return cls(wishes.hours_per_month, months, {m: book.spent(m) for m in months})

    @property
    def hours(self) -> float:
        """Return the hours that are left in all months together."""
        return sum(max(0.0, self.hours_per_month - self.spent.get(m, 0.0)) for m in self.months)


class Book:
    """Hours per month, filled one unit after the other."""

    def __init__(self, calendar: Calendar) -> None:
        self._cap = calendar.hours_per_month
        self._left = {m: max(0.0, self._cap - calendar.spent.get(m, 0.0)) for m in calendar.months}
        self._starts: Counter[int] = Counter()

    def spent(self, month: int) -> float:
        return self._cap - self._left[month]

    def enter(self, hours: float, month: int) -> int | None:
        """Take the hours from a month on; returns the month it ends in, None if it does not fit."""
        shares = self._shares(hours, month)
        if shares is None:
            return None
        for m, share in shares.items():
            self._left[m] -= share
        self._starts[month] += 1
        return max(shares)

    def _shares(self, hours: float, month: int) -> dict[int, float] | None:
        if hours <= self._left[month] + SLACK:
            return {month: min(hours, self._left[month])}
        if hours <= self._cap + SLACK or self._starts[month] or self._left[month] <= SLACK:
            return None
        return self._spread(hours, month)

    def _spread(self, hours: float, month: int) -> dict[int, float] | None:
        shares: dict[int, float] = {}
        for m in sorted(m for m in self._left if m >= month):
            shares[m] = min(hours, self._left[m])
            hours -= shares[m]
            if hours <= SLACK:
                return {m: share for m, share in shares.items() if share > 0}
        return None


@dataclass(frozen=True)
class Dates:
    """When a unit may be taken, beside its own session dates."""

    not_before: Mapping[str, int] = field(default_factory=dict)
    agreed: Mapping[str, int] = field(default_factory=dict)  # months of the accepted path

    def earliest(self, key: str) -> int:
        """Return the first month for a unit; what was agreed stays where it is."""
        return max(self.not_before.get(key, 0), self.agreed.get(key, 0))

    def rank(self, key: str, month: int) -> int:
        """Return who goes first in a month: what was put there, what was agreed, the rest."""
        if self.not_before.get(key) == month:
            return 0
        return 1 if key in self.agreed else 2


@dataclass(frozen=True, slots=True)
class Slot:
    offer: Offer
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Schedule:
    slots: tuple[Slot, ...]  # by month
    left_out: tuple[Offer, ...]

    @property
    def offers(self) -> tuple[Offer, ...]:
        return tuple(s.offer for s in self.slots)


def startable(offer: Offer, calendar: Calendar, dates: Dates) -> bool:
    """Return whether the unit fits into the calendar when it has it all to itself."""
    return any(
        Book(calendar).enter(offer.unit.hours, m) is not None
        for m in _months(offer, calendar, dates)
    )


def _months(offer: Offer, calendar: Calendar, dates: Dates) -> list[int]:
    earliest, sessions = dates.earliest(offer.key), offer.unit.months
    return [m for m in calendar.months if m >= earliest and (not sessions or m in sessions)]


Rule = Callable[[Offer], tuple[float, ...]]


def schedule(
    need: Need,
    chosen: Sequence[Offer],
    calendar: Calendar,
    dates: Dates,
    done: Collection[str] = (),
    asked_for: Collection[str] = (),
) -> Schedule:
    """Return the best schedule of a few fixed rules: most that was asked for, then most value."""
    layouts = [
        _lay(need, chosen, calendar, dates, done, rule) for rule in _rules(need, chosen, asked_for)
    ]
    # max() keeps the first of equals: the order of the rules breaks ties.
    return max(layouts, key=lambda s: _merit(need, s, asked_for))


def _merit(need: Need, laid: Schedule, asked_for: Collection[str]) -> tuple[float, ...]:
    duties = sum(o.exempt for o in laid.offers)
    wanted = sum(o.key in asked_for for o in laid.offers)
    end = max((s.end for s in laid.slots), default=0)
    return (duties, wanted, round(value(need, laid.offers), 9), -end)


def _rules(need: Need, chosen: Sequence[Offer], asked_for: Collection[str]) -> list[Rule]:
    """Return the orders to try within a month: what is easy, what opens others, size or worth.

    A first success after half an hour keeps people learning, a seminar of a day as the first step
    does not. So the easy orders come first and win where the others are no better: all of it by
    ease, then only the very first unit.
    """
    opens = {o.key: _opens(o, chosen) for o in chosen}
    worth = {o.key: sum(need.values[s] for s in o.covers) / max(o.unit.hours, 0.1) for o in chosen}
    easiest = _easiest(chosen)

    def wanted(o: Offer) -> int:
        return 0 if o.key in asked_for else 1

    def begun(rule: Rule) -> Rule:
        return lambda o: (o.key != easiest, *rule(o))

    packings: list[Rule] = [
        lambda o: (wanted(o), -opens[o.key], -worth[o.key]),
        lambda o: (wanted(o), -opens[o.key], -o.unit.hours),
        lambda o: (wanted(o), -opens[o.key], o.unit.hours),
        lambda o: (wanted(o), -o.unit.hours),
    ]
    return [lambda o: (wanted(o), *_ease(o)), *map(begun, packings), *packings]


def _easiest(chosen: Iterable[Offer]) -> str:
    """Return the key of the easiest unit that waits for nothing, or ""."""
    free = (o for o in chosen if not o.exempt and not o.entry and not o.unit.requires)
    first = min(free, key=lambda o: (_ease(o), o.key), default=None)
    return first.key if first else ""


def _ease(offer: Offer) -> tuple[float, ...]:
    """Return how hard a unit is to begin with: its highest level, time in a group, all its time."""
    highest = max((end for _, end in offer.unit.lifts.values()), default=0)
    together = sum(p.minutes for p in offer.unit.phases if p.kind is PhaseKind.TUTORIAL)
    return (highest, together, offer.unit.hours)


def _opens(offer: Offer, chosen: Iterable[Offer]) -> int:
    covers = set(offer.covers)
    return sum(offer.key in o.unit.requires or not covers.isdisjoint(o.entry) for o in chosen)


def _lay(
    need: Need,
    chosen: Sequence[Offer],
    calendar: Calendar,
    dates: Dates,
    done: Collection[str],
    rule: Rule,
) -> Schedule:
    page = _Page(need, calendar, dates, done, rule)
    page.lay([o for o in chosen if o.exempt], after_prerequisites=True)
    page.lay([o for o in chosen if o.exempt], after_prerequisites=False)
    page.lay([o for o in chosen if not o.exempt], after_prerequisites=True)
    slots = tuple(sorted(page.slots, key=lambda s: (s.start, s.end, not s.offer.exempt)))
    placed = {s.offer.key for s in slots}
    return Schedule(slots, tuple(o for o in chosen if o.key not in placed))


class _Page:
    """One layout in the making."""

    def __init__(
        self, need: Need, calendar: Calendar, dates: Dates, done: Collection[str], rule: Rule
    ) -> None:
        self._need, self._calendar, self._dates = need, calendar, dates
        self._done, self._rule = frozenset(done), rule
        self._book = Book(calendar)
        self.slots: list[Slot] = []

    def lay(self, some: Iterable[Offer], *, after_prerequisites: bool) -> None:
        """Place month by month what can start; a unit that fits nowhere is skipped."""
        placed = {s.offer.key for s in self.slots}
        waiting = {o.key: o for o in some if o.key not in placed}
        for month in self._calendar.months:
            for offer in self._ready(waiting, month, after_prerequisites):
                end = self._book.enter(offer.unit.hours, month)
                if end is not None:
                    self.slots.append(Slot(offer, month, end))
                    del waiting[offer.key]

    def _ready(
        self, waiting: Mapping[str, Offer], month: int, after_prerequisites: bool
    ) -> list[Offer]:
        before = Progress(self._need, self._done)
        ended = {s.offer.key for s in self.slots if s.end < month} | self._done
        for slot in self.slots:
            if slot.end < month:
                before.take(slot.offer)
        among = set(waiting) | {s.offer.key for s in self.slots}
        ready = [
            o
            for o in waiting.values()
            if month in _months(o, self._calendar, self._dates)
            and before.admits(o)
            and (not after_prerequisites or ended.issuperset(among.intersection(o.unit.requires)))
        ]
        return sorted(ready, key=lambda o: (self._dates.rank(o.key, month), self._rule(o), o.key))


def end_month(path: LearningPath) -> int | None:
    """Return the month the last step ends in; None for an empty path."""
    return max((step.last for step in path.steps), default=None)


def month_after(start: str, months: int) -> str:
    """Return the month so many months after "2026-11"."""
    year, month = divmod(_number(start) + months, 12)
    return f"{year:04d}-{month + 1:02d}"


def months_between(start: str, now: str) -> int:
    """Return how many months lie between "2026-11" and a later month; 0 if it is not later."""
    return max(0, _number(now) - _number(start))


def _number(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number) - 1
