"""What an activity of the LMS stands for: a Lerneinheit, or one competence up to a step. Pure.

Kept as one text: `A1` is a unit, `4.2@3` a competence and a step (0 to 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass

Lifts = Mapping[str, Mapping[str, tuple[int, int]]]  # unit -> competence -> (from step, to step)
_AT = "@"


@dataclass(frozen=True, slots=True)
class Aim:
    """Either a unit, or a competence and the step somebody is up to who did it."""

    unit: str = ""
    competency: str = ""
    step: int = 0

    @classmethod
    def of(cls, text: str) -> "Aim":
        competency, at, step = text.rpartition(_AT)
        return cls(competency=competency, step=int(step)) if at else cls(unit=text)

    @property
    def text(self) -> str:
        return self.unit or f"{self.competency}{_AT}{self.step}"

    def lifts(self, units: Lifts) -> Mapping[str, tuple[int, int]]:
        """Return competence -> (from step, to step); what a unit teaches is in `units`."""
        return units.get(self.unit, {}) if self.unit else {self.competency: (0, self.step)}
