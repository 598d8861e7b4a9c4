"""What the planner is asked: need, offers, wishes, duties and the path to stay close to.

Holds the inputs as they come and derives what the model and the calendar need of them. The
fingerprint of a request is the input hash of its certificate: same hash, same plan.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property

from competency.catalogue import Catalogue, LearningUnit
from competency.path import LearningPath, PathStep, StepState, Wishes
from recommender.explain import Mandate, Told
from recommender.gaps import Need
from recommender.model import Group, Terms
from recommender.sequence import HORIZON, Calendar, Dates, months_between


@dataclass(frozen=True)
class Request:
    """`start` is the month planning begins in; a previous path keeps its own first month."""

    need: Need
    catalogue: Catalogue
    wishes: Wishes
    start: str
    versions: Mapping[str, str]
    done: frozenset[str] = frozenset()
    mandates: Mapping[str, Mandate] = field(default_factory=dict)
    previous: LearningPath | None = None
    groups: tuple[Group, ...] = ()
    preferences: Mapping[str, float] = field(default_factory=dict)
    budget_eur: float = math.inf

    @property
    def first_month(self) -> str:
        return self.start if self._before is None else self._before.start

    @cached_property
    def finished(self) -> tuple[PathStep, ...]:
        """The finished steps of the previous path, which stay as they are."""
        if self._before is None:
            return ()
        marked = self._before.with_done(self.done).steps
        return tuple(s for s in marked if s.state is StepState.DONE)

    @cached_property
    def past(self) -> frozenset[str]:
        """Units that are done, wherever that is known from: never proposed again."""
        return self.done | {s.unit for s in self.finished}

    @property
    def calendar(self) -> Calendar:
        since = months_between(self.first_month, self.start)
        return Calendar.of(self.wishes, since, self.finished)

    @property
    def dates(self) -> Dates:
        return Dates(self.wishes.not_before, self._agreed_months)

    @cached_property
    def terms(self) -> Terms:
        """Everything but the hours, which come from the calendar."""
        here = self.catalogue.by_key.keys()
        mandatory = frozenset(self.mandates.keys() & here) - self.past
        return Terms(
            budget_eur=self.budget_eur,
            mandatory=mandatory,
            included=self.wishes.included - self.wishes.excluded - self.past - mandatory,
            barred=self.wishes.excluded,
            done=self.past,
            groups=self.groups,
            preferences=self.preferences,
            agreed=frozenset(self._agreed) - mandatory,
        )

    @property
    def told(self) -> Told:
        return Told(self.mandates, self.wishes.included, self.groups)

    @property
    def _before(self) -> LearningPath | None:
        """The previous path, unless its twelve months are over."""
        before = self.previous
        if before is None or months_between(before.start, self.start) >= HORIZON:
            return None
        return before

    @property
    def _agreed(self) -> dict[str, int]:
        steps = () if self._before is None else self._before.steps
        return {s.unit: s.month for s in steps if s.unit not in self.past}

    @property
    def _agreed_months(self) -> dict[str, int]:
        # Who asks for other hours or other months off asks for another calendar.
        if self._before is None or _rhythm(self._before.wishes) != _rhythm(self.wishes):
            return {}
        return self._agreed

    def fingerprint(self) -> str:
        """Return a SHA-256 over everything the plan depends on, in a canonical form."""
        asked = {f.name: getattr(self, f.name) for f in fields(self)}
        asked["catalogue"] = [_planned_by(u) for u in self.catalogue.units]
        asked["previous"] = [self.first_month, self.finished, self._agreed, self._agreed_months]
        text = json.dumps(_plain(asked), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _rhythm(wishes: Wishes) -> tuple[float, frozenset[int]]:
    return wishes.hours_per_month, frozenset(wishes.blocked_months)


def _planned_by(unit: LearningUnit) -> tuple[object, ...]:
    """Return the fields that planning looks at; a new title is no new input."""
    facts = (unit.key, unit.lifts, unit.requires, unit.hours)
    return (*facts, unit.quality, unit.cost_eur, unit.mode, unit.months)


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, Set):
        return sorted(str(v) for v in value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    return str(value) if value == math.inf else value
