"""The one word a page says about why a question comes: nothing that the answers do not show."""

import pytest

from competency.because import Because, because
from competency.items import Kind
from tests.unit.competency.bank import item

ABOUT = item("a", "1.1", 1.0, (-0.5, 0.0, 0.5))
OTHER = item("b", "1.2", 1.0, (0.0,))
OWN = item("c", "1.1", 1.0, (-1.0, 0.0, 1.0), kind=Kind.SELF_RATING)


@pytest.mark.parametrize(
    ("answers", "certainty", "word"),
    [
        ([], 0.5, Because.FIRST),
        ([(OTHER, 1), (OTHER, 0)], 0.5, Because.FIRST),
        ([(ABOUT, 3)], 0.5, Because.FEW),
        ([(ABOUT, 3), (ABOUT, 1)], 0.85, Because.MIXED),
        ([(ABOUT, 3), (ABOUT, 2)], 0.85, Because.UNSURE),
        ([(ABOUT, 3), (ABOUT, 2)], 0.6, Because.CLOSE),
        ([(ABOUT, 0), (ABOUT, 1)], 0.15, Because.UNSURE),
        ([(ABOUT, 0), (OWN, 3)], 0.15, Because.UNSURE),
    ],
)
def test_the_word_follows_from_the_answers_about_this_competence(answers, certainty, word):
    assert because(("1.1",), certainty, answers) is word
