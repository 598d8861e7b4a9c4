"""Migrations: up, down, no drift, one head, on SQLite and PostgreSQL."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from competency.soll import State, in_force
from lti_tool.errors import DatabaseError
from lti_tool.store import migrations
from lti_tool.store.database import Database
from lti_tool.store.schema import metadata
from lti_tool.store.soll import SqlSoll


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


def test_roles_that_were_confirmed_come_out_as_approved_versions(database: Database) -> None:
    migrations.downgrade(database, "c3f08a51d7e4")
    settings = {"ags": True, "confirmed_roles": ["GB", "GIBTSNICHT"]}
    row = {"id": "t", "key": "t", "name": "T", "land": "HE", "created_us": 1}
    tenants = sa.table("tenant", *(sa.column(n) for n in row), sa.column("settings", sa.JSON))
    with database.begin() as conn:
        conn.execute(sa.insert(tenants).values(**row, settings=settings))
    migrations.upgrade(database)
    with database.read() as conn:
        (found,) = SqlSoll(conn).versions("t")
        kept = conn.execute(sa.select(tenants.c.settings)).scalar_one()
    assert (found.role, found.number, found.state) == ("GB", 1, State.APPROVED)
    today = datetime.now(UTC).date()
    assert in_force([found], today)["GB"].steps["1.3"] == 3  # level 2 is entered at step 3
    assert "K.1" not in found.steps
    assert kept == {"ags": True}
