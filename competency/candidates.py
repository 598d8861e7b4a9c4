"""Which questions may come next: what binds one attempt, and the filters in their order.

unused -> language -> required -> fresh -> exposure -> scene -> mix. A filter that would leave
nothing is skipped, but for the first. How many were left after each goes into the log (reference
assessment 3.10). There is no filter for devices: every kind of question works on every one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from competency.blueprint import Blueprint
from competency.items import Item, Scene
from competency.pool import Index, Pool
from competency.posterior import Mask


@dataclass(frozen=True, slots=True)
class Terms:
    """What binds the questions of one attempt; frozen when it starts."""

    roles: Collection[str] = ()
    seed: str = ""  # the attempt's id: the same chooses the same
    never: frozenset[str] = frozenset()  # keys that must not be asked: their answer was shown
    language: str = "de"
    barred: frozenset[str] = frozenset()  # shown too often elsewhere (exposure cap)
    seen: frozenset[str] = frozenset()  # asked in the first measurement, and no anchor
    anchors: frozenset[str] = frozenset()  # of the first measurement, may come again
    blueprint: Blueprint | None = None
    form: tuple[str, ...] = ()  # the fixed form, if questions do not adapt


#: An attempt that nothing binds.
FREE = Terms()


@dataclass(frozen=True)
class Candidates:
    """Positions in the pool that passed, and how many were left after each filter."""

    left: Index
    counts: Mapping[str, int]
    eligible: Index  # before what only the very next question must be (scene, mix)


@dataclass(frozen=True, eq=False)
class Filters:
    """The filters of one bank; `self_report_share` is the most of all questions."""

    pool: Pool
    self_report_share: float
    _scenes: dict[frozenset[str], tuple[Scene, ...]] = field(default_factory=dict)

    def scenes(self, roles: Collection[str]) -> tuple[Scene, ...]:
        """Return whose work each item is set in for these roles; computed once for each."""
        key = frozenset(roles)
        if key not in self._scenes:
            self._scenes[key] = tuple(item.scene(key) for item in self.pool.items)
        return self._scenes[key]

    def apply(self, required: Mask, asked: Sequence[str], terms: Terms) -> Candidates:
        """Return what may be asked next; `required` says which dimensions are (D,)."""
        keys = [item.key for item in self.pool.items]
        used = terms.never.union(asked)
        left = np.flatnonzero([key not in used for key in keys]).astype(np.intp)
        counts = {"bank": len(keys), "unused": len(left)}
        lasting = {
            "language": self._in_language(terms.language),
            "required": required[self.pool.dimension],
            "fresh": _not_in(keys, terms.seen),
            "exposure": _not_in(keys, terms.barred),
        }
        left = _narrowed(left, lasting, counts)
        now = {
            "scene": self._scene_allowed(self.scenes(terms.roles), first=not asked),
            "mix": ~self.pool.biased | self._self_report_allowed(asked),
        }
        return Candidates(_narrowed(left, now, counts), counts, left)

    def _in_language(self, language: str) -> Mask:
        if language != "en":
            return np.ones(len(self.pool.items), dtype=np.bool_)
        return np.array([bool(item.stem_en) for item in self.pool.items], dtype=np.bool_)

    def _scene_allowed(self, scenes: tuple[Scene, ...], *, first: bool) -> Mask:
        """Return which may be asked at all in their scene; elsewhere a foreign one costs worth."""
        if first:  # whoever begins in foreign work thinks the wrong person was asked
            return familiar(scenes)
        # "How well can you do this?" is about one's own work (design pages 6).
        return ~(_foreign(scenes) & self.pool.biased)

    def _self_report_allowed(self, asked: Sequence[str]) -> bool:
        # Self-report alone is not an Ist (reference 3.6): questions lead, self-reports follow.
        given = sum(self._item(key).self_report for key in asked)
        return given + 1 <= self.self_report_share * (len(asked) + 1)

    def _item(self, key: str) -> Item:
        return self.pool.items[self.pool.position[key]]


# A bank has as many of these tuples as roles have been asked about; they are found again by value.
@lru_cache(maxsize=64)
def familiar(scenes: tuple[Scene, ...]) -> Mask:
    """Return which of these scenes are from the own work or known to everybody."""
    return np.array([s.familiar for s in scenes], dtype=np.bool_)


@lru_cache(maxsize=64)
def _foreign(scenes: tuple[Scene, ...]) -> Mask:
    return np.array([s is Scene.FOREIGN for s in scenes], dtype=np.bool_)


def _not_in(keys: Sequence[str], out: Collection[str]) -> Mask:
    if not out:
        return np.ones(len(keys), dtype=np.bool_)
    return np.array([key not in out for key in keys], dtype=np.bool_)


def _narrowed(left: Index, allowed: Mapping[str, Mask], counts: dict[str, int]) -> Index:
    for name, mask in allowed.items():
        kept = left[mask[left]]
        left = kept if len(kept) else left
        counts[name] = len(left)
    return left
