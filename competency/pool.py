"""The items of one version as arrays: what choosing and simulating need of a bank.

Items have different numbers of categories, so thresholds and categories lie in flat rows (T and C
of them; `*_item` names the item of a row); nothing is padded but where one answer per person is
taken up. Arrays over persons have leading axes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from competency.errors import UnknownCompetency
from competency.items import Item, Model
from competency.posterior import FLOOR, Array, Mask, Posterior, logistic, moved, quadrature

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Pool:
    """The scored items of one version as arrays, sorted by key."""

    items: tuple[Item, ...]
    dimension: Index  # (I,)
    biased: Mask  # (I,) also loads on the self-report bias
    partial: Mask  # (I,) partial credit; the others are graded
    a: Array  # (T,)
    b: Array  # (T,)
    threshold_item: Index  # (T,)
    seconds: Array  # (I,)

    @classmethod
    def of(cls, items: Sequence[Item], dimension: Mapping[str, int]) -> "Pool":
        """Return the scored items that load on a measured competence.

        :raises UnknownCompetency: a scored item names a competence that has no dimension.
        """
        scored = tuple(sorted((i for i in items if i.scored), key=lambda i: i.key))
        for item in scored:
            if item.competency not in dimension:
                raise UnknownCompetency(f"item {item.key}: {item.competency} is not measured")
        rows = [(n, item.a, b) for n, item in enumerate(scored) for b in item.b]
        return cls(
            items=scored,
            dimension=np.array([dimension[i.competency] for i in scored], dtype=np.intp),
            biased=np.array([i.self_report for i in scored], dtype=np.bool_),
            partial=np.array([_is_partial(i) for i in scored], dtype=np.bool_),
            a=np.array([r[1] for r in rows], dtype=np.float64),
            b=np.array([r[2] for r in rows], dtype=np.float64),
            threshold_item=np.array([r[0] for r in rows], dtype=np.intp),
            seconds=np.array([float(i.seconds) for i in scored], dtype=np.float64),
        )

    @cached_property
    def position(self) -> dict[str, int]:
        """Item key -> position in the arrays."""
        return {item.key: n for n, item in enumerate(self.items)}

    @cached_property
    def sizes(self) -> Index:
        """Number of thresholds of each item."""
        return np.bincount(self.threshold_item, minlength=len(self.items)).astype(np.intp)

    @cached_property
    def first(self) -> Index:
        """Row of each item's category 0; category rows are its thresholds and one more."""
        return np.concatenate([[0], np.cumsum(self.sizes + 1)[:-1]]).astype(np.intp)

    @cached_property
    def category_item(self) -> Index:
        return np.repeat(np.arange(len(self.items)), self.sizes + 1)

    @cached_property
    def thresholds(self) -> Array:
        """Difficulties as a table (I, most), infinite past an item's last."""
        table = np.full((len(self.items), int(self.sizes.max())), np.inf)
        start = self.first - np.arange(len(self.items))
        table[self.threshold_item, np.arange(len(self.b)) - start[self.threshold_item]] = self.b
        return table

    @cached_property
    def slopes(self) -> Array:
        """Discrimination of each item: (I,)."""
        return np.asarray(self.a[self.first - np.arange(len(self.items))])

    def loadings(self, size: int) -> Array:
        """Return the items' loadings (I, size) over the dimensions; the bias is the last."""
        loadings = np.zeros((len(self.items), size))
        loadings[np.arange(len(self.items)), self.dimension] = 1.0
        loadings[self.biased, -1] = 1.0
        return loadings

    def part(self, chosen: Index) -> "Pool":
        """Return the pool of these items only (ascending positions)."""
        renumbered = np.full(len(self.items), -1, dtype=np.intp)
        renumbered[chosen] = np.arange(len(chosen))
        rows = np.flatnonzero(renumbered[self.threshold_item] >= 0)
        return Pool(
            items=tuple(self.items[n] for n in chosen),
            dimension=self.dimension[chosen],
            biased=self.biased[chosen],
            partial=self.partial[chosen],
            a=self.a[rows],
            b=self.b[rows],
            threshold_item=renumbered[self.threshold_item[rows]],
            seconds=self.seconds[chosen],
        )

    def outcomes(self, mu: Array, s: Array) -> tuple[Array, Array, Array]:
        """Return what each answer is expected to say: eta ~ N(mu, s) of every item, (..., I).

        Per category row (..., C): its predictive probability, and by how much mean and variance of
        eta then change. Sums over the nodes are taken before neighbours are subtracted, so a
        category that nearly nobody reaches is rounded to no change.
        """
        nodes, weights = quadrature()
        powers = weights[:, None] * nodes[:, None] ** np.arange(3)  # (Q, 3)
        deviation = np.sqrt(s)
        slope = (self.slopes * deviation)[..., self.threshold_item, None]
        distance = (self.a * (mu[..., self.threshold_item] - self.b))[..., None]
        steps = slope * nodes + distance  # a (eta - b) on the nodes, (..., T, Q)
        sums = self._graded(logistic(steps) @ powers, powers.sum(axis=0))
        if self.partial.any():
            rows = self.partial[self.category_item]
            sums[..., rows, :] = (self._partial_credit(steps) @ powers)[..., rows, :]
        z = np.maximum(sums[..., 0], FLOOR)
        shift = np.clip(sums[..., 1] / z, nodes[0], nodes[-1])
        spread = np.clip(sums[..., 2] / z - shift * shift, 0.0, 1.0)
        item = self.category_item
        return z, deviation[..., item] * shift, s[..., item] * (spread - 1.0)

    def answered(self, posterior: Posterior, item: Index, category: Index) -> Posterior:
        """Return the beliefs (N, D) after each person reached a category of an item: (N,)."""
        loading = self.loadings(posterior.mean.shape[-1])[item]
        b, partial = self.thresholds[item], self.partial[item]
        return moved(posterior, loading, self.slopes[item], b, category, partial)

    def _graded(self, reached: Array, everybody: Array) -> Array:
        """Return sums (..., C, 3) per category from those of P(X >= k): neighbours' differences."""
        sums = np.empty((*reached.shape[:-2], len(self.category_item), reached.shape[-1]))
        sums[..., self.first, :] = everybody
        sums[..., self._later, :] = reached
        sums[..., self._later - 1, :] -= reached
        return sums

    def _partial_credit(self, steps: Array) -> Array:
        total = np.cumsum(steps, axis=-2)
        before = np.concatenate([np.zeros_like(total[..., :1, :]), total], axis=-2)
        start = (self.first - np.arange(len(self.items)))[self.threshold_item]
        rows = (*steps.shape[:-2], len(self.category_item), steps.shape[-1])
        exponents = np.zeros(rows)
        exponents[..., self._later, :] = total - before[..., start, :]
        highest = np.maximum.reduceat(exponents, self.first, axis=-2)
        weights = np.exp(exponents - highest[..., self.category_item, :])
        sums = np.add.reduceat(weights, self.first, axis=-2)
        return np.asarray(weights / sums[..., self.category_item, :])

    @cached_property
    def _later(self) -> Index:
        """Category rows that are not their item's first; one per threshold, in its order."""
        return np.flatnonzero(np.diff(self.category_item, prepend=-1) == 0).astype(np.intp)


def _is_partial(item: Item) -> bool:
    return item.model is Model.GPCM
