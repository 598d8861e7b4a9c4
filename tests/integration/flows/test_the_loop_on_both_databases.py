"""The flows over the real store: one learner's whole way, on SQLite and on PostgreSQL."""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

from competency.packs import Content
from competency.path import StepState
from lti_tool.flows import assess, observe, persons, plan, profiles, roles
from lti_tool.ports import Learner, Services, TenantSettings
from lti_tool.privacy import PersonData
from lti_tool.seal import Seal
from lti_tool.settings import ROOT
from lti_tool.store import tenants
from lti_tool.store.database import Database, us
from lti_tool.store.schema import core
from lti_tool.store.work import SqlStore
from tests.conftest import NOW
from tests.unit.flows.test_the_arrows import CONTENT, some_response


def services(database: Database, content: Content = CONTENT) -> Services:
    return Services(
        store=SqlStore(database, Seal("s" * 40)),
        content=content,
        registry=PersonData.load(ROOT / "config" / "privacy.toml"),
        base_url="http://localhost",
        statements=lambda event: [dict(event)],
    )


def newcomer(database: Database, role: str = "GB") -> tuple[Services, Learner]:
    s = services(database)
    learner_id = str(uuid.uuid4())
    with database.begin() as conn:
        tenant = tenants.add(conn, "t", "T", "HE", TenantSettings(), NOW)
        row = {"id": learner_id, "tenant_id": tenant.id, "language": "de", "roles": []}
        conn.execute(core.learner.insert().values(**row, created_us=us(NOW), last_seen_us=us(NOW)))
    return s, roles.choose(s, Learner(learner_id, tenant.id), (role,), NOW)


def answer_all(s: Services, learner: Learner) -> int:
    assess.start(s, learner, NOW)
    given = 0
    while (question := assess.open_question(s, learner, NOW)) is not None:
        response = some_response(question.item, question.position)
        assess.answer(s, learner, question.position, response, NOW + timedelta(seconds=given))
        given += 1
    return given


def test_from_the_first_question_to_a_path_that_is_done(database: Database) -> None:
    s, learner = newcomer(database)
    assert 5 <= answer_all(s, learner) <= 20
    view = profiles.current(s, learner)
    assert view is not None
    assert view.profile.answers >= 5
    shown = plan.current(s, learner, NOW)
    assert shown.path is not None
    plan.accept(s, learner, NOW)
    unit = shown.path.steps[0].unit
    row = {
        "id": str(uuid.uuid4()),
        "tenant_id": learner.tenant_id,
        "learner_id": learner.id,
        "source": "lrs",
        "statement_id": str(uuid.uuid4()),
        "rule_id": "unit",
        "unit": unit,
        "kind": "completion",
        "b": [],
        "eff_us": us(NOW),
        "arrival_us": us(NOW),
    }
    with database.begin() as conn:
        conn.execute(core.evidence.insert().values(**row))
    observe.refold_learner(s, learner.id, NOW)
    after = plan.current(s, learner, NOW)
    assert after.path is not None
    assert {x.state for x in after.path.steps if x.unit == unit} == {StepState.DONE}


def test_nothing_is_left_after_erasing(database: Database) -> None:
    s, learner = newcomer(database)
    answer_all(s, learner)
    plan.current(s, learner, NOW)
    plan.accept(s, learner, NOW)
    assert len(persons.export(s, learner)) > 1000
    persons.erase(s, learner, "test", NOW)
    with s.store.read() as work:
        assert not any(work.learners.rows(learner.id).values())


def _together(*calls: Callable[[], object]) -> list[BaseException]:
    failed: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def test_two_devices_that_start_at_once_share_one_attempt(database: Database) -> None:
    s, learner = newcomer(database)
    assert not _together(*[lambda: assess.start(s, learner, NOW)] * 4)
    with database.read() as conn:
        assert len(conn.execute(core.attempt.select()).all()) == 1


def test_an_answer_from_two_devices_at_once_counts_once(database: Database) -> None:
    s, learner = newcomer(database)
    assess.start(s, learner, NOW)
    question = assess.open_question(s, learner, NOW)
    assert question is not None
    given = some_response(question.item, 1)
    assert not _together(*[lambda: assess.answer(s, learner, 1, given, NOW)] * 4)
    assert assess.state(s, learner).answered == 1
    with database.read() as conn:
        assert len(conn.execute(core.question.select()).all()) == 2


def test_accepting_in_two_tabs_at_once_accepts_once(database: Database) -> None:
    s, learner = newcomer(database)
    answer_all(s, learner)
    plan.current(s, learner, NOW)
    failed = _together(*[lambda: plan.accept(s, learner, NOW)] * 3)
    assert [type(e).__name__ for e in failed] == ["Conflict", "Conflict"]
    with database.read() as conn:
        states = [row.state for row in conn.execute(core.path.select())]
    assert states.count("accepted") == 1


def test_refolding_twice_at_once_gives_one_profile(database: Database) -> None:
    s, learner = newcomer(database)
    answer_all(s, learner)
    plan.current(s, learner, NOW)
    assert not _together(*[lambda: observe.refold_learner(s, learner.id, NOW)] * 3)
    with database.read() as conn:
        assert len(conn.execute(core.profile.select()).all()) == 1
