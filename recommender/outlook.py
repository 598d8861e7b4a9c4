"""What a path brings topic by topic, and why some of it stays open.

Levels are steps 0-8. The outlook is what the units are made for, not a promise: whether a person
gets there shows afterwards. A topic that stays below its Soll always has a cause, and a cause
always has somebody who can do something about it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from competency.catalogue import Catalogue, LearningUnit
from competency.path import LearningPath, StepState
from recommender import model
from recommender.gaps import Need
from recommender.model import Terms

Step = tuple[str, int]


class Cause(StrEnum):
    """Why a topic ends below its Soll, in the order they are looked for."""

    PROPOSED = "proposed"  # a new proposal has a step for it
    NO_OFFER = "no_offer"  # no unit teaches the next step
    DONE = "done"  # whoever teaches it was completed already
    WISH = "wish"  # the learner does not want to learn a unit this year
    HOURS = "hours"  # it would take more hours or other months
    ROLE = "role"  # only units for the work of others teach it
    ENTRY = "entry"  # the units expect more than the role asks for


@dataclass(frozen=True, slots=True)
class Topic:
    """One competence with open steps: where the person stands, and where the path leads to."""

    competency: str
    today: int
    after: int
    soll: int
    unsure: bool  # "noch offen": today's step is a guess
    cause: Cause | None = None  # None: the path leads to the Soll
    units: tuple[str, ...] = ()  # what the cause is about

    @property
    def stepless(self) -> bool:
        return self.after <= self.today


@dataclass(frozen=True)
class Circumstances:
    """What binds one learner beside the path: offers, what is done, what is not wanted."""

    offers: Catalogue  # for the learner's roles
    everything: Catalogue
    roles: frozenset[str] = frozenset()
    done: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()
    mandatory: frozenset[str] = frozenset()


def outlook(
    need: Need, path: LearningPath, here: Circumstances, proposal: LearningPath | None = None
) -> tuple[Topic, ...]:
    """Return every competence with an open step, in order of their code."""
    after = reached(need, path)
    possible = _reach(need, here, frozenset())
    wanted = _reach(need, here, here.excluded - here.mandatory)
    coming = {} if proposal is None else reached(need, proposal)
    return tuple(
        _topic(need, c, after[c], path, here, possible[c], wanted[c], coming.get(c, 0))
        for c in need.competencies
    )


def reached(need: Need, path: LearningPath) -> dict[str, int]:
    """Return the step each open competence gets to with the steps that are still ahead."""
    ahead = [s for s in path.steps if s.state is StepState.PLANNED]
    ends: dict[str, int] = {c: need.held(c) for c in need.competencies}
    for closes in sorted((c for s in ahead for c in s.closes), key=lambda c: c.start):
        # A path made before the profile moved may name a step that is held by now, or too low.
        if closes.competency in ends and closes.start <= ends[closes.competency]:
            ends[closes.competency] = max(ends[closes.competency], closes.end)
    return {c: min(end, need.soll[c]) for c, end in ends.items()}


def _reach(need: Need, here: Circumstances, barred: frozenset[str]) -> dict[str, int]:
    terms = Terms(done=here.done, barred=barred, mandatory=here.mandatory - here.done)
    return model.reach(need, model.offers(need, here.offers.units, terms), here.done)


def _topic(
    need: Need,
    competency: str,
    after: int,
    path: LearningPath,
    here: Circumstances,
    possible: int,
    wanted: int,
    coming: int,
) -> Topic:
    soll = need.soll[competency]
    topic = Topic(competency, need.held(competency), after, soll, competency in need.unsure)
    if after >= soll:
        return topic
    teaching = _teaching(here.everything, (competency, after + 1))
    cause = _cause(after, teaching, here, possible, wanted, coming)
    units = _named(cause, teaching, path, here)
    return Topic(competency, topic.today, after, soll, topic.unsure, cause, units)


def _cause(
    after: int,
    teaching: Collection[LearningUnit],
    here: Circumstances,
    possible: int,
    wanted: int,
    coming: int,
) -> Cause:
    if coming > after:
        return Cause.PROPOSED
    if not teaching:
        return Cause.NO_OFFER
    if wanted > after:
        return Cause.HOURS
    if possible > after:
        return Cause.WISH
    if all(u.key in here.done for u in teaching):
        return Cause.DONE
    if all(u.roles and not u.roles & here.roles for u in teaching if u.key not in here.done):
        return Cause.ROLE
    return Cause.ENTRY


def _named(
    cause: Cause, teaching: Iterable[LearningUnit], path: LearningPath, here: Circumstances
) -> tuple[str, ...]:
    """Return the units the cause is about: those that teach the next step, as far as they count."""
    keys = [u.key for u in teaching]
    if cause is Cause.WISH:
        wished = _needed(keys, here) & (here.excluded - here.mandatory)
        return tuple(sorted(wished or here.excluded - here.mandatory))
    if cause is Cause.HOURS:
        return tuple(k for k in path.left_out if k in keys)
    if cause is Cause.DONE:
        return tuple(keys)
    if cause in (Cause.ROLE, Cause.ENTRY):
        return tuple(k for k in keys if k not in here.done)
    return ()


def _needed(keys: Iterable[str], here: Circumstances) -> set[str]:
    """Return the units and everything they require."""
    found, queue = set[str](), list(keys)
    while queue:
        key = queue.pop()
        if key not in found and key in here.everything.by_key:
            found.add(key)
            queue.extend(here.everything.by_key[key].requires)
    return found


def _teaching(catalogue: Catalogue, step: Step) -> tuple[LearningUnit, ...]:
    competency, n = step
    return tuple(u for u in catalogue.units if _covers(u.lifts, competency, n))


def _covers(lifts: Mapping[str, tuple[int, int]], competency: str, n: int) -> bool:
    begin, end = lifts.get(competency, (0, 0))
    return begin < n <= end


@dataclass(frozen=True, slots=True)
class Change:
    """What one path does that another did not, for the steps that are still ahead."""

    gone: tuple[str, ...]
    came: tuple[str, ...]
    lower: tuple[str, ...]  # competences that end lower than before


def change(need: Need, before: LearningPath, after: LearningPath) -> Change:
    """Return what goes, what comes and which topics lose, from one path to the other."""
    old, new = _ahead(before), _ahead(after)
    was, now = reached(need, before), reached(need, after)
    return Change(
        gone=tuple(u for u in old if u not in new),
        came=tuple(u for u in new if u not in old),
        lower=tuple(c for c in need.competencies if now[c] < was[c]),
    )


def _ahead(path: LearningPath) -> tuple[str, ...]:
    return tuple(s.unit for s in path.steps if s.state is StepState.PLANNED)
