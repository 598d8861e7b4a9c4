"""The embedded LRS on real HTTP, once per kind of database; each test has a tenant of its own."""

import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import create_engine, text

from lti_tool.seal import Seal
from lti_tool.store import migrations
from lti_tool.store.database import Database
from lti_tool.web.xapi import blueprint
from tests.doubles.lrs.store import Store
from tests.integration.xapi.site import SECRET, Site, build_site, house_of, serve


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def lrs_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A migrated database that all tests of this folder share."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('lrs') / 'lrs.db'}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server + _created(server)
    opened = Database(url)
    migrations.upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def origin(lrs_database: Database) -> Iterator[str]:
    app = Flask("lrs")
    app.register_blueprint(blueprint)
    server, origin = serve(app)
    app.extensions["roadmap"] = house_of(lrs_database, Seal(SECRET), origin)
    yield origin
    server.close()


@pytest.fixture
def site(lrs_database: Database, origin: str) -> Site:
    """A tenant that pulls from its embedded LRS; activity 1 is unit U1."""
    built = build_site(lrs_database, origin)
    built.map(a1="U1")
    return built


@pytest.fixture
def store(site: Site) -> Iterator[Store]:
    """A foreign store from which the site reads instead; its knobs may be turned at any time."""
    made = Store()
    server, there = serve(made)
    site.leads_to(f"{there}/xapi")
    yield made
    server.close()


@pytest.fixture(scope="session")
def shared_site(lrs_database: Database, origin: str) -> Site:
    """A tenant for tests that leave nothing behind which another could stumble over."""
    return build_site(lrs_database, origin)


def _created(server: str) -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = create_engine(f"{server}postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    admin.dispose()
    return name
