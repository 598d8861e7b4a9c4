"""Whose work the questions are from, per role, and what keeping to the own work costs.

Simulated people answer the shipped questions in each role of the pack; truth is drawn from the
engine's own prior (seed 11), answers from the items' parameters. "Foreign" is the share of the
questions up to the stop that are set in another role's work; "peer" is the same engine with
foreign_worth = 1, which does not look at the scene. Decided: verdicts with p >= .9 at the stop;
right: those that hold against the truth. Python -m benchmarks.quality.scenes [persons a role].
"""

import json
import sys
from dataclasses import dataclass

import numpy as np

from competency.assessment import Config, Engine, Selection, Terms
from competency.items import Item, Model, Scene
from competency.packs import Content
from competency.posterior import Array, Posterior, category_probabilities
from competency.target import Target
from lti_tool.settings import ROOT

PERSONS, SEED = 60, 11


@dataclass(frozen=True, slots=True)
class Sitting:
    """One person's attempt."""

    questions: int
    foreign: float
    decided: float
    right: float  # of the decided; nan without any


def sitting(engine: Engine, target: Target, role: str, theta: Array, person: int) -> Sitting:
    """Let one person answer until the engine stops."""
    posterior, asked = engine.prior(), list[Item]()
    draws = np.random.default_rng([SEED, person]).random(len(engine.items))
    while isinstance(step := _next(engine, posterior, target, asked, role), Selection):
        asked.append(step.item)
        category = _answer(engine, step.item, theta, draws[len(asked)])
        posterior = engine.answered(posterior, step.item, category)
    p = np.array(list(engine.certainty(posterior, target).values()))
    wanted = engine.wanted(target)
    sure = np.maximum(p, 1 - p) >= engine.config.decided
    right = ((p >= 0.5) == (wanted.loadings @ theta >= wanted.cuts))[sure]
    foreign = np.mean([item.scene((role,)) is Scene.FOREIGN for item in asked])
    return Sitting(
        len(asked),
        float(foreign),
        float(sure.mean()),
        float(right.mean()) if sure.any() else np.nan,
    )


def _next(
    engine: Engine, posterior: Posterior, target: Target, asked: list[Item], role: str
) -> object:
    return engine.select(posterior, target, [item.key for item in asked], Terms(roles=(role,)))


def _answer(engine: Engine, item: Item, theta: Array, draw: float) -> int:
    eta = theta[engine.dimension[item.competency]] + (theta[-1] if item.self_report else 0.0)
    below = category_probabilities(np.array([eta]), item.a, item.b, item.model is Model.GPCM)[
        :, 0
    ].cumsum()
    return min(int((draw > below).sum()), len(item.b))


def measured(content: Content, role: str, persons: int, share: float) -> Array:
    """Return the means of a role's sittings: questions, foreign, decided, right."""
    private = frozenset(c for c, k in content.framework.by_code.items() if k.private)
    target = Target.of([r for r in content.roles if r.key == role], private=private)
    engine = Engine(content.framework, content.items, Config(foreign_worth=share))
    start = engine.prior()
    people = np.random.default_rng(SEED).multivariate_normal(start.mean, start.cov, persons)
    sittings = [sitting(engine, target, role, theta, n) for n, theta in enumerate(people)]
    rows = np.array([(s.questions, s.foreign, s.decided, s.right) for s in sittings])
    return np.asarray(np.nanmean(rows, axis=0))


def main(persons: int) -> int:
    """Print a line for each role and measure."""
    content = Content.load(ROOT / "content")
    for role in (r.key for r in content.roles):
        ours = measured(content, role, persons, Config().foreign_worth)
        plain = measured(content, role, persons, 1.0)
        for n, name in enumerate(("questions", "foreign", "decided", "right")):
            print(json.dumps(_row(f"scenes.{role}.{name}", ours[n], plain[n], persons)))
    return 0


def _row(name: str, value: float, peer: float, persons: int) -> dict[str, object]:
    return {
        "name": name,
        "value": round(float(value), 4),
        "unit": "questions" if name.endswith("questions") else "share",
        "peer": "foreign_worth = 1",
        "peer_value": round(float(peer), 4),
        "ratio": round(float(value / peer), 4) if peer else None,
        "settings": {"persons": persons, "seed": SEED},
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else PERSONS))
