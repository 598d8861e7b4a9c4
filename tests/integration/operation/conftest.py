"""Empty databases beside the one of the test."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

NewDatabase = Callable[[], str]


@pytest.fixture
def new_database(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Return what makes the URL of one more empty database of the same kind."""
    if database_url.startswith("sqlite"):
        return lambda: f"sqlite:///{tmp_path / uuid.uuid4().hex / 'new.db'}"
    server = request.getfixturevalue("postgres_server")

    def create() -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        admin = create_engine(f"{server}postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as conn:
            conn.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        return f"{server}{name}"

    return create
