"""A thousand tests of one competence in one batch, beside catsim: same questions, how much quicker.

Bank, persons and answers of reference assessment 6.1: 2PL, 200 items, at most 20 questions or a
standard error of .3. The peer is catsim's MaxInfoSelector with an EAP on the same 61 nodes, written
here anew, one person after the other; `stock` in the settings is catsim's own loop with its own
estimator (maximum likelihood) on a part of the persons. Goals: the same item sequence for 99 % of
the persons, and 50 times as many per second. Prints one JSON line, in processor time.

    .venv/bin/python -m benchmarks.speed.unidimensional [persons]
"""

import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # for both: ratios, not cores

import numpy as np
from catsim.estimation import NumericalSearchEstimator
from catsim.initialization import FixedPointInitializer
from catsim.item_bank import ItemBank
from catsim.selection import MaxInfoSelector
from catsim.simulation import Simulator
from catsim.stopping import MinErrorStopper

from competency.simulation.single import Rule, sit
from competency.simulation.single_tables import single_bank

PERSONS, STOCK, RUNS = 1000, 100, 5
SEED, MOST, SE = 20261122, 20, 0.3


def eap_and_catsim(a: np.ndarray, b: np.ndarray, answers: np.ndarray) -> list[list[int]]:
    """Return who was asked what: catsim chooses, the mean of the posterior is what it knows."""
    bank = ItemBank(np.column_stack([a, b, np.zeros(len(a)), np.ones(len(a))]))
    selector, nodes = MaxInfoSelector(), np.linspace(-4, 4, 61)
    prior = np.exp(-nodes * nodes / 2)
    everybody = []
    for row in answers:
        weights, theta, asked = prior / prior.sum(), 0.0, list[int]()
        for _ in range(MOST):
            item = selector.select(
                item_bank=bank, administered_items=asked, est_theta=theta, index=None
            )
            assert item is not None
            right = 1 / (1 + np.exp(-a[item] * (nodes - b[item])))
            weights = weights * (right if row[item] else 1 - right)
            weights = weights / weights.sum()
            asked.append(item)
            theta = float(weights @ nodes)
            if np.sqrt(weights @ (nodes - theta) ** 2) <= SE:
                break
        everybody.append(asked)
    return everybody


def stock(a: np.ndarray, b: np.ndarray, theta: np.ndarray) -> float:
    """Return processor milliseconds a person of catsim's own simulator; its answers are its own."""
    bank = np.column_stack([a, b, np.zeros(len(a)), np.ones(len(a))])
    simulator = Simulator(bank, theta, seed=SEED)
    began = time.process_time()
    simulator.simulate(
        FixedPointInitializer(0.0),
        MaxInfoSelector(),
        NumericalSearchEstimator(),
        MinErrorStopper(SE, max_items=MOST),
    )
    return (time.process_time() - began) * 1000 / len(theta)


def main(persons: int) -> int:
    a, b, theta, answers = single_bank(SEED, persons)
    took = []
    for _ in range(RUNS):
        began = time.process_time()
        sat = sit(a, b, answers, Rule(most=MOST, se=SE))
        took.append((time.process_time() - began) * 1000)
    began = time.process_time()
    peers = eap_and_catsim(a, b, answers)
    peer_ms = (time.process_time() - began) * 1000
    own = [row[row >= 0].tolist() for row in sat.asked]
    same = float(np.mean([x == y for x, y in zip(own, peers, strict=True)]))
    assert same >= 0.99, f"the same item sequence for {same:.1%} only"
    stock_ms = stock(a, b, theta[:STOCK])
    ours = float(np.median(took))
    row = {
        "name": "unidimensional_batch",
        "value": round(ours, 1),
        "unit": f"ms of processor time for {persons} persons",
        "peer": "catsim 0.21 MaxInfoSelector with EAP, one person after the other",
        "peer_value": round(peer_ms, 1),
        "ratio": round(peer_ms / ours, 1),
        "settings": {
            "persons": persons,
            "items": len(a),
            "seed": SEED,
            "same_sequence": round(same, 4),
            "mean_length": round(float(sat.length.mean()), 2),
            "runs": RUNS,
            "ms_a_person": round(ours / persons, 4),
            "stock_catsim_ms_a_person": round(stock_ms, 3),
            "ratio_to_stock": round(stock_ms * persons / ours, 1),
        },
    }
    print(json.dumps(row))
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else PERSONS))
