"""Every statement has a name, slow ones are logged by it, and nothing of what they say is."""

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from structlog.testing import capture_logs

from lti_tool.store import migrations
from lti_tool.store.database import Database, Limits
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.schema.core import job
from lti_tool.store.troubles import explain

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SECRET = "Frau Mustermann"


@pytest.fixture
def database(tmp_path: Path) -> Any:
    made = Database(f"sqlite:///{tmp_path / 'q.db'}", Limits(slow_query_s=0.0))
    migrations.upgrade(made)
    yield made
    made.close()


def slow(logged: list[Any]) -> list[str]:
    return [line["where"] for line in logged if line["event"] == "slow query"]


def test_a_statement_is_named_after_the_function_that_sends_it(database: Database) -> None:
    sent = []
    event.listen(database.engine, "after_cursor_execute", lambda *a: sent.append(a[2]))
    with database.begin() as conn:
        SqlJobs(conn).enqueue("deliver", "all", {}, NOW)
    assert any(s.startswith("/* jobs.SqlJobs.enqueue */ INSERT INTO job") for s in sent)


def test_slow_statements_are_logged_by_name_and_never_with_a_value(database: Database) -> None:
    with capture_logs() as logged, database.begin() as conn:
        SqlJobs(conn).enqueue("deliver", SECRET, {"text": SECRET}, NOW)
        SqlJobs(conn).anything_due(NOW)
    assert {"jobs.SqlJobs.enqueue", "jobs.SqlJobs.anything_due"} <= set(slow(logged))
    assert SECRET not in json.dumps(logged)
    assert "INSERT" not in json.dumps(logged)


def test_nothing_quick_is_logged(tmp_path: Path) -> None:
    quick = Database(f"sqlite:///{tmp_path / 'q.db'}", Limits(slow_query_s=60.0))
    with capture_logs() as logged:
        migrations.upgrade(quick)
    assert slow(logged) == []
    quick.close()


def test_the_time_of_fetching_counts(tmp_path: Path) -> None:
    made = Database(f"sqlite:///{tmp_path / 'q.db'}", Limits(slow_query_s=0.05))
    migrations.upgrade(made)
    # The first row is there at once; the many others are looked for while they are fetched.
    numbers = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000)"
    with capture_logs() as logged, made.read() as conn:
        conn.execute(text(f"{numbers} SELECT x FROM n WHERE x = 1 OR x = 300000")).all()
    assert slow(logged) == ["unnamed"]
    made.close()


def test_a_driver_counts_rows_as_if_the_statement_had_no_name(database: Database) -> None:
    with database.begin() as conn:
        queue = SqlJobs(conn)
        for key in ("a", "b", "b"):
            queue.enqueue("refold", key, {}, NOW)
        leased = queue.lease("me", NOW, 4.0)
        assert leased is not None
        assert queue.renew(leased, "me", NOW, 4.0)
        assert not queue.renew(leased, "you", NOW, 4.0)
        assert len(conn.execute(select(job)).all()) == 2


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("53100", "The disk is full"),
        ("53200", "no memory left"),
        ("53300", "no free connection"),
        ("57P01", "starting or stopping"),
        ("57P03", "starting or stopping"),
        ("57014", "took too long"),
        ("40P01", "taken back"),
        ("40001", "taken back"),
        ("55P03", "locked"),
        ("25006", "takes no writes"),
        ("42501", "no right"),
        ("42P01", "not set up"),
        ("28P01", "refused our password"),
        ("3D000", "no such database"),
        ("08006", "connection to the database broke"),
        ("58030", "disk of the database"),
        ("XX001", "cannot be used now"),
    ],
)
def test_the_server_is_understood_by_its_code_in_every_language(code: str, words: str) -> None:
    class Said(psycopg.Error):
        sqlstate = code

    told = explain(OperationalError("SELECT secret", {"p": SECRET}, Said(f"FEHLER: {SECRET}")))
    assert told is not None
    assert words in str(told)
    assert SECRET not in str(told)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('FATAL:  password authentication failed for user "x"', "refused our password"),
        ("FATAL:  Passwort-Authentifizierung für Benutzer »x« fehlgeschlagen", "refused"),
        ('FATAL:  database "x" does not exist', "no such database"),
        ("FATAL:  Datenbank »x« existiert nicht", "no such database"),
        ("FATAL:  the database system is starting up", "starting or stopping"),
        ("FATAL:  sorry, too many clients already", "no free connection"),
        ("connection timeout expired", "cannot be reached"),
        ("connection refused", "cannot be reached"),
        ("[Errno -2] Name or service not known", "cannot be reached"),
    ],
)
def test_a_connection_that_was_never_made_is_understood_in_english_and_german(
    said: str, words: str
) -> None:
    told = explain(OperationalError("", {}, psycopg.OperationalError(said)))
    assert told is not None
    assert words in str(told)


def test_a_fault_of_ours_stays_one() -> None:
    assert explain(ProgrammingError("", {}, psycopg.errors.SyntaxError("x"))) is None
    assert explain(OperationalError("", {}, sqlite3.OperationalError('near "SELCT"'))) is None
