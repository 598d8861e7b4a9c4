"""UPGRADE.md, walked: from the first version of the tables, with a town in them, to this one."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, Table, func, insert, select

from lti_tool.settings import ROOT
from lti_tool.store import migrations
from lti_tool.store.database import Database
from tests.integration.operation.conftest import NewDatabase

GUIDE = (ROOT / "UPGRADE.md").read_text(encoding="utf-8")
FIRST = ScriptDirectory.from_config(migrations._config()).get_base()
NOW_US = 1_790_000_000_000_000


class Old:
    """A service whose database is at the first revision, and in use after `settle`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.database = Database(url)

    def elsewhere(self, url: str) -> "Old":
        return Old(url, self.folder)

    def table(self, name: str) -> Table:
        return Table(name, MetaData(), autoload_with=self.database.engine)

    def settle(self) -> None:
        """Put a tenant and two learners in, as the columns of that time were."""
        assert FIRST is not None
        migrations.upgrade(self.database, FIRST)
        with self.database.begin() as conn:
            tenant = self.table("tenant")
            conn.execute(insert(tenant).values(_row(tenant, id="t1", key="musterstadt")))
            learner = self.table("learner")
            for number in ("l1", "l2"):
                conn.execute(insert(learner).values(_row(learner, id=number, tenant_id="t1")))

    def count(self, name: str) -> int:
        with self.database.read() as conn:
            return int(
                conn.execute(select(func.count()).select_from(self.table(name))).scalar_one()
            )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environ = dict(os.environ) | {
            "ROADMAP__DATABASE__URL": self.url,
            "ROADMAP__LOGS__FORMAT": "json",
        }
        return subprocess.run(
            [sys.executable, "-m", "lti_tool", *command],
            env=environ,
            cwd=ROOT,
            capture_output=True,
            text=True,
        )


def _row(table: Table, **given: object) -> dict[str, object]:
    """Fill what may not be empty, by type."""
    kinds: dict[type, object] = {
        int: NOW_US,
        str: "x",
        bool: False,
        dict: {},
        object: {},
        float: 0.0,
    }
    for column in table.columns:
        if column.name not in given and not column.nullable and column.server_default is None:
            given[column.name] = kinds[column.type.python_type]
    return given


@pytest.fixture
def old(database_url: str, tmp_path: Path) -> Iterator[Old]:
    service = Old(database_url, tmp_path)
    service.settle()
    yield service
    service.database.close()


def test_a_new_program_on_old_tables_starts_nothing_and_says_what_to_do(old: Old) -> None:
    for command in (["worker", "--once"], ["check"]):
        done = old.run(*command)
        assert done.returncode == 1, command
        assert "roadmap db upgrade" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_the_upgrade_of_the_guide_keeps_everything(old: Old) -> None:
    assert old.run("db", "current").returncode == 1
    done = old.run("db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert old.run("db", "current").returncode == 0
    assert (old.count("tenant"), old.count("learner")) == (1, 2)
    assert old.run("worker", "--once").returncode == 0


def test_the_backup_before_it_is_made_with_the_old_program_or_the_new(
    old: Old, new_database: NewDatabase, tmp_path: Path
) -> None:
    copy = tmp_path / "before.backup"
    done = old.run("db", "backup", str(copy))
    assert done.returncode == 0, done.stderr
    # Brought back by the new program it is at the new revision, with everybody in it.
    again = old.elsewhere(new_database())
    done = again.run("db", "restore", str(copy))
    assert done.returncode == 0, done.stderr
    assert again.run("db", "current").returncode == 0
    assert again.count("learner") == 2
    again.database.close()


def test_every_command_of_the_guide_was_walked_here() -> None:
    walked = {"roadmap db backup", "roadmap db upgrade", "roadmap check", "roadmap db current"}
    typed = set(re.findall(r"roadmap (?:db )?[a-z]+", GUIDE))
    assert walked <= typed
