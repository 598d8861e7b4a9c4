"""Which question tells most: the expected drop of the classification loss, all items at once.

Loss = sum over required competences of p (1 - p) with p = P(theta >= Soll); the expected drop of an
item, q, is today's loss minus the loss expected after its answer. One step ahead, no randomness.
Source: reference assessment 3.4. A bank is prepared once per version; scoring it for one person
costs about a millisecond at 27 dimensions and 250 items.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from competency.errors import UnknownCompetency
from competency.items import Item
from competency.posterior import (
    FLOOR,
    VARIANCE_FLOOR,
    Array,
    Posterior,
    logistic,
    probability_below,
    quadrature,
)

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Wanted:
    """What is to be decided: R weighted sums of competences, and their cuts on theta.

    A competence is a row with a single 1; an area's score has a weight for each competence in it.
    """

    loadings: Array  # (R, dimensions)
    cuts: Array  # (R,)

    @classmethod
    def of_dimensions(cls, dimensions: Sequence[int], cuts: Sequence[float], size: int) -> "Wanted":
        """Return single competences by their position among `size` dimensions."""
        return cls(np.eye(size)[list(dimensions)], np.array(cuts, dtype=np.float64))

    @cached_property
    def touched(self) -> npt.NDArray[np.bool_]:
        """Which dimensions have a part in what is to be decided: (dimensions,)."""
        return np.asarray((self.loadings != 0).any(axis=0))

    def mean(self, posterior: Posterior) -> Array:
        return self.loadings @ posterior.mean

    def variance(self, posterior: Posterior) -> Array:
        return np.asarray(((self.loadings @ posterior.cov) * self.loadings).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Pool:
    """The scored items of one version as arrays, sorted by key.

    Items have different numbers of categories, so thresholds and categories lie in flat rows
    (`*_item` names the item of a row); nothing is padded.
    """

    items: tuple[Item, ...]
    dimension: Index  # (items,)
    biased: npt.NDArray[np.bool_]  # (items,) also loads on the self-report bias
    a: Array  # (thresholds,)
    b: Array  # (thresholds,)
    threshold_item: Index  # (thresholds,)
    seconds: Array  # (items,)

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
    def first(self) -> Index:
        """Row of each item's category 0; category rows are its thresholds and one more."""
        sizes = np.bincount(self.threshold_item, minlength=len(self.items)) + 1
        return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)

    @cached_property
    def category_item(self) -> Index:
        sizes = np.bincount(self.threshold_item, minlength=len(self.items)) + 1
        return np.repeat(np.arange(len(self.items)), sizes)

    def part(self, chosen: Index) -> "Pool":
        """Return the pool of these items only (ascending positions)."""
        renumbered = np.full(len(self.items), -1, dtype=np.intp)
        renumbered[chosen] = np.arange(len(chosen))
        rows = np.flatnonzero(renumbered[self.threshold_item] >= 0)
        return Pool(
            items=tuple(self.items[n] for n in chosen),
            dimension=self.dimension[chosen],
            biased=self.biased[chosen],
            a=self.a[rows],
            b=self.b[rows],
            threshold_item=renumbered[self.threshold_item[rows]],
            seconds=self.seconds[chosen],
        )


def certainty(posterior: Posterior, wanted: Wanted) -> Array:
    """Return P(score >= Soll) of each row of what is wanted."""
    deviation = np.sqrt(wanted.variance(posterior))
    return probability_below((wanted.mean(posterior) - wanted.cuts) / deviation)


def expected_drops(posterior: Posterior, wanted: Wanted, pool: Pool) -> Array:
    """Return (items, required): what each item is expected to take off each p (1 - p)."""
    s, mu, g = _directions(posterior, pool, wanted)
    z, mu_after, s_after = _answers(pool, s, mu)
    item = pool.category_item
    step = g[item]
    mean = wanted.mean(posterior) + step * (mu_after - mu[item])[:, None]
    variance = wanted.variance(posterior) + step * step * ((s_after - s[item])[:, None])
    p = probability_below((mean - wanted.cuts) / np.sqrt(np.maximum(variance, VARIANCE_FLOOR)))
    expected = np.add.reduceat(z[:, None] * (p * (1 - p)), pool.first, axis=0)
    now = certainty(posterior, wanted)
    return np.asarray(now * (1 - now) - expected)


def _directions(posterior: Posterior, pool: Pool, wanted: Wanted) -> tuple[Array, Array, Array]:
    """Return s = l'Vl, mu = l'm and g = WVl / s (a column per wanted row) of every item."""
    mean, cov, k = posterior.mean, posterior.cov, pool.dimension
    bias = pool.biased.astype(np.float64)
    s = cov[k, k] + bias * (2 * cov[k, -1] + cov[-1, -1])
    mu = mean[k] + bias * mean[-1]
    towards = cov @ wanted.loadings.T
    loaded = towards[k] + bias[:, None] * towards[-1]
    return s, mu, loaded / s[:, None]


def _answers(pool: Pool, s: Array, mu: Array) -> tuple[Array, Array, Array]:
    """Return per category row: its predictive probability, and mean and variance of eta then."""
    nodes, weights = quadrature()
    eta = mu[:, None] + np.sqrt(s)[:, None] * nodes
    reached = logistic(pool.a[:, None] * (eta[pool.threshold_item] - pool.b[:, None]))
    likely = weights * _between(pool, reached)
    eta = eta[pool.category_item]
    z = likely.sum(axis=1)
    mu_after = (likely * eta).sum(axis=1) / z
    s_after = (likely * eta * eta).sum(axis=1) / z - mu_after**2
    return z, mu_after, np.maximum(s_after, VARIANCE_FLOOR)


def _between(pool: Pool, reached: Array) -> Array:
    """Return category probabilities from P(X >= k): neighbours' differences within each item."""
    at_least = np.ones((len(pool.category_item), reached.shape[1]))
    at_least[_not_first(pool)] = reached
    above = np.zeros_like(at_least)
    above[:-1] = at_least[1:]
    last = np.append(pool.first[1:], len(at_least)) - 1
    above[last] = 0.0
    return np.maximum(at_least - above, FLOOR)


def _not_first(pool: Pool) -> npt.NDArray[np.bool_]:
    rows = np.ones(len(pool.category_item), dtype=np.bool_)
    rows[pool.first] = False
    return rows
