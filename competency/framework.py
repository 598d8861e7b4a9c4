"""What can be known: areas, competences, level words. Data, read from a content pack.

A private competence (K.1, attitude to change) has no dimension, no verdict, no Soll comparison:
it is a self-reflection that stays with the learner.
"""

from dataclasses import dataclass
from functools import cached_property

from competency.scale import CUTS


@dataclass(frozen=True, slots=True)
class Competency:
    code: str
    title: str
    plain: str  # one plain sentence: what a person can do
    title_en: str
    plain_en: str
    private: bool = False


@dataclass(frozen=True, slots=True)
class Area:
    code: str
    title: str
    short: str  # at most 11 characters, for the net
    title_en: str
    short_en: str
    competencies: tuple[Competency, ...]


@dataclass(frozen=True)
class Framework:
    """Areas and competences in one order; that order is the order of the dimensions."""

    id: str
    version: str
    areas: tuple[Area, ...]
    cuts: tuple[float, ...] = CUTS

    @cached_property
    def by_code(self) -> dict[str, Competency]:
        return {c.code: c for area in self.areas for c in area.competencies}

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """Codes of the measured competences, in order; private ones are not among them."""
        return tuple(code for code, c in self.by_code.items() if not c.private)

    @cached_property
    def area_of(self) -> dict[str, Area]:
        return {c.code: area for area in self.areas for c in area.competencies}
