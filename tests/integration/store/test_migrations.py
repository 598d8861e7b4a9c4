"""Migrations: up, down, no drift, one head, on SQLite and PostgreSQL."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from lti_tool.errors import DatabaseError
from lti_tool.store import migrations
from lti_tool.store.database import Database
from lti_tool.store.schema import metadata


def test_an_empty_database_reaches_the_head_without_drift(database: Database) -> None:
    with database.engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    assert migrations.current(database) == migrations.head()


def test_there_is_exactly_one_head() -> None:
    assert len(ScriptDirectory.from_config(migrations._config()).get_heads()) == 1


def test_down_to_nothing_and_up_again(database: Database) -> None:
    migrations.downgrade(database, "base")
    assert set(inspect(database.engine).get_table_names()) <= {"alembic_version"}
    migrations.upgrade(database)
    assert set(inspect(database.engine).get_table_names()) >= set(metadata.tables)


def test_upgrading_twice_changes_nothing(database: Database) -> None:
    migrations.upgrade(database)
    assert migrations.current(database) == migrations.head()


def test_a_database_that_is_not_set_up_says_what_to_do(database_url: str) -> None:
    fresh = Database(database_url)
    with pytest.raises(DatabaseError, match="roadmap db upgrade"):
        migrations.require_head(fresh)
    fresh.close()


def test_a_database_from_the_future_is_refused(database: Database) -> None:
    with database.begin() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = 'from2099'"))
    with pytest.raises(DatabaseError, match="newer than this program"):
        migrations.require_head(database)
