"""How long a calibration takes, and how near it comes, beside girth: 2PL, 1000 persons, 200 items.

Prints one JSON line: processor milliseconds of marginal estimation, and girth's on the same answers
in the same run. Errors of both are in the settings (b where |b| < 2.5, as in reference 3.7); what
`roadmap items calibrate` does beyond (standard errors, fit, local dependence) is `whole_ms`.

    .venv/bin/python -m benchmarks.speed.calibration
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from typing import TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for both: ratios, not cores

import numpy as np
from girth import twopl_mml

from competency.calibration.calibrate import calibrated
from competency.calibration.curves import Array
from competency.calibration.em import Settings, estimated
from competency.calibration.hits import Codes, Data
from competency.calibration.start import first_curves, first_prior
from competency.calibration.table import Answers, ItemSpec

T = TypeVar("T")
PERSONS, ITEMS, SEED, RUNS = 1000, 200, 20261122, 5
SPECS = tuple(ItemSpec(f"i{n:03}", "c", "binary") for n in range(ITEMS))


def bank() -> tuple[Codes, Array, Array]:
    """Return answers and the parameters that made them (reference assessment 7, 6.1)."""
    rng = np.random.default_rng(SEED)
    a = np.clip(rng.lognormal(np.log(1.3), 0.30, ITEMS), 0.5, 2.8)
    b, theta = rng.normal(size=ITEMS), rng.normal(size=PERSONS)
    chance = 1 / (1 + np.exp(-a * (theta[:, None] - b)))
    return (rng.random(chance.shape) < chance).astype(np.int16), a, b


def ours(codes: Codes) -> tuple[Array, Array]:
    data = Data(codes, np.zeros(ITEMS, dtype=np.intp), np.full(ITEMS, 2, dtype=np.intp))
    curves = estimated(data, first_curves(data), first_prior(SPECS, data), Settings()).curves
    return curves.a, -curves.d[:, 0] / curves.a


def girths(codes: Codes) -> tuple[Array, Array]:
    found = twopl_mml(codes.T.astype(np.int64))  # it fails on narrow integers
    return found["Discrimination"], found["Difficulty"]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.process_time()
    return work(), (time.process_time() - began) * 1000


def errors(found: tuple[Array, Array], a: Array, b: Array) -> dict[str, float]:
    near = np.abs(b) < 2.5
    return {
        name: round(float(np.sqrt(np.mean((x - truth)[near] ** 2))), 4)
        for name, x, truth in zip(("a", "b"), found, (a, b), strict=True)
    }


def main() -> None:
    codes, a, b = bank()
    runs = [timed(lambda: ours(codes)) for _ in range(RUNS)]
    mine, ms = runs[0][0], statistics.median(ms for _, ms in runs)
    peer, peer_ms = timed(lambda: girths(codes))
    answers = Answers(tuple(f"p{n}" for n in range(PERSONS)), tuple(s.key for s in SPECS), codes)
    _, whole_ms = timed(lambda: calibrated(answers, SPECS))
    error, peer_error = errors(mine, a, b), errors(peer, a, b)
    print(
        json.dumps(
            {
                "name": "calibration of a 2PL bank",
                "value": round(ms, 1),
                "unit": "ms of processor time",
                "peer": "girth 0.8 twopl_mml",
                "peer_value": round(peer_ms, 1),
                "ratio": round(peer_ms / ms, 1),
                "settings": {
                    "persons": PERSONS,
                    "items": ITEMS,
                    "seed": SEED,
                    "rmse": error,
                    "peer_rmse": peer_error,
                    "rmse_ratio_b": round(error["b"] / peer_error["b"], 3),
                    "whole_ms": round(whole_ms, 1),
                },
            }
        )
    )


if __name__ == "__main__":
    main()
