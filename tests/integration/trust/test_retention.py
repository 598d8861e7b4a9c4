"""Nothing is kept longer than it says, nothing goes earlier, and what stays still works.

Days are counted from the moment everything was written. Source: law.md 2.1, decisions.md 2.3.
"""

import json
import uuid
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Connection, Table, func, select

from lti_tool import senders
from lti_tool.flows import assess, persons, plan, profiles, staff
from lti_tool.flows.deliver import Backoff, deliver
from lti_tool.flows.observe import refold_learner
from lti_tool.ports import Delivery
from lti_tool.settings import Retention
from lti_tool.store import lrs
from lti_tool.store.database import Database, us
from lti_tool.store.retention import purge
from lti_tool.store.schema import core, embedded, lti, xapi
from tests.conftest import settings_for
from tests.integration.trust.town import GARDENER, arriving_as, come, reflect_all
from tests.pages import forum
from tests.pages.desk import OPERATOR, by_link, official
from tests.pages.scene import Stage, Visitor

#: Every rule, and the days it keeps what it is about.
KEPT = {
    "answers": 365,
    "reflections": 365,
    "attempts": 1096,
    "profiles": 1096,
    "evidence": 1096,
    "raw statements": 30,
    "parked statements": 30,
    "recommendation log": 183,
    "withdrawn paths": 1096,
    "delivered outbox": 30,
    "undeliverable withdrawals": 365,
    "quarantine": 30,
    "embedded LRS: search keys": 1096,
    "embedded LRS: statements": 1096,
    "embedded LRS: attachments": 1,
    "embedded LRS: documents": 1096,
    "embedded LRS: activities": 1096,
    "audit": 365,
    "revoked rights": 365,
    "staff sessions": 2,
    "one-time links": 1 + 15 / 1440,
    "nonces": 1 / 24,
    "course sizes": 30,
    "codes for another portal": 1 / 24,
    "placing requests": 1 / 24,
    "seats of workshops": 30 + 12 / 24,
    "old launches": 9 / 24,
}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path / 'retention.db'}"))
    yield made
    made.close()


@pytest.fixture
def either(database: Database, database_url: str) -> Iterator[Stage]:
    """A stage on each kind of database, for what the kinds may see differently."""
    made = Stage(settings_for(database_url))
    yield made
    made.close()


@pytest.fixture
def learner(stage: Stage) -> Visitor:
    return somebody(stage)


def somebody(stage: Stage) -> Visitor:
    """Somebody of whom there is something in every table that a rule is about."""
    with arriving_as(stage, "4711") as hers:
        visitor = hers.assessed(GARDENER, luck=0.3)
        write_activity(stage, visitor)
        hers.planned(visitor, accepted=True)
        reflect_all(stage, visitor)
        hers.learned(visitor, stage.first_unit(visitor))
    person = stage.learner(visitor)
    plan.object_to_proposals(stage.s, person, stage.now)  # the path is withdrawn
    plan.allow_proposals(stage.s, stage.learner(visitor), stage.now)
    accept_everything = dict.fromkeys(senders.of(stage.house), lambda _delivery: None)
    deliver(stage.s, accept_everything, Backoff(5, 3), stage.now)
    refuse_a_withdrawal(stage)
    with stage.house.database.begin() as conn:
        until = us(later(stage, 1 / 24))
        conn.execute(lti.nonce.insert().values(digest="d", expires_us=until))
        request = {"launch_id": visitor.launch_id, "sealed": b"x", "expires_us": until}
        conn.execute(lti.placing_request.insert().values(**request))
        size = {"platform_id": stage.platform.id, "context_id": "c", "learners": 9}
        conn.execute(lti.course_size.insert().values(asked_us=us(stage.now), **size))
        code = {"digest": "d", "learner_id": visitor.learner_id, "expires_us": until}
        conn.execute(core.pairing.insert().values(**code))
    let_in_and_out(stage, visitor)
    forum.come(stage, forum.opened(stage))
    stage.now += timedelta(seconds=1)
    come(stage, "4711")  # a second launch of the same link
    return visitor


def let_in_and_out(stage: Stage, visitor: Visitor) -> None:
    """Leave a session, a one-time link and a right that was taken away again."""
    chief = official(stage, visitor=visitor)
    by_link(stage, stage.tenant)
    staff.revoke(stage.s, OPERATOR, chief.learner_id, "admin", stage.now)


def refuse_a_withdrawal(stage: Stage) -> None:
    """Leave what an LMS does not take back of somebody who was erased."""
    row = Delivery("w", stage.tenant.id, "", "plan-withdrawn", "p", "w", {"user": "4712"})
    with stage.s.store.begin() as work:
        work.outbox.put(row, stage.now)
        work.outbox.failed(row, "refused", None, stage.now)


