"""What can be wrong with a SQLite file: each fault has one clear message, and nothing is lost."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lti_tool.errors import DatabaseError
from lti_tool.flows import assess
from lti_tool.store import migrations
from lti_tool.store.database import Database, Limits, ping
from tests.conftest import settings_for
from tests.integration.faults.ground import checked, command, said
from tests.pages.scene import Stage

IMPATIENT = Limits(lock_s=0.2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A database that is set up."""
    folder = tmp_path / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'roadmap.db'}")
    migrations.upgrade(database)
    database.close()
    return folder / "roadmap.db"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(
        settings_for(f"sqlite:///{tmp_path / 'web.db'}", ROADMAP__DATABASE__LOCK_TIMEOUT_S="0.2")
    )
    yield made
    made.close()


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    told = said(url_of(closed / "new" / "roadmap.db"), "db", "upgrade")
    assert f"{closed / 'new' / 'roadmap.db'} cannot be made (Permission denied)" in told
    assert "the service's user may write in the folder" in told


def test_a_read_only_folder_without_a_file(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    told = said(url_of(closed / "roadmap.db"), "db", "upgrade")
    assert "roadmap.db cannot be made (Permission denied)" in told


def test_a_read_only_file(file: Path) -> None:
    file.chmod(0o444)
    found = checked(url_of(file))
    assert not found["ok"]
    assert found["message"] == "The database file cannot be written."
    assert "the file and its folder" in found["remedy"]


def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    assert "cannot be opened" in said(url_of(tmp_path), "db", "upgrade")


def test_something_that_is_no_database(tmp_path: Path) -> None:
    letter = tmp_path / "roadmap.db"
    letter.write_text("Sehr geehrte Damen und Herren, " * 400)
    told = said(url_of(letter), "db", "upgrade")
    assert "is damaged or is no SQLite database" in told
    assert "restore a backup" in told
    assert letter.read_text().startswith("Sehr geehrte")


def test_a_file_with_a_hole(file: Path) -> None:
    with file.open("r+b") as damaged:
        damaged.seek(4096)
        damaged.write(os.urandom(file.stat().st_size - 4096))
    found = checked(url_of(file))
    assert not found["ok"]
    assert "damaged" in found["message"]


def test_a_database_that_is_not_set_up(tmp_path: Path) -> None:
    told = said(url_of(tmp_path / "new.db"), "serve")
    assert "not set up" in told
    assert "roadmap db upgrade" in told


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("71d98b9dc17c", "Run `roadmap db upgrade`"),
        ("from2099", "Install the program version that belongs to it"),
    ],
)
def test_too_old_or_too_new(file: Path, revision: str, words: str) -> None:
    with sqlite3.connect(file) as conn:
        conn.execute("UPDATE alembic_version SET version_num = ?", [revision])
    conn.close()
    assert words in said(url_of(file), "serve")


def test_an_upgrade_of_a_database_from_the_future_changes_nothing(file: Path) -> None:
    with sqlite3.connect(file) as conn:
        conn.execute("UPDATE alembic_version SET version_num = 'from2099'")
    conn.close()
    assert "newer than this program" in said(url_of(file), "db", "upgrade")


def test_a_file_that_vanishes_is_noticed_and_works_again_when_it_is_back(stage: Stage) -> None:
    file = Path(stage.house.database.url.database or "")
    visitor = stage.ready("GB")
    assert stage.client(visitor).get(visitor.home).status_code == 200
    aside = file.with_name("aside.db")
    file.rename(aside)
    for method in ("get", "post"):
        gone = getattr(stage.client(visitor), method)(f"{visitor.home}frage")
        assert gone.status_code == 503
        assert 'content="database-unavailable"' in gone.text
    assert not file.exists()  # nothing begins anew without anybody noticing
    aside.rename(file)
    assert stage.client(visitor).get(visitor.home).status_code == 200


def test_a_backup_put_in_its_place_is_used_without_a_restart(stage: Stage, tmp_path: Path) -> None:
    visitor = stage.assessed("GB", most=2)
    file = Path(stage.house.database.url.database or "")
    copy = tmp_path / "copy.db"
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    assess.answer(stage.s, stage.learner(visitor), 3, {"dont_know": True}, stage.now)
    for rest in (f"{file}-wal", f"{file}-shm"):
        Path(rest).unlink(missing_ok=True)
    shutil.move(copy, file)
    assert assess.state(stage.s, stage.learner(visitor)).answered == 2


def test_somebody_else_holds_the_lock(stage: Stage) -> None:
    visitor = stage.assessed("GB", most=2)
    client, form = stage.client(visitor), {"csrf": stage.csrf(visitor), "do": "dont_know"}
    file = Path(stage.house.database.url.database or "")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    refused = client.post(f"{visitor.home}frage", data={**form, "position": "3"})
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert client.get(f"{visitor.home}frage").status_code == 200  # reading goes on
    other.execute("ROLLBACK")
    other.close()
    answered = client.post(f"{visitor.home}frage", data={**form, "position": "3"})
    assert answered.status_code == 303
    assert assess.state(stage.s, stage.learner(visitor)).answered == 3


def test_a_lock_is_told_in_our_words(file: Path) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = Database(url_of(file), IMPATIENT)
    with pytest.raises(DatabaseError, match="locked by another process"), database.begin() as conn:
        ping(conn)
    other.close()
    database.close()


def test_readyz_says_what_is_wrong(stage: Stage) -> None:
    file = Path(stage.house.database.url.database or "")
    file.rename(file.with_name("aside.db"))
    answer = stage.client().get("/readyz")
    assert answer.status_code == 503
    assert "There is no database file" in answer.text
    file.with_name("aside.db").rename(file)


def test_two_first_starts_at_once_set_the_database_up_once(tmp_path: Path) -> None:
    url, ends = url_of(tmp_path / "new.db"), []
    threads = [
        threading.Thread(target=lambda: ends.append(command(url, "db", "upgrade")))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [done.returncode for done in ends] == [0, 0, 0], [done.stderr for done in ends]
