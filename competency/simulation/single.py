"""One competence, many persons at once: the classic adaptive test, as an oracle for others.

Most informative item at the mean of the posterior (EAP) on a grid; 2PL; persons in one batch. Used
for the tables 6.1 and 6.2 of the assessment reference and held against catsim in
benchmarks/speed/unidimensional.py. The engine itself asks by `selection`; this says what the
textbook rule does on the same answers. Ties break on the item's position.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from competency.pool import Index
from competency.posterior import Array, Mask

BLOCK = 64  # persons; their items' information fits the processor's cache


@dataclass(frozen=True, slots=True)
class Rule:
    """How a test of one competence asks and when it ends."""

    nodes: int = 61  # of the grid on [-4, 4]
    most: int = 20
    se: float = 0.3  # ends when the posterior's deviation is at most this; 0: never
    among: int = 1  # randomesque: one of the best n, by chance
    balanced: int = 0  # number of equally long areas to ask from in turn; 0: no areas
    blind: bool = False  # any item, by chance


@dataclass(frozen=True, eq=False)
class Sat:
    """What happened: `asked` (N, most) items or -1; grid, posterior on it, and length of each."""

    asked: Index
    nodes: Array
    posterior: Array  # (N, Q), sums to 1
    length: Index  # (N,)

    @property
    def mean(self) -> Array:
        return np.asarray(self.posterior @ self.nodes)


#: Whether a person is done: posterior (N, Q), number asked -> (N,).
Done = Callable[[Array, int], Mask]


def sit(
    a: Array, b: Array, answers: Index, rule: Rule, seed: int = 0, done: Done | None = None
) -> Sat:
    """Return the tests of everybody; `answers` (N, I) are 0 or 1 whatever is asked.

    :param done: ends a test beside the rule's own limits.
    """
    nodes = np.linspace(-4.0, 4.0, rule.nodes)
    prior = np.exp(-nodes * nodes / 2)
    right = 1 / (1 + np.exp(-a[:, None] * (nodes - b[:, None])))
    chances = np.stack([1 - right, right], axis=1)  # (I, 2, Q)
    posterior = np.tile(prior / prior.sum(), (len(answers), 1))
    asked = np.full((len(answers), rule.most), -1, dtype=np.intp)
    dice = np.random.default_rng(seed)
    going = np.arange(len(answers))
    unused = np.ones((len(answers), len(a)), dtype=np.bool_)
    for n in range(rule.most):
        value = _worth(a, b, posterior[going] @ nodes, unused[going], rule, asked[going, :n], dice)
        item = _picked(value, rule.among, dice)
        asked[going, n], unused[going, item] = item, False
        after = posterior[going] * chances[item, answers[going, item]]
        posterior[going] = after / after.sum(axis=1, keepdims=True)
        over = _precise(posterior[going], nodes, rule.se)
        going = going[~(over if done is None else over | done(posterior[going], n + 1))]
    return Sat(asked, nodes, posterior, (asked >= 0).sum(axis=1).astype(np.intp))


def _worth(
    a: Array,
    b: Array,
    theta: Array,
    unused: Mask,
    rule: Rule,
    asked: Index,
    dice: np.random.Generator,
) -> Array:
    """Return what each item is worth to each person, (N, I); minus one is never asked."""
    if rule.blind:
        return np.where(unused, dice.random(unused.shape), -1.0)
    value = np.empty(unused.shape)
    for start in range(0, len(theta), BLOCK):
        rows = slice(start, start + BLOCK)
        value[rows] = information(a, b, theta[rows])
    value[~unused] = -1.0
    if rule.balanced and len(theta):
        value[~_due(asked, unused.shape[1], rule.balanced)] = -1.0
    return value


def information(a: Array, b: Array, theta: Array) -> Array:
    """Return the Fisher information (N, I) of 2PL items at each person's theta."""
    steps = (theta[:, None] - b) * a
    np.abs(steps, out=steps)
    np.negative(steps, out=steps)
    np.exp(steps, out=steps)  # p (1 - p) = e / (1 + e)^2, e = exp(-|a (theta - b)|)
    total = steps + 1.0
    total *= total
    steps /= total
    steps *= a * a
    return steps


def _due(asked: Index, items: int, areas: int) -> Mask:
    """Return which items are of the area that each person was asked least about, (N, I)."""
    area = np.arange(items) // (items // areas)
    counts = (area[asked][..., None] == np.arange(areas)).sum(axis=1)
    return np.asarray(area == counts.argmin(axis=1)[:, None])


def _picked(value: Array, among: int, dice: np.random.Generator) -> Index:
    if among == 1:
        return np.asarray(value.argmax(axis=1), dtype=np.intp)
    best = np.argpartition(-value, among, axis=1)[:, :among]
    return np.asarray(best[np.arange(len(best)), dice.integers(among, size=len(best))])


def _precise(posterior: Array, nodes: Array, se: float) -> Mask:
    mean = posterior @ nodes
    return np.asarray(np.sqrt(posterior @ (nodes * nodes) - mean * mean) <= se)
