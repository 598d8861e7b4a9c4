"""What all tests share: databases (SQLite and a PostgreSQL of our own), a house, a clock."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lti_tool.bootstrap import House, build
from lti_tool.settings import Settings, load
from lti_tool.store.database import Database
from tests import matrix, migrated

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    matrix.thin(items)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def missing(what: str, remedy: str) -> None:
    """Skip visibly; in CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing in CI: {remedy}")
    pytest.skip(f"{what} is missing: {remedy}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Yield the URL prefix of a PostgreSQL of our own, or skip with the remedy."""
    if not POSTGRES:
        missing("PostgreSQL", "apt-get install postgresql")
    binaries = POSTGRES[-1]
    # Not below pytest's folder: the server's user must be able to walk to it.
    folder = Path(tempfile.mkdtemp(prefix="roadmap-postgres-"))
    data, port = folder / "data", free_port()
    as_user: list[str | Path] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres")
        shutil.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]
    run = {"check": True, "capture_output": True, "cwd": "/"}
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", data, "-U", "test", "-A", "trust", "-E", "UTF8"],
        **run,  # type: ignore[call-overload]
    )
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*as_user, binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log"]
    start = [*control, "-o", options, "start"]
    subprocess.run(start, check=True, stdout=subprocess.DEVNULL, cwd="/")
    yield f"postgresql+psycopg://test@127.0.0.1:{port}/"
    died = [line for line in (folder / "log").read_text().splitlines() if "by signal" in line]
    subprocess.run([*control, "-m", "immediate", "stop"], **run)  # type: ignore[call-overload]
    shutil.rmtree(folder, ignore_errors=True)
    # What then fails says only that its connection broke.
    assert not died, f"PostgreSQL itself was killed (out of memory?): {died}"


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Yield the URL of an empty database."""
    with empty_database(postgres_server) as url:
        yield url


@contextmanager
def empty_database(postgres_server: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = create_engine(f"{postgres_server}postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(text(f"CREATE DATABASE {name}"))
    yield f"{postgres_server}{name}"
    with admin.connect() as conn:
        conn.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once per kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'test.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A migrated database, once per kind."""
    opened = Database(database_url)
    migrated.make(opened)
    yield opened
    opened.close()


def settings_for(database_url: str, **environ: str) -> Settings:
    return load(
        {
            "ROADMAP__DATABASE__URL": database_url,
            "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
            **environ,
        }
    )


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A house on SQLite with the shipped content."""
    built = build(settings_for(f"sqlite:///{tmp_path / 'house.db'}"))
    migrated.make(built.database)
    yield built
    built.close()
