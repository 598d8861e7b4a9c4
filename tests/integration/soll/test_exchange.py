"""Export, change, import: drafts after a preview, the same twice is nothing, on every store."""

from typing import Any

import pytest

from competency.scale import mark_of_step
from competency.soll import Granularity, State
from lti_tool import sheets
from lti_tool.errors import Conflict
from lti_tool.flows import soll, soll_exchange
from lti_tool.flows.soll_exchange import Preview
from tests.integration.soll.conftest import Town
from tests.integration.soll.test_versions import approved, in_review


def table(town: Town, **options: Any) -> list[list[Any]]:
    return soll_exchange.export(town.s, town.tenant.id, town.now, **options)


def column(rows: list[list[Any]], name: str) -> int:
    return rows[0].index(name)


def read(town: Town, rows: list[list[Any]]) -> Preview:
    return soll_exchange.preview(town.s, town.tenant.id, rows, town.now)


def take(town: Town, rows: list[list[Any]]) -> Preview:
    return soll_exchange.take(town.s, town.hr, town.tenant.id, read(town, rows), town.now)


def the_row(rows: list[list[Any]], role: str) -> list[Any]:
    return next(row for row in rows if row[0] == role)


@pytest.mark.parametrize("scale", [0, 4, 8])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_that_is_imported_again_changes_nothing(
    town: Town, scale: int, kind: str
) -> None:
    approved(town, "GB", step=4)
    rows = table(town, scale=scale)
    data = sheets.csv_of(rows) if kind == "csv" else sheets.xlsx_of("Soll", rows)
    found = read(town, sheets.read(data))
    assert found.troubles == ()
    assert {r.kind for r in found.readings} == {"same"}
    assert len(found.readings) == len(town.s.content.roles)


def test_an_export_says_what_it_is_for_of_when_and_which_version(town: Town) -> None:
    approved(town, "GB", step=4)
    rows = table(town)
    assert rows[-1][0].startswith("# Zweck: Soll-Profile der Rollen")
    assert "23.11.2026" in rows[-1][0]
    state = column(rows, "Stand")
    assert the_row(rows, "GB")[state : state + 2] == ["beschlossen, Fassung 1", "23.11.2026"]
    assert the_row(rows, "DL")[state] == "Vorschlag, noch nicht beschlossen"


def test_a_changed_value_becomes_a_draft_and_the_same_file_again_becomes_nothing(
    town: Town,
) -> None:
    approved(town, "GB", step=3)
    rows = table(town)
    the_row(rows, "GB")[column(rows, "Soll 1.3")] = "3,5"
    (changed,) = [r for r in read(town, rows).readings if r.kind != "same"]
    assert [(c.code, c.before, c.after) for c in changed.changes] == [("1.3", 3, 6)]
    assert soll.of_role(town.s, town.tenant.id, "GB", town.now).open is None  # a preview only
    take(town, rows)
    view = soll.of_role(town.s, town.tenant.id, "GB", town.now)
    assert view.open is not None
    assert (view.open.state, view.open.source, view.open.steps["1.3"]) == (State.DRAFT, "import", 6)
    assert view.force is not None
    assert view.force.steps["1.3"] == 3
    again = take(town, rows)
    assert again.counts == {"new": 0, "changed": 0, "same": len(again.readings), "blocked": 0}
    assert soll.of_role(town.s, town.tenant.id, "GB", town.now).open == view.open


def test_a_row_for_a_role_that_is_not_there_adds_the_role_with_its_draft(town: Town) -> None:
    rows = table(town, roles=["HM"])
    rows[1][:3] = ["BAD", "Badeaufsicht", "Aufsicht am Becken"]
    (found,) = take(town, rows).readings
    assert (found.kind, found.new_role) == ("new", True)
    view = soll.of_role(town.s, town.tenant.id, "BAD", town.now)
    assert view.role.title == "Badeaufsicht"
    assert view.open is not None


@pytest.mark.parametrize(
    ("key", "title", "column_name", "cause"),
    [("BAD", "", "Titel", "role-title"), ("B A D", "Bad", "Rolle", "role-key")],
)
def test_a_role_that_cannot_be_added_is_named_by_row_and_column(
    town: Town, key: str, title: str, column_name: str, cause: str
) -> None:
    rows = table(town, roles=["HM"])
    rows[1][:2] = [key, title]
    (found,) = read(town, rows).troubles
    assert (found.row, found.column, found.cause) == (2, column_name, cause)


def test_with_one_trouble_nothing_is_taken(town: Town) -> None:
    rows = table(town)
    the_row(rows, "GB")[column(rows, "Soll 4.1")] = 9
    the_row(rows, "DL")[column(rows, "Soll 1.1")] = 4.5
    found = read(town, rows)
    number = next(n for n, row in enumerate(rows, start=1) if row[0] == "GB")
    assert [(t.row, t.column) for t in found.troubles] == [(number, "Soll 4.1")]
    with pytest.raises(Conflict):
        soll_exchange.take(town.s, town.hr, town.tenant.id, found, town.now)
    assert soll.of_role(town.s, town.tenant.id, "DL", town.now).open is None


def test_a_version_that_is_being_checked_is_not_overwritten(town: Town) -> None:
    made = in_review(town, "GB", 3)
    rows = table(town, roles=["GB"])
    rows[1][column(rows, "Soll 1.1")] = 4
    (found,) = take(town, rows).readings
    assert found.kind == "blocked"
    assert soll.of_role(town.s, town.tenant.id, "GB", town.now).open == made


def test_a_soll_by_area_on_eight_levels_comes_in_and_goes_out(town: Town) -> None:
    areas = [a.code for a in town.s.content.framework.areas]
    heading = ["Rolle", "Skala", *(f"Soll Bereich {code}" for code in areas)]
    take(town, [heading, ["GB", "8 Stufen", *range(1, len(areas) + 1)]])
    view = soll.of_role(town.s, town.tenant.id, "GB", town.now)
    assert view.open is not None
    assert view.open.granularity is Granularity.AREA
    assert list(view.open.steps.values()) == list(range(1, len(areas) + 1))
    rows = table(town, roles=["GB"], drafts=True)
    place = column(rows, "Soll Bereich 2")
    assert rows[1][place] == mark_of_step(2, 8)
    assert read(town, rows).counts["same"] == 1


def test_a_table_without_reasons_keeps_those_there_are(town: Town) -> None:
    rows = table(town, roles=["GB"])
    rows[0].append("Begründung 1.1")
    rows[1].append("Aufträge suchen alle.")
    take(town, rows)
    bare = table(town, roles=["GB"], drafts=True)
    place = column(bare, "Begründung 1.1")
    assert bare[1][place] == "Aufträge suchen alle."
    for row in bare[:2]:
        del row[place]
    bare[1][column(bare, "Soll 1.1")] = 4
    take(town, bare)
    view = soll.of_role(town.s, town.tenant.id, "GB", town.now)
    assert view.open is not None
    assert view.open.reasons == {"1.1": "Aufträge suchen alle."}
    assert view.open.steps["1.1"] == 7
