"""The path as it stands now, in the LRS: one document per learner, shared with others politely."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lti_tool.flows import persons, plan
from lti_tool.ports import TenantSettings
from tests.integration.trust.delivering import Town


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(f"sqlite:///{tmp_path / 'present.db'}", TenantSettings())
    yield made
    made.close()


def document(town: Town) -> dict[str, Any]:
    (body,) = town.there.documents.values()
    found: dict[str, Any] = json.loads(body)
    return found


def somebody_else_writes(town: Town, **keys: Any) -> None:
    (key,) = town.there.documents
    town.there.documents[key] = json.dumps(document(town) | keys).encode()


def test_an_accepted_path_is_one_document_of_steps_and_no_result(town: Town) -> None:
    town.gardener(done=0)
    town.send()
    ((agent, profile_id),) = town.there.documents
    assert json.loads(agent)["account"]["homePage"] == "https://moodle.example"
    assert profile_id.endswith("/xapi/profile/learning-path")
    found = document(town)
    assert {s["state"] for s in found["steps"]} == {"planned"}
    assert {name for step in found["steps"] for name in step} == {
        *("order", "activity", "title", "mandatory", "month", "state")
    }
    for word in ("level", "verdict", "confidence", "competency", "4711"):
        assert word not in json.dumps(found)


def test_a_step_that_is_done_is_told_and_what_is_told_already_is_not(town: Town) -> None:
    visitor = town.gardener(done=0)
    town.send()
    town.stage.now += timedelta(minutes=1)
    town.learned(visitor)
    town.send()
    assert "done" in {s["state"] for s in document(town)["steps"]}
    before = town.there.seen("documents")
    town.stage.learned(visitor, town.stage.first_unit(visitor))
    town.send()
    assert town.there.seen("documents") == before


def test_what_others_keep_in_the_document_stays_also_when_ours_is_taken_back(town: Town) -> None:
    visitor = town.gardener(done=0)
    town.send()
    somebody_else_writes(town, note="of the union")
    town.stage.now += timedelta(minutes=1)
    town.learned(visitor)
    town.send()
    assert document(town)["note"] == "of the union"
    town.stage.now += timedelta(minutes=1)
    persons.erase(town.stage.s, town.stage.learner(visitor), "learner", town.stage.now)
    town.send()
    assert document(town) == {"note": "of the union"}


def test_who_is_overtaken_between_reading_and_writing_reads_again_and_merges(town: Town) -> None:
    visitor = town.gardener(done=0)
    town.send()
    town.stage.now += timedelta(minutes=1)
    town.learned(visitor)
    real, calls = town.there._document, list[str]()

    def meanwhile(to: Any, body: bytes) -> None:
        calls.append(to.command)
        if calls == ["GET", "PUT"]:
            somebody_else_writes(town, note="in between")
        real(to, body)

    town.there._document = meanwhile  # type: ignore[method-assign]
    town.send()
    assert calls == ["GET", "PUT", "GET", "PUT"]
    assert document(town)["note"] == "in between"
    assert "done" in {s["state"] for s in document(town)["steps"]}


def test_a_document_nobody_else_uses_goes_away_with_an_objection(town: Town) -> None:
    visitor = town.gardener(done=0)
    town.send()
    stage = town.stage
    stage.now += timedelta(minutes=1)
    plan.object_to_proposals(stage.s, stage.learner(visitor), stage.now)
    town.send()
    assert town.there.documents == {}


def test_an_older_try_that_comes_late_changes_nothing(town: Town) -> None:
    visitor = town.gardener(done=0)
    town.send()
    somebody_else_writes(town, updated="2999-01-01T00:00:00.000000Z", status="newer")
    town.stage.now += timedelta(minutes=1)
    town.learned(visitor)
    assert town.send().delivered == 1
    assert document(town)["status"] == "newer"


def test_a_store_without_documents_has_the_statements_and_nothing_fails(town: Town) -> None:
    town.there.trouble = {"documents": 404}
    town.gardener()
    assert town.send().failed == 0
    assert {state for _, state in town.rows()} == {"delivered"}


def test_a_store_that_is_busy_gets_the_document_later(town: Town) -> None:
    town.there.trouble = {"documents": 503}
    town.gardener()
    assert town.send().failed == 1
    town.there.trouble = {}
    assert town.send(3600).delivered == 1
    assert len(town.there.documents) == 1
