"""The learner's pages against the real house: what is sent is what is stored, and shown again."""

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

import pytest

from competency.items import Kind
from competency.scoring import field_of
from lti_tool.flows import assess, plan, profiles, reflecting
from lti_tool.ports import TenantSettings
from lti_tool.store import tenants
from lti_tool.web import charts, notices
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor

GARDENER = "GB"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('web') / 'web.db'}"))
    yield made
    made.close()


def post(stage: Stage, visitor: Visitor, path: str, **form: object) -> tuple[int, str, str]:
    """Return status, address and text of what a form is answered with."""
    sent = {"csrf": stage.csrf(visitor), **form}
    answer = stage.client(visitor).post(visitor.home + path, data=sent)
    return answer.status_code, answer.headers.get("Location", ""), answer.text


def get(stage: Stage, visitor: Visitor, path: str) -> str:
    answer = stage.client(visitor).get(visitor.home + path)
    assert answer.status_code == 200, (path, answer.status_code, answer.headers.get("Location"))
    return answer.text


def led_to(stage: Stage, visitor: Visitor) -> str:
    return stage.client(visitor).get(visitor.home).headers["Location"].removeprefix(visitor.home)


# --- first visit ----------------------------------------------------------------------------------


def test_a_first_visit_leads_through_information_role_and_practice(stage: Stage) -> None:
    new = stage.visitor()
    assert led_to(stage, new) == "hinweis"
    post(stage, new, "hinweis", version=notices.version(stage.tenant, stage.settings))
    assert led_to(stage, new) == "rolle"
    post(stage, new, "rolle", role=GARDENER)
    assert led_to(stage, new) == "probe"
    post(stage, new, "probe", do="skip")
    assert 'data-test="start-assessment"' in get(stage, new, "")


def test_nothing_is_asked_and_nothing_shown_before_the_information_was_read(stage: Stage) -> None:
    new = stage.visitor()
    for path in ("rolle", "probe", "frage", "profil", "lernpfad", "einheit/A1", "geschafft"):
        answer = stage.client(new).get(new.home + path)
        assert answer.headers["Location"] == f"{new.home}hinweis", path
    assert post(stage, new, "anfangen")[1] == f"{new.home}hinweis"
    assert assess.state(stage.s, stage.learner(new)).state == "none"
    assert "Alles herunterladen" in get(stage, new, "daten")


