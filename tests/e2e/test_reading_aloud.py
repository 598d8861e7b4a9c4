"""Questions are read out: by a voice of the device, sentence by sentence, or by a recording.

Chromium on a server has no voice, so the browser's speech is replaced by one that writes down what
it is given to say; everything else is the real page.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from competency.items import Item, Kind
from lti_tool.flows import profiles
from tests.e2e.keyboard import Keyboard
from tests.pages.enriched import EASY, enriched
from tests.pages.scene import Stage
from tests.pages.serving import served

pytestmark = pytest.mark.browser

# Says a sentence in 20 ms, or as set. `voices` may come late, as browsers load them.
SPEECH = """(() => {
  const heard = [];
  const listeners = [];
  let voices = VOICES;
  let running = null;
  window.heard = heard;
  window.marked = [];
  window.labels = [];  // of the button, when a sentence ends
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  Object.defineProperty(window, "speechSynthesis", {value: {
    getVoices: () => voices,
    addEventListener: (_kind, listener) => listeners.push(listener),
    speak(said) {
      heard.push({text: said.text, lang: said.lang, voice: said.voice && said.voice.name});
      window.marked.push([
        document.querySelector(".rm-read")?.textContent.trim() ?? "",
        [...(CSS.highlights.get("rm-said") ?? [])].map(String).join(""),
      ]);
      running = said;
      setTimeout(() => {
        window.labels.push(document.querySelector("[data-read-aloud] button").textContent.trim());
        if (running === said) said.onend();
      }, window.sentenceMs ?? 20);
    },
    cancel() { const was = running; running = null; if (was) was.onerror({error: "interrupted"}); },
  }});
  window.loadVoices = (later) => { voices = later; listeners.forEach((l) => l()); };
})();"""
GERMAN = (
    '[{name: "fern", lang: "de-DE", localService: false},'
    ' {name: "Wien", lang: "de-AT", localService: true},'
    ' {name: "Köln", lang: "de_DE", localService: true},'
    ' {name: "London", lang: "en-GB", localService: true}]'
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("aloud")
    with served(folder, enriched(folder)) as made:
        yield made


def opened(
    browser: Browser, stage: Stage, item: Item, voices: str, language: str = "de", *, easy=False
) -> Page:
    visitor = stage.ready("GB", language=language)
    if easy:
        profiles.prefer_plain(stage.s, stage.learner(visitor), True, stage.now)
    stage.ask(visitor, item)
    context = browser.new_context(viewport={"width": 360, "height": 700}, locale="de-DE")
    name, value = visitor.cookie
    home = stage.settings.server.base_url + visitor.home
    context.add_cookies([{"name": name, "value": value, "url": home}])
    context.add_init_script(SPEECH.replace("VOICES", voices))
    page = context.new_page()
    page.goto(f"{home}frage")
    return page


def read(page: Page) -> list[str]:
    """Press the button, wait until it is read, and return the sentences."""
    button = page.locator("[data-read-aloud] button")
    button.click()
    page.wait_for_function("labels.length")  # "Stopp" may be gone before anybody looks
    expect(button).to_have_text("Vorlesen")
    assert set(page.evaluate("labels")) == {"Stopp"}
    return page.evaluate("heard.map((h) => h.text)")


def test_question_picture_and_answers_are_read_in_this_order(
    browser: Browser, stage: Stage
) -> None:
    item = stage.item(Kind.SINGLE_CHOICE)
    page = opened(browser, stage, item, GERMAN)
    said = " ".join(read(page))
    assert said == " ".join(
        [item.stem, item.picture_alt, *(o.text for o in item.options), "Weiß ich nicht"]
    )
    page.context.close()


def test_the_sentence_that_is_read_is_marked_and_nothing_stays_marked(
    browser: Browser, stage: Stage
) -> None:
    item = stage.item(Kind.SINGLE_CHOICE)
    page = opened(browser, stage, item, GERMAN)
    sentences = read(page)
    marked = page.evaluate("marked")
    assert [text for _part, text in marked[:3]] == [f"{s} " for s in sentences[:2]] + [sentences[2]]
    assert marked[0][0] == item.stem
    assert item.options[0].text in [part for part, _text in marked]
    assert page.locator(".rm-read").count() == 0
    assert page.evaluate("CSS.highlights.has('rm-said')") is False
    assert page.locator("[style]").count() == 0
    page.context.close()


def test_a_voice_of_the_device_reads_in_the_language_of_the_page(
    browser: Browser, stage: Stage
) -> None:
    for language, voice, lang in (("de", "Köln", "de_DE"), ("en", "London", "en-GB")):
        page = opened(browser, stage, stage.item(Kind.SCENARIO), GERMAN, language)
        page.locator("[data-read-aloud] button").click()
        page.wait_for_function("() => heard.length > 0")
        first = page.evaluate("heard[0]")
        assert (first["voice"], first["lang"]) == (voice, lang)
        page.context.close()


def test_it_stops_by_the_same_button_by_escape_and_when_the_page_is_left(
    browser: Browser, stage: Stage
) -> None:
    page = opened(browser, stage, stage.item(Kind.SCENARIO), GERMAN)
    button = page.locator("[data-read-aloud] button")
    page.evaluate("window.sentenceMs = 400")
    for stop in (button.click, lambda: page.keyboard.press("Escape")):
        button.click()
        expect(button).to_have_text("Stopp")
        stop()
        expect(button).to_have_text("Vorlesen")
        said = page.evaluate("heard.length")
        page.wait_for_timeout(600)
        assert page.evaluate("heard.length") == said
        assert page.locator(".rm-read").count() == 0
    page.context.close()


def test_the_keyboard_reaches_it_and_nothing_is_announced_beside_it(
    browser: Browser, stage: Stage
) -> None:
    """A screen reader reads by itself: what the voice says must be in no live region."""
    page = opened(browser, stage, stage.item(Kind.SCENARIO), GERMAN)
    Keyboard(page).reach("[data-read-aloud] button")
    live = "[aria-live], [role=status], [role=alert], [role=log], output"
    before = page.locator(live).all_inner_texts()
    page.keyboard.press("Enter")
    page.wait_for_function("() => heard.length > 1")
    assert page.locator(live).all_inner_texts() == before
    assert page.locator("[data-read-aloud] button").evaluate("e => !e.closest('[aria-live]')")
    page.context.close()


@pytest.mark.parametrize(
    "voices",
    ["[]", '[{name: "London", lang: "en-GB", localService: true}]',
     '[{name: "fern", lang: "de-DE", localService: false}]'],
    ids=["none", "none in German", "none on the device"],
)  # fmt: skip
def test_without_a_voice_of_the_device_there_is_no_button_until_one_comes(
    browser: Browser, stage: Stage, voices: str
) -> None:
    page = opened(browser, stage, stage.item(Kind.SCENARIO), voices)
    button = page.locator("[data-read-aloud] button")
    expect(button).to_be_hidden()
    page.evaluate(f"loadVoices({GERMAN})")
    expect(button).to_be_visible()
    page.context.close()


def test_a_recording_is_heard_where_there_is_no_voice(browser: Browser, stage: Stage) -> None:
    page = opened(browser, stage, stage.item(Kind.TRUE_FALSE), "[]")
    player = page.locator("audio")
    expect(player).to_be_visible()
    player.evaluate(
        "e => new Promise((done, fail) => { e.onended = done; e.onerror = fail; e.play(); })"
    )
    page.evaluate(f"loadVoices({GERMAN})")
    expect(player).to_be_hidden()
    page.context.close()


def test_easy_words_are_read_where_they_are_shown(browser: Browser, stage: Stage) -> None:
    page = opened(browser, stage, stage.item(Kind.SCENARIO), GERMAN, easy=True)
    assert read(page)[0].startswith(EASY)
    page.context.close()


@pytest.mark.parametrize("kind", [Kind.MATCHING, Kind.CATEGORIZE, Kind.ORDERING], ids=str)
def test_what_can_be_chosen_from_is_read_once(browser: Browser, stage: Stage, kind: Kind) -> None:
    item = stage.item(kind)
    page = opened(browser, stage, item, GERMAN)
    said = " ".join(read(page))
    assert all(option.text in said for option in item.options)
    for target in {o.target for o in item.options if o.target}:
        assert said.count(target) == 1 + sum(target in o.text for o in item.options)
    page.context.close()
