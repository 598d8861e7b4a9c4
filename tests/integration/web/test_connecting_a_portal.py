"""Administration: a learning portal is registered by hand, from what it shows about itself."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lti_tool.flows import enrolment
from lti_tool.ports import Application
from lti_tool.store import platforms
from tests.conftest import settings_for
from tests.pages.desk import Official, official
from tests.pages.scene import Stage

SIX = """
    Platform ID:\t\thttps://ilias.stadt.de
    Client ID:\t\t{client}
    Deployment ID:\t7
    Public keyset URL:\thttps://ilias.stadt.de/lticerts.php
    Access token URL:\thttps://ilias.stadt.de/ltitoken.php
    Authentication request URL:\thttps://ilias.stadt.de/ltiauth.php
"""
PAGE = "/admin/lernportale/neu"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('portals') / 't.db'}"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def who(stage: Stage) -> Official:
    return official(stage)


def send(stage: Stage, who: Official, lines: str, **more: str):
    form = {"csrf": stage.csrf(who), "kind": "ilias", "name": "ILIAS", "lines": lines, **more}
    return stage.client(who).post(PAGE, data=form)


def stored(stage: Stage, client: str) -> list:
    with stage.house.database.read() as conn:
        found = platforms.of_issuer(conn, "https://ilias.stadt.de")
    return [p for p in found if p.client_id == client]


def test_six_pasted_lines_are_enough(stage: Stage, who: Official) -> None:
    answer = send(stage, who, SIX.format(client="one"))
    assert answer.status_code == 303
    (made,) = stored(stage, "one")
    assert (made.kind, made.state, made.deployments) == ("ilias", "active", {"7": "active"})
    assert made.tenant_id == stage.tenant.id
    assert "ILIAS" in stage.client(who).get("/admin/lernportale").text


def test_what_is_missing_is_named_and_what_was_typed_stays(stage: Stage, who: Official) -> None:
    lines = SIX.format(client="").replace("https://ilias.stadt.de/ltitoken.php", "nonsense")
    answer = send(stage, who, lines, name="Unser <ILIAS>")
    assert answer.status_code == 200
    assert "Client ID, Access token URL" in answer.text
    assert "Unser &lt;ILIAS&gt;" in answer.text
    assert "ltiauth.php" in answer.text


def test_plain_http_is_refused(stage: Stage, who: Official) -> None:
    answer = send(stage, who, SIX.format(client="two").replace("https://", "http://"))
    assert "https" in answer.text
    assert stored(stage, "two") == []


def test_twice_is_once(stage: Stage, who: Official) -> None:
    send(stage, who, SIX.format(client="three"))
    assert "schon eingetragen" in send(stage, who, SIX.format(client="three")).text
    assert len(stored(stage, "three")) == 1


def test_what_registered_itself_shows_its_addresses_before_approval(
    stage: Stage, who: Official
) -> None:
    addresses = {n: f"https://neu.example/{n}" for n in ("auth_url", "token_url", "jwks_url")}
    given = Application("moodle", "Moodle 4.5", "https://neu.example", "c", "1", addresses)
    made, _ = enrolment.enrol(stage.s, stage.tenant.id, given, datetime.now(UTC))
    page = stage.client(who).get("/admin/lernportale").text
    assert "https://neu.example/jwks_url" in page
    form = {"csrf": stage.csrf(who), "state": "active"}
    stage.client(who).post(f"/admin/lernportale/{made.id}", data=form)
    assert "https://neu.example/jwks_url" not in stage.client(who).get("/admin/lernportale").text


def test_the_page_shows_which_key_signs_and_no_secret(stage: Stage, who: Official) -> None:
    stage.client(who).get("/lti/jwks")
    page = stage.client(who).get("/admin/lernportale").text
    assert "unterschreibt" in page
    assert "PRIVATE" not in page
