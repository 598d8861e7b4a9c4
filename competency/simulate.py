"""Simulated examinees: how many questions the engine needs until its verdicts are right.

Truth, answers and cuts are drawn as reference assessment 7 says (draw order: bank, theta, answers,
cuts), and every question is chosen and folded by the very functions of a real assessment. Verdicts
are held against the true theta, never against the engine's own full-length result.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from competency.items import Item, Kind
from competency.posterior import Array, correlated_prior, logistic, observe
from competency.selection import Pool, Wanted, certainty, expected_drops

CUT_CHOICES = (-1.0, -0.5, 0.0, 0.5)
#: |theta - Soll| up to this is the indifference zone: nobody is "far" inside it.
NEAR = 0.3
DECIDED = 0.9


@dataclass(frozen=True, slots=True)
class Setting:
    """One run; defaults are the reference's 6.3 with prior .75/.60 and binary items."""

    seed: int = 7
    persons: int = 150
    questions: int = 60
    areas: tuple[int, ...] = (3, 6, 4, 4, 4)
    per: int = 10  # items per competence
    categories: int = 2  # 2: 2PL, 5: graded
    discrimination: float = 1.4
    r_within: float = 0.75
    r_between: float = 0.60
    assumed_within: float | None = None  # what the engine believes, if not the truth
    assumed_between: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """How good the verdicts are after n questions, over persons and competences."""

    accuracy: float
    far: float
    decided: float
    decided_accuracy: float | None  # none decided yet


@dataclass(frozen=True)
class Run:
    """A setting and what came out; `curve[n]` is after n questions, from 1."""

    setting: Setting
    curve: dict[int, Point]

    def first(self, far: float) -> int | None:
        """Return the first number of questions with at least this share right among far persons."""
        return next((n for n, point in self.curve.items() if point.far >= far), None)

    def document(self) -> dict[str, object]:
        """Return it as `roadmap assessment simulate --json` prints it."""
        return {
            "setting": asdict(self.setting),
            "n90": self.first(0.90),
            "n95": self.first(0.95),
            "curve": {str(n): asdict(point) for n, point in self.curve.items()},
        }


def runs(
    persons: int, seeds: Iterable[int], within: float, between: float, categories: int
) -> list[dict[str, object]]:
    """Return one document per seed, as `roadmap assessment simulate` prints them."""
    settings = (
        Setting(
            seed=seed,
            persons=persons,
            r_within=within,
            r_between=between,
            categories=categories,
        )
        for seed in seeds
    )
    return [simulate(setting).document() for setting in settings]


def simulate(setting: Setting) -> Run:
    """Return the quality of the verdicts after each question; the same setting gives the same."""
    rng = np.random.default_rng(setting.seed)
    pool = _bank(rng, setting)
    size = sum(setting.areas)
    theta = _truth(rng, setting, size)
    responses = _responses(rng, pool, theta)
    cuts = rng.choice(CUT_CHOICES, size)
    wanted = Wanted.of_dimensions(range(size), cuts.tolist(), size + 1)
    p = np.stack([_person(setting, pool, wanted, row) for row in responses])
    return Run(setting, {n + 1: _point(p[:, n], theta, cuts) for n in range(p.shape[1])})


def _bank(rng: np.random.Generator, setting: Setting) -> Pool:
    count = setting.per * sum(setting.areas)
    spread = rng.normal(np.log(setting.discrimination), 0.25, count)
    a = np.clip(np.exp(spread), 0.6, 2.8)
    if setting.categories == 2:
        b = rng.normal(size=(count, 1))
    else:
        centre = rng.normal(-0.2, 0.7, (count, 1))
        steps = np.linspace(-1.4, 1.4, setting.categories - 1)
        b = np.sort(centre + steps + rng.normal(0, 0.12, (count, len(steps))), axis=1)
    items = [_item(n, str(n // setting.per), a[n], b[n].tolist()) for n in range(count)]
    return Pool.of(items, {str(k): k for k in range(sum(setting.areas))})


def _item(n: int, competency: str, a: float, b: Sequence[float]) -> Item:
    return Item(f"{n:05}", competency, 1, Kind.SINGLE_CHOICE, "", (), "", float(a), tuple(b))


def _truth(rng: np.random.Generator, setting: Setting, size: int) -> Array:
    prior = correlated_prior(setting.areas, setting.r_within, setting.r_between, 0.0, 1.0)
    root = np.linalg.cholesky(prior.cov[:size, :size])
    return np.asarray(rng.standard_normal((setting.persons, size)) @ root.T)


def _responses(rng: np.random.Generator, pool: Pool, theta: Array) -> Array:
    """Return (persons, items): cumulative category probabilities below one uniform draw."""
    draws = rng.random((len(theta), len(pool.items)))
    at_most = 1 - logistic(pool.a * (theta[:, pool.dimension[pool.threshold_item]] - pool.b))
    below = (at_most < draws[:, pool.threshold_item]).astype(np.float64)
    starts = pool.first - np.arange(len(pool.items))  # thresholds are one fewer per item
    return np.asarray(np.add.reduceat(below, starts, axis=1))


def _person(setting: Setting, pool: Pool, wanted: Wanted, answers: Array) -> Array:
    """Return (questions, required): P(theta >= Soll) after each question of one person."""
    within = setting.r_within if setting.assumed_within is None else setting.assumed_within
    between = setting.r_between if setting.assumed_between is None else setting.assumed_between
    posterior = correlated_prior(setting.areas, within, between, 0.0, 1.0)
    unused, rows = np.ones(len(pool.items), dtype=np.bool_), []
    for _ in range(min(setting.questions, len(pool.items))):
        left = np.flatnonzero(unused)
        worth = expected_drops(posterior, wanted, pool.part(left)).sum(axis=1)
        n = int(left[int(np.argmax(worth))])
        unused[n] = False
        item = pool.items[n]
        posterior = observe(posterior, [int(pool.dimension[n])], item.a, item.b, int(answers[n]))
        rows.append(certainty(posterior, wanted))
    return np.stack(rows)


def _point(p: Array, theta: Array, cuts: Array) -> Point:
    right = (p >= 0.5) == (theta >= cuts)
    far = np.abs(theta - cuts) > NEAR
    decided = np.maximum(p, 1 - p) >= DECIDED
    return Point(
        accuracy=float(right.mean()),
        far=float(right[far].mean()),
        decided=float(decided.mean()),
        decided_accuracy=float(right[decided].mean()) if decided.any() else None,
    )
