"""Every page and state in a real browser: axe, small screens, long words, targets, one blue button.

axe (WCAG 2.0 to 2.2 A and AA, EN 301 549, best practice) runs with all accordions open: here on a
phone in light, and on a desk in dark for one page of each sort; every page in every other width,
scheme and zoom is in `make test-all`. Colour contrast that axe cannot decide fails too, except for
text over drawings: KERN sets no text colour of its own on body, and black on black is filed as
"incomplete" (design/pages.md 13).
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page
from werkzeug.datastructures import MultiDict

from competency.items import Kind
from tests.conftest import missing
from tests.pages.enriched import enriched
from tests.pages.gallery import Shown, gallery
from tests.pages.scene import WORD, Stage
from tests.pages.serving import served

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "assets" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "EN-301-549", "best-practice"]
PHONE, DESK = 320, 1280
ALL, NONE = re.compile(".*"), re.compile("(?!)")
#: One page of each sort.
KINDS = "|".join(kind.value for kind in Kind)
#: Other states of a page, drawn by the same template and parts: axe in `make test-all` only.
AGAIN = re.compile(
    f"answered-(?!ordering).*|question-(?!matching|hotspot|categorize)({KINDS})-missing|.*-en"
    "|profile-(little|low|high|learned|received)|start-(rested|accepted|open)"
    "|path-(tried|learned|objected)"
)
ONE_OF_EACH = re.compile(
    f"index|launch-refused|notice|role|start-new|practice|help|question-({KINDS})|answered-ordering"
    "|question-(matching|hotspot|categorize)-missing|pause|done|profile|profile-print|dispute"
    "|path-draft|postpone|unit|data|erase|reflection|share|share-look|shared"
)

RUN_AXE = """async (tags) => {
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  const found = await axe.run(document, {runOnly: tags, resultTypes: ["violations", "incomplete"]});
  const say = (r) => r.nodes.map((n) => `${r.id}: ${n.target.join(" ")}: ${n.failureSummary}`);
  const overPicture = (n) => n.target.some((t) => document.querySelector(t)?.closest("svg"));
  const unclear = found.incomplete.filter((r) => r.id === "color-contrast")
    .map((r) => ({...r, nodes: r.nodes.filter((n) => !overPicture(n))}));
  return [...found.violations, ...unclear].flatMap(say);
}"""

# Puts the longest word there is in front of every text, as a municipality's titles would.
LENGTHEN = """(word) => {
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  const texts = "h1, h2, h3, p, li, dt, dd, label, th, td, legend span, .kern-label, .kern-title";
  for (const e of document.querySelectorAll(texts)) {
    const node = [...e.childNodes].find((n) => n.nodeType === 3 && n.data.trim());
    // Level words and badges are our own short words, never a municipality's.
    if (node && !e.closest("svg, .rm-steps, .kern-badge")) node.data = `${word} ${node.data}`;
  }
  const inside = (e) => e.closest(".kern-table-responsive, svg, .rm-sr, .rm-skip");
  const wide = [...document.querySelectorAll("body *")]
    .filter((e) => !inside(e) && e.getBoundingClientRect().right > innerWidth + 1);
  return {page: document.documentElement.scrollWidth,
          wide: wide.slice(0, 5).map((e) => e.outerHTML.slice(0, 120))};
}"""

# A choice is tapped anywhere in its box; a link inside a sentence is exempt (WCAG 2.5.8).
SMALL_TARGETS = """() => {
  document.querySelectorAll("details").forEach((d) => { d.open = true; });
  const all = document.querySelectorAll("a[href], button, summary, select, textarea, .rm-option");
  return [...all].filter((e) => {
    const box = (e.matches(".kern-link--stretched") ? e.closest("li") : e).getBoundingClientRect();
    if (!box.height || e.closest(".rm-skip, .kern-alert__body, .rm-spot")) return false;
    return box.height < 47.5 || box.width < 47.5;
  }).map((e) => `${e.getBoundingClientRect().height}: ${e.outerHTML.slice(0, 120)}`);
}"""

# What a screen reader is told about everything that can be used, by the browser's own tree.
USED = {
    "button", "link", "checkbox", "radio", "combobox", "textbox", "DisclosureTriangle", "image",
    "progressbar", "radiogroup",
}  # fmt: skip
HIDDEN = """() => [...document.querySelectorAll(
  "[aria-hidden=true] :is(a[href], button, input, select, textarea, summary), " +
  ":is(a[href], button, input, select, textarea, summary)[aria-hidden=true]"
)].map((e) => e.outerHTML.slice(0, 120))"""

COUNTS = """() => ({
  primary: document.querySelectorAll(".kern-btn--primary").length,
  h1: document.querySelectorAll("h1").length,
  inline: document.querySelectorAll("[style], style, script:not([src])").length,
  handlers: [...document.querySelectorAll("*")].filter(
    (e) => [...e.attributes].some((a) => a.name.startsWith("on"))).length,
})"""


@dataclass(frozen=True)
class Studio:
    """A stage, a browser with everybody's cookies, and the pages to look at."""

    stage: Stage
    browser: Browser
    pages: tuple[Shown, ...]
    answers: dict[str, str]  # what the server said to a form, by name of the page

    def context(self, width: int, scheme: str, **looks: object) -> BrowserContext:
        made = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="de-DE",
            **looks,  # type: ignore[arg-type]
        )
        made.add_init_script(path=AXE)  # once, instead of sending it with every page
        made.add_cookies([_cookie(s) for s in self.pages if s.visitor is not None])
        return made

    def show(self, page: Page, shown: Shown) -> None:
        base = self.stage.settings.server.base_url
        home = "" if shown.path.startswith("/") or not shown.visitor else shown.visitor.home
        if shown.name in self.answers:
            # What a form was answered with: the server's own page, shown at its own origin.
            page.goto(f"{base}/static/0/roadmap.css")
            page.set_content(self.answers[shown.name])
            page.wait_for_load_state("load")
        else:
            page.goto(base + home + shown.path)


