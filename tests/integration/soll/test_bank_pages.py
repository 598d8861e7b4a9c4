"""The questions in the administration: read before they are used, and what changes (law L22)."""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import settings_for
from tests.pages import bank
from tests.pages.desk import official
from tests.pages.scene import Stage

PAGE = f"fragen/{bank.PROPOSAL}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("bank")
    url, waiting = f"sqlite:///{folder / 'bank.db'}", str(bank.proposals(folder))
    made = Stage(settings_for(url, ROADMAP__CONTENT__PROPOSALS=waiting))
    yield made
    made.close()


def page(stage: Stage, path: str, right: str = "staff-council") -> str:
    answer = stage.client(official(stage, right)).get(f"/admin/{path}")
    assert answer.status_code == 200, answer.status
    return answer.text


def part(text: str, key: str) -> str:
    found = re.search(rf'<li [^>]*data-item="{key}".*?</dl>(?:</div>)*</li>', text, re.DOTALL)
    assert found is not None, key
    return found[0]


def test_the_staff_council_finds_what_is_in_force_and_what_is_proposed(stage: Stage) -> None:
    text = page(stage, "fragen")
    standings = re.findall(r'data-bank="([^"]+)" data-standing="([^"]+)"', text)
    shipped = stage.s.content.newest("items").ref
    assert standings[0] == (bank.PROPOSAL, "proposed")
    assert (shipped, "in-force") in standings
    assert "kaputt" in text  # what cannot be read is said, not hidden


def test_a_proposal_says_what_changes_topic_by_topic(stage: Stage) -> None:
    text = page(stage, PAGE)
    assert "1 neu, 1 geändert, 1 nicht mehr gefragt" in text
    assert text.count("nicht mehr gefragt") == 2  # in all, and in the one topic


def test_every_question_of_a_topic_stands_with_its_key_and_what_changed(stage: Stage) -> None:
    text = page(stage, f"{PAGE}/{bank.TOPIC}")
    asked = {i.key for i in stage.s.content.items if i.competency == bank.TOPIC}
    assert set(re.findall(r'data-item="([^"]+)"', text)) == asked | {bank.ADDED}
    changed = part(text, bank.CHANGED)
    assert "Geändert: Text der Frage, Schwierigkeit" in changed, changed
    assert bank.CHANGED_STEM in changed
    assert next(i.stem for i in stage.s.content.items if i.key == bank.CHANGED) in changed
    assert "-0,25; Trennschärfe: 1,75" in changed
    assert 'data-change="gone"' in part(text, bank.REMOVED)
    assert bank.ADDED_STEM in part(text, bank.ADDED)


def test_where_only_numbers_changed_the_words_stand_once(stage: Stage) -> None:
    """The shipped questions count guessing since 1.2, and most are the same ones."""
    item = next(i for i in stage.s.content.items if i.key == "1.1-09")
    said = part(page(stage, f"fragen/{stage.s.content.newest('items').ref}/1.1"), item.key)
    assert "Geändert: Schwierigkeit" in said
    assert "Trennschärfe: 1,2" in said
    assert said.count(item.options[0].text) == 1


def test_the_right_answers_are_marked(stage: Stage) -> None:
    item = next(i for i in stage.s.content.items if i.key == "1.1-09")
    said = part(page(stage, f"fragen/{stage.s.content.newest('items').ref}/1.1"), item.key)
    (right,) = (o.text for o in item.options if o.correct)
    assert f"{right} – <b>passt</b>" in said
    assert said.count("<b>passt</b>") == 1


@pytest.mark.parametrize(
    "path", ["fragen/nichts-1.0", f"{PAGE}/9.9", "fragen/..%2f..%2fetc", "fragen/kaputt"]
)
def test_what_there_is_not_is_not_found(stage: Stage, path: str) -> None:
    answer = stage.client(official(stage, "hr")).get(f"/admin/{path}")
    assert answer.status_code == 404


def test_a_proposal_changed_after_it_was_sealed_is_not_shown(stage: Stage) -> None:
    file = stage.settings.content.proposals / bank.PROPOSAL / "items.json"
    sealed = file.read_bytes()
    file.write_bytes(sealed.replace(b"neuen Frage", b"anderen Frage"))
    try:
        answer = stage.client(official(stage)).get(f"/admin/{PAGE}")
    finally:
        file.write_bytes(sealed)
    assert answer.status_code == 404
    assert "Frage?" not in answer.text


def test_a_manager_does_not_read_the_answers(stage: Stage) -> None:
    answer = stage.client(official(stage, "manager")).get(f"/admin/{PAGE}")
    assert answer.status_code == 403


def test_the_pages_hold_no_form(stage: Stage) -> None:
    for path in ("fragen", PAGE, f"{PAGE}/{bank.TOPIC}"):
        main = page(stage, path).partition("<main")[2].partition("</main")[0]
        assert "<form" not in main, path
