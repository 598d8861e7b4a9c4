"""How far any rule of choosing can get: the best rule there is, and one who knows the person.

The best rule, exactly. In small problems (four competences, four questions each) every rule there
is can be tried: backward induction over all sets of answers, with beliefs that are sums over a fine
population instead of normals. What our rule, one step ahead and with its normal beliefs, loses
against that is all that looking ahead, scoring or any other rule could gain there.

One who knows. In the large problem of the goals, `clairvoyant` is our rule with the true theta in
hand: it asks what leaves, in the mean of the person's true answers, the least belief in what is
wrong. What is believed and scored stays honest. No rule knows that much, but it is one step
ahead, too, so what it reaches is evidence, no proof.

Far: share of right verdicts of competences more than .3 SD from the Soll. ADR 0019.
python -m benchmarks.quality.reach [seeds].
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from competency.pool import Pool
from competency.posterior import (
    Array,
    Mask,
    Posterior,
    category_probabilities,
    probability_below,
)
from competency.selection import Wanted, certainty, worth
from competency.simulation.draw import Sample, draw
from competency.simulation.figures import NEAR, mean_and_error, point
from competency.simulation.hybrid import HybridSetting, draw_hybrid, simulate_hybrid
from competency.simulation.setting import Setting
from competency.simulation.tables import GOAL_SEEDS, KINDS
from competency.simulation.walk import BLOCK, Chooser, walk, walked

SMALL = Setting(areas=(2, 2), per=4, persons=1)
#: Questions that are tried: as many a competence as 12 of 21 and more. Graded ones branch wider.
DEPTHS = {2: (2, 3, 4), 5: (2, 3)}
BANKS = 12
POINTS = 13  # 2^13 people are the population of a small problem
MARKS = (4, 6, 8, 10, 12)

Answers = tuple[tuple[int, int], ...]  # (item, category), sorted


@dataclass(frozen=True, eq=False)
class Problem:
    """A small problem with a population of equally likely people."""

    sample: Sample
    theta: Array  # (M, D)

    @classmethod
    def of(cls, setting: Setting, points: int = POINTS) -> "Problem":
        sample = draw(setting)
        uniform = qmc.Sobol(setting.size, seed=setting.seed).random_base2(points)
        root = np.linalg.cholesky(sample.prior.cov[:-1, :-1])
        return cls(sample, np.asarray(ndtri(uniform) @ root.T))

    @cached_property
    def chances(self) -> Array:
        """P(category) of everybody's answer to every item: (M, items, categories)."""
        pool = self.sample.pool
        eta = self.theta[:, pool.dimension, None]
        chances = category_probabilities(eta, pool.slopes, pool.thresholds, pool.partial)
        return np.asarray(chances[..., 0])

    @cached_property
    def sides(self) -> Array:
        """Whether everybody is far above, and far below, each Soll: (M, R + R)."""
        distance = self.theta - self.sample.wanted.cuts
        return np.concatenate([distance > NEAR, distance < -NEAR], axis=1).astype(np.float64)

    def weights(self, answers: Answers) -> Array:
        """Return P(person and answers) of everybody, (M,)."""
        weights = np.full(len(self.theta), 1 / len(self.theta))
        for item, category in answers:
            weights *= self.chances[:, item, category]
        return weights

    @property
    def items(self) -> int:
        return int(self.chances.shape[1])

    @property
    def categories(self) -> int:
        return int(self.chances.shape[2])

    @property
    def far(self) -> float:
        """Expected number of far competences."""
        return float(self.sides.mean(axis=0).sum())


def best(problem: Problem, questions: int) -> float:
    """Return the share right of the best rule there is, by trying all."""
    known: dict[Answers, float] = {}
    return _best(problem, (), questions, known) / problem.far


def _best(problem: Problem, answers: Answers, left: int, known: dict[Answers, float]) -> float:
    if answers in known:
        return known[answers]
    free = [n for n in range(problem.items) if n not in {item for item, _ in answers}]
    if left == 1:
        value = _last(problem, answers, free)
    else:
        value = max(
            sum(
                _best(problem, tuple(sorted((*answers, (n, x)))), left - 1, known)
                for x in range(problem.categories)
            )
            for n in free
        )
    known[answers] = value
    return value


def _last(problem: Problem, answers: Answers, free: Sequence[int]) -> float:
    """Return the mass right after the best last question: the likelier side of each competence."""
    chances = problem.chances[:, free].reshape(len(problem.theta), -1)
    mass = (problem.weights(answers)[:, None] * problem.sides).T @ chances
    above, below = np.split(mass, 2)
    right = np.maximum(above, below).sum(axis=0)
    return float(right.reshape(len(free), -1).sum(axis=1).max())


def ours(problem: Problem, questions: int) -> float:
    """Return the share right of the engine's rule and beliefs in the same population."""
    return _ours(problem, problem.sample.prior, (), questions) / problem.far


def _ours(problem: Problem, belief: Posterior, answers: Answers, left: int) -> float:
    pool, wanted = problem.sample.pool, problem.sample.wanted
    if not left:
        met = certainty(belief, wanted) >= 0.5
        above, below = np.split(problem.weights(answers) @ problem.sides, 2)
        return float(np.where(met, above, below).sum())
    value = worth(belief, wanted, pool)
    value[[item for item, _ in answers]] = -np.inf
    item = int(value.argmax())
    each = belief.of_each(1)
    return sum(
        _ours(problem, _only(pool, each, item, x), (*answers, (item, x)), left - 1)
        for x in range(problem.categories)
    )


