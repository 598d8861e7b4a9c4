"""Where estimation starts: which way items point, categories, first curves and priors.

An item that runs against the others of its competence (a reversed statement, a wrong key) is
mirrored for the estimation: the bank says so, and the report asks for its key to be looked at.
"""

from collections.abc import Sequence

import numpy as np

from competency.calibration.curves import GAP, Array, Curves, Mask, Prior
from competency.calibration.hits import Codes, Data, Index
from competency.calibration.table import BINARY, ItemSpec

#: Deviation of an expert's difficulty from the true one, in logits; without an expert, of any.
EXPERT_SD, NO_EXPERT_SD = 1.0, 3.0
#: How sure it must be that an item runs backwards, in standard errors.
SURELY = 2.5
#: Two items are one from this share of equal answers on, if enough persons gave both and neither
#: is answered alike by nearly all.
TWIN, TWIN_PERSONS, TWIN_BY_CHANCE = 0.98, 30, 0.9
#: Logits per logit of a share, for a curve of middling slope.
STEEPER = 1.15


def sizes(codes: Codes, specs: Sequence[ItemSpec]) -> Index:
    """Return how many categories each item has: what was seen, what is said, at least two."""
    seen = codes.max(axis=0, initial=-1) + 1
    said = [2 if s.kind == BINARY else max(2, s.categories, len(s.b) + 1) for s in specs]
    return np.asarray(np.maximum(seen, said), dtype=np.intp)


def directions(codes: Codes, dimension: Index, fixed: Mask) -> Mask:
    """Return which items run against their competence; `fixed` ones never do.

    The first principal axis of each competence's correlations; its majority is called forward.
    """
    backward = np.zeros(codes.shape[1], dtype=bool)
    for k in range(int(dimension.max()) + 1):
        items = np.flatnonzero(dimension == k)
        correlations = _correlations(codes[:, items])
        axis = np.linalg.eigh(correlations)[1][:, -1]
        axis = axis if axis.sum() >= 0 else -axis
        people = (codes[:, items] >= 0).sum(axis=0)
        backward[items] = (axis < -0.05) & (
            _against(correlations, axis) * np.sqrt(people) < -SURELY
        )
    return backward & ~fixed


def _against(correlations: Array, axis: Array) -> Array:
    """Return each item's correlation with the weighted sum of the others."""
    without = np.where(np.eye(len(axis), dtype=bool), 0.0, axis)  # row j: the axis without item j
    spread = np.einsum("ji,ik,jk->j", without, correlations, without)
    covariance = np.einsum("ji,ji->j", without, correlations)
    return np.asarray(covariance / np.sqrt(np.maximum(spread, 1e-12)))


def twins(data: Data) -> dict[int, int]:
    """Return items that repeat an earlier one of their competence, and which.

    Twice the same question would make a competence of itself: only the first one is estimated.
    """
    equal, both, alone = _agreement(data)
    same = data.dimension[:, None] == data.dimension
    near = same & (equal > TWIN * both) & (both >= TWIN_PERSONS) & (alone < TWIN_BY_CHANCE)
    near &= near.T & (data.categories[:, None] == data.categories)
    pairs = np.argwhere(np.tril(near, -1))
    found: dict[int, int] = {}
    for later, first in pairs.tolist():
        if first not in found:
            found.setdefault(later, first)
    return found


def _agreement(data: Data) -> tuple[Array, Array, Array]:
    """Return how many gave both the same code, answered both, and each item's largest share."""
    size = len(data.dimension)
    equal, most = np.zeros((size, size)), np.zeros(size)
    there = (data.codes >= 0).astype(np.float64)
    for code in range(data.steps + 1):
        gave = (data.codes == code).astype(np.float64)
        equal += gave.T @ gave
        most = np.maximum(most, gave.sum(axis=0))
    return equal, there.T @ there, most / np.maximum(there.sum(axis=0), 1)


def _correlations(codes: Codes) -> Array:
    there = codes >= 0
    people = np.maximum(there.sum(axis=0), 1)
    mean = np.where(there, codes, 0).sum(axis=0) / people
    centred = np.where(there, codes - mean, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=0) / people)
    centred /= np.where(deviation > 0, deviation, 1.0)
    pairs = there.astype(float).T @ there
    return np.asarray(centred.T @ centred / np.maximum(pairs, 1))


def mirrored(codes: Codes, categories: Index, backward: Mask) -> Codes:
    """Return codes with backward items counted from their other end."""
    turned = np.where(codes >= 0, categories - 1 - codes, -1)
    return np.where(backward, turned, codes).astype(np.int16)


def first_curves(data: Data) -> Curves:
    """Return graded curves of slope 1 from the shares of the categories."""
    d = np.full((len(data.dimension), data.steps), -np.inf)
    for j, size in enumerate(data.categories):
        codes = data.codes[:, j]
        counts = np.bincount(codes[codes >= 0], minlength=size) + 0.5
        reached = counts[::-1].cumsum()[::-1][1:] / counts.sum()
        d[j, : size - 1] = STEEPER * np.log(reached / (1 - reached)) - GAP * np.arange(size - 1)
    return Curves(np.zeros(len(d)), d, np.zeros(len(d), dtype=bool))


def first_prior(specs: Sequence[ItemSpec], data: Data) -> Prior:
    """Return the expert's guess where there is one, else next to nothing."""
    shape = (len(specs), data.steps)
    mean, mean_d, sd_d = np.zeros(shape[0]), np.zeros(shape), np.full(shape, NO_EXPERT_SD)
    for j, spec in enumerate(specs):
        if spec.a is None:
            continue
        mean[j] = np.log(spec.a)
        if len(spec.b) == data.categories[j] - 1:
            mean_d[j, : len(spec.b)] = -spec.a * np.array(spec.b)
            sd_d[j] = EXPERT_SD
    return Prior(mean, np.full(shape[0], 0.5), mean_d, sd_d)
