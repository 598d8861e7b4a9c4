"""What was written after a yes is taken back: on an objection, and when a person is erased.

The receiver is LRS, grade book and plan service in one, and answers like Moodle does.
"""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from lti_tool import jobs
from lti_tool.cli import cli
from lti_tool.flows import grades, persons, plan
from lti_tool.flows.deliver import DeliveryReport
from lti_tool.flows.withdrawal import Trace
from lti_tool.store.database import Database, us
from lti_tool.store.schema import core
from tests.integration.trust.delivering import ALL_ON, Town
from tests.integration.trust.town import come
from tests.pages.scene import Visitor

STEPS_ONLY = "Ihre Bewertung für erledigte Schritte löschen wir im Lernportal."
AFTER_WITHDRAWAL = DeliveryReport(delivered=4, failed=0, dead=0)


@pytest.fixture
def town(database: Database, database_url: str) -> Iterator[Town]:
    """Everything is switched on; on each kind of database."""
    made = Town(database_url, ALL_ON)
    yield made
    made.close()


@pytest.fixture
def ilias(database: Database, database_url: str) -> Iterator[Town]:
    made = Town(database_url, ALL_ON, kind="ilias")
    yield made
    made.close()


def erase(town: Town, visitor: Visitor) -> None:
    stage = town.stage
    persons.erase(stage.s, stage.learner(visitor), "learner", stage.now)


def object_to(town: Town, visitor: Visitor) -> None:
    plan.object_to_proposals(town.stage.s, town.stage.learner(visitor), town.stage.now)


def accept_again(town: Town, visitor: Visitor) -> None:
    """Let the person change her mind a minute later."""
    stage = town.stage
    stage.now += timedelta(minutes=1)
    plan.allow_proposals(stage.s, stage.learner(visitor), stage.now)
    stage.planned(visitor, accepted=True)


def outbox_text(town: Town) -> str:
    with town.stage.house.database.read() as conn:
        return json.dumps([r.body for r in conn.execute(select(core.outbox.c.body))])


def standing(town: Town) -> tuple[int, int]:
    """Return how many plans and grades the LMS has."""
    return sum(bool(p) for p in town.there.plans), len(town.there.grades)


def verbs(town: Town) -> list[str]:
    return [s["verb"]["id"].rpartition("/")[2] for s in town.there.statements.values()]


# --- what arrives ---------------------------------------------------------------------------------


