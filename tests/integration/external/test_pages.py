"""The pages about other tests: a code to hand out, a test to open, a result to object to."""

import io
import json
import re
import textwrap
import zipfile
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from competency.path import Wishes
from lti_tool import sheets
from lti_tool.flows import external, observe, persons, plan, providers
from lti_tool.settings import ROOT
from lti_tool.store.schema.core import outbox
from tests.conftest import settings_for
from tests.integration.external.test_results import DOCUMENT, HEADING
from tests.pages.desk import OPERATOR, official
from tests.pages.scene import Stage, Visitor

ADDRESS = "https://lms.example/mod/lti/view.php?id=9"


@pytest.fixture
def stage(tmp_path) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path / 'tests.db'}"))
    everywhere = {"Suchen": "1.1"} | {f"Bereich {n}": str(n) for n in range(1, 6)}
    document = DOCUMENT | {"address": ADDRESS, "topics": everywhere}
    providers.save(made.s, OPERATOR, made.tenant.id, document, made.now)
    yield made
    made.close()


def get(stage: Stage, who: Visitor, path: str) -> str:
    return stage.client(who).get(who.home + path).text


def code(stage: Stage, who: Visitor) -> str:
    sent = {"csrf": stage.csrf(who)}
    stage.client(who).post(f"{who.home}daten/andere-tests", data=sent)
    found = re.search(r'data-test="test-code">([^<]+)', get(stage, who, "daten/andere-tests"))
    assert found is not None
    return found[1]


def test_a_code_is_made_when_it_is_asked_for_and_not_by_looking(stage: Stage) -> None:
    who = stage.ready("GB")
    assert 'data-test="test-code"' not in get(stage, who, "daten/andere-tests")
    first = code(stage, who)
    assert re.fullmatch(r"[2-9A-Z]{4} [2-9A-Z]{4}", first)
    assert code(stage, who) != first


def test_a_foreign_result_stands_on_the_profile_and_can_be_objected_to(stage: Stage) -> None:
    who = stage.assessed("GB")
    rows = [HEADING, [code(stage, who), "20.11.2026", "Suchen", "C"]]
    external.take(stage.s, OPERATOR, stage.tenant.id, "digicheck", rows, stage.now)
    observe.refold_learner(stage.s, who.learner_id, stage.now)
    page = get(stage, who, "profil")
    said = "Ergebnis von „DigiCheck“ vom 20.11.2026: „C“ auf einer Skala von „A“ bis „C“."
    assert said in page
    assert "Das bedeutet hier: leitet an. Es zählt bis 20.05.2028." in page
    assert "Von einem Testanbieter zählt zu jedem Thema nur das neueste Ergebnis." in page
    form = get(stage, who, "profil/1.1/stimmt-nicht")
    piece = re.search(r'value="([0-9a-f-]{36})"(?=(?:(?!value=).)*DigiCheck)', form, re.S)
    assert piece is not None
    sent = {"csrf": stage.csrf(who), "evidence": piece[1], "kind": "not_me"}
    stage.client(who).post(f"{who.home}profil/1.1/stimmt-nicht", data=sent)
    assert "Sie sagen: Das war ich nicht. Es zählt nicht." in get(stage, who, "profil")


def cards(page: str) -> dict[str, str]:
    """Return state by provider of the tests that stand on a path."""
    found = re.findall(r'data-test="test-step" data-provider="([^"]+)" data-state="([^"]+)"', page)
    return dict(found)


