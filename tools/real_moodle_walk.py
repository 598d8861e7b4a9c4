"""Walk through a real Moodle that tools/real_moodle.py runs, third-party cookies blocked.

    .venv/bin/python tools/real_moodle_walk.py --state /tmp/moodle45
    .venv/bin/python tools/real_moodle_walk.py --state /tmp/moodle45 --only learner,grades

Registers dynamically, places by Deep Linking, launches as learner, teacher and admin in the frame,
answers, accepts, looks into grade book and learning plan, and takes it back. Each step says what it
saw and leaves pictures in the state folder; the first that is not as expected ends the walk.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import FrameLocator, Locator, expect, sync_playwright
from real_moodle import ROOT, TENANT, Place, _run, cron
from real_moodle_browser import LONG_MS, Walk, activity, first_time, grade_of
from real_moodle_edges import EDGES, fits, own_window

from competency.items import Item
from competency.packs import Content
from tests.e2e import walking
from tests.pages.scene import best

UNIT, BY_HAND = "A4", "Von Hand angelegt"


def register(walk: Walk) -> str:
    """Dynamic registration, from Moodle's own form, and approval on both sides."""
    page = walk.go("admin", "/mod/lti/toolconfigure.php")
    page.fill("#tool-url", f"{walk.place.tool_url}/lti/register")
    page.click("#tool-create-button")
    page.frame_locator("iframe").locator("h1").first.wait_for()
    walk.picture(page, "1-register")
    card = page.locator(".tool-card", has_text="Mein Lernweg")
    expect(card).to_be_visible(timeout=LONG_MS)
    card.locator(".activate").click()
    expect(card.locator(".badge")).to_contain_text("Active")
    walk.picture(page, "1-registered")
    (waiting,) = walk.roadmap("platform", "list")["platforms"]
    walk.place.roadmap("platform", "approve", waiting["id"])
    return f"client {waiting['client_id']}, approved"


def offer(walk: Walk) -> str:
    """Let teachers find the tool, in the frame; grades as the teacher decides."""
    page = walk.go("admin", "/mod/lti/toolconfigure.php")
    card = page.locator(".tool-card", has_text="Mein Lernweg").first
    card.locator("a.edit").click()
    page.select_option("#id_lti_coursevisible", "2")
    walk.picture(page, "2-tool-settings")
    page.click("#id_submitbutton")
    page.wait_for_load_state("networkidle")
    return "in the activity chooser"


def _tick(frame: FrameLocator, box: str) -> None:
    frame.locator(f"input{box} + label").click()  # the whole box is the label
    expect(frame.locator(f"input{box}")).to_be_checked()


def by_hand(walk: Walk) -> str:
    """Register the tool once more by hand, with the values of the two forms, and launch with it."""
    page, tool = walk.go("admin", "/mod/lti/toolconfigure.php"), walk.place.tool_url
    page.locator("a[href*='typessettings.php']").first.click()
    page.fill("#id_lti_typename", BY_HAND)
    page.fill("#id_lti_toolurl", f"{tool}/lti/launch")
    page.select_option("#id_lti_ltiversion", "1.3.0")
    page.select_option("#id_lti_keytype", "JWK_KEYSET")
    page.fill("#id_lti_publickeyset", f"{tool}/lti/jwks")
    page.fill("#id_lti_initiatelogin", f"{tool}/lti/login")
    page.fill("#id_lti_redirectionuris", f"{tool}/lti/launch")
    page.select_option("#id_lti_coursevisible", "2")
    page.select_option("#id_lti_launchcontainer", "4")  # a window of its own, as the how-to says
    walk.picture(page, "12-by-hand")
    page.click("#id_submitbutton")
    card = page.locator(".tool-card", has_text=BY_HAND).first
    card.locator("a.viewdetails").click()
    details = page.locator(".modal-body li").filter(has_text="ID")
    expect(details.first).to_be_visible()
    walk.picture(page, "12-details")
    lines, number = (
        page.locator(".modal-body li").all_inner_texts(),
        card.get_attribute("data-type-id"),
    )
    paste = walk.place.state / "details.txt"
    paste.write_text("\n".join(lines) + "\n")
    walk.place.roadmap("platform", "add", "--tenant", TENANT, "--kind", "moodle",
                       "--paste", str(paste))  # fmt: skip
    form = walk.go("leitung", walk.adding(str(number)))
    form.fill("#id_name", BY_HAND)
    form.click("#id_submitbutton2")
    opened = own_window(walk, walk.at("erzieher"), BY_HAND)
    first_time(opened, "ERZ")
    expect(opened.locator("[data-test=question]")).to_be_visible()
    walk.picture(opened, "12-launched-on-a-phone")
    return f"{len(lines)} lines pasted, launched on a phone in a window {fits(opened)} px wide"


