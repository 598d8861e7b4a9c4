"""`roadmap platform alias`: a second host name of an LMS, on SQLite."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lti_tool.cli import cli

ISSUER, SECOND = "https://ilias.stadt.de", "https://www.ilias.stadt.de"
ADDRESSES = {"auth": "ltiauth.php", "token": "ltitoken.php", "jwks": "lticerts.php"}


@pytest.fixture(autouse=True)
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROADMAP__DATABASE__URL", f"sqlite:///{tmp_path / 'tool.db'}")
    roadmap("db", "upgrade")
    roadmap("tenant", "add", "musterstadt", "--name", "Stadt", "--land", "HE", "--contact", "x")
    urls = [part for n, s in ADDRESSES.items() for part in (f"--{n}-url", f"{ISSUER}/{s}")]
    who = ("--issuer", ISSUER, "--client-id", "c", "--deployment-id", "17")
    roadmap("platform", "add", "--tenant", "musterstadt", "--kind", "ilias", *who, *urls)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def roadmap(*arguments: str) -> str:
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout  # on a busy machine the log names a slow query, on stderr


def listed() -> dict[str, str]:
    (found,) = json.loads(roadmap("platform", "list", "--json"))["platforms"]
    return dict(found)


def test_a_second_name_is_given_and_taken_away() -> None:
    number = listed()["id"]
    assert SECOND in roadmap("platform", "alias", number, f"{SECOND}/")
    assert listed()["aliases"] == SECOND
    roadmap("platform", "alias", number, SECOND, "--remove")
    assert listed()["aliases"] == ""


@pytest.mark.parametrize("issuer", [ISSUER, "no address", "http://ilias.stadt.de"])
def test_what_cannot_be_a_second_name_changes_nothing(issuer: str) -> None:
    assert invoke("platform", "alias", listed()["id"], issuer).exit_code != 0
    assert listed()["aliases"] == ""


def test_a_name_that_was_never_given_cannot_be_taken_away() -> None:
    assert invoke("platform", "alias", listed()["id"], SECOND, "--remove").exit_code != 0


def test_trusting_a_custom_parameter_says_who_must_not_be_able_to_set_it() -> None:
    trusted = ("platform", "trust", listed()["id"], "--reason", "Beschluss 12", "--attribute")
    assert "can become anybody" in invoke(*trusted, "custom:personalnummer").stderr
    assert "can become anybody" not in invoke(*trusted, "person_sourcedid").stderr