def test_the_information_is_shown_again_when_a_fact_in_it_has_changed(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    changed = TenantSettings(controller="Gemeinde Neustadt")
    with stage.house.database.begin() as conn:
        tenants.change(conn, stage.tenant.id, changed)
    try:
        assert led_to(stage, visitor) == "hinweis"
        assert "Gemeinde Neustadt" in get(stage, visitor, "hinweis")
    finally:
        with stage.house.database.begin() as conn:
            tenants.change(conn, stage.tenant.id, stage.tenant.settings)
    assert "Willkommen" in get(stage, visitor, "")


def test_switching_the_language_does_not_make_the_information_new(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    post(stage, visitor, "sprache", language="en", back=visitor.home)
    assert "Welcome" in get(stage, visitor, "")


def test_the_language_switch_leads_nowhere_but_to_a_page_of_this_launch(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    for back in ("https://evil.example/", "//evil.example", "/l/other/", f"{visitor.home}/\\x"):
        assert post(stage, visitor, "sprache", language="en", back=back)[1] == visitor.home
    back = f"{visitor.home}profil?ansicht=druck"
    assert post(stage, visitor, "sprache", language="de", back=back)[1] == back


def test_a_role_the_portal_names_comes_first_and_is_chosen_already(stage: Stage) -> None:
    text = get(stage, stage.ready(role="ERZ"), "rolle")
    first = re.search(r'<input[^>]*data-test="role-option"[^>]*>', text)
    assert first is not None
    assert 'value="ERZ" checked' in first.group()


def test_a_role_that_does_not_exist_is_asked_for_again(stage: Stage) -> None:
    status, _address, text = post(stage, stage.ready(), "rolle", role="CHEF")
    assert status == 200
    assert 'role="alert"' in text


def test_the_practice_question_says_what_is_right_and_counts_nowhere(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    item = assess.practice_item(stage.s)
    _status, _address, text = post(stage, visitor, "probe", choice="0", do="answer")
    assert item.feedback in text
    assert assess.state(stage.s, stage.learner(visitor)).state == "none"


@pytest.mark.parametrize(
    ("answer", "words"),
    [("right", "passt."), ("wrong", "gerade gelernt"), ("dont_know", "Es ist in Ordnung")],
)
def test_the_practice_question_names_what_fits_whatever_was_answered(
    stage: Stage, answer: str, words: str
) -> None:
    item = assess.practice_item(stage.s)
    right = next(n for n, option in enumerate(item.options) if option.correct)
    sent = {"right": str(right), "wrong": str(1 - right)}.get(answer, answer)
    _status, _address, text = post(stage, stage.ready(GARDENER), "probe", choice=sent, do="answer")
    said = re.search(r'data-test="said"[^>]*>([^<]*)<', text)
    assert said is not None
    assert f"„{item.options[right].text}“" in said[1]
    assert words in said[1]


def test_the_practice_question_is_everybodys_and_is_not_asked_again(stage: Stage) -> None:
    item = assess.practice_item(stage.s)
    assert item.for_all
    visitor = stage.ready(GARDENER)
    learner = stage.learner(visitor)
    assess.start(stage.s, learner, stage.now)
    asked = []
    while (waiting := assess.open_question(stage.s, learner, stage.now)) is not None:
        asked.append(waiting.item.key)
        assess.answer(stage.s, learner, waiting.position, {"dont_know": True}, stage.now)
    assert item.key not in asked


# --- work that is on no list ----------------------------------------------------------------------


def test_whoever_finds_her_work_in_no_role_is_told_what_she_is_compared_with(stage: Stage) -> None:
    visitor = stage.ready()
    offered = get(stage, visitor, "rolle")
    assert offered.index("Meine Arbeit ist nicht dabei") > offered.index("Ausbildungsleitung")
    post(stage, visitor, "rolle", role="ALLG")
    start = get(stage, visitor, "")
    assert "Andere Arbeit (allgemeines Profil)" in start
    assert "Die Fragen passen zu dieser Arbeit." not in start
    assert "aus verschiedenen Arbeiten" in start


# --- two jobs -------------------------------------------------------------------------------------


def test_any_role_can_be_the_second_one_and_the_higher_soll_counts(stage: Stage) -> None:
    visitor = stage.ready()
    text = get(stage, visitor, "rolle")
    select = re.search(r'<select[^>]*name="more".*?</select>', text, re.DOTALL)
    assert select is not None
    keys = set(re.findall(r'<option value="([A-Z]+)"', select[0]))
    assert keys == {r.key for r in stage.s.content.roles if not r.general}
    post(stage, visitor, "rolle", role=GARDENER, more="ERZ")
    assert stage.learner(visitor).roles == (GARDENER, "ERZ")
    again = get(stage, visitor, "rolle")
    assert re.findall(r'value="(\w+)" checked', again) == [GARDENER]
    assert re.findall(r'value="(\w+)" selected', again) == ["ERZ"]


def test_the_same_role_twice_is_one_job(stage: Stage) -> None:
    visitor = stage.ready()
    post(stage, visitor, "rolle", role=GARDENER, more=GARDENER)
    assert stage.learner(visitor).roles == (GARDENER,)


def test_a_second_job_stays_chosen_when_the_first_is_missing(stage: Stage) -> None:
    _status, _address, text = post(stage, stage.ready(), "rolle", more="ERZ")
    assert 'role="alert"' in text
    assert re.findall(r'value="(\w+)" selected', text) == ["ERZ"]


# --- why this question ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("because", "words"),
    [
        ("first", "gab es noch keine Frage"),
        ("few", "bisher nur eine Frage"),
        ("mixed", "bisher gemischt"),
        ("close", "nah an dem, was Ihre Rolle braucht"),
        ("unsure", "noch nicht sicher"),
    ],
)
def test_why_a_question_comes_is_what_was_stored_with_it(
    stage: Stage, because: str, words: str
) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.TRUE_FALSE), because=because)
    assert words in get(stage, visitor, "frage")


def test_a_question_from_foreign_work_says_so(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    assert "andere" not in _why(stage, visitor, "own")
    assert "aus einer anderen Arbeit" in _why(stage, stage.ready(GARDENER), "foreign")


def _why(stage: Stage, visitor: Visitor, scene: str) -> str:
    stage.ask(visitor, stage.item(Kind.TRUE_FALSE), chosen={"scene": scene})
    page = get(stage, visitor, "frage")
    return page[page.index("Warum diese Frage?") :]


# --- questions ------------------------------------------------------------------------------------

ANSWERS: dict[Kind, tuple[dict[str, object], dict[str, object]]] = {
    Kind.SINGLE_CHOICE: ({"choice": "2"}, {"choice": 2}),
    Kind.TRUE_FALSE: ({"choice": "1"}, {"choice": 1}),
    Kind.SCENARIO: ({"choice": "3"}, {"choice": 3}),
    Kind.SELF_RATING: ({"choice": "0"}, {"choice": 0}),
    Kind.MULTIPLE_RESPONSE: ({"choices": ["0", "2"]}, {"choices": [0, 2]}),
    Kind.HOTSPOT: ({"choices": ["1"]}, {"choices": [1]}),
    Kind.ORDERING: ({"order": "1-0-3-2"}, {"order": [1, 0, 3, 2]}),
    Kind.PRACTICAL_TASK: ({"done": ["0", "4"]}, {"done": [0, 4]}),
}


def stored(stage: Stage, visitor: Visitor) -> object:
    with stage.s.store.read() as work:
        attempt = work.attempts.latest(visitor.learner_id)
        assert attempt is not None
        return work.attempts.questions(attempt.id)[0].response


@pytest.mark.parametrize("kind", list(ANSWERS), ids=lambda k: k.value)
def test_what_is_chosen_on_the_page_is_what_is_stored(stage: Stage, kind: Kind) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(kind))
    sent, kept = ANSWERS[kind]
    status, _address, _text = post(stage, visitor, "frage", position="1", do="answer", **sent)
    assert status == 303
    assert stored(stage, visitor) == kept


@pytest.mark.parametrize("kind", [Kind.MATCHING, Kind.CATEGORIZE], ids=lambda k: k.value)
def test_targets_are_stored_in_the_order_of_the_options(stage: Stage, kind: Kind) -> None:
    visitor, item = stage.ready(GARDENER), stage.item(kind)
    stage.ask(visitor, item)
    chosen = {f"m{n}": o.target for n, o in enumerate(item.options)}
    post(stage, visitor, "frage", position="1", do="answer", **chosen)
    assert stored(stage, visitor) == {"targets": [o.target for o in item.options]}


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.REFLECTION], ids=str)
def test_i_do_not_know_is_an_answer_to_every_kind(stage: Stage, kind: Kind) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(kind))
    assert 'data-test="dont-know"' in get(stage, visitor, "frage")
    ways = {
        "choice": {"choice": "dont_know", "do": "answer"},
        "choices": {"dont_know": "dont_know", "do": "answer"},
    }
    sent = ways.get(field_of(kind), {"do": "dont_know"})
    assert post(stage, visitor, "frage", position="1", **sent)[0] == 303
    assert stored(stage, visitor) == {"dont_know": True}


