"""A provider's file becomes evidence of the right people; each has the last word on her own."""

from datetime import timedelta
from typing import Any

import pytest

from competency.profile import Verdict
from competency.provider import ProviderInvalid
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import external, profiles, providers
from lti_tool.flows.external import Preview
from lti_tool.ports import Learner
from tests.integration.soll.conftest import Town

DOCUMENT: dict[str, Any] = {
    "key": "digicheck",
    "name": "DigiCheck",
    "method": "test",
    "error_steps": 1,
    "months": 18,
    "contract_on": "2026-01-05",
    "scale": {
        "shape": "levels",
        "bands": [{"name": "A", "step": 0}, {"name": "B", "step": 3}, {"name": "C", "step": 7}],
    },
    "topics": {"Suchen": "1.1", "Schutz": "4"},
    "columns": {"person": "Code", "by": "code", "date": "Datum", "topic": "Thema", "value": "Wert"},
}
HEADING = ["Code", "Datum", "Thema", "Wert"]


@pytest.fixture
def registered(town: Town) -> Town:
    providers.save(town.s, town.hr, town.tenant.id, DOCUMENT, town.now)
    return town


def look(town: Town, *rows: list[Any]) -> Preview:
    return external.preview(town.s, town.tenant.id, "digicheck", [HEADING, *rows], town.now)


def take(town: Town, *rows: list[Any]) -> Preview:
    rows_ = [HEADING, *rows]
    return external.take(town.s, town.hr, town.tenant.id, "digicheck", rows_, town.now)


def person(town: Town, *roles: str) -> tuple[Learner, str]:
    learner = town.answered(*roles) if roles else town.person("GB")
    return learner, external.make_code(town.s, learner, town.now)


def lines(town: Town, learner: Learner, code: str = "1.1"):
    view = profiles.current(town.s, learner)
    assert view is not None
    return view, [e for e in view.evidence.get(code, ()) if e.origin]


def test_a_preview_counts_and_lists_rows_and_writes_nothing(registered: Town) -> None:
    town = registered
    learner, code = person(town)
    rows = [
        [code, "20.11.2026", "Suchen", "B"],
        ["WXYZ 2346", "20.11.2026", "Suchen", "C"],
        [code.lower().replace(" ", "-"), "01.01.2024", "Suchen", "C"],
    ]
    found = look(town, *rows)
    assert (found.new, found.people, found.unknown, found.old) == (1, 1, (3,), (4,))
    assert code not in repr(found)
    assert learner.id not in repr(found)
    town.work_off(learner)
    assert lines(town, learner)[1] == []


def test_a_result_moves_the_profile_and_says_whose_it_is(registered: Town) -> None:
    town = registered
    learner, code = person(town, "GB")
    before = lines(town, learner)[0].profile["1.1"]
    assert take(town, [code, "20.11.2026", "Suchen", "C"]).new == 1
    town.work_off(learner)
    view, (line,) = lines(town, learner)
    assert view.profile["1.1"].ist > before.ist
    assert (line.origin["name"], line.origin["value"], line.origin["highest"]) == (
        *("DigiCheck", "C", "C"),
    )
    assert line.aside is None
    assert take(town, [code, "20.11.2026", "Suchen", "C"]).known == 1
    assert len(lines(town, learner)[1]) == 1


def test_what_the_person_objects_to_does_not_count_even_if_it_comes_again(registered: Town) -> None:
    town = registered
    learner, code = person(town, "GB")
    before = lines(town, learner)[0].profile["1.1"]
    take(town, [code, "20.11.2026", "Suchen", "C"])
    town.work_off(learner)
    (line,) = lines(town, learner)[1]
    profiles.dispute(town.s, learner, line.id, "not_me", "", town.now)
    take(town, [code, "20.11.2026", "Suchen", "C"])
    town.work_off(learner)
    view, (line,) = lines(town, learner)
    assert not line.counts
    assert view.profile["1.1"].ist == before.ist


def test_a_newer_result_counts_instead_and_an_old_one_ends_by_itself(registered: Town) -> None:
    town = registered
    learner, code = person(town, "GB")
    rows = [[code, "20.10.2026", "Suchen", "C"], [code, "20.11.2026", "Suchen", "A"]]
    take(town, *rows)
    town.work_off(learner)
    view, found = lines(town, learner)
    assert [e.aside and e.aside.value for e in found] == ["newer", None]
    assert view.profile["1.1"].verdict is not Verdict.MET
    assert external.forget_expired(town.s, town.now) == 0
    town.now += timedelta(days=600)
    assert external.forget_expired(town.s, town.now) == 1
    town.work_off(learner)
    assert {e.aside and e.aside.value for e in lines(town, learner)[1]} == {"old"}
    assert external.forget_expired(town.s, town.now) == 0


def test_a_result_about_an_area_is_evidence_of_each_of_its_competences(registered: Town) -> None:
    town = registered
    learner, code = person(town, "GB")
    take(town, [code, "20.11.2026", "Schutz", "B"])
    town.work_off(learner)
    assert [len(lines(town, learner, f"4.{n}")[1]) for n in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_a_file_with_one_wrong_cell_is_not_taken_at_all(registered: Town) -> None:
    town = registered
    _learner, code = person(town)
    rows = [[code, "20.11.2026", "Suchen", "B"], [code, "20.11.2026", "Suchen", "Z"]]
    assert [(t.row, t.column, t.cause) for t in look(town, *rows).troubles] == [
        (3, "Wert", "value")
    ]
    with pytest.raises(Conflict):
        take(town, *rows)
    assert look(town, rows[0]).new == 1


def test_nothing_is_taken_without_a_contract_or_from_who_is_not_used_any_more(
    registered: Town,
) -> None:
    town = registered
    by, home = town.hr, town.tenant.id
    providers.use(town.s, by, home, "digicheck", town.now, on=False)
    with pytest.raises(Conflict, match="not used any more"):
        look(town)
    providers.save(town.s, by, home, DOCUMENT | {"contract_on": ""}, town.now)
    with pytest.raises(Conflict, match="contract"):
        look(town)
    with pytest.raises(NotFound):
        external.preview(town.s, home, "andere", [HEADING], town.now)


def test_a_new_code_makes_the_old_one_worthless(registered: Town) -> None:
    town = registered
    learner, old = person(town)
    assert external.code(town.s, learner) == old
    new = external.make_code(town.s, learner, town.now)
    row = ["20.11.2026", "Suchen", "B"]
    assert look(town, [old, *row]).unknown == (2,)
    assert look(town, [new, *row]).new == 1


def test_a_change_is_a_new_version_and_the_same_again_is_none(registered: Town) -> None:
    town = registered
    save = providers.save
    assert save(town.s, town.hr, town.tenant.id, DOCUMENT, town.now).version == 1
    changed = DOCUMENT | {"error_steps": 2}
    assert save(town.s, town.hr, town.tenant.id, changed, town.now).version == 2
    actions = [action for _, action, _ in town.audited() if action.startswith("provider")]
    assert actions == ["provider.save", "provider.save"]


def test_one_activity_is_the_test_of_one_provider(registered: Town) -> None:
    town = registered
    mine = {"activities": {"https://lms.example/9": "Suchen"}}
    providers.save(town.s, town.hr, town.tenant.id, DOCUMENT | mine, town.now)
    with pytest.raises(ProviderInvalid, match="taken"):
        providers.save(town.s, town.hr, town.tenant.id, DOCUMENT | mine | {"key": "zwei"}, town.now)
