"""An adaptive test replayed on recorded answers, and what it says about items never asked.

Nobody's Soll is given, so the next item is the one with the largest expected drop of the overall
variance; only items the person answered can be asked. Predictions are integrals over the belief,
never a plug-in; answers to criterion items are not even looked at.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from competency.calibration.crowd import Crowd
from competency.calibration.curves import Array
from competency.calibration.hits import Codes, Index
from competency.calibration.panel import Panel, chances
from competency.calibration.structure import Structure

BLOCK = 256
_RULE = np.polynomial.hermite_e.hermegauss(15)
COARSE: Array = np.asarray(_RULE[0])
COARSE_WEIGHT: Array = np.asarray(_RULE[1] / _RULE[1].sum())

#: Of a panel and the free items (P, I): which of the pool's items each person is asked next.
Chooser = Callable[[Panel, Index], Array]


@dataclass(frozen=True, eq=False)
class Step:
    """After so many answers: the predicted chance (P, criterion, S + 1) of every category."""

    length: int
    rows: slice
    chances: Array
    crowd: Crowd


def replayed(
    structure: Structure,
    style: float,
    codes: Codes,
    pool: Index,
    criterion: Index,
    lengths: tuple[int, ...],
    choose: Chooser,
) -> Iterator[Step]:
    """Yield the predictions of every block of persons at every length."""
    for start in range(0, len(codes), BLOCK):
        rows = slice(start, min(start + BLOCK, len(codes)))
        answers = codes[rows][:, pool]
        crowd, free = Crowd.of(structure, style, len(answers)), answers >= 0
        for length in range(max(lengths) + 1):
            if length in lengths:
                yield Step(length, rows, crowd.predicted(criterion), crowd)
            if length == max(lengths):
                break
            worth = np.where(free, choose(crowd.usual, pool), -np.inf)
            best, at = worth.argmax(axis=1), np.arange(len(answers))
            able = free.any(axis=1)
            given = np.where(able, answers[at, best], 0).astype(np.int16)
            crowd = crowd.answered(np.where(able, pool[best], -1), given)
            free[at, best] = False


def overall(wanted: Array) -> Chooser:
    """Return the rule: largest expected drop of the summed variance of what is wanted (W, J)."""

    def choose(panel: Panel, pool: Index) -> Array:
        _, variance = panel.about(pool)
        reach = panel.covariance(wanted, pool)
        return np.asarray(expected_drop(panel, pool) * (reach**2).sum(axis=1) / variance**2)

    return choose


def expected_drop(panel: Panel, items: Index) -> Array:
    """Return by how much each item's own eta is expected to become surer, (P, len(items))."""
    mean, variance = panel.about(items)
    eta = mean[..., None] + np.sqrt(variance)[..., None] * COARSE
    likely = chances(panel.structure, np.broadcast_to(items, mean.shape), eta) * COARSE_WEIGHT
    total = likely.sum(axis=-1)
    first = (likely * (eta - mean[..., None])[..., None, :]).sum(axis=-1)
    return np.asarray((first**2 / np.maximum(total, 1e-12)).sum(axis=-1))
