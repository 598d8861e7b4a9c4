"""The Soll as a table: what is written is read back the same, and what is wrong is named."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competency.soll import Granularity, codes_of
from competency.soll_table import Line, read_rows, rows_of
from competency.troubles import Trouble
from tests.unit.competency.bank import framework

FRAMEWORK = framework((3, 2), private="2.2")
CODES = codes_of(FRAMEWORK, Granularity.COMPETENCE)  # 1.1 1.2 1.3 2.1
AREAS = codes_of(FRAMEWORK, Granularity.AREA)
HEADING = ["Rolle", "Titel", "Tätigkeit", "Skala", *(f"Soll {code}" for code in CODES)]


def row(*values: object, role: str = "GB", scale: object = "") -> list[object]:
    return [role, "Titel", "", scale, *values]


def troubles(*rows: list[Any]) -> list[Trouble]:
    return list(read_rows(FRAMEWORK, [HEADING, *rows]).troubles)


lines = st.builds(
    Line,
    role=st.sampled_from(["GB", "ERZ", "DL", "BAD"]),
    title=st.text("abcäöü=+-@ ", max_size=12).map(str.strip),
    hint=st.just("draußen"),
    granularity=st.just(Granularity.COMPETENCE),
    scale=st.sampled_from([4, 8]),
    steps=st.fixed_dictionaries({code: st.integers(0, 8) for code in CODES}),
    reasons=st.dictionaries(st.sampled_from(CODES), st.just("weil"), max_size=2),
)
by_area = st.builds(
    Line,
    role=st.sampled_from(["OA", "HM"]),
    title=st.just("t"),
    hint=st.just(""),
    granularity=st.just(Granularity.AREA),
    scale=st.sampled_from([4, 8]),
    steps=st.fixed_dictionaries({code: st.integers(0, 8) for code in AREAS}),
)


@given(st.lists(lines | by_area, min_size=1, max_size=4, unique_by=lambda n: n.role))
def test_what_is_written_is_read_back_the_same(given_lines: list[Line]) -> None:
    table = read_rows(FRAMEWORK, rows_of(FRAMEWORK, given_lines, "Zweck: Probe"))
    assert table.troubles == ()
    read = [(e.role, e.title, e.granularity, e.scale, e.steps) for e in table.entries]
    assert read == [(n.role, n.title, n.granularity, n.scale, n.steps) for n in given_lines]
    for entry, line in zip(table.entries, given_lines, strict=True):
        assert (entry.reasons or {}) == line.reasons


@given(lines, st.sampled_from([4, 8]))
def test_the_scale_it_is_written_on_changes_no_step(line: Line, scale: int) -> None:
    (entry,) = read_rows(FRAMEWORK, rows_of(FRAMEWORK, [line], "", scale)).entries
    assert entry.steps == line.steps
    assert entry.scale == scale


def test_state_and_first_day_are_for_people_and_ignored_when_read() -> None:
    line = Line("GB", "T", "", Granularity.COMPETENCE, 4, dict.fromkeys(CODES, 3))
    told = Line(**{n: getattr(line, n) for n in line.__dataclass_fields__} | {
        "state": "beschlossen, Fassung 2", "since": date(2026, 11, 1)
    })  # fmt: skip
    rows = rows_of(FRAMEWORK, [told], "Zweck: Probe. 28.11.2026")
    assert rows[1][3:5] == ["beschlossen, Fassung 2", "01.11.2026"]
    assert rows[2] == ["# Zweck: Probe. 28.11.2026"]
    assert read_rows(FRAMEWORK, rows).entries[0].steps == line.steps


@pytest.mark.parametrize(
    ("written", "step"),
    [(2, 3), (2.5, 4), ("2,5", 4), ("2.5", 4), (" 3 ", 5), ("0", 0), ("4,5", 8), (0.0, 0)],
)
def test_german_decimals_and_numbers_of_a_spreadsheet_are_understood(
    written: object, step: int
) -> None:
    (entry,) = read_rows(FRAMEWORK, [HEADING, row(written, 1, 1, 1)]).entries
    assert entry.steps["1.1"] == step


@pytest.mark.parametrize("said", ["8 Stufen", "8", 8.0, "1-8", "1–8", "0 bis 8", "8 stufen"])
def test_the_scale_of_eight_levels_is_understood_however_it_is_written(said: object) -> None:
    (entry,) = read_rows(FRAMEWORK, [HEADING, row(8, 7, 1, 0, scale=said)]).entries
    assert entry.steps == {"1.1": 8, "1.2": 7, "1.3": 1, "2.1": 0}


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (row(1, 1, 9, 1), Trouble(2, "Soll 1.3", "off-scale", "9")),
        (row(1, 1, 1, 1.25), Trouble(2, "Soll 2.1", "off-scale", "1.25")),
        (row(1.5, 1, 1, 1, scale="8 Stufen"), Trouble(2, "Soll 1.1", "off-scale", "1.5")),
        (row(1, "hoch", 1, 1), Trouble(2, "Soll 1.2", "value", "hoch")),
        (row(1, "-1", 1, 1), Trouble(2, "Soll 1.2", "value", "-1")),
        (row(1, "=1+1", 1, 1), Trouble(2, "Soll 1.2", "value", "=1+1")),
        (row(1, "", 1, 1), Trouble(2, "Soll 1.2", "missing")),
        (row(1, 1), Trouble(2, "Soll 1.3", "missing")),
        (row(1, date(2026, 5, 1), 1, 1), Trouble(2, "Soll 1.2", "date", "2026-05-01")),
        (row(1, 1, 1, 1, role=""), Trouble(2, "Rolle", "role-missing")),
        (row(1, 1, 1, 1, scale="12 Stufen"), Trouble(2, "Skala", "scale", "12 Stufen")),
    ],
)
def test_what_is_wrong_is_named_by_row_and_column(cells: list[object], found: Trouble) -> None:
    assert troubles(cells)[0] == found


def test_nothing_of_a_row_with_trouble_is_used_and_all_its_troubles_are_named() -> None:
    table = read_rows(FRAMEWORK, [HEADING, row("x", 9, 1, ""), row(1, 1, 1, 1, role="DL")])
    assert [t.column for t in table.troubles] == ["Soll 1.1", "Soll 1.2", "Soll 2.1"]
    assert [e.role for e in table.entries] == ["DL"]


def test_the_row_is_counted_as_a_spreadsheet_counts_it_empty_rows_too() -> None:
    rows = [HEADING, [], row(1, 1, 1, 1), ["", "-", "–"], row("x", 1, 1, 1, role="DL")]
    assert read_rows(FRAMEWORK, rows).troubles == (Trouble(5, "Soll 1.1", "value", "x"),)


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        (["Rolle", "Soll 9.9"], Trouble(1, "Soll 9.9", "unknown-code", "9.9")),
        (["Rolle", "Soll 1.1", "soll  1.1"], Trouble(1, "soll 1.1", "column-twice", "soll 1.1")),
        (["Titel", "Soll 1.1"], Trouble(1, "Rolle", "column-missing")),
        (["Rolle", "Soll Bereich 7"], Trouble(1, "Soll Bereich 7", "unknown-code", "7")),
    ],
)
def test_a_heading_that_cannot_be_understood_is_named(heading: list[str], found: Trouble) -> None:
    assert found in read_rows(FRAMEWORK, [heading, ["GB", 1, 1]]).troubles


def test_a_private_competence_may_stand_in_the_heading_but_gets_no_value() -> None:
    heading = [*HEADING, "Soll 2.2"]
    assert read_rows(FRAMEWORK, [heading, [*row(1, 1, 1, 1), ""]]).troubles == ()
    (found,) = read_rows(FRAMEWORK, [heading, [*row(1, 1, 1, 1), 2]]).troubles
    assert found == Trouble(2, "Soll 2.2", "private", "2.2")


def test_a_role_is_set_by_competence_or_by_area_never_by_both() -> None:
    heading = [*HEADING, "Soll Bereich 1", "Soll Bereich 2"]
    rows = [heading, [*row("", "", "", "", scale=8), 5, 0], [*row(1, 1, 1, 1, role="DL"), 1, 1]]
    table = read_rows(FRAMEWORK, rows)
    (entry,) = table.entries
    assert (entry.granularity, entry.steps) == (Granularity.AREA, {"1": 5, "2": 0})
    assert table.troubles == (Trouble(3, "Soll", "both"),)


def test_a_role_that_stands_there_twice_is_named() -> None:
    assert troubles(row(1, 1, 1, 1), row(2, 2, 2, 2)) == [Trouble(3, "Rolle", "role-twice", "GB")]


def test_a_row_without_a_single_value_sets_nothing_and_is_no_trouble() -> None:
    table = read_rows(FRAMEWORK, [HEADING, row("", "–", "", "-"), row(1, 1, 1, 1, role="DL")])
    assert table.troubles == ()
    assert [e.role for e in table.entries] == ["DL"]


@pytest.mark.parametrize("rows", [[], [HEADING], [HEADING, [], ["# nur eine Bemerkung"]]])
def test_a_table_without_a_role_says_so(rows: list[list[Any]]) -> None:
    assert [t.cause for t in read_rows(FRAMEWORK, rows).troubles] == ["empty"]


cells = st.one_of(
    st.text(max_size=8), st.floats(), st.integers(-9, 99), st.dates(), st.booleans(), st.none()
)


@given(st.lists(st.lists(cells, max_size=12), max_size=6), st.booleans())
def test_no_table_whatever_is_in_it_breaks_the_reader(rows: list[list[Any]], headed: bool) -> None:
    table = read_rows(FRAMEWORK, [HEADING, *rows] if headed else rows)
    assert table.entries or table.troubles
    assert all(set(e.steps.values()) <= set(range(9)) for e in table.entries)