def test_after_an_erasure_the_lms_has_no_plan_and_no_grade_and_the_lrs_knows(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    assert standing(town) == (1, 1)
    erase(town, visitor)
    assert town.send() == AFTER_WITHDRAWAL
    assert standing(town) == (0, 0)
    assert verbs(town)[-1] == "deselected"


def test_an_objection_takes_back_the_same(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    object_to(town, visitor)
    assert town.send() == AFTER_WITHDRAWAL
    assert standing(town) == (0, 0)
    assert verbs(town)[-1] == "deselected"


def test_of_an_erased_person_nothing_readable_waits_and_nothing_is_left_after_sending(
    town: Town,
) -> None:
    visitor = town.gardener("4711-secret")
    town.send()
    assert "4711-secret" in outbox_text(town)
    erase(town, visitor)
    assert "4711-secret" not in outbox_text(town)
    assert visitor.learner_id not in outbox_text(town)
    town.send()
    assert json.loads(outbox_text(town)) == [{}, {}, {}, {}]


def test_a_withdrawn_score_says_no_points_and_nothing_about_a_result(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    erase(town, visitor)
    town.send()
    last = town.there.scores[-1]
    assert last.keys() == {"userId", "activityProgress", "gradingProgress", "timestamp"}
    assert last["gradingProgress"] == "NotReady"


def test_somebody_of_whom_nothing_was_written_leaves_without_a_word(town: Town) -> None:
    erase(town, town.gardener(accepted=False))
    object_to(town, town.gardener("4712", accepted=False))
    town.send()
    assert (town.rows(), town.there.asked) == ([], [])


def test_nobody_elses_plan_or_grade_is_touched(town: Town) -> None:
    goes, _stays = town.gardener("1"), town.gardener("2")
    town.send()
    erase(town, goes)
    town.send()
    assert [p["userid"] for p in town.there.plans if p] == ["2"]
    assert [user for _, user in town.there.grades] == ["2"]


# --- before the first step, and in what order -----------------------------------------------------


def test_no_score_before_the_first_step_is_done(town: Town) -> None:
    visitor = town.gardener(done=0)
    town.send()
    assert town.there.scores == []
    town.learned(visitor)
    town.send(1)
    assert [s["scoreGiven"] for s in town.there.scores] == [1]


def test_two_steps_done_in_one_second_both_arrive(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    town.learned(visitor)
    town.send(1)
    assert [s["scoreGiven"] for s in town.there.scores] == [1, 2]
    ((grade),) = town.there.grades.values()
    assert grade["scoreGiven"] == 2


def test_who_accepts_again_starts_with_a_new_plan_and_a_grade_of_its_own(town: Town) -> None:
    visitor = town.gardener(done=2)
    town.send()
    object_to(town, visitor)
    town.send()
    accept_again(town, visitor)
    town.learned(visitor)
    town.send()
    assert standing(town) == (1, 1)


def test_what_had_not_left_when_the_person_objected_never_arrives(town: Town) -> None:
    town.there.trouble = {"plan": 503, "scores": 503}
    visitor = town.gardener()
    town.send()
    object_to(town, visitor)
    town.there.trouble = {}
    for minute in range(1, 10):
        town.send(60 * minute)
    assert standing(town) == (0, 0)
    assert "create_plan" not in str(
        [body for kind, body in town.there.asked if kind == "plan"][-2:]
    )


def test_a_late_withdrawal_does_not_delete_what_was_accepted_since(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    town.there.trouble = {"plan": 503, "scores": 503}
    object_to(town, visitor)
    town.send()
    accept_again(town, visitor)
    town.learned(visitor)
    town.there.trouble = {}
    for minute in range(1, 10):
        town.send(60 * minute)
    assert standing(town) == (1, 1)


def test_a_withdrawal_that_waits_survives_the_erasure_that_follows(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    town.there.trouble = {"plan": 503, "scores": 503, "xapi": 503, "documents": 503}
    object_to(town, visitor)
    town.send()
    erase(town, visitor)
    town.there.trouble = {}
    assert town.send(3600) == AFTER_WITHDRAWAL
    assert standing(town) == (0, 0)
    assert verbs(town)[-1] == "deselected"


# --- a new path replaces the one before -----------------------------------------------------------


def accept_another(town: Town, visitor: Visitor) -> None:
    """Let the person put a step off a minute later, and accept the path that comes of it."""
    stage = town.stage
    stage.now += timedelta(minutes=1)
    shown = plan.current(stage.s, stage.learner(visitor), stage.now).path
    assert shown is not None
    last = shown.steps[-1]
    plan.postpone(stage.s, stage.learner(visitor), last.unit, last.month + 1, stage.now)
    plan.accept(stage.s, stage.learner(visitor), stage.now)


def registrations(town: Town, verb: str) -> list[str]:
    """Return the paths that were told with this verb, oldest first."""
    told = town.there.statements.values()
    return [s["context"]["registration"] for s in told if s["verb"]["id"].endswith(f"/{verb}")]


def test_when_another_path_is_accepted_the_statements_of_the_first_are_withdrawn(
    town: Town,
) -> None:
    visitor = town.gardener()
    town.send()
    accept_another(town, visitor)
    town.send()
    first, second = registrations(town, "registered")
    assert registrations(town, "deselected") == [first]
    assert first != second
    assert sum(bool(p) for p in town.there.plans) == 1


def test_each_path_is_withdrawn_once_and_the_one_that_counts_only_when_asked(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    accept_another(town, visitor)
    town.send()
    object_to(town, visitor)
    town.send()
    town.send(3600)
    assert registrations(town, "deselected") == registrations(town, "registered")


def test_a_withdrawal_names_the_statement_that_it_takes_back(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    accept_another(town, visitor)
    town.send()
    told = list(town.there.statements.values())
    (gone,) = (s for s in told if s["verb"]["id"].endswith("/deselected"))
    meant = town.there.statements[gone["context"]["statement"]["id"]]
    assert meant["actor"] == gone["actor"]
    assert meant["context"]["registration"] == gone["context"]["registration"]
    assert meant["timestamp"] < gone["timestamp"]


def test_with_an_lrs_that_was_down_all_the_time_only_the_new_path_stands_at_the_end(
    town: Town,
) -> None:
    town.there.trouble = {"xapi": 503}
    visitor = town.gardener()
    town.send()
    accept_another(town, visitor)
    town.send()
    town.there.trouble = {}
    town.send(3600)
    first = registrations(town, "deselected")
    assert len(first) == 1
    assert set(registrations(town, "registered")) - set(first)


def test_the_first_path_withdraws_nothing_and_an_unwritten_one_neither(town: Town) -> None:
    town.switch(write_back=False)
    visitor = town.gardener()
    town.send()
    accept_another(town, visitor)
    town.send()
    assert town.there.statements == {}
    town.switch(write_back=True)
    town.gardener("4712")
    town.send()
    assert registrations(town, "deselected") == []


# --- when it does not work ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["xapi", "plan", "scores"])
def test_a_receiver_that_is_down_gets_the_withdrawal_later(town: Town, kind: str) -> None:
    visitor = town.gardener()
    town.send()
    town.there.trouble = {kind: 503}
    erase(town, visitor)
    assert town.send().failed == 1
    town.there.trouble = {}
    assert town.send(120).delivered == 1
    assert standing(town) == (0, 0)


@pytest.mark.parametrize(
    ("errorcode", "named"),
    [
        ("nopermissions", "moodle/competency:planmanage"),
        ("accessexception", "core_competency_delete_plan"),
    ],
)
def test_a_missing_right_is_a_dead_letter_that_names_it(
    town: Town, errorcode: str, named: str
) -> None:
    visitor = town.gardener()
    town.send()
    town.there.refused = {"core_competency_delete_plan": errorcode}
    erase(town, visitor)
    assert town.send().dead == 1
    (row,) = town.stuck()
    assert (row["kind"], row["state"]) == ("plan-withdrawn", "dead")
    assert named in str(row["last_error"])
    assert "4711" not in str(row["last_error"])


def test_when_the_right_was_given_the_dead_letter_can_still_be_sent(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    town.there.refused = {"core_competency_delete_plan": "nopermissions"}
    erase(town, visitor)
    town.send()
    town.there.refused = {}
    with town.stage.house.store.begin() as work:
        assert work.outbox.retry_dead(town.stage.now) == 1
    assert town.send().delivered == 1
    assert standing(town) == (0, 0)


@pytest.mark.parametrize("errorcode", ["invalidrecord", "invaliduser"])
def test_a_plan_that_somebody_deleted_already_is_a_success(town: Town, errorcode: str) -> None:
    visitor = town.gardener()
    town.send()
    town.there.refused = {"core_competency_delete_plan": errorcode}
    erase(town, visitor)
    assert town.send() == AFTER_WITHDRAWAL


def test_a_line_item_that_is_gone_took_the_score_with_it(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    town.there.trouble = {"scores": 404}
    erase(town, visitor)
    assert town.send() == AFTER_WITHDRAWAL


def test_a_later_grade_of_somebody_else_is_no_silent_success(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    town.there.trouble = {"scores": 409}
    erase(town, visitor)
    assert town.send().failed == 1
    (row,) = town.stuck()
    assert "course lead" in str(row["last_error"])


# --- ILIAS takes no score back --------------------------------------------------------------------


def test_ilias_is_sent_nothing_instead_of_a_score_and_the_person_is_told(ilias: Town) -> None:
    visitor = ilias.gardener()
    ilias.send()
    before = ilias.there.seen("scores")
    stage = ilias.stage
    assert Trace.SCORE_STAYS in persons.written(stage.s, stage.learner(visitor))
    page = stage.client(visitor).get(f"{visitor.home}daten/loeschen").get_data(as_text=True)
    assert "Ihre Bewertung in ILIAS können wir nicht löschen." in page
    erase(ilias, visitor)
    ilias.send()
    assert ilias.there.seen("scores") == before


def test_what_moodle_takes_back_is_said_before_it_is_done(town: Town) -> None:
    visitor = town.gardener()
    town.send()
    client = town.stage.client(visitor)
    for address, score in (
        ("daten/loeschen", "Ihre Bewertung im Lernportal löschen wir."),
        ("daten", STEPS_ONLY),
        ("lernpfad", STEPS_ONLY),
    ):
        page = client.get(f"{visitor.home}{address}").get_data(as_text=True)
        assert "Ihren Lernplan im Lernportal löschen wir." in page, address
        assert score in page, address
        assert "bleibt dort" not in page, address
        assert "ILIAS" not in page


def test_who_only_objects_is_told_that_what_the_assessment_showed_stays(town: Town) -> None:
    visitor, column = town.gardener(), {"lineitem": f"{town.there.url}/scores/8/lineitem"}
    questions = f"{town.stage.settings.server.base_url}/frage"
    place = {"target": questions, "link_id": "l8", "platform_id": town.platform.id}
    come(town.stage, "4711", services=column, **place)
    with town.stage.s.store.begin() as work:
        grades.assessed(work, town.stage.learner(visitor), town.stage.now)
    client, stays = (
        town.stage.client(visitor),
        "Was das Lernportal von Einstufung und Rückblicken weiß",
    )
    pages = {
        address: client.get(f"{visitor.home}{address}").get_data(as_text=True)
        for address in ("daten", "lernpfad", "daten/loeschen")
    }
    assert [stays in page for page in pages.values()] == [True, True, False]


# --- who else erases ------------------------------------------------------------------------------


def test_the_command_line_takes_back_the_same_and_says_so(
    town: Town, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.gardener("4711")
    town.send()
    monkeypatch.setenv("ROADMAP__DATABASE__URL", database_url)
    who = ["--tenant", town.stage.tenant.key, "--issuer", "https://moodle.example"]
    asked = ["person", "erase", *who, "--subject", "4711", "--reason", "Art. 17"]
    done = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    for said in ("learning plan in the LMS: deleted", "score in the LMS: deleted"):
        assert said in done.output
    town.send(3600)
    assert standing(town) == (0, 0)


def unseen(town: Town, visitor: Visitor, days: int) -> None:
    """Let the person's last visit and all activity be so many days ago."""
    long_ago, mine = us(town.stage.now - timedelta(days=days)), visitor.learner_id
    with town.stage.house.database.begin() as conn:
        seen = update(core.learner).where(core.learner.c.id == mine)
        conn.execute(seen.values(last_seen_us=long_ago))
        shown = update(core.evidence).where(core.evidence.c.learner_id == mine)
        conn.execute(shown.values(eff_us=long_ago))


def test_who_was_not_seen_for_the_time_of_evidence_is_erased_and_taken_back(town: Town) -> None:
    goes, stays = town.gardener("1"), town.gardener("2")
    town.send()
    unseen(town, goes, 1097)
    unseen(town, stays, 1095)
    jobs.JOBS["purge"](town.stage.house, "all", {}, town.stage.now)
    town.send()
    with town.stage.house.database.read() as conn:
        left = set(conn.execute(select(core.learner.c.id)).scalars())
    assert goes.learner_id not in left
    assert stays.learner_id in left
    assert standing(town) == (1, 1)


def test_who_still_learns_or_came_back_is_not_erased(town: Town) -> None:
    learns, came = town.gardener("1"), town.gardener("2")
    unseen(town, learns, 1097)
    unseen(town, came, 1097)
    town.learned(learns)
    come(town.stage, "2", platform_id=town.platform.id)
    assert (
        persons.erase_unseen(
            town.stage.s, jobs.last_kept(town.stage.house, town.stage.now), town.stage.now
        )
        == 0
    )