def place_parts(walk: Walk) -> str:
    """Deep Linking by the teacher: three parts and an exam at once, each with its column."""
    page = walk.go("leitung", walk.adding())
    page.click("[name=selectcontent]")
    frame = page.frame_locator(".modal iframe")
    for box in ("start", "assessment"):
        _tick(frame, f"[value={box}]")
    for box in (f"unit-{UNIT}", f"exam-{UNIT}"):
        frame.locator(f"details:has(input[value={box}]) summary").click()
        _tick(frame, f"[value={box}]")
    day = (datetime.now(UTC) - timedelta(days=15)).date().isoformat()
    frame.locator("[data-test=place-tutorial]").fill(day)
    _tick(frame, "[data-test=place-grade]")
    walk.picture(page, "3-choosing")
    frame.locator("[data-test=place]").click()
    expect(page.get_by_text("The following items will be added")).to_be_visible()
    walk.picture(page, "3-chosen")
    page.get_by_role("button", name="Save and return to course").click()
    expect(page.locator(".activity", has_text="Kurzer Rückblick")).to_be_visible()
    walk.picture(page, "3-course")
    names = page.locator(".activity.modtype_lti .activityname").all_inner_texts()
    return f"{len(names)} parts: {'; '.join(n.split(chr(10))[0] for n in names)}"


def connect(walk: Walk) -> str:
    """Learning plans by web service, and the built-in LRS read like any other."""
    place, state = walk.place, walk.place.state
    (platform,) = [p["id"] for p in walk.roadmap("platform", "list")["platforms"]][:1]
    url, token = f"{place.moodle_url}/webservice/rest/server.php", str(state / "plan-token.txt")
    place.roadmap("platform", "plan", platform, "--url", url, "--token-file", token)
    out = state / "lrs-all.txt"
    if not out.exists():
        place.roadmap("lrs", "key", "--tenant", TENANT, "--scope", "all", "--out", str(out))
        key = dict(line.split(" ", 1) for line in out.read_text().splitlines())
        secret = state / "lrs-secret.txt"
        secret.write_text(key["secret"])
        endpoint = ["--endpoint", f"{place.tool_url}/xapi", "--key", key["key"]]
        place.roadmap("lrs", "add", "eingebaut", "--tenant", TENANT, *endpoint,
                      "--secret-file", str(secret))  # fmt: skip
    table, pages = state / "mapping.csv", walk.made["pages"]
    # One by its address, so that plans link it; one by its id number: the plugin sends both.
    address = f"{place.moodle_url}/mod/page/view.php?id={pages['N1']}"
    table.write_text(f"activity_iri,unit\n{address},N1\nN6,N6\n")
    place.roadmap("mapping", "import", str(table), "--tenant", TENANT)
    return f"not green: {walk.not_green() or 'nothing'}"


