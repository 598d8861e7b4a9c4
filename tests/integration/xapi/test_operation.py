"""Running it: jobs, commands and numbers around the pull, on both databases, over real HTTP."""

import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from lti_tool import jobs, metrics
from lti_tool.bootstrap import House, build
from lti_tool.checking import stores
from lti_tool.cli import cli, connecting
from lti_tool.jobs import Worker
from lti_tool.ports import TenantSettings
from lti_tool.settings import ROOT
from lti_tool.store import lrs, lrs_status, migrations, tenants
from lti_tool.store.database import us
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.schema.core import audit, job
from lti_tool.store.schema.xapi import lrs as lrs_table
from lti_tool.store.schema.xapi import lrs_cursor
from tests import registered
from tests.conftest import settings_for
from tests.doubles.lrs.store import Knobs, Store
from tests.integration.xapi.site import MOODLE, now, serve, statement_of
from xapi_bridge.errors import StoreUnreachable

TENANT = "musterstadt"


@pytest.fixture
def house(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house with a municipality and its Moodle; commands open the same one."""
    monkeypatch.setenv("ROADMAP__DATABASE__URL", database_url)
    monkeypatch.setenv("ROADMAP__SECURITY__ALLOW_LOCAL_HTTP", "true")
    built = build(settings_for(database_url))
    migrations.upgrade(built.database)
    with built.database.begin() as conn:
        tenant = tenants.add(conn, TENANT, "Stadt Musterstadt", "HE", TenantSettings(), now())
        registered.moodle(conn, tenant.id, MOODLE, now())
    yield built
    built.close()


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    server, origin = serve(made)
    made.endpoint = f"{origin}/xapi"  # type: ignore[attr-defined]
    yield made
    server.close()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def added(store: Store, tmp_path: Path, *options: str, name: str = "stadt") -> Result:
    secret = tmp_path / "secret"
    secret.write_text("geheim\n")
    given = ["--tenant", TENANT, "--endpoint", store.endpoint, "--key", "k"]  # type: ignore[attr-defined]
    return run("lrs", "add", name, *given, "--secret-file", str(secret), *options)


@pytest.fixture
def lrs_id(house: House, store: Store, tmp_path: Path) -> str:
    done = added(store, tmp_path)
    assert done.exit_code == 0, done.output
    with house.database.read() as conn:
        return lrs.listed(conn)[0].id


def status(house: House) -> dict[str, Any]:
    done = run("lrs", "status", "--json")
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.output)["lrs"][0])


def job_names(house: House) -> set[str]:
    with house.database.read() as conn:
        return set(conn.execute(select(job.c.name)).scalars())


# --- connecting -------------------------------------------------------------------------------


def test_a_store_that_cannot_be_used_is_refused_with_a_sentence(
    house: House, store: Store, tmp_path: Path
) -> None:
    store.knobs = Knobs(since="ignored")
    store.put(statement_of())
    done = added(store, tmp_path)
    assert done.exit_code == 1
    assert "cannot be used" in str(done.exception)
    with house.database.read() as conn:
        assert lrs.listed(conn) == []


def test_a_store_that_can_do_less_is_adapted_to_with_a_sentence(
    house: House, store: Store, tmp_path: Path
) -> None:
    store.knobs = Knobs(since="timestamp", order="timestamp", cap=50, documents=False)
    for hours in range(60):
        stamp = (now() - timedelta(hours=hours)).isoformat()
        store.put(statement_of(timestamp=stamp))
    done = added(store, tmp_path)
    assert done.exit_code == 0
    for part in ("forward to /xapi", "50 statements per page", "no documents"):
        assert part in done.output
    said = run("lrs", "probe", "stadt").output
    assert said.strip() in done.output
    with house.database.read() as conn:
        found = lrs.listed(conn)[0]
    reading = next(iter(stores.look(house, found.id)))
    assert reading.message == f"readable {said.strip()}"  # `roadmap check` says the same
    report = json.loads(run("lrs", "pull", "stadt", "--json").output)
    assert report["lrs"][0]["received"] == 60
    assert {q.get("limit") for _, p, q in store.asked[-2:] if "cursor" not in q} == {"50"}


def test_a_store_that_limits_how_often_one_may_ask_is_waited_for_and_is_not_broken(
    house: House, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(connecting, "_waiting", waited.append)
    store.knobs.busy = 1
    assert added(store, tmp_path).exit_code == 0
    store.knobs.busy = 1
    assert run("lrs", "probe", "stadt").exit_code == 0
    assert waited == [40.0, 40.0]
    store.knobs.busy = 1
    with house.database.read() as conn:
        found = lrs.listed(conn)[0]
    (reading,) = stores.look(house, found.id)
    assert (reading.ok, reading.code) == (True, "lrs-busy")
    assert "asks us to wait 40 s" in reading.message


def test_a_check_keeps_in_mind_what_only_writing_told(
    house: House, store: Store, tmp_path: Path
) -> None:
    assert added(store, tmp_path, "--write-probe").exit_code == 0
    with house.database.read() as conn:
        found = lrs.listed(conn)[0]
    assert "holds too little" not in next(iter(stores.look(house, found.id))).message


def test_writing_needs_consent(house: House, store: Store, tmp_path: Path) -> None:
    assert added(store, tmp_path).exit_code == 0
    assert store.rows == []
    done = run("lrs", "probe", "stadt", "--write-probe", "--json")
    found = json.loads(done.output)
    assert (found["since"], found["order"], found["wrote"]) == ("stored", "stored", True)
    assert len(store.rows) == 4  # two statements, and what voids them
    run("lrs", "pull", "stadt")
    numbers = status(house)
    assert (numbers["stored"], numbers["parked"], numbers["voided"]) == (0, 0, 0)


def test_how_an_lrs_is_read_is_set_and_audited(house: House, store: Store, lrs_id: str) -> None:
    course = f"{MOODLE}/course/view.php?id=7"
    old = "https://lms.alt.example"
    done = run(
        *("lrs", "set", "stadt", "--course", course, "--blackened", "--strict"),
        *("--authority", "account|https://a.example|moodle", "--scaling", "zero-to-one"),
        *("--home-page", f"{old}={MOODLE}"),
    )
    assert done.exit_code == 0, done.output
    with house.database.read() as conn:
        found = lrs.listed(conn)[0]
        assert "lrs.set" in set(conn.execute(select(audit.c.action)).scalars())
    assert found.scope is not None
    assert (found.scope.courses, found.strict, found.trust.blackened) == ({course}, True, True)
    assert found.settings["home_pages"].keys() == {old}
    assert "again from the beginning" in done.output  # another home page: others' statements
    again = run("lrs", "set", "stadt", "--everything", "--no-strict", "--any-authority")
    assert "again from the beginning" in again.output
    with house.database.read() as conn:
        found = lrs.listed(conn)[0]
    assert (found.scope, found.strict, found.trust.authorities) == (None, False, frozenset())


def test_an_unknown_platform_is_named(house: House, lrs_id: str) -> None:
    done = run("lrs", "set", "stadt", "--home-page", "https://a.example=https://b.example")
    assert done.exit_code == 1
    assert "there is no platform" in str(done.exception)


def test_an_authority_that_is_none_is_named(house: House, lrs_id: str) -> None:
    done = run("lrs", "set", "stadt", "--authority", "moodle")
    assert done.exit_code == 1
    assert "'moodle' is none" in str(done.exception)


def test_one_name_in_two_municipalities_asks_which(
    house: House, store: Store, lrs_id: str, tmp_path: Path
) -> None:
    with house.database.begin() as conn:
        other = tenants.add(conn, "nachbar", "Nachbarstadt", "HE", TenantSettings(), now())
        lrs.add(
            conn,
            house.seal,
            tenant_id=other.id,
            name="stadt",
            endpoint="http://127.0.0.1:1/xapi",
            key="k",
            secret="s",
            now=now(),
        )
    done = run("lrs", "probe", "stadt")
    assert done.exit_code == 1
    assert "--tenant" in str(done.exception)
    assert run("lrs", "probe", "stadt", "--tenant", TENANT).exit_code == 0


# --- commands ---------------------------------------------------------------------------------


def test_pulling_again_from_the_beginning_counts_nothing_twice(
    house: House, store: Store, lrs_id: str
) -> None:
    elsewhere = {"account": {"homePage": "https://other.example", "name": "4"}}
    store.put(statement_of())
    store.put(statement_of(actor=elsewhere))
    for again in ((), ("--again",), ()):
        assert run("lrs", "pull", "stadt", *again).exit_code == 0
    found = status(house)
    assert (found["received"], found["parked"], found["foreign"]) == (2, 1, 1)


def test_a_sweep_by_hand_says_what_it_found(house: House, store: Store, lrs_id: str) -> None:
    store.put(statement_of())
    run("lrs", "pull", "stadt")
    store.put(statement_of(), stored_us=us(now() - timedelta(hours=20)))
    assert run("lrs", "sweep", "stadt").output == "stadt: 1 received, 0 stored\n"
    (night,) = status(house)["rounds"]
    assert (night["kind"], night["found"], night["running"]) == ("night", 1, False)


def test_the_status_says_in_words_what_matters(house: House, store: Store, lrs_id: str) -> None:
    store.put(statement_of())
    run("lrs", "pull", "stadt")
    run("lrs", "sweep", "stadt", "--back", "week")
    said = run("lrs", "status").output
    for part in ("up to date", "1: 0 stored, 0 foreign", "1 in the last hour", "overlap 60 s"):
        assert part in said
    assert "week" in said
    assert "outbox: 0 pending" in said


COMMAND = [sys.executable, "-m", "lti_tool", "lrs", "pull", "stadt", "--once"]


def test_on_a_terminal_a_pull_shows_how_far_it_is_and_in_a_pipe_nothing(
    house: House, store: Store, lrs_id: str
) -> None:
    for _ in range(3):
        store.put(statement_of())
    with a_terminal() as (terminal, shown):
        done = subprocess.run(
            COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=terminal, check=True
        )
    assert done.stdout == b"stadt: 3 received, 0 stored\n"
    assert b"stadt: 3 read" in shown()
    assert b"/s, up to 20" in shown()
    piped = subprocess.run(COMMAND, cwd=ROOT, capture_output=True, check=True)
    assert piped.stderr == b""


@contextmanager
def a_terminal() -> Iterator[tuple[int, Any]]:
    ours, theirs = pty.openpty()
    said = bytearray()

    def read() -> None:
        while True:
            try:
                part = os.read(ours, 1024)
            except OSError:
                return
            if not part:
                return
            said.extend(part)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        yield theirs, lambda: bytes(said)
        time.sleep(0.2)
    finally:
        os.close(theirs)
        thread.join(5)
        os.close(ours)


# --- jobs -------------------------------------------------------------------------------------


def waits(house: House, lrs_id: str) -> bool:
    with house.database.read() as conn:
        return lrs.waits(conn, lrs_id, now())


class Busy:
    """A store that asks to wait, so often; then it is as before."""

    def __init__(self, store: Store, retry_after: str) -> None:
        self.store, self.retry_after, self.left, self.asked = store, retry_after, 1, 0

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        self.asked += 1
        if self.left:
            self.left -= 1
            start("429 Busy", [("Retry-After", self.retry_after), ("Content-Length", "0")])
            return [b""]
        return self.store(environ, start)


@pytest.fixture
def busy(house: House, store: Store, lrs_id: str) -> Iterator[Busy]:
    made = Busy(store, "120")
    server, origin = serve(made)
    with house.database.begin() as conn:
        conn.execute(update(lrs_table).values(endpoint=f"{origin}/xapi"))
    yield made
    server.close()


def test_a_store_that_asks_to_wait_is_left_alone_until_then(
    house: House, busy: Busy, lrs_id: str
) -> None:
    jobs.run_now(house, "pull", lrs_id)
    asked = busy.asked
    assert waits(house, lrs_id)
    assert 100 < seconds_left(house, lrs_id) <= 120
    assert status(house)["failures"] == 1
    jobs.run_now(house, "pull-all")
    assert "pull" not in job_names(house)
    with house.database.begin() as conn:
        SqlJobs(conn).enqueue("pull", lrs_id, {}, now())
    Worker(house).run_until_idle()
    assert busy.asked == asked


def seconds_left(house: House, lrs_id: str) -> float:
    with house.database.read() as conn:
        until = conn.execute(select(lrs_cursor.c.wait_until_us)).scalar_one()
    return float((until - us(now())) / 1e6)


def test_a_person_who_asks_for_it_is_not_made_to_wait(
    house: House, busy: Busy, lrs_id: str
) -> None:
    jobs.run_now(house, "pull", lrs_id)
    with house.database.begin() as conn:
        SqlJobs(conn).enqueue("pull", lrs_id, {"asked": True}, now())
    Worker(house).run_until_idle()
    assert not waits(house, lrs_id)
    found = status(house)
    assert (found["last_error"], found["failures"], found["lag_s"] < 60) == (None, 0, True)


def test_a_dead_store_is_tried_less_and_less_often_and_found_again_within_half_a_minute(
    house: House, lrs_id: str
) -> None:
    pauses = []
    for _ in range(9):
        with house.database.begin() as conn:
            lrs.failed(conn, lrs_id, StoreUnreachable("no"), now())
        pauses.append(round(seconds_left(house, lrs_id)))
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_what_is_due_is_enqueued_once_for_each_lrs(
    house: House, store: Store, lrs_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(statement_of())
    jobs.run_now(house, "pull", lrs_id)
    for _ in range(2):
        moment = now() + timedelta(days=40)
        jobs._pull_all(house, "all", {}, moment)
    with house.database.read() as conn:
        found = {(r.name, r.key.partition("|")[2]) for r in conn.execute(select(job))}
    assert found >= {
        ("pull", ""),
        ("sweep", "night"),
        ("sweep", "week"),
        ("deleted", "deleted"),
        ("probe", "probe"),
    }
    monkeypatch.setattr(jobs, "utc_now", lambda: now() + timedelta(days=41))
    Worker(house).run_until_idle()
    kinds = {r["kind"]: r for r in status(house)["rounds"]}
    assert kinds.keys() == {"night", "week", "deleted"}
    assert not any(r["running"] for r in kinds.values())


def test_a_store_with_another_version_is_probed_anew_and_the_admin_is_told(
    house: House, store: Store, lrs_id: str
) -> None:
    store.put(statement_of())
    store.knobs = replace(store.knobs, headers={"X-Experience-API-Version": "1.0.2"})
    store.knobs = replace(store.knobs, cap=50)
    jobs.run_now(house, "pull", lrs_id)
    assert "probe" in job_names(house)
    Worker(house).run_until_idle()
    with house.database.read() as conn:
        told = lrs_status.details(conn, lrs_id, now()).changes
    assert [(c["name"], c["before"], c["now"]) for c in told] == [("answers", "1.0.3", "1.0.2")]
    assert status(house)["changed"] is not None


def test_a_store_that_told_too_little_is_probed_again_once_it_holds_something(
    house: House, store: Store, lrs_id: str
) -> None:
    assert "unknown-since" in status(house)["findings"]
    for hours in (5, 9, 7):
        store.put(statement_of(timestamp=(now() - timedelta(hours=hours)).isoformat()))
    with house.database.begin() as conn:
        long_ago = us(now() - timedelta(hours=1))
        conn.execute(update(lrs_table).values(probed_us=long_ago))
    jobs.run_now(house, "pull", lrs_id)
    Worker(house).run_until_idle()
    found = status(house)
    assert found["capabilities"]["since"] == "stored"
    assert "unknown-since" not in found["findings"]
    assert found["changes"] == []  # to know more is no change


def test_a_slow_lrs_does_not_hold_up_the_other_jobs(
    house: House, lrs_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulling, sent = threading.Event(), threading.Event()
    release = threading.Event()

    def slow(*_: object) -> None:
        pulling.set()
        release.wait(20)

    monkeypatch.setitem(jobs.JOBS, "pull", slow)  # type: ignore[arg-type]
    monkeypatch.setitem(jobs.JOBS, "deliver", lambda *_: sent.set())  # type: ignore[arg-type]
    worker = Worker(house)
    thread = threading.Thread(target=worker.run, daemon=True)
    thread.start()
    try:
        assert pulling.wait(20)
        sent.clear()
        assert sent.wait(20)  # the clock goes on striking, and what it asks for is done
    finally:
        release.set()
        worker.stop()
        thread.join(20)
    assert not thread.is_alive()


# --- numbers ----------------------------------------------------------------------------------


def test_metrics_tell_times_per_lrs_and_counts_over_all(
    house: House, store: Store, lrs_id: str
) -> None:
    store.put(statement_of())
    jobs.run_now(house, "pull", lrs_id)
    told = metrics.text(house.database, None).decode()
    assert f'roadmap_lrs_overlap_seconds{{lrs="{lrs_id}"}} 60.0' in told
    assert f'roadmap_lrs_importing{{lrs="{lrs_id}"}} 0.0' in told
    assert 'roadmap_statements{state="received"} 1.0' in told
    assert 'roadmap_statements{state="parked"} 1.0' in told
    assert "roadmap_statements_late 0.0" in told
