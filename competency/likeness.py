"""Which questions of a bank say the same thing: copied, or with names and things exchanged.

Two views of a question, each as the set of its runs of three words: the words as they stand, and
their frame, in which nouns, numbers and quotations are one and the same sign. "Sie speichern ein
Foto vom Zaun" and "Sie speichern einen Bericht vom Dach" have the same frame. Runs that many
questions share ("Was tun Sie?") say nothing and are left out.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from competency.items import Item, Kind
from competency.wording import without_quotations

#: Share of common runs from which two questions count as one. Exchanging every noun of a question
#: leaves a frame of 1.0, exchanging half of its words one of about 0.5 (tests).
SAME_WORDS = 0.35
SAME_FRAME = 0.45
#: A run in more questions than this share of the bank is how questions are asked, not what about.
COMMON = 0.02

_THING = "*"
_RUN = 3
_TOKEN = re.compile(r"[^\W_]+(?:[-.:][^\W_]+)*|[?!]", re.UNICODE)
#: Words that begin a sentence with a capital letter and are no things.
_NO_THING = re.compile(
    r"sie|ihre?[nm]?|ich|wir|es|das|d[ei][rem]|den|eine?[nms]?|mit|im?n?|auf|a[nm]|beim?|für|vo[nm]"
    r"|zu[mr]?|aus|nach|seit|bis|u[nm]d?|oder|aber|nur|noch|erst|jede[rs]?|alle|wenn|damit|dann"
    r"|danach|dort|hier|heute|jetzt|niemand|jemand|w(?:as|ie|er|o|ohin|ann|arum|omit|elche[rsn]?)"
)

Runs = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two questions and how much of them is the same, 0 to 1."""

    first: str
    second: str
    words: float
    frame: float


def alike(items: Sequence[Item]) -> Iterator[Pair]:
    """Yield the pairs that count as one question, in the order of the bank."""
    words = _telling([_runs(_tokens(i)) for i in items])
    frames = _telling([_runs(_frame(i)) for i in items])
    for a, b in sorted(_meeting(words) | _meeting(frames)):
        pair = Pair(
            items[a].key, items[b].key, _shared(words[a], words[b]), _shared(frames[a], frames[b])
        )
        if pair.words >= SAME_WORDS or pair.frame >= SAME_FRAME:
            yield pair


def _texts(item: Item) -> Iterator[str]:
    yield item.stem
    if item.kind not in (Kind.SELF_RATING, Kind.REFLECTION, Kind.TRUE_FALSE):  # theirs are alike
        yield from sorted(o.text for o in item.options)


def _tokens(item: Item) -> list[str]:
    return [word.casefold() for text in _texts(item) for word in _TOKEN.findall(text)]


def _frame(item: Item) -> list[str]:
    if not item.scored:  # one scale asks its sentences in one frame on purpose
        return []
    texts = (without_quotations(text) for text in _texts(item))
    return [_sign(word) for text in texts for word in _TOKEN.findall(text)]


def _sign(word: str) -> str:
    small = word.casefold()
    thing = word[0].isdigit() or (word[0].isupper() and not _NO_THING.fullmatch(small))
    return _THING if thing else small


def _runs(tokens: Sequence[str]) -> Runs:
    return frozenset(tuple(tokens[n : n + _RUN]) for n in range(len(tokens) - _RUN + 1))


def _telling(runs: Sequence[Runs]) -> list[Runs]:
    """Leave out what is common; but what only a few share stays, however small the bank."""
    count = Counter(run for each in runs for run in each)
    most = max(3, COMMON * len(runs))
    return [frozenset(run for run in each if count[run] <= most) for each in runs]


def _meeting(runs: Sequence[Runs]) -> set[tuple[int, int]]:
    """Return the pairs with at least one run in common; all others share nothing."""
    where: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for n, each in enumerate(runs):
        for run in each:
            where[run].append(n)
    return {(a, b) for found in where.values() for a in found for b in found if a < b}


def _shared(one: Iterable[tuple[str, ...]], other: Iterable[tuple[str, ...]]) -> float:
    a, b = frozenset(one), frozenset(other)
    return len(a & b) / len(a | b) if a | b else 0.0
