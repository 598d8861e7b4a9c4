"""How long one learner's choice takes, and what greedy would lose: 500 modules, S-model, exact.

Prints one JSON line. The peer is the greedy choice on the same offers in the same run; its loss of
value is in the settings. Catalogue and learners: reference planning, section 12; anchors: 4.1.

    .venv/bin/python -m benchmarks.speed.planning
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from benchmarks.synthetic import Learner, catalogue, learner
from competency.catalogue import Catalogue
from recommender import model
from recommender.baselines import greedy
from recommender.model import Offer, Terms
from recommender.solver import Highs

T = TypeVar("T")

MODULES = 500
LEARNERS = range(100, 140)


@dataclass(frozen=True)
class Run:
    exact_ms: float
    greedy_ms: float
    loss: float  # 1 - greedy value / best value
    gap: float  # (bound - value) / bound


def measure(offers_of: Catalogue, number: int) -> Run:
    who = learner(number, offers_of)
    terms = _terms(who)
    offers, offer_ms = _timed(lambda: model.offers(who.need, offers_of.units, terms))
    choice, choose_ms = _timed(lambda: model.choose(who.need, offers, terms, Highs()))
    quick, greedy_ms = _timed(lambda: greedy(who.need, offers, terms))
    assert choice is not None
    best = model.value(who.need, choice.offers)
    return Run(
        offer_ms + choose_ms,
        offer_ms + greedy_ms,
        _share(best - _value(who, quick), best),
        _share(choice.bound - best, choice.bound),
    )


def _terms(who: Learner) -> Terms:
    return Terms(
        hours=who.hours,
        budget_eur=who.budget_eur,
        mandatory=who.mandatory,
        preferences=who.preferences,
    )


def _value(who: Learner, chosen: tuple[Offer, ...]) -> float:
    return model.value(who.need, chosen)


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    began = time.perf_counter()
    done = work()
    return done, (time.perf_counter() - began) * 1e3


def main() -> None:
    offers_of = catalogue(MODULES)
    runs = [measure(offers_of, number) for number in LEARNERS]
    exact = sorted(r.exact_ms for r in runs)
    value = statistics.median(exact)
    peer = statistics.median(r.greedy_ms for r in runs)
    line = {
        "name": "plan_choice_median",
        "value": round(value, 2),
        "unit": "ms",
        "peer": "greedy by value per hour",
        "peer_value": round(peer, 2),
        "ratio": round(peer / value, 3),
        "settings": {
            "modules": MODULES,
            "learners": len(runs),
            "threads": 1,
            "mean_ms": round(statistics.mean(exact), 2),
            "p95_ms": round(exact[int(0.95 * len(exact))], 2),
            "max_ms": round(exact[-1], 2),
            "gap_max": max(round(r.gap, 9) for r in runs),
            "greedy_loss_mean": round(statistics.mean(r.loss for r in runs), 4),
            "greedy_loss_max": round(max(r.loss for r in runs), 4),
        },
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
