"""What a town gets on day one: the shipped bank and roles, expert parameters, the whole engine.

Every question passes the filters of a real attempt (scenes, self-reports, minimum, stop rules). The
people are invented: theta as correlated as stated, items off from the experts' guesses by N(0, .5)
in difficulty and a factor LogNormal(0, .25) in discrimination, self-reports biased by N(.3, .7).
How real people answer is not known before they do; these figures say what the engine makes of
guesses.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from competency.assessment import Engine, Stop
from competency.candidates import Terms
from competency.items import Item
from competency.pool import Index, Pool
from competency.posterior import Array, correlated_prior
from competency.selection import certainty
from competency.simulation.draw import EXPERT_SD, respond
from competency.simulation.figures import Run, point
from competency.target import RoleProfile, Target

ALL = "all roles"


@dataclass(frozen=True, slots=True)
class TownSetting:
    """One run: people of every role with a bank's expert parameters."""

    name: str
    label: str
    seed: int
    persons: int  # per role
    r_within: float  # true correlations; the engine assumes its own
    r_between: float
    bias_mean: float = 0.3
    bias_sd: float = 0.7


@dataclass(frozen=True, eq=False)
class _Told:
    """One role's people: what was believed after each question (N, T, R), held when stopped."""

    certain: Array
    scores: Array  # (N, R)
    cuts: Array  # (R,)
    questions: Index  # (N,)
    seconds: Array  # (N,)
    stops: Counter[str]


def simulate_town(
    engine: Engine,
    roles: Sequence[RoleProfile],
    private: frozenset[str],
    setting: TownSetting,
    never: frozenset[str] = frozenset(),
) -> Iterator[Run]:
    """Yield a run for each role and, last, one for all of them together."""
    rng = np.random.default_rng(setting.seed)
    truth = _true_items(rng, engine.items)
    everything = []
    for role in roles:
        target = Target.of([role], private=private)
        told = _role(rng, engine, truth, target, setting, never)
        everything.append(told)
        yield _run(replace(setting, label=role.key), [told])
    yield _run(replace(setting, label=ALL), everything)


def _true_items(rng: np.random.Generator, items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the items as they really are, near the experts' guesses."""
    return tuple(
        replace(
            item,
            a=float(np.clip(item.a * np.exp(rng.normal(0, 0.25)), 0.4, 2.8)),
            b=_apart(item.b + rng.normal(0, EXPERT_SD, len(item.b))),
        )
        for item in items
        if item.scored
    )


def _apart(b: Array) -> tuple[float, ...]:
    # Sorted draws may coincide in print, never in a model: thresholds are strictly increasing.
    return tuple((np.sort(b) + 1e-6 * np.arange(len(b))).tolist())


def _role(
    rng: np.random.Generator,
    engine: Engine,
    truth: Sequence[Item],
    target: Target,
    setting: TownSetting,
    never: frozenset[str],
) -> _Told:
    pool = Pool.of(truth, engine.dimension)
    theta = _people(rng, engine, setting)
    answers = respond(rng, pool, theta)
    wanted = engine.wanted(target)
    scores = theta @ wanted.loadings.T
    most = engine.config.max_items
    certain = np.empty((len(theta), most, len(wanted.cuts)))
    questions, seconds = np.zeros(len(theta), dtype=np.intp), np.zeros(len(theta))
    stops: Counter[str] = Counter()
    for n, row in enumerate(answers):
        terms = Terms(roles=target.scenes, seed=str(n), never=never)
        belief, asked = engine.prior(), list[str]()
        while not isinstance(step := engine.select(belief, target, asked, terms), Stop):
            asked.append(step.item.key)
            belief = engine.answered(belief, step.item, int(row[pool.position[step.item.key]]))
            certain[n, len(asked) - 1 :] = certainty(belief, wanted)
            seconds[n] += step.item.seconds
        questions[n] = len(asked)
        stops[step.reason] += 1
    return _Told(certain, scores, wanted.cuts, questions, seconds, stops)


def _people(rng: np.random.Generator, engine: Engine, setting: TownSetting) -> Array:
    """Return theta and the self-report bias of everybody, (persons, D + 1)."""
    areas = [len(engine.framework.measured(a.code)) for a in engine.framework.areas]
    truth = correlated_prior(areas, setting.r_within, setting.r_between, 0.0, 1.0)
    root = np.linalg.cholesky(truth.cov[:-1, :-1])
    theta = rng.standard_normal((setting.persons, len(root))) @ root.T
    bias = rng.normal(setting.bias_mean, setting.bias_sd, (setting.persons, 1))
    return np.concatenate([theta, bias], axis=1)


def _run(setting: TownSetting, told: Sequence[_Told]) -> Run:
    most = told[0].certain.shape[1]
    scores = np.concatenate([t.scores.ravel() for t in told])[:, None]
    cuts = np.concatenate([np.broadcast_to(t.cuts, t.scores.shape).ravel() for t in told])[:, None]
    curve = {
        n + 1: point(np.concatenate([t.certain[:, n].ravel() for t in told])[:, None], scores, cuts)
        for n in range(most)
    }
    return Run(asdict(setting), curve, _attempts(told))


def _attempts(told: Sequence[_Told]) -> Mapping[str, object]:
    """Return how long the attempts were and why they ended."""
    stops = sum((t.stops for t in told), Counter[str]())
    seconds = np.concatenate([t.seconds for t in told])
    return {
        "questions": float(np.concatenate([t.questions for t in told]).mean()),
        "minutes": float(seconds.mean() / 60),
        "minutes_p95": float(np.percentile(seconds, 95) / 60),
        "stops": dict(stops.most_common()),
    }
