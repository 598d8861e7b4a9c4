"""From a response to an ordered category, for every kind of item.

A response is a dict in JSON shape with exactly one key; options are named by their INDEX in
`item.options` as stored in the pack, never as shown:

    {"dont_know": true}        every kind; always category 0 ("Weiß ich nicht" is an honest answer)
    {"choice": 2}              single choice, true/false, scenario, self-rating, reflection
    {"choices": [0, 3]}        multiple response, hotspot
    {"order": [2, 0, 1, 3]}    ordering: option indices, first step first
    {"targets": ["A", "B"]}    matching, categorize: one target per option, in option order
    {"done": [0, 1]}           practical task: what was ticked

Categories run from 0 to `categories(item)` - 1 and only ever rise with a better response.
Source: reference assessment 3.1 and 8. No I/O, and no answer in an error message.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from competency.errors import IncompleteResponse, MalformedResponse, NotScored
from competency.items import Item, Kind

Response = Mapping[str, object]

DONT_KNOW = "dont_know"

_FIELD: Mapping[Kind, str] = {
    Kind.SINGLE_CHOICE: "choice",
    Kind.TRUE_FALSE: "choice",
    Kind.SCENARIO: "choice",
    Kind.SELF_RATING: "choice",
    Kind.REFLECTION: "choice",
    Kind.MULTIPLE_RESPONSE: "choices",
    Kind.HOTSPOT: "choices",
    Kind.ORDERING: "order",
    Kind.MATCHING: "targets",
    Kind.CATEGORIZE: "targets",
    Kind.PRACTICAL_TASK: "done",
}


def field_of(kind: Kind) -> str:
    """Return the key a response to this kind of item carries."""
    return _FIELD[kind]


def categories(item: Item) -> int:
    """Return how many categories the item's options make; 1 for a reflection."""
    return _CATEGORIES[item.kind](item)


def validate(item: Item, response: Response) -> None:
    """Check that the response can be scored.

    :raises IncompleteResponse: something is missing that the learner can add.
    :raises MalformedResponse: it is no response to this item.
    """
    if not isinstance(response, Mapping):
        raise MalformedResponse("a response is a mapping with one key")
    if not response:
        raise IncompleteResponse("nothing was chosen")
    if set(response) == {DONT_KNOW}:
        _check_dont_know(response)
        return
    field = _FIELD[item.kind]
    if set(response) != {field}:
        raise MalformedResponse(f"a response to {item.kind} has the one key {field!r}")
    _CHECKS[field](item, response[field])


def score(item: Item, response: Response) -> int:
    """Return the category reached, 0 to `categories(item)` - 1; "Weiß ich nicht" is 0.

    :raises InvalidResponse: see `validate`, which is called first.
    :raises NotScored: the item is a reflection.
    """
    validate(item, response)
    if not item.scored:
        raise NotScored("a reflection is private and never scored")
    if DONT_KNOW in response:
        return 0
    return _SCORES[item.kind](item, response[_FIELD[item.kind]])


# --- what a response must look like ---------------------------------------------------------------


def _check_dont_know(response: Response) -> None:
    if response[DONT_KNOW] is not True:
        raise MalformedResponse("dont_know is true or absent")


def _check_choice(item: Item, value: object) -> None:
    if value is None:
        raise IncompleteResponse("no option was chosen")
    _check_index(item, value)


def _check_choices(item: Item, value: object) -> None:
    chosen = _list(value)
    if not chosen:
        raise IncompleteResponse("no option was chosen")
    _check_distinct(item, chosen)


def _check_order(item: Item, value: object) -> None:
    order = _list(value)
    _check_distinct(item, order)
    if len(order) < len(item.options):
        raise IncompleteResponse("not every step has a place")


def _check_targets(item: Item, value: object) -> None:
    targets = _list(value)
    if len(targets) > len(item.options):
        raise MalformedResponse("more targets than options")
    known = {o.target for o in item.options}
    missing = len(targets) < len(item.options)
    for target in targets:
        if target is None or target == "":
            missing = True
        elif not isinstance(target, str) or target not in known:
            raise MalformedResponse("a target that the item does not have")
    if missing:
        raise IncompleteResponse("not every option has a target")


