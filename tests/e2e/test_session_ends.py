"""A session that ends, in a real browser: told in time, prolonged by one tap, nothing typed lost.

On a shared device nothing stays on the screen. The page's clock is moved, and the server's rows.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from competency.items import Kind
from lti_tool.store import tenants
from lti_tool.store.database import us
from lti_tool.store.schema.lti import launch as launch_table
from tests.conftest import missing
from tests.e2e.test_pages_look import AXE, RUN_AXE, SMALL_TARGETS, TAGS
from tests.pages.scene import Stage, Visitor
from tests.pages.serving import served

pytestmark = pytest.mark.browser
TYPED = "Das habe ich lange überlegt."


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with served(tmp_path_factory.mktemp("ends")) as made:
        yield made


@pytest.fixture
def shared(stage: Stage) -> Iterator[None]:
    """A municipality whose devices are all used by several people."""
    _switch(stage, on=True)
    yield
    _switch(stage, on=False)


def _switch(stage: Stage, *, on: bool) -> None:
    with stage.house.database.begin() as conn:
        settings = tenants.get(conn, stage.tenant.id).settings
        tenants.change(conn, stage.tenant.id, replace(settings, shared_devices=on))


def lies_back(stage: Stage, who: Visitor, ago: timedelta, column: str = "seen_us") -> None:
    with stage.house.database.begin() as conn:
        row = launch_table.update().where(launch_table.c.id == who.launch_id)
        conn.execute(row.values(**{column: us(datetime.now(UTC) - ago)}))


def open_page(browser: Browser, stage: Stage, who: Visitor, path: str, width: int = 768) -> Page:
    """A page whose clock can be moved; the server's time is moved by `lies_back`."""
    context = browser.new_context(viewport={"width": width, "height": 700}, locale="de-DE")
    name, value = who.cookie
    context.add_cookies([{"name": name, "value": value, "domain": "localhost", "path": who.home}])
    page = context.new_page()
    page.clock.install()
    page.goto(stage.settings.server.base_url + who.home + path)
    return page


def disputing(stage: Stage) -> tuple[Visitor, str]:
    """Somebody on a page with a field for words of her own."""
    who = stage.assessed("GB")
    with stage.s.store.read() as work:
        code = work.evidence.of(who.learner_id)[0].evidence.competency
    return who, f"profil/{code}/stimmt-nicht"


def test_five_minutes_before_the_end_one_tap_prolongs_and_what_was_typed_stays(
    browser: Browser, stage: Stage
) -> None:
    who, path = disputing(stage)
    page = open_page(browser, stage, who, path)
    page.locator("textarea").fill(TYPED)
    dialog = page.locator("[data-test=session-ends]")
    page.clock.fast_forward("24:00")
    expect(dialog).not_to_be_visible()
    lies_back(stage, who, timedelta(minutes=25, seconds=1))
    page.clock.fast_forward("01:01")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text("Sind Sie noch da?")
    expect(page.locator("[data-test=keep-working]")).to_be_focused()
    with page.expect_response("**/api/session") as kept:
        page.keyboard.press("Enter")
    assert kept.value.json() == {"ends_s": 1800, "last": False}
    expect(dialog).not_to_be_visible()
    expect(page.locator("textarea")).to_have_value(TYPED)
    page.context.close()


def test_another_tab_in_use_keeps_this_one_silent(browser: Browser, stage: Stage) -> None:
    who, path = disputing(stage)
    page = open_page(browser, stage, who, path)
    lies_back(stage, who, timedelta(minutes=2))
    with page.expect_response("**/api/session") as asked:
        page.clock.fast_forward("25:01")
    assert 1670 < asked.value.json()["ends_s"] <= 1680
    expect(page.locator("[data-test=session-ends]")).not_to_be_visible()
    page.context.close()


