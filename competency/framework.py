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
    def areas_by_code(self) -> dict[str, Area]:
        return {area.code: area for area in self.areas}

    def topic(self, code: str) -> Competency | Area:
        """Return what a Soll can be set for, by its code: a competence or a whole area."""
        return self.by_code.get(code) or self.areas_by_code[code]

    def measured(self, area: str) -> tuple[str, ...]:
        """Return the codes of an area's competences that have a dimension; private ones do not."""
        competencies = self.areas_by_code[area].competencies
        return tuple(c.code for c in competencies if not c.private)

    @cached_property
    def area_of(self) -> dict[str, Area]:
        return {c.code: area for area in self.areas for c in area.competencies}
