"""How questions are asked: after "back", in easy words, read out, explained, and for later."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from competency.items import Item, Kind
from lti_tool.flows import assess, profiles, reflecting
from lti_tool.ports import Asked, TenantSettings
from lti_tool.store import tenants
from tests.conftest import settings_for
from tests.integration.web.test_pages import GARDENER, get, post
from tests.pages.enriched import EASY, SOUND, enriched
from tests.pages.scene import Stage, Visitor, best

KINDS = [k for k in Kind if k is not Kind.REFLECTION]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("asking")
    content = {"ROADMAP__CONTENT__DIR": str(enriched(folder))}
    made = Stage(settings_for(f"sqlite:///{folder / 'web.db'}", **content))
    yield made
    made.close()


def asked(stage: Stage, visitor: Visitor, position: int = 1) -> Asked:
    with stage.s.store.read() as work:
        attempt = work.attempts.latest(visitor.learner_id)
        assert attempt is not None
        return work.attempts.questions(attempt.id)[position - 1]


def form_of(item: Item, response: dict[str, object]) -> dict[str, object]:
    """Return a response as the page's form sends it."""
    (field, value), *_rest = response.items()
    if field == "targets":
        return {f"m{n}": target for n, target in enumerate(value)}  # type: ignore[arg-type]
    if field == "order":
        return {field: "-".join(str(n) for n in value)}  # type: ignore[attr-defined]
    return {field: value}


def answered(stage: Stage, item: Item, *, easy: bool = False, **sent: object) -> Visitor:
    """Return somebody who has just answered this question well."""
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, item)
    if easy:
        profiles.prefer_plain(stage.s, stage.learner(visitor), True, stage.now)
    page = get(stage, visitor, "frage")
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
    form = hidden | form_of(item, best(item)) | {"do": "answer"} | sent
    status, _address, _text = post(stage, visitor, "frage", **form)
    assert status == 303
    return visitor


# --- back, two tabs, a new attempt ----------------------------------------------------------------


def test_back_to_an_answered_question_says_that_it_is_saved_and_leads_on(stage: Stage) -> None:
    visitor = answered(stage, stage.item(Kind.SINGLE_CHOICE))
    text = get(stage, visitor, "frage/1")
    assert "Diese Antwort ist gespeichert" in text
    assert "Weiter mit Frage 2" in text
    assert 'data-test="question"' not in text
    assert stage.item(Kind.SINGLE_CHOICE).feedback not in text  # explained at the end


def test_every_question_has_an_address_of_its_own(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    assert post(stage, visitor, "anfangen")[1] == f"{visitor.home}frage/1"
    _s, address, _t = post(stage, visitor, "frage", position="1", do="dont_know", choice="0")
    assert address == f"{visitor.home}frage/2"
    ahead = stage.client(visitor).get(f"{visitor.home}frage/3")
    assert ahead.headers["Location"] == f"{visitor.home}frage"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_the_title_says_which_question_it_is_and_what_it_is_about(stage: Stage, kind: Kind) -> None:
    item, visitor = stage.item(kind), stage.ready(GARDENER)
    stage.ask(visitor, item)
    page = get(stage, visitor, "frage")
    assert f"<title>Frage 1: {item.topic} – Mein Lernweg</title>" in page
    assert '<html lang="de">' in page
    assert len(re.findall(r"<h1[ >]", page)) == 1


def test_a_form_of_an_attempt_that_was_begun_anew_answers_nothing(stage: Stage) -> None:
    visitor, item = stage.ready(GARDENER), stage.item(Kind.SINGLE_CHOICE)
    stage.ask(visitor, stage.item(Kind.TRUE_FALSE))
    sent = {"position": "1", "item": item.key, "choice": "0", "do": "answer"}
    _status, address, _text = post(stage, visitor, "frage", **sent)
    assert address == f"{visitor.home}frage?already=1"
    assert asked(stage, visitor).answered is None


def test_progress_never_runs_backwards(stage: Stage) -> None:
    visitor, seen = stage.ready(GARDENER), []
    stage.ask(visitor, stage.item(Kind.PRACTICAL_TASK))
    post(stage, visitor, "frage", position="1", do="later")
    learner = stage.learner(visitor)
    while (waiting := assess.open_question(stage.s, learner, stage.now)) is not None:
        page = get(stage, visitor, "frage")
        found = re.search(r'<progress value="(\d+)" max="(\d+)"', page)
        number = re.search(r"Frage (\d+) von höchstens (\d+)", page)
        assert found is not None
        assert number is not None
        assert int(found[1]) + 1 == int(number[1])
        assert found[2] == number[2]
        seen.append(int(found[1]))
        assess.answer(stage.s, learner, waiting.position, {"dont_know": True}, stage.now)
    assert seen == list(range(1, len(seen) + 1))


# --- tasks for later ------------------------------------------------------------------------------


def test_a_task_for_later_is_offered_at_the_start_and_at_the_end_and_counts_then(
    stage: Stage,
) -> None:
    visitor, task = stage.ready(GARDENER), stage.item(Kind.PRACTICAL_TASK)
    stage.ask(visitor, task)
    _s, address, _t = post(stage, visitor, "frage", position="1", item=task.key, do="later")
    assert address == f"{visitor.home}frage/2?left=1"
    assert "Die Aufgabe wartet auf Sie" in get(stage, visitor, "frage/2?left=1")
    assert f'href="{visitor.home}frage/1"' in get(stage, visitor, "")
    assess.finish(stage.s, stage.learner(visitor), stage.now)
    assert f'href="{visitor.home}frage/1"' in get(stage, visitor, "geschafft")
    page = get(stage, visitor, "frage/1")
    assert "Frage 1 von höchstens" not in page
    assert "<title>Aufgabe für später: " in page
    assert 'value="later"' not in page
    sent = {"position": "1", "item": task.key, "done": ["0", "1"], "do": "answer"}
    assert post(stage, visitor, "frage", **sent)[1] == f"{visitor.home}geschafft"
    assert asked(stage, visitor).category == 2
    assert "frage/1" not in get(stage, visitor, "geschafft")
    with stage.s.store.read() as work:
        kinds = [r.evidence.kind for r in work.evidence.of(visitor.learner_id)]
    assert kinds == ["practical_task"]


def test_later_on_any_other_question_changes_nothing(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.SCENARIO))
    assert post(stage, visitor, "frage", position="1", do="later")[0] == 303
    assert asked(stage, visitor).put_off is None


