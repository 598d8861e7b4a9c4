"""What can be wrong with PostgreSQL: each fault has one clear message, and work goes on."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import create_engine, text

from lti_tool.errors import DatabaseError
from lti_tool.store import migrations
from lti_tool.store.database import Database, Limits, ping, require_writable
from tests.conftest import POSTGRES, free_port, missing
from tests.integration.faults.ground import Server, a_server, has_delivered, is_ready, said
from tests.integration.trust.running import Machine, Person, insist

QUICK = Limits(lock_s=0.3, statement_s=1.0)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if not POSTGRES:
        missing("PostgreSQL", "apt-get install postgresql")
    with a_server() as running:
        admin(running, "CREATE ROLE guest LOGIN PASSWORD 'right'")
        yield running


def admin(server: Server, *statements: str, database: str = "postgres") -> None:
    engine = create_engine(server.url(database), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()


@pytest.fixture
def name(server: Server, request: pytest.FixtureRequest) -> str:
    """The name of an empty database."""
    made = f"t{abs(hash(request.node.name)):x}"[:20]
    admin(server, f"CREATE DATABASE {made}")
    return made


def trouble(url: str) -> str:
    """Return what is said when a connection is tried."""
    database = Database(url, QUICK)
    with pytest.raises(DatabaseError) as caught, database.begin() as conn:
        ping(conn)
    database.close()
    return str(caught.value)


def test_wrong_addresses_users_and_names_are_told_apart(server: Server) -> None:
    away = Server(server.folder, free_port())
    assert "cannot be reached" in trouble(away.url())
    assert "host and port in database.url" in trouble(away.url())
    assert "refused our password or user" in trouble(server.url(password="wrong"))
    assert "refused our password or user" in trouble(server.url(user="nobody"))
    assert "no such database on the server" in trouble(server.url("missing"))
    elsewhere = server.url().replace("127.0.0.1", "no-such-host.invalid")
    assert "cannot be reached" in trouble(elsewhere)


def test_no_message_shows_the_password(server: Server) -> None:
    told = said(server.url(password="very-secret-word"), "db", "upgrade")
    assert "refused our password" in told
    assert "very-secret-word" not in told


def test_a_user_without_rights(server: Server, name: str) -> None:
    guest = Database(server.url(name, user="guest"), QUICK)
    with pytest.raises(DatabaseError, match="no right to do this"):
        migrations.upgrade(guest)
    owner = Database(server.url(name))
    migrations.upgrade(owner)
    admin(server, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest", database=name)
    migrations.require_head(guest)
    with pytest.raises(DatabaseError, match="no right to do this"):
        require_writable(guest)
    guest.close()
    owner.close()


def test_a_standby_takes_no_writes(server: Server, name: str) -> None:
    owner = Database(server.url(name))
    migrations.upgrade(owner)
    owner.close()
    admin(server, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    standby = Database(server.url(name))
    with pytest.raises(DatabaseError, match="takes no writes now"):
        require_writable(standby)
    standby.close()


def test_no_connection_is_left(server: Server, name: str) -> None:
    admin(server, "CREATE ROLE crowd LOGIN PASSWORD 'right' CONNECTION LIMIT 1")
    one = Database(server.url(name, user="crowd"))
    with one.read() as conn:
        ping(conn)
        assert "no free connection for us" in trouble(server.url(name, user="crowd"))
    one.close()


def test_our_own_connections_are_all_busy(server: Server, name: str) -> None:
    small = Database(server.url(name), Limits(lock_s=0.2, pool_size=2))
    with (
        small.read(),
        small.read(),
        pytest.raises(DatabaseError, match="All our connections"),
        small.read(),
    ):
        pass
    with small.read() as conn:
        ping(conn)
    small.close()


def test_a_statement_that_hangs_is_ended(server: Server, name: str) -> None:
    database = Database(server.url(name), QUICK)
    with pytest.raises(DatabaseError, match="took too long"), database.begin() as conn:
        conn.execute(text("SELECT pg_sleep(30)"))
    database.close()


def test_who_waits_too_long_for_a_lock_gives_up(server: Server, name: str) -> None:
    database = Database(server.url(name), QUICK)
    with database.begin() as conn:
        conn.execute(text("CREATE TABLE t (n int)"))
        conn.execute(text("INSERT INTO t VALUES (1), (2)"))
    with database.begin() as first:
        first.execute(text("SELECT n FROM t WHERE n = 1 FOR UPDATE"))
        with pytest.raises(DatabaseError, match="locked"), database.begin() as second:
            second.execute(text("SELECT n FROM t WHERE n = 1 FOR UPDATE"))
    database.close()


def test_of_two_changes_that_wait_for_each_other_one_is_taken_back(
    server: Server, name: str
) -> None:
    database = Database(server.url(name), Limits(lock_s=30.0))
    with database.begin() as conn:
        conn.execute(text("CREATE TABLE t (n int PRIMARY KEY, by int)"))
        conn.execute(text("INSERT INTO t VALUES (1, 0), (2, 0)"))
    meet, ends = threading.Barrier(2), []

    def change(first: int, second: int) -> None:
        try:
            with database.begin() as conn:
                conn.execute(text(f"UPDATE t SET by = {first} WHERE n = {first}"))
                meet.wait(10)
                conn.execute(text(f"UPDATE t SET by = {first} WHERE n = {second}"))
            ends.append("")
        except DatabaseError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=change, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won, lost = sorted(ends)
    assert won == ""
    assert "taken back" in lost
    with database.read() as conn:
        assert len(set(conn.execute(text("SELECT by FROM t")).scalars())) == 1
    database.close()


def test_two_first_starts_at_once_set_the_database_up_once(server: Server, name: str) -> None:
    databases = [Database(server.url(name)) for _ in range(3)]
    threads = [threading.Thread(target=migrations.upgrade, args=[d]) for d in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in databases:
        assert migrations.current(database) == migrations.head()
        database.close()


def test_the_server_is_restarted_in_the_middle_of_the_loop(server: Server, tmp_path: Path) -> None:
    """Pages say so and come back, the worker waits; nobody has to be restarted, nothing is lost."""
    admin(server, "CREATE DATABASE loop")
    machine = Machine(tmp_path, server.url("loop"))
    try:
        gardener = Person(machine, "gardener")
        gardener.launch()
        gardener.first_visit("GB")
        question = gardener.see("frage")
        server.stop()
        gone = gardener.http.get(f"{gardener.home}frage", timeout=20)
        assert gone.status_code == 503
        assert gone.headers["Retry-After"]
        assert 'name="roadmap-error" content="database-unavailable"' in gone.text
        assert "Traceback" not in gone.text
        ready = requests.get(f"{machine.places.tool}/readyz", timeout=20)
        assert ready.status_code == 503
        time.sleep(3)  # long enough for the worker to notice
        server.start()
        insist(lambda: is_ready(machine))
        assert gardener.see("frage").text.count("data-test") == question.text.count("data-test")
        gardener.answer_all()
        gardener.accept()
        insist(lambda: has_delivered(machine))
        assert all(p.poll() is None for p in machine.processes.values())
        assert "worker waits for the database" in machine.said("worker")
        assert "Traceback" not in machine.said("worker") + machine.said("web")
    finally:
        machine.stop()