def test_other_answers_win_over_i_do_not_know(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.MULTIPLE_RESPONSE))
    sent = {"position": "1", "do": "answer", "choices": "1", "dont_know": "dont_know"}
    _status, address, _text = post(stage, visitor, "frage", **sent)
    assert stored(stage, visitor) == {"choices": [1]}
    next_page = get(stage, visitor, address.removeprefix(visitor.home))
    assert "Ihre anderen Antworten zählen" in next_page


def test_a_missing_choice_keeps_the_others_and_leads_to_the_field(stage: Stage) -> None:
    visitor, item = stage.ready(GARDENER), stage.item(Kind.MATCHING)
    stage.ask(visitor, item)
    sent = {f"m{n}": o.target for n, o in enumerate(item.options) if n != 1}
    status, _address, text = post(stage, visitor, "frage", position="1", do="answer", **sent)
    assert status == 200
    assert 'href="#m1"' in text
    assert text.count(" selected") == len(item.options) - 1
    assert text.index("Noch eine Auswahl fehlt – ") < text.index("</title>")
    assert stored(stage, visitor) is None


def test_a_step_moves_by_one_and_the_button_gets_the_focus_back(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.ORDERING))
    _s, address, _t = post(stage, visitor, "frage", position="1", order="0-1-2-3", down="1")
    assert address.endswith("frage/1?order=0-2-1-3&down=1")
    text = get(stage, visitor, address.removeprefix(visitor.home))
    assert "Platz 3 von 4" in text
    assert re.search(r'name="down" value="1"[^>]*autofocus', text)
    assert stored(stage, visitor) is None


def test_an_order_that_is_none_falls_back_to_the_one_first_shown(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.ORDERING))
    for order in ("0-0-1-2", "9-8-7-6", "x", "0-1", "0-1-2-3-4"):
        assert 'name="order" value="0-1-2-3"' in get(stage, visitor, f"frage?order={order}&up=77")


