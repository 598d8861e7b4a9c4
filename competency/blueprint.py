"""Content blueprint: how many questions of each area, level or kind an attempt must have.

Met by construction as a shadow test: before each question the best whole test that keeps every
bound and has what was asked already is found, and its best free item is asked (van der Linden 2005;
reference assessment 3.8). Solved exactly by HiGHS through SciPy; some milliseconds for 250 items.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from competency.errors import InvalidBlueprint
from competency.framework import Framework
from competency.items import Item
from competency.pool import Index
from competency.posterior import Array, Mask

#: What a bound may be about.
FIELDS = ("area", "competency", "level", "kind")


@dataclass(frozen=True, slots=True)
class Bound:
    """At least and at most so many questions of one area, competence, level or kind."""

    field: str  # one of FIELDS
    value: str
    least: int
    most: int

    @property
    def name(self) -> str:
        return f"{self.field} {self.value}"


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A whole attempt: its number of questions, and its bounds."""

    length: int
    bounds: tuple[Bound, ...]

    def document(self) -> dict[str, object]:
        return {"length": self.length, "bounds": [asdict(b) for b in self.bounds]}

    @classmethod
    def of_document(cls, document: Mapping[str, object]) -> "Blueprint":
        """Return what `document` wrote, or what somebody wrote by hand.

        :raises InvalidBlueprint: it is none; the message names the place.
        """
        length, rows = document.get("length"), document.get("bounds")
        if not _is_count(length) or length == 0:
            raise InvalidBlueprint("length: expected a number of questions")
        if not isinstance(rows, Sequence) or isinstance(rows, str):
            raise InvalidBlueprint("bounds: expected a list")
        assert isinstance(length, int)
        return cls(length, tuple(_bound(n, row) for n, row in enumerate(rows, start=1)))

    def waived(self, framework: Framework, required: Collection[str]) -> "Blueprint":
        """Return it without lower bounds on areas and competences the Soll asks nothing of."""
        areas = {framework.area_of[c].code for c in required if c in framework.area_of}
        wanted = {"area": areas, "competency": set(required)}
        bounds = (
            replace(b, least=0) if b.field in wanted and b.value not in wanted[b.field] else b
            for b in self.bounds
        )
        return replace(self, bounds=tuple(bounds))

    def lacking(self, framework: Framework, asked: Sequence[Item]) -> tuple[str, ...]:
        """Return the bounds that the questions asked do not keep, by name."""
        found = ((b, int(_members(b, framework, asked).sum())) for b in self.bounds)
        return tuple(b.name for b, count in found if not b.least <= count <= b.most)

    def short(self, framework: Framework, asked: Sequence[Item]) -> bool:
        """Return whether a lower bound is still to be met."""
        return any(int(_members(b, framework, asked).sum()) < b.least for b in self.bounds)


def problems(blueprint: Blueprint, framework: Framework, items: Sequence[Item]) -> tuple[str, ...]:
    """Return why no attempt from these items can keep the blueprint; empty if one can."""
    scored, found = [i for i in items if i.scored], []
    if blueprint.length > len(scored):
        found.append(f"{blueprint.length} questions are asked for, {len(scored)} are there")
    for bound in blueprint.bounds:
        there = int(_members(bound, framework, scored).sum())
        if bound.least > bound.most:
            found.append(f"{bound.name}: at least {bound.least} is more than at most {bound.most}")
        elif bound.least > there:
            found.append(f"{bound.name}: at least {bound.least}, but only {there} are there")
    for field in FIELDS:
        least = sum(b.least for b in blueprint.bounds if b.field == field)
        if least > blueprint.length:
            found.append(f"{field}: at least {least} in all, of {blueprint.length} questions")
    if found:
        return tuple(found)
    nothing = np.zeros(len(scored))
    if shadow_test(blueprint, framework, scored, nothing, np.zeros(len(scored), np.bool_)) is None:
        return ("no choice of questions keeps all bounds together",)
    return ()


def shadow_test(
    blueprint: Blueprint, framework: Framework, items: Sequence[Item], worth: Array, asked: Mask
) -> Index | None:
    """Return the positions of the best whole test; None if there is none.

    :param worth: what each item is worth (I,); those already `asked` (I,) are in the test anyway.
    """
    members = np.array([_members(b, framework, items) for b in blueprint.bounds])
    members = members.reshape(len(blueprint.bounds), len(items))
    free = _worth_keeping(members, worth, ~asked, blueprint.length)
    taken = members[:, asked].sum(axis=1)
    length = blueprint.length - int(asked.sum())
    least = np.array([b.least for b in blueprint.bounds]) - taken
    most = np.array([b.most for b in blueprint.bounds]) - taken
    if length < 0 or (most < 0).any():
        return None
    rows = np.vstack([members[:, free], np.ones((1, len(free)))])
    solved = milp(
        -worth[free],
        integrality=np.ones(len(free)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(rows, np.append(least, length), np.append(most, length)),
    )
    if solved.x is None:
        return None
    chosen = free[np.asarray(solved.x) > 0.5]
    return np.sort(np.concatenate([np.flatnonzero(asked), chosen])).astype(np.intp)


def _worth_keeping(members: Array, worth: Array, free: Mask, length: int) -> Index:
    """Return the free items an optimum can have: of alike ones, never more than the best `length`.

    Items in the same groups are interchangeable but for their worth, so nothing is lost.
    """
    kept: list[Index] = []
    where = np.flatnonzero(free)
    _, alike = np.unique(members[:, where], axis=1, return_inverse=True)
    for group in range(int(alike.max(initial=-1)) + 1):
        same = where[alike.ravel() == group]
        kept.append(same[np.argsort(-worth[same], kind="stable")[:length]])
    return np.sort(np.concatenate(kept)).astype(np.intp) if kept else where.astype(np.intp)


def _members(bound: Bound, framework: Framework, items: Sequence[Item]) -> Mask:
    said = [_said(bound.field, framework, item) for item in items]
    return np.array([value == bound.value for value in said], dtype=np.bool_)


def _said(field: str, framework: Framework, item: Item) -> str:
    if field == "area":
        return framework.area_of[item.competency].code
    if field == "competency":
        return item.competency
    return str(item.level) if field == "level" else item.kind.value


def _bound(n: int, row: object) -> Bound:
    if not isinstance(row, Mapping) or row.get("field") not in FIELDS:
        raise InvalidBlueprint(f"bound {n}: field: expected one of {', '.join(FIELDS)}")
    least, most = row.get("least", 0), row.get("most")
    if not (_is_count(least) and _is_count(most)):
        raise InvalidBlueprint(f"bound {n}: least and most: expected numbers of questions")
    assert isinstance(least, int)
    assert isinstance(most, int)
    return Bound(str(row["field"]), str(row.get("value", "")), least, most)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
