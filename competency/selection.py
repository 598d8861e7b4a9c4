"""Which question tells most: the expected drop of the classification loss, all items at once.

The loss of a required score is (1 - |2p - 1|^1.5) / 4 with p = P(score >= Soll): between the 0/1
loss of a verdict (exponent 1), which sees nothing in a question that cannot turn it at once, and
the p (1 - p) of reference assessment 3.4 (exponent 2), which asks too long about what is nearly
decided. It is concave in p, so no question is expected to do harm. (2p - 1)^2 is taken as
1 - exp(-2 z^2 / pi), z the mean's distance from the cut in standard deviations (Polya 1949).
Measured with its alternatives, rollouts to the end among them:
docs/adr/0019-choosing-questions.md.

The expected drop of an item, q, is today's loss minus the loss expected after its answer, one step
ahead, no randomness.

A bank is prepared once per version; scoring it for one person costs half a millisecond at 27
dimensions and 250 items. Beliefs may have leading axes (persons); results then have them too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from competency.pool import Index, Pool
from competency.posterior import (
    VARIANCE_FLOOR,
    Array,
    Mask,
    Posterior,
    probability_below,
)

#: Numbers in one array of a part of the bank: fresh memory of more than 128 KB is costly to get.
PART = 8192

__all__ = ["Index", "Pool", "Wanted", "certainty", "expected_drops", "expected_losses", "loss"]


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
    def touched(self) -> Mask:
        """Which dimensions have a part in what is to be decided: (dimensions,)."""
        return np.asarray((self.loadings != 0).any(axis=0))

    def mean(self, posterior: Posterior) -> Array:
        return np.asarray(posterior.mean @ self.loadings.T)

    def variance(self, posterior: Posterior) -> Array:
        return np.asarray(((self.loadings @ posterior.cov) * self.loadings).sum(axis=-1))


def certainty(posterior: Posterior, wanted: Wanted) -> Array:
    """Return P(score >= Soll) of each row of what is wanted, (..., R)."""
    deviation = np.sqrt(wanted.variance(posterior))
    return probability_below((wanted.mean(posterior) - wanted.cuts) / deviation)


def loss(distance: Array, variance: Array) -> Array:
    """Return the loss of scores by their means' distance from the cut, and their variances."""
    clear = distance * distance
    clear /= np.maximum(variance, VARIANCE_FLOOR)
    clear *= -2 / np.pi
    np.expm1(clear, out=clear)  # -(2p - 1)^2
    np.negative(clear, out=clear)
    np.sqrt(clear, out=clear)  # |2p - 1|
    return np.asarray((1 - clear * np.sqrt(clear)) / 4)


def losses(posterior: Posterior, wanted: Wanted) -> Array:
    """Return today's loss of each row of what is wanted, (..., R)."""
    return loss(wanted.mean(posterior) - wanted.cuts, wanted.variance(posterior))


def expected_drops(posterior: Posterior, wanted: Wanted, pool: Pool) -> Array:
    """Return (..., items, required): what each item is expected to take off each loss."""
    s, mu, g = _directions(posterior, pool, wanted)
    z, shift, change = pool.outcomes(mu, s)
    after = _after(_now(posterior, wanted), g[..., pool.category_item, :], shift, change)
    expected = np.add.reduceat(z[..., None] * after, pool.first, axis=-2)
    return np.asarray(losses(posterior, wanted)[..., None, :] - expected)


def expected_losses(posterior: Posterior, wanted: Wanted, pool: Pool) -> Array:
    """Return (..., items): the whole loss that is expected after each item."""
    s, mu, g = _directions(posterior, pool, wanted)
    z, shift, change = pool.outcomes(mu, s)
    now, whole = _now(posterior, wanted), np.empty(z.shape)
    rows = max(1, PART // (z[..., 0].size * len(wanted.cuts)))
    for start in range(0, z.shape[-1], rows):
        part = slice(start, start + rows)
        step = g[..., pool.category_item[part], :]
        whole[..., part] = _after(now, step, shift[..., part], change[..., part]).sum(axis=-1)
    return np.add.reduceat(z * whole, pool.first, axis=-1)


def worth(posterior: Posterior, wanted: Wanted, pool: Pool) -> Array:
    """Return (..., items): q, the expected drop of the whole loss."""
    now = losses(posterior, wanted).sum(axis=-1)
    return np.asarray(now[..., None] - expected_losses(posterior, wanted, pool))


def _now(posterior: Posterior, wanted: Wanted) -> tuple[Array, Array]:
    """Return today's distance from the cut and variance of what is wanted, (..., 1, R) each."""
    distance = wanted.mean(posterior) - wanted.cuts
    return distance[..., None, :], wanted.variance(posterior)[..., None, :]


def _after(now: tuple[Array, Array], step: Array, shift: Array, change: Array) -> Array:
    """Return every loss (..., C, R) after answers that move eta by `shift` and its variance by
    `change` (..., C); `step` (..., C, R) is what of it reaches each score."""
    distance = step * shift[..., None]
    distance += now[0]
    variance = step * step
    variance *= change[..., None]
    variance += now[1]
    return loss(distance, variance)


def _directions(posterior: Posterior, pool: Pool, wanted: Wanted) -> tuple[Array, Array, Array]:
    """Return s = l'Vl, mu = l'm and g = WVl / s (a column per wanted row) of every item."""
    mean, cov, k = posterior.mean, posterior.cov, pool.dimension
    bias = pool.biased.astype(np.float64)
    s = cov[..., k, k] + bias * (2 * cov[..., k, -1] + cov[..., -1:, -1])
    mu = mean[..., k] + bias * mean[..., -1:]
    towards = cov @ wanted.loadings.T
    loaded = towards[..., k, :] + bias[:, None] * towards[..., -1:, :]
    return s, mu, loaded / s[..., None]