def test_a_test_is_a_step_of_the_path_until_its_result_has_come(stage: Stage) -> None:
    who = stage.planned(stage.assessed("GB"), accepted=True)
    with stage.house.database.read() as conn:
        sent = conn.execute(select(func.count()).select_from(outbox)).scalar_one()
    page = get(stage, who, "lernpfad")
    assert cards(page) == {"digicheck": "planned"}
    assert "Weil hier noch offen ist, was Sie können: " in page
    link = re.search(r'<a [^>]*data-test="open-test"[^>]*>', page)
    assert link is not None
    assert f'href="{ADDRESS}"' in link[0]
    assert 'target="_top"' in link[0]
    assert "Test: DigiCheck" in get(stage, who, "lernpfad?ansicht=druck")
    own, day = code(stage, who), f"{stage.now:%d.%m.%Y}"
    areas = [f"Bereich {n}" for n in range(1, 6)]
    rows = [HEADING, *([own, day, topic, "B"] for topic in ("Suchen", *areas))]
    external.take(stage.s, OPERATOR, stage.tenant.id, "digicheck", rows, stage.now)
    observe.refold_learner(stage.s, who.learner_id, stage.now)
    page = get(stage, who, "lernpfad")
    assert cards(page) == {"digicheck": "done"}
    assert "Das Ergebnis ist da. Es steht in Ihrem Profil: " in page
    assert "open-test" not in page
    with stage.house.database.read() as conn:
        body = "".join(str(b) for b in conn.execute(select(outbox.c.body)).scalars())
        assert conn.execute(select(func.count()).select_from(outbox)).scalar_one() == sent
    assert "digicheck" not in body.casefold()


def test_a_result_about_one_topic_leaves_the_test_a_step_for_the_others(stage: Stage) -> None:
    who = stage.planned(stage.assessed("GB"))
    rows = [HEADING, [code(stage, who), f"{stage.now:%d.%m.%Y}", "Suchen", "B"]]
    external.take(stage.s, OPERATOR, stage.tenant.id, "digicheck", rows, stage.now)
    observe.refold_learner(stage.s, who.learner_id, stage.now)
    assert cards(get(stage, who, "lernpfad")) == {"digicheck": "planned"}


def test_of_two_tests_only_those_stand_on_the_path_that_show_something_of_their_own(
    stage: Stage,
) -> None:
    who = stage.planned(stage.assessed("GB"))
    for key, topics in (("einzeln", {"Suchen": "1.1"}), ("fremd", {"Wandel": "K.2"})):
        more = DOCUMENT | {"key": key, "name": key, "address": f"{ADDRESS}0", "topics": topics}
        providers.save(stage.s, OPERATOR, stage.tenant.id, more, stage.now)
    assert cards(get(stage, who, "lernpfad")) == {"digicheck": "planned", "fremd": "planned"}
    for key in ("digicheck", "einzeln", "fremd"):
        providers.use(stage.s, OPERATOR, stage.tenant.id, key, stage.now, on=False)
    assert cards(get(stage, who, "lernpfad")) == {}
    assert "Ihre Kommune hat hier keine anderen Tests." in get(stage, who, "daten/andere-tests")


def act(stage: Stage, who: Visitor, did: str, data: bytes = b"", **form: str):
    file = {"file": (io.BytesIO(data), "datei")} if data else {}
    sent = {"csrf": stage.csrf(who), "do": did, **form, **file}
    return stage.client(who).post("/admin/andere-tests", data=sent)


def test_a_file_is_taken_on_the_page_after_it_was_looked_at(stage: Stage) -> None:
    who, staff = stage.assessed("GB"), official(stage, "hr")
    own = code(stage, who)
    wrong = sheets.csv_of([HEADING, [own, "20.11.2026", "Suchen", "Z9"]])
    said = act(stage, staff, "look", wrong, key="digicheck").text
    assert "Zeile 2, Spalte Wert: Dieser Wert steht nicht auf der Skala des Anbieters." in said
    assert "Z9" not in said
    data = sheets.csv_of(
        [HEADING, [own, "20.11.2026", "Suchen", "C"], ["2222 3333", "20.11.2026", "Suchen", "B"]]
    )
    seen = act(stage, staff, "look", data, key="digicheck").text
    assert "1 Ergebnis ist neu." in seen
    assert "Person nicht bekannt, ausgelassen: Zeilen 3." in seen
    assert own not in seen
    table = re.search(r'name="table" value="([^"]+)"', seen)
    assert table is not None
    assert act(stage, staff, "take", table=table[1]).status_code == 303
    observe.refold_learner(stage.s, who.learner_id, stage.now)
    assert "Ergebnis von „DigiCheck“" in get(stage, who, "profil")


