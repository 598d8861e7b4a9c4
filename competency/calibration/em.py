"""Marginal maximum a posteriori estimation of curves and competence correlations together.

Expectation: `belief` (exact for one competence, expectation propagation for several). Maximisation:
Fisher steps, all items at once; then S from the second moments, shrunk towards one common
correlation by an inverse-Wishart prior worth `n0` persons. Parameter expansion puts every
competence back to N(0, 1) after each round, which also makes EM quick. The prior of log a is
learned from the items themselves (empirical Bayes), so a small sample does not invent differences.
Source: Bock & Aitkin 1981; Liu, Rubin & Wu 1998; reference assessment 3.2 and 3.7.
"""

from dataclasses import dataclass, replace

import numpy as np

from competency.calibration.belief import NODES, Sites, propagated
from competency.calibration.curves import Array, Curves, Prior, fisher_step
from competency.calibration.hits import Data, Hits

#: What is taken for granted about the spread of log a, and how many items' worth that counts.
SPREAD, KNOWN = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How the estimation goes; all of it is written into the bank."""

    rounds: int = 100
    tolerance: float = 2e-3  # largest change of log a or d (in logits) that ends it
    n0: float = 30.0  # persons the prior of the correlations counts for
    sweeps: int = 1
    pseudo: float = 0.5  # persons per item spread evenly over its categories


@dataclass(frozen=True, eq=False)
class Estimate:
    """What came out; covariances (J, 1 + S, 1 + S) are of (log a, d)."""

    curves: Curves
    cov: Array
    correlation: Array  # (D, D)
    prior: Prior
    rounds: int
    converged: bool
    sites: Sites
    reliability: Array  # (D,) share of theta's variance that the answers tell


@dataclass(frozen=True, eq=False)
class _Expected:
    counts: Array  # (J, S + 1, Q)
    first: Array  # (D,) sum of E theta
    second: Array  # (D, D) sum of E theta theta'
    unsure: Array  # (D,) sum of Var theta
    sites: Sites


def estimated(data: Data, start: Curves, prior: Prior, settings: Settings) -> Estimate:
    """Return curves and correlations; deterministic, no randomness."""
    curves, correlation, guess = start, np.eye(data.dimensions), prior.mean
    sites = Sites.none(len(data.codes), data.dimensions)
    blocks = tuple(data.blocks())
    pseudo = _pseudo_counts(data, settings.pseudo)
    change, done = np.inf, 0
    while done < settings.rounds and change > settings.tolerance:
        expected = _expected(blocks, curves, correlation, sites, pseudo, settings.sweeps)
        sites, before = expected.sites, curves
        for _ in range(2):
            curves, cov = fisher_step(curves, expected.counts, NODES, prior)
        prior = _learned(prior, guess, curves, cov)
        curves, correlation = _expanded(curves, expected, len(data.codes), data, settings.n0)
        change, done = _change(before, curves), done + 1
    told = 1 - expected.unsure / len(data.codes)
    return Estimate(
        curves, cov, correlation, prior, done, change <= settings.tolerance, sites, told
    )


def _expected(
    blocks: tuple[Hits, ...],
    curves: Curves,
    correlation: Array,
    sites: Sites,
    pseudo: Array,
    sweeps: int,
) -> _Expected:
    log_chance = _log(curves.probabilities(NODES))
    counts, dims = pseudo.copy(), len(correlation)
    first, second, unsure = np.zeros(dims), np.zeros((dims, dims)), np.zeros(dims)
    precision, shift = np.empty_like(sites.precision), np.empty_like(sites.shift)
    for hits in blocks:
        likelihood = hits.log_likelihood(log_chance)
        old = Sites(sites.precision[hits.rows], sites.shift[hits.rows])
        belief = propagated(correlation, likelihood, old, sweeps)
        hits.add_counts(belief.weights(likelihood), counts)
        first += belief.mean.sum(axis=0)
        second += belief.cov.sum(axis=0) + belief.mean.T @ belief.mean
        unsure += np.einsum("pdd->d", belief.cov)
        precision[hits.rows], shift[hits.rows] = belief.sites.precision, belief.sites.shift
    return _Expected(counts, first, second, unsure, Sites(precision, shift))


def _log(chance: Array) -> Array:
    return np.log(np.where(chance > 0, chance, 1.0))


def _pseudo_counts(data: Data, persons: float) -> Array:
    """Return answers nobody gave: every category keeps a chance, even one not seen yet."""
    weight = np.exp(-(NODES**2) / 2)
    there = np.arange(data.steps + 1)[None, :] < data.categories[:, None]
    each = persons * there / data.categories[:, None]
    return np.asarray(each[:, :, None] * (weight / weight.sum()))


def _expanded(
    curves: Curves, expected: _Expected, n: int, data: Data, n0: float
) -> tuple[Curves, Array]:
    """Return curves on the new N(0, 1) scales, and the correlations."""
    mean = expected.first / n
    cov = expected.second / n - np.outer(mean, mean)
    sd = np.sqrt(np.diag(cov))
    correlation = shrunk(cov / np.outer(sd, sd), n, n0)
    m, s = mean[data.dimension], sd[data.dimension]
    moved = curves.d + np.where(curves.steps, (curves.a * m)[:, None], 0.0)
    return replace(curves, log_a=curves.log_a + np.log(s), d=moved), correlation


def shrunk(correlation: Array, n: float, n0: float, floor: float = 0.02) -> Array:
    """Return (n R + n0 R0) / (n + n0), R0 its common correlation; clipped and made definite."""
    size = len(correlation)
    if size == 1:
        return np.ones((1, 1))
    common = (correlation.sum() - size) / (size * (size - 1))
    target = np.full((size, size), max(common, -0.9 / (size - 1)))
    np.fill_diagonal(target, 1.0)
    mixed = np.clip((n * correlation + n0 * target) / (n + n0), -0.98, 0.98)
    np.fill_diagonal(mixed, 1.0)
    values, vectors = np.linalg.eigh((mixed + mixed.T) / 2)
    definite = (vectors * np.maximum(values, floor)) @ vectors.T
    scale = np.sqrt(np.diag(definite))
    return np.asarray(definite / np.outer(scale, scale))


def _learned(prior: Prior, guess: Array, curves: Curves, cov: Array) -> Prior:
    """Return the prior of log a with the offset from the guess, and the spread, that items show."""
    offset = curves.log_a - guess
    mean = float(offset.sum() / (len(offset) + 1))
    spread = (offset - mean) ** 2 + cov[:, 0, 0]
    sd = np.sqrt((KNOWN * SPREAD**2 + spread.sum()) / (KNOWN + len(spread)))
    return replace(prior, mean=guess + mean, sd=np.full_like(prior.sd, sd))


def _change(before: Curves, after: Curves) -> float:
    steps = before.steps
    moved = np.abs(np.where(steps, after.d, 0.0) - np.where(steps, before.d, 0.0)).max()
    return float(max(np.abs(after.log_a - before.log_a).max(), moved))
