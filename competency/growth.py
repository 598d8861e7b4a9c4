"""Second measurement: where it starts, and whether a change between two is to be believed.

A person may have learned or forgotten meanwhile, so what was known drifts back towards the
population, rho = exp(-months / 24): mean rho m1 + (1 - rho) m0, variance rho^2 V1 + (1 - rho^2) S.
Never surer than the first measurement allows, never less sure than of a stranger. The change itself
is judged by answers alone: both measurements scored from the plain prior, and
P(growth) = Phi((m2 - m1) / sqrt(V1 + V2)). Source: reference assessment 3.9 (a convention).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from competency.assessment import Engine
from competency.posterior import Posterior, probability_below

#: Months after which about a third of what was known has faded.
DRIFT_MONTHS = 24.0
DAYS_PER_MONTH = 365.25 / 12
SURE = 0.9


class Change(StrEnum):
    GROWN = "grown"  # gewachsen: P(growth) >= .9
    SHRUNK = "shrunk"  # gesunken: P <= .1
    UNCLEAR = "unclear"  # nicht unterscheidbar


@dataclass(frozen=True, slots=True)
class Growth:
    """What happened to one competence or area since the first measurement."""

    competency: str  # its code; of an area, the area's
    p: float  # P(theta now > theta then)
    change: Change


def drifted(first: Posterior, stranger: Posterior, months: float) -> Posterior:
    """Return what is believed so many months after the first measurement."""
    kept = math.exp(-max(0.0, months) / DRIFT_MONTHS)
    return Posterior(
        kept * first.mean + (1 - kept) * stranger.mean,
        kept**2 * first.cov + (1 - kept**2) * stranger.cov,
    )


def months_between(earlier: datetime, later: datetime) -> float:
    return (later - earlier).total_seconds() / 86_400 / DAYS_PER_MONTH


def growth(
    engine: Engine, first: Posterior, second: Posterior, asked: Mapping[str, int]
) -> tuple[Growth, ...]:
    """Return the change of every competence and area in the framework's order.

    Both beliefs are of one measurement's answers alone. `asked` is how many direct answers each
    code has had in both together; without any, nothing is said of it.
    """
    areas = (a.code for a in engine.framework.areas if engine.framework.measured(a.code))
    codes = [*engine.dimension, *areas]
    known = (code for code in codes if asked.get(code, 0))
    return tuple(_change(engine, first, second, code) for code in known)


def _change(engine: Engine, first: Posterior, second: Posterior, code: str) -> Growth:
    weights = engine.loading(code)
    moved = float(weights @ (second.mean - first.mean))
    spread = math.sqrt(weights @ (first.cov + second.cov) @ weights)
    p = float(probability_below(moved / spread))
    if p >= SURE:
        return Growth(code, p, Change.GROWN)
    return Growth(code, p, Change.SHRUNK if p <= 1 - SURE else Change.UNCLEAR)