def write_activity(stage: Stage, visitor: Visitor) -> None:
    """Write what the pull loop and the embedded LRS write; they are tested elsewhere."""
    mine, t = {"tenant_id": stage.tenant.id}, us(stage.now)
    with stage.house.database.begin() as conn:
        connection = lrs.add(
            conn,
            stage.house.seal,
            tenant_id=stage.tenant.id,
            name="stadt",
            endpoint="https://lrs.example/xapi",
            key="k",
            secret="s",
            now=stage.now,
        )
        at_lrs = {"lrs_id": connection.id, **mine}
        for state, owner in (("kept", visitor.learner_id), ("parked", None)):
            conn.execute(
                xapi.statement.insert().values(
                    statement_id=str(uuid.uuid4()),
                    learner_id=owner,
                    actor_key="a" if state == "parked" else None,
                    digest=state,
                    state=state,
                    raw=b"{}",
                    stored_us=t,
                    received_us=t,
                    **at_lrs,
                )
            )
        conn.execute(
            xapi.quarantine.insert().values(
                digest="d", raw=b"x", reason="r", first_seen_us=t, **at_lrs
            )
        )
        sent = {"statement_id": str(uuid.uuid4()), "stored_us": t, "verb": "v", "raw": b"{}"}
        conn.execute(embedded.xapi_statement.insert().values(**sent, **mine))
        conn.execute(
            embedded.xapi_link.insert().values(
                kind="agent", value="a", stored_us=t, direct=True, **mine
            )
        )
        keep_beside_statements(conn, stage)


def keep_beside_statements(conn: Connection, stage: Stage) -> None:
    """Leave a file no statement has any more, a document and an activity in the embedded LRS."""
    mine, t = {"tenant_id": stage.tenant.id}, us(stage.now)
    said = {"content_type": "text/plain", "content": b"x", **mine}
    file = {"file": "f", "sha2": "f", "size": 1, "stored_us": t, **said}
    conn.execute(embedded.xapi_attachment.insert().values(**file))
    names = {"kind": "agent", "activity": "", "agent": "a", "registration": "", "name": "n"}
    document = {"document_id": "n", "updated_us": t, **names, **said}
    conn.execute(embedded.xapi_document.insert().values(**document))
    activity = {"activity": "a", "said": "s", "definition": b"{}", "updated_us": t, **mine}
    conn.execute(embedded.xapi_activity.insert().values(**activity))


def later(stage: Stage, days: float) -> datetime:
    return stage.now + timedelta(days=days)


def run(stage: Stage, days: float, *, dry_run: bool = False, kept: Retention | None = None):
    """Purge as if so many days had passed."""
    rules = kept or stage.settings.retention
    return purge(stage.house.database, rules, later(stage, days), dry_run=dry_run)


def rows(stage: Stage, table: Table, *conditions: object) -> int:
    query = select(func.count()).select_from(table).where(*conditions)  # type: ignore[arg-type]
    with stage.house.database.read() as conn:
        return int(conn.execute(query).scalar_one())


def test_every_rule_keeps_its_days_and_not_one_more(either: Stage) -> None:
    stage, hour = either, 1 / 24
    somebody(stage)
    assert run(stage, 0, dry_run=True).keys() == KEPT.keys()
    for rule, days in KEPT.items():
        slack = hour / 2 if days < 1 else hour
        assert run(stage, days - slack, dry_run=True)[rule] == 0, rule
        assert run(stage, days + slack, dry_run=True)[rule] > 0, rule


def test_the_dry_run_says_what_then_happens_and_a_second_run_finds_nothing(either: Stage) -> None:
    somebody(either)
    for days in (1, 31, 184, 366, 1097):
        said = run(either, days, dry_run=True)
        assert sum(said.values()) > 0
        assert run(either, days) == said
        assert sum(run(either, days).values()) == 0


def test_a_dry_run_deletes_nothing(stage: Stage, learner: Visitor) -> None:
    before = persons.stored(stage.s, stage.learner(learner))
    run(stage, 5000, dry_run=True)
    assert persons.stored(stage.s, stage.learner(learner)) == before


def test_answers_go_after_a_year_and_what_they_showed_stays(stage: Stage, learner: Visitor) -> None:
    view = profiles.current(stage.s, stage.learner(learner))
    proofs = rows(stage, core.evidence)
    run(stage, 366)
    answered = core.question.c.answered_us.is_not(None)
    assert rows(stage, core.question, answered) > 0
    assert rows(stage, core.question, core.question.c.response.is_not(None)) == 0
    assert exported(stage, learner, "answers.json")["question"][0]["response"] is None
    assert rows(stage, core.reflection) == 0
    assert rows(stage, core.evidence) == proofs
    assert profiles.current(stage.s, stage.learner(learner)) == view


