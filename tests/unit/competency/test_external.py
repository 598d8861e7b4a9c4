"""Results of other tests: what a scale means, what a file says, and what then counts."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from competency.assessment import Config, Engine
from competency.evidence import Evidence
from competency.external import (
    Result,
    day_of,
    evidence_of,
    exactness,
    read_rows,
    until,
    value_in,
)
from competency.precedence import Aside, counting, set_aside
from competency.provider import Provider, ProviderInvalid, provider_of
from competency.scale import CUTS
from tests.unit.competency.bank import framework

FRAMEWORK = framework((3, 2), private="2.2")
TODAY = date(2026, 11, 28)
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
POINTS: dict[str, Any] = {
    "key": "digicheck",
    "name": "DigiCheck",
    "method": "test",
    "error_steps": 1,
    "months": 18,
    "contract_on": "2026-01-05",
    "scale": {
        "shape": "points",
        "lowest": 0,
        "highest": 100,
        "bands": [
            {"points": 0, "step": 0},
            {"points": 30, "step": 1},
            {"points": 50, "step": 3},
            {"points": 80, "step": 5},
        ],
    },
    "topics": {"Suchen": "1.1", "Bereich eins": "1"},
    "columns": {"person": "Code", "by": "code", "date": "Datum", "topic": "Thema", "value": "Wert"},
    "activities": {"https://lms.example/mod/lti/view.php?id=9": "Suchen"},
}
LEVELS = POINTS | {
    "scale": {
        "shape": "levels",
        "bands": [{"name": "Basis", "step": 1}, {"name": "Mittel", "step": 3}],
    },
    "columns": {"person": "Code", "by": "code", "date": "Datum"},
}


def provider(document: dict[str, Any] = POINTS, **changes: Any) -> Provider:
    return provider_of(document | changes, FRAMEWORK)


def faults(**changes: Any) -> list[tuple[str, str]]:
    with pytest.raises(ProviderInvalid) as caught:
        provider(**changes)
    return [(f.field, f.cause) for f in caught.value.faults]


def pieces(value: str = "60", on: date = TODAY, topic: str = "Suchen", **changes: Any):
    p = provider(**changes)
    band = p.scale.band(value)
    assert band is not None
    return evidence_of(p, FRAMEWORK, Result(topic, value, on, band), "t|l", 1)


def test_a_provider_is_read_back_from_its_own_document() -> None:
    assert provider_of(provider().document(), FRAMEWORK) == provider()
    assert provider_of(provider(LEVELS).document(), FRAMEWORK) == provider(LEVELS)


@pytest.mark.parametrize(
    ("value", "step"),
    [("0", 0), ("29,9", 0), ("30", 1), ("79.5", 3), ("100", 5), ("101", None), ("gut", None)],
)
def test_points_mean_the_highest_band_they_reach_and_nothing_outside(
    value: str, step: int | None
) -> None:
    band = provider().scale.band(value)
    assert (band.step if band else None) == step


def test_everything_that_is_wrong_with_a_provider_is_named_at_once() -> None:
    wrong = faults(
        name="", months=99, contract_on="gestern", topics={"Suchen": "9.9"}, address="ftp://x"
    )
    assert set(wrong) == {
        *(("name", "missing"), ("months", "range"), ("contract_on", "date")),
        *(("topics", "code"), ("address", "address"), ("activities", "topic")),
    }


@pytest.mark.parametrize("rows", [["Suchen"], [7], [["Suchen", "1.1", "1.2"]], ["ab"], [None]])
@pytest.mark.parametrize("field", ["topics", "activities"])
def test_a_list_that_is_none_of_pairs_is_named_too(field: str, rows: list[Any]) -> None:
    assert (field, "value") in faults(**{field: rows})


def test_a_scale_that_falls_or_begins_late_is_refused() -> None:
    scale = POINTS["scale"]
    falling = [{"points": 0, "step": 3}, {"points": 50, "step": 1}]
    assert faults(scale=scale | {"bands": falling}) == [("bands", "order")]
    assert faults(scale=scale | {"bands": scale["bands"][1:]}) == [("bands", "gap")]


def test_a_private_competence_cannot_be_tested_by_anybody() -> None:
    assert ("topics", "code") in faults(topics={"Haltung": "2.2"})


def table(*rows: list[Any], document: dict[str, Any] = POINTS, heading: Any = None):
    return read_rows(
        provider(document), [heading or ["Datum", "Code", "Thema", "Wert"], *rows], TODAY
    )


def test_rows_are_read_as_spreadsheets_write_them() -> None:
    found = table(
        ["28.11.2026", "ABCD EFGH", " suchen ", 72.0],
        [datetime(2026, 11, 1, 8, tzinfo=UTC), "X", "Suchen", "72,5"],
    )
    assert found.troubles == ()
    assert [(r.number, r.person, r.result.value, r.result.on) for r in found.rows] == [
        (2, "ABCD EFGH", "72", TODAY),
        (3, "X", "72,5", date(2026, 11, 1)),
    ]


def test_what_is_wrong_is_named_by_row_and_column() -> None:
    found = table(
        ["28.11.2026", "", "Suchen", "72"],
        ["irgendwann", "A", "Suchen", "72"],
        ["29.11.2026", "A", "Suchen", "72"],
        ["28.11.2026", "A", "Kochen", "72"],
        ["28.11.2026", "A", "Suchen", "172"],
        ["28.11.2026", "A", "Suchen", ""],
    )
    assert [(t.row, t.column, t.cause) for t in found.troubles] == [
        *((2, "Code", "person-missing"), (3, "Datum", "date"), (4, "Datum", "future")),
        *((5, "Thema", "topic"), (6, "Wert", "value"), (7, "Wert", "value-missing")),
    ]
    missing = table(heading=["Datum", "Code", "Thema"])
    assert [(t.row, t.column, t.cause) for t in missing.troubles] == [(1, "Wert", "column-missing")]


def test_a_topic_may_be_a_column_and_an_empty_cell_was_not_tested() -> None:
    found = table(
        ["2026-11-02", "A", "Basis", ""],
        ["2026-11-02", "B", "mittel", "Basis"],
        document=LEVELS,
        heading=["Datum", "Code", "Suchen", "Bereich eins"],
    )
    said = [(r.person, r.result.topic, r.result.band.step) for r in found.rows]
    assert said == [("A", "Suchen", 1), ("B", "Suchen", 3), ("B", "Bereich eins", 1)]


def test_results_that_hold_no_more_are_left_out_and_listed() -> None:
    found = table(["28.05.2025", "A", "Suchen", "72"], ["29.05.2025", "A", "Suchen", "72"])
    assert found.old == (2,)
    assert [r.number for r in found.rows] == [3]


@given(st.dates(date(2020, 1, 1), date(2030, 12, 31)), st.integers(1, 60))
def test_a_result_holds_to_the_same_day_of_a_later_month(on: date, months: int) -> None:
    end = until(replace(provider(), months=months), on)
    assert (end.year * 12 + end.month) - (on.year * 12 + on.month) == months
    assert end.day == on.day or (end.day < on.day and (end + timedelta(1)).day == 1)


@given(st.floats(0.5, 6), st.integers(1, 8))
def test_exactness_is_the_standard_error_that_was_stated(error: float, parts: int) -> None:
    a = exactness(error, parts)
    stated = 0.5 * error * math.sqrt(parts)
    assert a == 4.0 or math.isclose(math.pi / (math.sqrt(3) * a), stated)


def test_a_higher_result_lifts_the_estimate_and_a_less_exact_one_says_less() -> None:
    engine = Engine(FRAMEWORK, (), Config(), {})
    k = engine.dimension["1.1"]
    means = [float(engine.fold(pieces(v)).mean[k]) for v in ("10", "40", "60", "90")]
    assert means == sorted(means)
    spread = [float(engine.fold(pieces(error_steps=e)).cov[k, k]) for e in (0.5, 1, 2, 6)]
    assert spread == sorted(spread)
    assert pieces()[0].b == tuple(CUTS[s - 1] for s in (1, 3, 5))


def test_a_result_about_an_area_says_no_more_than_one_about_a_competence() -> None:
    engine = Engine(FRAMEWORK, (), Config(r_within=0.0, r_between=0.0), {})
    whole = np.array([engine.fold(pieces(topic="Bereich eins")).cov[k, k] for k in range(3)])
    single = engine.fold(pieces()).cov[0, 0]
    # The mean of three independent competences, once with three pieces, once measured itself.
    assert whole.sum() / 9 > single / 3
    assert len(pieces(topic="Bereich eins")) == 3


def test_a_self_rating_elsewhere_is_a_self_report_here() -> None:
    assert all(e.self_report for e in pieces(method="self"))
    assert not any(e.self_report for e in pieces())


def test_the_same_result_is_the_same_evidence_and_a_correction_is_another() -> None:
    assert pieces()[0].id == pieces()[0].id
    assert pieces("61")[0].id != pieces()[0].id


def test_of_one_provider_the_newest_counts_and_of_two_both() -> None:
    old, new = pieces("90", TODAY - timedelta(90)), pieces("40")
    other = pieces(key="andere")
    everything = (*new, *old, *other)
    assert set_aside(everything, NOW) == {old[0].id: Aside.NEWER}
    assert {e.id for e in counting(everything, NOW)} == {new[0].id, other[0].id}


def test_a_result_that_is_too_old_gives_its_place_to_nobody() -> None:
    old = pieces("90", TODAY - timedelta(30))
    assert set_aside(old, old[0].until) == {old[0].id: Aside.OLD}
    assert set_aside(old, old[0].until - timedelta(seconds=1)) == {}


def test_own_answers_are_never_set_aside_by_another_test() -> None:
    foreign = pieces()
    own = Evidence(
        **{**{f: getattr(foreign[0], f) for f in foreign[0].__slots__}, "id": "own", "provider": ""}
        | {"until": None, "at": NOW - timedelta(900)}
    )
    assert "own" not in set_aside((*foreign, own), NOW)


@pytest.mark.parametrize(
    ("result", "value"),
    [
        ({"score": {"raw": 72, "min": 0, "max": 100}}, "72"),
        ({"score": {"raw": 18, "min": 0, "max": 20}}, "90"),
        ({"score": {"scaled": 0.5}}, "50"),
        ({"score": {"raw": 7}}, "7"),
        ({"score": {"raw": 700}}, None),
        ({"success": True}, None),
    ],
)
def test_a_statement_says_points_in_whatever_way_xapi_allows(
    result: dict[str, Any], value: str | None
) -> None:
    assert value_in(result, provider()) == value


def test_a_statement_says_a_level_in_its_response() -> None:
    assert value_in({"response": "Mittel"}, provider(LEVELS)) == "Mittel"
    assert value_in({"response": "Meister"}, provider(LEVELS)) is None


@pytest.mark.parametrize("text", ["31.02.2026", "28/11/2026", "", None, "2026-13-01", "12"])
def test_what_is_no_day_is_never_guessed(text: object) -> None:
    assert day_of(text) is None
