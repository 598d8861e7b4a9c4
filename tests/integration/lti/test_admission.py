"""Admission and keys in the database, on SQLite and PostgreSQL: one transaction, one winner."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, func, select

from lti_tool.errors import Conflict
from lti_tool.flows.admit import admit
from lti_tool.ports import Admitted, Arrival, TenantSettings
from lti_tool.seal import Seal
from lti_tool.store import keys, launches, platforms, refusals, tenants
from lti_tool.store.database import Database
from lti_tool.store.launches import SqlDoor
from lti_tool.store.learners import SqlLearners
from lti_tool.store.schema.core import identity, learner
from lti_tool.store.schema.lti import launch, nonce

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SEAL = Seal("s" * 32)


@pytest.fixture
def arrival(database: Database) -> Arrival:
    with database.begin() as conn:
        tenant = tenants.add(conn, "m", "Musterstadt", "HE", TenantSettings(), NOW)
        known = platforms.add(conn, tenant_id=tenant.id, **REGISTRATION)  # type: ignore[arg-type]
    return Arrival(known.id, tenant.id, "1", "LtiResourceLinkRequest", "4", "n1", False, "de", "/")


REGISTRATION = {
    "kind": "moodle",
    "issuer": "https://lms.example",
    "client_id": "c",
    "deployment_ids": ["1", "2"],
    "auth_url": "https://lms.example/auth",
    "token_url": "https://lms.example/token",
    "jwks_url": "https://lms.example/jwks",
    "now": NOW,
}


def count(database: Database, table: object) -> int:
    with database.read() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def together(work: list[object]) -> None:
    threads = [threading.Thread(target=one) for one in work]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_equal_launches_at_once_one_is_admitted(database: Database, arrival: Arrival) -> None:
    door, results = SqlDoor(database, SEAL), list[Admitted | None]()
    together([lambda: results.append(admit(door, arrival, NOW))] * 6)
    assert sum(result is not None for result in results) == 1
    assert (count(database, launch), count(database, learner)) == (1, 1)


def test_a_person_who_comes_twice_at_once_is_one_person(
    database: Database, arrival: Arrival
) -> None:
    door, results = SqlDoor(database, SEAL), list[Admitted | None]()
    arrivals = [replace(arrival, nonce=f"n{i}") for i in range(6)]
    together([lambda a=a: results.append(admit(door, a, NOW)) for a in arrivals])  # type: ignore[misc]
    assert all(results)
    assert (count(database, launch), count(database, learner)) == (6, 1)


def test_an_admission_that_fails_leaves_nothing(database: Database, arrival: Arrival) -> None:
    def broken(_conn: Connection, _arrival: Arrival, _learner: str, _now: datetime) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        admit(SqlDoor(database, SEAL, broken), arrival, NOW)
    assert [count(database, t) for t in (nonce, learner, identity, launch)] == [0, 0, 0, 0]
    assert admit(SqlDoor(database, SEAL), arrival, NOW)


def test_what_waited_for_a_person_is_replayed_once(database: Database, arrival: Arrival) -> None:
    replayed: list[str] = []

    def replay(_conn: Connection, came: Arrival, _learner: str, _now: datetime) -> None:
        replayed.append(came.subject)

    for n in range(3):
        admit(SqlDoor(database, SEAL, replay), replace(arrival, nonce=f"n{n}"), NOW)
    assert replayed == ["4"]


def test_another_name_is_kept_once_replays_what_waited_and_is_nobody_else_s(
    database: Database, arrival: Arrival
) -> None:
    replayed: list[str] = []

    def replay(_conn: Connection, _came: Arrival, learner_id: str, _now: datetime) -> None:
        replayed.append(learner_id)

    def come(n: int, **changes: str) -> None:
        came = replace(arrival, nonce=f"n{n}", **changes)  # type: ignore[arg-type]
        assert admit(SqlDoor(database, SEAL, replay), came, NOW)

    come(1)
    come(2, ident="4@u.ilias")
    come(3, ident="4@u.ilias")
    first = replayed[0]
    assert replayed == [first, first]
    # Somebody else with the same other name: it stays the first one's.
    come(4, ident="4@u.ilias", subject="5")
    assert len(replayed) == 3
    with database.read() as conn:
        mine = SqlLearners(conn, SEAL)
        idents = [mine.places(person)[0].idents for person in (first, replayed[2])]
    assert idents == [("4@u.ilias",), ()]


def test_two_tabs_at_once_keep_another_name_once(database: Database, arrival: Arrival) -> None:
    named = replace(arrival, ident="4@u.ilias")
    opened: list[Admitted | None] = []

    def tab(n: int) -> None:
        came = replace(named, nonce=f"n{n}")
        opened.append(admit(SqlDoor(database, SEAL), came, NOW))

    together([partial(tab, n) for n in range(6)])
    assert all(opened)
    assert len(opened) == 6
    # Her id, her other name, and its hash, under which statements may hide it.
    assert (count(database, identity), count(database, learner)) == (3, 1)


def test_a_platform_is_found_by_each_of_its_names(database: Database, arrival: Arrival) -> None:
    www = "https://www.lms.example"
    with database.begin() as conn:
        platforms.add_alias(conn, arrival.platform_id, www)
        (found,) = platforms.of_issuer(conn, www)
        assert (found.issuer, found.auth_url) == (www, f"{www}/auth")
        assert found.token_url == "https://lms.example/token"
        assert [p.issuer for p in platforms.of_issuer(conn, "https://lms.example")] == [
            "https://lms.example"
        ]
        assert platforms.of_issuer(conn, "https://lms.example.evil") == []
        platforms.remove_alias(conn, arrival.platform_id, www)
        assert platforms.of_issuer(conn, www) == []


def test_only_the_launchs_own_secret_opens_it(database: Database, arrival: Arrival) -> None:
    admitted = admit(SqlDoor(database, SEAL), arrival, NOW)
    assert admitted
    with database.read() as conn:
        opened = launches.find(conn, admitted.launch_id)
        assert launches.find(conn, "nothing") is None
    assert opened
    assert opened.admits(admitted.secret, SEAL)
    assert not opened.admits(admitted.secret[:-1] + "x", SEAL)
    assert admitted.secret not in repr(opened) + repr(admitted)


def test_who_blocks_a_platform_ends_its_launches(database: Database, arrival: Arrival) -> None:
    admitted = admit(SqlDoor(database, SEAL), arrival, NOW)
    assert admitted
    with database.begin() as conn:
        platforms.set_state(conn, arrival.platform_id, "blocked")
        opened = launches.find(conn, admitted.launch_id)
    assert opened
    assert not opened.running(NOW, idle_s=1800, absolute_s=28800)


def test_old_nonces_are_purged_and_young_ones_kept(database: Database, arrival: Arrival) -> None:
    admit(SqlDoor(database, SEAL), arrival, NOW)
    with database.begin() as conn:
        assert launches.purge(conn, NOW + timedelta(minutes=30)) == 0
        assert launches.consumed(conn, SEAL, "n1")
        assert launches.purge(conn, NOW + timedelta(hours=2)) == 1


def test_an_issuer_and_client_are_registered_once(database: Database, arrival: Arrival) -> None:
    with database.begin() as conn, pytest.raises(Conflict):
        platforms.add(conn, tenant_id=arrival.tenant_id, **REGISTRATION)  # type: ignore[arg-type]


def test_deployments_that_wait_come_first_and_are_bounded(
    database: Database, arrival: Arrival
) -> None:
    with database.begin() as conn:
        known = platforms.get(conn, arrival.platform_id)
        noted = [platforms.note_pending(conn, known, f"x{n}", NOW) for n in range(110)]
        assert sum(noted) == platforms.MAX_PENDING
        assert not platforms.note_pending(conn, known, "1", NOW)
        assert platforms.deployments(conn)[0].state == "pending"


def test_a_claim_to_fetch_is_won_once(database: Database) -> None:
    shelf, won = keys.KeyShelf(database), list[bool]()
    shelf.put("https://k", ({"kid": "a", "n": "x", "e": "y"},), NOW)
    later = NOW + timedelta(seconds=60)
    before = later - timedelta(seconds=30)
    together([lambda: won.append(shelf.claim("https://k", before, later))] * 5)
    assert sorted(won) == [False] * 4 + [True]
    found = shelf.look("https://k")
    assert found
    assert (found.fetched, found.tried) == (NOW, later)


def test_the_tools_key_is_sealed_and_stays(database: Database) -> None:
    with database.begin() as conn:
        first = keys.active(conn, SEAL, NOW)
    with database.begin() as conn:
        assert keys.active(conn, SEAL, NOW) == first
        row = conn.exec_driver_sql("SELECT * FROM tool_key").one()
    assert "PRIVATE" not in str(row)
    assert first.kid in str(row)


def test_refusals_are_counted_by_code_and_day(database: Database) -> None:
    with database.begin() as conn:
        for _ in range(3):
            refusals.count(conn, "token-expired", "", NOW, 1.5)
        refusals.count(conn, "token-expired", "", NOW - timedelta(days=2), None)
        assert refusals.since(conn, "2026-11-23") == {"token-expired": 3}
