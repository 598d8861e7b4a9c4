"""What is believed about one person: a normal over all competences and the self-report bias.

One answer moves everything: the touched direction is matched exactly by a 15-point Gauss-Hermite
rule, the rest follows by linear regression (assumed density filtering). theta is N(0, 1) in the
reference population; dimension order is the framework's, the bias comes last.
Source: reference assessment 3.1 to 3.3 and 3.6. Arrays are float64 and read-only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtr

from competency.errors import InvalidObservation, InvalidPrior

Array = npt.NDArray[np.float64]

NODES = 15
#: A probability is never taken to be smaller: an answer nobody expected must not divide by zero.
FLOOR = 1e-9
#: Variance of the touched direction never falls below: certainty is never complete.
VARIANCE_FLOOR = 1e-4


class Model(StrEnum):
    GRM = "grm"  # graded response; 2PL with one threshold
    GPCM = "gpcm"  # generalised partial credit


@dataclass(frozen=True, eq=False)
class Posterior:
    """Mean (D,) and covariance (D, D); D competences and the bias, in the engine's order."""

    mean: Array
    cov: Array

    def __post_init__(self) -> None:
        for name in ("mean", "cov"):
            array = np.array(getattr(self, name), dtype=np.float64)
            array.setflags(write=False)  # a snapshot that was shared stays what it was
            object.__setattr__(self, name, array)

    def document(self) -> dict[str, object]:
        """Return it as JSON-able lists; floats survive the way there and back exactly."""
        return {"mean": self.mean.tolist(), "cov": self.cov.tolist()}

    @classmethod
    def of_document(cls, document: Mapping[str, object]) -> "Posterior":
        """Return what `document` wrote."""
        return cls(np.asarray(document["mean"]), np.asarray(document["cov"]))


def probability_below(x: Array) -> Array:
    """Return the standard normal distribution function, elementwise."""
    return np.asarray(ndtr(x), dtype=np.float64)


def logistic(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), elementwise and without overflow."""
    return np.asarray(expit(x), dtype=np.float64)


@cache
def quadrature() -> tuple[Array, Array]:
    """Return nodes and weights of the standard normal (probabilists' rule); weights sum to 1."""
    rule = np.polynomial.hermite_e.hermegauss(NODES)
    nodes, weights = (np.asarray(part, dtype=np.float64) for part in rule)
    weights = weights / weights.sum()
    return nodes, weights


def correlated_prior(
    areas: Sequence[int], r_within: float, r_between: float, bias_mean: float, bias_sd: float
) -> Posterior:
    """Return N(0, S) for competences in areas of these sizes, and an independent bias.

    :raises InvalidPrior: the two correlations do not make a positive definite S.
    """
    area = np.repeat(np.arange(len(areas)), areas)
    size = len(area)
    cov = np.zeros((size + 1, size + 1))
    cov[:size, :size] = np.where(area[:, None] == area[None, :], r_within, r_between)
    np.fill_diagonal(cov, 1.0)
    if size and np.linalg.eigvalsh(cov[:size, :size])[0] <= 0:
        raise InvalidPrior(f"correlations {r_within} and {r_between} do not go together")
    cov[size, size] = bias_sd**2
    mean = np.zeros(size + 1)
    mean[size] = bias_mean
    return Posterior(mean, cov)


def category_probabilities(
    eta: Array, a: float, b: Sequence[float], model: Model = Model.GRM
) -> Array:
    """Return P(X = k | eta) with shape (len(b) + 1, len(eta)), floored at `FLOOR`."""
    eta = np.asarray(eta, dtype=np.float64)
    steps = a * (eta[None, :] - np.asarray(b, dtype=np.float64)[:, None])
    if model is Model.GPCM:
        return np.maximum(_partial_credit(steps), FLOOR)
    ones, zeros = np.ones((1, eta.size)), np.zeros((1, eta.size))
    reached = np.concatenate([ones, logistic(steps), zeros])
    return np.asarray(np.maximum(reached[:-1] - reached[1:], FLOOR))


def _partial_credit(steps: Array) -> Array:
    exponents = np.concatenate([np.zeros((1, steps.shape[1])), np.cumsum(steps, axis=0)])
    weights = np.exp(exponents - exponents.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0))


def observe(
    posterior: Posterior,
    dimensions: Sequence[int],
    a: float,
    b: Sequence[float],
    category: int,
    model: Model = Model.GRM,
) -> Posterior:
    """Return the posterior after an item that loads on these dimensions reached this category.

    :raises InvalidObservation: a <= 0, b not increasing, or no such category.
    """
    _check(a, b, category, model)
    loaded = posterior.cov[:, list(dimensions)].sum(axis=1)  # V l
    s = float(loaded[list(dimensions)].sum())
    mu = float(posterior.mean[list(dimensions)].sum())
    g = loaded / s
    mu_after, s_after = _matched(mu, s, a, b, category, model)
    cov = posterior.cov + np.outer(g, g) * (s_after - s)
    return Posterior(posterior.mean + g * (mu_after - mu), (cov + cov.T) / 2)


def _matched(
    mu: float, s: float, a: float, b: Sequence[float], category: int, model: Model
) -> tuple[float, float]:
    """Return mean and variance of eta ~ N(mu, s) after the answer."""
    nodes, weights = quadrature()
    eta = mu + np.sqrt(s) * nodes
    likely = weights * category_probabilities(eta, a, b, model)[category]
    total = likely.sum()
    mean = float(likely @ eta / total)
    return mean, max(float(likely @ eta**2 / total) - mean**2, VARIANCE_FLOOR)


def _check(a: float, b: Sequence[float], category: int, model: Model) -> None:
    if not (a > 0 and np.isfinite(a)):
        raise InvalidObservation(f"discrimination {a} is not above 0")
    if not b or not np.all(np.isfinite(b)):
        raise InvalidObservation("difficulties must be there and finite")
    if model is Model.GRM and any(x >= y for x, y in pairwise(b)):
        raise InvalidObservation("difficulties of a graded item must be strictly increasing")
    if not 0 <= category <= len(b):
        raise InvalidObservation(f"category {category} is not between 0 and {len(b)}")