def _only(pool: Pool, belief: Posterior, item: int, category: int) -> Posterior:
    after = pool.answered(belief, np.array([item]), np.array([category]))
    return Posterior(after.mean[0], after.cov[0])


# --- one who knows --------------------------------------------------------------------------------


def clairvoyant(sample: Sample, questions: int, budget: float = np.inf) -> Array:
    """Return P(score >= Soll) after each question, (N, T, R), where each is chosen by the truth."""
    parts = []
    for start in range(0, len(sample.theta), BLOCK):
        rows = slice(start, start + BLOCK)
        some = replace(sample, theta=sample.theta[rows], answers=sample.answers[rows])
        parts.append(walk(some, _knowing(some), questions, budget).certain)
    return np.concatenate(parts)


def _knowing(sample: Sample) -> Chooser:
    pool, wanted = sample.pool, sample.wanted
    eta = (sample.theta @ pool.loadings(sample.theta.shape[1]).T)[..., None]
    chances = category_probabilities(eta, pool.slopes, pool.thresholds, pool.partial)[..., 0]
    rows = np.arange(len(pool.category_item)) - pool.first[pool.category_item]
    truly = chances[:, pool.category_item, rows]
    met = sample.scores >= wanted.cuts

    def choose(belief: Posterior, unused: Mask, left: Array) -> Array:
        p = certainty(belief, wanted)
        now = np.where(met, 1 - p, p).sum(axis=-1)
        after = np.add.reduceat(truly * _wrong(belief, pool, wanted, met), pool.first, axis=-1)
        value = (now[:, None] - after) / pool.seconds
        return np.where(unused & (pool.seconds <= left[:, None]), value, -np.inf)

    return choose


def _wrong(belief: Posterior, pool: Pool, wanted: Wanted, met: Mask) -> Array:
    """Return the belief in wrong sides after each category of each item, (N, C)."""
    loadings = pool.loadings(belief.mean.shape[-1])
    loaded = belief.cov @ loadings.T  # (N, D, I)
    s = (loadings.T * loaded).sum(axis=1)
    _z, shift, change = pool.outcomes(belief.mean @ loadings.T, s)
    step = ((wanted.loadings @ loaded) / s[:, None]).swapaxes(1, 2)[:, pool.category_item]
    mean = wanted.mean(belief)[:, None] + step * shift[..., None]
    variance = wanted.variance(belief)[:, None] + step * step * change[..., None]
    p = probability_below((mean - wanted.cuts) / np.sqrt(variance))
    return np.asarray(np.where(met[:, None], 1 - p, p).sum(axis=-1))


# --- figures --------------------------------------------------------------------------------------


def small() -> Iterator[dict[str, object]]:
    """Yield the best rule and ours in small problems: means over banks."""
    for categories, depths in DEPTHS.items():
        settings = [replace(SMALL, seed=n, categories=categories) for n in range(BANKS)]
        problems = [Problem.of(setting) for setting in settings]
        for questions in depths:
            pairs = [(ours(p, questions), best(p, questions)) for p in problems]
            loss, error = mean_and_error([top - own for own, top in pairs])
            own, top = np.mean(pairs, axis=0)
            said = {"loss": round(loss, 5), "loss_se": round(error or 0.0, 5), "banks": BANKS}
            name = f"reach.small.{KINDS[categories]}.{questions}"
            yield _row(name, float(own), "the best of all rules", float(top), said)


def large(seeds: Sequence[int]) -> Iterator[dict[str, object]]:
    """Yield ours and the clairvoyant's on the goals' 21 competences: means over seeds."""
    for categories in KINDS:
        found = []
        for seed in seeds:
            setting = Setting(seed=seed, persons=300, questions=max(MARKS), categories=categories)
            sample = draw(setting)
            both = walked(setting, sample).certain, clairvoyant(sample, max(MARKS))
            found.append([[_far(c[:, n - 1], sample) for c in both] for n in MARKS])
        for n, (own, other) in zip(MARKS, np.mean(found, axis=0), strict=True):
            name = f"reach.clairvoyant.{KINDS[categories]}.{n}"
            yield _row(name, own, "knows the person", other, {"seeds": list(seeds)})


def hybrid(seeds: Sequence[int]) -> Iterator[dict[str, object]]:
    """Yield the raw share right of self-reports and scenarios mixed, at the goal's 40 units."""
    found = []
    for seed in seeds:
        setting = HybridSetting(seed=seed)
        sample, most = draw_hybrid(setting), setting.budget
        known = clairvoyant(sample, most, most)[:, -1]
        right = point(known, sample.scores, sample.wanted.cuts).accuracy
        found.append((simulate_hybrid(setting).curve[most].accuracy, right))
    own, other = np.mean(found, axis=0)
    yield _row("reach.clairvoyant.hybrid.40", own, "knows the person", other, {"seeds": [*seeds]})


def _far(certain: Array, sample: Sample) -> float:
    return point(certain, sample.scores, sample.wanted.cuts).far


def _row(
    name: str, value: float, peer: str, peer_value: float, settings: Mapping[str, object]
) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 4),
        "unit": "share",
        "peer": peer,
        "peer_value": round(peer_value, 4),
        "ratio": round(value / peer_value, 4),
        "settings": settings,
    }


def main(seeds: Sequence[int]) -> int:
    """Print a line for each problem and number of questions."""
    for rows in (small(), large(seeds), hybrid(seeds)):
        for row in rows:
            print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main([int(n) for n in sys.argv[1:]] or GOAL_SEEDS))
