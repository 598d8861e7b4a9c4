"""From a bank to parameters.json: the model of each item goes with its numbers."""

from dataclasses import replace

import numpy as np
import pytest

from competency.calibration.bank import Bank, BankItem
from competency.calibration.proposal import Kept, proposed
from competency.items import Kind, Model
from competency.posterior import category_probabilities
from tests.unit.competency.bank import item

ITEMS = (
    item("graded", "1.1", 1.2, (-0.7, 0.7)),
    item("partial", "1.1", 1.2, (-0.7, 0.7)),
    item("same", "1.1", 1.2, (-0.7, 0.7)),
    item("self", "1.1", 1.2, (-0.7, 0.7), kind=Kind.SELF_RATING, model=Model.GPCM, basis="expert"),
)


def _bank() -> Bank:
    found = {
        "graded": ("grm", (-0.4, 0.90004)),
        "partial": ("gpcm", (0.8, -0.3)),
        "same": ("grm", (0.50001, 0.50002)),
        "self": ("grm", (-0.4, 0.9)),
    }
    items = tuple(
        BankItem(key, "1.1", "", model, 1.5, b, 0.1, (0.1, 0.1), (300, 300, 300))
        for key, (model, b) in found.items()
    )
    return Bank(items, ("1.1",), np.eye(1), {"1.1": 0.8}, np.zeros((4, 4)), (0.0, 0.0), 900)


def test_partial_credit_is_proposed_as_such_and_graded_items_say_nothing_of_it():
    proposal = proposed(_bank(), ITEMS, "test")
    rows = proposal.document["items"]
    assert rows["graded"] == {"a": 1.5, "b": [-0.4, 0.9]}
    assert rows["partial"] == {"a": 1.5, "b": [0.8, -0.3], "model": "gpcm"}
    assert proposal.kept == {"same": Kept.COINCIDING, "self": Kept.SELF_REPORT}
    kept = {"a": 1.2, "b": [-0.7, 0.7], "model": "gpcm", "basis": "expert"}
    assert rows["self"] == kept  # and what its old values are known from


@pytest.mark.parametrize("model", Model)
def test_a_model_means_the_same_when_calibrated_and_when_asked(model: Model):
    b = (-0.4, 0.9)
    one = replace(_bank().items[0], model=model.value, b=b)
    curves = replace(_bank(), items=(one,), residual=np.zeros((1, 1))).curves()
    eta = np.linspace(-3, 3, 7)
    asked = category_probabilities(eta, 1.5, b, model is Model.GPCM)
    assert curves.probabilities(eta)[0] == pytest.approx(asked, abs=1e-9)
