"""What answers say about many persons at once, on several correlated competences.

theta ~ N(0, S). A competence's answers are one site: their likelihood on nodes, exact in its own
direction; sites meet through S by expectation propagation (all sites updated together, a few
sweeps). With one competence this is plain quadrature; with many it replaces a grid that would need
61^D points. Source: Minka 2001; reference assessment 3.3 is its one-sweep, one-answer form.
"""

from dataclasses import dataclass

import numpy as np

from competency.calibration.curves import Array

#: 61 nodes: distance 1/6, below the smallest deviation a competence may have given the others.
NODES: Array = np.linspace(-5.0, 5.0, 61)
#: Site precision is never negative: all curves are log-concave.
SMALLEST = 1e-10
SHARP = 1e-3  # smallest variance of a belief


@dataclass(frozen=True, eq=False)
class Sites:
    """Normal stand-ins of the competences' likelihoods: precision and shift, (persons, D)."""

    precision: Array
    shift: Array

    @classmethod
    def none(cls, persons: int, dimensions: int) -> "Sites":
        return cls(np.zeros((persons, dimensions)), np.zeros((persons, dimensions)))


@dataclass(frozen=True, eq=False)
class Belief:
    """Posterior of each person: mean (P, D), covariance (P, D, D) and the cavities' moments."""

    mean: Array
    cov: Array
    sites: Sites

    def cavity(self) -> tuple[Array, Array]:
        """Return mean and variance (P, D) of each competence without its own answers."""
        variance = np.einsum("pdd->pd", self.cov)
        precision = np.maximum(1 / variance - self.sites.precision, SMALLEST)
        shift = self.mean / variance - self.sites.shift
        return shift / precision, 1 / precision

    def weights(self, likelihood: Array) -> Array:
        """Return P(node | all answers) per competence, (P, D, Q), not normal but exact in shape."""
        return tilted(*self.cavity(), likelihood)


def tilted(mean: Array, variance: Array, log_likelihood: Array) -> Array:
    """Return normalised weights on NODES of N(mean, variance) times the likelihood (..., Q)."""
    log = log_likelihood - (NODES - mean[..., None]) ** 2 / (2 * variance[..., None])
    log -= log.max(axis=-1, keepdims=True)
    np.exp(log, out=log)
    log /= log.sum(axis=-1, keepdims=True)
    return log


def moments(weights: Array) -> tuple[Array, Array]:
    """Return mean and variance on NODES."""
    mean = weights @ NODES
    variance = weights @ NODES**2 - mean**2
    return mean, np.maximum(variance, SHARP)


def joined(correlation: Array, sites: Sites) -> Belief:
    """Return N(0, S) times all sites."""
    inverse = np.linalg.inv(correlation)
    at = np.arange(len(correlation))
    precision = np.repeat(inverse[None], len(sites.precision), axis=0)
    precision[:, at, at] += sites.precision
    cov = np.linalg.inv(precision)
    return Belief(np.einsum("pde,pe->pd", cov, sites.shift), cov, sites)


def propagated(correlation: Array, log_likelihood: Array, sites: Sites, sweeps: int) -> Belief:
    """Return the belief after some sweeps from these sites; likelihood is (P, D, Q)."""
    if len(correlation) == 1:  # one site: exact at once, nothing to meet
        sweeps = 1
    for _ in range(sweeps):
        belief = joined(correlation, sites)
        mean, variance = belief.cavity()
        after, narrower = moments(tilted(mean, variance, log_likelihood))
        precision = np.maximum(1 / narrower - 1 / variance, 0.0)
        sites = Sites(precision, after / narrower - mean / variance)
    return joined(correlation, sites)
