"""A test provider is entered and changed on a page, with the checks of a TOML file."""

import html
import re
from collections.abc import Iterator

import pytest

from lti_tool.flows import providers
from tests.conftest import settings_for
from tests.pages.desk import Official, official
from tests.pages.scene import Stage

NEW, THERE = "andere-tests/eintrag", "andere-tests/eintrag/digicheck"
GIVEN: dict[str, str | list[str]] = {
    "key": "digicheck", "name": "DigiCheck", "method": "test", "licence": "Vertrag 17/2026",
    "contract_on": "2026-01-05", "error_steps": "1,5", "months": "18", "address": "",
    "shape": "points", "lowest": "0", "highest": "100",
    "band": ["0", "30", "50,5", "", ""], "step": ["0", "1", "3", "", ""],
    "word": ["Suchen", "Sicherheit", ""], "code": ["1.1", "4", ""],
    "person": "Code", "by": "code", "date": "Datum", "topic": "Thema", "value": "Punkte",
    "platform": "", "iri": [""], "about": [""],
}  # fmt: skip


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path / 'form.db'}"))
    yield made
    made.close()


def send(stage: Stage, who: Official, path: str, **other: str | list[str]):
    sent = {"csrf": stage.csrf(who), "do": "save", "version": "0", **GIVEN, **other}
    return stage.client(who).post(who.home + path, data=sent)


def stored(stage: Stage):
    return providers.one(stage.s, stage.tenant.id, "digicheck")


def faults(page: str) -> dict[str, str]:
    """Return the sentence at each field, by its id."""
    found = re.findall(r'id="([a-z_]+)-e">.*?<span class="kern-body">(.*?)</span>', page, re.S)
    return {field: html.unescape(said) for field, said in found}


def test_a_provider_is_entered_by_a_form_as_it_is_by_a_file(stage: Stage) -> None:
    staff = official(stage, "hr")
    assert send(stage, staff, NEW).status_code == 303
    known = stored(stage)
    assert known.provider is not None
    assert known.registered.version == 1
    assert [(b.points, b.step) for b in known.provider.scale.bands] == [(0, 0), (30, 1), (50.5, 3)]
    assert known.provider.topics == {"Suchen": "1.1", "Sicherheit": "4"}
    assert known.provider.error_steps == 1.5
    with stage.house.database.read() as conn:
        noted = conn.exec_driver_sql("SELECT action, actor FROM audit").all()
    assert [actor for action, actor in noted if action == "provider.save"] == [
        f"staff:{staff.learner_id}"
    ]


def test_every_wrong_field_says_what_is_wrong_with_it_and_nothing_typed_is_lost(
    stage: Stage,
) -> None:
    staff = official(stage)
    page = send(
        stage, staff, NEW, key="Ä", months="99", contract_on="gestern", address="lms.example",
        band=["10", "30", "30"], step=["0", "1", ""], word=["Suchen", "Suchen", ""],
        code=["1.1", "1.2", "2"], date="", iri=["https://a.example", "https://a.example"],
        about=["Suchen", "Kochen"],
    ).text  # fmt: skip
    said = faults(page)
    assert said["key"] == "2 bis 32 Kleinbuchstaben, Ziffern und Bindestriche. (ä)"
    assert said["months"] == "Eine Zahl in diesem Bereich. (1–60)"
    assert set(said) == {
        *("key", "months", "contract_on", "address", "bands", "topics", "date", "activities"),
    }
    assert "Das steht doppelt da. (Suchen)" in said["topics"]
    assert "Das fehlt. (2)" in said["topics"]
    for typed in ("Vertrag 17/2026", "gestern", "lms.example", "Kochen", "https://a.example"):
        assert f'value="{typed}"' in page
    for field in said:
        assert f'href="#{field}"' in page
    assert providers.overview(stage.s, stage.tenant.id) == ()


def test_an_entry_is_opened_as_it_is_stored_and_saved_again_without_a_change(
    stage: Stage,
) -> None:
    staff = official(stage)
    send(stage, staff, NEW)
    page = stage.client(staff).get(staff.home + THERE).text
    inputs = re.findall(r'<input [^>]*name="([a-z_]+)" value="([^"]*)"', page)
    chosen = re.findall(r'<select [^>]*name="([a-z_]+)".*?</select>', page, re.S)
    sent: dict[str, list[str]] = {}
    for name, value in inputs:
        sent.setdefault(name, []).append(html.unescape(value))
    for block in re.findall(r"<select .*?</select>", page, re.S):
        name = re.search(r'name="([a-z_]+)"', block)
        picked = re.search(r'value="([^"]*)" selected', block)
        assert name is not None
        sent.setdefault(name[1], []).append(picked[1] if picked else "")
    assert chosen
    answer = stage.client(staff).post(staff.home + THERE, data=sent | {"do": "save"})
    assert answer.status_code == 303
    assert stored(stage).registered.version == 1


def test_what_somebody_else_has_entered_meanwhile_is_not_overwritten(stage: Stage) -> None:
    staff = official(stage)
    send(stage, staff, NEW)
    twice = send(stage, staff, NEW, name="Anderer")
    assert faults(twice.text) == {"key": "Einen Anbieter mit diesem Kürzel gibt es schon."}
    assert send(stage, staff, THERE, version="1", months="24").status_code == 303
    late = send(stage, staff, THERE, version="1", name="Zu spät").text
    assert "Jemand hat diesen Eintrag inzwischen geändert." in late
    assert 'value="Zu spät"' in late
    assert stored(stage).name == "DigiCheck"
    nobody = send(stage, staff, "andere-tests/eintrag/neu-hier", key="neu-hier")
    assert nobody.status_code == 404


def test_more_rows_are_a_button_and_keep_what_was_typed(stage: Stage) -> None:
    page = send(stage, official(stage), NEW, do="more").text
    assert page.count('name="band"') == 15
    assert 'value="50,5"' in page
    assert not faults(page)
    assert providers.overview(stage.s, stage.tenant.id) == ()