# --- easy words -----------------------------------------------------------------------------------


def test_the_switch_of_easy_words_is_kept_with_the_person_and_loses_no_choice(
    stage: Stage,
) -> None:
    visitor, item = stage.ready(GARDENER), stage.item(Kind.SINGLE_CHOICE)
    stage.ask(visitor, item)
    assert EASY not in get(stage, visitor, "frage")
    sent = {"position": "1", "item": item.key, "choice": "2", "do": "plain"}
    status, _address, text = post(stage, visitor, "frage", **sent)
    assert status == 200
    assert text.count(EASY) == 1 + len(item.options)
    assert re.findall(r'value="(\w+)" checked', text) == ["2"]
    assert asked(stage, visitor).answered is None
    again = stage.ready(GARDENER)
    assert 'aria-pressed="true"' in get(stage, visitor, "frage")
    assert 'aria-pressed="false"' in get(stage, visitor_with_question(stage, again), "frage")
    post(stage, visitor, "frage", **(sent | {"do": "standard"}))
    assert EASY not in get(stage, visitor, "frage")


def visitor_with_question(stage: Stage, visitor: Visitor) -> Visitor:
    stage.ask(visitor, stage.item(Kind.SINGLE_CHOICE))
    return visitor


def test_the_switch_is_offered_with_the_practice_question_and_keeps_the_choice(
    stage: Stage,
) -> None:
    visitor = stage.ready(GARDENER)
    assert 'data-test="plain"' in get(stage, visitor, "probe")
    text = post(stage, visitor, "probe", choice="1", do="plain")[2]
    assert EASY in text
    assert re.findall(r'value="(\w+)" checked', text) == ["1"]
    assert stage.learner(visitor).plain


def test_the_switch_is_in_the_help_and_with_private_questions_too(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=1)
    assert "Einfache Sprache einschalten" in get(stage, visitor, "hilfe")
    back = f"{visitor.home}hilfe"
    assert post(stage, visitor, "sprache", do="plain", back=back)[1] == back
    assert "Einfache Sprache ausschalten" in get(stage, visitor, "hilfe")
    assert stage.learner(visitor).language == "de"
    item = reflecting.private_items(stage.s)[0]
    address = f"nur-fuer-mich/{item.key}"
    assert EASY in get(stage, visitor, address)
    text = post(stage, visitor, address, choice="2", do="standard")[2]
    assert EASY not in text
    assert re.findall(r'value="(\w+)" checked', text) == ["2"]
    assert reflecting.reflections(stage.s, stage.learner(visitor)) == ()


def test_english_pages_offer_no_easy_german(stage: Stage) -> None:
    visitor = stage.ready(GARDENER, language="en")
    profiles.prefer_plain(stage.s, stage.learner(visitor), True, stage.now)
    stage.ask(visitor, stage.item(Kind.SINGLE_CHOICE))
    page = get(stage, visitor, "frage")
    assert EASY not in page
    assert 'data-test="plain"' not in page
    assert 'name="shown" value="en"' in page


@pytest.mark.parametrize(("easy", "shown"), [(False, "de"), (True, "de-plain")])
def test_the_words_an_answer_was_given_to_are_stored_with_it(
    stage: Stage, easy: bool, shown: str
) -> None:
    visitor = answered(stage, stage.item(Kind.SINGLE_CHOICE), easy=easy)
    assert asked(stage, visitor).shown == shown


def test_words_that_are_none_are_not_stored(stage: Stage) -> None:
    visitor = answered(stage, stage.item(Kind.SINGLE_CHOICE), shown="<b>x</b>")
    assert asked(stage, visitor).shown == ""


# --- read out -------------------------------------------------------------------------------------


