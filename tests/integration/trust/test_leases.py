"""A worker that dies is replaced within five seconds, and a locked database costs patience only.

With the waits as shipped, on real processes: the web process is put to sleep, so that the pull of
its LRS hangs, and the worker that hangs in it is killed.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from lti_tool import settings
from lti_tool.store.schema.core import job, question
from lti_tool.store.schema.xapi import lrs_cursor
from tests.integration.trust.outcome import Looker
from tests.integration.trust.running import Machine, Person, a_choice, fields

PROMISED_S = 5.0
LOADED_S = 60.0  # how long a machine may take that is busy with other things
TRIES = 4


def waits_as_shipped() -> dict[str, str]:
    shipped = settings.load({})
    return {
        "ROADMAP__WORKER__LEASE_S": str(shipped.worker.lease_s),
        "ROADMAP__WORKER__POLL_S": str(shipped.worker.poll_s),
        "ROADMAP__LRS__POLL_S": str(shipped.lrs.poll_s),
    }


@pytest.fixture
def machine(tmp_path: Path, database_url: str) -> Iterator[Machine]:
    made = Machine(tmp_path, database_url, waits_as_shipped())
    yield made
    made.stop()


@pytest.fixture
def looker(machine: Machine) -> Iterator[Looker]:
    made = Looker(machine)
    yield made
    made.close()


def seconds_until(true: Callable[[], bool], patience_s: float = LOADED_S) -> float:
    begun = time.monotonic()
    while not true():
        assert time.monotonic() - begun < patience_s, "it never happened"
        time.sleep(0.02)
    return time.monotonic() - begun


def holders(looker: Looker) -> tuple[str, str]:
    """Return who has the job `pull` and who has the LRS, "" for nobody; both name the process."""
    running = (job.c.name == "pull", job.c.state == "running")
    jobs = looker.rows(select(job.c.lease_owner).where(*running))
    pulls = looker.rows(select(lrs_cursor.c.lease_owner).where(lrs_cursor.c.lease_until_us > 0))
    return (jobs[0][0] or "" if jobs else ""), (pulls[0][0] or "" if pulls else "")


def process_of(owner: str) -> int:
    return int(owner.split(":")[1]) if owner else 0


def a_hanging_pull(machine: Machine, looker: Looker) -> int:
    """Put the LRS to sleep; return the number of the process that hangs in its pull."""
    machine.sleep("web", LOADED_S)
    workers = {p.pid for name, p in machine.processes.items() if "worker" in name}
    held = (0, 0)

    def hangs() -> bool:
        nonlocal held
        job_of, pull_of = holders(looker)
        held = (process_of(job_of), process_of(pull_of))
        return held[0] == held[1] and held[0] in workers

    seconds_until(hangs)
    return held[0]


def test_a_dead_worker_s_job_and_lrs_are_taken_over_within_five_seconds(
    machine: Machine, looker: Looker
) -> None:
    """The best of a few tries counts: what a loaded machine adds is not ours."""
    machine.start_another("worker")
    took = list[float]()
    while len(took) < TRIES and not any(s < PROMISED_S for s in took):
        doomed = a_hanging_pull(machine, looker)
        name = next(n for n, p in machine.processes.items() if p.pid == doomed)
        begun = time.monotonic()
        machine.processes[name].kill()
        machine.processes[name].wait()

        def taken_over(dead: int = doomed) -> bool:
            return all(process_of(owner) not in (0, dead) for owner in holders(looker))

        seconds_until(taken_over)
        took.append(time.monotonic() - begun)
        machine.kill(name)  # starts it again
        machine.wake("web")
    assert min(took) < PROMISED_S, took


# --- a database that is locked ----------------------------------------------------------------


@pytest.fixture
def impatient(tmp_path: Path, database_url: str) -> Iterator[Machine]:
    made = Machine(tmp_path, database_url, {"ROADMAP__DATABASE__LOCK_TIMEOUT_S": "0.5"})
    yield made
    made.stop()


@contextmanager
def locked(machine: Machine) -> Iterator[None]:
    """Hold the database as a careless backup or an administrator's console does."""
    url = machine.environ["ROADMAP__DATABASE__URL"]
    if url.startswith("sqlite"):
        conn: Any = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        conn.execute("PRAGMA busy_timeout = 10000")
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")
        conn.close()
        return
    engine = create_engine(url)
    with engine.connect() as held:
        held.execute(text("LOCK TABLE question, learner, launch, job, outbox IN EXCLUSIVE MODE"))
        yield
    engine.dispose()


def test_a_locked_database_is_said_and_costs_nothing(impatient: Machine) -> None:
    person = Person(impatient, "gardener")
    person.launch()
    person.first_visit("GB")
    page = person.see("frage").text
    form = {"csrf": fields(page)["csrf"], "position": fields(page)["position"], **a_choice(page)}
    send = {"url": person.home + "frage", "data": form, "allow_redirects": False, "timeout": 30}
    with locked(impatient):
        refused = person.http.post(**send)  # type: ignore[arg-type]
        seconds_until(lambda: "database is locked" in impatient.said("worker"))
    assert refused.status_code == 503
    assert 'content="database-unavailable"' in refused.text
    assert "Traceback" not in refused.text + impatient.said("web") + impatient.said("worker")
    assert person.http.post(**send).status_code == 303  # type: ignore[arg-type]
    person.answer_all()
    person.accept()
    looker = Looker(impatient)
    try:
        answered = looker.rows(
            select(question.c.position).where(question.c.answered_us.is_not(None))
        )
        positions = sorted(row.position for row in answered)
        assert positions == list(range(1, len(positions) + 1))
        seconds_until(looker.still)
    finally:
        looker.close()
    assert impatient.processes["worker"].poll() is None
