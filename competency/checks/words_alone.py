"""How often the right option is found from its words alone, by one who knows no work and no scene.

A reader who has seen which words stand in right and in wrong options of all other competences, and
nothing else: naive Bayes over words, their beginnings and pairs (Manning, Raghavan, Schütze 2008,
chapter 13), trained without the competence it then answers. It never reads a question. What it
finds beyond chance is habit of the authors, and a habit of theirs any test-taker can learn too.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from competency.checks.options import Choice, choice_of
from competency.items import Item

#: A sign that stood in fewer options than this says nothing.
SEEN = 4
_STEM = 5  # letters that stand for a word's forms: "melde" in "melden" and "meldet"
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class WordsAlone:
    """How many of the questions with one right option it finds (a tie counts as its share)."""

    found: float
    questions: int
    chance: float  # how many a blind guess finds


def words_alone(items: Iterable[Item]) -> WordsAlone:
    """Return what the reader of words finds in a bank, each competence unseen."""
    choices = [c for c in map(choice_of, items) if c]
    found = 0.0
    for code in sorted({c.item.competency for c in choices}):
        habits = _Habits([c for c in choices if c.item.competency != code])
        found += sum(habits.luck(c) for c in choices if c.item.competency == code)
    chance = sum(1 / len(c.item.options) for c in choices)
    return WordsAlone(round(found, 1), len(choices), round(chance, 1))


class _Habits:
    """Which signs stood in right options and which in wrong ones."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._right = Counter(s for c in choices for s in _signs(c.key.text))
        self._wrong = Counter(s for c in choices for o in c.wrong for s in _signs(o.text))
        self._rights = len(choices)
        self._wrongs = sum(len(c.wrong) for c in choices)

    def luck(self, choice: Choice) -> float:
        """Return the share of the right option among those that look most like a right one."""
        looks = [self._look(o.text) for o in choice.item.options]
        best = [n for n, look in enumerate(looks) if look == max(looks)]
        return (choice.right in best) / len(best)

    def _look(self, text: str) -> float:
        return math.fsum(self._says(sign) for sign in _signs(text))

    def _says(self, sign: str) -> float:
        right, wrong = self._right[sign], self._wrong[sign]
        if right + wrong < SEEN:
            return 0.0
        # One wrong option more or less says less than a right one: they are three times as many.
        return math.log((right + 1) / (self._rights + 2) / ((wrong + 3) / (self._wrongs + 6)))


def _signs(text: str) -> set[str]:
    words = [w.casefold() for w in _WORD.findall(text)]
    pairs = {f"{a} {b}" for a, b in pairwise(words)}
    return {*words, *pairs, *(f"{w[:_STEM]}…" for w in words)}
