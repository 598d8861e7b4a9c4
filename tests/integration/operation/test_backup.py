"""A backup taken while people work is brought back elsewhere: who goes on, who stays gone."""

import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Connection, func, select

from lti_tool import restoring
from lti_tool.bootstrap import House, build
from lti_tool.cli import cli
from lti_tool.flows import assess, persons, roles
from lti_tool.ports import Delivery, Learner, TenantSettings
from lti_tool.restoring import Restored, restore
from lti_tool.seal import SealBroken
from lti_tool.store import backup, migrations, tenants
from lti_tool.store.backup import BackupFailed
from lti_tool.store.database import Database, us
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.schema import core, lti
from tests import registered
from tests.conftest import NOW, settings_for
from tests.integration.operation.conftest import NewDatabase
from tests.unit.flows.test_the_arrows import some_response

LATER = NOW + timedelta(hours=5)


@dataclass
class Town:
    """A house in use, with a list of erasures that outlives its database."""

    house: House
    log: Path
    tenant_id: str

    def newcomer(self) -> Learner:
        learner_id = str(uuid.uuid4())
        row = {"id": learner_id, "tenant_id": self.tenant_id, "language": "de", "roles": []}
        with self.house.database.begin() as conn:
            seen = {"created_us": us(NOW), "last_seen_us": us(NOW)}
            conn.execute(core.learner.insert().values(**row, **seen))
        return roles.choose(self.house.flows, Learner(learner_id, self.tenant_id), ("GB",), NOW)

    def delivery(self, kind: str, learner: Learner) -> str:
        made = Delivery(
            str(uuid.uuid4()), self.tenant_id, learner.id, kind, "x", f"{kind}-1", {"score": 0.2}
        )
        with self.house.store.begin() as work:
            work.outbox.put(made, NOW)
        return made.id


@pytest.fixture
def town(database_url: str, tmp_path: Path) -> Iterator[Town]:
    log = tmp_path / "erased"
    house = build(settings_for(database_url, ROADMAP__PRIVACY__ERASURE_LOG=str(log)))
    migrations.upgrade(house.database)
    with house.database.begin() as conn:
        tenant = tenants.add(conn, "t", "T", "HE", TenantSettings(), NOW)
    yield Town(house, log, tenant.id)
    house.close()


def answer_some(house: House, learner: Learner, number: int) -> None:
    assess.start(house.flows, learner, NOW)
    for _ in range(number):
        question = assess.open_question(house.flows, learner, NOW)
        assert question is not None
        response = some_response(question.item, question.position)
        assess.answer(house.flows, learner, question.position, response, NOW)


def brought_back(town: Town, url: str, file: Path) -> tuple[House, Restored]:
    config = settings_for(url)
    report = restore(config, file, town.log, LATER)
    return build(config), report


def test_a_learner_goes_on_where_she_was(
    town: Town, new_database: NewDatabase, tmp_path: Path
) -> None:
    learner = town.newcomer()
    answer_some(town.house, learner, 4)
    before = assess.open_question(town.house.flows, learner, NOW)
    backup.backup(town.house.database, tmp_path / "copy")
    answer_some(town.house, learner, 2)  # lost: they came after the backup
    new, _ = brought_back(town, new_database(), tmp_path / "copy")
    try:
        assert migrations.current(new.database) == migrations.head()
        assert assess.open_question(new.flows, learner, LATER) == before
        answer_some(new, learner, 1)
        assert assess.state(new.flows, learner).answered == 5
    finally:
        new.close()


def test_who_was_erased_since_stays_erased(
    town: Town, new_database: NewDatabase, tmp_path: Path
) -> None:
    leaver, stayer = town.newcomer(), town.newcomer()
    answer_some(town.house, leaver, 3)
    answer_some(town.house, stayer, 3)
    backup.backup(town.house.database, tmp_path / "copy")
    persons.erase(town.house.flows, leaver, f"learner:{leaver.id}", NOW)
    assert restoring.note_erasures(town.house) == 1
    assert restoring.note_erasures(town.house) == 0  # once each, however often the job runs
    assert leaver.id not in town.log.read_text()
    new, report = brought_back(town, new_database(), tmp_path / "copy")
    try:
        with new.database.read() as conn:
            assert list(conn.execute(select(core.learner.c.id)).scalars()) == [stayer.id]
            answers = select(func.count()).where(core.question.c.learner_id == leaver.id)
            assert conn.execute(answers).scalar_one() == 0
        assert report.erased == 1
        assert report.log_found
    finally:
        new.close()


def test_what_would_harm_when_sent_twice_is_held(
    town: Town, new_database: NewDatabase, tmp_path: Path
) -> None:
    learner = town.newcomer()
    score, plan, statements = (town.delivery(k, learner) for k in ("score", "plan", "statements"))
    backup.backup(town.house.database, tmp_path / "copy")
    new, report = brought_back(town, new_database(), tmp_path / "copy")
    try:
        with new.database.read() as conn:
            rows = conn.execute(select(core.outbox.c.id, core.outbox.c.state))
            assert {r.id: r.state for r in rows} == {
                score: "dead",
                plan: "dead",
                statements: "pending",
            }
            held = {row["id"] for row in SqlOutbox(conn, new.seal).stuck()}  # `roadmap outbox list`
        assert held == {score, plan}
        assert report.held == 2
    finally:
        new.close()


