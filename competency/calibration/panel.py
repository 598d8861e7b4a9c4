"""Beliefs of many persons after a handful of answers each: the eta of every item, all at once.

A site per answer, joined by expectation propagation in the space of the answered items (m x m), so
that the cost hangs on how much was asked and not on how many competences there are. Slots not yet
used have precision 0 and change nothing. Source: Rasmussen & Williams 2006, 3.6; one sweep of it is
reference assessment 3.3.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.special import expit

from competency.calibration.curves import FLOOR, Array, category_chances
from competency.calibration.hits import Codes, Index
from competency.calibration.structure import Structure

#: Nodes for what was answered and what is predicted: wide and even, for steep curves.
EVEN: Array = np.linspace(-4.5, 4.5, 31)
EVEN_WEIGHT: Array = np.exp(-(EVEN**2) / 2) / np.exp(-(EVEN**2) / 2).sum()
DAMPING = 0.8
SMALLEST = 1e-9


@dataclass(frozen=True, eq=False)
class Panel:
    """P persons with m slots each; slots are filled from the left, -1 is empty."""

    structure: Structure
    asked: Index  # (P, m) items
    answer: Codes  # (P, m)
    precision: Array  # (P, m)
    shift: Array  # (P, m)

    @classmethod
    def empty(cls, structure: Structure, persons: int) -> "Panel":
        nothing = np.zeros((persons, 0))
        return cls(structure, nothing.astype(np.intp), nothing.astype(np.int16), nothing, nothing)

    def answered(self, item: Index, answer: Codes, sweeps: int) -> Self:
        """Return the panel after one more answer of each person; item -1: none."""
        zero = np.zeros((len(item), 1))
        return replace(
            self,
            asked=np.concatenate([self.asked, item[:, None]], axis=1),
            answer=np.concatenate([self.answer, answer[:, None]], axis=1),
            precision=np.concatenate([self.precision, zero], axis=1),
            shift=np.concatenate([self.shift, zero], axis=1),
        ).settled(sweeps)

    def settled(self, sweeps: int) -> Self:
        """Return the panel after some sweeps over the sites."""
        panel = self
        for _ in range(sweeps):
            panel = panel._swept()
        return panel

    def _swept(self) -> Self:
        there = self.asked >= 0
        mean, variance = self._at_answers()
        cavity = np.maximum(1 / variance - self.precision, SMALLEST)
        middle, width = (mean / variance - self.shift) / cavity, np.sqrt(1 / cavity)
        eta = middle[..., None] + width[..., None] * EVEN
        weight = EVEN_WEIGHT * chance(self.structure, self.asked, self.answer, eta)
        weight /= weight.sum(axis=-1, keepdims=True)
        after = (weight * eta).sum(axis=-1)
        narrower = np.maximum((weight * eta**2).sum(axis=-1) - after**2, SMALLEST)
        precision = np.maximum(1 / narrower - cavity, 0.0) * there
        shift = (after / narrower - middle * cavity) * there
        return replace(
            self,
            precision=DAMPING * precision + (1 - DAMPING) * self.precision,
            shift=DAMPING * shift + (1 - DAMPING) * self.shift,
        )

    def _prior(self) -> Array:
        return self.structure.items[self.asked[:, :, None], self.asked[:, None, :]]

    def _at_answers(self) -> tuple[Array, Array]:
        prior = self._prior()
        gain, pull = self.gain()
        moved = prior @ gain
        variance = np.einsum("pmm->pm", prior) - np.einsum("pij,pji->pi", moved, prior)
        return np.einsum("pij,pj->pi", prior, pull), np.maximum(variance, SMALLEST)

    def gain(self) -> tuple[Array, Array]:
        """Return B (P, m, m) and alpha (P, m): mean = K alpha, covariance = C - K B K'."""
        prior, root = self._prior(), np.sqrt(self.precision)
        inner = root[:, :, None] * prior * root[:, None, :]
        at = np.arange(inner.shape[1])
        inner[:, at, at] += 1.0
        gain = root[:, :, None] * np.linalg.inv(inner) * root[:, None, :]
        pull = self.shift - np.einsum(
            "pij,pj->pi", gain, np.einsum("pij,pj->pi", prior, self.shift)
        )
        return gain, pull

    def about(self, items: Index) -> tuple[Array, Array]:
        """Return mean and variance (P, len(items)) of these items' eta."""
        gain, pull = self.gain()
        cross = self.structure.items[self.asked][:, :, items]  # (P, m, I)
        mean = np.einsum("pmi,pm->pi", cross, pull)
        less = np.einsum("pmi,pmi->pi", cross, gain @ cross)
        return mean, np.maximum(np.diag(self.structure.items)[items] - less, SMALLEST)

    def predicted(self, items: Index) -> Array:
        """Return P(X = k | answers), (P, len(items), S + 1): the integral over the belief."""
        mean, variance = self.about(items)
        eta = mean[..., None] + np.sqrt(variance)[..., None] * EVEN
        who = np.broadcast_to(items, mean.shape)
        return np.asarray(chances(self.structure, who, eta) @ EVEN_WEIGHT)

    def foretold(self, item: Index, answer: Codes) -> Array:
        """Return the chance of each person's answer to an item of her own, (P,)."""
        at = np.maximum(item, 0)
        gain, pull = self.gain()
        cross = self.structure.items[self.asked, at[:, None]]  # (P, m)
        mean = (cross * pull).sum(axis=1)
        less = np.einsum("pm,pmk,pk->p", cross, gain, cross)
        variance = np.maximum(np.diag(self.structure.items)[at] - less, SMALLEST)
        eta = mean[:, None] + np.sqrt(variance)[:, None] * EVEN
        return np.asarray(chance(self.structure, at, answer, eta) @ EVEN_WEIGHT)

    def covariance(self, wanted: Array, items: Index) -> Array:
        """Return Cov(wanted, eta of items | answers), (P, W, I); wanted (W, J) is the prior one."""
        gain, _ = self.gain()
        cross = self.structure.items[self.asked][:, :, items]
        reached = np.moveaxis(wanted[:, self.asked], 0, 1)  # (P, W, m)
        return np.asarray(wanted[:, items] - reached @ (gain @ cross))


def chance(structure: Structure, items: Index, answer: Codes, eta: Array) -> Array:
    """Return P(X = answer | eta), shape of eta (..., Q); items and answer are (...)."""
    d, k = structure.curves.d[items], answer.astype(np.intp)[..., None]
    edge = np.full((*d.shape[:-1], 1), np.inf)
    edges = np.concatenate([edge, d, -edge], axis=-1)
    reached = expit(eta + np.take_along_axis(edges, k, axis=-1))
    passed = expit(eta + np.take_along_axis(edges, k + 1, axis=-1))
    out = reached - passed
    if (partial := structure.curves.partial[items]).any():
        every = chances(structure, items[partial], eta[partial])
        at = answer[partial][:, None, None].astype(np.intp)
        out[partial] = np.take_along_axis(every, at, axis=1)[:, 0]
    return np.asarray(np.maximum(out, FLOOR))


def chances(structure: Structure, items: Index, eta: Array) -> Array:
    """Return P(X = k | eta) of every category, (..., S + 1, Q)."""
    d = structure.curves.d[items]
    flat = eta.reshape(-1, eta.shape[-1])
    partial = structure.curves.partial[items].ravel()
    out = category_chances(flat, d.reshape(-1, d.shape[-1]), partial)
    return np.asarray(np.maximum(out, FLOOR).reshape(*d.shape[:-1], -1, eta.shape[-1]))
