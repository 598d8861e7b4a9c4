"""The adaptive assessment: prior, update, next question with its reason, stopping, replay.

Pure and deterministic: the same framework, items, settings and answers give the same questions,
and nothing is learned at run time. Items carry the parameters of one released version; an attempt
keeps that version to its end. Source: reference assessment 3.2 to 3.6 and 3.10.

What a question is chosen by: largest expected drop of the classification loss per second, where a
scene from foreign work counts only a share of its worth. Candidates pass four filters in this
order: not used yet, about a required competence, in a scene the learner knows (only the first
question and self-reports must be), and not too many self-reports; a filter that would leave
nothing is skipped.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from competency.errors import UnknownCompetency, UnknownItem
from competency.evidence import Evidence
from competency.framework import Framework
from competency.items import Item, Scene
from competency.posterior import Array, Model, Posterior, correlated_prior, observe
from competency.scale import cut_of_step
from competency.selection import Index, Pool, Wanted, certainty, expected_drops
from competency.target import Target

#: Raised whenever the arithmetic changes what a replay gives.
ENGINE_VERSION = "1"

#: Worths closer than this are a tie, which the item key decides: the last bit of a float may
#: differ between processors.
TIE = 1e-12


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the engine; a tenant's choice, frozen per attempt."""

    r_within: float = 0.50
    r_between: float = 0.30
    bias_mean: float = 0.3
    bias_sd: float = 0.7
    min_items: int = 5
    max_items: int = 20
    decided: float = 0.9  # p at or above, or 1 - p: a verdict
    confident: float = 0.9  # mean of max(p, 1 - p) that ends the assessment
    negligible: float = 1e-3  # expected drop of the loss below which asking is no longer worth it
    self_report_share: float = 0.34  # at most this share of the questions are self-reports
    randomesque: int = 1  # choose among the best n, seeded by attempt; 1 = always the best
    #: What a question set in foreign work counts of its worth; 1 = no difference. It is asked only
    #: where every own one left tells less than this share of what it would.
    foreign_worth: float = 0.2


@dataclass(frozen=True, slots=True)
class Selection:
    """The next question and why it is this one; `reason` is JSON-able and goes into the log."""

    item: Item
    about: str  # the required competence or area it is expected to make clearest
    certainty: float  # P(theta >= Soll) there, before the answer
    reason: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Stop:
    """The assessment is over: decided | confident | maximum | negligible | exhausted | nothing."""

    reason: str