def test_typing_is_use_of_the_session(browser: Browser, stage: Stage) -> None:
    who, path = disputing(stage)
    page = open_page(browser, stage, who, path)
    lies_back(stage, who, timedelta(minutes=20))
    page.clock.fast_forward("20:00")
    with page.expect_response("**/api/session") as kept:
        page.locator("textarea").press("D")
    assert (kept.value.request.method, kept.value.json()["ends_s"]) == ("POST", 1800)
    page.context.close()


def test_after_the_end_what_was_typed_can_still_be_copied(browser: Browser, stage: Stage) -> None:
    who, path = disputing(stage)
    page = open_page(browser, stage, who, path)
    page.locator("textarea").fill(TYPED)
    lies_back(stage, who, timedelta(minutes=31))
    page.clock.fast_forward("30:02")
    dialog = page.locator("[data-test=session-ends]")
    expect(dialog).to_contain_text("Ihre Sitzung ist zu Ende")
    dialog.locator("button").click()
    expect(dialog).not_to_be_visible()
    expect(page.locator("textarea")).to_have_value(TYPED)
    page.context.close()


def test_the_longest_time_is_told_in_time_and_promises_nothing(
    browser: Browser, stage: Stage
) -> None:
    who, path = disputing(stage)
    lies_back(stage, who, timedelta(hours=7, minutes=56), "created_us")
    page = open_page(browser, stage, who, path)
    page.clock.run_for(1000)
    dialog = page.locator("[data-test=session-ends]")
    expect(dialog).to_contain_text("Ihre Sitzung endet bald")
    expect(dialog.locator("button")).to_have_text("Schließen")
    page.context.close()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_warning_is_accessible_and_fits(browser: Browser, stage: Stage, width: int) -> None:
    if not AXE.is_file():
        missing("axe-core", "tools/build_assets.py")
    who, path = disputing(stage)
    page = open_page(browser, stage, who, path, width)
    lies_back(stage, who, timedelta(minutes=26))
    page.clock.fast_forward("26:00")
    expect(page.locator("[data-test=session-ends]")).to_be_visible()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(RUN_AXE, TAGS) == []
    assert page.evaluate(SMALL_TARGETS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


@pytest.mark.usefixtures("shared")
def test_a_shared_device_logs_out_by_itself_and_back_shows_nothing(
    browser: Browser, stage: Stage
) -> None:
    who, path = disputing(stage)
    page = open_page(browser, stage, who, "profil")
    page.goto(stage.settings.server.base_url + who.home + path)
    page.locator("textarea").fill(TYPED)
    lies_back(stage, who, timedelta(minutes=4, seconds=10))
    page.clock.fast_forward("04:10")
    dialog = page.locator("[data-test=session-ends]")
    expect(dialog).to_contain_text("Sonst melden wir Sie um")
    lies_back(stage, who, timedelta(minutes=5, seconds=1))
    page.clock.fast_forward("00:55")
    expect(page.locator("h1")).to_have_text("Sie sind abgemeldet")
    page.go_back()
    expect(page.locator("h1")).to_have_text("Diese Seite ist nicht mehr offen")
    page.context.close()


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_of_a_shared_device_offers_to_sign_out(
    browser: Browser, stage: Stage, width: int
) -> None:
    who = stage.ready("GB")
    stage.ask(who, stage.item(Kind.SCENARIO))
    page = open_page(browser, stage, who, "frage", width)
    for path in ("hinweis", "rolle", "hilfe", "profil", "lernpfad", "daten", "frage"):
        page.goto(stage.settings.server.base_url + who.home + path)
        expect(page.locator("[data-test=sign-out]")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(SMALL_TARGETS) == []
        if AXE.is_file():
            page.evaluate(AXE.read_text(encoding="utf-8"))
            assert page.evaluate(RUN_AXE, TAGS) == [], path
    page.locator("[data-test=sign-out]").click()
    expect(page.locator("h1")).to_have_text("Sie sind abgemeldet")
    page.go_back()
    expect(page.locator("[data-test=question]")).to_have_count(0)
    page.context.close()
