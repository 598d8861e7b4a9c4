"""Steps of the walk beside the usual way: phone, English, a copied course, tabs, keys, outage."""

import base64
import json
import os
import re
import signal
import sqlite3
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from playwright.sync_api import FrameLocator, Page, expect
from real_moodle import _run, restart
from real_moodle_browser import Walk, activity, first_time, grade_of, open_activity

PHONE = {"width": 360, "height": 740}
HOUR_US = 3_600_000_000
LINK, CUSTOM, CONTEXT = (
    f"https://purl.imsglobal.org/spec/lti/claim/{name}"
    for name in ("resource_link", "custom", "context")
)


def phone(walk: Walk) -> str:
    """At the width of a phone no page of ours is wider than its frame in Moodle's page."""
    page = walk.at("gaertnerin")
    usual = page.viewport_size
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    frame = activity(walk, "gaertnerin", "Mein Lernweg")
    widths = []
    for name in ("Start", "Profil", "Lernpfad", "Daten"):
        frame.locator("nav").get_by_role("link", name=name, exact=True).click()
        expect(frame.locator("nav [aria-current]")).to_have_text(name)
        widths.append(fits(frame))
        walk.picture(page, f"13-phone-{name}")
    page.set_viewport_size(usual)  # type: ignore[arg-type]
    return f"frame {widths[0]} px wide, no page is wider"


def fits(frame: FrameLocator | Page) -> int:
    """Return how wide the page may be; fail if it is wider."""
    shown, wanted = frame.locator("html").evaluate("e => [e.clientWidth, e.scrollWidth]")
    assert wanted <= shown, f"{wanted} px in a frame of {shown} px"
    return int(shown)


def own_window(walk: Walk, page: Page, title: str) -> Page:
    """On a phone, open an activity that Moodle opens in a window of its own; return that window."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.goto(f"{walk.place.moodle_url}/course/view.php?id={walk.made['course']}")
    with page.context.expect_page() as opened:
        page.locator(".modtype_lti a", has_text=title).first.click()
    opened.value.set_viewport_size(PHONE)  # type: ignore[arg-type]
    return opened.value


def english(walk: Walk) -> str:
    """Somebody whose Moodle speaks English meets English pages, on a phone, too."""
    page = walk.at("walker")
    frame = activity(walk, "walker", "Mein Lernweg")
    expect(frame.locator("html")).to_have_attribute("lang", "en")
    walk.picture(page, "14-english-first")
    first_time(frame, "GB")
    heading = frame.locator("h1").first.inner_text()
    usual = page.viewport_size
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    fits(frame)
    walk.picture(page, "14-english-question-phone")
    page.set_viewport_size(usual)  # type: ignore[arg-type]
    return f"first question: {heading!r}"


def copied(walk: Walk) -> str:
    """The course is backed up and restored: its parts open there what they opened before."""
    course = _copy_of_course(walk)
    page, said = walk.at("gaertnerin"), []
    for title, seen in (
        ("Kurzer Rückblick", "[data-test=exam]"),
        ("Mein Lernweg", "nav [aria-current]"),
    ):
        claims = _claims(page, lambda t=title: open_activity(walk, page, course, t))  # type: ignore[misc]
        frame = page.frame_locator("#contentframe")
        expect(frame.locator(seen).first).to_be_visible()
        walk.picture(page, f"15-copied-{title.split(' ')[0]}")
        custom = {k: v for k, v in claims[CUSTOM].items() if k.endswith("history")}
        said.append(f"link {claims[LINK]['id']}, course {claims[CONTEXT]['id']}, {custom}")
    grade = grade_of(walk, "Kurzer Rückblick", "1", course)  # known already, told to the new column
    return f"course {course}: {'; '.join(said)}; grade {grade}"


def _copy_of_course(walk: Walk) -> int:
    """Return the id of the copy; made once, by Moodle's own backup with its people."""
    kept = walk.place.state / "copy.txt"
    if not kept.exists():
        folder = walk.place.state / "backup"
        folder.mkdir(exist_ok=True)
        _cli(walk, "backup.php", f"--courseid={walk.made['course']}", f"--destination={folder}")
        (file,) = folder.glob("*.mbz")
        said = _cli(walk, "restore_backup.php", f"--file={file}", "--categoryid=1")
        kept.write_text(re.findall(r"\d+", said)[-1])
    return int(kept.read_text())


def _cli(walk: Walk, script: str, *options: str) -> str:
    return _run([*walk.place.php, str(walk.place.moodle / "admin/cli" / script), *options])


def _claims(page: Page, launch: Callable[[], object]) -> dict[str, Any]:
    """Return what Moodle signed for the launch that is made; nothing is checked here."""
    with page.expect_request(lambda r: r.url.endswith("/lti/launch")) as sent:
        launch()
    body = parse_qs(sent.value.post_data or "")["id_token"][0].split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def tabs(walk: Walk) -> str:
    """One person with two courses in two tabs: each goes on where it is, also after a reload."""
    copy, first = _copy_of_course(walk), walk.at("gaertnerin")
    second = walk.open["gaertnerin"].new_page()
    one = activity(walk, "gaertnerin", "Mein Lernweg")
    other = open_activity(walk, second, copy, "Mein Lernweg")
    turns = ((one, "Profil"), (other, "Lernpfad"), (one, "Daten"), (other, "Profil"))
    for frame, name in turns:
        (first if frame is one else second).bring_to_front()  # no tap reaches a tab behind
        frame.locator("nav").get_by_role("link", name=name, exact=True).click()
        expect(frame.locator("nav [aria-current]")).to_have_text(name)
    launches = [_address(page) for page in (first, second)]
    tool = next(f for f in first.frames if "/l/" in f.url)
    tool.evaluate("location.reload()")
    expect(one.locator("nav [aria-current]")).to_have_text("Daten")
    walk.picture(second, "16-second-tab")
    second.close()
    assert len(set(launches)) == 2, launches
    return "two launches, four pages by turns, one reload"


