"""Tables 6.1 and 6.2 of the assessment reference: one competence, and one cut.

6.1 measures theta: root mean square error, length, how evenly the bank is used. 6.2 decides whether
theta lies above a cut: by precision, by Wald's sequential test, or by the posterior.
"""

import math
from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from competency.pool import Index
from competency.posterior import Array, Mask
from competency.simulation.figures import NEAR, Run
from competency.simulation.single import Done, Rule, Sat, sit

ITEMS, AREAS = 200, 5
SPRT_HALF_WIDTH, SPRT_BOUND = 0.3, math.log(9)
SURE = 0.9


class Ends(StrEnum):
    """When a test that decides is over; without an entry it is by its number of items only."""

    PRECISION = "SE <= .3"
    SPRT = "SPRT .1/.1"
    SURE = "P >= .9"


@dataclass(frozen=True, slots=True)
class MeasureSetting:
    """A row of 6.1: everybody answers the same bank of 200 items by one rule."""

    name: str
    label: str
    rule: Rule
    seed: int = 20261122
    persons: int = 1000


@dataclass(frozen=True, slots=True)
class DecideSetting:
    """A row of 6.2: is theta above the cut?"""

    name: str
    label: str
    cut: float
    ends: Ends
    most: int = 40
    seed: int = 4
    persons: int = 4000
    items: int = 40


def simulate_measure(setting: MeasureSetting) -> Run:
    """Return how well theta is measured; the same setting gives the same."""
    a, b, theta, answers = single_bank(setting.seed, setting.persons)
    sat = sit(a, b, answers, setting.rule, setting.seed + 1_000_000)
    shown = np.bincount(sat.asked[sat.asked >= 0], minlength=ITEMS) / setting.persons
    more = {
        "rmse": float(np.sqrt(np.mean((sat.mean - theta) ** 2))),
        "mean_length": float(sat.length.mean()),
        "at_most": float((sat.length == setting.rule.most).mean()),
        "max_exposure": float(shown.max()),
        "items_used": int((shown > 0).sum()),
        "overlap": float((shown**2).sum() / sat.length.mean()),
    }
    return Run(asdict(setting), {}, more)


def single_bank(seed: int, persons: int) -> tuple[Array, Array, Array, Index]:
    """Return a, b, theta and answers (N, I) of table 6.1 (reference 7)."""
    rng = np.random.default_rng(seed)
    a = np.clip(rng.lognormal(np.log(1.3), 0.30, ITEMS), 0.5, 2.8)
    b, theta = rng.normal(size=ITEMS), rng.normal(size=persons)
    return a, b, theta, _answers(rng, a, b, theta)


def simulate_decide(setting: DecideSetting) -> Run:
    """Return how many items a decision takes, and how often it is right."""
    rng = np.random.default_rng(setting.seed)
    a = np.clip(np.exp(rng.normal(np.log(1.4), 0.25, setting.items)), 0.6, 2.8)
    b, theta = rng.normal(size=setting.items), rng.normal(size=setting.persons)
    answers = _answers(rng, a, b, theta)
    rule = Rule(nodes=81, most=setting.most, se=0.3 if setting.ends is Ends.PRECISION else 0.0)
    above = np.linspace(-4.0, 4.0, rule.nodes) - setting.cut
    done = _sure(above) if setting.ends is Ends.SURE else None
    if setting.ends is Ends.SPRT:
        sat = _sequential(a, b, answers, rule, setting.cut)
    else:
        sat = sit(a, b, answers, rule, done=done)
    right = (_p(sat.posterior, above) >= 0.5) == (theta >= setting.cut)
    far = np.abs(theta - setting.cut) > NEAR
    more = {
        "mean_length": float(sat.length.mean()),
        "length_p90": float(np.percentile(sat.length, 90)),
        "accuracy": float(right.mean()),
        "far": float(right[far].mean()),
    }
    return Run(asdict(setting), {}, more)


def _answers(rng: np.random.Generator, a: Array, b: Array, theta: Array) -> Index:
    chance = 1 / (1 + np.exp(-a * (theta[:, None] - b)))
    return (rng.random(chance.shape) >= 1 - chance).astype(np.intp)


def _p(posterior: Array, above: Array) -> Array:
    """Return P(theta >= cut); a node on the cut counts half."""
    return np.asarray(posterior @ (np.heaviside(np.round(above, 9), 0.5)))


def _sure(above: Array) -> Done:
    def done(posterior: Array, _asked: int) -> Mask:
        p = _p(posterior, above)
        return np.asarray(np.maximum(p, 1 - p) >= SURE)

    return done


def _sequential(a: Array, b: Array, answers: Index, rule: Rule, cut: float) -> Sat:
    """Return the tests as Wald's ratio ends them: what is asked does not depend on the ratio."""
    sat = sit(a, b, answers, rule)
    person, item = np.arange(len(answers))[:, None], sat.asked
    up, down = (_log_chance(a, b, cut + side * SPRT_HALF_WIDTH) for side in (1, -1))
    given = answers[person, item]
    ratio = np.cumsum(up[item, given] - down[item, given], axis=1)
    over = np.abs(ratio) >= SPRT_BOUND
    length = np.where(over.any(axis=1), over.argmax(axis=1) + 1, item.shape[1])
    kept = np.where(np.arange(item.shape[1]) < length[:, None], item, -1)
    return Sat(kept, sat.nodes, _posterior(a, b, answers, kept, sat.nodes), length.astype(np.intp))


def _log_chance(a: Array, b: Array, theta: float) -> Array:
    right = 1 / (1 + np.exp(-a * (theta - b)))
    return np.log(np.stack([1 - right, right], axis=1))


def _posterior(a: Array, b: Array, answers: Index, asked: Index, nodes: Array) -> Array:
    right = 1 / (1 + np.exp(-a[:, None] * (nodes - b[:, None])))
    log = np.log(np.stack([1 - right, right], axis=1))
    total = np.tile(-nodes * nodes / 2, (len(answers), 1))
    for n in range(asked.shape[1]):
        there = np.flatnonzero(asked[:, n] >= 0)
        item = asked[there, n]
        total[there] += log[item, answers[there, item]]
    weights = np.exp(total - total.max(axis=1, keepdims=True))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def measuring() -> tuple[MeasureSetting, ...]:
    """Return the rows of 6.1 that are ours."""
    rules = {
        "batch": Rule(),
        "batch, randomesque-5": Rule(among=5),
        "batch, area balance": Rule(balanced=AREAS),
        "batch, both": Rule(among=5, balanced=AREAS),
        "random 20 items": Rule(se=0.0, blind=True),
    }
    return tuple(MeasureSetting("one competence", label, rule) for label, rule in rules.items())


def deciding() -> tuple[DecideSetting, ...]:
    """Return the rows of 6.2."""
    return tuple(
        DecideSetting(f"cut {cut:g}", label, cut, ends, most)
        for cut in (-1.0, 0.0)
        for label, ends, most in (
            (Ends.PRECISION.value, Ends.PRECISION, 40),
            (Ends.SPRT.value, Ends.SPRT, 40),
            (Ends.SURE.value, Ends.SURE, 40),
            ("P >= .9, max 10", Ends.SURE, 10),
        )
    )