def test_a_recording_is_offered_only_in_the_words_it_says(stage: Stage) -> None:
    item = stage.item(Kind.TRUE_FALSE)
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, item)
    found = re.search(r'<audio[^>]* src="([^"]+)"', get(stage, visitor, "frage"))
    assert found is not None
    answer = stage.client(visitor).get(found[1], headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.data) == (206, b"RIFF")
    assert answer.content_type == "audio/x-wav"
    profiles.prefer_plain(stage.s, stage.learner(visitor), True, stage.now)
    assert "<audio" not in get(stage, visitor, "frage")


def test_only_recordings_of_a_pack_are_sent(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    bank = stage.s.content.newest("items").ref
    for name in (f"../{SOUND}", "..%2fitems.json", "items.json", "gibt-es-nicht.wav"):
        assert stage.client(visitor).get(f"{visitor.home}ton/{bank}/{name}").status_code == 404
    assert stage.client(visitor).get(f"{visitor.home}ton/andere-1.0/{SOUND}").status_code == 404


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_question_picture_and_answers_are_read_in_the_order_of_the_page(
    stage: Stage, kind: Kind
) -> None:
    item, visitor = stage.item(kind), stage.ready(GARDENER)
    stage.ask(visitor, item)
    page = get(stage, visitor, "frage")
    places = [page.index(m.group()) for m in re.finditer(r"<[^>]* data-read[ =>][^>]*>", page)]
    heading = page.index("<h1")
    assert places
    assert places[0] == heading
    assert len(places) >= 1 + len(item.options) + bool(item.picture)


# --- explained ------------------------------------------------------------------------------------


@pytest.fixture
def each(stage: Stage) -> Iterator[None]:
    """The municipality wants each question explained at once."""
    before = stage.tenant.settings
    _set(stage, replace(before, feedback="each"))
    yield
    _set(stage, before)


def _set(stage: Stage, settings: TenantSettings) -> None:
    with stage.house.database.begin() as conn:
        tenants.change(conn, stage.tenant.id, settings)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("answer", ["best", "dont_know"])
def test_where_it_is_wanted_every_kind_is_explained_after_the_answer(
    stage: Stage, kind: Kind, answer: str
) -> None:
    item, visitor = stage.item(kind), stage.ready(GARDENER)
    stage.ask(visitor, item, feedback="each")
    response = best(item) if answer == "best" else {"dont_know": True}
    assess.answer(stage.s, stage.learner(visitor), 1, response, stage.now)
    text = get(stage, visitor, "frage/1")
    assert item.feedback in text
    assert "Weiter mit Frage 2" in text
    for frightening in ("falsch", "richtig", "durchgefallen", "bestanden", "Punkte", "Fehler"):
        assert frightening not in _said(text)
    if kind is Kind.ORDERING:
        steps = [text.index(f">{o.text}</li>") for o in item.options]
        assert steps == sorted(steps)
    if kind in (Kind.MATCHING, Kind.CATEGORIZE):
        assert all(f"{o.text}: {o.target}" in text for o in item.options)
    if kind in (Kind.MULTIPLE_RESPONSE, Kind.HOTSPOT):
        assert [o.correct for o in item.options] == [
            f">{o.text}</li>" in text for o in item.options
        ]


def _said(text: str) -> str:
    found = re.search(r'data-test="said"[^>]*>([^<]*)<', text)
    return found[1] if found else ""


@pytest.mark.usefixtures("each")
def test_with_explanations_no_question_comes_twice_and_the_last_leads_to_the_result(
    stage: Stage,
) -> None:
    visitor, keys = stage.ready(GARDENER), []
    post(stage, visitor, "anfangen")
    for position in range(1, 60):
        waiting = assess.open_question(stage.s, stage.learner(visitor), stage.now)
        if waiting is None:
            break
        keys.append(waiting.item.key)
        sent = form_of(waiting.item, best(waiting.item)) | {"position": position, "do": "answer"}
        assert post(stage, visitor, "frage", **sent)[1] == f"{visitor.home}frage/{position}"
    assert len(set(keys)) == len(keys) >= 5
    assert f'href="{visitor.home}geschafft"' in get(stage, visitor, f"frage/{len(keys)}")


@pytest.mark.usefixtures("each")
def test_the_practice_question_says_that_each_will_be_explained(stage: Stage) -> None:
    text = post(stage, stage.ready(GARDENER), "probe", choice="0", do="answer")[2]
    assert "Nach jeder Frage lesen Sie, was passt." in text


def test_by_default_it_is_explained_at_the_end_without_what_was_answered(stage: Stage) -> None:
    visitor, item = stage.ready(GARDENER), stage.item(Kind.SINGLE_CHOICE)
    stage.ask(visitor, item)
    learner = stage.learner(visitor)
    assess.answer(stage.s, learner, 1, {"dont_know": True}, stage.now)
    assert item.feedback not in get(stage, visitor, "frage/1")
    assess.finish(stage.s, learner, stage.now)
    text = get(stage, visitor, "geschafft")
    assert item.feedback in text
    assert "Weiß ich nicht" not in text