@dataclass(frozen=True, eq=False)
class Engine:
    """Everything that is fixed during an attempt. Methods take and return frozen values."""

    framework: Framework
    items: tuple[Item, ...]
    config: Config = Config()
    versions: Mapping[str, str] = field(default_factory=dict)

    # --- belief ---

    @cached_property
    def dimension(self) -> dict[str, int]:
        """Competence code -> position in mean and covariance; the bias is the last position."""
        return {code: n for n, code in enumerate(self.framework.dimensions)}

    @cached_property
    def _start(self) -> Posterior:
        c = self.config
        areas = [sum(not k.private for k in a.competencies) for a in self.framework.areas]
        return correlated_prior(areas, c.r_within, c.r_between, c.bias_mean, c.bias_sd)

    def prior(self) -> Posterior:
        """Return what is believed of a person nobody has asked anything."""
        return self._start

    def update(
        self,
        posterior: Posterior,
        *,
        competency: str,
        a: float,
        b: Sequence[float],
        category: int,
        self_report: bool = False,
        model: Model = Model.GRM,
    ) -> Posterior:
        """Return the posterior after one observation.

        :raises UnknownCompetency: the competence is private or not in the framework.
        :raises InvalidObservation: parameters or category make no sense.
        """
        if competency not in self.dimension:
            raise UnknownCompetency(f"{competency} is not measured")
        dimensions = [self.dimension[competency]]
        if self_report:
            dimensions.append(len(self.dimension))
        return observe(posterior, dimensions, a, b, category, model)

    def answered(self, posterior: Posterior, item: Item, category: int) -> Posterior:
        """Return the posterior after an item of the bank reached this category."""
        return self.update(
            posterior,
            competency=item.competency,
            a=item.a,
            b=item.b,
            category=category,
            self_report=item.self_report,
        )

    def fold(self, evidence: Iterable[Evidence], start: Posterior | None = None) -> Posterior:
        """Return the posterior after all evidence, in the order of `Evidence.order`.

        Evidence of a competence without a dimension (private, or gone from the framework) says
        nothing about the others and is passed over. Revoked evidence must not be handed in.
        """
        posterior = start or self.prior()
        for e in sorted(evidence, key=Evidence.order):
            if e.competency in self.dimension:
                posterior = self.update(
                    posterior,
                    competency=e.competency,
                    a=e.a,
                    b=e.b,
                    category=e.category,
                    self_report=e.self_report,
                )
        return posterior

    def replay(
        self, answers: Iterable[tuple[str, int]], start: Posterior | None = None
    ) -> tuple[Posterior, ...]:
        """Return the posterior after each logged (item key, category), in the order given.

        Bit for bit what the attempt computed, if framework, items and config are its versions.

        :raises UnknownItem: the bank is not the one of the attempt.
        """
        posterior, states = start or self.prior(), []
        for key, category in answers:
            posterior = self.answered(posterior, self.item(key), category)
            states.append(posterior)
        return tuple(states)

    def item(self, key: str) -> Item:
        """Return a scored item by key; :raises UnknownItem: not in this version of the bank."""
        try:
            return self._pool.items[self._pool.position[key]]
        except KeyError:
            raise UnknownItem(f"no item {key} in this version") from None

    # --- the next question ---

    @cached_property
    def _pool(self) -> Pool:
        return Pool.of(self.items, self.dimension)

    @cached_property
    def _self_reports(self) -> frozenset[str]:
        return frozenset(i.key for i in self.items if i.self_report)

    def wanted(self, target: Target) -> Wanted:
        """Return what is required as weights over the dimensions and cuts, see `required`."""
        codes = self.required(target)
        steps = {**target.steps, **target.areas}
        cuts = [cut_of_step(steps[code], self.framework.cuts) for code in codes]
        loadings = np.zeros((len(codes), len(self.dimension) + 1))
        for row, code in zip(loadings, codes, strict=True):
            row[:] = self.loading(code)
        return Wanted(loadings, np.array(cuts, dtype=np.float64))

    def required(self, target: Target) -> tuple[str, ...]:
        """Return codes the target asks for: measured competences in order, then areas in order."""
        areas = (a.code for a in self.framework.areas if self.framework.measured(a.code))
        return (
            *(c for c in self.dimension if target.steps.get(c, 0) > 0),
            *(a for a in areas if target.areas.get(a, 0) > 0),
        )

    def loading(self, code: str) -> Array:
        """Return the weights (dimensions,) whose sum with theta is the score of a code.

        An area's score is the plain sum of its competences, scaled to variance 1 in the reference
        population, so that the same cuts apply (reference assessment 2.3).
        """
        weights = np.zeros(len(self.dimension) + 1)
        if code in self.dimension:
            weights[self.dimension[code]] = 1.0
            return weights
        weights[[self.dimension[c] for c in self.framework.measured(code)]] = 1.0
        return np.asarray(weights / np.sqrt(weights @ self._start.cov @ weights))

    def certainty(self, posterior: Posterior, target: Target) -> dict[str, float]:
        """Return P(score >= Soll) of each required code, as logged before and after."""
        p = certainty(posterior, self.wanted(target))
        return dict(zip(self.required(target), p.tolist(), strict=True))

    def decided(self, posterior: Posterior, target: Target) -> int:
        """Return how many of what is required have a verdict other than open."""
        p = certainty(posterior, self.wanted(target))
        return int((np.maximum(p, 1 - p) >= self.config.decided).sum())

    def select(
        self,
        posterior: Posterior,
        target: Target,
        asked: Sequence[str],
        roles: Collection[str] = (),
        seed: str = "",
        never: Collection[str] = (),
    ) -> Selection | Stop:
        """Return the next question with its reason, or why to stop.

        `asked` are the keys given so far in this attempt, `never` those that must not be (their
        answer was shown); ties break on the item key. `seed` (the attempt's id) matters only where
        `randomesque` is above 1; the same seed chooses the same.
        """
        wanted = self.wanted(target)
        p = certainty(posterior, wanted)
        if stop := self._stop(p, len(asked)):
            return stop
        scenes = self._scenes(roles)
        candidates, counts = self._candidates(wanted, asked, scenes, never)
        if not len(candidates):
            return Stop("exhausted")
        pool = self._pool.part(candidates)
        drops = expected_drops(posterior, wanted, pool)
        q = drops.sum(axis=1)
        if len(asked) >= self.config.min_items and q.max() < self.config.negligible:
            return Stop("negligible")
        scenes = [scenes[n] for n in candidates]
        worth = q / pool.seconds
        worth = np.minimum(worth, worth * self._share(scenes))  # never a gain for what does harm
        ranked = _ranked(worth, max(2, self.config.randomesque))
        chosen = ranked[_pick(seed, len(asked), min(self.config.randomesque, len(ranked)))]
        clearest = int(np.argmax(drops[chosen]))
        about = self.required(target)[clearest]
        reason = {
            "position": len(asked) + 1,
            "engine": ENGINE_VERSION,
            "versions": dict(self.versions),
            "candidates": counts,
            "foreign_worth": self.config.foreign_worth,
            "chosen": _worth(pool, q, scenes, chosen),
            "runner_up": next((_worth(pool, q, scenes, n) for n in ranked if n != chosen), None),
            "about": about,
            "p": dict(zip(self.required(target), p.tolist(), strict=True)),
        }
        return Selection(pool.items[chosen], about, float(p[clearest]), reason)

    def _stop(self, p: Array, given: int) -> Stop | None:
        if not len(p):
            return Stop("nothing")
        if given >= self.config.max_items:
            return Stop("maximum")
        sure = np.maximum(p, 1 - p)
        # An easy role can be "decided" by base rate after one answer: never before the minimum.
        if given < self.config.min_items:
            return None
        if sure.min() >= self.config.decided:
            return Stop("decided")
        return Stop("confident") if sure.mean() >= self.config.confident else None

    def _scenes(self, roles: Collection[str]) -> list[Scene]:
        return [item.scene(roles) for item in self._pool.items]

    def _share(self, scenes: Sequence[Scene]) -> Array:
        """Return what a question counts of its worth by its scene."""
        shares = [1.0 if s.familiar else self.config.foreign_worth for s in scenes]
        return np.array(shares, dtype=np.float64)

    def _candidates(
        self,
        wanted: Wanted,
        asked: Sequence[str],
        scenes: Sequence[Scene],
        never: Collection[str],
    ) -> tuple[Index, dict[str, int]]:
        """Return positions that passed the filters, and how many were left after each."""
        pool, used = self._pool, frozenset((*asked, *never))
        left = np.array([n for n, i in enumerate(pool.items) if i.key not in used], dtype=np.intp)
        counts = {"bank": len(pool.items), "unused": len(left)}
        allowed = {
            "required": wanted.touched[pool.dimension],
            "scene": self._scene_allowed(scenes, first=not asked),
            "mix": ~pool.biased | self._self_report_allowed(asked),
        }
        for name, mask in allowed.items():
            kept = left[mask[left]]
            left = kept if len(kept) else left
            counts[name] = len(left)
        return left, counts

    def _scene_allowed(self, scenes: Sequence[Scene], *, first: bool) -> npt.NDArray[np.bool_]:
        """Return which may be asked at all in their scene; elsewhere a foreign one costs worth."""
        if first:  # whoever begins in foreign work thinks the wrong person was asked
            return np.array([s.familiar for s in scenes], dtype=np.bool_)
        # "How well can you do this?" is about one's own work (design pages 6).
        foreign = np.array([s is Scene.FOREIGN for s in scenes], dtype=np.bool_)
        return ~(foreign & self._pool.biased)

    def _self_report_allowed(self, asked: Sequence[str]) -> bool:
        # Self-report alone is not an Ist (reference 3.6): questions lead, self-reports follow.
        given = sum(key in self._self_reports for key in asked)
        return given + 1 <= self.config.self_report_share * (len(asked) + 1)


def _ranked(worth: Array, most: int) -> list[int]:
    """Return the best positions, best first; near-equal worth keeps the order of keys."""
    left, ranked = worth.copy(), []
    for _ in range(min(most, len(left))):
        best = int(np.flatnonzero(left >= left.max() - TIE)[0])
        ranked.append(best)
        left[best] = -np.inf
    return ranked


def _pick(seed: str, given: int, among: int) -> int:
    """Return a position below `among` that depends on the attempt and the question only."""
    if among == 1:
        return 0
    digest = hashlib.sha256(f"{seed}:{given}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % among


def _worth(pool: Pool, q: Array, scenes: Sequence[Scene], n: int) -> dict[str, object]:
    item = pool.items[n]
    return {
        "item": item.key,
        "competency": item.competency,
        "q": float(q[n]),
        "seconds": float(pool.seconds[n]),
        "scene": scenes[n].value,
    }
