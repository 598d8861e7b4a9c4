"""How long the choice of the next question takes: 26 competences and the bias, 250 items.

Prints two JSON lines, in processor time. The peer of the first is the same rule, computed one item
and one answer at a time, in the same run; both must choose the same questions. Goal: p95 <= 2 ms.
The second is the same with a content blueprint (six areas, 2 to 5 questions each), solved anew
before each question; goal: p95 <= 100 ms, and every attempt meets it.

    .venv/bin/python -m benchmarks.speed.selection
"""

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from competency.assessment import Config, Engine, Selection, Terms
from competency.blueprint import Blueprint, Bound
from competency.framework import Area, Competency, Framework
from competency.items import Item, Kind
from competency.posterior import Posterior, category_probabilities, observe, quadrature
from competency.selection import Wanted, losses
from competency.target import Target

AREAS = (3, 6, 4, 4, 4, 5)
ITEMS = 250
ATTEMPTS = 25
QUESTIONS = 20
PEER_QUESTIONS = 4
PLANNED = 10  # of them again with the blueprint
BLUEPRINT = Blueprint(QUESTIONS, tuple(Bound("area", str(n), 2, 5) for n in range(len(AREAS))))
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
        losses(observe(posterior, dimensions, item.a, item.b, x), wanted).sum()
        for x in range(len(chances))
    ]
    return float(losses(posterior, wanted).sum() - chances @ np.array(after)) / item.seconds


def measure() -> tuple[list[float], list[float], list[float]]:
    """Return milliseconds per selection: ours, the peer's, and with a blueprint."""
    rng = np.random.default_rng(20261123)
    frame = framework()
    engine = Engine(frame, bank(frame.dimensions, rng), CONFIG)
    target = Target(("r",), dict.fromkeys(frame.dimensions, 3))
    wanted, ours, peers, planned = (
        engine.wanted(target),
        list[float](),
        list[float](),
        list[float](),
    )
    for attempt in range(ATTEMPTS):
        ours += _attempt(engine, target, rng, Terms())
        if attempt < PLANNED:
            planned += _attempt(engine, target, rng, Terms(blueprint=BLUEPRINT))
    posterior, asked = engine.prior(), list[str]()
    for _ in range(PEER_QUESTIONS):
        began = time.process_time()
        same = by_hand(engine, posterior, wanted, asked)
        peers.append((time.process_time() - began) * 1e3)
        step = engine.select(posterior, target, asked)
        assert isinstance(step, Selection)
        assert same == step.item.key
        asked.append(same)
        posterior = engine.answered(posterior, step.item, 1)
    return ours, peers, planned


def _attempt(engine: Engine, target: Target, rng: np.random.Generator, terms: Terms) -> list[float]:
    """Return how long each choice of one attempt took; a blueprint must have been met."""
    posterior, asked, took = engine.prior(), list[str](), list[float]()
    for _ in range(QUESTIONS):
        began = time.process_time()
        step = engine.select(posterior, target, asked, terms)
        took.append((time.process_time() - began) * 1e3)
        assert isinstance(step, Selection)
        asked.append(step.item.key)
        category = int(rng.integers(step.item.categories))
        posterior = engine.answered(posterior, step.item, category)
    if terms.blueprint is not None:
        assert not terms.blueprint.lacking(engine.framework, [engine.item(key) for key in asked])
    return took


def main() -> None:
    ours, peers, planned = measure()
    by_item = _peer("the same rule, one item at a time", peers)
    print(json.dumps(_line("selection_p95", ours, by_item, 2.0)))
    plain = _peer("without a blueprint", ours)
    print(json.dumps(_line("selection_blueprint_p95", planned, plain, 100.0)))


def _peer(name: str, took: list[float]) -> Mapping[str, str | float]:
    return {"peer": name, "peer_value": round(float(np.percentile(took, 95)), 3)}


def _line(
    name: str, took: list[float], peer: Mapping[str, str | float], goal_ms: float
) -> dict[str, object]:
    value = float(np.percentile(took, 95))
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "ms of processor time",
        **peer,
        "ratio": round(float(peer["peer_value"]) / value, 2),
        "settings": {
            "dimensions": sum(AREAS) + 1,
            "items": ITEMS,
            "required": sum(AREAS),
            "selections": len(took),
            "median_ms": round(float(np.median(took)), 3),
            "goal_ms": goal_ms,
        },
    }


if __name__ == "__main__":
    main()
