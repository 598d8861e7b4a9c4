"""Differential item functioning: items that are easier or harder for a group at equal ability.

A shift in logits per group and item, estimated with the belief from each person's other answers;
the median shift of the group's competence is taken out, so a group that is simply better is not
read as unfair items. Sizes follow ETS: from 0.43 logits moderate, from 0.64 large, and only where
the shift is surer than chance after Holm's correction. Source: Zwick 2012; reference 3.7.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from competency.calibration.bank import Difference
from competency.calibration.belief import NODES, Sites
from competency.calibration.curves import FLOOR, Array, Curves, Mask, category_chances
from competency.calibration.fit import beliefs
from competency.calibration.hits import Codes, Data, Index

MODERATE, LARGE = 0.43, 0.64
SURE = 0.05
#: A group below this is not looked at: too few to tell, and never below the k of any tenant.
SMALLEST_GROUP = 50
ROUNDS = 4
FARTHEST = 4.0
STEP = 1e-3  # of the numeric derivative


def differences(
    data: Data,
    curves: Curves,
    correlation: Array,
    sites: Sites,
    groups: Sequence[str],
) -> list[tuple[Difference, ...]]:
    """Return per item its differences, one a group that is large enough; empty without groups."""
    names, member = np.unique(np.array(groups, dtype=str), return_inverse=True)
    sizes = np.bincount(member, minlength=len(names))
    big = [n for n, name in enumerate(names) if name and sizes[n] >= SMALLEST_GROUP]
    if len(big) < 2:
        return [() for _ in data.dimension]
    shift, se, persons = _shifts(data, curves, correlation, sites, member, big)
    for part in data.parts:
        told = ~np.isnan(shift[part])
        for n in np.flatnonzero(told.any(axis=0)):
            shift[part, n] -= np.median(shift[part, n][told[:, n]])
    sizes_ = _sized(shift, se)
    return [
        tuple(
            Difference(str(names[g]), int(persons[j, n]), *_rounded(shift[j, n], se[j, n]), s)
            for n, g in enumerate(big)
            if (s := sizes_[j][n])
        )
        for j in range(len(shift))
    ]


def _rounded(shift: float, se: float) -> tuple[float, float]:
    return round(float(shift), 3), round(float(se), 3)


def _shifts(
    data: Data, curves: Curves, correlation: Array, sites: Sites, member: Index, big: list[int]
) -> tuple[Array, Array, Array]:
    """Return shift, standard error and persons (J, groups); nan where too few answered."""
    shape = (len(data.dimension), len(big))
    shift, persons = np.zeros(shape), np.zeros(shape)
    for _ in range(ROUNDS):  # a pass over the persons each, so that memory does not grow with them
        score, information = np.zeros(shape), np.ones(shape)  # 1: all-right groups stay finite
        persons[:] = 0
        for others in beliefs(data, curves, correlation, sites):
            of, j = member[others.rows], others.item
            for n, g in enumerate(big):
                who = of == g
                found = _scores(curves, j, shift[j, n], others.weights[who], others.codes[who])
                score[j, n] += found.sum()
                information[j, n] += found @ found
                persons[j, n] += len(found)
        shift = np.clip(shift + (score - shift) / information, -FARTHEST, FARTHEST)
    few = persons < SMALLEST_GROUP
    return np.where(few, np.nan, shift), np.where(few, np.nan, information**-0.5), persons


def _scores(curves: Curves, j: int, shift: float, weights: Array, codes: Codes) -> Array:
    """Return each person's score for the shift of an item's logits, at this shift."""
    low, middle, high = (_chance(curves, j, shift + h)[codes] for h in (-STEP, 0.0, STEP))
    seen = (weights * middle).sum(axis=1)
    return np.asarray((weights * (high - low)).sum(axis=1) / (2 * STEP * seen))


def _chance(curves: Curves, j: int, shift: float) -> Array:
    slope = (curves.a[j] * NODES + shift)[None]
    chances = category_chances(slope, curves.d[j : j + 1], curves.partial[j : j + 1])
    return np.asarray(np.maximum(chances[0], FLOOR))


def _sized(shift: Array, se: Array) -> list[list[str]]:
    """Return none, moderate or large per item and group; empty where nothing could be told."""
    p = 2 * ndtr(-np.abs(shift / se)).ravel()
    order = np.argsort(np.where(np.isnan(p), 2.0, p))
    left = int((~np.isnan(p)).sum())
    sure: Mask = np.zeros(len(p), dtype=bool)
    for rank, n in enumerate(order[:left]):
        if p[n] * (left - rank) > SURE:
            break
        sure[n] = True
    is_sure = sure.reshape(shift.shape)
    return [
        [_size(shift[j, n], bool(is_sure[j, n])) for n in range(shift.shape[1])]
        for j in range(len(shift))
    ]


def _size(shift: float, sure: bool) -> str:
    if np.isnan(shift):
        return ""
    if not sure or abs(shift) < MODERATE:
        return "none"
    return "large" if abs(shift) >= LARGE else "moderate"
