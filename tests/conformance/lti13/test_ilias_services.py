"""ILIAS: scores from the outbox, and statements that name people as ILIAS does.

Tried at a double that was rebuilt from ILIAS's source code, not at a running ILIAS.
"""

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from competency.catalogue import Obligation
from competency.path import LearningPath, PathStep, StepState, Wishes
from lti_tool import courses, jobs
from lti_tool.flows import grades
from lti_tool.lti.members import count_learners
from lti_tool.ports import Delivery, StoredPath
from lti_tool.store import lrs, tenants
from lti_tool.store.arrivals import Arrivals
from lti_tool.store.database import us
from tests.doubles.ilias import GENERATIONS, Ilias, Object, User, running
from tests.doubles.ilias.identity import digest
from xapi_bridge.statement import parse

from .conftest import Tool
from .ilias_walk import Walk, provider_for
from .platform import Browser

AFTER = timedelta(minutes=5)
PATH = "00000000-0000-4000-8000-000000000001"


@pytest.fixture(autouse=True)
def grades_are_on(tool: Tool) -> Iterator[None]:
    with tool.database.begin() as conn:
        tenants.change(conn, tool.tenant.id, replace(tool.tenant.settings, ags=True))
    yield
    with tool.database.begin() as conn:
        conn.exec_driver_sql("DELETE FROM outbox")
        tenants.change(conn, tool.tenant.id, tool.tenant.settings)


class Course:
    """One person, one object with grades, and what our outbox makes of her steps."""

    def __init__(self, ilias: Ilias, tool: Tool, mode: int = 5) -> None:
        self.ilias, self.tool = ilias, tool
        provider = provider_for(ilias, tool, privacy_ident=mode, grade_sync=True)
        self.where: Object = ilias.place(provider)
        self.user: User = ilias.add(User(6, ext="ext-6"))
        self.house = tool.app.extensions["roadmap"]
        self.launch = tool.opened(Walk(ilias, tool).launch(self.where, self.user))
        self.now = datetime.now(UTC)

    def learns(self, done: int, of: int) -> None:
        """Put the share of steps done into the outbox, as a finished step does."""
        steps = tuple(
            PathStep(f"U{n}", Obligation.ELECTIVE, 1.0, 0, _state(n < done), (), ())
            for n in range(of)
        )
        path = LearningPath(steps, 1.0, 1.0, "2026-11", Wishes(), {})
        learner = self.launch.learner
        stored = StoredPath(PATH, learner.id, self.tool.tenant.id, done, path, self.now)
        with self.house.store.begin() as work:
            grades.progress(work, learner, stored, self.now)

    def deliver(self) -> list[Delivery]:
        """Let the worker's job run once; return the scores in the outbox."""
        jobs.JOBS["deliver"](self.house, "all", {}, datetime.now(UTC) + AFTER)
        with self.house.store.read() as work:
            return list(work.outbox.of(self.launch.learner.id, ("score",)))

    @property
    def place(self) -> tuple[int, int]:
        return self.where.obj_id, self.user.id


def _state(done: bool) -> StepState:
    return StepState.DONE if done else StepState.PLANNED


New = Callable[..., Course]


@pytest.fixture
def course(tool: Tool) -> Iterator[New]:
    opened: list[Any] = []

    def new(name: str, mode: int = 5, **more: Any) -> Course:
        context = running(Ilias.of(name, **more))
        opened.append(context)
        return Course(context.__enter__(), tool, mode)

    yield new
    for context in opened:
        context.__exit__(None, None, None)


every = pytest.mark.parametrize("name", GENERATIONS)


# --- scores -------------------------------------------------------------------------------------


@every
def test_a_share_of_steps_becomes_learning_progress(course: New, name: str) -> None:
    here = course(name)
    here.learns(4, 10)
    assert [d.state for d in here.deliver()] == ["delivered"]
    assert here.ilias.progress[here.place] == ("IN_PROGRESS", 40)
    here.learns(10, 10)
    assert {d.state for d in here.deliver()} == {"delivered"}
    assert here.ilias.progress[here.place] == ("COMPLETED", 100)
    assert here.ilias.results[here.place] == 1.0


@every
def test_what_is_sent_is_always_fully_graded_and_no_level(course: New, name: str) -> None:
    here = course(name)
    for done in (1, 7, 10):
        here.learns(done, 10)
        here.deliver()
    sent = [(g["scoreGiven"], g["activityProgress"]) for g in here.ilias.grades]
    assert sent == [(1, "InProgress"), (7, "InProgress"), (10, "Completed")]
    assert {g["gradingProgress"] for g in here.ilias.grades} == {"FullyGraded"}
    assert {g["scoreMaximum"] for g in here.ilias.grades} == {10}


