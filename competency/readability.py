"""How easy a German text reads, in two published formulas.

Flesch index for German (Amstad 1978): 180 - words per sentence - 58.5 * syllables per word;
0 very hard to 100 very easy. First Wiener Sachtextformel (Bamberger, Vanecek 1984): about the
school year that reads the text with ease. Both count syllables; here one is a group of vowels,
diphthongs as one, which is right for nine in ten German words. A single question is short, so the
figures of one say little and those of a bank say more: they are reported, and only a clear outlier
is called hard.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from competency.wording import sentences

#: Longest sentence of Einfache Sprache, in words (DIN 8581-1 asks for short ones without a figure;
#: 12 leaves room for one short clause).
EASY_WORDS = 12
#: Highest Wiener Sachtextformel of an easy text: the eighth school year. One long name of a thing
#: ("Dienstplan-App" is a long one) moves a single question by a year or two.
EASY_WSTF = 8.0

_ADDRESS = re.compile(
    r"\S*\w\.\w\S*"
)  # musterstadt.example, 10.30: nobody reads those by syllables
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*", re.UNICODE)
_SYLLABLE = re.compile(r"aa|ee|oo|ie|ei|ai|au|eu|äu|ey|ay|[aeiouyäöüéèáà]", re.IGNORECASE)
_LONG_WORD = 6  # letters; "long" in the Wiener Sachtextformel is more
_MANY_SYLLABLES = 3


@dataclass(frozen=True, slots=True)
class Ease:
    """The two figures of a text."""

    flesch: float  # 0 hard to 100 easy
    wstf: float  # school year


def ease(texts: Iterable[str]) -> Ease:
    """Return how easy texts read together; a text without an end mark counts as one sentence.

    :raises ValueError: there is no word in them.
    """
    texts = list(texts)
    parts = [part for text in texts for word in words_of(text) for part in word.split("-")]
    if not parts:
        raise ValueError("no words")
    count = len(parts)
    per_sentence = count / sum(max(1, len(sentences(t))) for t in texts if words_of(t))
    beats = [syllables(part) for part in parts]
    many = 100 * sum(n >= _MANY_SYLLABLES for n in beats) / count
    long = 100 * sum(len(part) > _LONG_WORD for part in parts) / count
    single = 100 * sum(n == 1 for n in beats) / count
    return Ease(
        flesch=180 - per_sentence - 58.5 * sum(beats) / count,
        wstf=0.1935 * many + 0.1672 * per_sentence + 0.1297 * long - 0.0327 * single - 0.875,
    )


def words_of(text: str) -> list[str]:
    """Return the words of a text; "Dienstplan-App" is one, an address none."""
    return _WORD.findall(_ADDRESS.sub(" ", text))


def syllables(word: str) -> int:
    """Return about how many syllables a German word has, at least one."""
    return max(1, len(_SYLLABLE.findall(word)))
