"""Who waits for whom on PostgreSQL: a page of activity never keeps a person from answering."""

import threading
import time
import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from lti_tool.errors import NotFound
from lti_tool.flows import assess, persons
from lti_tool.ports import Learner
from lti_tool.store.database import us
from lti_tool.store.schema.core import evidence
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor


@pytest.fixture
def stage(postgres_url: str) -> Iterator[Stage]:
    made = Stage(settings_for(postgres_url, ROADMAP__DATABASE__LOCK_TIMEOUT_S="5"))
    yield made
    made.close()


def proof(stage: Stage, learner: Learner) -> dict[str, object]:
    """Return a row as a page of activity writes it."""
    return {
        "id": str(uuid.uuid4()),
        "tenant_id": learner.tenant_id,
        "learner_id": learner.id,
        "source": "lrs",
        "statement_id": str(uuid.uuid4()),
        "rule_id": "r",
        "kind": "completion",
        "b": [],
        "eff_us": us(stage.now),
        "arrival_us": us(stage.now),
    }


def answer(stage: Stage, visitor: Visitor, position: int) -> None:
    learner = stage.learner(visitor)
    assess.answer(stage.s, learner, position, {"dont_know": True}, stage.now)


def test_an_answer_does_not_wait_for_a_page_of_activity_about_the_same_person(
    stage: Stage,
) -> None:
    visitor = stage.assessed("GB", most=2)
    with stage.house.database.begin() as conn:
        conn.execute(insert(evidence).values(proof(stage, stage.learner(visitor))))
        began = time.monotonic()
        answer(stage, visitor, 3)  # while the page is not yet committed
        assert time.monotonic() - began < 3


def test_a_page_of_activity_does_not_wait_for_an_answer(stage: Stage) -> None:
    visitor = stage.assessed("GB", most=2)
    learner = stage.learner(visitor)
    with stage.s.store.begin() as work:
        work.learners.lock(learner.id)
        with stage.house.database.begin() as conn:
            conn.execute(insert(evidence).values(proof(stage, learner)))


def test_two_answers_of_one_person_wait_for_each_other(stage: Stage) -> None:
    visitor = stage.assessed("GB", most=2)
    ends: list[float] = []

    def second() -> None:
        answer(stage, visitor, 3)
        ends.append(time.monotonic())

    with stage.s.store.begin() as work:
        work.learners.lock(visitor.learner_id)
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.5)
        assert ends == []
    other.join()
    assert len(ends) == 1


def test_an_erasure_waits_for_the_page_and_takes_what_it_brought(stage: Stage) -> None:
    visitor = stage.assessed("GB", most=2)
    learner = stage.learner(visitor)
    eraser = threading.Thread(
        target=persons.erase, args=(stage.s, learner, "cli", stage.now), daemon=True
    )
    with stage.house.database.begin() as conn:
        conn.execute(insert(evidence).values(proof(stage, learner)))
        eraser.start()
        time.sleep(0.5)
        assert eraser.is_alive()
        # It has deleted nothing yet that the page may still want to change.
        change = evidence.update().where(evidence.c.learner_id == learner.id)
        conn.execute(change.values(revoked_by="resent"))
    eraser.join(10)
    assert not eraser.is_alive()
    with stage.s.store.read() as work, pytest.raises(NotFound):
        work.learners.get(learner.id)
    with stage.house.database.read() as conn:
        left = evidence.select().where(evidence.c.learner_id == learner.id)
        assert conn.execute(left).first() is None
