"""The embedded LRS over real HTTP, on SQLite and PostgreSQL; each test has a tenant of its own."""

import pytest

from lti_tool.store.database import Database
from tests.conformance.xapi.store import Lrs
from tests.integration.xapi.conftest import lrs_database, origin  # noqa: F401  (fixtures)
from tests.integration.xapi.site import build_site

#: Each version is asked on one kind of database; the other two pairs are left to `make test-all`.
USUAL = {("sqlite", "1.0.3"), ("postgresql", "2.0.0")}
#: What is refused before a database is asked needs only one of them.
BEFORE_THE_DATABASE = ("test_data.py", "test_fuzz.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        pair = (params.get("lrs_database"), params.get("version"))
        unusual = None not in pair and pair not in USUAL
        if unusual or (pair[0] == "postgresql" and item.path.name in BEFORE_THE_DATABASE):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(params=["1.0.3", "2.0.0"])
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lrs(lrs_database: Database, origin: str, version: str) -> Lrs:  # noqa: F811
    """A store nobody else writes to, asked in each of the two versions."""
    return Lrs(build_site(lrs_database, origin), version)


@pytest.fixture
def lrs1(lrs_database: Database, origin: str) -> Lrs:  # noqa: F811
    """A store nobody else writes to, asked in 1.0.3."""
    return Lrs(build_site(lrs_database, origin), "1.0.3")


@pytest.fixture
def lrs2(lrs_database: Database, origin: str) -> Lrs:  # noqa: F811
    """A store nobody else writes to, asked in 2.0.0."""
    return Lrs(build_site(lrs_database, origin), "2.0.0")


@pytest.fixture(scope="session")
def shared(lrs_database: Database, origin: str) -> Lrs:  # noqa: F811
    """A store for tests that leave nothing behind which another could stumble over."""
    return Lrs(build_site(lrs_database, origin), "1.0.3")
