"""The S-model (reference: planning 3.1): which units, seen without time.

    max  sum w_c y_(c,l)  +  sum s_m x_m
         s_m = 0.02 (quality + preference[mode]) if m covers an open step, else 0; minus 0.004 hours
    (1) y_(c,l) <= sum x_m over m covering (c,l)      (5) x_m = 1 for mandatory m, exempt from 3, 4
    (2) y_(c,l) <= y_(c,l-1) if that step is open     (6) hours   (7) money
    (3) x_m <= y_(c,f), f the entry level > ist       (8) at least k of a group
    (4) x_m <= x_p for a prerequisite p

S knows no time: units may satisfy each other's entry level in a circle. `choose` looks for an
order of what was chosen and, where there is none, cuts exactly that circle off and solves again.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from competency.catalogue import LearningUnit
from recommender.gaps import Need
from recommender.solver import Program, Solver

QUALITY_WEIGHT = 0.02
HOUR_COST = 0.004
MOST_CUTS = 200  # far beyond what any catalogue needed; a plan that needs more is not certified

Step = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Group:
    """Wahlpflicht: at least k of these units."""

    key: str
    units: frozenset[str]
    at_least: int


@dataclass(frozen=True)
class Terms:
    """What binds the choice beside the gap. Hours over the whole plan, money in EUR."""

    hours: float = math.inf
    budget_eur: float = math.inf
    mandatory: frozenset[str] = frozenset()
    included: frozenset[str] = frozenset()  # taken as asked for, but not exempt from (3) and (4)
    barred: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    groups: tuple[Group, ...] = ()
    preferences: Mapping[str, float] = field(default_factory=dict)  # mode -> 0 to 1
    agreed: frozenset[str] = frozenset()  # in the accepted path: kept where it costs nothing


@dataclass(frozen=True, slots=True)
class Offer:
    """A unit as it looks for one need."""

    unit: LearningUnit
    covers: tuple[Step, ...]  # open steps it can close
    entry: tuple[Step, ...]  # steps to be held before it starts
    merit: float  # s_m
    exempt: bool  # mandatory: no entry level, no prerequisite

    @property
    def key(self) -> str:
        return self.unit.key


@dataclass(frozen=True, slots=True)
class Choice:
    """Chosen offers in a valid order; `bound` is proven for every choice under the same terms."""

    offers: tuple[Offer, ...]
    bound: float
    proven: bool


class Progress:
    """What is held after some units, in the order they are taken."""

    def __init__(self, need: Need, done: Iterable[str] = ()) -> None:
        self._need = need
        self._covered: set[Step] = set()
        self._taken = set(done)

    def has(self, step: Step) -> bool:
        competency, to = step
        first = self._need.held(competency) + 1
        return all((competency, n) in self._covered for n in range(first, to + 1))

    def admits(self, offer: Offer) -> bool:
        if offer.exempt:
            return True
        return self._taken.issuperset(offer.unit.requires) and all(map(self.has, offer.entry))

    def take(self, offer: Offer) -> None:
        self._taken.add(offer.key)
        self._covered.update(offer.covers)

    def gain(self, offer: Offer) -> float:
        """Return the value of the open steps that would newly count as closed."""
        new = set(offer.covers) - self._covered
        return sum(self._gain(c, new) for c in sorted({c for c, _ in new}))

    def _gain(self, competency: str, new: set[Step]) -> float:
        gain, n = 0.0, self._need.held(competency) + 1
        while (competency, n) in self._covered or (competency, n) in new:
            gain += self._need.values[competency, n] if not self.has((competency, n)) else 0.0
            n += 1
        return gain


def offers(need: Need, units: Iterable[LearningUnit], terms: Terms) -> tuple[Offer, ...]:
    """Return what can be chosen from, by key: usable, wanted for something, not done or barred."""
    open_to = {
        u.key: offer_of(need, u, terms)
        for u in units
        if u.key not in terms.done and (u.key not in terms.barred or u.key in terms.mandatory)
    }
    usable = _with_prerequisites(
        {k: o for k, o in open_to.items() if o.exempt or _usable(need, o)}, terms.done
    )
    return tuple(usable[key] for key in sorted(_wanted(usable, terms)))


def offer_of(need: Need, unit: LearningUnit, terms: Terms) -> Offer:
    """Return a unit as it looks for one need, whether it can be used or not."""
    covers = tuple(
        (c, n)
        for c, (start, end) in sorted(unit.lifts.items())
        for n in range(max(start, need.held(c)) + 1, min(end, need.soll.get(c, 0)) + 1)
    )
    entry = tuple((c, f) for c, (f, _) in sorted(unit.lifts.items()) if f > need.held(c))
    fit = unit.quality + terms.preferences.get(unit.mode, 0.0)
    merit = (QUALITY_WEIGHT * fit if covers else 0.0) - HOUR_COST * unit.hours
    return Offer(unit, covers, entry, merit, exempt=unit.key in terms.mandatory)


def _usable(need: Need, offer: Offer) -> bool:
    # An entry level above the Soll is never reached by this plan.
    return all(step <= need.soll.get(c, 0) for c, step in offer.entry)


def _with_prerequisites(usable: dict[str, Offer], done: frozenset[str]) -> dict[str, Offer]:
    """Drop, until nothing changes, what requires a unit that is neither done nor on offer."""
    while True:
        kept = {
            k: o
            for k, o in usable.items()
            if o.exempt or all(p in usable or p in done for p in o.unit.requires)
        }
        if len(kept) == len(usable):
            return kept
        usable = kept


def _wanted(usable: Mapping[str, Offer], terms: Terms) -> set[str]:
    grouped = frozenset[str]().union(*(g.units for g in terms.groups))
    asked_for = terms.mandatory | terms.included | grouped
    queue = [k for k, o in usable.items() if o.covers or k in asked_for]
    wanted: set[str] = set()
    while queue:
        key = queue.pop()
        if key in usable and key not in wanted:
            wanted.add(key)
            queue.extend(usable[key].unit.requires)
    return wanted


def closed(need: Need, chosen: Iterable[Offer]) -> frozenset[Step]:
    """Return the open steps that count as closed: covered, and every open step below as well."""
    progress = Progress(need)
    for offer in chosen:
        progress.take(offer)
    return frozenset(step for step in need.values if progress.has(step))


def value(need: Need, chosen: Collection[Offer]) -> float:
    """Return the objective of the S-model for these units; anyone can recompute it."""
    steps = math.fsum(need.values[step] for step in closed(need, chosen))
    return steps + math.fsum(o.merit for o in chosen)


def ordered(
    need: Need, chosen: Iterable[Offer], done: Iterable[str] = ()
) -> tuple[tuple[Offer, ...], tuple[Offer, ...]]:
    """Return (a valid order, what cannot be started at all); ties in the order given."""
    progress, order, waiting = Progress(need, done), list[Offer](), list(chosen)
    while ready := next((o for o in waiting if progress.admits(o)), None):
        waiting.remove(ready)
        progress.take(ready)
        order.append(ready)
    return tuple(order), tuple(waiting)


def choose(need: Need, among: Sequence[Offer], terms: Terms, solver: Solver) -> Choice | None:
    """Return the best choice that has an order; None if these terms cannot be kept."""
    program, columns = _program(need, among, terms)
    for _ in range(MOST_CUTS):
        solution = solver.solve(program)
        if solution.values is None:
            return None
        chosen = [o for o, x in zip(among, columns, strict=True) if solution.values[x] > 0.5]
        order, stuck = ordered(need, chosen, terms.done)
        if not stuck:
            return Choice(order, solution.bound, solution.proven)
        _cut(program, tuple(zip(among, columns, strict=True)), need, order, stuck)
    return Choice(order, solution.bound, proven=False)


def _cut(
    program: Program,
    columns: Sequence[tuple[Offer, int]],
    need: Need,
    order: Sequence[Offer],
    stuck: Sequence[Offer],
) -> None:
    """Cut a circle off: all of it only together with a unit from outside that opens it.

    Every unit of the circle waits for a step that only the circle covers, or for a prerequisite in
    it. Whichever starts first needs that step from a unit that was not chosen.
    """
    waits = {o.key: _waits_for(need, o, order, [offer for offer, _ in columns]) for o in stuck}
    circle = _smallest_circle(stuck, waits)
    chosen = {o.key for o in (*order, *stuck)}
    steps = {step for key in circle if (step := waits[key])}
    terms = {x: 1.0 for offer, x in columns if offer.key in circle}
    for offer, x in columns:
        if offer.key not in chosen and not steps.isdisjoint(offer.covers):
            terms[x] = -1.0
    program.at_most(terms, len(circle) - 1)


def _waits_for(
    need: Need, stuck: Offer, order: Sequence[Offer], among: Sequence[Offer]
) -> Step | None:
    """Return the step it lacks that fewest units cover; None: it lacks a prerequisite only."""
    covered = {step for offer in order for step in offer.covers}
    missing = [
        (c, n)
        for c, to in stuck.entry
        for n in range(need.held(c) + 1, to + 1)
        if (c, n) not in covered
    ]
    return min(missing, key=lambda s: (sum(s in o.covers for o in among), s), default=None)


def _smallest_circle(stuck: Sequence[Offer], waits: Mapping[str, Step | None]) -> frozenset[str]:
    """Return the smallest set of stuck units that wait for nobody chosen but each other."""
    by_key = {o.key: o for o in stuck}
    circles = []
    for offer in stuck:
        circle, queue = set[str](), [offer.key]
        while queue:
            key = queue.pop()
            if key not in circle:
                circle.add(key)
                queue.extend(_openers(by_key[key], stuck, waits[key]))
        circles.append(frozenset(circle))
    return min(circles, key=lambda c: (len(c), sorted(c)))


def _openers(offer: Offer, stuck: Sequence[Offer], step: Step | None) -> list[str]:
    if step is None:
        return [o.key for o in stuck if o.key in offer.unit.requires]
    return [o.key for o in stuck if step in o.covers]


def _program(need: Need, among: Sequence[Offer], terms: Terms) -> tuple[Program, list[int]]:
    program = Program()
    bonus = agreed_bonus(need, terms)
    fixed = terms.mandatory | terms.included
    columns = [
        program.column(
            o.merit + (bonus if o.key in terms.agreed else 0.0),
            whole=True,
            fixed=1.0 if o.key in fixed else None,
        )
        for o in among
    ]
    steps = {s: program.column(worth, whole=False) for s, worth in need.values.items()}
    x = {o.key: column for o, column in zip(among, columns, strict=True)}
    _coverage(program, among, x, steps)
    _beginnings(program, among, x, steps)
    _limits(program, among, x, terms)
    _twins(program, among, x, terms)
    return program, columns


def agreed_bonus(need: Need, terms: Terms) -> float:
    """Return the bonus per unit already agreed: over a whole plan below a quarter of a step."""
    smallest = min((v for v in need.values.values() if v > 0), default=0.0)
    return 0.25 * smallest / max(1, len(terms.agreed))


def _coverage(
    program: Program, among: Sequence[Offer], x: Mapping[str, int], steps: Mapping[Step, int]
) -> None:
    covering: dict[Step, list[int]] = defaultdict(list)
    for offer in among:
        for step in offer.covers:
            covering[step].append(x[offer.key])
    for (competency, n), y in steps.items():
        program.implies(y, covering[competency, n])  # (1)
        if (competency, n - 1) in steps:
            program.implies(y, [steps[competency, n - 1]])  # (2)


def _beginnings(
    program: Program, among: Sequence[Offer], x: Mapping[str, int], steps: Mapping[Step, int]
) -> None:
    for offer in among:
        if offer.exempt:
            continue
        for step in offer.entry:
            program.implies(x[offer.key], [steps[step]])  # (3)
        for needed in offer.unit.requires:
            if needed in x:  # else it is done
                program.implies(x[offer.key], [x[needed]])  # (4)


def _limits(program: Program, among: Sequence[Offer], x: Mapping[str, int], terms: Terms) -> None:
    if terms.hours < math.inf:
        program.at_most({x[o.key]: o.unit.hours for o in among}, terms.hours)  # (6)
    if terms.budget_eur < math.inf:
        program.at_most({x[o.key]: o.unit.cost_eur for o in among}, terms.budget_eur)  # (7)
    for group in terms.groups:
        taken = len(group.units & terms.done)
        members = {x[key]: 1.0 for key in sorted(group.units) if key in x}
        program.at_least(members, group.at_least - taken)  # (8)


def _twins(program: Program, among: Sequence[Offer], x: Mapping[str, int], terms: Terms) -> None:
    """Of units that differ in nothing but their key, take the smaller key first."""
    special = terms.mandatory | terms.included | terms.agreed
    special |= frozenset[str]().union(*(g.units for g in terms.groups))
    special |= {p for o in among for p in o.unit.requires}
    last: dict[tuple[object, ...], str] = {}
    for offer in among:
        if offer.key in special:
            continue
        u = offer.unit
        looks = (offer.covers, offer.entry, offer.merit, u.hours, u.cost_eur, u.requires, u.months)
        if looks in last:
            program.implies(x[u.key], [x[last[looks]]])
        last[looks] = u.key


def lean(need: Need, chosen: Sequence[Offer], terms: Terms) -> tuple[Offer, ...]:
    """Return the choice without units that close nothing the others do not close.

    The objective fills spare hours with units whose quality outweighs their hours; a learner
    would ask, rightly, what they are for. What is asked for (mandatory, included, groups) stays.
    """
    kept = list(chosen)
    asked_for = terms.mandatory | terms.included
    last_key_first = sorted(chosen, key=lambda o: o.key, reverse=True)
    for offer in sorted(last_key_first, key=lambda o: (o.key in terms.agreed, o.merit)):
        rest = [o for o in kept if o is not offer]
        if offer.key not in asked_for and _does_as_well(need, rest, kept, terms):
            kept = rest
    return ordered(need, kept, terms.done)[0]


def _does_as_well(need: Need, rest: Sequence[Offer], kept: Sequence[Offer], terms: Terms) -> bool:
    keys = {o.key for o in rest} | terms.done
    return (
        all(len(g.units & keys) >= g.at_least for g in terms.groups)
        and closed(need, rest) == closed(need, kept)
        and not ordered(need, rest, terms.done)[1]
    )


def reach(need: Need, among: Iterable[Offer], done: Iterable[str] = ()) -> dict[str, int]:
    """Return the step each open competence can get to with every offer there is, at any cost."""
    progress = Progress(need, done)
    for offer in ordered(need, among, done)[0]:
        progress.take(offer)
    return {
        c: max(
            (n for n in range(need.held(c) + 1, need.soll[c] + 1) if progress.has((c, n))),
            default=need.held(c),
        )
        for c in need.competencies
    }
