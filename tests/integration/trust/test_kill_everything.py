"""Web and worker are killed at named moments: nothing is lost, and nothing is done twice.

The person answers, accepts and learns; the kills fall right after what she sends. At random
moments, under load: test_kills_at_random.py.
"""

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from lti_tool.seal import Seal
from lti_tool.settings import Settings, load
from lti_tool.store import platforms
from lti_tool.store.database import Database
from lti_tool.store.launches import by_subject
from lti_tool.store.schema import core, embedded, xapi
from tests.integration.trust.running import Machine, Person

COURSE, UNITS = 6, (21, 23, 24)  # pages of the gardener's course: N1, N4, N6
GARDENER_SUB, WITNESS_SUB = "4", "5"
ROLE = "GB"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def machine_on_either(tmp_path: Path, database_url: str) -> Iterator[Machine]:
    made = Machine(tmp_path, database_url)
    yield made
    made.stop()


#: What she sends -> who dies soon after; for answers, at these ones of them.
SOME = {
    "launch": ("web",),
    "frage": ("web", "worker", "web"),
    "lernpfad": ("web", "worker"),
    "complete": ("worker",),
}
MANY = SOME | {
    "hinweis": ("web",),
    "rolle": ("worker",),
    "probe": ("web",),
    "anfangen": ("web",),
    "frage": ("web", "worker", "web", "web", "worker"),
    "complete": ("worker", "web", "worker"),
}


def test_kills_right_after_what_she_sends_lose_and_double_nothing(machine: Machine) -> None:
    torture(machine, seed=1, victims=SOME)
    assert len(machine.kills) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_many_kills_right_after_what_she_sends_lose_and_double_nothing(
    machine_on_either: Machine, seed: int
) -> None:
    torture(machine_on_either, seed=seed, victims=MANY)
    assert len(machine_on_either.kills) >= 20


def torture(machine: Machine, seed: int, victims: Mapping[str, Sequence[str]]) -> None:
    """Let a gardener go through the loop while things die; then look at what is there."""
    # Somebody in whose time nothing dies does the same units: what there must be.
    witness = Person(machine, "kindergarten-teacher")
    witness.launch()
    for cm in UNITS:
        witness.complete(COURSE, cm)
    gardener = Person(machine, "gardener")
    gardener.before_post = killer(machine, random.Random(seed), victims)
    gardener.launch()
    gardener.first_visit(ROLE)
    gardener.answer_all()
    gardener.accept()
    for cm in UNITS:
        gardener.complete(COURSE, cm)
    gardener.before_post = lambda _what: None
    time.sleep(0.5)  # until the last one has died
    look(machine, gardener)


def killer(
    machine: Machine, dice: random.Random, victims: Mapping[str, Sequence[str]]
) -> Callable[[str], None]:
    """Return what kills processes soon after she sends something."""
    answers = iter(victims["frage"])

    def before_post(what: str) -> None:
        doomed = [next(answers, "")] if what == "frage" else victims.get(what, ())
        if what in met and what != "frage" and what != "complete":
            return  # she sends it again because it was killed; now it may pass
        met.add(what)
        for victim in filter(None, doomed):
            machine.kill_soon(victim, dice.uniform(0.0, 0.06))

    met = set[str]()
    return before_post


# --- what there must be ---------------------------------------------------------------------------


def look(machine: Machine, gardener: Person) -> None:
    database = Database(machine.environ["ROADMAP__DATABASE__URL"])
    config = load(machine.environ)
    try:
        learner, witness = (person(database, config, s) for s in (GARDENER_SUB, WITNESS_SUB))
        until(
            lambda: came_in(database, witness) == came_in(database, learner) != Counter(), database
        )
        until(lambda: states(database) == {"delivered"}, database)
        answers_are_there_once(database, gardener, learner)
        path = one_path_is_accepted(database, learner)
        its_statements_are_there_once(machine, path)
    finally:
        database.close()
    one_plan_is_in_the_lms(machine)
    for name in ("web", "worker"):
        assert "unexpected error" not in machine.said(name)
        assert "Traceback" not in machine.said(name)


