"""A job that needs more memory than there is fails alone: the others go on, it is tried again."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from lti_tool.settings import ROOT
from lti_tool.store import migrations
from lti_tool.store.database import Database
from lti_tool.store.jobs import SqlJobs

# The worker itself, in a process whose memory ends 256 MB above what it needs when it starts.
HUNGRY_WORKER = """
import resource
from lti_tool import jobs, settings
from lti_tool.bootstrap import build

def hungry(house, key, payload, now):
    held = []
    while True:
        held.append(bytearray(32 << 20))

jobs.JOBS["hungry"] = hungry
jobs.JOBS["modest"] = lambda house, key, payload, now: print("modest is done")
house = build(settings.load())
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + (256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(jobs.Worker(house).run_until_idle(), "jobs")
"""


def test_a_job_that_runs_out_of_memory_leaves_the_worker_standing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'memory.db'}"
    database = Database(url)
    migrations.upgrade(database)
    with database.begin() as conn:
        for name in ("hungry", "modest"):
            SqlJobs(conn).enqueue(name, "all", {}, datetime.now(UTC))
    ran = subprocess.run(
        [sys.executable, "-c", HUNGRY_WORKER],
        env=os.environ | {"ROADMAP__DATABASE__URL": url},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "modest is done" in ran.stdout
    assert "2 jobs" in ran.stdout
    with database.read() as conn:
        rows = conn.execute(text("SELECT name, last_error FROM job ORDER BY name")).all()
    database.close()
    (waiting,) = [row for row in rows if row.name == "hungry"]
    assert "ran out of memory" in waiting.last_error
    assert "lrs.page_size" in waiting.last_error
