"""How well each item goes with the rest, and standard errors of its parameters.

Every person's answer is held against what her *other* answers lead to expect (the item's own share
is divided out of the belief on the nodes), so that mean squares are 1 under the model without
corrections and nothing is judged by itself. Source: Wright & Masters 1982 (infit, outfit); the test
of the curve groups persons by their expected score as Orlando & Thissen 2000 group by rest score.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from competency.calibration.bank import Fit
from competency.calibration.belief import NODES, Sites, propagated
from competency.calibration.curves import FLOOR, Array, Curves, Prior, log_slopes
from competency.calibration.hits import Codes, Data

GROUPS = 10
FEWEST = 5.0  # persons a group must have on average
#: Fewer answers say nothing about fit.
ENOUGH = 50


@dataclass(frozen=True, eq=False)
class Others:
    """What the other answers say to each who answered an item: weights on NODES (P, Q)."""

    item: int
    rows: np.ndarray  # which persons
    codes: Codes
    weights: Array  # without the item
    full: Array  # with it


def beliefs(data: Data, curves: Curves, correlation: Array, sites: Sites) -> Iterator[Others]:
    """Yield every item's persons, block by block."""
    chance = np.maximum(curves.probabilities(NODES), FLOOR)
    log_chance = np.log(np.where(curves.probabilities(NODES) > 0, chance, 1.0))
    for hits in data.blocks():
        likelihood = hits.log_likelihood(log_chance)
        old = Sites(sites.precision[hits.rows], sites.shift[hits.rows])
        weights = propagated(correlation, likelihood, old, 2).weights(likelihood)
        for j, k in enumerate(data.dimension):
            codes = data.codes[hits.rows, j]
            who = np.flatnonzero(codes >= 0)
            full = weights[who, k]
            without = full / chance[j, codes[who]]
            without /= without.sum(axis=1, keepdims=True)
            yield Others(j, who + hits.rows.start, codes[who], without, full)


def fits(data: Data, curves: Curves, correlation: Array, sites: Sites) -> list[Fit | None]:
    """Return the fit of every item; None where too few answered, or all the same."""
    chance = curves.probabilities(NODES)
    predicted: list[list[Array]] = [[] for _ in data.dimension]
    codes: list[list[Codes]] = [[] for _ in data.dimension]
    for others in beliefs(data, curves, correlation, sites):
        predicted[others.item].append(others.weights @ chance[others.item].T)
        codes[others.item].append(others.codes)
    pairs = zip(predicted, codes, strict=True)
    return [_fit(np.concatenate(p), np.concatenate(x)) for p, x in pairs]


def alignments(data: Data, curves: Curves, correlation: Array, sites: Sites) -> Array:
    """Return how surely each item runs along its competence, in standard errors: r sqrt(n)."""
    sums = np.zeros((5, len(data.dimension)))
    people = np.zeros(len(data.dimension))
    for others in beliefs(data, curves, correlation, sites):
        x, theta = others.codes.astype(np.float64), others.weights @ NODES
        parts = (x, theta, x * theta, x * x, theta * theta)
        sums[:, others.item] += [part.sum() for part in parts]
        people[others.item] += len(x)
    x, theta, both, xx, tt = sums / np.maximum(people, 1)
    spread = np.sqrt(np.maximum((xx - x * x) * (tt - theta * theta), 1e-12))
    return np.asarray((both - x * theta) / spread * np.sqrt(people))


def surprises(data: Data, curves: Curves, correlation: Array, sites: Sites) -> Array:
    """Return per item the summed -ln of each answer's chance given the person's other answers."""
    chance, out = curves.probabilities(NODES), np.zeros(len(data.dimension))
    for others in beliefs(data, curves, correlation, sites):
        seen = (others.weights * chance[others.item, others.codes]).sum(axis=1)
        out[others.item] -= np.log(np.maximum(seen, FLOOR)).sum()
    return out


def _fit(chance: Array, codes: Codes) -> Fit | None:
    if len(codes) < ENOUGH or (codes == codes[0]).all():
        return None
    scores = np.arange(chance.shape[1])
    mean = chance @ scores
    variance = np.maximum(chance @ scores**2 - mean**2, 1e-6)
    residual = codes - mean
    outfit = float(np.minimum(residual**2 / variance, 100.0).mean())
    infit = float((residual**2).sum() / variance.sum())
    rest = float(np.corrcoef(codes, mean)[0, 1]) if mean.std() > 1e-9 else 0.0
    own = np.bincount(codes, minlength=len(scores)) / len(codes)
    before = -np.log(own[codes]).mean()
    after = -np.log(np.maximum(chance[np.arange(len(codes)), codes], FLOOR)).mean()
    told = float(1 - after / before)
    return Fit(*(round(x, 4) for x in (infit, outfit, rest, told, _bent(mean, variance, residual))))


def _bent(mean: Array, variance: Array, residual: Array) -> float:
    """Return the probability of the groups' deviations if the curve were right."""
    groups = int(min(GROUPS, len(mean) // (4 * FEWEST)))
    if groups < 3:
        return 1.0
    parts = np.array_split(np.argsort(mean, kind="stable"), groups)
    square = sum(residual[p].sum() ** 2 / variance[p].sum() for p in parts)
    return float(chdtrc(groups - 2, square))


def covariances(
    data: Data, curves: Curves, prior: Prior, correlation: Array, sites: Sites
) -> Array:
    """Return Cov(log a, d) of every item (J, 1 + S, 1 + S) from the persons' scores.

    The cross-product of observed scores counts what the answers do not tell about theta, which the
    curvature inside EM does not.
    """
    slopes = log_slopes(curves, NODES)  # (J, 1 + S, S + 1, Q)
    size = slopes.shape[1]
    information = np.zeros((len(slopes), size, size))
    for others in beliefs(data, curves, correlation, sites):
        own = slopes[others.item][:, others.codes]  # (1 + S, P, Q)
        score = np.einsum("pq,spq->ps", others.full, own)
        information[others.item] += score.T @ score
    steps = np.concatenate([np.ones((len(slopes), 1), dtype=bool), curves.steps], axis=1)
    sd = np.concatenate([prior.sd[:, None], prior.sd_d], axis=1)
    at = np.arange(size)
    information[:, at, at] += np.where(steps, sd**-2.0, 1.0)
    return np.asarray(np.linalg.inv(information))
