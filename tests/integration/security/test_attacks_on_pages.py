"""Attacks on the learner's pages: forged forms, odd values, two tabs at once, an old tab."""

import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import assess, persons, plan, profiles, roles
from lti_tool.store import tenants
from lti_tool.store.schema import core
from lti_tool.store.schema.lti import launch, platform
from tests.conftest import settings_for
from tests.pages.scene import Stage, Visitor

GARDENER = "GB"
SCRIPT = "<script>alert(1)</script>"
ODD = (
    "",
    "\0",
    "9" * 5000,
    "٣",
    "-1",
    "x' OR 1=1;--",
    "\r\nSet-Cookie: stolen=1",
    SCRIPT,
    "\"'><img src=x onerror=alert(1)>{{7*7}}%(title)s{0}",
)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(settings_for(f"sqlite:///{tmp_path_factory.mktemp('attack') / 'attack.db'}"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def planned(stage: Stage) -> Visitor:
    """Somebody with answers, a profile and a draft."""
    visitor = stage.assessed(GARDENER, most=8)
    assess.finish(stage.s, stage.learner(visitor), stage.now)
    return stage.planned(visitor)


@pytest.fixture
def fresh(stage: Stage) -> Visitor:
    visitor = stage.assessed(GARDENER, most=2)
    assess.finish(stage.s, stage.learner(visitor), stage.now)
    return stage.planned(visitor)


def post(stage: Stage, visitor: Visitor, path: str, **form: object) -> TestResponse:
    sent = {"csrf": stage.csrf(visitor), **form}
    return stage.client(visitor).post(visitor.home + path, data=sent)


def get(stage: Stage, visitor: Visitor, path: str) -> TestResponse:
    return stage.client(visitor).get(visitor.home + path)


# --- odd values -----------------------------------------------------------------------------------


def paths(unit: str, odd: str) -> list[str]:
    v = quote(odd)
    return [
        f"profil/{v}/stimmt-nicht",
        f"lernpfad/{v}/verschieben",
        f"lernpfad/{v}/tauschen",
        f"einheit/{v}",
        f"nur-fuer-mich/{v}",
        f"lernpfad?stunden={v}&ohne={v}",
        f"lernpfad?stunden=4&ohne={v}",
        f"lernpfad?getan={v}&verschoben={v}&entfernt={unit}&getauscht={v}",
        f"frage?order={v}&up={v}",
        f"profil?ansicht={v}",
        f"?sprache={v}",
        f"daten?gemerkt={v}",
    ]


def forms(home: str, unit: str, odd: str) -> list[tuple[str, dict[str, str]]]:
    return [
        ("rolle", {"role": odd, "more": odd}),
        ("rolle", {"role": GARDENER, "more": odd}),
        ("sprache", {"language": odd, "back": odd}),
        ("sprache", {"language": "de", "back": home + odd}),
        ("probe", {"do": odd, "choice": odd}),
        ("lernpfad", {"do": odd}),
        ("lernpfad", {"do": "take", "stunden": odd, "ohne": odd}),
        ("lernpfad", {"do": "undo", "unit": odd}),
        ("lernpfad", {"do": "accept", "offered": odd or "x"}),
        (f"lernpfad/{unit}/verschieben", {"month": odd}),
        (f"lernpfad/{unit}/tauschen", {"other": odd}),
        ("daten/loeschen", {"sure": odd}),
    ]


@pytest.mark.parametrize("odd", ODD, ids=lambda v: ascii(v)[:20])
def test_no_odd_value_breaks_a_page_or_comes_back_as_markup(
    stage: Stage, planned: Visitor, odd: str
) -> None:
    unit = stage.first_unit(planned)
    answers = [get(stage, planned, path) for path in paths(unit, odd)]
    answers += [post(stage, planned, p, **f) for p, f in forms(planned.home, unit, odd)]
    for answer in answers:
        assert answer.status_code < 500, (answer.request.path, answer.request.query_string)
        assert SCRIPT not in answer.text
        assert "<img src=x" not in answer.text
        assert "stolen" not in str(answer.headers)


@pytest.mark.parametrize("odd", ODD[:6], ids=lambda v: ascii(v)[:20])
def test_no_odd_answer_breaks_a_question_or_is_stored(stage: Stage, odd: str) -> None:
    for kind in {i.kind for i in stage.s.content.items if i.scored}:
        visitor = stage.ready(GARDENER)
        stage.ask(visitor, stage.item(kind))
        for name in ("choice", "choices", "done", "order", "m0", "up", "position"):
            sent = {"position": "1", "do": "answer", **{f"m{n}": odd for n in range(4)}, name: odd}
            answer = post(stage, visitor, "frage", **sent)
            assert answer.status_code < 500, (kind, name)
            assert SCRIPT not in answer.text
        with stage.s.store.read() as work:
            attempt = work.attempts.latest(visitor.learner_id)
            assert attempt is not None
            kept = work.attempts.questions(attempt.id)[0].response
        assert odd == "" or odd not in str(kept)


def test_nul_in_a_form_is_refused_on_every_database(database_url: str) -> None:
    stage = Stage(settings_for(database_url))
    visitor = stage.visitor()
    assert post(stage, visitor, "hinweis", version="1\0").status_code == 400
    assert post(stage, visitor, "sprache", language="en", back="x\0").status_code == 400
    stage.close()


def test_what_others_named_is_text_and_never_markup(stage: Stage) -> None:
    visitor = stage.assessed(GARDENER, most=2)
    assess.finish(stage.s, stage.learner(visitor), stage.now)
    evil = f"Kurs {SCRIPT}"
    with stage.house.database.begin() as conn:
        conn.execute(launch.update().values(context_title=evil))
        conn.execute(platform.update().values(name=evil))
        conn.execute(core.tenant.update().values(name=evil))
        settings = tenants.get(conn, stage.tenant.id).settings
    view = profiles.current(stage.s, stage.learner(visitor))
    assert view is not None
    code, lines = next(iter(view.evidence.items()))
    sent = {"evidence": lines[0].id, "kind": "better", "text": evil}
    assert post(stage, visitor, f"profil/{code}/stimmt-nicht", **sent).status_code == 303
    assert settings.contact
    for path in ("", "profil", "lernpfad", "daten", "hilfe", "hinweis", "ende", "zzz"):
        text = get(stage, visitor, path).text
        assert SCRIPT not in text, path
    assert SCRIPT not in get(stage, visitor, f"profil/{code}/stimmt-nicht").text
    archive = get(stage, visitor, "daten/herunterladen")
    assert archive.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(archive.data)) as found:
        assert all(re.fullmatch(r"[a-z]+\.(json|html)", name) for name in found.namelist())
        page = found.read("index.html").decode()
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page
    with stage.house.database.begin() as conn:
        conn.execute(core.tenant.update().values(name=stage.tenant.name))


# --- forged requests ------------------------------------------------------------------------------


def _from(header: str, value: str) -> Callable[[str], dict[str, object]]:
    return lambda csrf: {"data": {"csrf": csrf, "do": "accept"}, "headers": {header: value}}


FORGED: dict[str, Callable[[str], dict[str, object]]] = {
    "no token": lambda _: {"data": {"do": "accept"}},
    "as JSON": lambda csrf: {"json": {"csrf": csrf, "do": "accept"}},
    "as text": lambda c: {"data": f"csrf={c}&do=accept", "content_type": "text/plain"},
    "without a type": lambda c: {"data": f"csrf={c}&do=accept", "content_type": ""},
    "in the address": lambda csrf: {"query_string": {"csrf": csrf, "do": "accept"}},
    "null origin": _from("Origin", "null"),
    "other origin": _from("Origin", "https://evil.example"),
    "longer origin": _from("Origin", "http://localhost.evil.example:8080"),
    "cross-site": _from("Sec-Fetch-Site", "cross-site"),
    "same-site": _from("Sec-Fetch-Site", "same-site"),
    "typed in": _from("Sec-Fetch-Site", "none"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_form_changes_nothing(stage: Stage, planned: Visitor, name: str) -> None:
    request = FORGED[name](stage.csrf(planned))
    answer = stage.client(planned).post(f"{planned.home}lernpfad", **request)
    assert answer.status_code == 403, name
    assert plan.current(stage.s, stage.learner(planned), stage.now).state == "draft"


def test_a_method_cannot_be_disguised(stage: Stage, planned: Visitor) -> None:
    client, home = stage.client(planned), planned.home
    for method in ("PUT", "PATCH", "DELETE"):
        answer = client.open(f"{home}lernpfad", method=method, data={"csrf": stage.csrf(planned)})
        assert answer.status_code == 405
    disguise = {"X-HTTP-Method-Override": "POST"}
    client.get(f"{home}lernpfad?_method=POST&do=accept", headers=disguise)
    assert plan.current(stage.s, stage.learner(planned), stage.now).state == "draft"


def test_a_planted_cookie_opens_nothing(stage: Stage, planned: Visitor) -> None:
    """Session fixation: the attacker's secret under the victim's path, or a guessed one."""
    attacker = stage.ready(GARDENER)
    for secret in (attacker.secret, "", "0" * 43, planned.launch_id, "\u00e4"):
        client = stage.app.test_client()
        client.set_cookie("launch", secret, path=planned.home)
        assert client.get(f"{planned.home}profil").status_code == 403
    for path in ("//l/", "/l//", "/L/", "/l/%2e%2e/l/", "/static/../l/"):
        there = path + planned.launch_id + "/profil"
        assert stage.client(attacker).get(there).status_code in (308, 403, 404)


def test_a_foreign_host_name_leads_nobody_away(stage: Stage, planned: Visitor) -> None:
    client = stage.client(planned)
    for path in ("", "anfangen", "frage"):
        answer = client.get(planned.home + path, headers={"Host": "evil.example"})
        assert "evil.example" not in answer.headers.get("Location", "")
        assert "evil.example" not in answer.text


@pytest.mark.parametrize(
    ("method", "asked", "place"),
    [
        ("GET", "/admin", "/admin/"),
        ("GET", "/admin?a=1", "/admin/?a=1"),
        ("POST", "/lti//launch", "/lti/launch"),
    ],
)
def test_a_slash_too_many_or_too_few_leads_to_no_foreign_host(
    stage: Stage, planned: Visitor, method: str, asked: str, place: str
) -> None:
    client = stage.client(planned)
    for named in ({"Host": "evil.example"}, {"X-Forwarded-Host": "evil.example"}):
        answer = client.open(asked, method=method, headers=named)
        assert (answer.status_code, answer.headers["Location"]) == (308, place)
        assert "evil.example" not in answer.text


# --- two tabs at once -----------------------------------------------------------------------------


def test_a_double_tap_on_accept_is_one_yes_and_no_error(stage: Stage, fresh: Visitor) -> None:
    found = [post(stage, fresh, "lernpfad", do="accept") for _ in range(2)]
    assert [a.status_code for a in found] == [303, 303]
    assert plan.current(stage.s, stage.learner(fresh), stage.now).state == "accepted"


def test_two_accepts_at_once_write_one_path(stage: Stage, fresh: Visitor) -> None:
    answers: list[int] = []

    def tap() -> None:
        answers.append(post(stage, fresh, "lernpfad", do="accept").status_code)

    threads = [threading.Thread(target=tap) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [303] * 4
    with stage.house.database.read() as conn:
        mine = core.path.c.learner_id == fresh.learner_id
        states = list(conn.execute(select(core.path.c.state).where(mine)).scalars())
    assert states.count("accepted") == 1


def test_a_yes_counts_for_the_proposal_that_was_shown_and_no_other(
    stage: Stage, fresh: Visitor
) -> None:
    page = get(stage, fresh, "lernpfad").text
    shown = re.search(r'name="offered" value="([^"]+)"', page)
    assert shown is not None
    unit = stage.first_unit(fresh)
    plan.exclude(stage.s, stage.learner(fresh), unit, stage.now)  # another tab, or the worker
    answer = post(stage, fresh, "lernpfad", do="accept", offered=shown[1])
    assert answer.status_code == 303
    assert plan.current(stage.s, stage.learner(fresh), stage.now).state == "draft"
    now_shown = re.search(r'name="offered" value="([^"]+)"', get(stage, fresh, "lernpfad").text)
    assert now_shown is not None
    post(stage, fresh, "lernpfad", do="accept", offered=now_shown[1])
    assert plan.current(stage.s, stage.learner(fresh), stage.now).state == "accepted"


def test_an_objection_survives_every_request_that_began_before_it(
    stage: Stage, fresh: Visitor
) -> None:
    s, now, before = stage.s, stage.now, stage.learner(fresh)
    unit = stage.first_unit(fresh)
    view = profiles.current(s, before)
    assert view is not None
    line = next(iter(view.evidence.values()))[0].id
    plan.object_to_proposals(s, before, now)
    profiles.speak(s, before, "en", now)
    profiles.remember_practice(s, before, now)
    profiles.read_notice(s, before, before.notice_version or "", now)
    roles.choose(s, before, (GARDENER,), now)
    profiles.dispute(s, before, line, "not_me", "", now)
    plan.current(s, before, now)
    with pytest.raises(Conflict):
        plan.exclude(s, before, unit, now)
    with pytest.raises(Conflict):
        plan.accept(s, before, now)
    assert stage.learner(fresh).state == "objected"
    assert stage.learner(fresh).language == "en"
    assert plan.current(s, stage.learner(fresh), now).path is None


def test_a_wish_of_one_tab_does_not_undo_that_of_another(stage: Stage, fresh: Visitor) -> None:
    first, second = (unit.key for unit in stage.s.content.catalogue.units[:2])
    before = stage.learner(fresh)
    plan.exclude(stage.s, before, first, stage.now)
    plan.exclude(stage.s, before, second, stage.now)
    assert {first, second} <= plan.wishes(stage.s, stage.learner(fresh)).excluded


# --- an old tab -----------------------------------------------------------------------------------


def test_after_erasing_an_old_tab_is_a_strangers(stage: Stage, fresh: Visitor) -> None:
    assert post(stage, fresh, "daten/loeschen", sure="yes").status_code == 200
    for path, form in (("lernpfad", {"do": "accept"}), ("anfangen", {}), ("daten/loeschen", {})):
        assert post(stage, fresh, path, **form).status_code == 403
    assert get(stage, fresh, "profil").status_code == 403
    assert left(stage, fresh) == {}


def test_a_request_that_was_under_way_while_erasing_leaves_nothing(
    stage: Stage, fresh: Visitor
) -> None:
    """The guard has let it in; the person is deleted; only now it writes."""
    s, now, before = stage.s, stage.now, stage.learner(fresh)
    persons.erase(s, before, "learner", now)
    late: list[Callable[[], object]] = [
        lambda: assess.start(s, before, now),
        lambda: assess.restart(s, before, now),
        lambda: assess.answer(s, before, 1, {"choice": 0}, now),
        lambda: assess.finish(s, before, now),
        lambda: plan.accept(s, before, now),
        lambda: plan.exclude(s, before, s.content.catalogue.units[0].key, now),
        lambda: plan.object_to_proposals(s, before, now),
        lambda: plan.allow_proposals(s, before, now),
        lambda: profiles.speak(s, before, "en", now),
        lambda: roles.choose(s, before, (GARDENER,), now),
        lambda: persons.erase(s, before, "learner", now),
    ]
    for write in late:
        with pytest.raises(NotFound):
            write()
    assert left(stage, fresh) == {}


def left(stage: Stage, visitor: Visitor) -> dict[str, int]:
    """Return tables with rows of this person."""
    with stage.s.store.read() as work:
        rows = work.learners.rows(visitor.learner_id)
    return {table: len(found) for table, found in rows.items() if found}