def _check_distinct(item: Item, indices: Sequence[object]) -> None:
    for index in indices:
        _check_index(item, index)
    if len(set(indices)) < len(indices):
        raise MalformedResponse("an option is named twice")


def _check_index(item: Item, value: object) -> None:
    # A bool is an int in Python; {"choice": true} would quietly mean option 1.
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedResponse("an option is named by its number")
    if not 0 <= value < len(item.options):
        raise MalformedResponse("an option that the item does not have")


def _list(value: object) -> list[object]:
    if value is None:
        raise IncompleteResponse("nothing was chosen")
    if not isinstance(value, list | tuple):
        raise MalformedResponse("a list is expected")
    return list(value)


_CHECKS: Mapping[str, Callable[[Item, object], None]] = {
    "choice": _check_choice,
    "choices": _check_choices,
    "order": _check_order,
    "targets": _check_targets,
    "done": _check_choices,
}


# --- what it is worth -----------------------------------------------------------------------------


def _steps_of_credit(item: Item) -> list[int]:
    """Distinct points of a scenario, lowest first: the categories."""
    return sorted({o.points for o in item.options})


def _score_correct(item: Item, value: object) -> int:
    return int(item.options[_int(value)].correct)


def _score_points(item: Item, value: object) -> int:
    return _steps_of_credit(item).index(item.options[_int(value)].points)


def _score_index(_item: Item, value: object) -> int:
    return _int(value)


def _score_ticks(item: Item, value: object) -> int:
    # A wrong tick takes back a right one, so that ticking everything earns nothing for free.
    right = [item.options[_int(i)].correct for i in _list(value)]
    return max(0, right.count(True) - right.count(False))


def _score_done(_item: Item, value: object) -> int:
    return len(_list(value))


def _score_order(item: Item, value: object) -> int:
    # Neighbours in the right order say "knows the flow" even where one step slipped.
    order = [_int(i) for i in _list(value)]
    pairs = sum(after == before + 1 for before, after in pairwise(order))
    return _in_thirds(item, pairs, len(order) - 1)


def _score_targets(item: Item, value: object) -> int:
    chosen = _list(value)
    right = sum(o.target == t for o, t in zip(item.options, chosen, strict=True))
    return _in_thirds(item, right, len(item.options))


def _in_thirds(item: Item, right: int, of: int) -> int:
    """Return the top category for all right, 1 for at least half, else 0."""
    if right == of:
        return categories(item) - 1
    return 1 if 2 * right >= of else 0


def _int(value: object) -> int:
    assert isinstance(value, int)  # validated before
    return value


_SCORES: Mapping[Kind, Callable[[Item, object], int]] = {
    Kind.SINGLE_CHOICE: _score_correct,
    Kind.TRUE_FALSE: _score_correct,
    Kind.SCENARIO: _score_points,
    Kind.SELF_RATING: _score_index,
    Kind.MULTIPLE_RESPONSE: _score_ticks,
    Kind.HOTSPOT: _score_ticks,
    Kind.ORDERING: _score_order,
    Kind.MATCHING: _score_targets,
    Kind.CATEGORIZE: _score_targets,
    Kind.PRACTICAL_TASK: _score_done,
}

_CATEGORIES: Mapping[Kind, Callable[[Item], int]] = {
    Kind.SINGLE_CHOICE: lambda _: 2,
    Kind.TRUE_FALSE: lambda _: 2,
    Kind.SCENARIO: lambda item: len(_steps_of_credit(item)),
    Kind.SELF_RATING: lambda item: len(item.options),
    Kind.REFLECTION: lambda _: 1,
    Kind.MULTIPLE_RESPONSE: lambda item: 1 + sum(o.correct for o in item.options),
    Kind.HOTSPOT: lambda item: 1 + sum(o.correct for o in item.options),
    # With two steps there is one pair: right or wrong, nothing between.
    Kind.ORDERING: lambda item: 3 if len(item.options) > 2 else 2,
    Kind.MATCHING: lambda _: 3,
    Kind.CATEGORIZE: lambda _: 3,
    Kind.PRACTICAL_TASK: lambda item: 1 + len(item.options),
}