def test_a_number_of_a_spreadsheet_is_the_same_value_when_it_is_taken(stage: Stage) -> None:
    who, staff = stage.assessed("GB"), official(stage)
    bands = [{"name": "1", "step": 1}, {"name": "2", "step": 5}]
    numbered = DOCUMENT | {"scale": {"shape": "levels", "bands": bands}}
    providers.save(stage.s, OPERATOR, stage.tenant.id, numbered, stage.now)
    data = sheets.xlsx_of("E", [HEADING, [code(stage, who), "20.11.2026", "Suchen", 2.0]])
    seen = act(stage, staff, "look", data, key="digicheck").text
    table = re.search(r'name="table" value="([^"]+)"', seen)
    assert table is not None
    assert act(stage, staff, "take", table=table[1]).status_code == 303
    assert "1 Ergebnis ist schon da." in act(stage, staff, "look", data, key="digicheck").text


def test_a_provider_is_entered_by_a_file_and_what_is_wrong_with_it_is_named(stage: Stage) -> None:
    staff = official(stage)
    guide = (ROOT / "docs" / "how-to" / "testanbieter.md").read_text(encoding="utf-8")
    example = textwrap.dedent(guide.split("```toml\n")[1].split("```")[0])
    good = example.replace('"digicheck"', '"anderer"').encode()
    assert act(stage, staff, "enter", good).status_code == 303
    assert {k.key for k in providers.overview(stage.s, stage.tenant.id)} == {"digicheck", "anderer"}
    bad = act(stage, staff, "enter", good.replace(b"months = 18", b"months = 99")).text
    assert "months: Eine Zahl in diesem Bereich. (1–60)" in bad
    assert "nicht lesbar" in act(stage, staff, "enter", b"key = = 1").text


def leave_out(stage: Stage, who: Visitor, key: str, did: str = "exclude") -> str:
    sent = {"csrf": stage.csrf(who), "do": did, "test": key}
    answer = stage.client(who).post(f"{who.home}lernpfad", data=sent)
    assert answer.status_code == 303
    return stage.client(who).get(answer.location).text


def told(stage: Stage, who: Visitor) -> dict[str, str]:
    found = json.loads(get(stage, who, "api/path"))["tests"]
    return {t["provider"]: t["state"] for t in found}


def test_a_test_that_is_left_out_stays_away_until_it_is_wanted_again(stage: Stage) -> None:
    who = stage.planned(stage.assessed("GB"), accepted=True)
    more = DOCUMENT | {"key": "fremd", "name": "Fremd", "address": ADDRESS, "topics": {"S": "1.1"}}
    providers.save(stage.s, OPERATOR, stage.tenant.id, more, stage.now)
    assert "Ohne ihn kommt dafür: „Test: Fremd“." in get(stage, who, "lernpfad")
    page = leave_out(stage, who, "digicheck")
    assert "„Test: DigiCheck“ ist dieses Jahr nicht dabei." in page
    assert "Dafür kommt: „Test: Fremd“." in page
    assert cards(page) == {"fremd": "planned"}
    assert "Ohne ihn bleibt das offen, bis Sie es anders zeigen." in page
    leave_out(stage, who, "fremd")
    observe.refold_learner(stage.s, who.learner_id, stage.now)  # new answers: the path made anew
    plan.take(stage.s, stage.learner(who), Wishes(4.0), stage.now)
    assert cards(get(stage, who, "lernpfad")) == {}
    assert "Test: " not in get(stage, who, "lernpfad?ansicht=druck")
    assert told(stage, who) == {"digicheck": "excluded", "fremd": "excluded"}
    copy = zipfile.ZipFile(io.BytesIO(persons.export(stage.s, stage.learner(who))))
    [mine] = json.loads(copy.read("profile.json"))["learner"]
    assert mine["excluded_tests"] == ["digicheck", "fremd"]
    page = leave_out(stage, who, "digicheck", "undo")
    assert "„Test: DigiCheck“ ist für November 2026 geplant." in page
    assert told(stage, who) == {"digicheck": "planned", "fremd": "excluded"}
    assert "„Test: Fremd“ darf wieder geplant werden." in leave_out(stage, who, "fremd", "undo")


def test_only_a_test_of_the_own_municipality_can_be_left_out(stage: Stage) -> None:
    who = stage.planned(stage.assessed("GB"))
    sent = {"csrf": stage.csrf(who), "do": "exclude", "test": "gibt-es-nicht"}
    assert stage.client(who).post(f"{who.home}lernpfad", data=sent).status_code == 404
    assert told(stage, who) == {"digicheck": "planned"}
