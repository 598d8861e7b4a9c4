"""A report says which items work, which do not and why; it never leaves anybody to guess."""

from dataclasses import replace

import numpy as np
import pytest

from competency.calibration.bank import Bank, BankItem, Difference, Fit
from competency.calibration.report import Reason, Verdict, judged, measured

GOOD = BankItem(
    key="g",
    competency="c",
    kind="binary",
    model="grm",
    a=1.4,
    b=(0.2,),
    a_se=0.1,
    b_se=(0.1,),
    counts=(200, 300),
    fit=Fit(1.0, 1.0, 0.4, 0.1, 0.4),
)


def _bank(*items: BankItem, residual: float = 0.0) -> Bank:
    size = len(items)
    shared = np.full((size, size), residual)
    np.fill_diagonal(shared, 0.0)
    return Bank(items, ("c",), np.ones((1, 1)), {"c": 0.8}, shared, (0.0, 0.0), 500)


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        ({}, Verdict.WORKS, None),
        ({"counts": (0, 0), "fit": None}, Verdict.OUT, Reason.SILENT),
        ({"counts": (0, 500), "fit": None}, Verdict.LOOK, Reason.ALIKE),
        ({"counts": (20, 30), "fit": None}, Verdict.LOOK, Reason.FEW),
        ({"reversed": True}, Verdict.OUT, Reason.BACKWARDS),
        ({"fit": Fit(1.0, 1.0, 0.05, 0.0, 0.4)}, Verdict.OUT, Reason.WEAK),
        ({"fit": Fit(1.4, 1.6, 0.3, 0.1, 0.4)}, Verdict.LOOK, Reason.NOISY),
        ({"fit": Fit(1.0, 1.0, 0.4, 0.1, 1e-6)}, Verdict.LOOK, Reason.BENT),
        ({"b_se": (0.6,)}, Verdict.LOOK, Reason.UNSURE),
        (
            {"differences": (Difference("Bauhof", 90, -0.9, 0.2, "large"),)},
            Verdict.OUT,
            Reason.UNFAIR,
        ),
        (
            {"differences": (Difference("Bauhof", 90, -0.5, 0.1, "moderate"),)},
            Verdict.LOOK,
            Reason.UNEVEN,
        ),
    ],
)
def test_each_sign_has_its_judgement(
    change: dict[str, object], verdict: Verdict, reason: Reason | None
) -> None:
    found = judged(_bank(replace(GOOD, **change)))[0]  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert found.reasons == ((reason,) if reason else ())


def test_twins_name_each_other() -> None:
    one, other = judged(_bank(GOOD, replace(GOOD, key="h"), residual=0.6))
    assert one.twins == ("h",)
    assert other.twins == ("g",)
    assert one.reasons == (Reason.TWIN,)


def test_shares_and_competences_are_told() -> None:
    bank = _bank(GOOD)
    assert judged(bank)[0].share == pytest.approx(0.6)
    assert [(m.code, m.items, m.reliability) for m in measured(bank)] == [("c", 1, 0.8)]