def test_a_year_later_the_same_profile_is_computed_from_what_stayed(
    stage: Stage, learner: Visitor
) -> None:
    before = profiles.current(stage.s, stage.learner(learner))
    run(stage, 366)
    refold_learner(stage.s, learner.learner_id, later(stage, 366))
    after = profiles.current(stage.s, stage.learner(learner))
    assert before is not None
    assert after is not None
    assert after.profile == before.profile


def test_an_attempt_left_open_for_a_year_can_be_gone_on_with(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=4)
    run(stage, 366)
    person, now = stage.learner(visitor), later(stage, 366)
    waiting = assess.open_question(stage.s, person, now)
    assert waiting is not None
    assert waiting.position == 5
    assess.answer(stage.s, person, 5, {"dont_know": True}, now)
    assess.finish(stage.s, person, now)
    assert profiles.current(stage.s, person) is not None


def test_parked_statements_wait_thirty_days_whatever_raw_ones_are_kept(
    stage: Stage, learner: Visitor
) -> None:
    short = Retention(
        **{f: getattr(stage.settings.retention, f) for f in FIELDS} | {"raw_statements": 5}
    )  # type: ignore[arg-type]
    parked = (xapi.statement.c.state == "parked", xapi.statement.c.raw.is_not(None))
    run(stage, 29, kept=short)
    assert rows(stage, xapi.statement, *parked, xapi.statement.c.actor_key == "a") == 1
    run(stage, 31, kept=short)
    assert rows(stage, xapi.statement, xapi.statement.c.state == "parked") == 0


FIELDS = tuple(Retention.__dataclass_fields__)


def test_the_count_of_statements_survives_their_text(stage: Stage, learner: Visitor) -> None:
    run(stage, 31)
    kept = xapi.statement.c.state == "kept"
    assert rows(stage, xapi.statement, kept) == 1
    assert rows(stage, xapi.statement, kept, xapi.statement.c.raw.is_not(None)) == 0


def test_the_newest_launch_of_every_link_stays(stage: Stage) -> None:
    for link in ("l1", "l2"):
        for _ in range(3):
            stage.now += timedelta(seconds=1)
            visitor = come(stage, "4711", link_id=link)
    stranger = come(stage, "someone else")
    run(stage, 1)
    assert rows(stage, lti.launch) == 3
    with stage.s.store.read() as work:
        places = work.learners.places(visitor.learner_id)
    assert {p.link_id for p in places} == {"l1", "l2"}
    assert rows(stage, lti.launch, lti.launch.c.id == visitor.launch_id) == 1
    assert rows(stage, lti.launch, lti.launch.c.id == stranger.launch_id) == 1


def test_a_launch_that_still_runs_is_never_purged(stage: Stage) -> None:
    first, second = come(stage, "4711"), come(stage, "4711")
    run(stage, stage.settings.session.absolute_s / 86400)
    assert rows(stage, lti.launch, lti.launch.c.id.in_([first.launch_id, second.launch_id])) == 2


def test_what_has_not_been_delivered_is_kept(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, luck=0.3)
    write_activity(stage, visitor)
    stage.planned(visitor, accepted=True)
    run(stage, 365)
    # The statements, and the document of the path as it stands.
    assert rows(stage, core.outbox, core.outbox.c.state == "pending") == 2


def test_an_accepted_path_stays(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3), accepted=True)
    run(stage, 1095)
    assert plan.current(stage.s, stage.learner(visitor), later(stage, 1095)).state == "accepted"


def test_the_copy_and_the_deletion_still_work_after_every_purge(
    stage: Stage, learner: Visitor
) -> None:
    for days in (1, 31, 366, 1097):
        run(stage, days)
        for section in persons.SECTIONS:
            exported(stage, learner, section)
    persons.erase(stage.s, stage.learner(learner), "cli", later(stage, 1097))
    assert rows(stage, core.learner) == 0


def exported(stage: Stage, visitor: Visitor, section: str):
    archive = persons.export(stage.s, stage.learner(visitor))
    with zipfile.ZipFile(BytesIO(archive)) as found:
        return json.loads(found.read(section))


def test_a_profile_waiting_to_be_computed_for_an_erased_person_is_no_error(
    stage: Stage, learner: Visitor
) -> None:
    persons.erase(stage.s, stage.learner(learner), "cli", stage.now)
    refold_learner(stage.s, learner.learner_id, stage.now)
    assert rows(stage, core.profile) == 0
