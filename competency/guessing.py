"""What guessing does to a question, before any data: chance scores, and the curve they leave.

An expert says where somebody *knows* the answer. Of those who know nothing of it some tap "Weiß ich
nicht", the others guess, and one in five right answers to a question with two options is luck. A
curve that leaves that out promises too much (ADR 0023). Here the answers of both, knowing
and guessing, are described by the graded curves that come nearest to them among people around the
question, who are asked it: logistic regression of "reached at least k" on theta, one slope for all
k, theta normal around the middle of the thresholds.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import permutations, product

import numpy as np

from competency.items import Item, Kind
from competency.posterior import Array, logistic
from competency.scoring import Response, categories, score

#: Share of those without a clue who guess; the others say so. An assumption until answers show it.
GUESSING = 0.5

_NODES = np.linspace(-4.0, 4.0, 161)
_WEIGHTS = np.exp(-(_NODES**2) / 2) / np.exp(-(_NODES**2) / 2).sum()
_STEPS = 25  # of Newton; the problem is convex and settles in six


def chance(item: Item) -> tuple[float, ...]:
    """Return P(category) of somebody who answers at random, lowest category first.

    Every response is equally likely; of several choices, every set but the empty one.
    """
    count = Counter(score(item, response) for response in _responses(item))
    return tuple(count[k] / count.total() for k in range(categories(item)))


def _responses(item: Item) -> Iterator[Response]:
    places = range(len(item.options))
    match item.kind:
        case Kind.MULTIPLE_RESPONSE | Kind.HOTSPOT:
            for ticks in range(1, 2 ** len(places)):
                yield {"choices": [n for n in places if ticks >> n & 1]}
        case Kind.ORDERING:
            yield from ({"order": list(order)} for order in permutations(places))
        case Kind.MATCHING:  # each target once, as the stem says
            yield from ({"targets": list(t)} for t in permutations(o.target for o in item.options))
        case Kind.CATEGORIZE:
            groups = sorted({o.target for o in item.options})
            yield from ({"targets": list(t)} for t in product(groups, repeat=len(places)))
        case _:
            yield from ({"choice": n} for n in places)


@cache
def with_guessing(
    a: float, b: tuple[float, ...], luck: tuple[float, ...], share: float = GUESSING
) -> tuple[float, tuple[float, ...]]:
    """Return (a, b) of the graded curves nearest to the answers of those who know and who guess.

    `a` and `b` say who knows; `luck` is P(category) of a guess. Whoever knows nothing (category 0)
    guesses with probability `share`. Rounded to two decimals: more says nothing before any data.
    """
    middle = sum(b) / len(b)
    beyond = np.array(luck)[::-1].cumsum()[::-1][1:]  # P(a guess reaches at least k)
    knows = logistic(a * (middle + _NODES[None, :] - np.array(b)[:, None]))
    reached = knows + share * (1 - knows[0]) * beyond[:, None]
    slope, offsets = _regression(reached)
    return round(slope, 2), tuple(round(middle - o / slope, 2) + 0.0 for o in offsets)


def _regression(reached: Array) -> tuple[float, tuple[float, ...]]:
    """Return slope and offsets of sigma(slope * theta + offset_k) nearest to the curves (k, n)."""
    count = len(reached)
    slope, offsets = 1.0, np.zeros(count)
    for _ in range(_STEPS):
        curves = logistic(slope * _NODES[None, :] + offsets[:, None])
        miss = (reached - curves) * _WEIGHTS
        spread = curves * (1 - curves) * _WEIGHTS
        gradient = np.append(miss.sum(axis=1), (miss @ _NODES).sum())
        hessian = np.diag(np.append(spread.sum(axis=1), (spread @ _NODES**2).sum()))
        hessian[:count, count] = hessian[count, :count] = spread @ _NODES
        move = np.linalg.solve(hessian, gradient)
        offsets, slope = offsets + move[:count], slope + float(move[count])
    return slope, tuple(offsets.tolist())
