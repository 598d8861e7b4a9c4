"""X-Experience-API-Consistent-Through is true: who believes it and nothing else loses nothing.

Four web processes write at the same time, real ones on a real socket; the reader never looks back
behind what the header said. Source: xAPI 1.0.3 communication 2.1.3; reference/xapi.md section 4.
"""

import json
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from lti_tool.store.database import Database
from lti_tool.store.schema.embedded import xapi_statement
from lti_tool.store.xapi_clock import STEP_US, idle_us, newest_us, stamp_us
from tests.integration.xapi.site import Site, build_site, now, statement_of
from tools.conformance_lrs import service
from xapi_bridge.instants import instant_us

PROCESSES = 4
HEADERS = {"X-Experience-API-Version": "1.0.3"}
THROUGH = "X-Experience-API-Consistent-Through"


class Reader:
    """Reads on from what the header said last; never twice, never behind it."""

    def __init__(self, endpoint: str, auth: tuple[str, str]) -> None:
        self.url, self.session = f"{endpoint}/statements", requests.Session()
        self.session.auth, self.session.headers = auth, HEADERS  # type: ignore[assignment]
        self.through = "2020-01-01T00:00:00Z"
        self.seen: set[str] = set()
        self.asked = self.pages = 0

    def read_on(self) -> None:
        params = {"ascending": "true", "since": self.through, "limit": "1000"}
        answer = self.session.get(self.url, params=params, timeout=30)
        through = answer.headers[THROUGH]
        while True:
            page = answer.json()
            self.asked += 1
            self.pages += bool(page["statements"])
            # What is behind the header may be incomplete: it is left for the next time.
            known = [
                s for s in page["statements"] if instant_us(s["stored"]) <= instant_us(through)
            ]
            self.seen |= {s["id"] for s in known}
            if not page["more"]:
                break
            base = self.url.removesuffix("/xapi/statements")
            answer = self.session.get(base + page["more"], timeout=30)
        self.through = max(self.through, through, key=instant_us)


def write(url: str, auth: tuple[str, str], until: float, size: int) -> list[str]:
    """Write batches until the time is over; return the ids that were confirmed."""
    confirmed: list[str] = []
    with requests.Session() as session:
        while time.monotonic() < until:
            batch = [statement_of(id=str(uuid.uuid4())) for _ in range(size)]
            made = session.post(url, json=batch, auth=auth, headers=HEADERS, timeout=30)
            assert made.status_code == 200, made.text
            confirmed += made.json()
    return confirmed


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'lrs.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


def test_a_reader_who_believes_the_header_loses_nothing(url: str) -> None:
    with ExitStack() as stack:
        ours = stack.enter_context(service(url, PROCESSES))
        auth = (ours.key, ours.secret)
        reader = Reader(ours.endpoint, auth)
        pool = stack.enter_context(ThreadPoolExecutor(2 * PROCESSES))
        until = time.monotonic() + 6
        writing = [
            pool.submit(write, reader.url, auth, until, size)
            for size in (1, 1, 1, 5, 5, 25, 25, 100)
        ]
        while wait(writing, timeout=0).not_done:
            reader.read_on()
        confirmed = [i for w in writing for i in w.result()]
        patience = time.monotonic() + 30
        while not reader.seen >= set(confirmed) and time.monotonic() < patience:
            time.sleep(0.2)
            reader.read_on()
    assert len(confirmed) == len(set(confirmed)) > 200
    assert reader.seen == set(confirmed)
    assert reader.pages >= 5, "it read while others wrote"


def test_the_header_does_not_pass_a_write_that_is_still_open(site: Site) -> None:
    database, tenant_id = site.database, site.tenant_id
    with database.begin() as conn:
        stamp = stamp_us(conn, tenant_id)
        other = Database(database.url.render_as_string(hide_password=False))
        try:
            assert idle_us(other, tenant_id) == 0
            with other.read() as looking:
                assert newest_us(looking, tenant_id) < stamp
        finally:
            other.close()
    idle = idle_us(database, tenant_id)
    assert idle > 0
    assert stamp - STEP_US < idle + STEP_US < stamp + 10 * STEP_US


def test_stamps_increase_even_if_the_clock_is_set_back(site: Site) -> None:
    site.post(*(statement_of() for _ in range(3)))
    mine = xapi_statement.c.tenant_id == site.tenant_id
    with site.database.begin() as conn:
        ahead = newest_us(conn, site.tenant_id) + 3_600_000_000
        newest = select(xapi_statement.c.stored_us).where(mine)
        last = max(conn.execute(newest).scalars())
        conn.execute(
            xapi_statement.update()
            .where(mine, xapi_statement.c.stored_us == last)
            .values(stored_us=ahead)
        )
    site.post(statement_of())
    with site.database.read() as conn:
        assert newest_us(conn, site.tenant_id) == ahead + 1


def test_tenants_do_not_wait_for_each_other_and_do_not_show_in_the_header(site: Site) -> None:
    other = build_site(site.database, site.origin)
    before = other.ask("GET").headers[THROUGH]
    site.post(*(statement_of() for _ in range(3)))
    assert json.loads(other.ask("GET").text)["statements"] == []
    after = other.ask("GET").headers[THROUGH]
    assert instant_us(before) <= instant_us(after)
    assert now().timestamp() * 1e6 - instant_us(after)[0] < 10 * STEP_US
