"""A long import meets a database that restarts, and a disk that is full: it stops with a word, and
the next one goes on where it was. Nothing is lost and nothing doubled."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from lti_tool.errors import DatabaseError
from lti_tool.store import migrations
from lti_tool.store.database import Database, Limits
from tests.conftest import POSTGRES, missing
from tests.doubles.lrs.store import Store
from tests.integration.faults.ground import a_server
from tests.integration.xapi.site import Site, build_site, serve, statement_of
from xapi_bridge.pull import PullReport

NUMBER, PAGE = 300, 25


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store()
    server, origin = serve(made)
    made.endpoint = f"{origin}/xapi"  # type: ignore[attr-defined]
    for _ in range(NUMBER):
        made.put(statement_of())
    yield made
    server.close()


def a_site(database: Database, store: Store) -> Site:
    migrations.upgrade(database)
    site = build_site(database, "http://127.0.0.1:1")
    site.learner("4")
    site.map(a1="U1")
    site.leads_to(store.endpoint, order="stored")  # type: ignore[attr-defined]
    return site


def everything_is_here_once(site: Site) -> None:
    counts = site.counts()
    numbers = (counts["received"], counts["stored"], counts["evidence"], counts["quarantined"])
    assert numbers == (NUMBER, NUMBER, NUMBER, 0)
    assert len({r.statement_id for r in site.rows()}) == NUMBER
    assert len({e.statement_id for e in site.evidence()}) == NUMBER


def test_a_database_server_that_restarts_costs_one_page(store: Store) -> None:
    if not POSTGRES:
        missing("PostgreSQL", "apt-get install postgresql")
    with a_server() as server:
        database = Database(server.url(), Limits(lock_s=2.0))
        site = a_site(database, store)

        def falls(report: PullReport) -> None:
            if report.pages == 4:
                server.stop()

        with pytest.raises(DatabaseError):
            site.pull(page_size=PAGE, watch=falls)
        server.start()
        assert 0 < site.counts()["stored"] < NUMBER
        asked = len(store.asked)
        assert site.pull(page_size=PAGE, lease_wait_s=10.0).caught_up
        assert len(store.asked) - asked <= NUMBER // PAGE - 3  # not from the beginning
        everything_is_here_once(site)
        database.close()


def test_a_full_disk_stops_the_import_and_space_lets_it_go_on(store: Store, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'small.db'}")
    site = a_site(database, store)
    site.pull(page_size=PAGE, budget_s=0.0)
    allow_pages(database, pages_of(database) + 20)
    with pytest.raises(DatabaseError, match="disk is full"):
        site.pull(page_size=PAGE)
    assert 0 < site.counts()["stored"] < NUMBER
    allow_pages(database, 1 << 30)
    assert site.pull(page_size=PAGE, lease_wait_s=10.0).caught_up
    everything_is_here_once(site)
    database.close()


def pages_of(database: Database) -> int:
    with database.read() as conn:
        return int(conn.exec_driver_sql("PRAGMA page_count").scalar_one())


def allow_pages(database: Database, most: int) -> None:
    """Let the file grow to so many pages and no further, on every connection."""
    database.engine.dispose()

    @event.listens_for(database.engine, "connect")
    def limit(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {most}")
