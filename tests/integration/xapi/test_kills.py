"""Written = stored = evidence while pullers are killed and others write at the same time."""

import random
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from sqlalchemy import select

from lti_tool.store.leasing import LEASE_S, clock_us
from lti_tool.store.schema.xapi import lrs_cursor
from tests.integration.xapi.puller import LEASE_S as SHORT_LEASE_S
from tests.integration.xapi.puller import PAGE
from tests.integration.xapi.site import MOODLE, ROOT, Site, statement_of

WRITERS, KILLS = 4, 5
PULLER = "tests.integration.xapi.puller"


def start(site: Site, word: str = "pulled", page: int = PAGE) -> "subprocess.Popen[str]":
    """Start a puller and wait until it has said this; see there what it says."""
    url = site.database.url.render_as_string(hide_password=False)
    process = subprocess.Popen(
        [sys.executable, "-m", PULLER, url, site.connection.id, str(page)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout
    for said in process.stdout:
        if said == f"{word}\n":
            return process
    kill(process)
    raise AssertionError("the puller ended by itself")


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait()
    assert process.stdout
    process.stdout.close()


def write(site: Site, person: str, until: threading.Event, written: list[str]) -> None:
    """Write as Moodle does: now one statement, now a batch, each about another activity."""
    chance = random.Random(person)
    while not until.is_set():
        number = chance.choice([1, 1, 1, 12])
        activities = [
            f"{MOODLE}/mod/page/view.php?id={chance.randrange(1, 2000)}" for _ in range(number)
        ]
        answer = site.post(*(statement_of(person, activity) for activity in activities))
        assert answer.status_code == 200, answer.text
        written += answer.json()
        time.sleep(0.06)


def test_killed_pullers_lose_nothing_and_double_nothing(site: Site) -> None:
    for person in range(WRITERS):
        site.learner(str(person))
    site.map(**{f"a{n}": "U1" for n in range(1, 2000)})
    written: list[str] = []
    done = threading.Event()
    writers = [
        threading.Thread(target=write, args=(site, str(n), done, written)) for n in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        chance = random.Random(7)
        for _ in range(KILLS):
            process = start(site)
            time.sleep(chance.uniform(0.05, 0.5))
            kill(process)
    finally:
        done.set()
        for writer in writers:
            writer.join()
    time.sleep(SHORT_LEASE_S)
    assert site.pull(lease_wait_s=5.0).caught_up

    assert len(written) == len(set(written)) > 200
    rows = Counter(r.statement_id for r in site.rows())
    assert rows == Counter(written)
    evidence = Counter(e.statement_id for e in site.evidence() if e.competency == "4.1")
    assert evidence == Counter(written)
    counts = site.counts()
    numbers = (counts["received"], counts["stored"], counts["evidence"])
    assert numbers == (len(written),) * 3
    assert {e.revoked_by for e in site.evidence()} <= {None, "group"}


def test_a_killed_puller_s_lease_ends_within_five_seconds(site: Site) -> None:
    process = start(site)
    kill(process)
    with site.database.read() as conn:
        mine = lrs_cursor.c.lrs_id == site.connection.id
        until = conn.execute(select(lrs_cursor.c.lease_until_us).where(mine)).scalar_one()
        assert until <= clock_us(conn) + SHORT_LEASE_S * 1e6
    assert LEASE_S < 5.0
    assert site.pull(lease_wait_s=5.0).caught_up


@pytest.mark.parametrize("pullers", [3])
def test_pullers_side_by_side_do_no_harm(site: Site, pullers: int) -> None:
    site.learner("4")
    processes = [start(site) for _ in range(pullers)]
    sent = [i for _ in range(20) for i in site.post(*(statement_of() for _ in range(10))).json()]
    until = time.monotonic() + 10
    while site.counts()["stored"] < len(sent) and time.monotonic() < until:
        time.sleep(0.06)
    for process in processes:
        kill(process)
    counts = site.counts()
    assert (counts["stored"], counts["evidence"]) == (len(sent), len(sent))
