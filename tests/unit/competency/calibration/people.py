"""Simulated answers that the tests of the calibration share."""

from dataclasses import dataclass

import numpy as np

from competency.calibration.curves import Array
from competency.calibration.hits import Codes
from competency.calibration.table import BINARY, GRADED, Answers, ItemSpec


@dataclass(frozen=True)
class Truth:
    """A population's answers and what made them."""

    answers: Answers
    specs: tuple[ItemSpec, ...]
    a: Array
    b: Array  # (J, S)
    correlation: Array


def population(
    seed: int, persons: int, competencies: int, per: int, categories: int = 2, r: float = 0.6
) -> Truth:
    """Draw competences, items and answers of a graded bank."""
    rng = np.random.default_rng(seed)
    correlation = np.full((competencies, competencies), r)
    np.fill_diagonal(correlation, 1.0)
    theta = rng.multivariate_normal(np.zeros(competencies), correlation, size=persons)
    size = competencies * per
    a = np.clip(rng.lognormal(np.log(1.4), 0.25, size), 0.6, 2.8)
    b = np.sort(rng.normal(0, 1, (size, categories - 1)) + np.linspace(-1, 1, categories - 1), 1)
    dimension = np.repeat(np.arange(competencies), per)
    codes = answered(rng, a, b, theta[:, dimension])
    kind = BINARY if categories == 2 else GRADED
    specs = tuple(ItemSpec(f"i{n:03}", f"c{k}", kind) for n, k in enumerate(dimension))
    return Truth(of(codes, specs), specs, a, b, correlation)


def answered(rng: np.random.Generator, a: Array, b: Array, eta: Array) -> Codes:
    """Return graded answers (persons, items) at these abilities."""
    reached = 1 / (1 + np.exp(-a[:, None] * (eta[:, :, None] - b)))
    return (reached > rng.random(eta.shape)[:, :, None]).sum(axis=2).astype(np.int16)


def of(codes: Codes, specs: tuple[ItemSpec, ...], groups: tuple[str, ...] = ()) -> Answers:
    persons = tuple(f"p{n}" for n in range(len(codes)))
    return Answers(persons, tuple(s.key for s in specs), codes, groups)
