"""Why a question comes, in one word that a page can say: from what was answered, nothing else.

The full reason (worth, runner-up, certainty) is the engine's log; this is the part for the person.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum

from competency.items import Item

#: With P(theta >= Soll) between these, the best estimate lies close to the Soll.
CLOSE_FROM, CLOSE_TO = 0.3, 0.7
#: Fewer answers than this about a competence are few, whatever they were.
ENOUGH = 2


class Because(StrEnum):
    FIRST = "first"  # nothing was asked about it yet
    FEW = "few"
    MIXED = "mixed"  # one answer full, one less than half
    CLOSE = "close"  # what was seen lies close to the Soll
    UNSURE = "unsure"


def because(
    about: Collection[str], certainty: float, answers: Sequence[tuple[Item, int]]
) -> Because:
    """Return why a question about these competences comes after these (item, category) answers."""
    told = [(item, category) for item, category in answers if item.competency in about]
    if not told:
        return Because.FIRST
    if len(told) < ENOUGH:
        return Because.FEW
    if _mixed(told):
        return Because.MIXED
    return Because.CLOSE if CLOSE_FROM < certainty < CLOSE_TO else Because.UNSURE


def _mixed(answers: Sequence[tuple[Item, int]]) -> bool:
    # A self-report says how sure somebody feels: that and a task may differ without being mixed.
    shares = [c / (i.categories - 1) for i, c in answers if not i.self_report]
    return any(share == 1 for share in shares) and any(share < 0.5 for share in shares)