@every
def test_a_score_never_falls(course: New, name: str) -> None:
    here = course(name)
    here.learns(9, 10)
    here.deliver()
    for done, of in ((5, 10), (9, 20), (0, 10), (9, 10)):
        here.learns(done, of)
        here.deliver()
    assert [g["scoreGiven"] for g in here.ilias.grades] == [9]
    assert here.ilias.progress[here.place][1] == 90


@every
def test_a_score_that_waited_does_not_overtake_a_newer_one(course: New, name: str) -> None:
    here = course(name)
    here.ilias.blocks_keysets = True
    here.learns(2, 10)
    here.deliver()
    here.ilias.blocks_keysets = False
    here.learns(8, 10)
    here.deliver()
    here.deliver()
    assert [g["scoreGiven"] for g in here.ilias.grades] == [8]


def test_a_pending_post_would_set_an_old_ilias_to_nothing(course: New) -> None:
    """Why every post says FullyGraded: what the double does with another one."""
    here = course("10")
    here.learns(9, 10)
    here.deliver()
    assert here.ilias.progress[here.place] == ("COMPLETED", 90)
    lineitem = here.ilias.base + "/ltiservices.php/gradeservice/88/lineitems/901/lineitem/scores"
    body = here.ilias.grades[-1] | {"scoreGiven": 5, "gradingProgress": "Pending"}
    kind = "application/vnd.ims.lis.v1.score+json"
    Browser(here.ilias.base).request(
        "POST", lineitem, json.dumps(body).encode(), {"Content-Type": kind}
    )
    assert here.ilias.progress[here.place] == ("IN_PROGRESS", 0)


@every
def test_only_the_one_line_item_of_the_launch_is_ever_called(course: New, name: str) -> None:
    here = course(name)
    assert "lineitem" in here.launch.services
    assert "lineitems" not in here.launch.services
    here.learns(5, 10)
    here.deliver()
    called = {path for _, path in here.ilias.asked if "gradeservice" in path}
    assert {path.rsplit("/", 2)[1:] == ["lineitem", "scores"] for path in called} == {True}


WHO = [("8", mode) for mode in (0, 1, 2, 3, 5, 6)]
WHO += [(name, mode) for name in ("10", "11", "12") for mode in range(7)]


@pytest.mark.parametrize(("name", "mode"), WHO)
def test_a_score_finds_its_person_in_every_privacy_mode_that_tells_us_who_it_is(
    course: New, name: str, mode: int
) -> None:
    here = course(name, mode)
    here.learns(3, 10)
    (delivery,) = here.deliver()
    if mode == 3 and name in ("8", "10"):
        # They find people of this mode by their real address only, and that is never kept.
        assert (delivery.state, here.ilias.grades) == ("dead", [])
        assert "ILIAS does not find this person" in delivery.last_error
        return
    assert delivery.state == "delivered", delivery.last_error
    assert here.ilias.grades[-1]["usr"] == here.user.id


def test_where_sub_is_not_known_the_ident_is_tried(course: New) -> None:
    """SHA256URL at a long host name: 10 cuts the ident, so that it does not begin with `sub`."""
    here = course("10", 6, host_name="ilias.landkreis.example.org")
    here.learns(3, 10)
    (delivery,) = here.deliver()
    assert delivery.state == "delivered", delivery.last_error
    assert here.ilias.grades[-1]["userId"].endswith("@ilias.landkreis.example.org")
    assert [path for _, path in here.ilias.asked].count(scores_path(here)) == 2


def scores_path(here: Course) -> str:
    return f"/ltiservices.php/gradeservice/88/lineitems/{here.where.obj_id}/lineitem/scores"


def test_who_gets_a_new_login_is_a_new_person_and_takes_nobody_s_name(course: New) -> None:
    here = course("10", 2)
    # `sub` is new, ILIAS's ident of her stays: her former self's, whom we do not join with her.
    here.user.login = "mgaertner-weber"
    launched = Walk(here.ilias, here.tool).launch(here.where, here.user)
    before, here.launch = here.launch, here.tool.opened(launched)
    assert here.launch.learner.id != before.learner.id
    here.learns(3, 10)
    assert [(d.state, here.ilias.grades) for d in here.deliver()] == [("dead", [])]


@pytest.mark.parametrize("name", ["10", "11", "12"])
def test_random_names_stay_one_person_per_object(course: New, name: str) -> None:
    here = course(name, 4)
    walk = Walk(here.ilias, here.tool)
    again = here.tool.opened(walk.launch(here.where, here.user)).learner.id
    assert again == here.launch.learner.id
    other = here.ilias.place(here.where.provider)
    assert here.tool.opened(walk.launch(other, here.user)).learner.id != again


