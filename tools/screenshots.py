"""Make the pictures of docs/how-to: our pages from a town with people, Moodle's from a real one.

    .venv/bin/python tools/screenshots.py
    ROADMAP_MOODLE_PASSWORD=… .venv/bin/python tools/screenshots.py --moodle http://localhost:8900

Without --moodle the pictures of Moodle stay as they are. A test compares this list with the folder
and with the pages that show the pictures. Needs Chromium.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

from competency.items import Kind  # noqa: E402
from tests.pages.desk import busy, official  # noqa: E402
from tests.pages.scene import Stage, Visitor  # noqa: E402
from tests.pages.serving import served  # noqa: E402

OUT = ROOT / "docs" / "how-to" / "bilder"
CHROMIUM = "/usr/bin/chromium"
PHONE, DESK = 360, 1100
ROLE = "GB"


@dataclass(frozen=True, slots=True)
class Picture:
    """A page of ours: who sees it (made for this picture), where, how wide, how much of it."""

    name: str
    visitor: Callable[[Stage], Visitor]
    path: str
    width: int = DESK
    height: int = 760


def _asked(stage: Stage) -> Visitor:
    visitor = stage.ready(ROLE)
    stage.ask(visitor, stage.item(Kind.SINGLE_CHOICE))
    return visitor


OURS = (
    Picture("hinweis", lambda stage: stage.visitor(), "hinweis", PHONE),
    Picture("frage", _asked, "frage", PHONE),
    Picture("profil", lambda stage: stage.assessed(ROLE, luck=0.7), "profil", DESK),
    Picture("lernpfad", lambda stage: stage.planned(stage.assessed(ROLE)), "lernpfad", DESK),
    Picture("verwaltung-uebersicht", official, "uebersicht"),
    Picture("verwaltung-verbindung", official, "verbindung"),
    Picture("verwaltung-lernportale", official, "lernportale"),
    Picture("verwaltung-ablehnungen", official, "ablehnungen"),
    Picture("verwaltung-lrs", official, "lrs"),
    Picture("verwaltung-quarantaene", official, "quarantaene"),
)


@dataclass(frozen=True, slots=True)
class OfMoodle:
    """A page of a real Moodle, seen by its administration; `part` is what is photographed."""

    name: str
    path: str
    part: str = "#page"


MOODLE = (
    OfMoodle("moodle-werkzeuge", "/mod/lti/toolconfigure.php?", "#region-main"),
    OfMoodle("moodle-werkzeug", "/mod/lti/typessettings.php?action=update&id=1", "#page-content"),
    OfMoodle("moodle-webservice", "/admin/webservice/service_functions.php?id=2", "#region-main"),
)
NAMES = sorted(picture.name for picture in (*OURS, *MOODLE))


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def ours(browser: Browser) -> None:
    """Photograph our own pages."""
    with tempfile.TemporaryDirectory() as folder, served(Path(folder)) as stage:
        busy(stage)
        for picture in OURS:
            _take(browser, stage, picture)


def _take(browser: Browser, stage: Stage, picture: Picture) -> None:
    visitor = picture.visitor(stage)
    page = _page(browser, picture.width, picture.height)
    name, value = visitor.cookie
    home = f"{stage.settings.server.base_url}{visitor.home}"
    page.context.add_cookies([{"name": name, "value": value, "url": home}])
    answer = page.goto(f"{home}{picture.path}")
    assert answer is not None
    assert answer.status == 200, (picture.name, answer.status, page.url)
    page.screenshot(path=OUT / f"{picture.name}.png")
    page.context.close()


def _page(browser: Browser, width: int, height: int) -> Page:
    viewport = {"width": width, "height": height}
    return browser.new_context(viewport=viewport, locale="de-DE", color_scheme="light").new_page()


def of_moodle(browser: Browser, address: str, user: str, password: str) -> None:
    """Photograph the pages of a Moodle's administration."""
    page = _page(browser, DESK, 1600)
    page.goto(f"{address}/login/index.php")
    page.fill("#username", user)
    page.fill("#password", password)
    page.click("#loginbtn")
    page.locator("#loginerrormessage, #user-menu-toggle").first.wait_for()
    assert not page.locator("#loginerrormessage").count(), "Moodle refused the password"
    key = page.evaluate("M.cfg.sesskey")  # some pages only open with it
    for picture in MOODLE:
        page.goto(f"{address}{picture.path}&sesskey={key}")
        page.wait_for_load_state("networkidle")
        page.locator(picture.part).first.screenshot(path=OUT / f"{picture.name}.png")
    page.context.close()


def main() -> int:
    """Make the pictures; those of Moodle only when told where one runs."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--moodle", metavar="URL", help="a Moodle connected as the how-to says")
    given.add_argument("--user", default="admin")
    asked = given.parse_args()
    OUT.mkdir(exist_ok=True)
    with chromium() as browser:
        ours(browser)
        if asked.moodle:
            password = os.environ["ROADMAP_MOODLE_PASSWORD"]
            of_moodle(browser, asked.moodle.rstrip("/"), asked.user, password)
    return 0


if __name__ == "__main__":
    sys.exit(main())
