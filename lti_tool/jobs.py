"""All jobs on one page, the clock that enqueues them, and the worker that works them off.

APScheduler is only the clock; the job table is the queue, so a second worker is harmless and a
dead one is replaced within `worker.lease_s`. Every body is one call and can be run by hand
(`roadmap jobs run NAME`).
"""

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler

from lti_tool import courses, keyring, restoring, senders
from lti_tool.bootstrap import House
from lti_tool.errors import RoadmapError
from lti_tool.flows import sharing
from lti_tool.flows.deliver import Backoff, deliver
from lti_tool.flows.external import forget_expired
from lti_tool.flows.observe import refold_learner
from lti_tool.flows.persons import erase_unseen
from lti_tool.flows.soll import EFFECT, take_effect
from lti_tool.logs import log
from lti_tool.store import lrs, retention, rounds, runs
from lti_tool.store.jobs import Kind, Leased, SqlJobs
from lti_tool.store.probing import probe_once
from lti_tool.store.pull import pull_once
from lti_tool.store.reconciling import look_for_deleted
from xapi_bridge.errors import StoreBusy
from xapi_bridge.pull import PullReport

PURGE_AT_ONCE_S = 3.0
PULL_AT_ONCE_S = 3.0
PERSONS_AT_ONCE = 20
LAST_JOB_S = 5.0  # how long a worker that stops waits for an LRS that does not answer
BUSY_S = 0.5  # until an LRS that another puller holds is tried again
PATIENCE_S = 1.0  # within a job; an LRS that is busy for longer is left alone until then
#: What a worker does in a thread of its own: an LRS that answers slowly holds up nobody's profile.
LRS_JOBS = frozenset({"pull", "sweep", "deleted", "probe"})
ROUNDS = {rounds.DELETED: "deleted", rounds.PROBE: "probe"}
Body = Callable[[House, str, Any, datetime], None]


def utc_now() -> datetime:
    return datetime.now(UTC)


def _refold(house: House, key: str, _payload: Any, now: datetime) -> None:
    refold_learner(house.flows, key, now)


def _deliver(house: House, _key: str, _payload: Any, now: datetime) -> None:
    worker = house.settings.worker
    backoff = Backoff(worker.backoff_s, worker.max_attempts, worker.lease_s)
    report = deliver(house.flows, senders.of(house), backoff, now)
    if report.delivered or report.failed or report.dead:
        log().info("delivered", count=report.delivered, state=f"{report.failed}/{report.dead}")


def _pull(house: House, key: str, payload: Any, now: datetime) -> None:
    """Pull one LRS; not while it wants to be left alone, unless a person asks for it."""
    with house.database.read() as conn:
        if lrs.waits(conn, key, now) and not payload.get("asked"):
            return
    try:
        report = _pulled(house, key)
    except StoreBusy as error:  # noted with the connection: until then it is left alone
        log().info("an LRS asks us to wait", lrs=key, wait_s=error.wait_s)
        return
    if report.busy:
        # Perhaps its puller is dead: look again when the lease has ended, not at the next round.
        _again(house, "pull", key, BUSY_S)
    elif not report.caught_up:
        # A long import lets profiles, paths and deliveries through in between.
        _again(house, "pull", key)
    if report.stored:
        log().info("pulled", lrs=key, pages=report.pages, stored=report.stored)


def _pulled(house: House, lrs_id: str, sweep: str = "") -> PullReport:
    return pull_once(
        house.database,
        house.seal,
        lrs_id,
        settings=house.settings.lrs,
        meaning=house.meaning,
        sweep=sweep,
        patience_s=PATIENCE_S,
        budget_s=PULL_AT_ONCE_S,
    )


def _pull_all(house: House, _key: str, _payload: Any, now: datetime) -> None:
    """Enqueue one pull per LRS, so that a dead LRS does not hold up the others; and what is due."""
    with house.database.begin() as conn:
        queue = SqlJobs(conn)
        for connection in lrs.listed(conn):
            if not lrs.waits(conn, connection.id, now):
                queue.enqueue("pull", connection.id, {}, now)
                for kind in rounds.due(conn, connection, now):
                    name, key = ROUNDS.get(kind, "sweep"), f"{connection.id}|{kind}"
                    queue.enqueue_due(name, key, now)


def _sweep(house: House, key: str, _payload: Any, _now: datetime) -> None:
    """Look further back in one LRS (key: LRS and kind of sweep)."""
    lrs_id, _, kind = key.partition("|")
    report = _pulled(house, lrs_id, kind)
    if not report.caught_up:
        _again(house, "sweep", key, BUSY_S if report.busy else 0.0)
    if report.stored:
        log().warning("a sweep found what came late", lrs=lrs_id, stored=report.stored, state=kind)