def _cookie(shown: Shown) -> dict[str, str]:
    assert shown.visitor is not None
    secret, path = shown.visitor.secret, shown.visitor.home
    return {"name": "launch", "value": secret, "domain": "localhost", "path": path}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Studio]:
    if not AXE.is_file():
        missing("axe-core", "tools/build_assets.py")
    folder = tmp_path_factory.mktemp("pages")
    with served(folder, enriched(folder)) as stage:
        pages = tuple(gallery(stage))
        answers = {p.name: _posted(stage, p) for p in pages if p.form is not None}
        yield Studio(stage, browser, pages, answers)


def _posted(stage: Stage, shown: Shown) -> str:
    assert shown.visitor is not None
    assert shown.form is not None
    sent = MultiDict([("csrf", stage.csrf(shown.visitor)), *shown.form])
    answer = stage.client(shown.visitor).post(shown.visitor.home + shown.path, data=sent)
    assert answer.status_code in (200, 403), (shown.name, answer.status_code)
    return answer.text


@dataclass(frozen=True)
class Findings:
    """What one walk through pages found, by kind and page."""

    axe: dict[str, list[str]]
    counts: dict[str, dict[str, int]]
    small: dict[str, list[str]]
    wide: dict[str, object]
    nameless: dict[str, list[str]]


def _walk(
    studio: Studio,
    width: int,
    scheme: str,
    *,
    pages: re.Pattern[str] = ALL,
    names: re.Pattern[str] = ALL,
    spared: re.Pattern[str] = NONE,
    **looks: object,
) -> Findings:
    """Look at these pages once; `names` are those whose tree is read, `spared` those without axe.

    Lengthening comes last, because it changes the page.
    """
    found = Findings({}, {}, {}, {}, {})
    context = studio.context(width, scheme, **looks)
    page = context.new_page()
    tree = context.new_cdp_session(page)
    for shown in studio.pages:
        if not pages.fullmatch(shown.name):
            continue
        studio.show(page, shown)
        found.counts[shown.name] = page.evaluate(COUNTS)
        if not spared.fullmatch(shown.name) and (problems := page.evaluate(RUN_AXE, TAGS)):
            found.axe[shown.name] = problems
        told = _nameless(tree) if names.fullmatch(shown.name) else []
        if nameless := [*told, *page.evaluate(HIDDEN)]:
            found.nameless[shown.name] = nameless
        if small := page.evaluate(SMALL_TARGETS):
            found.small[shown.name] = small
        seen = page.evaluate(LENGTHEN, WORD)
        if seen["page"] > width or seen["wide"]:
            found.wide[shown.name] = seen
    context.close()
    return found


