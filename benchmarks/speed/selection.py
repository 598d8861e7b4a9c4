"""How long the choice of the next question takes: 26 competences and the bias, 250 items.

Prints one JSON line. The peer is the same rule of reference assessment 3.4, computed one item and
one answer at a time, in the same run; both must choose the same questions. Goal: p95 <= 2 ms.

    .venv/bin/python -m benchmarks.speed.selection
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from competency.assessment import Config, Engine, Selection
from competency.framework import Area, Competency, Framework
from competency.items import Item, Kind
from competency.posterior import Posterior, category_probabilities, observe, quadrature
from competency.selection import Wanted, certainty
from competency.target import Target

AREAS = (3, 6, 4, 4, 4, 5)
ITEMS = 250
ATTEMPTS = 25
QUESTIONS = 20
PEER_QUESTIONS = 4
#: No stop before the last question, no share of self-reports: every item is a candidate.
CONFIG = Config(min_items=QUESTIONS, self_report_share=1.0)


def framework() -> Framework:
    return Framework(
        "bench",
        "1.0",
        tuple(
            Area(str(n), "", "", "", "", tuple(_competency(f"{n}.{k}") for k in range(size)))
            for n, size in enumerate(AREAS)
        ),
    )


def _competency(code: str) -> Competency:
    return Competency(code, "", "", "", "")


def bank(codes: tuple[str, ...], rng: np.random.Generator) -> tuple[Item, ...]:
    """Half binary questions, a quarter with partial credit, a quarter self-ratings."""
    items = []
    for n in range(ITEMS):
        thresholds = (1, 2, 1, 3)[n % 4]
        kind = Kind.SELF_RATING if thresholds == 3 else Kind.SCENARIO
        b = rng.normal() + 0.7 * np.arange(thresholds)
        a = float(rng.uniform(0.8, 2.2))
        code = codes[n % len(codes)]
        seconds = 15 if kind is Kind.SELF_RATING else 35
        items.append(
            Item(f"i{n:03}", code, 1, kind, "", (), "", a, tuple(b.tolist()), seconds=seconds)
        )
    return tuple(items)


def by_hand(engine: Engine, posterior: Posterior, wanted: Wanted, asked: list[str]) -> str:
    """Return the key of the best item, one after the other."""
    worth = {i.key: _worth(engine, posterior, wanted, i) for i in engine.items}
    return max((k for k in worth if k not in asked), key=worth.__getitem__)


def _worth(engine: Engine, posterior: Posterior, wanted: Wanted, item: Item) -> float:
    dimensions = [engine.dimension[item.competency]] + [-1] * item.self_report
    loading = np.zeros(len(posterior.mean))
    loading[dimensions] = 1
    nodes, weights = quadrature()
    eta = loading @ posterior.mean + np.sqrt(loading @ posterior.cov @ loading) * nodes
    chances = category_probabilities(eta, item.a, item.b) @ weights
    after = [
        _loss(observe(posterior, dimensions, item.a, item.b, x), wanted)
        for x in range(len(chances))
    ]
    return float(_loss(posterior, wanted) - chances @ np.array(after)) / item.seconds


def _loss(posterior: Posterior, wanted: Wanted) -> float:
    p = certainty(posterior, wanted)
    return float((p * (1 - p)).sum())


def measure() -> tuple[list[float], list[float]]:
    """Return milliseconds per selection, ours and the peer's."""
    rng = np.random.default_rng(20261123)
    frame = framework()
    engine = Engine(frame, bank(frame.dimensions, rng), CONFIG)
    target = Target(("r",), dict.fromkeys(frame.dimensions, 3))
    wanted, ours, peers = engine.wanted(target), [], []
    for attempt in range(ATTEMPTS):
        posterior, asked = engine.prior(), []
        for position in range(QUESTIONS):
            began = time.perf_counter()
            step = engine.select(posterior, target, asked)
            ours.append((time.perf_counter() - began) * 1e3)
            assert isinstance(step, Selection)
            if attempt == 0 and position < PEER_QUESTIONS:
                began = time.perf_counter()
                same = by_hand(engine, posterior, wanted, asked)
                peers.append((time.perf_counter() - began) * 1e3)
                assert same == step.item.key
            asked.append(step.item.key)
            category = int(rng.integers(step.item.categories))
            posterior = engine.answered(posterior, step.item, category)
    return ours, peers


def main() -> None:
    ours, peers = measure()
    value, peer = float(np.percentile(ours, 95)), float(np.percentile(peers, 95))
    line = {
        "name": "selection_p95",
        "value": round(value, 3),
        "unit": "ms",
        "peer": "the same rule, one item at a time",
        "peer_value": round(peer, 3),
        "ratio": round(peer / value, 1),
        "settings": {
            "dimensions": sum(AREAS) + 1,
            "items": ITEMS,
            "required": sum(AREAS),
            "selections": len(ours),
            "median_ms": round(float(np.median(ours)), 3),
            "goal_ms": 2.0,
        },
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