def learner(walk: Walk) -> str:
    """A learner's whole way in the frame: information, role, questions, profile, path, yes."""
    frame = activity(walk, "gaertnerin", "Mein Lernweg")
    page = walk.at("gaertnerin")
    walking.first_visit(frame, "GB")
    walk.picture(page, "4-question")
    given = walking.answer_all(frame)
    frame.locator("[data-test=finish]").click()
    expect(frame.locator("[data-test=profile]")).to_be_visible()
    walk.picture(page, "4-profile")
    frame.get_by_role("link", name="Lernpfad", exact=True).click()
    frame.locator("[data-test=accept-path]").click()
    expect(frame.locator("body")).to_contain_text("Ihr Lernpfad gilt jetzt")
    walk.picture(page, "4-path")
    units = frame.locator("[data-test=path-step]").evaluate_all("s => s.map(e => e.dataset.offer)")
    return f"{given} questions, {len(units)} steps accepted: {' '.join(units)}"


def teacher(walk: Walk) -> str:
    """The teacher sees the same pages, and how many learners there are; nobody's result."""
    frame = activity(walk, "leitung", "Mein Lernweg")
    first_time(frame, "VFA")
    activity(walk, "leitung", "Mein Lernweg")
    time.sleep(5)  # the worker asks Moodle for the number
    frame = activity(walk, "leitung", "Mein Lernweg")
    said = frame.locator("[data-test=course-size]").inner_text()
    walk.picture(walk.at("leitung"), "5-teacher")
    return said


def admin(walk: Walk) -> str:
    """A site administrator in the frame has no right in the administration of roadMAP."""
    frame = activity(walk, "admin", "Mein Lernweg")
    first_time(frame, "IT")
    offered = frame.get_by_role("link", name="Verwaltung").count()
    walk.picture(walk.at("admin"), "5-admin")
    assert not offered, "an LTI role gave a right"
    return "no administration offered"


def exam(walk: Walk) -> str:
    """The placed exam: first not yet, then it sits; the grade book says 0 and then 1."""
    frame = activity(walk, "gaertnerin", "Kurzer Rückblick")
    page, seen = walk.at("gaertnerin"), []
    expect(frame.locator("[data-test=exam]")).to_be_visible()
    walk.picture(page, "6-exam")
    for well in (False, True):
        frame.locator("[data-test=begin-exam]").click()
        either = frame.locator("[data-test=question], [data-test=exam-result]").first
        either.wait_for()
        while not frame.locator("[data-test=exam-result]").count():
            answer(frame, well=well)
            walk.picture(page, f"6-answered-{well}")
            frame.locator("[data-test=continue]").press("Enter")  # Moodle's drawers may lie over it
            either.wait_for()
        heading = frame.locator("[data-test=exam-result]").inner_text()
        walk.picture(page, f"6-result-{well}")
        seen.append(
            f"{heading!r} -> {grade_of(walk, 'Kurzer Rückblick', '0' if not well else '1')}"
        )
        if not well:
            frame = activity(walk, "gaertnerin", "Kurzer Rückblick")
            frame.locator("[data-test=begin-exam]").wait_for()
    return "; ".join(seen)


def answer(frame: FrameLocator, *, well: bool) -> None:
    """Answer the open question of an exam: as it fits, or "I do not know"."""
    form = frame.locator("[data-test=question]")
    item = next(i for i in _items() if i.key == form.get_attribute("data-item"))
    if not well:
        skip = form.locator("[data-test=dont-know]")
        if skip.get_attribute("type") in ("radio", "checkbox"):
            form.locator(f"label[for={skip.get_attribute('id')}]").click()
            skip = form.locator("[data-test=answer]")
        skip.click()
    else:
        _fill(form, best(item))
        form.locator("[data-test=answer]").click()
    frame.locator("[data-test=said]").wait_for()


def _fill(form: Locator, response: dict[str, Any]) -> None:
    if "choice" in response:
        form.locator(f"input[name=choice][value='{response['choice']}']").check(force=True)
    for value in response.get("choices", ()):
        form.locator(f"input[name=choices][value='{value}']").check(force=True)
    for number, target in enumerate(response.get("targets", ())):
        if form.locator(f"select[name=m{number}]").count():
            form.locator(f"select[name=m{number}]").select_option(target)
        else:
            form.locator(f"input[name=m{number}][value='{target}']").check(force=True)
    for place, value in enumerate(response.get("order", ())):
        step = form.locator(f"[data-value='{value}']")
        while _place(form, value) > place:
            step.locator("button[name=up]").click()


