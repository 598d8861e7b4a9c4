"""How good verdicts are: the figures of reference assessment 7, always against the true theta.

accuracy: share of persons and required scores where [p >= .5] = [theta >= cut]; far: the same where
|theta - cut| > .3; decided: share with p >= .9 or <= .1, and how many of those are right;
calibration error: ten bins of max(p, 1 - p), mean |share right - mean p|, weighted by size.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from competency.posterior import Array

#: |theta - Soll| up to this is the indifference zone: nobody is "far" inside it.
NEAR = 0.3
DECIDED = 0.9
BINS = 10


@dataclass(frozen=True, slots=True)
class Point:
    """How good the verdicts are after n questions, over persons and required scores."""

    accuracy: float
    far: float
    decided: float
    decided_accuracy: float | None  # none decided yet
    decided_certainty: float | None  # mean max(p, 1 - p) of the decided: what they promise
    calibration_error: float
    decided_calibration_error: float | None  # |share right - mean p| of the decided


@dataclass(frozen=True)
class Run:
    """A setting and what came out; `curve[n]` is after n questions (or cost units), from 1."""

    setting: Mapping[str, object]
    curve: dict[int, Point]
    more: Mapping[str, Any] | None = None

    def first(self, far: float) -> int | None:
        """Return the first number of questions with this share right among far persons."""
        return next((n for n, point in self.curve.items() if point.far >= far), None)

    def document(self) -> dict[str, object]:
        """Return it as `roadmap assessment simulate --json` prints it."""
        return {
            "setting": dict(self.setting),
            "n90": self.first(0.90),
            "n95": self.first(0.95),
            "curve": {str(n): asdict(point) for n, point in self.curve.items()},
            **(self.more or {}),
        }


def curve(certain: Array, scores: Array, cuts: Array) -> dict[int, Point]:
    """Return the figures after each question; `certain` is (N, T, R), `scores` (N, R)."""
    return {n + 1: point(certain[:, n], scores, cuts) for n in range(certain.shape[1])}


def point(certain: Array, scores: Array, cuts: Array) -> Point:
    """Return the figures of one moment; `certain` and `scores` are (N, R), `cuts` broadcast."""
    right = (certain >= 0.5) == (scores >= cuts)
    far = np.abs(scores - cuts) > NEAR
    sure = np.maximum(certain, 1 - certain)
    decided = sure >= DECIDED
    any_decided = bool(decided.any())
    share = float(right[decided].mean()) if any_decided else None
    return Point(
        accuracy=float(right.mean()),
        far=float(right[far].mean()),
        decided=float(decided.mean()),
        decided_accuracy=share,
        decided_certainty=float(sure[decided].mean()) if any_decided else None,
        calibration_error=_calibration_error(sure, right),
        decided_calibration_error=_calibration_error(sure[decided], right[decided])
        if any_decided
        else None,
    )


def _calibration_error(sure: Array, right: Array) -> float:
    bins = np.minimum(((sure - 0.5) * 2 * BINS).astype(np.intp), BINS - 1).ravel()
    weight = np.bincount(bins, minlength=BINS)
    off = np.bincount(bins, sure.ravel() - right.ravel(), minlength=BINS)
    return float(np.abs(off).sum() / weight.sum())


def mean_and_error(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean over seeds and its standard error; one seed has none."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    return mean, float(np.std(values, ddof=1) / np.sqrt(len(values)))


def summary(runs: Iterable[Run], marks: Sequence[int]) -> list[dict[str, object]]:
    """Return one row per (name, label) in order: means over its seeds with standard errors.

    n90 and n95 count a run that never gets there as one more than it had; `reached` says how many.
    """
    rows: dict[tuple[object, object], list[Run]] = {}
    for run in runs:
        rows.setdefault((run.setting["name"], run.setting["label"]), []).append(run)
    return [_row(key, group, marks) for key, group in rows.items()]


def _row(
    key: tuple[object, object], group: Sequence[Run], marks: Sequence[int]
) -> dict[str, object]:
    row: dict[str, object] = {"name": key[0], "label": key[1], "seeds": len(group)}
    for name, far in (("n90", 0.90), ("n95", 0.95)):
        first = [r.first(far) for r in group]
        counted = [len(r.curve) + 1 if n is None else n for r, n in zip(group, first, strict=True)]
        mean, error = mean_and_error(counted)
        reached = sum(n is not None for n in first)
        row[name] = {"mean": mean, "se": error, "reached": reached, "each": first}
    told = [r.more for r in group if r.more is not None]
    names = [n for n, v in told[0].items() if isinstance(v, (int, float))] if told else []
    row["more"] = {n: float(np.mean([m[n] for m in told])) for n in names}
    row["at"] = {str(n): _means([r.curve[n] for r in group if n in r.curve]) for n in marks}
    return row


def _means(points: Sequence[Point]) -> dict[str, object]:
    found: dict[str, object] = {}
    for field in Point.__annotations__:
        values = [v for p in points if (v := getattr(p, field)) is not None]
        if values:
            found[field], found[f"{field}_se"] = mean_and_error(values)
    return found
