"""Candidates with what each is worth, and which of them is asked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from competency.items import Scene
from competency.pool import Pool
from competency.posterior import Array

#: Worths closer than this are a tie, which the item key decides: the last bit of a float may
#: differ between processors.
TIE = 1e-12


@dataclass(frozen=True, eq=False)
class Choice:
    """Candidates: q is the expected drop of the loss, `gain` what counts of it in this scene."""

    pool: Pool
    q: Array
    gain: Array
    scenes: tuple[Scene, ...]
    counts: Mapping[str, int]

    @property
    def worth(self) -> Array:
        """What they are ranked by: gain per second."""
        return self.gain / self.pool.seconds

    def told(self, n: int) -> dict[str, object]:
        """Return one of them as the log has it."""
        item = self.pool.items[n]
        return {
            "item": item.key,
            "competency": item.competency,
            "q": float(self.q[n]),
            "seconds": float(self.pool.seconds[n]),
            "scene": self.scenes[n].value,
        }


def ranked_best(worth: Array, most: int) -> list[int]:
    """Return the best positions, best first; near-equal worth keeps the order of keys."""
    left, ranked = worth.copy(), []
    for _ in range(min(most, len(left))):
        best = int(np.flatnonzero(left >= left.max() - TIE)[0])
        ranked.append(best)
        left[best] = -np.inf
    return ranked


def picked(seed: str, given: int, among: int) -> int:
    """Return a position below `among` that depends on the attempt and the question only."""
    if among == 1:
        return 0
    digest = hashlib.sha256(f"{seed}:{given}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % among
