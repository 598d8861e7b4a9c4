"""Ist against Soll: what is said of each competence, in steps and one of three words."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    MET = "met"  # erfüllt: P(theta >= Soll) >= .9
    GAP = "gap"  # Lernbedarf: P <= .1
    OPEN = "open"  # noch offen
    NONE = "none"  # nothing is required


@dataclass(frozen=True, slots=True)
class Standing:
    """One competence or one area: Soll and Ist in steps, how sure, and where it comes from.

    `low` is the highest step reached with P >= .9, `high` the highest with P > .1: the span of the
    person's step, low <= ist <= high. `low_pos` and `high_pos` are the ends of the hatched field on
    the axis 0 to 5 (five level cells), at the same two bounds. Word, span and picture cannot
    disagree: met = low >= soll and low_pos >= soll_pos, gap = high < soll and
    high_pos <= soll_pos, open = soll strictly inside. See `judge`.
    """

    competency: str  # its code; of an area, the area's
    soll: int  # 0 = nothing required
    ist: int  # largest step with P(theta >= cut) >= .5
    low: int
    high: int
    low_pos: float
    high_pos: float
    soll_pos: float
    p: float  # P(theta >= Soll); 1.0 where nothing is required
    verdict: Verdict
    inferred: bool  # no direct answer in this competence
    evidence: int  # number of direct pieces


@dataclass(frozen=True, slots=True)
class SelfImage:
    """Self-report against questions for one area, both as positions in level cells."""

    area: str
    word: str  # fits | higher | lower | unknown
    self_pos: float = 0.0
    test_pos: float = 0.0


@dataclass(frozen=True)
class Profile:
    standings: tuple[Standing, ...]
    mean: tuple[float, ...]  # per dimension, then the bias
    versions: Mapping[str, str]
    answers: int
    self_images: tuple[SelfImage, ...] = ()
    areas: tuple[Standing, ...] = ()  # every area with something to measure, by its score

    def __getitem__(self, code: str) -> Standing:
        """Return the standing of a competence or an area by its code."""
        return next(s for s in (*self.standings, *self.areas) if s.competency == code)

    @property
    def required(self) -> tuple[Standing, ...]:
        """Return what has a Soll: competences first, then areas."""
        everything = (*self.standings, *self.areas)
        return tuple(s for s in everything if s.verdict is not Verdict.NONE)