def _deleted(house: House, key: str, _payload: Any, _now: datetime) -> None:
    """Look in one LRS for what was deleted there (key: LRS and kind)."""
    lrs_id = key.partition("|")[0]
    looked = look_for_deleted(
        house.database,
        house.seal,
        lrs_id,
        page_size=house.settings.lrs.page_size,
        patience_s=PATIENCE_S,
        budget_s=PULL_AT_ONCE_S,
    )
    if not looked.complete:
        _again(house, "deleted", key, BUSY_S if looked.busy else 0.0)
    if looked.gone:
        log().info("statements were deleted in an LRS", lrs=lrs_id, count=looked.gone)


def _probe(house: House, key: str, _payload: Any, now: datetime) -> None:
    """Find out anew what an LRS can do (key: LRS)."""
    lrs_id = key.partition("|")[0]
    tool = house.settings.server.base_url
    _found, changed = probe_once(house.database, house.seal, lrs_id, now=now, tool=tool)
    for name, _before, _now in changed:
        log().warning("an LRS has changed", lrs=lrs_id, state=name)


def _again(house: House, name: str, key: str, after_s: float = 0.0) -> None:
    with house.database.begin() as conn:
        now = utc_now()
        SqlJobs(conn).enqueue(name, key, {}, now, now + timedelta(seconds=after_s))


def _purge(house: House, _key: str, _payload: Any, now: datetime) -> None:
    """Delete for a few seconds; if that is not all, go on after whatever else is due."""
    forget_expired(house.flows, now)
    done = retention.purge_some(
        house.database, house.settings.retention, now, budget_s=PURGE_AT_ONCE_S
    )
    last = last_kept(house, now)
    gone = erase_unseen(house.flows, last, now, PERSONS_AT_ONCE) if done.complete else 0
    more = not done.complete or gone == PERSONS_AT_ONCE
    count = sum(done.counts.values()) + gone
    log().info("purged", count=count, state="more" if more else "all")
    if more:
        with house.database.begin() as conn:
            SqlJobs(conn).enqueue("purge", "all", {}, utc_now() + timedelta(seconds=1))


def _erasures(house: House, _key: str, _payload: Any, _now: datetime) -> None:
    restoring.note_erasures(house)


def _members(house: House, key: str, payload: Any, now: datetime) -> None:
    """Ask how many learners a course has (key: platform and course)."""
    platform_id, _, context_id = key.partition("|")
    courses.ask_size(house, platform_id, context_id, payload["url"], now)


def _keys(house: House, _key: str, _payload: Any, now: datetime) -> None:
    for _kid, what in keyring.turn(house, now):
        log().info("tool key changed", state=what)


def _shares(house: House, _key: str, _payload: Any, now: datetime) -> None:
    if count := sharing.end_what_is_over(house.flows, now):
        log().info("shares ended", count=count)


def _soll(house: House, key: str, payload: Any, now: datetime) -> None:
    """Judge everybody anew whose Soll begins to count (key: version)."""
    take_effect(house.flows, payload["tenant"], key, now)


def last_kept(house: House, now: datetime) -> datetime:
    """Return the moment since which somebody must have been seen to be kept."""
    return now - timedelta(days=house.settings.retention.evidence)


#: Every job: what it does, and how often the clock enqueues it (None: only when asked for).
JOBS: Mapping[str, Body] = {
    "refold": _refold,
    "deliver": _deliver,
    "pull": _pull,
    "pull-all": _pull_all,
    "sweep": _sweep,
    "deleted": _deleted,
    "probe": _probe,
    "purge": _purge,
    "erasures": _erasures,
    "keys": _keys,
    "shares": _shares,
    "members": _members,
    EFFECT: _soll,
}


def _clock_table(house: House) -> dict[str, float]:
    """Return job -> seconds between two runs."""
    return {
        "pull-all": house.settings.lrs.poll_s,
        "deliver": 2.0,
        "erasures": 10.0,
        "purge": 3600.0,
        "keys": 300.0,
        "shares": 600.0,
    }


def run_now(house: House, name: str, key: str = "all") -> None:
    """Run a job's body here and now, without the queue.

    :raises RoadmapError: there is no such job, or it failed.
    """
    _body(name)(house, key, {}, utc_now())


def _body(name: str) -> Body:
    if name not in JOBS:
        raise RoadmapError(f"There is no job {name!r}.", remedy=f"Jobs: {', '.join(JOBS)}.")
    return JOBS[name]


