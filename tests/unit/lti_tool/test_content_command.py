"""`roadmap content`: checking and counting packs from the command line."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lti_tool.cli import cli
from tests.unit.competency.copied import PACKS, SHIPPED, change, choice


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for pack in PACKS.values():
        shutil.copytree(SHIPPED / pack, tmp_path / pack)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["content", *arguments])


def test_what_we_ship_passes_the_strict_check_without_a_word() -> None:
    result = run("check", "--strict", str(SHIPPED))
    assert (result.exit_code, result.stdout) == (0, "")


def test_a_hint_fails_only_the_strict_check(copy: Path) -> None:
    change(copy, "items", choice(roles=[]))
    assert run("check", str(copy)).exit_code == 0
    strict = run("check", "--strict", str(copy))
    assert strict.exit_code == 1
    assert "warning: items: 1.1-01: roles: nobody yet" in strict.stdout


def test_an_error_fails_every_check_and_is_in_the_document(copy: Path) -> None:
    change(copy, "items", choice(feedback=""))
    result = run("check", "--json", str(copy))
    assert result.exit_code == 1
    assert {
        "severity": "error",
        "where": "items: 1.1-01",
        "message": "feedback is missing",
    } in json.loads(result.stdout)["findings"]


def test_the_report_counts_questions_by_competence_level_and_role_and_says_how_easy_they_read() -> (
    None
):
    report = json.loads(run("report", "--json", str(SHIPPED)).stdout)
    assert report["pack"] == "kommunal-de-1.2"
    assert sum(report["kinds"].values()) == report["items"] >= 260
    assert report["pictures"] >= 30
    assert report["flesch"] > 70  # "leicht"
    assert report["wstf_easy"] < report["wstf"] < 5
    alone = report["words_alone"]
    assert alone["found"] < 1.7 * alone["chance"]  # a reader of words alone; 2.1 before 1.2
    rows = {row["code"]: row for row in report["rows"]}
    assert len(rows) == 27
    for code, row in rows.items():
        if code == "K.1":
            assert row["levels"] == [0, 0, 0, 0]
        else:
            assert sum(row["levels"]) == row["items"]
            assert row["items"] - row["self_reports"] >= 8
            assert min(row["levels"]) >= 1
            assert min(row["scenes"].values()) >= 3


def test_the_report_is_a_table_for_people() -> None:
    lines = run("report", str(SHIPPED)).stdout.splitlines()
    assert lines[0].startswith("kommunal-de-1.2: ")
    assert lines[2].startswith("Readability: Flesch-DE ")
    assert lines[3].startswith("Words alone: ")
    assert lines[4].split()[:3] == ["Code", "Questions", "Level"]
    assert len(lines) == 5 + 27