def _nameless(tree: CDPSession) -> list[str]:
    """Return what can be used and has no name, as the browser tells a screen reader."""
    nodes = tree.send("Accessibility.getFullAXTree")["nodes"]
    seen = [n for n in nodes if not n["ignored"] and n["role"]["value"] in USED]
    return [n["role"]["value"] for n in seen if not n.get("name", {}).get("value", "").strip()]


@pytest.fixture(scope="module")
def phone(studio: Studio) -> Findings:
    return _walk(studio, PHONE, "light", names=ONE_OF_EACH, spared=AGAIN)


@pytest.fixture(scope="module")
def desk(studio: Studio) -> Findings:
    return _walk(studio, DESK, "dark", pages=ONE_OF_EACH, names=NONE)


def test_axe_finds_nothing_on_a_phone_in_light(phone: Findings) -> None:
    assert not phone.axe, _said(phone.axe)


def test_axe_finds_nothing_on_a_desk_in_dark(desk: Findings) -> None:
    assert not desk.axe, _said(desk.axe)


def test_everything_to_tap_has_a_name_and_nothing_is_hidden_from_a_screen_reader(
    phone: Findings,
) -> None:
    assert not phone.nameless, _said(phone.nameless)


#: Width in CSS pixels, scheme, and what else: 640 and 384 are 1280 and 768 at 200 %.
MATRIX = [
    (PHONE, "light", {}),
    (PHONE, "dark", {}),
    (DESK, "light", {}),
    (DESK, "dark", {}),
    (768, "light", {}),
    (640, "light", {"device_scale_factor": 2}),
    (384, "dark", {"device_scale_factor": 2}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme", "looks"), MATRIX)
def test_every_page_is_right_in_every_other_width_scheme_and_zoom(
    studio: Studio, width: int, scheme: str, looks: dict[str, object]
) -> None:
    found = _walk(studio, width, scheme, **looks)
    for problems in (found.axe, found.nameless, found.small, found.wide):
        assert not problems, _said(problems)


@pytest.mark.slow
def test_letters_twice_as_large_break_no_page(studio: Studio) -> None:
    """Larger letters alone (a setting of the browser), on a small screen (WCAG 1.4.4)."""
    context = studio.context(640, "light")
    page, wide = context.new_page(), {}
    for shown in studio.pages:
        studio.show(page, shown)
        page.evaluate("() => { document.documentElement.style.fontSize = '200%'; }")
        if page.evaluate("document.documentElement.scrollWidth") > 640:
            wide[shown.name] = page.evaluate(LENGTHEN, "")["wide"]
    context.close()
    assert not wide, _said(wide)


def test_the_longest_word_breaks_no_page_on_a_phone(phone: Findings) -> None:
    assert not phone.wide, _said(phone.wide)


def test_everything_to_tap_is_large_enough_for_gloves(phone: Findings, desk: Findings) -> None:
    assert not phone.small, _said(phone.small)
    assert not desk.small, _said(desk.small)


#: Pages that offer two equal ways, delete something, print, or have nothing left to do.
WITHOUT_PRIMARY = {
    "start-rested", "erase", "erase-missing", "erased", "left", "not-found", "session-foreign",
    "launch-refused", "index", "index-en", "privacy", "accessibility", "register",
    "profile-print", "path-print", "share-nothing",
}  # fmt: skip


def test_every_page_has_one_heading_one_blue_button_and_nothing_inline(phone: Findings) -> None:
    wrong = {
        name: seen
        for name, seen in phone.counts.items()
        if seen | {"primary": 0} != {"primary": 0, "h1": 1, "inline": 0, "handlers": 0}
        or seen["primary"] != (0 if name in WITHOUT_PRIMARY else 1)
    }
    assert not wrong, _said(wrong)


def _said(found: object) -> str:
    return json.dumps(found, indent=1, ensure_ascii=False)
