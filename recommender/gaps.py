"""What is missing: the open steps of one learner, each with what closing it is worth.

An open step is (competence, step) with ist < step <= soll on the scale 0-8. Its value is the
target's weight times P(theta < cut of the step), so a competence that is "noch offen" counts in
part (reference: planning 3). Planning from files has sharp levels: there P is 1.

What is not measured (K.1, a private self-reflection) is no gap and blocks nothing: it has no
standing in the profile, and the planner never learns anything about it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from competency.profile import Profile, Verdict
from competency.scale import CUTS, MAX_STEP, cut_of_step
from competency.target import Target


@dataclass(frozen=True, slots=True)
class Belief:
    """The marginal posterior of one competence: N(mean, sd^2) on theta."""

    mean: float
    sd: float

    def below(self, cut: float) -> float:
        """Return P(theta < cut)."""
        if self.sd <= 0:
            return float(self.mean < cut)
        return 0.5 * math.erfc((self.mean - cut) / (self.sd * math.sqrt(2)))


@dataclass(frozen=True, slots=True)
class OpenStep:
    competency: str
    step: int  # 1-8
    value: float


@dataclass(frozen=True)
class Need:
    """Ist, Soll and the open steps between them; what the planner knows of a person.

    `otherwise` is the step assumed for a competence without Ist: 0 for sharp levels, the top for a
    profile, where no standing means "not measured" and must not bar anybody from a unit.
    """

    ist: Mapping[str, int]
    soll: Mapping[str, int]
    steps: tuple[OpenStep, ...]
    unsure: frozenset[str] = field(default_factory=frozenset)  # verdict "noch offen"
    otherwise: int = 0

    @classmethod
    def of_profile(
        cls,
        profile: Profile,
        target: Target,
        beliefs: Mapping[str, Belief],
        cuts: tuple[float, ...] = CUTS,
    ) -> "Need":
        """Return the need of an assessed person; a competence without belief is taken sharply."""
        ist = {s.competency: s.ist for s in profile.standings}
        soll = {c: step for c, step in target.steps.items() if c in ist}
        steps = tuple(
            OpenStep(c, step, _weight(target.weights, c) * _missing(beliefs.get(c), step, cuts))
            for c, step in _between(ist, soll)
        )
        unsure = frozenset(s.competency for s in profile.standings if s.verdict is Verdict.OPEN)
        return cls(ist, soll, steps, unsure, otherwise=MAX_STEP)

    @classmethod
    def of_levels(
        cls,
        ist: Mapping[str, int],
        soll: Mapping[str, int],
        weights: Mapping[str, float] | None = None,
    ) -> "Need":
        """Return the need of a person whose levels are taken as certain, in steps 0-8."""
        steps = tuple(
            OpenStep(c, step, _weight(weights or {}, c)) for c, step in _between(ist, soll)
        )
        return cls(ist, soll, steps)

    @cached_property
    def values(self) -> dict[tuple[str, int], float]:
        return {(s.competency, s.step): s.value for s in self.steps}

    @cached_property
    def competencies(self) -> tuple[str, ...]:
        """Competences with an open step, in order of their code."""
        return tuple(sorted({s.competency for s in self.steps}))

    @property
    def total(self) -> float:
        return sum(s.value for s in self.steps)

    def held(self, competency: str) -> int:
        """Return the step the person has today."""
        return self.ist.get(competency, self.otherwise)


def _between(ist: Mapping[str, int], soll: Mapping[str, int]) -> list[tuple[str, int]]:
    return [(c, step) for c in sorted(soll) for step in range(ist.get(c, 0) + 1, soll[c] + 1)]


def _weight(weights: Mapping[str, float], competency: str) -> float:
    return weights.get(competency, 1.0)


def _missing(belief: Belief | None, step: int, cuts: tuple[float, ...]) -> float:
    return 1.0 if belief is None else belief.below(cut_of_step(step, cuts))
