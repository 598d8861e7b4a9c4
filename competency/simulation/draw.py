"""Draws of one run: bank, true theta, answers, cuts, in this order (reference assessment 7).

theta comes from a Cholesky factor: `multivariate_normal`, which the reference's own figures were
drawn with, depends on the machine's LAPACK where correlations are equal. So banks and cuts of a
seed are the reference's, its persons are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from competency.items import Item, Kind
from competency.pool import Index, Pool
from competency.posterior import Array, Posterior, category_probabilities, correlated_prior
from competency.selection import Wanted
from competency.simulation.setting import Parameters, Setting

#: What an expert's difficulties are off by (SD), and how scattered a graded bank's items are.
EXPERT_SD = 0.5


@dataclass(frozen=True, eq=False)
class Sample:
    """What was drawn. `pool` has what the engine believes in, `answers` follow from the truth."""

    pool: Pool
    theta: Array  # (N, D)
    answers: Index  # (N, items): category reached on each item
    wanted: Wanted
    prior: Posterior

    @property
    def scores(self) -> Array:
        """True values (N, R) of what is to be decided."""
        return np.asarray(self.theta @ self.wanted.loadings[:, : self.theta.shape[1]].T)


def draw(setting: Setting) -> Sample:
    """Return bank, persons, answers and cuts of a setting; the same setting gives the same."""
    rng = np.random.default_rng(setting.seed)
    a, b = bank_parameters(
        rng, setting.per * setting.size, setting.categories, setting.discrimination
    )
    theta = population(rng, setting)
    truth = pool_of(a, b, setting)
    answers = respond(rng, truth, theta)
    required = setting.required or tuple(range(setting.size))
    cuts = rng.choice(np.array(setting.cuts), len(required)).tolist()
    wanted = Wanted.of_dimensions(required, cuts, setting.size + 1)
    believed = truth
    if setting.parameters is Parameters.EXPERT:
        believed = pool_of(np.full(len(a), np.median(a)), guessed(rng, b), setting)
    prior = correlated_prior(setting.areas, *setting.believed, 0.0, 1.0)
    return Sample(believed, theta, answers, wanted, prior)


def bank_parameters(
    rng: np.random.Generator, count: int, categories: int, discrimination: float
) -> tuple[Array, Array]:
    """Return a (count,) and b (count, categories - 1)."""
    a = np.clip(np.exp(rng.normal(np.log(discrimination), 0.25, count)), 0.6, 2.8)
    if categories == 2:
        return a, rng.normal(size=(count, 1))
    centre = rng.normal(-0.2, 0.7, (count, 1))
    steps = np.linspace(-1.4, 1.4, categories - 1)
    return a, np.sort(centre + steps + rng.normal(0, 0.12, (count, len(steps))), axis=1)


def guessed(rng: np.random.Generator, b: Array) -> Array:
    """Return difficulties as an expert guesses them."""
    return np.sort(b + rng.normal(0, EXPERT_SD, b.shape), axis=1)


def population(rng: np.random.Generator, setting: Setting) -> Array:
    """Return true theta, (persons, D)."""
    truth = correlated_prior(setting.areas, setting.r_within, setting.r_between, 0.0, 1.0)
    root = np.linalg.cholesky(truth.cov[:-1, :-1])
    return np.asarray(rng.standard_normal((setting.persons, setting.size)) @ root.T)


def pool_of(a: Array, b: Array, setting: Setting) -> Pool:
    """Return the items as a pool, `per` of them for each competence."""
    items = [item(n, str(n // setting.per), float(a[n]), b[n].tolist()) for n in range(len(a))]
    return Pool.of(items, {str(k): k for k in range(setting.size)})


def item(
    n: int, competency: str, a: float, b: Sequence[float], kind: Kind = Kind.SINGLE_CHOICE
) -> Item:
    seconds = 1 if kind is Kind.SELF_RATING else 2  # the reference's cost units (3.6)
    return Item(f"{n:05}", competency, 1, kind, "", (), "", a, tuple(b), seconds=seconds)


def respond(rng: np.random.Generator, pool: Pool, theta: Array) -> Index:
    """Return (persons, items): how many cumulative chances lie below one uniform draw."""
    draws = rng.random((len(theta), len(pool.items)))
    eta = theta @ pool.loadings(theta.shape[1]).T
    chances = category_probabilities(eta[..., None], pool.slopes, pool.thresholds, pool.partial)
    at_most = np.cumsum(chances[..., 0], axis=-1)[..., :-1]
    below = (at_most < draws[..., None]).sum(axis=-1)
    return np.asarray(np.minimum(below, pool.sizes), dtype=np.intp)
