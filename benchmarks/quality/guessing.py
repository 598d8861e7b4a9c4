"""What a promise is worth on day one, where people guess: expert parameters with and without it.

Simulated people of every shipped role answer the shipped questions, by the settings as delivered,
until the engine stops. Truth is drawn from the engine's own prior, who knows an answer from the
expert's rule (decisions 3), and a share of those without a clue guesses among all answers there
are. "peer" is the same engine with the rule alone, as if nobody guessed. Far: right of the required
competences more than .3 SD from the Soll, decided or not. Decided: verdicts with p >= .9; right:
those that hold against the truth; wrong: verdicts of all required ones that do not. Error: mean
distance of P(met) from the share that is met, in ten classes. ADR 0023.
python -m benchmarks.quality.guessing [persons a role].
"""

import json
import sys
from dataclasses import replace

import numpy as np

from competency.assessment import Config, Engine, Selection, Terms
from competency.expert import knowing
from competency.guessing import chance
from competency.items import Item
from competency.packs import Content
from competency.posterior import Array, category_probabilities
from competency.selection import certainty
from competency.simulation.figures import NEAR
from competency.target import RoleProfile, Target
from lti_tool.settings import ROOT

PERSONS, SEED = 60, 5
SHARES = (0.0, 0.25, 0.5, 0.75)
CLASSES = 10
MEASURES = ("questions", "minutes", "far", "decided", "right", "wrong", "error")
AS_DELIVERED = Config(max_minutes=10.0)


class Crowd:
    """People who know or guess."""

    def __init__(self, engine: Engine, share: float) -> None:
        self._engine, self._share = engine, share
        asked = [i for i in engine.items if i.scored]
        self._knowing = {i.key: knowing(i) for i in asked}
        self._luck = {i.key: chance(i) for i in asked if not i.self_report}

    def answer(self, item: Item, theta: Array, rng: np.random.Generator) -> int:
        """Return the category one of them reaches."""
        eta = theta[self._engine.dimension[item.competency]]
        eta += theta[-1] if item.self_report else 0.0
        steps = category_probabilities(np.array([eta]), *self._knowing[item.key])[:, 0].cumsum()
        known = min(int((rng.random() > steps).sum()), len(steps) - 1)
        if known or item.self_report or rng.random() >= self._share:
            return known
        luck = self._luck[item.key]
        return int(rng.choice(len(luck), p=luck))


def measured(engine: Engine, content: Content, persons: int, share: float) -> list[float]:
    """Return `MEASURES` over everybody in every role."""
    private = frozenset(c for c, k in content.framework.by_code.items() if k.private)
    crowd = Crowd(engine, share)
    roles = [_in_role(engine, crowd, role, private, persons) for role in content.roles]
    counts, seconds, p, distance = (np.concatenate(part) for part in zip(*roles, strict=True))
    return [float(counts.mean()), float(seconds.mean() / 60), *_worth(p, distance)]


def _in_role(
    engine: Engine, crowd: Crowd, role: RoleProfile, private: frozenset[str], persons: int
) -> tuple[Array, Array, Array, Array]:
    """Return questions and seconds (N,); P(met) and the true distance from the Soll, (N * R,)."""
    target, start = Target.of([role], private=private), engine.prior()
    wanted, terms = engine.wanted(target), Terms(roles=(role.key,))
    people = np.random.default_rng(SEED).multivariate_normal(start.mean, start.cov, persons)
    counts, seconds, p = np.zeros(persons), np.zeros(persons), []
    for n, theta in enumerate(people):
        rng, posterior, asked = np.random.default_rng([SEED, n]), start, list[str]()
        while isinstance(step := engine.select(posterior, target, asked, terms), Selection):
            asked.append(step.item.key)
            seconds[n] += step.item.seconds
            category = crowd.answer(step.item, theta, rng)
            posterior = engine.answered(posterior, step.item, category)
        counts[n] = len(asked)
        p.append(certainty(posterior, wanted))
    return counts, seconds, np.concatenate(p), (people @ wanted.loadings.T - wanted.cuts).ravel()


def _worth(p: Array, distance: Array) -> tuple[float, ...]:
    met = distance >= 0
    right, far = (p >= 0.5) == met, np.abs(distance) > NEAR
    sure = np.maximum(p, 1 - p) >= AS_DELIVERED.decided
    classes = np.minimum((p * CLASSES).astype(int), CLASSES - 1)
    parts = [classes == n for n in range(CLASSES)]
    error = sum(abs(p[c].mean() - met[c].mean()) * c.mean() for c in parts if c.any())
    wrong = (sure & ~right).mean()
    return tuple(map(float, (right[far].mean(), sure.mean(), right[sure].mean(), wrong, error)))


def engines(content: Content) -> tuple[Engine, Engine]:
    """Return the engine as shipped and the one whose parameters say only who knows."""
    naive = tuple(
        replace(i, a=knowing(i)[0], b=knowing(i)[1]) if i.scored else i for i in content.items
    )
    shipped, peer = (
        Engine(content.framework, items, AS_DELIVERED) for items in (content.items, naive)
    )
    return shipped, peer


def main(persons: int) -> int:
    """Print a line for each share of guessing people and measure."""
    content = Content.load(ROOT / "content")
    for share in SHARES:
        pairs = [measured(engine, content, persons, share) for engine in engines(content)]
        for name, value, other in zip(MEASURES, *pairs, strict=True):
            print(json.dumps(_row(f"guessing.{share:g}.{name}", value, other, persons)), flush=True)
    return 0


def _row(name: str, value: float, peer: float, persons: int) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 4),
        "unit": name.rpartition(".")[2] if name.endswith(("questions", "minutes")) else "share",
        "peer": "as if nobody guessed",
        "peer_value": round(peer, 4),
        "ratio": round(value / peer, 4) if peer else None,
        "settings": {"persons": persons, "seed": SEED},
    }


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else PERSONS))
