"""The adaptive assessment: prior, update, next question with its reason, stopping, replay.

Pure and deterministic: the same framework, items, settings and answers give the same questions,
and nothing is learned at run time. Items carry the parameters of one released version; an attempt
keeps that version to its end. Source: reference assessment 3.2 to 3.6 and 3.10.

What a question is chosen by: largest expected drop of the classification loss per second, where a
scene from foreign work counts only a share of its worth, among the candidates that pass the
filters (`candidates`) and, with a blueprint, belong to the best whole test (`blueprint`). In
fixed-form mode the questions of an attempt are a list, and answers change only the verdict
(`form`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from competency.blueprint import Blueprint, shadow_test
from competency.candidates import FREE, Candidates, Filters, Terms, familiar
from competency.choice import Choice, picked, ranked_best
from competency.errors import UnknownCompetency, UnknownItem
from competency.evidence import Evidence
from competency.framework import Framework
from competency.items import Item, Model, Scene
from competency.pool import Index, Pool
from competency.posterior import Array, Posterior, correlated_prior, observe
from competency.scale import cut_of_step
from competency.selection import Wanted, certainty, expected_drops, worth
from competency.target import Target

__all__ = ["ENGINE_VERSION", "Config", "Engine", "Selection", "Stop", "Terms"]

#: Raised whenever the arithmetic changes what a replay gives.
ENGINE_VERSION = "2"


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
    max_minutes: float = 0.0  # expected time of all questions; 0 = no limit


@dataclass(frozen=True, slots=True)
class Selection:
    """The next question and why it is this one; `reason` is JSON-able and goes into the log."""

    item: Item
    about: str  # the required competence or area it is expected to make clearest
    certainty: float  # P(theta >= Soll) there, before the answer
    reason: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Stop:
    """The assessment is over.

    decided | confident | maximum | time | negligible | exhausted | nothing | form (its last
    question was asked).
    """

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
            model=item.model,
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
                    model=e.model,
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
            return self.pool.items[self.pool.position[key]]
        except KeyError:
            raise UnknownItem(f"no item {key} in this version") from None

    # --- what is required ---

    @cached_property
    def pool(self) -> Pool:
        return Pool.of(self.items, self.dimension)

    @cached_property
    def _filters(self) -> Filters:
        return Filters(self.pool, self.config.self_report_share)

    def wanted(self, target: Target) -> Wanted:
        """Return what is required as weights over the dimensions and cuts, see `required`."""
        codes = self.required(target)
        steps = {**target.steps, **target.areas}
        cuts = [cut_of_step(steps[code], self.framework.cuts) for code in codes]
        loadings = np.array([self._loadings[code] for code in codes])
        shape = (len(codes), len(self.dimension) + 1)
        return Wanted(loadings.reshape(shape), np.array(cuts, dtype=np.float64))

    @cached_property
    def _loadings(self) -> dict[str, Array]:
        areas = (a.code for a in self.framework.areas if self.framework.measured(a.code))
        return {code: self.loading(code) for code in (*self.dimension, *areas)}

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

    # --- the next question ---

    def select(
        self, posterior: Posterior, target: Target, asked: Sequence[str], terms: Terms = FREE
    ) -> Selection | Stop:
        """Return the next question with its reason, or why to stop.

        `asked` are the keys given so far in this attempt; ties break on the item key.
        """
        wanted = self.wanted(target)
        p = certainty(posterior, wanted)
        if not len(p):
            return Stop("nothing")
        if terms.form:
            return self._from_form(posterior, target, asked, terms)
        blueprint = self._blueprint(target, terms)
        if stop := self._stop(p, asked, blueprint):
            return stop
        found = self._filters.apply(wanted.touched, asked, terms)
        choice = self._choice(posterior, wanted, found, asked, blueprint, terms)
        if not len(choice.pool.items):
            return Stop("exhausted")
        may_stop = len(asked) >= self.config.min_items and not self._owes(blueprint, asked)
        if may_stop and choice.gain.max() < self.config.negligible:
            return Stop("negligible")
        ranked = ranked_best(choice.worth, max(2, self.config.randomesque))
        chosen = ranked[picked(terms.seed, len(asked), min(self.config.randomesque, len(ranked)))]
        about, reason = self._reason(posterior, wanted, target, choice, chosen)
        reason |= {
            "position": len(asked) + 1,
            "candidates": choice.counts,
            "chosen": choice.told(chosen),
            "runner_up": next((choice.told(n) for n in ranked if n != chosen), None),
            "anchor": choice.pool.items[chosen].key in terms.anchors,
        }
        return Selection(choice.pool.items[chosen], about, reason["p"][about], reason)

    def _choice(
        self,
        posterior: Posterior,
        wanted: Wanted,
        found: Candidates,
        asked: Sequence[str],
        blueprint: Blueprint | None,
        terms: Terms,
    ) -> Choice:
        """Return the candidates with what each is worth."""
        scenes = self._filters.scenes(terms.roles)
        left, counts = found.left, dict(found.counts)
        if blueprint is not None:
            left = self._in_shadow(posterior, wanted, found, asked, blueprint, scenes)
            counts["blueprint"] = len(left)
        return self._worths(posterior, wanted, left, scenes, counts)

    def _worths(
        self,
        posterior: Posterior,
        wanted: Wanted,
        left: Index,
        scenes: tuple[Scene, ...],
        counts: Mapping[str, int],
    ) -> Choice:
        pool, seen = self.pool.part(left), tuple(scenes[n] for n in left)
        if not len(left):
            return Choice(pool, np.zeros(0), np.zeros(0), seen, counts)
        q = worth(posterior, wanted, pool)
        share = np.where(familiar(scenes)[left], 1.0, self.config.foreign_worth)
        # Never a gain for what does harm: a negative worth is not made smaller by a share.
        return Choice(pool, q, np.minimum(q, q * share), seen, counts)

    def _in_shadow(
        self,
        posterior: Posterior,
        wanted: Wanted,
        found: Candidates,
        asked: Sequence[str],
        blueprint: Blueprint,
        scenes: tuple[Scene, ...],
    ) -> Index:
        """Return the candidates in the best whole test; all where no test keeps every bound."""
        given = [self.pool.position[key] for key in asked]
        there = np.union1d(found.eligible, np.array(given, dtype=np.intp))
        value = self._worths(posterior, wanted, there, scenes, {}).worth
        items = [self.pool.items[n] for n in there]
        test = shadow_test(blueprint, self.framework, items, value, np.isin(there, given))
        if test is None:
            return found.left
        free = np.setdiff1d(there[test], given)
        able = np.intersect1d(free, found.left)
        return able if len(able) else free

    def _blueprint(self, target: Target, terms: Terms) -> Blueprint | None:
        if terms.blueprint is None:
            return None
        areas = (c for a in target.areas for c in self.framework.measured(a))
        return terms.blueprint.waived(self.framework, {*target.steps, *areas})

    def _owes(self, blueprint: Blueprint | None, asked: Sequence[str]) -> bool:
        """Return whether the blueprint still asks for something."""
        items = [self.item(key) for key in asked]
        return blueprint is not None and blueprint.short(self.framework, items)

    def _stop(self, p: Array, asked: Sequence[str], blueprint: Blueprint | None) -> Stop | None:
        given = len(asked)
        if given >= (self.config.max_items if blueprint is None else blueprint.length):
            return Stop("maximum")
        # An easy role can be "decided" by base rate after one answer: never before the minimum.
        if given < self.config.min_items or self._owes(blueprint, asked):
            return None
        # No question is begun that might not be done in time.
        then = sum(self.item(key).seconds for key in asked) + self.pool.seconds.max()
        if self.config.max_minutes and then > self.config.max_minutes * 60:
            return Stop("time")
        sure = np.maximum(p, 1 - p)
        if sure.min() >= self.config.decided:
            return Stop("decided")
        return Stop("confident") if sure.mean() >= self.config.confident else None

    def _from_form(
        self, posterior: Posterior, target: Target, asked: Sequence[str], terms: Terms
    ) -> Selection | Stop:
        """Return the next question of the fixed form: no answer has changed which it is."""
        key = next((key for key in terms.form if key not in asked), None)
        if key is None:
            return Stop("form")
        place = np.array([self.pool.position[key]], dtype=np.intp)
        scenes = self._filters.scenes(terms.roles)
        counts = {"form": sum(k not in asked for k in terms.form)}
        wanted = self.wanted(target)
        choice = self._worths(posterior, wanted, place, scenes, counts)
        about, reason = self._reason(posterior, wanted, target, choice, 0)
        reason |= {
            "position": len(asked) + 1,
            "candidates": counts,
            "chosen": choice.told(0),
            "runner_up": None,
            "anchor": key in terms.anchors,
        }
        return Selection(self.item(key), about, reason["p"][about], reason)

    def _reason(
        self, posterior: Posterior, wanted: Wanted, target: Target, choice: Choice, chosen: int
    ) -> tuple[str, dict[str, Any]]:
        """Return what is expected to become clearest, and what the log says of any question."""
        codes = self.required(target)
        one = choice.pool.part(np.array([chosen], dtype=np.intp))
        about = codes[int(np.argmax(expected_drops(posterior, wanted, one)[0]))]
        return about, {
            "engine": ENGINE_VERSION,
            "versions": dict(self.versions),
            "foreign_worth": self.config.foreign_worth,
            "about": about,
            "p": dict(zip(codes, certainty(posterior, wanted).tolist(), strict=True)),
        }
