"""Whatever people answer, a bank has finite numbers and a replay has probabilities."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from competency.calibration.calibrate import calibrated
from competency.calibration.table import ItemSpec
from competency.calibration.trial import Trial
from tests.unit.competency.calibration.people import of


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    persons=st.integers(30, 90),
    competences=st.integers(1, 6),
    per=st.integers(1, 5),
    largest=st.integers(1, 6),
    missing=st.sampled_from([0.0, 0.3, 0.9]),
    alike=st.sampled_from([0.0, 0.5, 1.0]),
)
def test_any_answers_make_a_bank_and_predictions(
    seed: int,
    persons: int,
    competences: int,
    per: int,
    largest: int,
    missing: float,
    alike: float,
) -> None:
    rng = np.random.default_rng(seed)
    size = competences * per
    codes = rng.integers(0, largest + 1, (persons, size))
    one = rng.integers(0, largest + 1, (persons, 1))  # the same answer to everything
    codes = np.where(rng.random(codes.shape) < alike, one, codes)
    codes[rng.random(codes.shape) < missing] = -1
    codes[:, 0] = rng.integers(0, largest + 1, persons)  # so that nobody is without an answer
    kind = "binary" if largest == 1 else "graded"
    specs = tuple(ItemSpec(f"i{n:02}", f"c{n // per}", kind) for n in range(size))
    answers = of(codes.astype(np.int16), specs)
    bank = calibrated(answers, specs).bank
    numbers = [x for i in bank.items for x in (i.a, i.a_se, *i.b, *i.b_se)]
    assert np.isfinite(numbers).all()
    assert np.linalg.eigvalsh(bank.correlation)[0] > 0
    assert np.diag(bank.correlation) == pytest.approx(1.0)
    if size > 1:
        keys = [s.key for s in specs]
        trial = Trial.of(bank, answers, keys[: size // 2], keys[size // 2 :])
        for predicted in trial.adaptive((1, 4), seed=1):
            assert predicted.chances.sum(axis=2) == pytest.approx(1.0)
            assert (predicted.chances >= 0).all()
            assert np.isfinite(trial.losses(predicted)).all()
