"""Zuordnung: what is unmapped, one activity or a table mapped after a look, tried on messages."""

import io
import re
from collections.abc import Iterator
from html import unescape

import pytest
from werkzeug.test import TestResponse

from lti_tool import sheets
from lti_tool.checking import portals
from lti_tool.flows.admit import admit
from lti_tool.ports import Arrival, Platform
from lti_tool.store import parked, platforms
from lti_tool.store.arrivals import Arrivals
from lti_tool.store.database import us
from lti_tool.store.launches import SqlDoor
from lti_tool.store.schema.core import learner
from tests.conftest import settings_for
from tests.integration.trust.town import neighbour
from tests.pages.desk import NAME, PAGE, QUIZ, Official, lively, official, twins
from tests.pages.scene import Stage

HASH = "c3c11a20bede86d8c891454856cb4f8050b5e3b0054553907dc7ef3d34ba7cc5"


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path / 'pages.db'}"))
    yield made
    made.close()


def get(stage: Stage, who: Official, path: str = "") -> TestResponse:
    return stage.client(who).get(f"/admin/zuordnung{path}")


def post(stage: Stage, who: Official, path: str = "", **form: object) -> TestResponse:
    data = {"csrf": stage.csrf(who), **form}
    return stage.client(who).post(f"/admin/zuordnung{path}", data=data)


def upload(stage: Stage, who: Official, data: bytes) -> TestResponse:
    return post(stage, who, file=(io.BytesIO(data), "zuordnung.csv"))


def taken(stage: Stage, who: Official, shown: TestResponse) -> TestResponse:
    found = re.search(r'name="table" value="([^"]+)"', shown.text)
    assert found is not None, shown.text
    return post(stage, who, "/uebernehmen", table=found[1])


def mapped(stage: Stage) -> dict[str, str]:
    with stage.s.store.read() as work:
        return dict(work.mappings.all(stage.tenant.id))


def text_of(answer: TestResponse, test: str) -> str:
    found = re.search(rf'data-test="{test}"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    assert found is not None, answer.text
    return unescape(re.sub(r"<[^>]+>", "", found[1])).strip()


def test_an_unmapped_activity_is_mapped_and_counts_from_then_on(stage: Stage) -> None:
    store, who = lively(stage), official(stage)
    listed = get(stage, who)
    assert "Sichere Passwörter" in listed.text
    assert "1 Mal abgeschlossen" in listed.text
    unit = stage.s.content.catalogue.units[0]
    shown = post(stage, who, activity_iri=PAGE, unit=unit.key, competency="", level="")
    assert text_of(shown, "mapping-counts") == "1 neu. Noch ist nichts übernommen."
    assert "zählen dann zusätzlich" in text_of(shown, "mapping-tried")
    assert mapped(stage) == {}
    assert taken(stage, who, shown).headers["Location"].endswith("?getan=uebernommen")
    assert mapped(stage) == {PAGE: unit.key}
    assert PAGE not in get(stage, who, "/ausgeben?was=offen").text
    with stage.house.database.begin() as conn:
        parked.remap(
            Arrivals(conn, stage.house.seal, store, stage.house.meaning, us(stage.now)), None
        )
    with stage.s.store.read() as work:
        assert unit.key in {
            u for v in stage_learners(stage) for u in work.evidence.completed_units(v)
        }


def stage_learners(stage: Stage) -> list[str]:
    with stage.house.database.read() as conn:
        return [row.id for row in conn.execute(learner.select())]


def test_an_activity_may_show_a_topic_on_a_level(stage: Stage) -> None:
    lively(stage)
    who = official(stage)
    shown = post(stage, who, activity_iri=QUIZ, unit="", competency="4.2", level="2")
    assert "Niveau 2" in shown.text
    taken(stage, who, shown)
    assert mapped(stage) == {QUIZ: "4.2@3"}
    form = get(stage, who, f"/aktivitaet?adresse={QUIZ}")
    assert re.search(r'<option value="4.2" selected>', form.text)
    gone = post(stage, who, activity_iri=QUIZ, do="loesen")
    assert text_of(gone, "mapping-counts").startswith("1 gelöst.")
    taken(stage, who, gone)
    assert mapped(stage) == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"unit": "", "competency": "", "level": ""}, "Wählen Sie eine Lerneinheit, oder"),
        ({"unit": "N1", "competency": "4.2", "level": "2"}, "nicht beides"),
        ({"unit": "", "competency": "4.2", "level": ""}, "ein Niveau von 1 bis 4"),
        ({"unit": "NONE", "competency": "", "level": ""}, "Diese Lerneinheit gibt es nicht"),
    ],
)
def test_a_form_that_cannot_be_used_says_why_and_keeps_what_was_chosen(
    stage: Stage, given: dict[str, str], said: str
) -> None:
    answer = post(stage, official(stage), activity_iri=PAGE, **given)
    assert said in answer.text
    if given["competency"]:
        assert '<option value="4.2" selected>' in answer.text
    assert mapped(stage) == {}


def test_a_table_is_shown_with_what_it_would_do_and_taken_over_whole_or_not_at_all(
    stage: Stage,
) -> None:
    lively(stage)
    who = official(stage)
    rows = sheets.read(get(stage, who, "/ausgeben?was=offen&art=xlsx").data)
    assert {row[0] for row in rows[1:]} == {PAGE, QUIZ}
    unit = stage.s.content.catalogue.units[0].key
    rows[1][1] = "NONE"
    wrong = upload(stage, who, sheets.csv_of(rows))  # type: ignore[arg-type]
    assert "Zeile 2, Spalte unit: Diese Lerneinheit gibt es nicht. (NONE)" in wrong.text
    rows[1][1] = unit
    shown = upload(stage, who, sheets.xlsx_of("Z", rows))  # type: ignore[arg-type]
    counts = text_of(shown, "mapping-counts")
    assert counts.startswith("1 neu. 1 Zeile ist nicht ausgefüllt.")
    taken(stage, who, shown)
    assert list(mapped(stage).values()) == [unit]
    again = upload(stage, who, get(stage, who, "/ausgeben").data)
    assert text_of(again, "mapping-counts") == "Nichts ändert sich. 1 bleibt."
    assert 'name="table"' not in again.text


