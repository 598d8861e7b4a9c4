"""Two versions of the questions, side by side."""

from dataclasses import replace

import pytest

from competency.bank_difference import difference
from competency.items import Option
from tests.unit.competency.bank import item

ONE, TWO, THREE = (item(key, "1.1", 1.2, (0.0,)) for key in ("a", "b", "c"))


def test_what_is_new_gone_and_changed_is_told_apart() -> None:
    found = difference([ONE, TWO], [replace(TWO, stem="neu?"), THREE])
    assert [i.key for i in found.added] == ["c"]
    assert [i.key for i in found.removed] == ["a"]
    assert [(c.before.stem, c.after.stem) for c in found.changed] == [("?", "neu?")]


def test_the_same_questions_in_another_order_are_no_change() -> None:
    found = difference([ONE, TWO, THREE], [THREE, ONE, TWO])
    assert (found.added, found.removed, found.changed) == ((), (), ())


@pytest.mark.parametrize(
    ("change", "aspects"),
    [
        ({"stem": "anders?"}, ("words",)),
        ({"options": (Option("nein"), Option("ja", correct=True))}, ("answers",)),
        ({"a": 1.5, "b": (0.2,), "basis": "kalibriert"}, ("parameters",)),
        ({"level": 2, "feedback": "So."}, ("feedback", "measured")),
        ({"roles": frozenset({"GB"})}, ("work",)),
        ({"stem_en": "?!"}, ("other",)),
    ],
)
def test_a_change_says_what_it_is_about(
    change: dict[str, object], aspects: tuple[str, ...]
) -> None:
    (found,) = difference([ONE], [replace(ONE, **change)]).changed  # type: ignore[arg-type]
    assert found.aspects == aspects