def until(true: Callable[[], bool], database: Database, patience_s: float = 120.0) -> None:
    """Wait until everything that was on its way has arrived."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, f"it never arrived: {situation(database)}"
        time.sleep(0.1)


def situation(database: Database) -> dict[str, Any]:
    """Return what is on its way, for whoever has to find out why it does not arrive."""
    o, j, c = core.outbox.c, core.job.c, xapi.lrs_cursor.c
    return {
        "outbox": rows(database, select(o.kind, o.state, o.attempts, o.last_error)),
        "jobs": rows(database, select(j.name, j.state, j.attempts, j.lease_owner, j.last_error)),
        "cursor": rows(database, select(c.hwm, c.lease_owner, c.lease_until_us)),
        "lrs": rows(database, select(xapi.lrs.c.counts, xapi.lrs.c.last_error)),
    }


def person(database: Database, config: Settings, subject: str) -> str:
    with database.read() as conn:
        (platform,) = platforms.listed(conn)
        seal = Seal(config.security.secret_key)
        found = by_subject(conn, seal, platform.tenant_id, platform.issuer, subject)
    assert found is not None
    return found


def rows(database: Database, query: Any) -> list[Any]:
    with database.read() as conn:
        return list(conn.execute(query))


def came_in(database: Database, learner: str) -> Counter[tuple[Any, ...]]:
    """Count the evidence of what somebody did in the LMS."""
    e = core.evidence.c
    query = select(e.unit, e.competency, e.rule_id, e.kind, e.level, e.category).where(
        e.learner_id == learner, e.source == "lrs", e.revoked_by.is_(None)
    )
    return Counter(tuple(row) for row in rows(database, query))


def states(database: Database) -> set[str]:
    return {row.state for row in rows(database, select(core.outbox.c.state))}


def answers_are_there_once(database: Database, gardener: Person, learner: str) -> None:
    (attempt,) = rows(database, select(core.attempt).where(core.attempt.c.learner_id == learner))
    asked = rows(
        database,
        select(core.question)
        .where(core.question.c.attempt_id == attempt.id)
        .order_by(core.question.c.position),
    )
    assert attempt.state == "finished"
    assert [q.position for q in asked] == list(range(1, len(asked) + 1))
    assert all(q.answered_us and q.response for q in asked)
    assert len({q.item for q in asked}) == len(asked) == attempt.answered
    # What she was told is saved, is; and nothing was told to be saved twice.
    assert set(gardener.acknowledged) <= {q.position for q in asked}
    assert len(set(gardener.acknowledged)) == len(gardener.acknowledged)
    e = core.evidence.c
    mine = select(e.id).where(e.learner_id == learner, e.source == "assessment")
    expected = {str(uuid.uuid5(uuid.UUID(attempt.id), str(q.position))) for q in asked}
    assert sorted(r.id for r in rows(database, mine)) == sorted(expected)


def one_path_is_accepted(database: Database, learner: str) -> str:
    p = core.path.c
    query = select(p.id).where(p.learner_id == learner, p.state == "accepted")
    (accepted,) = rows(database, query)
    audited = rows(database, select(core.audit.c.id).where(core.audit.c.action == "path.accept"))
    assert len(audited) == 1
    return str(accepted.id)


def its_statements_are_there_once(machine: Machine, path: str) -> None:
    kept = json.loads((machine.folder / "lms" / "connection.json").read_text(encoding="utf-8"))
    answer = requests.get(
        f"{kept['lrs_endpoint']}/statements",
        params={"registration": path},
        auth=(kept["lrs_read_key"], kept["lrs_read_secret"]),
        headers={"X-Experience-API-Version": "1.0.3"},
        timeout=10,
    )
    found = answer.json()["statements"]
    assert len(found) == len({s["id"] for s in found}) == 2


def one_plan_is_in_the_lms(machine: Machine) -> None:
    kept = json.loads((machine.folder / "lms" / "connection.json").read_text(encoding="utf-8"))
    form = {
        "wstoken": kept["plan_token"],
        "wsfunction": "core_competency_list_user_plans",
        "moodlewsrestformat": "json",
        "userid": GARDENER_SUB,
    }
    plans = requests.post(kept["plan_url"], data=form, timeout=10).json()
    assert len(plans) == 1


def test_every_statement_that_was_pulled_was_counted_once(machine: Machine) -> None:
    """The counts an operator sees survive kills of the worker in the middle of a page."""
    gardener = Person(machine, "gardener")
    gardener.launch()
    for cm in UNITS:
        gardener.complete(COURSE, cm)
        machine.kill("worker")
    database = Database(machine.environ["ROADMAP__DATABASE__URL"])
    try:
        sent = embedded.xapi_statement.c.statement_id

        def all_in() -> bool:
            (counts,) = rows(database, select(xapi.lrs.c.counts))
            return len(rows(database, select(sent))) == counts.counts.get("received", 0) > 3

        until(all_in, database)
    finally:
        database.close()