def test_an_answer_is_stored_once_however_often_it_is_sent(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.SINGLE_CHOICE))
    post(stage, visitor, "frage", position="1", do="answer", choice="0")
    status, address, _t = post(stage, visitor, "frage", position="1", do="answer", choice="1")
    assert (status, address) == (303, f"{visitor.home}frage?already=1")
    assert stored(stage, visitor) == {"choice": 0}
    assert "Diese Antwort ist gespeichert" in get(stage, visitor, "frage?already=1")


def test_a_question_never_says_which_option_is_right(stage: Stage) -> None:
    visitor, item = stage.ready(GARDENER), stage.item(Kind.SINGLE_CHOICE)
    stage.ask(visitor, item)
    text = get(stage, visitor, "frage")
    assert item.feedback not in text
    assert "correct" not in text


def test_the_targets_of_a_matching_do_not_stand_in_the_order_of_the_solution(stage: Stage) -> None:
    visitor = stage.ready(GARDENER)
    stage.ask(visitor, stage.item(Kind.MATCHING))
    first = re.search(r"<select.*?</select>", get(stage, visitor, "frage"))
    assert first is not None
    shown = re.findall(r"<option[^>]*>([^<]+)</option>", first.group())[1:]
    assert shown == sorted(shown, key=str.casefold)


# --- profile --------------------------------------------------------------------------------------


def test_picture_word_and_table_of_every_topic_say_the_same(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER)
    view = profiles.current(stage.s, stage.learner(visitor))
    assert view is not None
    text = get(stage, visitor, "profil")
    rows = re.findall(
        r'data-competency="([^"]+)" data-verdict="(\w+)".*?<h3[^>]*>([^<]+)<.*?'
        r'class="rm-sure"[^>]*width="([\d.]+)%".*?class="rm-band" x="([\d.]+)%" y="17" '
        r'width="([\d.]+)%".*?class="rm-soll" x1="([\d.]+)%"',
        text,
        re.S,
    )
    assert len(rows) == len(view.profile.required)
    table = {title: cells for title, *cells in _table(text)}
    words = {"met": "erfüllt", "gap": "Lernbedarf", "open": "noch offen"}
    for code, verdict, title, sure, x, width, soll in rows:
        standing = view.profile[code]
        assert standing.verdict.value == verdict
        assert sure == x
        left, right = float(x), round(float(x) + float(width), 2)
        assert charts.shown(left, right, float(soll)).value == verdict
        assert table[title][0] == words[verdict]


def _table(text: str) -> list[list[str]]:
    found = re.search(r"<caption[^>]*>Alle Themen.*?</table>", text, re.S)
    assert found is not None
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", found.group(), re.S)[1:]
    return [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in rows]


def test_nobody_can_correct_evidence_of_somebody_else(stage: Stage) -> None:
    mine, other = stage.assessed(GARDENER, most=6), stage.assessed(GARDENER, most=6)
    for visitor in (mine, other):
        assess.finish(stage.s, stage.learner(visitor), stage.now)
    with stage.s.store.read() as work:
        theirs = work.evidence.of(other.learner_id)
        own = work.evidence.of(mine.learner_id)
    code = own[0].evidence.competency
    sent = {"evidence": theirs[0].evidence.id, "kind": "not_me"}
    status, _address, text = post(stage, mine, f"profil/{code}/stimmt-nicht", **sent)
    assert status == 200
    assert 'role="alert"' in text
    with stage.s.store.read() as work:
        assert len(work.evidence.of(other.learner_id)) == len(theirs)


def test_evidence_that_was_not_me_no_longer_counts(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER)
    with stage.s.store.read() as work:
        before = work.evidence.of(visitor.learner_id)
    first = before[0].evidence
    address = f"profil/{first.competency}/stimmt-nicht"
    assert post(stage, visitor, address, evidence=first.id, kind="not_me")[0] == 303
    with stage.s.store.read() as work:
        assert len(work.evidence.of(visitor.learner_id)) == len(before) - 1


# --- path -----------------------------------------------------------------------------------------


def test_accepting_on_the_page_makes_the_path_count(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.2))
    assert "Das ist ein Vorschlag" in get(stage, visitor, "lernpfad")
    assert post(stage, visitor, "lernpfad", do="accept")[0] == 303
    text = get(stage, visitor, "lernpfad?getan=angenommen")
    assert "Ihr Lernpfad gilt jetzt" in text
    assert 'data-test="accept-path"' not in text
    assert json.loads(get(stage, visitor, "api/path"))["state"] == "accepted"


