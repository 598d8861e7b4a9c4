"""A first import may be a million statements: a page needs no more for all that came before."""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from lti_tool.store.database import Database
from lti_tool.store.pull import SqlPullStore
from tests.doubles.lrs.store import Store
from tests.integration.xapi.site import MOODLE, Site, build_site, statement_of
from xapi_bridge.pull import PullReport
from xapi_bridge.statement import parse_page

PAGE, PAGES = 20, 30
WARM = 10  # pages after which all that is kept for good is there


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Nothing is collected by itself, as between two looks of the collector that are far apart."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_what_a_page_leaves_behind_is_gone_before_the_next(site: Site, store: Store) -> None:
    site.learner("4")
    for number in range(PAGE * PAGES):
        activity = number % (PAGE * WARM)  # what is remembered of activities is there by then
        store.put(statement_of(activity=f"{MOODLE}/mod/page/view.php?id={activity}"))
    objects: list[int] = []

    def watch(_report: PullReport) -> None:
        objects.append(len(gc.get_objects()))

    assert site.pull(page_size=PAGE, watch=watch).caught_up
    assert len(objects) >= PAGES
    assert objects[PAGES - 1] - objects[WARM] < 50 * (PAGES - WARM), objects


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_question_of_a_page_reads_all_that_a_municipality_has(database: Database) -> None:
    """SQLite has no statistics in a first import, and PostgreSQL makes its own."""
    asked: dict[str, None] = {}
    event.listen(database.engine, "connect", lambda c, _: c.set_trace_callback(asked.setdefault))
    site = build_site(database, "http://127.0.0.1:1")
    numbers = range(300)
    for person in numbers:
        site.learner(str(person))
    site.map(**{f"a{n}": "U1" for n in numbers})
    page = [statement_of(str(n), f"{MOODLE}/mod/page/view.php?id={n}") for n in numbers]
    asked.clear()
    take_in(site, page)
    with database.read() as conn:
        plans = [
            (plan.detail, sql)
            for sql in list(asked)
            if "SELECT" in sql
            for plan in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        ]
    # No table but these grows with people and what they do.
    large = [p for p in plans if {"evidence", "identity", "statement"} & set(p[0].split())]
    assert len(large) >= 5
    assert [p for p in large if "(tenant_id=?)" in p[0] or p[0].startswith("SCAN")] == []


def take_in(site: Site, statements: list[Any]) -> None:
    store = SqlPullStore(site.database, site.seal, site.connection, site.meaning)
    body = json.dumps({"statements": statements, "more": ""}).encode()
    with store.lease() as lease:
        assert lease is not None
        written = store.commit(lease, parse_page(body), store.cursor(), last=True)
    assert written.stored == len(statements)
