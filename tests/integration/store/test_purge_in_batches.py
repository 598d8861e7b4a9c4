"""The purge never keeps a person waiting: short batches, and it stops when its time is over."""

import json
import threading
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from benchmarks.speed import scale
from lti_tool import jobs
from lti_tool.bootstrap import build
from lti_tool.store import retention
from lti_tool.store.database import Database, us
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.schema.core import audit, job
from tests.conftest import NOW, POSTGRES, missing, settings_for

ROWS = 12_000
LATER = NOW + timedelta(days=366)
# One batch, and SQLite's longest look-again interval, with room for a busy machine.
LONGEST_WAIT_S = 1.0


def fill(database: Database, rows: int) -> None:
    made = [
        {"id": str(uuid.uuid4()), "actor": "cli", "action": "a", "detail": {}, "at_us": us(NOW)}
        for _ in range(rows)
    ]
    with database.begin() as conn:
        conn.execute(audit.insert(), made)


def left(database: Database) -> int:
    with database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(audit)).scalar_one())


@pytest.fixture
def kept():
    return settings_for("sqlite:///unused.db").retention


def test_who_writes_meanwhile_waits_for_one_batch_only(database: Database, kept) -> None:
    fill(database, ROWS)
    waits: list[float] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(0.01):
            began = time.perf_counter()
            with database.begin() as conn:
                SqlJobs(conn).enqueue("refold", "somebody", {}, NOW)
            waits.append(time.perf_counter() - began)

    writer = threading.Thread(target=write)
    writer.start()
    counts = retention.purge(database, kept, LATER)
    stop.set()
    writer.join()
    assert counts["audit"] == ROWS
    assert left(database) == 0
    assert len(waits) > 5
    assert max(waits) < LONGEST_WAIT_S


def test_a_purge_ends_when_its_time_is_over_and_keeps_what_it_has_done(
    database: Database, kept
) -> None:
    fill(database, ROWS)
    some = retention.purge_some(database, kept, LATER, budget_s=0.3)
    assert not some.complete
    assert 0 < some.counts["audit"] < ROWS
    assert left(database) == ROWS - some.counts["audit"]
    rest = retention.purge_some(database, kept, LATER, budget_s=60.0)
    assert rest.complete
    assert left(database) == 0


def test_a_long_purge_goes_on_after_whatever_else_is_due(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, ROWS)
    monkeypatch.setattr(jobs, "PURGE_AT_ONCE_S", 0.2)
    monkeypatch.setattr(jobs, "utc_now", lambda: LATER)
    house = build(settings_for(database_url))
    worker = jobs.Worker(house)
    with database.begin() as conn:
        SqlJobs(conn).enqueue("purge", "all", {}, LATER - timedelta(seconds=1))
    assert worker.run_until_idle() == 1
    with database.read() as conn:
        waiting = conn.execute(select(job.c.name, job.c.state, job.c.run_after_us)).all()
    assert waiting == [("purge", "waiting", us(LATER + timedelta(seconds=1)))]
    house.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_hundredth_of_the_full_size_keeps_every_budget(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind == "postgresql" and not POSTGRES:
        missing("PostgreSQL", "apt-get install postgresql")
    failed = scale.measure(kind, scale.SHARE, tmp_path)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    over = [x["name"] for x in lines if not x["settings"]["within_budget"]]
    assert (failed, over) == (0, [])
    assert {x["name"] for x in lines} == {f"scale_{name}" for name in scale.BUDGET_MS}
