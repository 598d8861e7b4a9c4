"""The pages of roles and Soll: a file in and out, a version decided, who may only read."""

import io
import re
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from lti_tool import sheets
from lti_tool.flows import soll
from tests.conftest import settings_for
from tests.integration.trust.town import neighbour
from tests.pages.desk import Official, by_link, decided, official
from tests.pages.scene import Stage


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path / 'soll.db'}"))
    decided(made)
    yield made
    made.close()


def get(stage: Stage, who: Official, path: str) -> TestResponse:
    return stage.client(who).get(f"/admin/{path}")


def post(stage: Stage, who: Official, path: str, **form: object) -> TestResponse:
    data = {"csrf": stage.csrf(who), **form}
    return stage.client(who).post(f"/admin/{path}", data=data)


def upload(stage: Stage, who: Official, data: bytes, name: str = "soll.csv") -> TestResponse:
    return post(stage, who, "soll/datei", file=(io.BytesIO(data), name))


def sealed(answer: TestResponse) -> str:
    found = re.search(r'name="table" value="([^"]+)"', answer.text)
    assert found is not None
    return found[1]


def the_file(stage: Stage, who: Official, kind: str = "csv") -> bytes:
    answer = get(stage, who, f"soll/ausgeben?art={kind}")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    return answer.data


def changed(data: bytes, role: str, column: str, value: str) -> bytes:
    rows = sheets.read(data)
    place = rows[0].index(column)
    for row in rows:
        if row[0] == role:
            row[place] = value
    return sheets.csv_of(rows)  # type: ignore[arg-type]


def open_of(stage: Stage, role: str):
    return soll.of_role(stage.s, stage.tenant.id, role, stage.now).open


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_file_that_is_given_out_changes_nothing_when_it_is_read(stage: Stage, kind: str):
    who = official(stage, "hr")
    answer = upload(stage, who, the_file(stage, who, kind), f"soll.{kind}")
    assert answer.status_code == 200
    assert "0 Entwürfe entstehen." in answer.text


def test_errors_name_row_and_column_and_nothing_is_offered_to_be_taken(stage: Stage):
    who = official(stage, "hr")
    data = changed(the_file(stage, who), "DL", "Soll 4.1", "9")
    rows = sheets.read(data)
    number = next(n for n, row in enumerate(rows, start=1) if row[0] == "DL")
    answer = upload(stage, who, data)
    said = f"Zeile {number}, Spalte Soll 4.1: Dieser Wert liegt nicht auf der Skala. (9)"
    assert said in answer.text
    assert 'name="table"' not in answer.text


def test_a_preview_writes_nothing_and_its_button_makes_the_drafts(stage: Stage):
    who = official(stage, "hr")
    shown = upload(stage, who, changed(the_file(stage, who), "DL", "Soll 4.1", "1"))
    assert "1 Entwurf entsteht." in shown.text
    assert open_of(stage, "DL") is None
    taken = post(stage, who, "soll/uebernehmen", table=sealed(shown))
    assert taken.status_code == 303
    made = open_of(stage, "DL")
    assert made is not None
    assert (made.source, made.steps["4.1"]) == ("import", 1)
    assert made.made.by == f"staff:{who.learner_id}"


def test_a_table_that_was_shown_in_another_municipality_is_not_taken(stage: Stage):
    who, other = official(stage, "hr"), neighbour(stage, "nachbarstadt")
    shown = upload(stage, who, changed(the_file(stage, who), "DL", "Soll 4.1", "1"))
    theirs = official(other, "hr")
    for table in (sealed(shown), "", "x", stage.house.seal.seal('["soll-table", 1]').decode()):
        answer = post(other, theirs, "soll/uebernehmen", table=table)
        assert answer.location == "/admin/soll/datei"
    assert open_of(other, "DL") is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "Es ist keine Datei ausgewählt."),
        (b"\x00\x01", "Das ist keine CSV- und keine XLSX-Datei."),
        (b"Rolle;Soll 1.1\n", "In dieser Tabelle steht keine Rolle."),
        (b"x;y\n1;2\n", "Zeile 1, Spalte Rolle: Diese Spalte fehlt."),
        (b"Rolle\n" * 1100, "Die Tabelle hat zu viele Zeilen."),
    ],
)
def test_a_file_that_cannot_be_read_says_why(stage: Stage, data: bytes, said: str):
    answer = upload(stage, official(stage, "hr"), data)
    assert answer.status_code == 200
    assert said in answer.text


