"""Activities of the LMS and what they stand for: as a table, in and out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lti_tool import sheets
from lti_tool.bootstrap import House
from lti_tool.cli import cli
from lti_tool.errors import Conflict, RoadmapError
from lti_tool.flows import assigning
from lti_tool.flows.assigning import Preview, Table
from lti_tool.ports import Actor, TenantSettings
from lti_tool.store import tenants
from lti_tool.store.schema.core import audit
from lti_tool.store.schema.xapi import unmapped

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
QUIZ, PAGE = "https://lms.example/mod/quiz/view.php?id=12", "page-pw"
HEAD = ["activity_iri", "unit", "competency", "level"]


@pytest.fixture
def tenant(house: House) -> str:
    with house.database.begin() as conn:
        return tenants.add(conn, "t", "Musterstadt", "HE", TenantSettings(), NOW).id


def unit(house: House, n: int = 0) -> str:
    return house.flows.content.catalogue.units[n].key


def read(house: House, *rows: list[Any], head: list[str] = HEAD) -> Table:
    return assigning.read_rows(house.flows.content, [head, *rows])


def take(house: House, tenant: str, *rows: list[Any]) -> Preview:
    return assigning.take(house.flows, Actor("cli"), tenant, read(house, *rows), NOW)


def mapped(house: House, tenant: str) -> dict[str, str]:
    with house.flows.store.read() as work:
        return dict(work.mappings.all(tenant))


def test_an_activity_stands_for_a_unit_or_for_a_competence_and_level(
    house: House, tenant: str
) -> None:
    found = take(house, tenant, [QUIZ, unit(house), "", ""], [PAGE, "", "4.2", 2])
    assert [c.kind for c in found.changes] == ["new", "new"]
    assert mapped(house, tenant) == {QUIZ: unit(house), PAGE: "4.2@3"}


@pytest.mark.parametrize(
    ("row", "column", "cause"),
    [
        (["", "A1", "", ""], "activity_iri", "activity-missing"),
        (["a" * 513, "A1", "", ""], "activity_iri", "activity-long"),
        (["a", "NONE", "", ""], "unit", "unit"),
        (["a", "A1", "4.2", 2], "competency", "both"),
        (["a", "", "9.9", 2], "competency", "competency"),
        (["a", "", "K.1", 2], "competency", "private"),
        (["a", "", "4.2", ""], "level", "level"),
        (["a", "", "4.2", 5], "level", "level"),
        (["b", "", "4.2", 1], "activity_iri", "twice"),
    ],
)
def test_what_is_wrong_is_said_by_row_and_column(
    house: House, row: list[Any], column: str, cause: str
) -> None:
    found = read(house, ["b", "", "4.1", 1], row)
    assert [(t.row, t.column, t.cause) for t in found.troubles] == [(3, column, cause)]


def test_a_heading_that_does_not_fit_is_named(house: House) -> None:
    found = read(house, head=["activity_iri", "Einheit", "title", "title"])
    said = {(t.column, t.cause) for t in found.troubles}
    assert said == {
        ("unit", "column-missing"),
        ("Einheit", "column-unknown"),
        ("title", "column-twice"),
    }
    assert read(house, head=[]).troubles


def test_one_wrong_row_takes_nothing_over(house: House, tenant: str) -> None:
    with pytest.raises(Conflict, match="table cannot be taken"):
        take(house, tenant, [QUIZ, unit(house), "", ""], [PAGE, "NONE", "", ""])
    assert mapped(house, tenant) == {}


def test_a_list_of_what_is_unmapped_can_be_filled_in_part_by_part(
    house: House, tenant: str
) -> None:
    row = {"tenant_id": tenant, "verb": "v", "last_us": 0}
    with house.database.begin() as conn:
        conn.execute(unmapped.insert(), [row | {"activity": QUIZ, "count": 7}])
        conn.execute(unmapped.insert(), [row | {"activity": PAGE, "count": 2}])
    rows = assigning.to_fill_in(house.flows, tenant, {QUIZ: "Quiz Phishing"})
    assert rows[1:] == [[QUIZ, "", "", "", "Quiz Phishing", 7], [PAGE, "", "", "", "", 2]]
    rows[1][1] = unit(house)
    table = assigning.read_rows(house.flows.content, sheets.read(sheets.xlsx_of("Z", rows)))
    found = assigning.take(house.flows, Actor("cli"), tenant, table, NOW)
    assert (found.number("new"), found.empty) == (1, 1)
    with house.flows.store.read() as work:
        assert dict(work.mappings.unmapped(tenant)) == {PAGE: 2}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_exported_and_read_in_again_changes_nothing(
    house: House, tenant: str, kind: str
) -> None:
    take(house, tenant, [QUIZ, unit(house), "", ""], [PAGE, "", "4.2", 4])
    rows = assigning.export(house.flows, tenant)
    data = sheets.csv_of(rows) if kind == "csv" else sheets.xlsx_of("Z", rows)
    table = assigning.read_rows(house.flows.content, sheets.read(data))
    found = assigning.preview(house.flows, tenant, table)
    assert (found.changes, found.same, found.troubles) == ((), 2, ())


def test_an_empty_aim_takes_a_mapping_away_and_everything_is_audited(
    house: House, tenant: str
) -> None:
    take(house, tenant, [QUIZ, unit(house), "", ""])
    found = assigning.take(house.flows, Actor("cli"), tenant, Table({QUIZ: ""}), NOW)
    assert [c.kind for c in found.changes] == ["gone"]
    assert mapped(house, tenant) == {}
    with house.database.read() as conn:
        assert [r.action for r in conn.execute(audit.select())] == ["mapping.import"] * 2


def test_the_command_names_every_wrong_line_and_writes_nothing(
    house: House, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'house.db'}"
    monkeypatch.setenv("ROADMAP__DATABASE__URL", url)
    monkeypatch.setenv("ROADMAP__SECURITY__ALLOW_LOCAL_HTTP", "true")

    def run(*words: str) -> Any:
        return CliRunner().invoke(cli, ["mapping", *words, "--tenant", "t"])

    file, out = tmp_path / "a.csv", tmp_path / "out.xlsx"
    file.write_text(f"activity_iri,unit\n{QUIZ},NONE\n,A1\n", encoding="utf-8")
    wrong = run("import", str(file)).exception
    assert isinstance(wrong, RoadmapError)
    for said in ("a.csv", "row 2, column unit", "row 3, column activity_iri"):
        assert said in str(wrong)
    file.write_text(f"activity_iri,unit\n{QUIZ},{unit(house)}\n", encoding="utf-8")
    assert "1 new, 0 changed (dry run" in run("import", str(file), "--dry-run").output
    assert mapped(house, tenant) == {}
    assert run("import", str(file)).output == "1 new, 0 changed\n"
    assert "1 activities" in run("export", "--out", str(out)).output
    assert sheets.read(out.read_bytes())[1] == [QUIZ, unit(house), "", ""]
    assert run("try", str(file)).output.startswith("0 statements: 0 count")