@dataclass
class Worker:
    """The one clock-and-jobs process. `stop` ends it after the job in hand."""

    house: House
    # Unique even where two containers share a host name, and so the numbers of their processes.
    owner: str = field(
        default_factory=lambda: f"{socket.gethostname()[:20]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    )

    def __post_init__(self) -> None:
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Work until stopped."""
        clock = self._clock()
        clock.start()
        beside = threading.Thread(target=self._loop, args=(Kind(LRS_JOBS),), daemon=True)
        beside.start()
        log().info("worker started")
        try:
            self._loop(Kind(LRS_JOBS, others=True))
        finally:
            self._stopping.set()
            beside.join(LAST_JOB_S)
            clock.shutdown(wait=False)
            log().info("worker stopped")

    def _loop(self, kind: Kind) -> None:
        while not self._stopping.is_set():
            if not self._one(kind):
                self._stopping.wait(self.house.settings.worker.poll_s)

    def run_until_idle(self) -> int:
        """Work off what is due; return how many jobs were run. For tests and `--once`."""
        done = 0
        while self._one():
            done += 1
        return done

    def _clock(self) -> BackgroundScheduler:
        clock = BackgroundScheduler(timezone=UTC)
        for name, seconds in _clock_table(self.house).items():
            clock.add_job(
                self._enqueue,
                "interval",
                args=[name],
                seconds=seconds,
                max_instances=1,
                coalesce=True,
                next_run_time=utc_now(),
            )
        return clock

    def _enqueue(self, name: str) -> None:
        now = utc_now()
        try:
            with self.house.database.begin() as conn:
                SqlJobs(conn).enqueue_due(name, "all", now)
        except RoadmapError as error:
            log().warning("clock could not enqueue", job=name, error=str(error))

    def _one(self, kind: Kind | None = None) -> bool:
        """Take and run one job (of a kind); False if there was none."""
        try:
            leased = self._take(kind)
            if leased is None:
                return False
            self._work(leased)
        except RoadmapError as error:  # the database itself: wait, and look again
            log().error("worker waits for the database", error=str(error))
            self._stopping.wait(2.0)
            return False
        return True

    def _take(self, kind: Kind | None) -> Leased | None:
        now = utc_now()
        with self.house.database.read() as conn:
            if not SqlJobs(conn).anything_due(now, kind):
                return None
        with self.house.database.begin() as conn:
            queue = SqlJobs(conn)
            queue.release_expired(now)
            return queue.lease(self.owner, now, self.house.settings.worker.lease_s, kind)

    def _work(self, leased: Leased) -> None:
        with _Heartbeat(self.house, leased, self.owner):
            try:
                _body(leased.name)(self.house, leased.key, leased.payload, utc_now())
            except Exception as error:
                self._failed(leased, error)
                return
        with self.house.database.begin() as conn:
            SqlJobs(conn).finish(leased, self.owner)
            runs.note(conn, leased.name, utc_now())

    def _failed(self, leased: Leased, error: Exception) -> None:
        said = _told(error)
        worker = self.house.settings.worker
        now = utc_now()
        wait = min(worker.backoff_s * 2 ** (leased.attempts - 1), 3600.0)
        again = leased.attempts < worker.max_attempts
        log().error(
            "job failed",
            job=leased.name,
            attempts=leased.attempts,
            exception_type=type(error).__name__,
        )
        with self.house.database.begin() as conn:
            next_try = now + timedelta(seconds=wait) if again else None
            SqlJobs(conn).fail(leased, self.owner, said, next_try, now)
            runs.note(conn, leased.name, now, said)


def _told(error: Exception) -> str:
    """Return what is kept of an error. Only ours are written for people; others may quote data."""
    if isinstance(error, MemoryError):
        return "The job ran out of memory. Give the worker more, or use a smaller lrs.page_size."
    return str(error) if isinstance(error, RoadmapError) else type(error).__name__


class _Heartbeat:
    """Renews a lease while its job runs, so that only a dead worker's job is taken over."""

    def __init__(self, house: House, leased: Leased, owner: str) -> None:
        self._house, self._leased, self._owner = house, leased, owner
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _beat(self) -> None:
        lease_s = self._house.settings.worker.lease_s
        while not self._done.wait(lease_s / 3):
            try:
                with self._house.database.begin() as conn:
                    SqlJobs(conn).renew(self._leased, self._owner, utc_now(), lease_s)
            except RoadmapError:
                time.sleep(0.2)  # the next beat tries again; a lost lease is harmless