@every
def test_keys_that_ilias_cannot_fetch_are_named_and_tried_again(course: New, name: str) -> None:
    here = course(name)
    here.ilias.blocks_keysets = True
    here.learns(3, 10)
    (delivery,) = here.deliver()
    assert delivery.last_error.startswith("ILIAS cannot fetch or use our keyset")
    assert delivery.state == "pending"


def test_an_early_8_without_grades_is_no_endless_story(course: New) -> None:
    here = course("8", gradeservice=False)
    here.learns(3, 10)
    assert [d.state for d in here.deliver()] == ["dead"]


@every
def test_why_line_items_are_never_asked_for(course: New, name: str) -> None:
    """What the double says to the address that its own launch names, and to the right one."""
    here = course(name)
    root = f"{here.ilias.base}{here.ilias.generation.prefix}/ltiservices.php/gradeservice/88"
    browser = Browser(here.ilias.base)
    named = browser.get(root + here.ilias.generation.lineitems_tail).status
    right = browser.get(f"{root}/lineitems").status
    found = {"8": (400, 500), "10": (400, 500), "11": (400, 401), "12": (401, 401)}
    assert (named, right) == found[name]


# --- statements ---------------------------------------------------------------------------------


def statement_of(actor: dict[str, Any]) -> bytes:
    return json.dumps(
        {
            "id": str(uuid.uuid4()),
            "actor": {"objectType": "Agent", "name": "-"} | actor,
            "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
            "object": {"id": "https://ilias.example/xapi/1"},
            "timestamp": "2026-11-24T09:00:00Z",
            "stored": "2026-11-24T09:00:01Z",
        }
    ).encode()


def arrive(here: Course, *actors: dict[str, Any]) -> dict[str, int]:
    """Let statements come from an LRS of the municipality."""
    seal = here.house.seal
    with here.tool.database.begin() as conn:
        connection = lrs.add(
            conn,
            seal,
            tenant_id=here.tool.tenant.id,
            name=str(uuid.uuid4()),
            endpoint="https://lrs.example",
            key="k",
            secret="s",
            now=here.now,
        )
        arrivals = Arrivals(conn, seal, connection, here.house.meaning, us(here.now))
        return dict(arrivals.take([parse(statement_of(a)) for a in actors], None))


@pytest.mark.parametrize("mode", [0, 1, 2, 4, 5])
def test_what_an_lrs_says_of_ilias_s_pseudo_address_is_hers(course: New, mode: int) -> None:
    here = course("10", mode)
    ident = here.ilias.idents[(here.where.obj_id, here.user.id, mode)]
    cmi5 = {"account": {"homePage": here.ilias.base, "name": ident}}
    counts = arrive(here, {"mbox": f"mailto:{ident}"}, cmi5)
    assert (counts["stored"], counts.get("parked", 0)) == (2, 0)


def test_what_came_before_her_first_launch_waits_for_her(course: New) -> None:
    here = course("10")
    other: User = here.ilias.add(User(7))
    ident = f"{digest(other)}@{here.ilias.uuid}.ilias"
    assert arrive(here, {"mbox": f"mailto:{ident}"})["parked"] == 1
    learner = here.tool.opened(Walk(here.ilias, here.tool).launch(here.where, other)).learner.id
    with here.tool.database.read() as conn:
        rows = conn.exec_driver_sql("SELECT state FROM statement WHERE learner_id = ?", (learner,))
        assert rows.scalars().all() == ["kept"]


def test_the_same_ident_at_another_ilias_is_nobody(course: New) -> None:
    here, there = course("10", 0), course("10", 0)
    foreign = f"6@{'0' * 32}.ilias"
    counts = arrive(here, {"mbox": f"mailto:{foreign}"})
    assert counts["parked"] == 1
    assert here.launch.learner.id != there.launch.learner.id


# --- members ------------------------------------------------------------------------------------


@every
def test_how_many_learn_is_told_by_12_only(course: New, name: str) -> None:
    here = course(name)
    here.where.provider.members = True
    tutor: User = here.ilias.add(User(7, local_roles=["il_crs_tutor_88"]))
    walk = Walk(here.ilias, here.tool)
    walk.launch(here.where, tutor)
    launch = here.tool.opened(walk.launch(here.where, here.user))
    assert ("members" in launch.services) is (name == "12")
    if name == "12":
        caller = courses.caller(here.house, launch.platform_id, here.now)
        assert count_learners(caller, str(launch.services["members"]), here.now) == 1
