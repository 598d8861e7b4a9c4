"""Nobody needs more than ten minutes: 15 s to rate oneself, 35 s for any other question (issue 6).

The questions depend on the answers, so this answers in many ways; the walk in a browser is in e2e.
"""

import random

import pytest

from competency.items import Kind
from lti_tool.flows import assess
from tests.unit.flows.test_later import best
from tests.unit.flows.test_the_arrows import NOW, House, some_response

TEN_MINUTES_S = 600


@pytest.mark.parametrize("role", ["GB", "ERZ"])
@pytest.mark.parametrize("well", [0.0, 0.3, 0.6, 1.0])
def test_the_questions_take_ten_minutes_at_most(role: str, well: float) -> None:
    house, chance = House().work_as(role), random.Random(f"{role}{well}")
    assess.start(house.s, house.learner, NOW)
    taken = 0
    while (question := house.question()) is not None:
        item = question.item
        taken += 15 if item.kind is Kind.SELF_RATING else 35
        known = best(item) if chance.random() < well else {"dont_know": True}
        house.answer(some_response(item, 1) if item.self_report else known)
    assert 0 < taken <= TEN_MINUTES_S