def test_every_step_says_why_and_can_be_postponed_and_swapped(stage: Stage) -> None:
    text = get(stage, stage.planned(stage.assessed(GARDENER, luck=0.2)), "lernpfad")
    steps = re.findall(r'data-test="path-step".*?</article>', text, re.S)
    assert steps
    for step in steps:
        assert re.search(r'data-test="why"><p[^>]*>Weil ', step)
        assert 'data-test="postpone"' in step
        assert 'data-test="swap"' in step


def test_a_postponed_step_stands_in_the_month_that_the_page_names(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.2))
    unit = stage.first_unit(visitor)
    _status, address, _t = post(stage, visitor, f"lernpfad/{unit}/verschieben", month="3")
    said = re.search(r"Verschoben auf ([^.<]+)\.", get(stage, visitor, address.split("/")[-1]))
    assert said is not None
    path = plan.current(stage.s, stage.learner(visitor), stage.now).path
    assert path is not None
    assert next(s.month for s in path.steps if s.unit == unit) >= 3


def test_trying_out_another_plan_changes_nothing(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.2))
    before = get(stage, visitor, "api/path")
    assert "Mit diesem Plan" in get(stage, visitor, "lernpfad?stunden=1&ohne=1")
    assert get(stage, visitor, "api/path") == before


def test_who_objects_gets_no_proposals_and_can_change_that(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.2))
    post(stage, visitor, "lernpfad", do="object")
    assert "Keine Vorschläge" in get(stage, visitor, "lernpfad")
    post(stage, visitor, "lernpfad", do="allow")
    assert 'data-test="path"' in get(stage, visitor, "lernpfad")


# --- data, JSON, files ----------------------------------------------------------------------------


def test_everything_stored_can_be_taken_along(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=3)
    answer = stage.client(visitor).get(visitor.home + "daten/herunterladen")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    names = zipfile.ZipFile(BytesIO(answer.data)).namelist()
    assert {"answers.json", "profile.json", "path.json", "evidence.json"} <= set(names)


def test_deleting_needs_the_tick_and_ends_the_session(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=3)
    assert "Der Haken fehlt noch" in post(stage, visitor, "daten/loeschen")[2]
    assert "Ihre Daten sind gelöscht" in post(stage, visitor, "daten/loeschen", sure="yes")[2]
    assert stage.client(visitor).get(visitor.home).status_code == 403


def test_the_private_answer_appears_in_no_json(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER)
    item = reflecting.private_items(stage.s)[0]
    assert post(stage, visitor, f"nur-fuer-mich/{item.key}", choice="4", do="answer")[0] == 303
    for page in ("api/me", "api/profile", "api/path"):
        assert "K.1" not in get(stage, visitor, page)


def test_json_keeps_to_the_contract(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed(GARDENER, luck=0.3))
    me = json.loads(get(stage, visitor, "api/me"))
    assert {"learner", "tenant", "course", "role", "language"} <= me.keys()
    profile = json.loads(get(stage, visitor, "api/profile"))
    keys = {"id", "soll", "ist", "low", "high", "verdict", "inferred", "evidence"}
    assert all(c.keys() == keys for c in profile["competencies"])
    assert {c["verdict"] for c in profile["competencies"]} <= {"met", "gap", "open", "none"}
    path = json.loads(get(stage, visitor, "api/path"))
    assert {"state", "steps", "value", "bound", "versions"} <= path.keys()
    keys = {"offer", "title", "obligation", "hours", "month", "state", "closes", "why"}
    assert all(s.keys() == keys | {"until"} for s in path["steps"])


def test_static_files_are_kept_for_a_year_under_the_hash_of_their_content(stage: Stage) -> None:
    text = stage.client().get("/").text
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
        assert "max-age=31536000" in _static(stage, address)[1]
        old = re.sub(r"/static/\w+/", "/static/000000000000/", address)
        assert "max-age=3600" in _static(stage, old)[1]


def test_static_files_outside_the_folder_are_not_found(stage: Stage) -> None:
    for name in ("../app.py", "..%2fapp.py", "kern/../../app.py", "gibt-es-nicht.css"):
        assert _static(stage, f"/static/0/{name}")[0] == 404


def _static(stage: Stage, address: str) -> tuple[int, str]:
    with stage.client().get(address, headers={"Accept-Encoding": "gzip"}) as answer:
        return answer.status_code, answer.headers.get("Cache-Control", "")
