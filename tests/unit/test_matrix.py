"""What `make test` keeps of a matrix."""

from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from tests.matrix import thin

AXES = {"a": "12", "b": "xyz", "c": "+-"}


class Item:
    """As much of a collected test as is looked at."""

    def __init__(self, values: tuple[str, ...], together: tuple[str, ...]) -> None:
        self.nodeid = f"tests/test_it.py::test_it[{'-'.join(values)}]"
        self.callspec = SimpleNamespace(params=dict(zip(AXES, values, strict=True)))
        self.marks = [pytest.mark.matrix(*together).mark]
        self.values = values

    def get_closest_marker(self, name: str) -> pytest.Mark | None:
        return next((mark for mark in self.marks if mark.name == name), None)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks.append(mark.mark)


def kept(*together: str) -> list[tuple[str, ...]]:
    items: list[Any] = [Item(values, together) for values in product(*AXES.values())]
    thin(items)
    return [item.values for item in items if item.get_closest_marker("slow") is None]


def test_a_long_test_keeps_its_usual_database() -> None:
    items: list[Any] = [Item(values, ()) for values in product(*AXES.values())]
    for item in items:
        item.marks = [pytest.mark.usual("x").mark]
    thin(items)
    assert {i.values[1] for i in items if i.get_closest_marker("slow") is None} == {"x"}


def test_each_value_is_there_once() -> None:
    found = kept()
    assert [set(column) for column in zip(*found, strict=True)] == [set(v) for v in AXES.values()]
    assert len(found) == 5  # of twelve


def test_all_combinations_of_axes_that_are_named_together_stay() -> None:
    found = kept("a", "b")
    assert {values[:2] for values in found} == set(product(AXES["a"], AXES["b"]))
    assert len(found) == 7
