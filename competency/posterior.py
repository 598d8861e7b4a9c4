"""What is believed about persons: normals over all competences and the self-report bias.

One answer moves everything: the touched direction is matched exactly by a 15-point Gauss-Hermite
rule, the rest follows by linear regression (assumed density filtering). theta is N(0, 1) in the
reference population; dimension order is the framework's, the bias comes last.
Source: reference assessment 3.1 to 3.3 and 3.6. Arrays are float64 and read-only. Leading axes are
persons: one belief has mean (D,), N of them have (N, D), and the arithmetic is the same code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtr

from competency.errors import InvalidObservation, InvalidPrior
from competency.items import Model

__all__ = ["Array", "Model", "Posterior", "correlated_prior", "observe"]

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

NODES = 15
#: A probability is never taken to be smaller: an answer nobody expected must not divide by zero.
FLOOR = 1e-9
#: Variance of the touched direction never falls below: certainty is never complete.
VARIANCE_FLOOR = 1e-4


@dataclass(frozen=True, eq=False)
class Posterior:
    """Mean (..., D) and covariance (..., D, D); D competences and the bias, the engine's order."""

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

    def of_each(self, persons: int) -> "Posterior":
        """Return the same belief about so many persons."""
        return Posterior(
            np.broadcast_to(self.mean, (persons, *self.mean.shape)),
            np.broadcast_to(self.cov, (persons, *self.cov.shape)),
        )


def probability_below(x: npt.ArrayLike) -> Array:
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
    eta: Array, a: npt.ArrayLike, b: npt.ArrayLike, partial: npt.ArrayLike = False
) -> Array:
    """Return P(X = k | eta), (..., K + 1, Q), floored at `FLOOR`; eta is (..., Q), b (..., K).

    `partial` (...) says which items are partial credit; the others are graded. An infinite
    difficulty means that the item has no such category.
    """
    slope, difficulty = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    steps = slope[..., None, None] * (
        np.asarray(eta, dtype=np.float64)[..., None, :] - difficulty[..., :, None]
    )
    which = np.asarray(partial, dtype=np.bool_)
    if not which.any():
        return np.maximum(_graded(steps), FLOOR)
    if which.all():
        return np.maximum(_partial_credit(steps), FLOOR)
    chances = np.where(which[..., None, None], _partial_credit(steps), _graded(steps))
    return np.maximum(chances, FLOOR)


def _graded(steps: Array) -> Array:
    reached = np.ones((*steps.shape[:-2], steps.shape[-2] + 2, steps.shape[-1]))
    reached[..., 1:-1, :] = logistic(steps)
    reached[..., -1, :] = 0.0
    return np.asarray(reached[..., :-1, :] - reached[..., 1:, :])


def _partial_credit(steps: Array) -> Array:
    exponents = np.zeros((*steps.shape[:-2], steps.shape[-2] + 1, steps.shape[-1]))
    np.cumsum(steps, axis=-2, out=exponents[..., 1:, :])
    weights = np.exp(exponents - exponents.max(axis=-2, keepdims=True))
    return np.asarray(weights / weights.sum(axis=-2, keepdims=True))


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
    loading = np.zeros(posterior.mean.shape[-1])
    loading[list(dimensions)] = 1.0
    return moved(posterior, loading, a, b, np.intp(category), model is Model.GPCM)


def moved(
    posterior: Posterior,
    loading: Array,
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    category: npt.ArrayLike,
    partial: npt.ArrayLike,
) -> Posterior:
    """Return the posterior after one answer of each person; arguments as arrays over persons.

    `loading` is (..., D), `b` (..., K); nothing is checked.
    """
    loaded = (posterior.cov @ loading[..., None])[..., 0]  # V l
    s = (loaded * loading).sum(axis=-1)
    mu = (posterior.mean * loading).sum(axis=-1)
    g = loaded / s[..., None]
    nodes, weights = quadrature()
    eta = mu[..., None] + np.sqrt(s)[..., None] * nodes
    chances = category_probabilities(eta, a, b, partial)
    place = np.asarray(category)[..., None, None]
    likely = weights * np.take_along_axis(chances, place, axis=-2)[..., 0, :]
    mu_after, s_after = matched(likely, eta)
    cov = posterior.cov + g[..., :, None] * g[..., None, :] * (s_after - s)[..., None, None]
    return Posterior(
        posterior.mean + g * (mu_after - mu)[..., None], (cov + cov.swapaxes(-1, -2)) / 2
    )


def matched(likely: Array, eta: Array) -> tuple[Array, Array]:
    """Return mean and variance of eta on nodes (..., Q) under these weights, not normalised."""
    total = likely.sum(axis=-1)
    mean = (likely * eta).sum(axis=-1) / total
    variance = (likely * eta * eta).sum(axis=-1) / total - mean * mean
    return mean, np.maximum(variance, VARIANCE_FLOOR)


def _check(a: float, b: Sequence[float], category: int, model: Model) -> None:
    if not (a > 0 and np.isfinite(a)):
        raise InvalidObservation(f"discrimination {a} is not above 0")
    if not b or not np.all(np.isfinite(b)):
        raise InvalidObservation("difficulties must be there and finite")
    if model is Model.GRM and any(x >= y for x, y in pairwise(b)):
        raise InvalidObservation("difficulties of a graded item must be strictly increasing")
    if not 0 <= category <= len(b):
        raise InvalidObservation(f"category {category} is not between 0 and {len(b)}")
