"""The job table and the worker, on both databases: nothing is lost, nothing is done twice."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from lti_tool import jobs
from lti_tool.bootstrap import House, build
from lti_tool.errors import RoadmapError
from lti_tool.jobs import Worker
from lti_tool.settings import ROOT, load
from lti_tool.store.database import Database
from lti_tool.store.jobs import SqlJobs
from tests.conftest import NOW, settings_for

LEASE_S = 1.0
ROOMS = {"competency", "recommender", "xapi_bridge", "lti_tool"}


@pytest.fixture
def house(database: Database, database_url: str) -> Iterator[House]:
    """A house on either database, with a short lease and short waits."""
    built = build(
        settings_for(
            database_url,
            ROADMAP__WORKER__LEASE_S=str(LEASE_S),
            ROADMAP__WORKER__BACKOFF_S="5",
            ROADMAP__WORKER__MAX_ATTEMPTS="3",
        )
    )
    yield built
    built.close()


class Body:
    """A job's body that remembers its runs; `during` happens inside a run."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, Any]] = []
        self.during: Any = lambda: None

    def __call__(self, _house: House, key: str, payload: Any, _now: datetime) -> None:
        self.ran.append((key, payload))
        self.during()


@pytest.fixture
def body(monkeypatch: pytest.MonkeyPatch) -> Body:
    """What the job `note` does."""
    made = Body()
    monkeypatch.setitem(jobs.JOBS, "note", made)  # type: ignore[arg-type]
    return made


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(jobs, "utc_now", made)
    return made


def enqueue(house: House, name: str = "note", key: str = "all", payload: Any = None) -> None:
    with house.database.begin() as conn:
        SqlJobs(conn).enqueue(name, key, payload or {}, jobs.utc_now())


def waiting(house: House) -> list[dict[str, Any]]:
    with house.database.read() as conn:
        return SqlJobs(conn).listed()


def together(*work: Any) -> None:
    """Run everything at the same moment; re-raise what went wrong."""
    wrong, barrier = list[BaseException](), threading.Barrier(len(work))

    def one(do: Any) -> None:
        barrier.wait()
        try:
            do()
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=one, args=[do]) for do in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


# --- enqueueing -----------------------------------------------------------------------------------


def test_what_is_enqueued_is_run_once_and_forgotten(house: House, body: Body) -> None:
    enqueue(house, key="a", payload={"n": 1})
    assert Worker(house).run_until_idle() == 1
    assert Worker(house).run_until_idle() == 0
    assert (body.ran, waiting(house)) == ([("a", {"n": 1})], [])


def test_what_is_enqueued_twice_runs_once_with_the_newest_order(house: House, body: Body) -> None:
    enqueue(house, payload={"n": 1})
    enqueue(house, payload={"n": 2})
    Worker(house).run_until_idle()
    assert body.ran == [("all", {"n": 2})]


def test_what_is_enqueued_while_it_runs_runs_once_more(house: House, body: Body) -> None:
    def again() -> None:
        if len(body.ran) == 1:
            enqueue(house)
            enqueue(house)

    body.during = again
    enqueue(house)
    assert Worker(house).run_until_idle() == 2
    assert (len(body.ran), waiting(house)) == (2, [])


def test_what_is_enqueued_during_the_last_failing_run_runs_once_more(
    house: House, body: Body, clock: Clock
) -> None:
    def fails_at_last() -> None:
        if len(body.ran) == 3:
            enqueue(house)  # what asked for it knows nothing of the failures before
        if len(body.ran) <= 3:
            raise RoadmapError("The receiver is down.")

    body.during = fails_at_last
    enqueue(house)
    for _ in range(4):
        Worker(house).run_until_idle()
        clock.wait(3600)
    assert len(body.ran) == 4
    assert waiting(house) == []


def test_a_job_for_later_waits_until_then(house: House, body: Body, clock: Clock) -> None:
    with house.database.begin() as conn:
        SqlJobs(conn).enqueue("note", "all", {}, NOW, NOW + timedelta(minutes=1))
    assert Worker(house).run_until_idle() == 0
    clock.wait(60)
    assert Worker(house).run_until_idle() == 1
    assert len(body.ran) == 1


