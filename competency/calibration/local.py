"""Local dependence: what two items share beyond their competences, and how much of it to believe.

For every pair the covariance of normal scores is held against what the fitted model expects; the
difference, in correlations of the latent answers, is noisy, so it is shrunk by empirical Bayes: the
spread of all differences beyond their sampling error says how much local dependence there is. Data
that fits the competences gives 0. Where much is missing, pairs answered together are no random
sample (an adaptive test chose them): then the score of the likelihood is used, which stays valid.
Source: limited-information residuals as in Christoffersson 1975, Maydeu-Olivares & Joe 2005; the
comparison on public data is docs/adr/0012-calibration.md.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from competency.calibration.belief import NODES, Sites, propagated
from competency.calibration.curves import FLOOR, Array, Curves, category_chances
from competency.calibration.hits import Data
from competency.calibration.structure import NOISE

#: From this share of missing answers on, pairs are taken to be chosen and not found.
MUCH_MISSING = 0.25
#: A spread of residual correlations as surveys show it, for the weights of its estimate.
USUAL = 0.1
WEIGHT = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()


@dataclass(frozen=True, eq=False)
class Local:
    """Residual correlations of the latent answers (J, J), zero diagonal, and their spread."""

    residual: Array
    within: float  # standard deviation of the true ones, in one competence
    between: float


def local_dependence(data: Data, curves: Curves, correlation: Array) -> Local:
    """Return the shrunk residual correlations."""
    missing = float((data.codes < 0).mean())
    measure = _by_score if missing > MUCH_MISSING else _by_moments
    found, error = measure(data, curves, correlation)
    same = data.dimension[:, None] == data.dimension
    residual, spread = np.zeros_like(found), []
    for pairs in (same & ~np.eye(len(same), dtype=bool), ~same):
        variance = _true_variance(found[pairs], error[pairs])
        residual[pairs] = found[pairs] * variance / (variance + error[pairs])
        spread.append(float(np.sqrt(variance)))
    return Local(np.clip(residual, -0.95, 0.95), *spread)


def _true_variance(found: Array, error: Array) -> float:
    """Return the variance beyond sampling error, pairs weighted by what they tell."""
    if not found.size:
        return 0.0
    weight = (error + USUAL**2) ** -2.0  # an item hardly anybody solves must not decide for all
    return max(0.0, float((weight * (found**2 - error)).sum() / weight.sum())) + 1e-12


def _by_moments(data: Data, curves: Curves, correlation: Array) -> tuple[Array, Array]:
    """Return differences and their sampling variances from normal scores."""
    table, strength = _normal_scores(data)
    rows = np.arange(len(table))
    there = data.codes >= 0
    scores = np.where(there, table[rows, np.maximum(data.codes, 0)], 0.0)
    pairs = there.astype(float).T @ there
    seen = scores.T @ scores / np.maximum(pairs, 1)
    unit = np.outer(strength, strength)
    found = (seen - _expected(data, curves, correlation, table)) / unit
    return found, 1 / (np.maximum(pairs, 0.1) * unit)


def _normal_scores(data: Data) -> tuple[Array, Array]:
    """Return E(y* | category) of a standard normal answer (J, S + 1), and the scores' variance."""
    table = np.zeros((len(data.dimension), data.steps + 1))
    strength = np.zeros(len(table))
    for j, size in enumerate(data.categories):
        codes = data.codes[:, j]
        counts = np.bincount(codes[codes >= 0], minlength=size) + 0.5 / size
        share = counts / counts.sum()
        edges = ndtri(share.cumsum()[:-1])
        density = np.concatenate([[0.0], np.exp(-(edges**2) / 2) / np.sqrt(2 * np.pi), [0.0]])
        table[j, :size] = (density[:-1] - density[1:]) / share
        strength[j] = share @ table[j, :size] ** 2
    return table, np.maximum(strength, 1e-3)


def _expected(data: Data, curves: Curves, correlation: Array, table: Array) -> Array:
    """Return the model's E(score_i score_j) of all pairs."""
    scores = np.einsum("jkq,jk->jq", curves.probabilities(NODES), table)
    out = np.empty((len(table), len(table)))
    for k, rows in enumerate(data.parts):
        for m, columns in enumerate(data.parts):
            joint = _joint(correlation[k, m]) if k != m else np.diag(WEIGHT)
            out[rows, columns] = scores[rows] @ joint @ scores[columns].T
    return out


def _joint(r: float) -> Array:
    """Return the weights of two standard normals with correlation r on the grid."""
    x, y = NODES[:, None], NODES[None, :]
    r = float(np.clip(r, -0.97, 0.97))
    weight = np.exp(-(x**2 - 2 * r * x * y + y**2) / (2 * (1 - r * r)))
    return np.asarray(weight / weight.sum())


def _by_score(data: Data, curves: Curves, correlation: Array) -> tuple[Array, Array]:
    """Return one step from no local dependence along the likelihood's score, and its variance."""
    chance = curves.probabilities(NODES)
    first, second = _derivatives(curves)
    told = (chance * first**2).sum(axis=1)  # information about eta at each node
    log_chance = np.log(np.where(chance > 0, chance, 1.0))
    size = len(data.dimension)
    score, information = np.zeros((size, size)), np.zeros((size, size))
    at = np.arange(size)
    for hits in data.blocks():
        codes = data.codes[hits.rows]
        likelihood = hits.log_likelihood(log_chance)
        none = Sites.none(len(codes), data.dimensions)
        belief = propagated(correlation, likelihood, none, 4)
        weights = belief.weights(likelihood)
        g, h, i = (np.zeros(codes.shape) for _ in range(3))
        for j in at:
            who = codes[:, j] >= 0
            w, x = weights[who, data.dimension[j]], codes[who, j]
            g[who, j] = (w * first[j, x]).sum(axis=1)
            h[who, j] = curves.a[j] * (w * second[j, x]).sum(axis=1)
            i[who, j] = w @ told[j]
        score += g.T @ g
        information += i.T @ i
        for k, rows in enumerate(data.parts):
            for m, columns in enumerate(data.parts):
                score[rows, columns] += (h[:, rows] * belief.cov[:, k, m, None]).T @ h[:, columns]
    total = np.sqrt(curves.a**2 + NOISE)
    unit = np.outer(total, total)
    information = np.maximum(information, 0.1)
    return score / information / unit, 1 / (information * unit**2)


def _derivatives(curves: Curves) -> tuple[Array, Array]:
    """Return first and second derivative of log P(X = k | eta) by eta on NODES, (J, S + 1, Q)."""
    h = 1e-3
    slope = curves.a[:, None] * NODES
    low, middle, high = (
        np.log(np.maximum(category_chances(slope + x, curves.d, curves.partial), FLOOR))
        for x in (-h, 0.0, h)
    )
    return (high - low) / (2 * h), (high - 2 * middle + low) / h**2
