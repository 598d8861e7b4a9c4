"""The disk is full: pages say so, what was confirmed stays, and all goes on when there is space.

A limit on the size of files does to a process what a full disk or a quota does, without needing a
disk of one's own; SQLite's own limit on pages gives its other answer, SQLITE_FULL.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from lti_tool.flows import assess
from tests.conftest import settings_for
from tests.integration.faults.ground import family, has_delivered, is_ready
from tests.integration.trust.running import Machine, Person, a_choice, fields, insist
from tests.pages.scene import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path / 'web.db'}"))
    yield made
    made.close()


def allow_pages(stage: Stage, most: int) -> None:
    """Let the file grow to so many pages and no further, on every connection."""
    engine = stage.house.database.engine
    engine.dispose()

    @event.listens_for(engine, "connect")
    def limit(connection, _record):
        connection.execute(f"PRAGMA max_page_count = {most}")


def pages_of(stage: Stage) -> int:
    with stage.house.database.read() as conn:
        return int(conn.exec_driver_sql("PRAGMA page_count").scalar_one())


def test_an_answer_that_does_not_fit_is_refused_and_the_ones_before_stay(stage: Stage) -> None:
    visitor = stage.assessed("GB", most=3)
    client, token = stage.client(visitor), stage.csrf(visitor)
    allow_pages(stage, pages_of(stage))
    statuses = []
    for _ in range(40):
        position = assess.state(stage.s, stage.learner(visitor)).answered + 1
        form = {"csrf": token, "position": str(position), "do": "dont_know"}
        answer = client.post(f"{visitor.home}frage", data=form)
        statuses.append(answer.status_code)
        if answer.status_code != 303:
            break
    assert statuses[-1] == 503, statuses
    assert 'content="database-unavailable"' in answer.text
    answered = assess.state(stage.s, stage.learner(visitor)).answered
    assert answered == 3 + len(statuses) - 1  # what was confirmed, and nothing half-written
    page = client.get(f"{visitor.home}frage")
    assert page.status_code == 200  # reading goes on
    allow_pages(stage, 1 << 30)
    again = client.post(f"{visitor.home}frage", data=form)
    assert again.status_code == 303
    assert assess.state(stage.s, stage.learner(visitor)).answered == answered + 1


def limit_files(process: subprocess.Popen[bytes], size: int) -> None:
    """Let no file of a running process grow past a size; nobody needs rights for this."""
    for pid in family(process.pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_web_and_worker_get_over_a_full_disk_without_a_restart(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    both = [machine.processes["web"], machine.processes["worker"]]
    try:
        gardener = Person(machine, "gardener")
        gardener.launch()
        gardener.first_visit("GB")
        for process in both:
            limit_files(process, 4096)  # less than any file has: the next write fails
        page = gardener.see("frage").text
        form = {n: fields(page)[n] for n in ("csrf", "position")} | a_choice(page)
        refused = gardener.http.post(f"{gardener.home}frage", data=form, timeout=20)
        assert refused.status_code == 503
        assert 'content="database-unavailable"' in refused.text
        time.sleep(3)  # long enough for the worker to notice
        for process in both:
            limit_files(process, resource.RLIM_INFINITY)
        insist(lambda: is_ready(machine))
        assert fields(gardener.see("frage").text)["position"] == form["position"]
        gardener.answer_all()
        gardener.accept()
        insist(lambda: has_delivered(machine))
        assert all(process.poll() is None for process in both)
        said = machine.said("web") + machine.said("worker")
        assert "Traceback" not in said
    finally:
        machine.stop()


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    code = (
        "import sys; sys.stderr = open('/dev/full', 'w', buffering=1)\n"
        "from lti_tool import logs\n"
        "logs.configure(); logs.log().info('web started'); print('goes on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "goes on"
