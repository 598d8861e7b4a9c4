"""From a response to a category, kind by kind; a broken response is an error with a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competency.errors import IncompleteResponse, InvalidResponse, MalformedResponse, NotScored
from competency.items import Item, Kind, Option
from competency.scoring import Response, categories, field_of, score, validate

RIGHT_WRONG = (Option("ja", correct=True), Option("nein"))
TICKS = (Option("a", correct=True), Option("b", correct=True), Option("c"), Option("d"))
STEPS = tuple(Option(t) for t in ("erst", "dann", "danach", "zuletzt"))
PAIRS = tuple(Option(t, target=t.upper()) for t in ("a", "b", "c", "d"))
POINTS = tuple(Option(str(n), points=p) for n, p in enumerate((0, 3, 1, 0)))
RATING = tuple(Option(t) for t in ("nicht", "mit Hilfe", "allein", "zeige ich"))
TASK = tuple(Option(t) for t in ("Gerät", "Ort", "Zeit", "Meldung", "Versuch"))

OPTIONS: dict[Kind, tuple[Option, ...]] = {
    Kind.SINGLE_CHOICE: RIGHT_WRONG,
    Kind.TRUE_FALSE: RIGHT_WRONG,
    Kind.SCENARIO: POINTS,
    Kind.MULTIPLE_RESPONSE: TICKS,
    Kind.HOTSPOT: TICKS,
    Kind.ORDERING: STEPS,
    Kind.MATCHING: PAIRS,
    Kind.CATEGORIZE: PAIRS,
    Kind.SELF_RATING: RATING,
    Kind.PRACTICAL_TASK: TASK,
    Kind.REFLECTION: RATING,
}


def of(kind: Kind) -> Item:
    return Item("k", "1.1", 1, kind, "?", OPTIONS[kind], "", 1.2, (0.0,))


@pytest.mark.parametrize(
    ("kind", "response", "category"),
    [
        (Kind.SINGLE_CHOICE, {"choice": 0}, 1),
        (Kind.SINGLE_CHOICE, {"choice": 1}, 0),
        (Kind.TRUE_FALSE, {"choice": 0}, 1),
        (Kind.SCENARIO, {"choice": 0}, 0),
        (Kind.SCENARIO, {"choice": 1}, 2),
        (Kind.SCENARIO, {"choice": 2}, 1),
        (Kind.MULTIPLE_RESPONSE, {"choices": [0, 1]}, 2),
        (Kind.MULTIPLE_RESPONSE, {"choices": [0]}, 1),
        (Kind.MULTIPLE_RESPONSE, {"choices": [0, 1, 2]}, 1),
        (Kind.MULTIPLE_RESPONSE, {"choices": [2, 3]}, 0),
        (Kind.HOTSPOT, {"choices": [1]}, 1),
        (Kind.ORDERING, {"order": [0, 1, 2, 3]}, 2),
        (Kind.ORDERING, {"order": [1, 2, 3, 0]}, 1),
        (Kind.ORDERING, {"order": [3, 2, 1, 0]}, 0),
        (Kind.MATCHING, {"targets": ["A", "B", "C", "D"]}, 2),
        (Kind.MATCHING, {"targets": ["A", "B", "D", "C"]}, 1),
        (Kind.MATCHING, {"targets": ["A", "A", "A", "A"]}, 0),
        (Kind.CATEGORIZE, {"targets": ["B", "B", "C", "D"]}, 1),
        (Kind.SELF_RATING, {"choice": 3}, 3),
        (Kind.PRACTICAL_TASK, {"done": [0, 2, 4]}, 3),
    ],
)
def test_a_response_reaches_its_category(kind: Kind, response: Response, category: int):
    assert score(of(kind), response) == category


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (Kind.SINGLE_CHOICE, 2),
        (Kind.TRUE_FALSE, 2),
        (Kind.SCENARIO, 3),
        (Kind.MULTIPLE_RESPONSE, 3),
        (Kind.HOTSPOT, 3),
        (Kind.ORDERING, 3),
        (Kind.MATCHING, 3),
        (Kind.CATEGORIZE, 3),
        (Kind.SELF_RATING, 4),
        (Kind.PRACTICAL_TASK, 6),
        (Kind.REFLECTION, 1),
    ],
)
def test_every_kind_has_its_number_of_categories(kind: Kind, count: int):
    assert categories(of(kind)) == count


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.REFLECTION])
def test_not_knowing_is_an_honest_zero(kind: Kind):
    assert score(of(kind), {"dont_know": True}) == 0


@pytest.mark.parametrize(
    ("kind", "response"),
    [
        (Kind.SINGLE_CHOICE, {}),
        (Kind.SINGLE_CHOICE, {"choice": None}),
        (Kind.MULTIPLE_RESPONSE, {"choices": []}),
        (Kind.ORDERING, {"order": [0, 1]}),
        (Kind.MATCHING, {"targets": ["A", "", "C", "D"]}),
        (Kind.MATCHING, {"targets": ["A", "B"]}),
        (Kind.CATEGORIZE, {"targets": ["A", None, "C", "D"]}),
        (Kind.PRACTICAL_TASK, {"done": []}),
    ],
)
def test_what_the_learner_can_still_add_is_incomplete(kind: Kind, response: Response):
    with pytest.raises(IncompleteResponse):
        validate(of(kind), response)


@pytest.mark.parametrize(
    ("kind", "response"),
    [
        (Kind.SINGLE_CHOICE, {"choice": 2}),
        (Kind.SINGLE_CHOICE, {"choice": -1}),
        (Kind.SINGLE_CHOICE, {"choice": True}),
        (Kind.SINGLE_CHOICE, {"choice": "0"}),
        (Kind.SINGLE_CHOICE, {"choices": [0]}),
        (Kind.SINGLE_CHOICE, {"choice": 0, "dont_know": True}),
        (Kind.SINGLE_CHOICE, {"dont_know": False}),
        (Kind.MULTIPLE_RESPONSE, {"choices": [0, 0]}),
        (Kind.MULTIPLE_RESPONSE, {"choices": [9]}),
        (Kind.MULTIPLE_RESPONSE, {"choices": "01"}),
        (Kind.ORDERING, {"order": [0, 0, 1, 2]}),
        (Kind.ORDERING, {"order": [0, 1, 2, 4]}),
        (Kind.MATCHING, {"targets": ["A", "B", "C", "X"]}),
        (Kind.MATCHING, {"targets": ["A", "B", "C", "D", "A"]}),
        (Kind.MATCHING, {"targets": ["A", ["B"], "C", "D"]}),
        (Kind.PRACTICAL_TASK, {"done": [5]}),
        (Kind.ORDERING, [0, 1, 2, 3]),
    ],
)
def test_what_is_no_response_to_the_item_is_malformed(kind: Kind, response: Response):
    with pytest.raises(MalformedResponse):
        score(of(kind), response)


def test_a_reflection_is_taken_but_never_scored():
    validate(of(Kind.REFLECTION), {"choice": 4 - 1})
    with pytest.raises(NotScored):
        score(of(Kind.REFLECTION), {"choice": 0})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 6) | st.sampled_from(["A", "B", "", "x"]),
    lambda inner: st.lists(inner, max_size=6),
    max_leaves=8,
)


@given(st.sampled_from([k for k in Kind if k is not Kind.REFLECTION]), json_values, st.data())
def test_whatever_arrives_is_scored_or_refused_by_name(kind: Kind, value: object, data):
    key = data.draw(st.sampled_from([field_of(kind), "dont_know", "choice", "unknown"]))
    item = of(kind)
    try:
        category = score(item, {key: value})
    except InvalidResponse:
        return
    assert 0 <= category < categories(item)


@given(st.permutations(range(4)))
def test_only_the_right_order_reaches_the_top(order: list[int]):
    top = score(of(Kind.ORDERING), {"order": order}) == 2
    assert top == (order == [0, 1, 2, 3])
