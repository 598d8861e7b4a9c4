"""Keys of the embedded LRS: made, listed and revoked by an admin; each opens what it is for."""

import json
import stat
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask

from lti_tool.cli import cli
from lti_tool.seal import Seal
from lti_tool.store import xapi_keys
from lti_tool.store.audit import page
from lti_tool.store.database import Database
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.xapi import blueprint
from lti_tool.web.xapi.senders import limit
from tests.integration.xapi.site import (
    SECRET,
    Site,
    build_site,
    house_of,
    now,
    serve,
    statement_of,
)

AGENT = json.dumps({"mbox": "mailto:a@x.example"})
PROFILE = {"agent": AGENT, "profileId": "p"}
Roadmap = Callable[..., Result]


def made(site: Site, scope: str) -> tuple[str, str]:
    with site.database.begin() as conn:
        return xapi_keys.new_credential(conn, site.tenant_id, scope, now())


# --- what a key opens -----------------------------------------------------------------------------

ASKED: dict[str, Callable[[Site, Any], Any]] = {
    "write": lambda site, auth: site.post(statement_of(), auth=auth),
    "read": lambda site, auth: site.ask("GET", auth=auth),
    "know": lambda site, auth: site.ask("GET", "agents", params={"agent": AGENT}, auth=auth),
    "get": lambda site, auth: site.ask("GET", "agents/profile", params=PROFILE, auth=auth),
    "put": lambda site, auth: site.ask(
        "PUT",
        "agents/profile",
        params=PROFILE,
        data=b"x",
        headers={"If-None-Match": "*"},
        auth=auth,
    ),
    "delete": lambda site, auth: site.ask("DELETE", "agents/profile", params=PROFILE, auth=auth),
}
OPENS = {
    "write": {"write"},
    "mine": {"write", "read"},
    "read": {"read", "know", "get"},
    "all": set(ASKED),
}


@pytest.mark.parametrize("scope", OPENS)
def test_a_key_opens_what_it_is_for_and_nothing_else(site: Site, scope: str) -> None:
    auth = made(site, scope)
    for name, ask in ASKED.items():
        status = ask(site, auth).status_code
        assert (status == 403) == (name not in OPENS[scope]), (scope, name, status)


def test_who_reads_only_her_own_sees_nothing_of_others(site: Site) -> None:
    mine, other = made(site, "mine"), made(site, "mine")
    (own,) = site.post(statement_of("4"), auth=mine).json()
    (foreign,) = site.post(statement_of("5"), auth=other).json()
    site.post(statement_of("6"))
    assert [s["id"] for s in site.ask("GET", auth=mine).json()["statements"]] == [own]
    for params, status in (({"statementId": own}, 200), ({"statementId": foreign}, 404)):
        assert site.ask("GET", params=params, auth=mine).status_code == status
    site.post(statement_of("4"), statement_of("4"), auth=mine)
    more = site.ask("GET", params={"limit": 1}, auth=mine).json()["more"].removeprefix("/xapi/")
    rest = site.ask("GET", more, auth=mine).json()["statements"]
    assert len(rest) == 1
    # A link of somebody who reads everything shows no more to who reads only her own.
    more = site.ask("GET", params={"limit": 1}).json()["more"].removeprefix("/xapi/")
    seen = site.ask("GET", more, auth=mine).json()["statements"]
    assert {s["authority"]["account"]["name"] for s in seen} == {mine[0]}


def test_the_authority_tells_which_key_it_was(site: Site) -> None:
    auth = made(site, "write")
    (sent,) = site.post(statement_of(), auth=auth).json()
    got = site.ask("GET", params={"statementId": sent}).json()
    assert got["authority"] == {
        "objectType": "Agent",
        "account": {"homePage": site.origin, "name": auth[0]},
    }


# --- how often ------------------------------------------------------------------------------------


@pytest.fixture
def strict(lrs_database: Database) -> Iterator[Site]:
    """A store that lets a key ask five times a minute."""
    app = Flask("lrs")
    app.register_blueprint(blueprint)
    app.extensions |= limit(RefusalLimit(5), RefusalLimit(3))
    server, origin = serve(app)
    app.extensions["roadmap"] = house_of(lrs_database, Seal(SECRET), origin)
    yield build_site(lrs_database, origin)
    server.close()


