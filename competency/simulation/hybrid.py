"""Self-reports, scenarios, or both: what bias does and what mixing is worth (reference 3.6, 6.5).

Two kinds of items: graded self-reports cost one unit, load on theta and on the person's bias;
binary scenarios cost two and load on theta only. The curve is over cost units spent.
"""

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from competency.items import Item, Kind
from competency.pool import Pool
from competency.posterior import Array, Mask, correlated_prior
from competency.selection import Wanted, certainty
from competency.simulation.draw import Sample, bank_parameters, item, respond
from competency.simulation.figures import Run, point
from competency.simulation.setting import CUT_CHOICES, DIGCOMP
from competency.simulation.walk import adaptive, walk


class Mode(StrEnum):
    SELF_UNMODELLED = "self, bias ignored"
    SELF = "self, bias modelled"
    SCENARIO = "scenario only"
    HYBRID = "hybrid adaptive"


@dataclass(frozen=True, slots=True)
class HybridSetting:
    """One run of one mode. What is believed of the bias may differ from what it is."""

    name: str = ""
    label: str = ""
    mode: Mode = Mode.HYBRID
    seed: int = 3
    persons: int = 120
    budget: int = 40
    areas: tuple[int, ...] = DIGCOMP
    self_per: int = 5
    scenario_per: int = 8
    r_within: float = 0.75
    r_between: float = 0.60
    bias_mean: float = 0.3
    bias_sd: float = 0.7
    assumed_bias_mean: float | None = None
    assumed_bias_sd: float | None = None

    @property
    def size(self) -> int:
        return sum(self.areas)

    @property
    def believed_bias(self) -> tuple[float, float]:
        """Mean and SD of the bias as the engine assumes them; ignoring it is a bias of none."""
        if self.mode is Mode.SELF_UNMODELLED:
            return 0.0, 1e-6
        mean = self.bias_mean if self.assumed_bias_mean is None else self.assumed_bias_mean
        return mean, self.bias_sd if self.assumed_bias_sd is None else self.assumed_bias_sd


def simulate_hybrid(setting: HybridSetting) -> Run:
    """Return the quality of verdicts by cost units spent; the same setting gives the same."""
    sample = draw_hybrid(setting)
    done = walk(sample, adaptive(sample.pool, sample.wanted), setting.budget, setting.budget)
    cuts, scores = sample.wanted.cuts, sample.scores
    start = np.broadcast_to(certainty(sample.prior, sample.wanted), scores.shape)
    curve = {
        units: point(_at(units, done.cost, done.certain, start), scores, cuts)
        for units in range(1, setting.budget + 1)
    }
    return Run(asdict(setting), curve)


def _at(units: int, cost: Array, certain: Array, start: Array) -> Array:
    """Return what was believed when so many units were spent, (N, R)."""
    last = (cost <= units).sum(axis=1) - 1  # whoever is out of budget keeps the last belief
    found = certain[np.arange(len(cost)), np.maximum(last, 0)]
    return np.where((last >= 0)[:, None], found, start)


def draw_hybrid(setting: HybridSetting) -> Sample:
    """Draw both banks, theta, bias, answers; cuts have a seed of their own (reference 7)."""
    rng = np.random.default_rng(setting.seed)
    items = (
        *_bank(rng, setting, Kind.SELF_RATING, setting.self_per, 5, 1.8),
        *_bank(rng, setting, Kind.SINGLE_CHOICE, setting.scenario_per, 2, 1.5),
    )
    everything = Pool.of(items, {str(k): k for k in range(setting.size)})
    theta = _population(rng, setting)
    answers = respond(rng, everything, theta)
    asked = np.flatnonzero(_usable(everything, setting.mode))
    cuts = np.random.default_rng(setting.seed + 2).choice(np.array(CUT_CHOICES), setting.size)
    wanted = Wanted.of_dimensions(range(setting.size), cuts.tolist(), setting.size + 1)
    prior = correlated_prior(
        setting.areas, setting.r_within, setting.r_between, *setting.believed_bias
    )
    return Sample(everything.part(asked), theta, answers[:, asked], wanted, prior)


def _bank(
    rng: np.random.Generator,
    setting: HybridSetting,
    kind: Kind,
    per: int,
    categories: int,
    discrimination: float,
) -> list[Item]:
    a, b = bank_parameters(rng, per * setting.size, categories, discrimination)
    first = 0 if kind is Kind.SELF_RATING else setting.self_per * setting.size
    return [item(first + n, str(n // per), float(a[n]), b[n].tolist(), kind) for n in range(len(a))]


def _population(rng: np.random.Generator, setting: HybridSetting) -> Array:
    """Return theta and the bias, (persons, D + 1)."""
    truth = correlated_prior(setting.areas, setting.r_within, setting.r_between, 0.0, 1.0)
    root = np.linalg.cholesky(truth.cov[:-1, :-1])
    theta = rng.standard_normal((setting.persons, setting.size)) @ root.T
    bias = rng.normal(setting.bias_mean, setting.bias_sd, (setting.persons, 1))
    return np.concatenate([theta, bias], axis=1)


def _usable(pool: Pool, mode: Mode) -> Mask:
    if mode is Mode.HYBRID:
        return np.ones(len(pool.items), dtype=np.bool_)
    return ~pool.biased if mode is Mode.SCENARIO else pool.biased
