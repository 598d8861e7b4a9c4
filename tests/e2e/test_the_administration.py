"""A first admin's half hour: from the operator's link to an audit log that tells all of it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from lti_tool.settings import ROOT
from tests.pages.desk import busy
from tests.pages.scene import Stage
from tests.pages.serving import served

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with served(tmp_path_factory.mktemp("first-admin")) as made:
        busy(made)
        with made.s.store.begin() as work:  # something that is due today
            long_ago = made.now - timedelta(days=made.settings.retention.audit + 1)
            work.audit.note("cli", "tenant.add", {}, long_ago, tenant_id=made.tenant.id)
        yield made


def roadmap(stage: Stage, *command: str) -> str:
    """Type a command where the service runs; return what it prints."""
    environ = dict(os.environ) | {
        "ROADMAP__DATABASE__URL": stage.settings.database.url,
        "ROADMAP__SERVER__BASE_URL": stage.settings.server.base_url,
    }
    done = subprocess.run(
        [sys.executable, "-m", "lti_tool", *command],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def go(page: Page, stage: Stage, name: str) -> None:
    page.goto(f"{stage.settings.server.base_url}/admin/{name}")


def test_from_the_link_to_the_audit_log(browser: Browser, stage: Stage) -> None:
    page = browser.new_context(locale="de-DE", viewport={"width": 360, "height": 800}).new_page()
    link = roadmap(stage, "admin", "link", "--tenant", stage.tenant.key).strip()
    page.goto(link)
    page.locator("[data-test=enter-admin]").click()
    expect(page.locator("h1")).to_have_text("Übersicht")
    # The link was good once.
    other = browser.new_context(locale="de-DE").new_page()
    other.goto(link)
    if other.locator("[data-test=enter-admin]").count():
        other.locator("[data-test=enter-admin]").click()
    expect(other.locator("h1")).not_to_have_text("Übersicht")

    go(page, stage, "verbindung")
    page.locator("[data-test=check-connection]").click()
    expect(page.locator("main")).to_contain_text("in Ordnung")
    expect(page.locator("main")).to_contain_text("handeln")
    told = json.loads(roadmap(stage, "check", "--json"))
    assert told["ok"] is False
    assert any("deployment" in json.dumps(c).lower() for c in told["checks"] if not c["ok"])
    expect(page.locator("main")).to_contain_text("Warten auf Freigabe")

    go(page, stage, "lernportale")
    page.locator("[data-test=approve]").first.click()
    go(page, stage, "ausgang")
    page.locator("[data-test=resend]").first.click()
    go(page, stage, "quarantaene")
    page.get_by_role("link", name="Ansehen").first.click()
    expect(page.locator("main")).not_to_contain_text("Kanarienvogel")
    page.locator("[data-test=reread]").click()
    go(page, stage, "aufbewahrung")
    page.locator("[data-test=purge]").click()

    go(page, stage, "protokoll")
    log = page.locator("main")
    for said in (
        "Verbindungen geprüft",
        "Einsatzort freigegeben",
        "Unzustellbares noch einmal gesendet",
        "Unlesbare Meldung noch einmal gelesen",
        "Abgelaufenes löschen",
        "Einmal-Link gemacht",
    ):
        expect(log).to_contain_text(said)
    # What was due is gone as soon as the worker has run.
    expect(log).to_contain_text("Kommune eingetragen")
    roadmap(stage, "worker", "--once")
    page.reload()
    expect(log).not_to_contain_text("Kommune eingetragen")
    waiting = roadmap(stage, "deployment", "list")
    assert "pending" not in waiting
