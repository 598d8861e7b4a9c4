"""Response curves of many items at once, on nodes of theta, and one Fisher step towards their data.

Slope-intercept form: step k of an item is reached with logit a theta + d_k. Graded (GRM): d_k is
P(X >= k), falling in k; partial credit (GPCM): d_k is category k against k - 1. Difficulty
b_k = -d_k / a. Arrays are padded to the largest item: (items, steps), `-inf` past its last step.
Source: reference assessment 3.1; Fisher scoring of the expected log-likelihood at the nodes.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import expit

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: A probability is never taken to be smaller.
FLOOR = 1e-9
#: Neighbouring thresholds of a graded item keep this distance in logits, so no category is void.
GAP = 1e-3
#: Farthest one Fisher step may go, in log a and in logits.
REACH = 1.0
LOWEST_A, HIGHEST_A = 0.05, 5.0
LARGEST_D = 12.0


@dataclass(frozen=True, eq=False)
class Curves:
    """Parameters of J items with at most S steps each."""

    log_a: Array  # (J,)
    d: Array  # (J, S), -inf where an item has no such step
    partial: Mask  # (J,) partial credit; graded otherwise

    @property
    def a(self) -> Array:
        return np.exp(self.log_a)

    @property
    def steps(self) -> Mask:
        """Which (item, step) there are."""
        return np.isfinite(self.d)

    def probabilities(self, nodes: Array) -> Array:
        """Return P(X = k | node), (J, S + 1, Q); 0 for categories an item does not have."""
        chances = category_chances(self.a[:, None] * nodes, self.d, self.partial)
        there = np.concatenate([np.ones((len(self.d), 1), dtype=bool), self.steps], axis=1)
        return np.where(there[:, :, None], np.maximum(chances, FLOOR), 0.0)


def category_chances(slope: Array, d: Array, partial: Mask) -> Array:
    """Return P(X = k), (rows, S + 1, Q), of rows with slope a theta (rows, Q) and d (rows, S)."""
    chances = _graded(slope, d)
    if partial.any():
        chances[partial] = _partial(slope[partial], d[partial])
    return chances


def _graded(slope: Array, d: Array) -> Array:
    reached = np.ones((d.shape[0], d.shape[1] + 2, slope.shape[1]))
    reached[:, 1:-1] = expit(slope[:, None, :] + d[:, :, None])
    reached[:, -1] = 0.0
    return np.asarray(reached[:, :-1] - reached[:, 1:])


def _partial(slope: Array, d: Array) -> Array:
    exponent = np.zeros((d.shape[0], d.shape[1] + 1, slope.shape[1]))
    np.cumsum(slope[:, None, :] + d[:, :, None], axis=1, out=exponent[:, 1:])
    exponent -= exponent.max(axis=1, keepdims=True)
    weights = np.exp(exponent)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


@dataclass(frozen=True, eq=False)
class Prior:
    """Normal priors: log a ~ N(mean, sd), d_k ~ N(mean_d, sd_d); padded like the curves."""

    mean: Array  # (J,)
    sd: Array  # (J,)
    mean_d: Array  # (J, S)
    sd_d: Array  # (J, S)


def fisher_step(curves: Curves, counts: Array, nodes: Array, prior: Prior) -> tuple[Curves, Array]:
    """Return curves one step nearer to expected `counts` (J, S + 1, Q), and covariances.

    Covariances (J, 1 + S, 1 + S) are of (log a, d) at the curves that came in.
    """
    chance = curves.probabilities(nodes)
    slopes = log_slopes(curves, nodes)
    people = counts.sum(axis=1, keepdims=True)
    score = np.einsum("jkq,jpkq->jp", counts, slopes)
    flat = slopes.reshape(*slopes.shape[:2], -1)
    weight = (chance * people).reshape(len(chance), 1, -1)
    information = (flat * weight) @ flat.transpose(0, 2, 1)
    score, information = _with_prior(curves, score, information, prior)
    cov: Array = np.linalg.inv(information).astype(np.float64)
    step = np.clip(np.einsum("jps,js->jp", cov, score), -REACH, REACH)
    return _stepped(curves, step), cov


def log_slopes(curves: Curves, nodes: Array) -> Array:
    """Return d log P(X = k) / d (log a, d_1 ... d_S), (J, 1 + S, S + 1, Q)."""
    chance = curves.probabilities(nodes)
    items, steps = curves.d.shape
    slope = curves.a[:, None] * nodes
    out = np.zeros((items, steps + 1, steps + 1, nodes.size))
    reached = expit(slope[:, None, :] + curves.d[:, :, None])
    density = reached * (1 - reached)
    for s in range(steps):
        out[:, 1 + s, s] = -density[:, s]
        out[:, 1 + s, s + 1] = density[:, s]
    out[:, 1:] /= np.maximum(chance, FLOOR)[:, None]
    if curves.partial.any():
        out[curves.partial, 1:] = _partial_slopes(chance[curves.partial])
    out[:, 0] = out[:, 1:].sum(axis=1) * slope[:, None, :]
    absent = ~np.concatenate([np.ones((items, 1), dtype=bool), curves.steps], axis=1)
    out[np.broadcast_to(absent[:, None, :], out.shape[:3])] = 0.0
    out[:, 1:][~curves.steps] = 0.0
    return out


def _partial_slopes(chance: Array) -> Array:
    steps = chance.shape[1] - 1
    above = np.cumsum(chance[:, ::-1], axis=1)[:, ::-1][:, 1:]  # P(X >= s), (J, S, Q)
    hit = np.tril(np.ones((steps + 1, steps)), -1).T  # step s counts for categories k >= s
    return np.asarray(hit[None, :, :, None] - above[:, :, None, :])


def _with_prior(
    curves: Curves, score: Array, information: Array, prior: Prior
) -> tuple[Array, Array]:
    steps = curves.steps
    d = np.where(steps, curves.d, 0.0)
    precision = np.concatenate(
        [prior.sd[:, None] ** -2.0, np.where(steps, prior.sd_d**-2.0, 1.0)], axis=1
    )
    pull = np.concatenate(
        [(prior.mean - curves.log_a)[:, None], np.where(steps, prior.mean_d - d, 0.0)], axis=1
    )
    at = np.arange(precision.shape[1])
    information[:, at, at] += precision
    return score + pull * precision, information


def _stepped(curves: Curves, step: Array) -> Curves:
    """Return the curves after the step, halved where it would put thresholds out of order."""
    step = step.copy()
    for _ in range(12):
        d = np.where(curves.steps, curves.d + step[:, 1:], -np.inf)
        wrong = ~curves.partial & _disordered(d)
        if not wrong.any():
            break
        step[wrong] /= 2
    keep = ~curves.partial & _disordered(d)
    d[keep] = curves.d[keep]
    log_a = np.clip(curves.log_a + step[:, 0], np.log(LOWEST_A), np.log(HIGHEST_A))
    return replace(curves, log_a=log_a, d=np.where(curves.steps, _bounded(d), -np.inf))


def _bounded(d: Array) -> Array:
    # Steps stay apart at the bounds too: an item everybody solves must not lose a category.
    shift = GAP * np.arange(d.shape[1])
    return np.clip(d, -LARGEST_D - shift, LARGEST_D - shift)


def _disordered(d: Array) -> Mask:
    finite = np.where(np.isfinite(d), d, -1e9 - np.arange(d.shape[1]))
    return np.asarray((finite[:, :-1] - finite[:, 1:] < GAP).any(axis=1))
