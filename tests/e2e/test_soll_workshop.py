"""A workshop in real browsers: six people in two groups, a Soll in force, somebody judged by it."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import docx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from competency.soll import Granularity
from competency.workshop import Group
from lti_tool.flows import workshop
from lti_tool.flows.observe import refold_learner
from tests.conftest import missing
from tests.e2e.keyboard import Keyboard
from tests.e2e.test_on_paper import pages_of
from tests.e2e.test_pages_look import AXE, COUNTS, DESK, LENGTHEN, PHONE, RUN_AXE, SMALL_TARGETS
from tests.e2e.test_pages_look import TAGS as AXE_TAGS
from tests.pages import forum
from tests.pages.desk import Official, official
from tests.pages.scene import WORD, Stage, Visitor
from tests.pages.serving import served

pytestmark = pytest.mark.browser

AREAS = ("1", "2", "3", "4", "5", "K")
#: What six people say about the first area: leaders want much, the gardeners little.
LEADERS, GARDENERS = ("5", "5", "7"), ("1", "1", "3")


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with served(tmp_path_factory.mktemp("workshop")) as made:
        yield made


def phone(browser: Browser, *, script: bool = True) -> BrowserContext:
    return browser.new_context(
        viewport={"width": PHONE, "height": 640}, locale="de-DE", java_script_enabled=script
    )


def at_the_desk(browser: Browser, stage: Stage, who: Official) -> Page:
    context = browser.new_context(viewport={"width": DESK, "height": 900}, locale="de-DE")
    name, value = who.cookie
    context.add_cookies([{"name": name, "value": value, "domain": "localhost", "path": "/admin"}])
    page = context.new_page()
    page.goto(f"{stage.settings.server.base_url}/admin/")
    return page


def take_part(context: BrowserContext, stage: Stage, code: str, group: str) -> Page:
    page = context.new_page()
    page.goto(f"{stage.settings.server.base_url}/soll")
    page.locator("[data-test=workshop-code]").fill(code)
    page.locator("[data-test=workshop-look]").click()
    option = page.locator(f"[data-test=workshop-group][value={group}]")
    page.locator(f"label[for={option.get_attribute('id')}]").click()
    page.locator("[data-test=workshop-join]").click()
    return page


def give(page: Page, step: str, rest: str = "3") -> None:
    """Vote on every area: the first with `step`, all others with `rest`."""
    for area in AREAS:
        form = page.locator("[data-test=workshop-vote]")
        expect(form).to_have_attribute("data-topic", area)
        option = form.locator(f"input[name=step][value='{step if area == '1' else rest}']")
        page.locator(f"label[for={option.get_attribute('id')}]").click()
        page.locator("[data-test=workshop-save]").click()
    expect(page.locator("h1")).to_have_text("Danke. Alle Ihre Stimmen sind gespeichert.")


def test_from_six_votes_in_two_groups_to_the_verdict_of_a_learner(
    browser: Browser, stage: Stage
) -> None:
    gardener = stage.assessed("GB", luck=0.2)
    chief, hr = official(stage, "manager"), official(stage, "hr")
    desk = at_the_desk(browser, stage, chief)

    # A manager opens a workshop: areas, for three leaders and three gardeners.
    desk.goto(f"{stage.settings.server.base_url}/admin/workshops")
    desk.locator("[data-test=new-workshop]").click()
    desk.locator("[data-test=workshop-role] select").select_option("GB")
    desk.locator("[data-test=invited-lead]").fill("3")
    desk.locator("[data-test=invited-staff]").fill("3")
    desk.locator("[data-test=start-workshop]").click()
    expect(desk.locator("[data-test=wall]")).to_be_visible()
    here = desk.url.partition("?")[0]
    desk.locator("[data-test=wall]").click()
    code = desk.locator("[data-test=wall-code]").inner_text()

    # Six phones, half of them without script; nobody sees anything of the others.
    voters = [
        (phone(browser, script=n % 2 == 0), group, step)
        for n, (group, step) in enumerate(
            [("lead", s) for s in LEADERS] + [("staff", s) for s in GARDENERS]
        )
    ]
    pages = []
    for context, group, step in voters:
        page = take_part(context, stage, code, group)
        give(page, step)
        pages.append(page)
    # The wall looks by itself whether somebody has come.
    expect(desk.locator("[data-test=wall-voted]")).to_have_text(
        "6 Personen haben alles beantwortet.", timeout=12_000
    )
    expect(desk.locator("main")).not_to_contain_text("Mitte")

    # The vote is closed; the wall shows both groups beside the reason, the value on request only.
    desk.goto(here)
    desk.locator("[data-test=close-vote]").click()
    desk.locator("[data-test=wall]").click()
    desk.locator("[data-test=wall-topic]").first.click()
    shown = desk.locator("[data-test=workshop-agreement]")
    expect(shown).to_have_attribute("data-detail", "groups")
    expect(shown).to_have_attribute("data-agreement", "apart")
    expect(desk.locator("[data-group=lead]")).to_contain_text("Führung: 3 Stimmen")
    expect(desk.locator("[data-group=lead]")).to_contain_text("Mitte: 3 Sicher")
    expect(desk.locator("[data-group=staff]")).to_contain_text("Mitte: 1 Mit Hilfe")
    assert desk.locator("[data-test=wall-proposal]").count() == 0
    desk.locator("[data-test=wall-show-proposal]").click()
    expect(desk.locator("[data-test=wall-proposal]")).to_contain_text("Vorschlag von roadMAP")

    # People talk, then settle what they argued about; the rest nobody disputes.
    desk.locator("[data-test=wall-settle]").click()
    desk.locator("[data-test=agreed-value] select").select_option("3")
    desk.locator("[data-test=agreed-reason]").fill("Aufträge und Fotos macht jede*r allein.")
    desk.locator("[data-test=settle]").click()
    desk.goto(here)
    desk.locator("[data-test=settle-undisputed]").click()
    desk.locator("[data-test=finish-workshop]").click()
    expect(desk.locator("[data-test=soll-state]")).to_have_attribute("data-state", "draft")
    version = desk.url.partition("?")[0]

    # Who voted sees the counts on the own phone until the end; then the seat is gone.
    pages[0].goto(f"{stage.settings.server.base_url}/soll")
    expect(pages[0].locator("main")).to_contain_text("Dieser Workshop ist zu Ende")

    # The minutes hold both groups, and no voter.
    desk.goto(f"{here}/protokoll")
    expect(desk.locator("article")).to_contain_text("Berufsgruppe: 3 Stimmen")
    paper = docx.Document(io.BytesIO(desk.request.get(f"{here}/protokoll.docx").body()))
    told = "\n".join(p.text for p in paper.paragraphs)
    assert "Begründung: Aufträge und Fotos macht jede*r allein." in told

    # A manager hands a draft over; human resources check it, involve the council, approve.
    office = at_the_desk(browser, stage, hr)
    office.goto(version)
    expect(office.locator("[data-test=soll-changes]")).to_contain_text("6 Werten")
    office.locator("[data-test=submit-soll]").click()
    office.locator("[data-test=office]").fill("Leitung Hauptamt")
    office.locator("[data-test=approve-soll]").click()
    expect(office.locator("[role=alert]")).to_contain_text("Personalrat")
    office.locator("[data-test=record-council]").click()
    office.locator("[data-test=office]").fill("Leitung Hauptamt")
    office.locator("[data-test=approve-soll]").click()
    expect(office.locator("[data-test=soll-state]")).to_have_attribute("data-state", "approved")

    # The gardener is judged by it: an area of its own, decided, at the agreed level.
    refold_learner(stage.s, gardener.learner_id, stage.now)  # what the worker does
    profile = profile_of(browser, stage, gardener)
    row = profile.locator("[data-test=competency-row][data-competency='1']")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("selbstständig")
    assert profile.locator("[data-test=competency-row]").count() == len(AREAS)
    expect(profile.locator("main")).to_contain_text("Ihre Kommune hat es beschlossen.")
    expect(row.locator("details")).to_contain_text("Fassung 1, beschlossen")


def profile_of(browser: Browser, stage: Stage, visitor: Visitor) -> Page:
    context = browser.new_context(viewport={"width": DESK, "height": 900}, locale="de-DE")
    name, value = visitor.cookie
    cookie = {"name": name, "value": value, "domain": "localhost", "path": visitor.home}
    context.add_cookies([cookie])  # type: ignore[list-item]
    page = context.new_page()
    page.goto(f"{stage.settings.server.base_url}{visitor.home}profil")
    return page


def test_a_vote_by_keyboard_alone_and_a_reload_loses_nothing(
    browser: Browser, stage: Stage
) -> None:
    made = forum.opened(stage)
    page = phone(browser).new_page()
    page.goto(f"{stage.settings.server.base_url}/soll?code={made.code}")
    enter(page, "workshop-look")
    Keyboard(page).reach("[data-test=workshop-group]")
    page.keyboard.press("ArrowDown")
    enter(page, "workshop-join")
    expect(page.locator("[data-test=workshop-vote]")).to_have_attribute("data-topic", "1")
    Keyboard(page).reach("[data-test=workshop-step]")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    enter(page, "workshop-save")
    expect(page.locator("[data-test=workshop-vote]")).to_have_attribute("data-topic", "2")
    page.reload()
    expect(page.locator("[data-test=workshop-vote]")).to_have_attribute("data-topic", "2")
    page.goto(f"{stage.settings.server.base_url}/soll")  # another day, the same device
    expect(page.locator("[data-test=workshop-vote]")).to_have_attribute("data-topic", "2")
    page.locator("[data-test=workshop-mine]").click()
    expect(page.locator("[data-test=workshop-votes] + section li").first).to_contain_text(
        "2 Selbstständig"
    )
    assert stage.s  # the votes are in the house, not in the browser
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def enter(page: Page, name: str) -> None:
    """Reach a button and press Enter; return when the page it leads to is there."""
    Keyboard(page).reach(f"[data-test={name}]")
    with page.expect_navigation():
        page.keyboard.press("Enter")


@pytest.mark.parametrize(("width", "scheme"), [(PHONE, "light"), (768, "light"), (DESK, "dark")])
def test_every_page_of_a_workshop_is_accessible_and_fits(
    browser: Browser, stage: Stage, width: int, scheme: str
) -> None:
    if not AXE.is_file():
        missing("axe-core", "tools/build_assets.py")
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, locale="de-DE"
    )
    wrong = {}
    for name, (cookie, path) in pages(stage).items():
        context.clear_cookies()
        if cookie:
            at, value = cookie
            where = "/soll" if at == "seat" else "/admin"
            crumb = {"name": at, "value": value, "domain": "localhost", "path": where}
            context.add_cookies([crumb])  # type: ignore[list-item]
        page = context.new_page()
        answer = page.goto(f"{stage.settings.server.base_url}{path}")
        assert answer is not None
        assert answer.status in (200, 404), name
        counts = page.evaluate(COUNTS)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = [*page.evaluate(RUN_AXE, AXE_TAGS), *page.evaluate(SMALL_TARGETS)]
        long = page.evaluate(LENGTHEN, WORD)
        if long["page"] > width:
            found.append(f"too wide with a long word: {long}")
        if counts["h1"] != 1 or counts["inline"] or counts["handlers"] or counts["primary"] > 1:
            found.append(str(counts))
        if found:
            wrong[name] = found
        page.close()
    context.close()
    assert not wrong, wrong


def pages(stage: Stage) -> dict[str, tuple[tuple[str, str] | None, str]]:
    """Return every page of a workshop in every state: cookie and address."""
    hr = official(stage, "hr").cookie
    topics = forum.opened(stage, granularity=Granularity.COMPETENCE)
    eight = forum.opened(stage, "ERZ", scale=8)
    ready = forum.opened(stage, "VFA")
    finished = forum.come(stage, ready)
    forum.vote_all(stage, [finished], [3])
    small = forum.opened(stage, "HM", invited={Group.LEAD: 1, Group.STAFF: 5})
    few = [forum.come(stage, small, Group.LEAD), *(forum.come(stage, small) for _ in range(5))]
    forum.vote_all(stage, few, [7, 1, 1, 3, 3, 3])
    forum.close(stage, small)
    closed, seats = forum.voted(stage)
    ended, _ = forum.voted(stage, role="PFL")
    forum.settled(stage, ended)
    workshop.finish(stage.s, forum.moderator(stage), stage.tenant.id, ended.id, stage.now)

    def seat(secret: str) -> tuple[str, str]:
        return "seat", secret

    def admin(made: str, path: str = "") -> tuple[tuple[str, str], str]:
        return hr, f"/admin/workshops/{made}{path}"

    return {
        "code": (None, "/soll"),
        "vote": (seat(forum.come(stage, topics)), "/soll/stimmen"),
        "vote on eight levels": (seat(forum.come(stage, eight)), "/soll/stimmen"),
        "all given": (seat(finished), "/soll/stimmen"),
        "results": (seat(seats[0]), "/soll/stimmen?spaet=1"),
        "results of a small group": (seat(few[0]), "/soll/stimmen"),
        "list": (hr, "/admin/workshops"),
        "new": (hr, "/admin/workshops/neu?rolle=GB"),
        "voting": admin(topics.id),
        "closed": admin(closed.id),
        "over": admin(ended.id),
        "topic": admin(closed.id, "/thema/1"),
        "wall": admin(topics.id, "/wand"),
        "wall, closed": admin(closed.id, "/wand"),
        "wall, topic": admin(closed.id, "/wand/1?vorschlag=1"),
        "wall, small group": admin(small.id, "/wand/1"),
        "minutes": admin(ended.id, "/protokoll"),
    }


#: Words that stand on more than one line; a hyphen, a slash or a star may end a line.
BROKEN = """() => {
  const found = [];
  const walk = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
  for (let node; (node = walk.nextNode()); ) {
    for (const word of node.data.matchAll(/[\\p{L}\\d,.()]+/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((box) => box.top)).size > 1) found.push(word[0]);
    }
  }
  return found;
}"""
WIDER = """() => [document.documentElement, ...document.querySelectorAll("article div")]
  .filter((box) => box.scrollWidth > box.clientWidth).length"""
TOPICS, SHEETS = 26, 3


def of_many_topics(browser: Browser, stage: Stage) -> Page:
    """Return the minutes of 26 topics on eight levels, settled, each for its own reason."""
    invited = {Group.LEAD: 4, Group.STAFF: 8}
    made = forum.opened(stage, "VFA", Granularity.COMPETENCE, 8, invited)
    seats = [forum.come(stage, made, g) for g, n in invited.items() for _ in range(n)]
    apart, near = [3, 4, 5, 6, 1, 2, 3, 4, 5, 2, 3, 3], [3, 3, 3, 4, 3, 3, 3, 4, 3, 3, 2, 3]
    forum.vote_all(stage, seats, apart, near, [7, 8, 7, 6, 1, 0, 1, 2, 2, 3, 1, 1])
    forum.close(stage, made)
    forum.settled(stage, made, reason="Aufträge und Fotos macht jede*r allein. " * 3)
    desk = at_the_desk(browser, stage, official(stage, "hr"))
    desk.goto(f"{stage.settings.server.base_url}/admin/workshops/{made.id}/protokoll")
    return desk


def test_minutes_of_26_topics_are_three_sheets_and_break_no_word_on_a_phone(
    browser: Browser, stage: Stage, tmp_path: Path
) -> None:
    desk = of_many_topics(browser, stage)
    assert desk.locator("article h3").count() == TOPICS
    for width in (PHONE, 768, DESK):
        desk.set_viewport_size({"width": width, "height": 900})
        assert desk.evaluate(BROKEN) == [], width
        assert desk.evaluate(WIDER) == 0, width
    assert pages_of(desk, tmp_path / "protokoll.pdf") <= SHEETS


def test_the_code_for_the_camera_leads_to_the_same_page(browser: Browser, stage: Stage) -> None:
    made = forum.opened(stage)
    desk = at_the_desk(browser, stage, official(stage, "hr"))
    desk.goto(f"{stage.settings.server.base_url}/admin/workshops/{made.id}/wand")
    drawn = desk.locator("svg.rm-qr path")
    expect(drawn).to_have_count(1)
    assert re.match(r"M[\d .hmv-]+", drawn.get_attribute("d") or "")
    page = phone(browser).new_page()
    page.goto(f"{stage.settings.server.base_url}/soll?code={made.code}")
    expect(page.locator("[data-test=workshop-code]")).to_have_value(made.code)
