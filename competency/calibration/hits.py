"""Answers as 0/1 columns, so that likelihoods and expected counts are two matrix products.

Items lie sorted by competence; persons lie in blocks. Single precision holds both exactly enough:
log-likelihoods are sums of some hundred terms, and estimates are worth three digits.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from competency.calibration.belief import NODES
from competency.calibration.curves import Array

Index = npt.NDArray[np.intp]
Codes = npt.NDArray[np.int16]
Columns = npt.NDArray[np.float32]

BLOCK = 2048  # persons whose beliefs are in memory at once


@dataclass(frozen=True, eq=False)
class Data:
    """Answers (n, J) to items sorted by competence; -1 where there is none."""

    codes: Codes
    dimension: Index  # (J,) ascending from 0, every competence has an item
    categories: Index  # (J,)

    @property
    def dimensions(self) -> int:
        return int(self.dimension[-1]) + 1

    @property
    def steps(self) -> int:
        return int(self.categories.max()) - 1

    @cached_property
    def parts(self) -> tuple[slice, ...]:
        """The items of each competence."""
        edges = np.searchsorted(self.dimension, np.arange(self.dimensions + 1))
        return tuple(slice(a, b) for a, b in pairwise(edges.tolist()))

    def blocks(self) -> Iterator["Hits"]:
        for start in range(0, len(self.codes), BLOCK):
            yield Hits.of(self, slice(start, min(start + BLOCK, len(self.codes))))


@dataclass(frozen=True, eq=False)
class Hits:
    """A block of persons."""

    rows: slice
    parts: tuple[slice, ...]
    above: tuple[Columns, ...]  # per competence (P, J_k * S): reached exactly category 1 ... S
    answered: tuple[Columns, ...]  # per competence (P, J_k), or (1, J_k) if everybody did

    @classmethod
    def of(cls, data: Data, rows: slice) -> "Hits":
        categories = np.arange(1, data.steps + 1, dtype=np.int16)
        above, answered = [], []
        for part in data.parts:
            codes = data.codes[rows, part]
            hit = codes[:, :, None] == categories
            above.append(hit.reshape(len(codes), -1).astype(np.float32))
            there = codes >= 0
            answered.append((there[:1] if there.all() else there).astype(np.float32))
        return cls(rows, data.parts, tuple(above), tuple(answered))

    def log_likelihood(self, log_chance: Array) -> Array:
        """Return (P, D, Q) from log P of all items (J, S + 1, Q)."""
        out = np.empty((len(self.above[0]), len(self.parts), NODES.size))
        for k, part in enumerate(self.parts):
            base = log_chance[part, 0].astype(np.float32)
            rise = (log_chance[part, 1:] - log_chance[part, :1]).astype(np.float32)
            out[:, k] = self.above[k] @ rise.reshape(-1, NODES.size) + self.answered[k] @ base
        return out

    def add_counts(self, weights: Array, counts: Array) -> None:
        """Add expected answers per category and node to `counts` (J, S + 1, Q)."""
        for k, part in enumerate(self.parts):
            w = np.ascontiguousarray(weights[:, k], dtype=np.float32)
            higher = (self.above[k].T @ w).reshape(counts[part, 1:].shape)
            everybody = len(self.answered[k]) < len(w)
            people = w.sum(axis=0)[None] if everybody else self.answered[k].T @ w
            counts[part, 1:] += higher
            counts[part, 0] += people - higher.sum(axis=1)
