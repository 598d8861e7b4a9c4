"""What a bank says in judgements a person can act on: which items work, which do not, and why.

Values only; words are the template's. The limits are conventions (reference 3.7 names the figures),
each with its reason, and they only ever lead to a look by people: nothing is dropped by itself.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from competency.calibration.bank import Bank, BankItem


class Verdict(StrEnum):
    WORKS = "works"
    LOOK = "look"
    OUT = "out"  # not to be asked before people have mended it


class Reason(StrEnum):
    SILENT = "silent"  # nobody answered
    ALIKE = "alike"  # everybody gave the same answer
    FEW = "few"  # too few answers to judge
    BACKWARDS = "backwards"  # who knows more does worse: the key?
    WEAK = "weak"  # goes with nothing else
    NOISY = "noisy"  # answers jump more than the model allows
    BENT = "bent"  # the curve is another one
    UNFAIR = "unfair"  # clearly easier or harder for a group
    UNEVEN = "uneven"  # somewhat easier or harder for a group
    TWIN = "twin"  # asks the same as another
    UNSURE = "unsure"  # its difficulty is still vague


OUT = frozenset({Reason.SILENT, Reason.BACKWARDS, Reason.WEAK, Reason.UNFAIR})
ENOUGH = 100  # answers, for a judgement of fit
WEAKEST = 0.15  # correlation with what the other answers lead to expect
NOISIEST = 1.25  # infit; 1.3 is the usual limit of surveys, tests of competence are stricter
BENT_P = 0.001  # per item, so that a bank of 250 has a false alarm in four
TOLD = 0.03  # a curve may be bent and still tell little: then it is weak, not bent
TWINS = 0.4  # residual correlation of two latent answers
VAGUE = 0.4  # standard error of the middle difficulty, on theta


@dataclass(frozen=True, slots=True)
class Judged:
    item: BankItem
    verdict: Verdict
    reasons: tuple[Reason, ...]
    twins: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Mean share of what could be reached, 0 to 1."""
        counts = np.array(self.item.counts, dtype=np.float64)
        most = max(1, len(counts) - 1)
        return float(counts @ np.arange(len(counts)) / (max(1.0, counts.sum()) * most))


@dataclass(frozen=True, slots=True)
class Measured:
    """A competence: how many items, and how sure the answers make it."""

    code: str
    items: int
    reliability: float


def judged(bank: Bank) -> tuple[Judged, ...]:
    """Return a judgement of every item, in the bank's order."""
    twins = _twins(bank)
    return tuple(_judged(item, twins.get(item.key, ())) for item in bank.items)


def measured(bank: Bank) -> tuple[Measured, ...]:
    counts = np.bincount(bank.dimension, minlength=len(bank.competencies))
    return tuple(
        Measured(code, int(n), bank.reliability[code])
        for code, n in zip(bank.competencies, counts, strict=True)
    )


def _judged(item: BankItem, twins: tuple[str, ...]) -> Judged:
    reasons = tuple(reason for reason, holds in _signs(item, twins) if holds)
    if OUT.intersection(reasons):
        return Judged(item, Verdict.OUT, reasons, twins)
    return Judged(item, Verdict.LOOK if reasons else Verdict.WORKS, reasons, twins)


def _signs(item: BankItem, twins: tuple[str, ...]) -> list[tuple[Reason, bool]]:
    fit, many = item.fit, item.answers >= ENOUGH
    sizes = {d.size for d in item.differences}
    weak = bool(fit and many and fit.rest < WEAKEST)
    return [
        (Reason.SILENT, item.answers == 0),
        (Reason.ALIKE, 0 < item.answers == max(item.counts)),
        (Reason.FEW, 0 < item.answers < ENOUGH),
        (Reason.BACKWARDS, item.reversed and many),
        (Reason.WEAK, weak and not item.reversed),
        (Reason.NOISY, bool(fit and many and fit.infit > NOISIEST)),
        (Reason.BENT, bool(fit and many and fit.misfit_p < BENT_P and fit.told > TOLD)),
        (Reason.UNFAIR, "large" in sizes),
        (Reason.UNEVEN, "moderate" in sizes),
        (Reason.TWIN, bool(twins)),
        (Reason.UNSURE, item.answers > 0 and sorted(item.b_se)[len(item.b_se) // 2] > VAGUE),
    ]


def _twins(bank: Bank) -> dict[str, tuple[str, ...]]:
    near = bank.residual > TWINS
    keys = np.array([i.key for i in bank.items])
    return {str(keys[n]): tuple(keys[near[n]].tolist()) for n in np.flatnonzero(near.any(axis=1))}