def test_a_file_over_the_limit_is_refused_before_it_is_read(stage: Stage):
    client, kind = stage.client(official(stage, "hr")), "multipart/form-data; boundary=x"
    answer = client.post("/admin/soll/datei", data=b"x" * 1_100_000, content_type=kind)
    assert answer.status_code == 413


def test_from_the_form_to_a_soll_in_force(stage: Stage):
    who = official(stage, "hr")
    codes = stage.s.content.framework.dimensions
    form = {f"v-{code}": "3" for code in codes} | {"r-1.1": "Suchen müssen alle."}
    saved = post(stage, who, "soll/HM/entwurf", granularity="competence", scale="4", **form)
    assert saved.location.startswith("/admin/soll/HM/1")
    here = "soll/HM/1"
    assert "Suchen müssen alle." in get(stage, who, here).text
    post(stage, who, here, do="submit")
    too_early = post(stage, who, here, do="approve", office="Leitung Hauptamt")
    assert "Tragen Sie zuerst ein, wann der Personalrat beteiligt war." in too_early.text
    post(stage, who, here, do="council", on="20.11.2026")
    assert "20.11.2026" in get(stage, who, here).text
    nobody = post(stage, who, here, do="approve", office=" ")
    assert "Nennen Sie das Amt oder die Funktion." in nobody.text
    done = post(stage, who, here, do="approve", office="Leitung Hauptamt")
    assert done.status_code == 303
    page = get(stage, who, here).text
    assert 'data-state="approved"' in page
    assert 'name="do"' not in page.partition("<main")[2]
    assert soll.of_role(stage.s, stage.tenant.id, "HM", stage.now).role.approved


@pytest.mark.parametrize("day", ["", "gestern", "2026-13-40", "9999-01-01"])
def test_a_day_that_is_none_is_never_taken_for_today(stage: Stage, day: str):
    who = official(stage, "hr")
    answer = post(stage, who, "soll/ERZ/2", do="council", on=day)
    assert "Sehen Sie sich den Tag an." in answer.text
    found = open_of(stage, "ERZ")
    assert found is not None
    assert found.council is None


def test_who_came_by_a_one_time_link_approves_nothing(stage: Stage):
    who = by_link(stage, stage.tenant)
    post(stage, who, "soll/ERZ/2", do="council", on="2026-11-20")
    answer = post(stage, who, "soll/ERZ/2", do="approve", office="Leitung Hauptamt")
    assert "Ein Einmal-Link genügt nicht." in answer.text
    assert open_of(stage, "ERZ") is not None


@pytest.mark.parametrize("right", ["manager", "staff-council"])
def test_who_may_only_read_sees_what_changes_and_no_button(stage: Stage, right: str):
    who = official(stage, right)
    page = get(stage, who, "soll/ERZ/2").text
    assert "2 von 26 Werten ändern sich." in page
    assert "Informationen suchen und filtern" in page
    for path in ("soll", "soll/ERZ", "soll/ERZ/2", "soll/datei"):
        main = get(stage, who, path).text.partition("<main")[2].partition("</main")[0]
        assert "<form" not in main, path
    for path in ("soll/ERZ/2", "soll/ERZ", "soll/neu", "soll/ERZ/entwurf", "soll/uebernehmen"):
        assert post(stage, who, path, do="approve", office="Personalrat").status_code == 403
    assert open_of(stage, "ERZ") is not None


def test_an_own_role_is_added_and_what_is_wrong_with_it_named(stage: Stage):
    who = official(stage, "hr")
    assert "2 bis 16 Großbuchstaben" in post(stage, who, "soll/neu", key="a b", title="x").text
    assert "gibt es schon" in post(stage, who, "soll/neu", key="gb", title="x").text
    assert "braucht einen Titel" in post(stage, who, "soll/neu", key="FEU", title="").text
    made = post(stage, who, "soll/neu", key="feu", title="=Feuerwehr", workplace="mixed")
    assert made.location.startswith("/admin/soll/FEU")
    # It has no Soll yet: a row to be filled in, and its title is no formula.
    assert "FEU;'=Feuerwehr;;;;4 Stufen;;;" in the_file(stage, who).decode("utf-8-sig")


def test_no_page_of_roles_and_soll_holds_anything_about_a_person(stage: Stage):
    person = stage.assessed("GB")
    who = official(stage, "hr")
    for path in ("soll", "soll/GB", "soll/GB/1", "soll/datei", "soll/ausgeben?art=csv"):
        assert person.learner_id not in get(stage, who, path).text