def test_all_who_enqueue_at_the_same_moment_get_one_job(house: House) -> None:
    for round_ in range(5):
        together(*[lambda n=round_: enqueue(house, key=f"k{n}") for _ in range(6)])
    assert len(waiting(house)) == 5


# --- the clock ------------------------------------------------------------------------------------


def test_the_clock_enqueues_what_does_not_wait_already(house: House) -> None:
    first, second = Worker(house), Worker(house)
    together(*[lambda w=w: w._enqueue("deliver") for w in (first, second, first, second)])
    assert [(row["name"], row["state"]) for row in waiting(house)] == [("deliver", "waiting")]


def test_the_clock_only_enqueues_and_two_of_them_enqueue_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = list[str]()
    names = sorted(jobs._clock_table(house))
    assert names == ["deliver", "erasures", "keys", "pull-all", "purge", "shares"]
    for name in names:
        monkeypatch.setitem(jobs.JOBS, name, lambda *_, name=name: ran.append(name))  # type: ignore[arg-type]
    worker, clocks = Worker(house), [Worker(house)._clock() for _ in range(2)]
    for clock in clocks:
        clock.start()
    until = time.monotonic() + 30
    while len(waiting(house)) < len(names) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.3)
    for clock in clocks:
        clock.shutdown()
    assert sorted(row["name"] for row in waiting(house)) == names
    assert ran == [], "what is enqueued is done by the worker, not by the clock"
    assert worker.run_until_idle() == len(names)
    assert sorted(ran) == names


def test_only_the_page_of_jobs_knows_the_clock() -> None:
    sources = [p for p in ROOT.glob("*/**/*.py") if p.parts[len(ROOT.parts)] in ROOMS]
    named = {str(p.relative_to(ROOT)) for p in sources if "import apsched" in p.read_text()}
    named |= {str(p.relative_to(ROOT)) for p in sources if "from apsched" in p.read_text()}
    assert named == {"lti_tool/jobs.py"}


def test_the_clock_does_not_shorten_a_back_off_or_disturb_a_run(
    house: House, body: Body, clock: Clock
) -> None:
    worker = Worker(house)

    def fails() -> None:
        worker._enqueue("note")
        raise RoadmapError("The receiver is down.")

    body.during = fails
    enqueue(house)
    worker.run_until_idle()
    worker._enqueue("note")
    assert worker.run_until_idle() == 0, "the back-off is over too early"
    clock.wait(5)
    assert worker.run_until_idle() == 1
    assert len(body.ran) == 2


def test_the_clock_starts_a_failed_job_anew(house: House, body: Body, clock: Clock) -> None:
    worker = Worker(house)
    fail_for_good(house, body, clock, worker)
    body.during = lambda: None
    worker._enqueue("note")
    assert worker.run_until_idle() == 1
    assert waiting(house) == []


# --- failing --------------------------------------------------------------------------------------


def fail_for_good(house: House, body: Body, clock: Clock, worker: Worker) -> list[float]:
    """Let the job fail until it is given up; return the seconds at which it ran."""

    def fails() -> None:
        raise RoadmapError("The LRS is down.", remedy="Start it.")

    body.during = fails
    enqueue(house)
    ran: list[float] = []
    for second in range(60):
        if worker.run_until_idle():
            ran.append(second)
        clock.wait(1)
    return ran


def test_a_failing_job_waits_longer_each_time_and_is_then_given_up(
    house: House, body: Body, clock: Clock
) -> None:
    assert fail_for_good(house, body, clock, Worker(house)) == [0, 5, 15]
    (row,) = waiting(house)
    assert (row["state"], row["attempts"]) == ("failed", 3)
    assert row["last_error"] == "The LRS is down. Start it."


def test_an_error_that_is_not_ours_is_named_but_not_quoted(house: House, body: Body) -> None:
    def breaks() -> None:
        raise ValueError("Erika Mustermann answered B")

    body.during = breaks
    enqueue(house)
    Worker(house).run_until_idle()
    (row,) = waiting(house)
    assert row["last_error"] == "ValueError"


