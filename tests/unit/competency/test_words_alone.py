"""The reader who knows nothing but words (competency/checks/words_alone.py)."""

from dataclasses import replace

import pytest

from competency.checks.words_alone import words_alone
from competency.items import Item, Kind
from competency.packs import Content
from tests.unit.competency.copied import SHIPPED

ITEMS = tuple(i for i in Content.load(SHIPPED).items if i.kind is Kind.SINGLE_CHOICE)


def said(right: str, wrong: str) -> list[Item]:
    """Return the shipped single choices, every option in one of two wordings."""
    return [
        replace(i, options=tuple(replace(o, text=right if o.correct else wrong) for o in i.options))
        for i in ITEMS
    ]


def test_a_habit_of_the_authors_is_found_in_competences_it_was_not_learnt_from() -> None:
    alone = words_alone(said("Ich melde es und warte.", "Ich sehe nach."))
    assert alone.found == alone.questions == len(ITEMS)


def test_options_that_say_the_same_are_found_by_chance_only() -> None:
    alone = words_alone(said("Ich sehe nach.", "Ich sehe nach."))
    assert alone.found == pytest.approx(alone.chance, abs=0.1)


def test_what_one_competence_alone_says_is_no_habit() -> None:
    code = ITEMS[0].competency
    plain = [i for i in said("Ich sehe nach.", "Ich sehe nach.") if i.competency != code]
    telling = [i for i in said("Ich melde es.", "Ich warte.") if i.competency == code]
    alone = words_alone([*plain, *telling])
    assert alone.found == pytest.approx(alone.chance, abs=0.1)
