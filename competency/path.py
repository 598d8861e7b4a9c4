"""A learning path: ordered steps with dates, duty and reasons; draft until the learner accepts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from competency.catalogue import Obligation


class PathState(StrEnum):
    DRAFT = "draft"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


class StepState(StrEnum):
    PLANNED = "planned"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Closes:
    """A competence the step lifts, in steps 0-8."""

    competency: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reason:
    """A message key and its values; the page turns it into a "Weil …" sentence."""

    key: str  # gap | prerequisite | mandatory | open | group | chosen
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PathStep:
    unit: str
    obligation: Obligation
    hours: float
    month: int  # 0 = the month the plan starts in
    state: StepState
    closes: tuple[Closes, ...]
    reasons: tuple[Reason, ...]
    until: int | None = None  # the month a unit ends in that is longer than the hours of one month

    @property
    def last(self) -> int:
        """The month the step ends in."""
        return self.month if self.until is None else self.until


@dataclass(frozen=True)
class Wishes:
    """What the learner asked the planner for. Months count from the plan's start."""

    hours_per_month: float = 2.0
    blocked_months: tuple[int, ...] = ()
    not_before: Mapping[str, int] = field(default_factory=dict)  # unit -> earliest month
    excluded: frozenset[str] = frozenset()  # "Nicht dieses Jahr", swapped away
    included: frozenset[str] = frozenset()  # swapped in


@dataclass(frozen=True)
class LearningPath:
    steps: tuple[PathStep, ...]
    value: float
    bound: float
    start: str  # first month as "2026-11"
    wishes: Wishes
    versions: Mapping[str, str]
    unmet: tuple[str, ...] = ()  # competences with a gap that no offer closes
    left_out: tuple[str, ...] = ()  # units that did not fit the time
    state: PathState = PathState.DRAFT

    def with_done(self, units: frozenset[str]) -> "LearningPath":
        """Return the path with the steps of these units marked as done."""
        steps = tuple(
            replace(s, state=StepState.DONE if s.unit in units else s.state) for s in self.steps
        )
        return replace(self, steps=steps)