def test_one_failing_job_does_not_hold_up_the_others(house: House, body: Body) -> None:
    def breaks_first() -> None:
        if body.ran[-1][0] == "a":
            raise ValueError

    body.during = breaks_first
    for key in ("a", "b", "c"):
        enqueue(house, key=key)
    assert Worker(house).run_until_idle() == 3
    assert [row["state"] for row in waiting(house)] == ["waiting"]


def test_a_job_this_program_does_not_know_fails_readably(house: House) -> None:
    enqueue(house, name="from-a-newer-version")
    Worker(house).run_until_idle()
    (row,) = waiting(house)
    assert "from-a-newer-version" in row["last_error"]


def test_a_job_run_by_hand_must_exist(house: House) -> None:
    with pytest.raises(RoadmapError, match="no job 'nothing'"):
        jobs.run_now(house, "nothing")


# --- two workers ----------------------------------------------------------------------------------


def test_two_workers_at_once_do_each_job_once(house: House, body: Body) -> None:
    for n in range(12):
        enqueue(house, key=f"k{n:02}")
    body.during = lambda: time.sleep(0.005)
    workers = [Worker(house, owner=f"w{n}") for n in range(3)]
    together(*[worker.run_until_idle for worker in workers])
    assert sorted(key for key, _ in body.ran) == [f"k{n:02}" for n in range(12)]
    assert waiting(house) == []


def test_a_job_that_takes_longer_than_its_lease_stays_its_workers(house: House, body: Body) -> None:
    other = Worker(house, owner="other")
    taken = list[int]()

    def long_work() -> None:
        until = time.monotonic() + LEASE_S * 1.6
        while time.monotonic() < until:
            taken.append(other.run_until_idle())
            time.sleep(0.1)

    body.during = long_work
    enqueue(house)
    Worker(house, owner="first").run_until_idle()
    assert sum(taken) == 0
    assert len(body.ran) == 1


def test_a_worker_that_lost_its_lease_neither_ends_nor_fails_the_job_of_the_next(
    house: House,
) -> None:
    enqueue(house)
    later = NOW + timedelta(seconds=LEASE_S + 0.1)
    with house.database.begin() as conn:
        queue = SqlJobs(conn)
        queue.enqueue("note", "all", {}, NOW)
        first = queue.lease("first", NOW, LEASE_S)
        assert first is not None
        assert queue.lease("second", NOW, LEASE_S) is None
        assert queue.release_expired(later) == 1
        assert queue.lease("second", later, LEASE_S) is not None
        assert not queue.renew(first, "first", later, LEASE_S)
        queue.finish(first, "first")
        queue.fail(first, "first", "x", None, later)
        assert [row["state"] for row in queue.listed()] == ["running"]


DIES = """
import os, sys, time
from datetime import UTC, datetime
from lti_tool.store.database import Database
from lti_tool.store.jobs import SqlJobs
with Database(sys.argv[1]).begin() as conn:
    SqlJobs(conn).lease("doomed", datetime.now(UTC), float(sys.argv[2]))
print("leased", flush=True)
time.sleep(60)
"""


def test_the_job_of_a_killed_worker_is_taken_over(
    house: House, body: Body, database_url: str
) -> None:
    enqueue(house)
    command = [sys.executable, "-c", DIES, database_url, str(LEASE_S)]
    doomed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    with doomed:
        assert doomed.stdout is not None
        assert doomed.stdout.readline() == b"leased\n"
        os.kill(doomed.pid, signal.SIGKILL)
    start, worker = time.monotonic(), Worker(house)
    while not body.ran and time.monotonic() - start < 5:
        worker.run_until_idle()
        time.sleep(0.05)
    assert len(body.ran) == 1
    assert time.monotonic() - start < LEASE_S + 0.5


def test_as_shipped_a_dead_worker_is_replaced_within_five_seconds() -> None:
    shipped = load({}).worker
    assert shipped.lease_s + shipped.poll_s < 5


def test_the_worker_stops_after_the_job_in_hand(house: House, body: Body) -> None:
    worker = Worker(house)
    body.during = worker.stop
    enqueue(house)
    thread = threading.Thread(target=worker.run)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()
    assert len(body.ran) == 1
    assert "note" not in [row["name"] for row in waiting(house)]
