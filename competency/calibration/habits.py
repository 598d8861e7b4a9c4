"""How far persons differ in their use of scales, found by what it foretells. See `style`."""

import numpy as np

from competency.calibration.crowd import Crowd
from competency.calibration.hits import Codes, Index
from competency.calibration.structure import Structure

SPREADS = (0.1, 0.2, 0.3, 0.4, 0.5)
PERSONS, LENGTH = 250, 12
#: Log-likelihood by which habits must beat none.
CLEARLY = 3.0


def found_style(structure: Structure, codes: Codes) -> float:
    """Return the spread of habits that best foretells persons' graded answers one by one.

    A few hundred persons, each with her answers in an order drawn once and for all; 0 unless habits
    tell clearly more than none.
    """
    several = np.flatnonzero(structure.curves.steps.sum(axis=1) > 1)
    if not len(several):
        return 0.0
    who = np.unique(np.linspace(0, len(codes) - 1, PERSONS).astype(np.intp))
    order, answer = _drawn(codes[who], several)
    best, most = 0.0, _evidence(structure, 0.0, order, answer) + CLEARLY
    for spread in SPREADS:
        told = _evidence(structure, spread, order, answer)
        if told <= most:
            break
        best, most = spread, told
    return best


def _drawn(codes: Codes, items: Index) -> tuple[Index, Codes]:
    """Return items (P, LENGTH) in a drawn order, answered ones first, -1 past them; and answers."""
    rng = np.random.default_rng(0)
    given = codes[:, items]
    rank = np.argsort(np.where(given >= 0, rng.random(given.shape), 2.0), axis=1)[:, :LENGTH]
    answer = np.take_along_axis(given, rank, axis=1)
    return np.where(answer >= 0, items[rank], -1), np.maximum(answer, 0).astype(np.int16)


def _evidence(structure: Structure, style: float, order: Index, answer: Codes) -> float:
    crowd = Crowd.of(structure, style, len(order))
    for n in range(order.shape[1]):
        crowd = crowd.answered(order[:, n], answer[:, n])
    return float(crowd.evidence.sum())
