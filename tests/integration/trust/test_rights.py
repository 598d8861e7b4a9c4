"""What a person may demand and then rely on: corrections stay, requests are on record."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from lti_tool.flows import assess, persons, profiles
from lti_tool.store.schema.core import audit, evidence, learner
from tests.conftest import settings_for
from tests.integration.trust.town import GARDENER
from tests.pages.scene import Stage, Visitor


@pytest.fixture
def stage(tmp_path):
    made = Stage(settings_for(f"sqlite:///{tmp_path}/rights.db"))
    yield made
    made.close()


def test_a_correction_outlives_the_end_of_the_assessment(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=6)
    person = stage.learner(visitor)
    assess.settle(stage.s, person, stage.now)  # she looks at the result so far
    first, second = found(stage, visitor)[:2]
    profiles.dispute(stage.s, person, first, "not_me", "", stage.now)
    profiles.dispute(stage.s, person, second, "better", "Das kann ich.", stage.now)
    assess.finish(stage.s, person, stage.now)
    with stage.house.database.read() as conn:
        rows = {r.id: r for r in conn.execute(select(evidence))}
    assert rows[first].revoked_by == "learner"
    assert rows[second].counter_statement == "better: Das kann ich."


def test_what_a_new_attempt_replaces_takes_its_corrections_along(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=6)
    person = stage.learner(visitor)
    assess.settle(stage.s, person, stage.now)
    old = set(found(stage, visitor))
    later = stage.now + timedelta(minutes=1)
    assess.restart(stage.s, person, later)
    assess.finish(stage.s, person, later)
    assert not old & set(found(stage, visitor))


def found(stage: Stage, visitor: Visitor) -> list[str]:
    """Return the ids of what the profile rests on."""
    view = profiles.current(stage.s, stage.learner(visitor))
    assert view is not None
    return [line.id for lines in view.evidence.values() for line in lines]


def test_the_hour_a_notice_was_read_does_not_move_with_later_wishes(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)

    def read_at() -> int:
        with stage.house.database.read() as conn:
            return conn.execute(select(learner.c.notice_us)).scalar_one()

    before = read_at()
    later = stage.now.replace(year=stage.now.year + 1)
    profiles.speak(stage.s, stage.learner(visitor), "en", later)
    assert read_at() == before


def test_a_long_reason_for_an_erasure_is_kept_whole(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=3)
    reason = "Antrag nach Art. 17 DSGVO vom 20.11.2026, Posteingang Nr. 2026/4711, Ausscheiden " * 2
    persons.erase(stage.s, stage.learner(visitor), "cli", stage.now, reason=reason)
    with stage.house.database.read() as conn:
        row = conn.execute(select(audit).where(audit.c.action == "person.erase")).one()
    assert (row.actor, row.detail["reason"]) == ("cli", reason)
