"""Persons whose use of the scale is unknown: one panel per habit, weighted by what it foretold.

See `style` for what a habit is. With one habit this is the panel itself.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from competency.calibration.curves import Array
from competency.calibration.hits import Codes, Index
from competency.calibration.panel import Panel
from competency.calibration.structure import Structure
from competency.calibration.style import styled

SWEEPS = 3


@dataclass(frozen=True, eq=False)
class Crowd:
    """A panel per habit, the usual one in the middle, and log weights (P, habits)."""

    panels: tuple[Panel, ...]
    log_weight: Array

    @classmethod
    def of(cls, structure: Structure, style: float, persons: int) -> "Crowd":
        structures, weights = styled(structure, style)
        panels = tuple(Panel.empty(s, persons) for s in structures)
        return cls(panels, np.repeat(np.log(weights)[None], persons, axis=0))

    @property
    def usual(self) -> Panel:
        return self.panels[len(self.panels) // 2]

    @property
    def evidence(self) -> Array:
        """Log of the chance that each person's answers had, in the order they came, (P,)."""
        top = self.log_weight.max(axis=1)
        return np.asarray(top + np.log(np.exp(self.log_weight - top[:, None]).sum(axis=1)))

    def answered(self, item: Index, answer: Codes) -> Self:
        """Return the crowd after one more answer of each person; item -1: none."""
        foretold = np.stack([np.log(p.foretold(item, answer)) for p in self.panels], axis=1)
        log_weight = self.log_weight + np.where(item[:, None] >= 0, foretold, 0.0)
        panels = tuple(p.answered(item, answer, SWEEPS) for p in self.panels)
        return type(self)(panels, log_weight)

    def predicted(self, items: Index) -> Array:
        """Return P(X = k | answers), (P, len(items), S + 1)."""
        share = np.exp(self.log_weight - self.evidence[:, None])
        parts = (p.settled(SWEEPS).predicted(items) for p in self.panels)
        return sum(
            (w[:, None, None] * part for w, part in zip(share.T, parts, strict=True)),
            start=np.zeros(()),
        )
