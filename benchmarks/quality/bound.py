"""A bound that is proved for every rule of choosing, whatever it looks at: how loose it is.

Every answer is a coarser look at y = theta + e / a with logistic e: on which side of b, or between
which thresholds. e is normal with a random variance w (Andrews and Mallows 1974). Whoever is told
y and w knows more than any answer says (Blackwell). Then beliefs are normal, and their covariance
(S^-1 + J)^-1 does not depend on what y was; a question adds a^2 / w to J, in the mean TOLD a^2.

1. What N questions take off the sum of variances is concave in J, so at most the maximum over
   fractional choices of N questions at the mean of w: `taken`, with the gap of Frank and Wolfe.
2. A mean that took t off its variance is a Brownian motion stopped at t. Stopped by whatever rule
   at a price for t, no verdict is right more often than under the optimal rule: `stopped`.
3. So share right <= what 2 gives at a price + price * what 1 gives (Lagrange), at every price. It
   stays true if a look at each area's common part is given away at the start; the least is taken.

Python's floats aside it is a proof; grids err upwards (stopping is rounded to the end of a step, at
the earlier price). Loose: w and y are never told, and that alone is 1.7 times what the best binary
question says; and no rule can stop a competence at will, as most of what an answer says it says of
all at once. ADR 0019.
python -m benchmarks.quality.bound [seeds].
"""

import json
import sys
from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.special import zeta

from competency.posterior import Array, probability_below
from competency.simulation.draw import Sample, draw
from competency.simulation.figures import NEAR
from competency.simulation.setting import Setting
from competency.simulation.tables import GOAL_SEEDS, KINDS

#: E[1 / w] of the variance w of the normals that make a logistic.
TOLD = float(7 * zeta(3) / (2 * np.pi**2))
STEPS, MEANS = 400, np.linspace(-6.0, 6.0, 301)
PRICES = np.geomspace(0.05, 3.0, 24)
#: Precisions of the look at each area's common part that is given away.
GIVEN = (0.0, 1.0, 2.0, 4.0, 8.0)
ROUNDS = 200
MARKS = (2, 4, 8, 12)


def bound(setting: Setting, sample: Sample, questions: int) -> float:
    """Return a share of far verdicts that no rule exceeds with so many questions."""
    cuts = sample.wanted.cuts
    far = sum(probability_below(cuts - NEAR) + probability_below(-cuts - NEAR))
    return min(_at(setting, sample, questions, given) for given in GIVEN) / float(far)


def _at(setting: Setting, sample: Sample, questions: int, given: float) -> float:
    start = known(setting, given)
    free = 1 - float(start.diagonal().max())
    right = sum(stopped(float(cut), free) for cut in sample.wanted.cuts)
    return float((right + PRICES * taken(start, sample, questions)).min())


def known(setting: Setting, given: float) -> Array:
    """Return the competences' covariance after a look at each area's common part."""
    area = np.repeat(np.arange(len(setting.areas)), setting.areas)
    common = np.full((len(setting.areas),) * 2, setting.r_between)
    np.fill_diagonal(common, setting.r_within)
    left = np.linalg.inv(np.linalg.inv(common) + given * np.eye(len(common)))
    return np.asarray(left[np.ix_(area, area)] + (1 - setting.r_within) * np.eye(len(area)))


def taken(start: Array, sample: Sample, questions: int) -> float:
    """Return the most that so many questions take off the variances, counted from variance 1."""
    says, about = TOLD * sample.pool.slopes**2, sample.pool.dimension
    share, least, inverse = np.full(len(says), questions / len(says)), np.inf, np.linalg.inv(start)
    for n in range(ROUNDS):
        told = np.bincount(about, says * share, minlength=len(start))
        left = np.linalg.inv(inverse + np.diag(told))
        slope = says * (left * left).sum(axis=0)[about]
        best = np.zeros(len(says))
        best[np.argsort(-slope)[:questions]] = 1
        # Concave: nowhere above its tangent, wherever that is taken.
        least = min(least, len(start) - np.trace(left) + slope @ (best - share))
        share = share + 2 / (n + 3) * (best - share)
    return float(least)


@cache
def stopped(cut: float, free: float) -> Array:
    """Return the chance of being right about a far theta ~ N(0, 1), less the price of t: (PRICES,).

    Its mean is stopped at the best t from `free` on.
    """
    spread = np.exp(-((MEANS[:, None] - MEANS) ** 2) * STEPS / 2)
    spread /= spread.sum(axis=1, keepdims=True)
    first = int(free * STEPS)
    value = _right(cut, STEPS) - PRICES * (STEPS - 1) / STEPS
    for n in range(STEPS - 1, first - 1, -1):
        value = np.maximum(spread @ value, _right(cut, n) - PRICES * max(n - 1, 0) / STEPS)
    reached = np.exp(-(MEANS**2) * STEPS / (2 * first)) if first else np.isclose(MEANS, 0.0) * 1.0
    return np.asarray(reached @ value / reached.sum())


def _right(cut: float, step: int) -> Array:
    """Return the chance of being far on the likelier side, by the mean: (MEANS, 1)."""
    deviation = np.sqrt(max(1 - step / STEPS, 1e-12))
    return probability_below((np.abs(MEANS - cut) - NEAR) / deviation)[:, None]


def main(seeds: Sequence[int]) -> int:
    """Print the bound's mean over seeds for each number of questions."""
    for categories, kind in KINDS.items():
        settings = [Setting(seed=seed, persons=1, categories=categories) for seed in seeds]
        drawn = [(setting, draw(setting)) for setting in settings]
        for questions in MARKS:
            value = float(np.mean([bound(*one, questions) for one in drawn]))
            row = {
                "name": f"bound.{kind}.{questions}",
                "value": round(value, 4),
                "unit": "share",
                "peer": None,
                "peer_value": None,
                "ratio": None,
                "settings": {"seeds": [*seeds]},
            }
            print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main([int(n) for n in sys.argv[1:]] or GOAL_SEEDS))