def test_what_is_no_table_is_named(stage: Stage) -> None:
    who = official(stage)
    assert "Es ist keine Datei ausgewählt" in upload(stage, who, b"").text
    assert "keine CSV- und keine XLSX-Datei" in upload(stage, who, b"PK\x03\x04").text


def test_the_last_messages_are_shown_by_rule_and_without_a_person(stage: Stage) -> None:
    lively(stage)
    page = get(stage, official(stage), "/probe")
    assert text_of(page, "mapping-tried") == "Von den letzten 5 Meldungen zählen 0."
    assert "Aktivität ist nicht zugeordnet" in page.text
    assert "http://adlnet.gov/expapi/verbs/mastered" in page.text
    for hidden in (NAME, "person-", "nobody-yet", "urn:roadmap"):
        assert hidden not in page.text


def test_what_was_shown_in_another_municipality_is_not_taken_here(stage: Stage) -> None:
    lively(stage)
    unit = stage.s.content.catalogue.units[0].key
    shown = post(stage, official(stage), activity_iri=PAGE, unit=unit)
    other = neighbour(stage, "nebenan")
    taken(other, official(other), shown)
    assert mapped(other) == mapped(stage) == {}


def test_what_fits_two_people_is_shown_without_a_name_and_counts_for_nobody(stage: Stage) -> None:
    lively(stage)
    twins(stage)
    page = get(stage, official(stage), "/personen")
    assert "1 Meldung passt auf mehrere Menschen" in page.text
    assert "https://lms.example: Kennung beim Start; https://lms.example: Anmeldename" in page.text
    assert "1 von 1 Person; die ältesten werden am" in page.text  # nobody-yet
    for hidden in (NAME, "person-", "nobody-yet", *stage_learners(stage)):
        assert hidden not in page.text
    other = neighbour(stage, "nebenan")
    assert "Kein LRS ist eingetragen." in get(other, official(other), "/personen").text


@pytest.mark.parametrize(
    ("local", "subject", "code", "said"),
    [
        (HASH, HASH, "names-fine", "SHA256"),
        ("6", "6", "names-other", "Benutzer-ID"),
        (HASH[:32], "", "names-random", "zufällig"),
        ("", "", "names-unknown", "Von hier ist noch niemand gestartet."),
    ],
)
def test_how_an_ilias_names_people_is_recognised_and_random_is_explained(
    stage: Stage, local: str, subject: str, code: str, said: str
) -> None:
    ilias = ilias_of(stage)
    ident = f"{local}@{'1' * 32}.ilias"
    if local:
        arrive(stage, ilias, subject or ident, ident)
    found = portals.names(stage.house.database, stage.house.seal, ilias)
    assert (found.code, found.ok) == (code, code != "names-random")
    page = get(stage, official(stage), "/personen").text
    assert said in page
    assert "ist jede Person in jedem Objekt jemand anderes" in page
    assert "names-mixed" not in found.code
    if local:
        arrive(stage, ilias, "mg", f"mg@{'1' * 32}.ilias")
        mixed = portals.names(stage.house.database, stage.house.seal, ilias)
        assert mixed.code == ("names-random" if code == "names-random" else "names-mixed")


def test_a_copy_of_an_ilias_is_noticed(stage: Stage) -> None:
    first, copy = ilias_of(stage), ilias_of(stage, "https://test.ilias.example")
    ident = f"{HASH}@{'1' * 32}.ilias"
    arrive(stage, first, HASH, ident)
    who = official(stage)
    assert "dasselbe ILIAS" not in get(stage, who, "/personen").text
    arrive(stage, copy, HASH, ident)
    page = get(stage, who, "/personen").text
    assert "Zwei Lernportale sagen, sie sind dasselbe ILIAS" in page
    assert "https://ilias.example, https://test.ilias.example" in page


def test_the_overview_says_when_messages_fit_several_people(stage: Stage) -> None:
    lively(stage)
    who = official(stage)

    def seen() -> str:
        return stage.client(who).get("/admin/uebersicht").text

    assert "Jede Meldung gehört einer Person, oder niemandem." in seen()
    twins(stage)
    assert "1 Meldung passt auf mehrere Menschen." in seen()


def ilias_of(stage: Stage, issuer: str = "https://ilias.example") -> Platform:
    urls = {k: f"{issuer}/{k}" for k in ("auth_url", "token_url", "jwks_url")}
    with stage.house.database.begin() as conn:
        return platforms.add(
            conn,
            tenant_id=stage.tenant.id,
            kind="ilias",
            issuer=issuer,
            client_id="i",
            deployment_ids=["1"],
            now=stage.now,
            **urls,
        )


def arrive(stage: Stage, platform: Platform, subject: str, ident: str) -> None:
    arrival = Arrival(
        platform_id=platform.id,
        tenant_id=stage.tenant.id,
        deployment_id="1",
        message_type="LtiResourceLinkRequest",
        subject=subject,
        ident=ident,
        nonce=f"{platform.id}{subject}",
        instructor=False,
        locale="de",
        target="/",
    )
    door = SqlDoor(stage.house.database, stage.house.seal)
    assert admit(door, arrival, stage.now) is not None


def test_a_new_town_has_everything_mapped(stage: Stage) -> None:
    assert "Alles zugeordnet." in get(stage, official(stage)).text