def _place(form: Locator, value: int) -> int:
    values: list[str] = form.locator("[data-value]").evaluate_all(
        "s => s.map(e => e.dataset.value)"
    )
    return values.index(str(value))


@cache
def _items() -> tuple[Item, ...]:
    return Content.load(ROOT / "content").items


def plan(walk: Walk) -> str:
    """The accepted path is one learning plan, with links and months, also after a second yes."""
    user = walk.made["people"]["gaertnerin"]
    page = walk.go("gaertnerin", f"/admin/tool/lp/plans.php?userid={user}")
    link = page.get_by_role("link", name="Mein Lernweg (roadMAP)")
    for _ in range(20):
        if link.count():
            break
        time.sleep(2)
        page.reload()
    assert link.count() == 1, f"{link.count()} plans"
    link.click()
    page.wait_for_load_state("networkidle")
    walk.picture(page, "8-plan")
    steps, linked = page.locator("#region-main ol li"), page.locator("#region-main ol li a")
    expect(linked).to_have_attribute("href", re.compile(r"/mod/page/view\.php"))
    return f"one plan with {steps.count()} steps, linked: {linked.inner_text()}"


def xapi(walk: Walk) -> str:
    """Activity in the course: sent by the plugin, it is her evidence and moves her path."""
    before, pages = _lrs(walk), walk.made["pages"]
    for number in pages.values():
        page = walk.go("gaertnerin", f"/mod/page/view.php?id={number}")
        page.wait_for_load_state("networkidle")
        if page.locator("[data-toggletype='manual:mark-done']").count():
            page.locator("[data-action=toggle-manual-completion]").first.click()
        expect(page.locator("[data-toggletype='manual:undo']").first).to_be_visible()
        walk.picture(page, "9-done-in-moodle")
    for _ in range(4):
        cron(walk.place)
        after = _lrs(walk)
        if after["evidence"] >= len(pages):
            break
        time.sleep(8)
    assert after["evidence"] >= len(pages), after
    frame = activity(walk, "gaertnerin", "Mein Lernweg")
    frame.get_by_role("link", name="Lernpfad", exact=True).click()
    step = frame.locator("[data-offer=N1]")  # N6 is not on everybody's path
    expect(step).to_have_attribute("data-state", "done")
    said = step.locator("[data-test=counts]").inner_text()
    walk.picture(walk.at("gaertnerin"), "9-path-moved")
    grade = grade_of(walk, "Mein Lernweg", r"\d+")
    counts = {name: after[name] - before[name] for name in ("received", "stored", "evidence")}
    return f"{counts}; N1 done: {said!r}; grade {grade}"


def _lrs(walk: Walk) -> dict[str, Any]:
    (found,) = [x for x in walk.roadmap("lrs", "status")["lrs"] if x["name"] == "eingebaut"]
    return dict(found)


def review(walk: Walk) -> str:
    """Submission review: teacher and learner read what the grade means; a forged one is refused."""
    said = []
    for who, user in (("leitung", "gaertnerin"), ("gaertnerin", "gaertnerin")):
        frame = _reviewed(walk, who, walk.made["people"][user], "Was diese Bewertung bedeutet")
        said.append(frame.locator("h1 + p").first.inner_text())
        walk.picture(walk.at(who), f"10-review-{who}")
    other = walk.made["people"]["erzieher"]
    _reviewed(walk, "gaertnerin", other, "Der Start hat nicht geklappt")
    page = walk.at("gaertnerin")
    code = page.frame_locator("#contentframe").locator("meta[name=roadmap-error]")
    forged = code.get_attribute("content")
    walk.picture(page, "10-review-forged")
    assert forged == "for-user-foreign", forged
    return f"teacher: {said[0]!r}; learner: {said[1]!r}; forged: {forged}"


