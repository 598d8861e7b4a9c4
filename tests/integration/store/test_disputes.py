"""A dispute that is taken back: the evidence counts as if nothing had been said."""

import uuid
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from lti_tool.store.evidence import SqlEvidence
from lti_tool.store.schema.core import evidence
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(settings_for(f"sqlite:///{tmp_path / 'disputes.db'}"))


def _row(
    stage: Stage, visitor: Visitor, kind: str, at_us: int, **more: object
) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "tenant_id": stage.tenant.id,
        "learner_id": visitor.learner_id,
        "source": "lrs",
        "statement_id": str(uuid.uuid4()),
        "rule_id": kind,
        "competency": "1.1",
        "unit": "A1",
        "kind": kind,
        "b": [0.5],
        "group_key": "g",
        "eff_us": at_us,
        "arrival_us": at_us,
        **more,
    }


def test_what_the_portal_took_back_meanwhile_does_not_count_again(stage: Stage) -> None:
    visitor = stage.ready("GB")
    done = _row(stage, visitor, "completion", 1, revoked_by="learner")
    undone = _row(stage, visitor, "uncompletion", 2, revoked_by="marker")
    with stage.house.database.begin() as conn:
        conn.execute(insert(evidence), [done, undone])
        assert SqlEvidence(conn).restore(visitor.learner_id, str(done["id"]))
        stays = select(evidence.c.revoked_by).where(evidence.c.id == done["id"])
        assert conn.execute(stays).scalar_one() == undone["statement_id"]
        assert SqlEvidence(conn).of(visitor.learner_id) == ()
    stage.close()
