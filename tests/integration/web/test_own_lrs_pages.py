"""The page of the own LRS: a secret is shown once, opens the LRS, and ends with its key."""

from collections.abc import Iterator
from pathlib import Path
from re import findall, search

import pytest
from flask.testing import FlaskClient

from tests.conftest import settings_for
from tests.integration.xapi.site import statement_of
from tests.pages.desk import by_link
from tests.pages.scene import Stage

SENT = {"X-Experience-API-Version": "1.0.3"}


class Desk:
    """Somebody in the administration of a town, with her forms."""

    def __init__(self, stage: Stage) -> None:
        self.stage, who = stage, by_link(stage, stage.tenant)
        self.client: FlaskClient = stage.app.test_client()
        self.client.set_cookie(*who.cookie, path="/admin")
        self.csrf = stage.csrf(who)

    def post(self, path: str, **form: str) -> str:
        answer = self.client.post(path, data=form | {"csrf": self.csrf}, follow_redirects=True)
        assert answer.status_code == 200
        return answer.text

    def make(self, **form: str) -> tuple[str, str]:
        """Return key and secret as the page shows them."""
        new = self.post("/admin/eigener-lrs", **form).partition('data-test="new-secret"')[2]
        _, key, secret = findall(r"<dd[^>]*>([^<]+)</dd>", new)[:3]
        return key, secret

    def send(self, auth: tuple[str, str], method: str = "POST") -> int:
        outside = self.stage.app.test_client()
        body = statement_of() if method == "POST" else None
        answer = outside.open("/xapi/statements", method=method, json=body, headers=SENT, auth=auth)
        return answer.status_code


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    stage = Stage(settings_for(f"sqlite:///{tmp_path / 'own.db'}"))
    yield Desk(stage)
    stage.close()


def test_a_key_from_the_page_opens_the_lrs_until_it_is_taken_out_of_use(desk: Desk) -> None:
    made = desk.make(name="Moodle der Stadt", scope="write")
    assert (desk.send(made), desk.send(made, "GET")) == (200, 403)
    later = desk.client.get("/admin/eigener-lrs").text
    assert made[0] in later
    assert "Moodle der Stadt" in later
    assert made[1] not in later
    assert "Gesperrt" in desk.post(f"/admin/eigener-lrs/{made[0]}")
    assert desk.send(made) == 401
    assert desk.client.get(f"/admin/eigener-lrs/{made[0]}").status_code == 404


def test_what_was_made_and_taken_away_is_in_the_log_without_the_secret(desk: Desk) -> None:
    key, secret = desk.make(name="Moodle", scope="mine")
    desk.post(f"/admin/eigener-lrs/{key}")
    log = desk.client.get("/admin/protokoll").text
    assert "Schlüssel für den eingebauten LRS" in log
    assert secret not in log


@pytest.mark.parametrize("scope", ["read", "all", "", "everything"])
def test_no_page_makes_a_key_that_reads_what_people_did(desk: Desk, scope: str) -> None:
    text = desk.post("/admin/eigener-lrs", name="Neugier", scope=scope)
    assert "new-secret" not in text
    assert search(r"<option[^>]*value=\"(read|all)\"", text) is None


def test_a_key_without_a_name_is_not_made(desk: Desk) -> None:
    text = desk.post("/admin/eigener-lrs", name=" ", scope="write")
    assert 'aria-invalid="true"' in text
    assert "Noch kein System hat einen Schlüssel." in text