def _reviewed(walk: Walk, who: str, user: int, heading: str) -> FrameLocator:
    frame = activity(walk, who, "Kurzer Rückblick")
    frame.locator("h1").first.wait_for()
    page = walk.at(who)
    number = re.search(r"id=(\d+)", page.url)
    assert number
    # Moodle's own page of the grade opens this in the frame; a forged address is typed like that.
    address = f"/mod/lti/launch.php?id={number[1]}&action=gradeReport&user={user}"
    page.locator("#contentframe").evaluate(
        "(f, a) => { f.src = a; }", walk.place.moodle_url + address
    )
    expect(frame.locator("h1").first).to_have_text(heading)
    return frame


def missing(walk: Walk) -> str:
    """A right is taken from the service user, and given back: the check names it."""
    role = "$DB->get_field('role', 'id', ['shortname' => 'roadmap'])"
    right = "'moodle/competency:planmanage'"
    system = "context_system::instance()->id"
    begin = f"define('CLI_SCRIPT', true); require '{walk.place.moodle}/config.php'; "
    taken = f"unassign_capability({right}, {role}); purge_all_caches();"
    given = f"assign_capability({right}, CAP_ALLOW, {role}, {system}); purge_all_caches();"
    _run([*walk.place.php, "-r", begin + taken])
    found = walk.not_green()
    _run([*walk.place.php, "-r", begin + given])
    assert not (again := walk.not_green()), again
    assert any("planmanage" in said for said in found), found
    return "; ".join(found)


def withdraw(walk: Walk) -> str:
    """The learner objects: plan and share of steps are gone, what the exam showed stays."""
    frame = activity(walk, "gaertnerin", "Mein Lernweg")
    frame.get_by_role("link", name="Lernpfad", exact=True).click()
    frame.locator("summary", has_text="Ich will keine Vorschläge").click()
    frame.locator("button[value=object]").click()
    expect(frame.locator("body")).to_contain_text("Keine Vorschläge")
    walk.picture(walk.at("gaertnerin"), "11-objected")
    user = walk.made["people"]["gaertnerin"]
    for _ in range(20):
        page = walk.go("gaertnerin", f"/admin/tool/lp/plans.php?userid={user}")
        if not page.get_by_role("link", name="Mein Lernweg (roadMAP)").count():
            break
        time.sleep(2)
    else:
        raise AssertionError("the plan is still there")
    walk.picture(page, "11-no-plan")
    share, shown = grade_of(walk, "Mein Lernweg", "-"), grade_of(walk, "Kurzer Rückblick", "1")
    return f"no plan; Mein Lernweg {share}; Kurzer Rückblick {shown}"


STEPS: dict[str, Callable[[Walk], str]] = {
    "register": register,
    "offer": offer,
    "place": place_parts,
    "connect": connect,
    "learner": learner,
    "teacher": teacher,
    "admin": admin,
    "exam": exam,
    "plan": plan,
    "xapi": xapi,
    **EDGES,
    "review": review,
    "missing": missing,
    "withdraw": withdraw,
    "by-hand": by_hand,
}


def main() -> int:
    """Walk the steps, all or those that are named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--only", default="", help="steps, separated by commas")
    asked = parser.parse_args()
    place = Place.of(asked.state.resolve())
    made = json.loads((place.state / "made.json").read_text())
    chosen = [name for name in asked.only.split(",") if name] or list(STEPS)
    expect.set_options(timeout=LONG_MS)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as profiles:
        walk = Walk(place, playwright.chromium, made, Path(profiles))
        try:
            for name in chosen:
                began = time.monotonic()
                said = STEPS[name](walk)
                print(f"{name}: {said} ({time.monotonic() - began:.1f} s)")
        except BaseException:
            for name, context in walk.open.items():
                walk.picture(context.pages[0], f"failed-{name}")
            raise
        finally:
            for context in walk.open.values():
                context.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
