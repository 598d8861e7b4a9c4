"""The pages about other tests: a code to hand out, a test to open, a result to object to."""

import re
from collections.abc import Iterator

import pytest

from lti_tool.flows import external, observe, providers
from tests.conftest import settings_for
from tests.integration.external.test_results import DOCUMENT, HEADING
from tests.pages.desk import OPERATOR
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


def test_the_path_offers_a_test_for_what_is_still_open_and_opens_it_in_the_lms(
    stage: Stage,
) -> None:
    who = stage.planned(stage.assessed("GB"))
    page = get(stage, who, "lernpfad")
    link = re.search(r'<a [^>]*data-test="open-test"[^>]*>', page)
    assert link is not None
    assert f'href="{ADDRESS}"' in link[0]
    assert 'target="_top"' in link[0]
    providers.use(stage.s, OPERATOR, stage.tenant.id, "digicheck", stage.now, on=False)
    assert "open-test" not in get(stage, who, "lernpfad")
    assert "Ihre Kommune hat hier keine anderen Tests." in get(stage, who, "daten/andere-tests")
