"""The browsers of a walk through a real Moodle, one per person, third-party cookies blocked."""

import json
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, BrowserType, FrameLocator, Page
from real_moodle import PASSWORD, ROOT, Place

from tests.e2e import walking

CHROMIUM = "/usr/bin/chromium"
LONG_MS = 60_000


@dataclass
class Walk:
    place: Place
    chromium: BrowserType
    made: dict[str, Any]
    profiles: Path  # of browsers, new with every walk
    open: dict[str, BrowserContext] = field(default_factory=dict)

    def at(self, name: str) -> Page:
        """Return the page of somebody's own browser, signed in to Moodle."""
        if name not in self.open:
            self.open[name] = _browser(self.chromium, self.profiles / name)
            _sign_in(self.open[name].pages[0], self.place.moodle_url, name)
        return self.open[name].pages[0]

    def at_without_cookies(self, name: str) -> Page:
        """The same in a browser that keeps nothing of ours in a frame, not even partitioned."""
        key = f"{name}-without"
        if key not in self.open:
            sites = f"{self.place.tool_url},{self.place.moodle_url}"  # ours, and where it is framed
            self.open[key] = _browser(self.chromium, self.profiles / key, never=sites)
            _sign_in(self.open[key].pages[0], self.place.moodle_url, name)
        return self.open[key].pages[0]

    def go(self, name: str, path: str) -> Page:
        page = self.at(name)
        page.goto(self.place.moodle_url + path)
        return page

    def picture(self, page: Page, name: str) -> None:
        folder = self.place.state / "shots"
        folder.mkdir(exist_ok=True)
        page.screenshot(path=folder / f"{name}.png", full_page=True)

    def roadmap(self, *command: str) -> Any:
        return json.loads(self.place.roadmap(*command, "--json"))

    def not_green(self) -> list[str]:
        """Return what `roadmap check` finds wrong; it then ends with 1."""
        command = [str(ROOT / ".venv/bin/roadmap"), "check", "--json"]
        environ = self.place.environ
        done = subprocess.run(command, check=False, capture_output=True, env=environ, cwd=ROOT)
        checks = json.loads(done.stdout)["checks"]
        return [f"{c['message']}. {c['remedy']}" for c in checks if not c["ok"]]

    def adding(self, tool: str = "1") -> str:
        """Return the form with which a teacher adds a tool of Moodle's list."""
        return f"/course/modedit.php?add=lti&typeid={tool}&course={self.made['course']}&section=1"


def _browser(chromium: BrowserType, folder: Path, never: str = "") -> BrowserContext:
    (folder / "Default").mkdir(parents=True, exist_ok=True)
    profile: dict[str, Any] = {"cookie_controls_mode": 1, "block_third_party_cookies": True}
    if never:
        exceptions = {"cookies": {never: {"setting": 2}}}
        profile["content_settings"] = {"exceptions": exceptions}
    preferences = folder / "Default" / "Preferences"
    if not preferences.exists():
        preferences.write_text(json.dumps({"profile": profile}))
    made = chromium.launch_persistent_context(
        folder,
        executable_path=CHROMIUM,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        ignore_https_errors=True,
        locale="de-DE",
        viewport={"width": 1280, "height": 1400},
    )
    made.set_default_timeout(LONG_MS)
    return made


def _sign_in(page: Page, moodle: str, name: str) -> None:
    page.goto(f"{moodle}/login/index.php")
    page.wait_for_load_state("networkidle")  # a script puts the password field anew
    if page.locator("#username").count():
        page.fill("#username", name)
        page.fill("#password", PASSWORD)
        page.click("#loginbtn")
        page.wait_for_load_state("networkidle")
    assert not page.locator("#loginerrormessage").count(), f"{name} cannot sign in"


def activity(walk: Walk, who: str, title: str) -> FrameLocator:
    """Open an activity of the course and return the tool's frame in it."""
    return open_activity(walk, walk.at(who), walk.made["course"], title)


def open_activity(walk: Walk, page: Page, course: int, title: str) -> FrameLocator:
    """The same for any course and tab."""
    page.goto(f"{walk.place.moodle_url}/course/view.php?id={course}")
    page.locator(".modtype_lti a", has_text=title).first.click()
    page.wait_for_url("**/mod/lti/view.php**")
    return page.frame_locator("#contentframe")


def first_time(frame: FrameLocator | Page, role: str) -> None:
    """Pass the pages of a first visit, if this is one."""
    frame.locator("h1").first.wait_for()
    if frame.locator("[data-test=notice-continue]").count():
        walking.first_visit(frame, role)


def grade_of(walk: Walk, title: str, wanted: str, course: int = 0) -> str:
    """Return what the grade book shows the teacher in a learner's row; wait for the worker."""
    course, user = course or walk.made["course"], walk.made["people"]["gaertnerin"]
    for _ in range(20):
        page = walk.go("leitung", f"/grade/report/user/index.php?id={course}&userid={user}")
        row = page.locator("tr", has_text=title).first
        cells = [c.strip() for c in row.locator("td").all_inner_texts()]
        if any(re.match(rf"{wanted}(\.\d|$)", cell) for cell in cells):
            name = re.sub(r"\W+", "-", f"7-grades-{course}-{title.split(' ')[0]}-{wanted}")
            walk.picture(page, name)
            return " | ".join(cell for cell in cells if cell)
        time.sleep(2)
    raise AssertionError(f"{title}: {cells}, not {wanted}")
