"""Many persons answer question after question: the engine's own choice and update for each.

Persons are taken in blocks that fit the processor's cache. Nothing here is random but the random
order, which has a generator of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from competency.pool import Index, Pool
from competency.posterior import Array, Mask, Posterior
from competency.selection import Wanted, certainty, worth
from competency.simulation.draw import Sample
from competency.simulation.setting import Order, Setting

BLOCK = 8

#: What every item is worth as the next question: beliefs (N, D), unused (N, I), budget left (N,)
#: -> (N, I); the largest is asked, minus infinity is never asked.
Chooser = Callable[[Posterior, Mask, Array], Array]


@dataclass(frozen=True, eq=False)
class Walk:
    """`certain` (N, T, R): P(score >= Soll) after each question; `asked` (N, T): item, or -1."""

    certain: Array
    asked: Index
    cost: Array  # (N, T) spent so far


def walked(setting: Setting, sample: Sample) -> Walk:
    """Return what the engine believed of everybody after each question."""
    most = min(setting.questions, len(sample.pool.items))
    return walk(sample, chooser(setting, sample), most)


def walk(sample: Sample, choose: Chooser, most: int, budget: float = np.inf) -> Walk:
    """Return everybody's walk through at most so many questions, within a budget of seconds."""
    starts = range(0, len(sample.theta), BLOCK)
    parts = [_block(sample, choose, slice(n, n + BLOCK), most, budget) for n in starts]
    return Walk(*(np.concatenate([getattr(p, f) for p in parts]) for f in Walk.__annotations__))


def chooser(setting: Setting, sample: Sample) -> Chooser:
    """Return the rule of a setting."""
    if setting.order is Order.ADAPTIVE:
        return adaptive(sample.pool, sample.wanted)
    if setting.order is Order.FIXED:
        return in_order(form(setting), len(sample.pool.items))
    orders = np.random.default_rng(setting.seed + 1_000_000)
    return lambda _belief, unused, _left: np.where(unused, orders.random(unused.shape), -np.inf)


def adaptive(pool: Pool, wanted: Wanted) -> Chooser:
    """Return the engine's rule: expected drop per second among what loads on something required."""
    able = wanted.touched[pool.dimension]

    def choose(belief: Posterior, unused: Mask, left: Array) -> Array:
        value = worth(belief, wanted, pool) / pool.seconds
        value[:, ~able] -= 1e3  # only when nothing else is left
        return np.where(unused & (pool.seconds <= left[:, None]), value, -np.inf)

    return choose


def in_order(items: Index, count: int) -> Chooser:
    """Return the rule that asks these items one after the other."""
    place = np.full(count, -np.inf)
    place[items] = -np.arange(len(items), dtype=np.float64)
    return lambda _belief, unused, _left: np.where(unused, place, -np.inf)


def form(setting: Setting) -> Index:
    """Return the fixed form: so many random items of each competence, cut to its length."""
    rng = np.random.default_rng(setting.form_seed)
    drawn = [
        k * setting.per + rng.choice(setting.per, setting.form_per, replace=False)
        for k in range(setting.size)
    ]
    return np.concatenate(drawn)[: setting.form_length].astype(np.intp)


def _block(sample: Sample, choose: Chooser, rows: slice, most: int, budget: float) -> Walk:
    answers = sample.answers[rows]
    who, belief = np.arange(len(answers)), sample.prior.of_each(len(answers))
    unused, spent = np.ones(answers.shape, dtype=np.bool_), np.zeros(len(who))
    asked, certain, costs = [], [], []
    for _ in range(most):
        value = choose(belief, unused, budget - spent)
        item = np.argmax(value, axis=1)
        going = np.isfinite(value[who, item])
        belief = _answered(sample.pool, belief, item, answers[who, item], going)
        unused[who, item] &= ~going
        spent = spent + np.where(going, sample.pool.seconds[item], 0.0)
        asked.append(np.where(going, item, -1))
        costs.append(spent)
        certain.append(certainty(belief, sample.wanted))
    return Walk(*(np.stack(part, axis=1) for part in (certain, asked, costs)))


def _answered(
    pool: Pool, belief: Posterior, item: Index, category: Index, going: Mask
) -> Posterior:
    after = pool.answered(belief, item, category)
    if going.all():
        return after
    mean = np.where(going[:, None], after.mean, belief.mean)
    return Posterior(mean, np.where(going[:, None, None], after.cov, belief.cov))
