"""What five adaptively chosen answers foretell about others, on populations that break the model.

Prints one JSON line per population: mean -ln of the chance of held-out answers after five. The peer
is what one does without a joint model: girth per competence, each scored for itself, in the same
run and replay. Beside them in the settings: random items, shares, no local dependence, and how near
parameters come. `sound` keeps the model; the others are what real answers do to it.

    .venv/bin/python -m benchmarks.quality.calibration
"""

import json
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from girth import INVALID_RESPONSE, twopl_mml

from competency.calibration.bank import Bank
from competency.calibration.calibrate import calibrated
from competency.calibration.curves import Array
from competency.calibration.hits import Codes
from competency.calibration.table import Answers, ItemSpec
from competency.calibration.trial import Predicted, Trial

COMPETENCES, PER, LEARNT, TRIED, LENGTH, SEED = 5, 8, 500, 400, 5, 7
ITEMS = COMPETENCES * PER
DIMENSION = np.repeat(np.arange(COMPETENCES), PER)
SPECS = tuple(ItemSpec(f"i{n:02}", f"c{k}", "binary") for n, k in enumerate(DIMENSION))
POOL = [s.key for n, s in enumerate(SPECS) if n % PER < 5]
CRITERION = [s.key for n, s in enumerate(SPECS) if n % PER >= 5]


@dataclass(frozen=True)
class World:
    """How a population answers: ability, what is added to it per item, and what chance is."""

    r: float = 0.6
    learnt: int = LEARNT
    skewed: bool = False
    guessing: float = 0.0
    scenes: float = 0.0  # deviation of what the questions of one scene share
    crossing: float = 0.0  # loading on the next competence
    careless: float = 0.0  # share of persons who tap anything
    missing: float = 0.0

    def answers(self, rng: np.random.Generator) -> tuple[Codes, Array, Array]:
        persons = self.learnt + TRIED
        a = np.clip(rng.lognormal(np.log(1.4), 0.25, ITEMS), 0.6, 2.8)
        b = rng.normal(size=ITEMS)
        theta = self._theta(rng, persons)
        eta = a * (theta[:, DIMENSION] - b)
        eta += self.crossing * theta[:, (DIMENSION + 1) % COMPETENCES]
        eta += self.scenes * rng.normal(size=(persons, ITEMS // 4))[:, np.arange(ITEMS) % 10]
        chance = self.guessing + (1 - self.guessing) / (1 + np.exp(-eta))
        chance[rng.random(persons) < self.careless] = 0.5
        codes = (rng.random(eta.shape) < chance).astype(np.int16)
        codes[rng.random(eta.shape) < self.missing] = -1
        return codes, a, b

    def _theta(self, rng: np.random.Generator, persons: int) -> Array:
        shared = rng.normal(size=(persons, 1))
        theta = np.sqrt(self.r) * shared + np.sqrt(1 - self.r) * rng.normal(
            size=(persons, COMPETENCES)
        )
        return np.asarray((np.exp(0.6 * theta) - np.exp(0.18)) / 0.79 if self.skewed else theta)


WORLDS = {
    "sound": World(),
    "sound, independent competences": World(r=0.0),
    "sound, 150 persons": World(learnt=150),
    "skewed ability": World(skewed=True),
    "guessing .25": World(guessing=0.25),
    "scenes share": World(scenes=0.9),
    "items of two competences": World(crossing=0.7),
    "every sixth careless": World(careless=0.17),
    "half missing": World(missing=0.5),
}


def main() -> None:
    warnings.simplefilter("ignore")  # girth divides by zero on the way
    for name, world in WORLDS.items():
        print(json.dumps(_line(name, world)), flush=True)


def _line(name: str, world: World) -> dict[str, object]:
    codes, _a, b = world.answers(np.random.default_rng(SEED))
    learnt, tried = _answers(codes[: world.learnt]), _answers(codes[world.learnt :])
    bank = calibrated(learnt, SPECS).bank
    trial = Trial.of(bank, tried, POOL, CRITERION)
    plain = Trial.of(replace(bank, residual=np.zeros_like(bank.residual)), tried, POOL, CRITERION)
    peer = Trial.of(_girths(bank, learnt.codes), tried, POOL, CRITERION)
    ours, theirs = _loss(trial, trial.adaptive), _loss(peer, peer.independent)
    near = np.abs(b) < 2.5
    found = np.array([i.b[0] for i in bank.items])
    return {
        "name": f"loss after {LENGTH} answers: {name}",
        "value": round(ours, 4),
        "unit": "-ln p",
        "peer": "girth per competence, scored for itself",
        "peer_value": round(theirs, 4),
        "ratio": round(theirs / ours, 4),
        "settings": {
            "persons": world.learnt,
            "seed": SEED,
            "random_items": round(_loss(trial, trial.random), 4),
            "no_local_dependence": round(_loss(plain, plain.adaptive), 4),
            "shares": round(_shares(trial), 4),
            "rmse_b": round(float(np.sqrt(np.mean((found - b)[near] ** 2))), 3),
            "correlation": round(float(bank.correlation[np.triu_indices(5, 1)].mean()), 3),
            "local_dependence": list(bank.spread),
        },
    }


def _answers(codes: Codes) -> Answers:
    return Answers(tuple(f"p{n}" for n in range(len(codes))), tuple(s.key for s in SPECS), codes)


def _girths(bank: Bank, codes: Codes) -> Bank:
    """Return the bank with girth's parameters; missing answers as it wants them marked."""
    items = list(bank.items)
    for k in range(COMPETENCES):
        at = np.flatnonzero(k == DIMENSION)
        given = codes[:, at].astype(np.int64)  # its mark for "missing" does not fit 16 bits
        found = twopl_mml(np.where(given < 0, INVALID_RESPONSE, given).T)
        parts = (np.ravel(found[name]) for name in ("Discrimination", "Difficulty"))
        for n, a, b in zip(at, *parts, strict=True):
            items[n] = replace(items[n], a=float(a), b=(float(b),))
    return replace(bank, items=tuple(items))


def _loss(trial: Trial, way: Callable[[tuple[int, ...], int], Iterator[Predicted]]) -> float:
    return float(np.concatenate([trial.losses(p) for p in way((LENGTH,), SEED)]).mean())


def _shares(trial: Trial) -> float:
    shares = np.broadcast_to(trial.marginal(), (len(trial.codes), *trial.marginal().shape))
    nothing = Predicted(0, slice(0, len(trial.codes)), shares, np.zeros((0, 0), dtype=np.intp))
    return float(trial.losses(nothing).mean())


if __name__ == "__main__":
    main()