def test_nobody_is_logged_in_and_no_job_belongs_to_a_dead_worker(
    town: Town, new_database: NewDatabase, tmp_path: Path
) -> None:
    with town.house.store.begin() as work:
        work.jobs.enqueue("purge", "all", {}, NOW)
    with town.house.database.begin() as conn:
        conn.execute(core.job.update().values(state="running", lease_owner="dead"))
    backup.backup(town.house.database, tmp_path / "copy")
    new, _ = brought_back(town, new_database(), tmp_path / "copy")
    try:
        with new.database.read() as conn:
            assert conn.execute(select(core.job.c.state)).scalars().all() == ["waiting"]
            assert not conn.execute(select(lti.launch).where(lti.launch.c.ended_us.is_(None))).all()
            restored = select(core.audit.c.actor).where(core.audit.c.action == "db.restore")
            assert conn.execute(restored).scalars().all() == ["cli"]
    finally:
        new.close()


def test_a_copy_is_for_its_owner_and_replaces_nothing(town: Town, tmp_path: Path) -> None:
    backup.backup(town.house.database, tmp_path / "copy")
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o600
    with pytest.raises(BackupFailed, match="is there already"):
        backup.backup(town.house.database, tmp_path / "copy")
    with pytest.raises(BackupFailed, match="cannot be written"):
        backup.backup(town.house.database, tmp_path / "nowhere" / "copy")


def test_a_database_in_use_is_never_overwritten(town: Town, tmp_path: Path) -> None:
    town.newcomer()
    backup.backup(town.house.database, tmp_path / "copy")
    with pytest.raises(BackupFailed) as refused:
        restore(town.house.settings, tmp_path / "copy", town.log, LATER)
    assert refused.value.remedy


def test_a_broken_copy_leaves_nothing_behind(
    town: Town, new_database: NewDatabase, tmp_path: Path
) -> None:
    (tmp_path / "copy").write_bytes(b"SQLite format 3\0" + b"\0" * 5000)
    config = settings_for(new_database())
    with pytest.raises(BackupFailed):
        restore(config, tmp_path / "copy", None, LATER)
    if town.house.database.sqlite:
        assert not list(Path(config.database.url.removeprefix("sqlite:///")).parent.iterdir())


def test_another_secret_is_noticed_before_anybody_uses_it(
    town: Town, new_database: NewDatabase, tmp_path: Path
) -> None:
    learner = town.newcomer()
    with town.house.database.begin() as conn:
        _identity(town, conn, learner)
    backup.backup(town.house.database, tmp_path / "copy")
    other = settings_for(new_database(), ROADMAP__SECURITY__SECRET_KEY="another" * 6)
    with pytest.raises(SealBroken, match="cannot be opened"):
        restore(other, tmp_path / "copy", None, LATER)


def _identity(town: Town, conn: Connection, learner: Learner) -> None:
    place = registered.moodle(conn, town.tenant_id, "https://m.example", NOW)
    row = {"platform_id": place.id, "kind": "sub", "digest": "d" * 64, "verified_by": "launch"}
    ids = {"tenant_id": town.tenant_id, "learner_id": learner.id, "created_us": us(NOW)}
    conn.execute(core.identity.insert().values(**row, **ids, sealed=town.house.seal.seal("4")))


def test_the_commands_say_what_to_keep_and_what_was_done(
    town: Town, new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, file = CliRunner(), str(tmp_path / "copy")
    monkeypatch.setenv("ROADMAP__DATABASE__URL", town.house.settings.database.url)
    made = run.invoke(cli, ["db", "backup", file])
    assert made.exit_code == 0, made.output
    assert "secret_key" in made.output
    monkeypatch.setenv("ROADMAP__DATABASE__URL", new_database())
    done = run.invoke(cli, ["db", "restore", file, "--erased", str(tmp_path / "none")])
    assert done.exit_code == 0, done.output
    assert "0 erased again" in done.output
    assert "no list of erasures" in done.output


def test_an_online_copy_holds_whole_transactions_only(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'busy.db'}")
    migrations.upgrade(database)
    for number in range(5):
        with database.begin() as conn:
            tenants.add(conn, f"a{number}", "A", "HE", TenantSettings(), NOW)
            backup.backup(database, tmp_path / f"copy{number}")
            tenants.add(conn, f"b{number}", "B", "HE", TenantSettings(), NOW)
        copy = Database(f"sqlite:///{tmp_path / f'copy{number}'}")
        with copy.read() as conn:
            keys = {t.key for t in tenants.listed(conn)}
        copy.close()
        assert keys == {f"{half}{n}" for n in range(number) for half in "ab"}
    database.close()
