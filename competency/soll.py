"""A Soll as a municipality decides it: drafted, checked, approved by a named human, in force.

Values are steps 0 to 8 (0: not required), per competence or per area; scales of four and of eight
levels exist only where people read and type (`competency.scale`). An approved version never
changes: a later one takes its place from its first day on, and whoever began with the older one
keeps it. Source: features R04, law L22, docs/adr/0003-one-scale.md.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from competency.errors import CompetencyError
from competency.framework import Framework
from competency.scale import MAX_STEP
from competency.target import Soll


class Granularity(StrEnum):
    COMPETENCE = "competence"
    AREA = "area"  # DigComp 2.2 as the towns did it: one value for a whole area


class State(StrEnum):
    DRAFT = "draft"  # may still be changed
    REVIEW = "review"  # fixed, to be checked and decided
    APPROVED = "approved"  # for good
    DROPPED = "dropped"  # never decided


class SollInvalid(CompetencyError):
    """Values that no Soll can have; the message names the code."""


@dataclass(frozen=True, slots=True)
class Signed:
    """Who did something, and when. `by` is an id of the audit, never a name."""

    by: str
    at: datetime


@dataclass(frozen=True)
class SollVersion:
    """One version of what a role asks for, by `number` within the role."""

    id: str
    tenant_id: str
    role: str
    number: int
    granularity: Granularity
    scale: int  # 4 or 8: the scale it was agreed on, and is shown and exported on
    steps: Mapping[str, int]
    state: State
    source: str  # workshop | import | hand | proposal | earlier
    framework: str  # ref of the framework whose codes are used
    made: Signed
    reasons: Mapping[str, str] = field(default_factory=dict)
    workshop_id: str = ""
    submitted: Signed | None = None
    council: date | None = None  # Personalrat beteiligt am
    approved: Signed | None = None
    approved_as: str = ""  # office or function of whoever approved
    valid_from: date | None = None

    @property
    def soll(self) -> Soll:
        """Return the values as a Soll to hold somebody against."""
        if self.granularity is Granularity.AREA:
            return Soll(areas=self.steps)
        return Soll(self.steps)

    def content(self) -> tuple[object, ...]:
        """Return what makes two versions say the same."""
        reasons = sorted((c, text) for c, text in self.reasons.items() if text)
        return (self.granularity, self.scale, sorted(self.steps.items()), reasons)


@dataclass(frozen=True, slots=True)
class Change:
    """A value that differs; None: the other version says nothing about it."""

    code: str
    before: int | None
    after: int | None


def codes_of(framework: Framework, granularity: Granularity) -> tuple[str, ...]:
    """Return what gets a value, in order: measured competences, or the areas that have one."""
    if granularity is Granularity.COMPETENCE:
        return framework.dimensions
    return tuple(a.code for a in framework.areas if framework.measured(a.code))


def complete(
    framework: Framework, granularity: Granularity, steps: Mapping[str, int]
) -> dict[str, int]:
    """Return the steps in the framework's order.

    :raises SollInvalid: a value is missing, out of range, or of something that gets none.
    """
    codes = codes_of(framework, granularity)
    if unknown := sorted(set(steps) - set(codes)):
        raise SollInvalid(f"{', '.join(unknown)}: gets no Soll")
    if missing := [code for code in codes if code not in steps]:
        raise SollInvalid(f"{', '.join(missing)}: has no value")
    for code in codes:
        if not 0 <= steps[code] <= MAX_STEP:
            raise SollInvalid(f"{code}: {steps[code]} is not between 0 and {MAX_STEP}")
    return {code: steps[code] for code in codes}


def in_force(versions: Iterable[SollVersion], today: date) -> dict[str, SollVersion]:
    """Return role -> its version that counts today: the one that began last, then the newest."""
    found: dict[str, SollVersion] = {}
    for version in versions:
        if version.state is not State.APPROVED or version.valid_from is None:
            continue
        if version.valid_from > today:
            continue
        rival = found.get(version.role)
        if rival is None or _began(version) > _began(rival):
            found[version.role] = version
    return found


def _began(version: SollVersion) -> tuple[date, int]:
    assert version.valid_from is not None
    return version.valid_from, version.number


def predecessor(versions: Iterable[SollVersion], of: SollVersion) -> SollVersion | None:
    """Return the approved version that `of` follows: what was decided last before it."""
    others = [
        v
        for v in versions
        if v.role == of.role and v.state is State.APPROVED and v.number < of.number
    ]
    return max(others, key=lambda v: v.number, default=None)


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[Change, ...]:
    """Return what changes from one set of values to another, in the order of the newer one."""
    codes = dict.fromkeys((*after, *before))
    found = (Change(code, before.get(code), after.get(code)) for code in codes)
    return tuple(c for c in found if c.before != c.after)
