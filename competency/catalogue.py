"""What can be learned: Lerneinheiten with three phases, grouped in modules. Data, from a pack."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class PhaseKind(StrEnum):
    SELF_STUDY = "selbststudium"
    TUTORIAL = "tutorium"
    TRANSFER = "transfer"


class Obligation(StrEnum):
    MANDATORY = "mandatory"
    ELECTIVE = "elective"


@dataclass(frozen=True, slots=True)
class Phase:
    kind: PhaseKind
    minutes: int
    mode: str = ""  # online | praesenz, for a tutorial
    exam_due_days: int = 0  # after the tutorial, for the transfer phase


@dataclass(frozen=True, slots=True)
class LearningUnit:
    """A Lerneinheit. `lifts` maps a competence to (from step, to step)."""

    key: str
    title: str
    title_en: str
    lifts: Mapping[str, tuple[int, int]]
    phases: tuple[Phase, ...]
    benefit: str = ""  # "Das können Sie danach im Alltag: …"
    benefit_en: str = ""
    requires: tuple[str, ...] = ()
    follows: tuple[str, ...] = ()
    provider: str = ""
    quality: float = 0.5  # 0 to 1
    cost_eur: float = 0.0
    roles: frozenset[str] = frozenset()  # set in the work of these roles; empty: everybody
    months: tuple[int, ...] = ()  # months 0-11 from the start with a session; empty: any month

    @property
    def hours(self) -> float:
        return sum(p.minutes for p in self.phases) / 60

    @property
    def mode(self) -> str:
        """How the tutorial is held: "online", "praesenz", or "" without one."""
        return next((p.mode for p in self.phases if p.kind is PhaseKind.TUTORIAL), "")


@dataclass(frozen=True, slots=True)
class Module:
    key: str
    title: str
    title_en: str
    mandatory: tuple[str, ...]
    elective: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    id: str
    version: str
    units: tuple[LearningUnit, ...]
    modules: tuple[Module, ...] = ()

    @cached_property
    def by_key(self) -> dict[str, LearningUnit]:
        return {u.key: u for u in self.units}
