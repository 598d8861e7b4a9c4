"""The tool's own keys: published before they sign and after, sealed, changed without a failure."""

from datetime import UTC, datetime, timedelta

import pytest

from lti_tool.seal import Seal
from lti_tool.store import keys
from lti_tool.store.database import Database
from tests.integration.lti.test_admission import together

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
SEAL = Seal("a secret key of the test, long enough for it")
HOUR = timedelta(hours=1)


def state(database: Database) -> list[str]:
    with database.read() as conn:
        return [key.state for key in keys.states(conn)]


def advance(database: Database, now: datetime) -> list[str]:
    with database.begin() as conn:
        return [what for _, what in keys.advance(conn, now)]


def signing(database: Database, now: datetime) -> str:
    with database.begin() as conn:
        return keys.active(conn, SEAL, now).kid


def published(database: Database) -> set[str]:
    with database.read() as conn:
        return {jwk["kid"] for jwk in keys.published(conn)}


def prepared(database: Database, now: datetime) -> str:
    with database.begin() as conn:
        return "".join(kid for kid, _state in keys.prepare(conn, SEAL, now))


def test_Y11_a_new_key_is_published_an_hour_before_it_signs(database: Database) -> None:
    old = signing(database, NOW)
    new = prepared(database, NOW)
    assert published(database) == {old, new}
    assert advance(database, NOW + HOUR - timedelta(seconds=1)) == []
    assert signing(database, NOW) == old
    assert advance(database, NOW + HOUR) == ["active", "retiring"]
    assert signing(database, NOW) == new


def test_Y10_an_old_key_stays_published_for_a_day_after_it_signed_last(database: Database) -> None:
    old, new = signing(database, NOW), prepared(database, NOW)
    advance(database, NOW + HOUR)
    advance(database, NOW + HOUR + timedelta(hours=24, minutes=1))
    assert published(database) == {old, new}
    assert advance(database, NOW + HOUR + keys.PUBLISHED_AFTER) == ["removed"]
    assert published(database) == {new}


def test_only_one_key_waits_to_be_used(database: Database) -> None:
    signing(database, NOW)
    assert prepared(database, NOW)
    assert prepared(database, NOW + HOUR) == ""


def test_the_first_key_signs_at_once(database: Database) -> None:
    first = prepared(database, NOW)
    assert signing(database, NOW) == first


def test_stolen_keys_are_gone_at_once(database: Database) -> None:
    old, new = signing(database, NOW), prepared(database, NOW)
    with database.begin() as conn:
        keys.replace_at_once(conn, SEAL, NOW)
    assert len(published(database)) == 1
    assert not published(database) & {old, new}


def test_Y12_no_private_part_lies_open(database: Database) -> None:
    signing(database, NOW)
    prepared(database, NOW)
    with database.read() as conn:
        rows = conn.exec_driver_sql("SELECT * FROM tool_key").all()
        listed = keys.published(conn)
    assert "PRIVATE" not in str(rows)
    assert not any({"d", "p", "q"} & set(jwk) for jwk in listed)


@pytest.mark.parametrize("round_", range(3))
def test_workers_that_turn_the_ring_together_leave_one_key_signing(
    database: Database, round_: int
) -> None:
    signing(database, NOW)
    together([lambda: prepared(database, NOW)] * 4)
    together([lambda: advance(database, NOW + HOUR)] * 4)
    assert sorted(state(database)) == ["active", "retiring"]