def test_who_asks_too_often_is_told_when_to_come_again(strict: Site) -> None:
    other = made(strict, "all")
    statuses = [strict.ask("GET").status_code for _ in range(11)]
    assert 5 <= statuses.count(200) <= 10, "a minute may have ended in between"
    answer = next(a for a in (strict.ask("GET") for _ in range(11)) if a.status_code == 429)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert strict.ask("GET", auth=other).status_code == 200, "the limit is of each key"


def test_who_guesses_secrets_is_slowed_down_and_who_knows_one_is_not(strict: Site) -> None:
    assert strict.ask("GET").status_code == 200
    guesses = [strict.ask("GET", auth=(strict.key, "x")).status_code for _ in range(8)]
    assert set(guesses) == {401, 429}
    assert strict.ask("GET").status_code == 200


# --- the command line -----------------------------------------------------------------------------


@pytest.fixture
def roadmap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Roadmap:
    monkeypatch.setenv("ROADMAP__DATABASE__URL", f"sqlite:///{tmp_path / 'lrs.db'}")

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, words)

    run("db", "upgrade")
    run("tenant", "add", "musterstadt", "--name", "Musterstadt")
    return run


def test_an_admin_makes_lists_and_revokes_keys(roadmap: Roadmap, tmp_path: Path) -> None:
    out = tmp_path / "key.txt"
    words = ("lrs", "key", "--tenant", "musterstadt", "--scope", "write", "--out", str(out))
    done = roadmap(*words, "--name", "Moodle")
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    said = dict(line.split(" ", 1) for line in out.read_text().splitlines())
    assert said["secret"] not in done.output

    def listed() -> list[dict[str, str]]:
        found = roadmap("lrs", "key", "list", "--tenant", "musterstadt", "--json").output
        keys: list[dict[str, str]] = json.loads(found)["keys"]
        return keys

    (key,) = listed()
    assert (key["key"], key["scope"], key["name"]) == (said["key"], "write", "Moodle")
    assert (key["used"], key["revoked"]) == ("never", "")
    assert roadmap(*words).exit_code != 0, "the file is there: no second key without a secret"
    assert len(listed()) == 1
    revoke = ("lrs", "key", "revoke", said["key"], "--tenant", "musterstadt")
    assert roadmap(*revoke).exit_code == 0
    assert listed()[0]["revoked"]
    again = roadmap(*revoke)
    assert again.exit_code != 0
    assert "no such key in use" in str(again.exception)
    assert roadmap("lrs", "key", "--tenant", "musterstadt").exit_code == 2


def test_a_revoked_key_opens_nothing_at_once_and_its_statements_stay(site: Site) -> None:
    auth = made(site, "all")
    assert site.post(statement_of(), auth=auth).status_code == 200
    with site.database.begin() as conn:
        keys = xapi_keys.SqlLrsKeys(conn)
        keys.revoke(site.tenant_id, auth[0], now())
    assert site.ask("GET", auth=auth).status_code == 401
    assert len(site.ask("GET").json()["statements"]) == 1
    with site.database.read() as conn:
        (row,) = [k for k in xapi_keys.SqlLrsKeys(conn).listed(site.tenant_id) if k.revoked]
    assert row.used is not None
    assert now() - row.used < timedelta(minutes=5)


def test_a_key_of_another_town_cannot_be_revoked(site: Site) -> None:
    stranger = build_site(site.database, site.origin)
    with pytest.raises(Exception, match="no such key"), site.database.begin() as conn:
        xapi_keys.SqlLrsKeys(conn).revoke(stranger.tenant_id, site.key, now())
    assert site.ask("GET").status_code == 200


def test_what_is_done_with_keys_is_audited_without_a_secret(
    roadmap: Roadmap, tmp_path: Path
) -> None:
    out = tmp_path / "key.txt"
    roadmap("lrs", "key", "--tenant", "musterstadt", "--scope", "all", "--out", str(out))
    said = dict(line.split(" ", 1) for line in out.read_text().splitlines())
    roadmap("lrs", "key", "revoke", said["key"], "--tenant", "musterstadt")
    database = Database(f"sqlite:///{tmp_path / 'lrs.db'}")
    try:
        with database.read() as conn:
            from sqlalchemy import select

            from lti_tool.store.schema.core import tenant

            tenant_id = conn.execute(select(tenant.c.id)).scalar_one()
            entries = page(conn, tenant_id, 10)
    finally:
        database.close()
    assert {e.action for e in entries} >= {"lrs.key", "lrs.key.revoke"}
    assert all(said["secret"] not in json.dumps(dict(e.detail)) for e in entries)