def _address(page: Page) -> str:
    return next(f.url.split("/l/")[1].split("/")[0] for f in page.frames if "/l/" in f.url)


def keys(walk: Walk) -> str:
    """Our key is rotated, then dropped as stolen: Moodle takes what the new one signs."""
    before = _kids(walk)
    walk.place.roadmap("keys", "rotate")
    both = _kids(walk)
    activity(walk, "gaertnerin", "Mein Lernweg").locator("nav [aria-current]").wait_for()
    walk.place.roadmap("keys", "rotate", "--compromised")
    after = _kids(walk)
    assert before < both, (before, both)
    assert not after & both, (both, after)
    form = walk.go("leitung", walk.adding())
    form.click("[name=selectcontent]")
    choose_path(form.frame_locator(".modal iframe"))
    expect(form.locator("#id_name")).to_have_value("Mein Lernpfad")
    walk.picture(form, "17-placed-with-new-key")
    form.click("#id_submitbutton2")
    expect(form.locator(".activity", has_text="Mein Lernpfad").first).to_be_visible()
    return f"{len(before)}, then {len(both)}, then {len(after)} new key; a part placed with it"


def _kids(walk: Walk) -> set[str]:
    return {key["kid"] for key in walk.roadmap("keys", "list")["keys"]}


def choose_path(frame: FrameLocator | Page) -> None:
    """Choose one part on our page of Deep Linking and send the choice off."""
    frame.locator("input[value=path] + label").click()
    frame.locator("[data-test=place]").click()


def outage(walk: Walk) -> str:
    """Moodle's keys cannot be fetched: launches go on for a day, then a page says why not."""
    down = walk.place.state / "down-certs.conf"
    said = []
    try:
        down.write_text("location = /mod/lti/certs.php { return 503; }\n")
        for hours, seen in ((2, "nav [aria-current]"), (25, "meta[name=roadmap-error]")):
            _forget_keys(walk, hours)
            frame = activity(walk, "gaertnerin", "Mein Lernweg")
            frame.locator(seen).wait_for(state="attached")
            walk.picture(walk.at("gaertnerin"), f"18-keys-{hours}-hours-old")
            said.append(f"{hours} h: {frame.locator('h1').first.inner_text()!r}")
        code = frame.locator("meta[name=roadmap-error]").get_attribute("content")
        assert code == "platform-keys-unreachable", code
    finally:
        down.unlink()
        _reload_nginx(walk)
    frame = activity(walk, "gaertnerin", "Mein Lernweg")
    frame.locator("nav [aria-current]").wait_for()
    return f"{'; '.join(said)} ({code}); back: {frame.locator('h1').first.inner_text()!r}"


def _forget_keys(walk: Walk, hours: int) -> None:
    """Let the kept keys be so old, and start anew, so that no process remembers any."""
    _reload_nginx(walk)
    with sqlite3.connect(walk.place.state / "roadmap.db", timeout=30) as rows:
        kept = rows.execute(
            "update platform_keys set tried_us = 0, fetched_us = ?",
            (time.time_ns() // 1000 - hours * HOUR_US,),
        ).rowcount
    assert kept, "no keys were kept"
    restart(walk.place, "serve")


def _reload_nginx(walk: Walk) -> None:
    os.kill(int((walk.place.state / "run/nginx.pid").read_text()), signal.SIGHUP)


def window(walk: Walk) -> str:
    """Where a frame keeps no cookie: a launch in a window, and a choice that comes back from it."""
    page = walk.at_without_cookies("gaertnerin")
    frame = open_activity(walk, page, walk.made["course"], "Mein Lernweg")
    opened = _new_window(page, frame)
    opened.locator("nav [aria-current]").wait_for()
    walk.picture(page, "19-window-frame")
    walk.picture(opened, "19-window-launched")
    assert opened.evaluate("window.opener") is None
    form = walk.at_without_cookies("leitung")
    form.goto(walk.place.moodle_url + walk.adding())
    form.click("[name=selectcontent]")
    frame = form.frame_locator(".modal iframe")
    opened = _new_window(form, frame)
    choose_path(opened)
    said = opened.locator("[data-handed-over]")
    said.wait_for()
    walk.picture(opened, "19-window-handed-over")
    expect(form.locator("#id_name")).to_have_value("Mein Lernpfad")
    walk.picture(form, "19-window-chosen")
    return f"launched in a window; chosen in a window: {said.inner_text()!r}, the form is filled"


def _new_window(page: Page, frame: FrameLocator) -> Page:
    button = frame.locator("[data-test=new-window]")
    button.wait_for()
    page.bring_to_front()
    with page.context.expect_page() as opened:
        button.click()
    return opened.value


EDGES: dict[str, Callable[[Walk], str]] = {
    "phone": phone,
    "english": english,
    "copied": copied,
    "tabs": tabs,
    "keys": keys,
    "outage": outage,
    "window": window,
}
