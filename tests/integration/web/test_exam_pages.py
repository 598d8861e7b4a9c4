"""The pages of the short review: what they say when, and what cannot be tricked into them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from competency.exam import ZONE
from lti_tool.flows import exams, plan, profiles
from lti_tool.ports import Launch, TenantSettings
from lti_tool.store import launches, tenants
from lti_tool.store.schema import core
from lti_tool.store.schema.lti import launch
from lti_tool.web import notices
from lti_tool.web.exams import placed_page
from tests.conftest import settings_for
from tests.integration.trust.town import come
from tests.pages.scene import Stage, Visitor

UNIT = "A4"
PAGE = f"rueckblick/{UNIT}"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("exams")
    made = Stage(settings_for(f"sqlite:///{folder / 'exams.db'}"))
    yield made
    made.close()


def page(stage: Stage, visitor: Visitor, path: str = PAGE) -> str:
    answer = stage.client(visitor).get(visitor.home + path, follow_redirects=True)
    assert answer.status_code == 200, answer.status_code
    return answer.text


def post(stage: Stage, visitor: Visitor, path: str, **form: str) -> tuple[int, str]:
    client: FlaskClient = stage.client(visitor)
    answer = client.post(visitor.home + path, data={"csrf": stage.csrf(visitor), **form})
    return answer.status_code, answer.headers.get("Location", "")


def runs(stage: Stage, visitor: Visitor) -> int:
    with stage.s.store.read() as work:
        return len(work.attempts.exams(visitor.learner_id))


def signed(stage: Stage, visitor: Visitor, named: str) -> None:
    """Let the learning portal have signed that this launch's link stands for a page."""
    with stage.house.database.begin() as conn:
        conn.execute(update(launch).where(launch.c.id == visitor.launch_id).values(page=named))


def held(stage: Stage, visitor: Visitor) -> dict[str, object]:
    with stage.s.store.read() as work:
        return dict(work.evidence.held(visitor.learner_id))


def day_of(stage: Stage, ago: int) -> str:
    return (stage.now.astimezone(ZONE) - timedelta(days=ago)).date().isoformat()


@pytest.mark.parametrize(
    ("days", "said", "button"),
    [
        (3, "Offen ab", False),
        (12, "Offen ab", False),
        (15, "Am besten bis zum", True),
        (40, "Sie können ihn noch machen", True),
    ],
)
def test_the_page_says_when_it_is_open(stage: Stage, days: int, said: str, *, button: bool) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, days)
    text = page(stage, visitor)
    assert said in text
    assert ('data-test="begin-exam"' in text) is button
    assert "mindestens 4 von 6 Antworten passen" in text  # the rule is visible before


def test_without_a_date_it_says_that_we_do_not_know_one(stage: Stage) -> None:
    text = page(stage, stage.ready("GB"))
    assert "Öffnet 14 Tage nach dem Tutorium" in text
    assert "Wir wissen noch nicht, wann Ihr Tutorium war" in text


@pytest.mark.parametrize("days", [0, 13])
def test_a_post_before_it_opens_does_nothing(stage: Stage, days: int) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, days)
    assert post(stage, visitor, PAGE) == (303, visitor.home + PAGE)
    status, where = post(stage, visitor, f"{PAGE}/frage", position="1", choice="0", do="answer")
    assert (status, where) == (303, f"{visitor.home}{PAGE}/frage?already=1")
    assert runs(stage, visitor) == 0
    for path in (f"{PAGE}/frage", f"{PAGE}/antwort/1", f"{PAGE}/ergebnis"):
        answer = stage.client(visitor).get(visitor.home + path)
        assert (answer.status_code, answer.headers["Location"]) == (303, visitor.home + PAGE)


def test_a_whole_review_by_forms_alone(stage: Stage) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, 15)
    assert post(stage, visitor, PAGE)[0] == 303
    for number in range(1, 7):
        shown = page(stage, visitor, f"{PAGE}/frage")
        assert f"Frage {number} von 6" in shown
        assert 'data-test="pause"' in shown
        status, where = post(stage, visitor, f"{PAGE}/frage", position=str(number), do="dont_know")
        assert status == 303
        assert where.endswith(f"/antwort/{number}")
        told = page(stage, visitor, f"{PAGE}/antwort/{number}")
        assert 'data-test="said"' in told
    ended = page(stage, visitor, f"{PAGE}/ergebnis")
    assert "Schauen Sie das noch einmal an" in ended
    assert "0 von 6 Antworten passen. 4 reichen." in ended
    assert 'data-test="begin-exam"' in ended
    for word in ("durchgefallen", "bestanden", "Prüfung", "Fehler", "falsch"):
        assert word not in ended
        assert word not in page(stage, visitor)


def test_right_answers_say_that_it_sits(stage: Stage) -> None:
    visitor = stage.examined(stage.ready("GB"), UNIT, fitting=6)
    assert "Das sitzt" in page(stage, visitor, f"{PAGE}/ergebnis")
    assert "Ihr letzter Rückblick vom" in page(stage, visitor)
    assert "im Rückblick zu" in page(stage, visitor, "profil")


def test_what_is_right_is_told_for_the_kind_of_question(stage: Stage) -> None:
    visitor = stage.examined(stage.ready("GB"), UNIT, fitting=1, most=1)
    found = exams.answered(stage.s, stage.learner(visitor), UNIT, 1)
    assert found is not None
    told = page(stage, visitor, f"{PAGE}/antwort/1")
    assert "passt" in told
    assert found.item.feedback in unescape(told)


def test_nobody_reads_the_answers_before_giving_one(stage: Stage) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, 15)
    post(stage, visitor, PAGE)
    answer = stage.client(visitor).get(f"{visitor.home}{PAGE}/antwort/1")
    assert answer.headers["Location"] == visitor.home + PAGE


def test_a_missing_choice_keeps_the_page(stage: Stage) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, 15)
    post(stage, visitor, PAGE)
    client = stage.client(visitor)
    sent = {"csrf": stage.csrf(visitor), "position": "1", "do": "answer"}
    answer = client.post(f"{visitor.home}{PAGE}/frage", data=sent)
    assert answer.status_code == 200
    assert "Eine Auswahl fehlt" in answer.text or "Noch eine Auswahl fehlt" in answer.text


@pytest.mark.parametrize("unit", ["gibt-es-nicht", "%2e%2e", "A4'--", "A4%00", "🪴"])
def test_a_review_that_does_not_exist_is_a_page_that_does_not_exist(
    stage: Stage, unit: str
) -> None:
    visitor = stage.ready("GB")
    for path in ("", "/frage", "/antwort/1", "/ergebnis", "/2026-11-20"):
        answer = stage.client(visitor).get(
            f"{visitor.home}rueckblick/{unit}{path}", follow_redirects=True
        )
        assert answer.status_code == 404, path
    assert post(stage, visitor, f"rueckblick/{unit}")[0] == 404


def test_the_form_token_is_needed(stage: Stage) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, 15)
    for path in (PAGE, f"{PAGE}/frage"):
        answer = stage.client(visitor).post(visitor.home + path, data={"csrf": "old"})
        assert answer.status_code == 403
    assert runs(stage, visitor) == 0


# --- the day that a course names ------------------------------------------------------------------


def launched(stage: Stage, visitor: Visitor) -> Launch:
    with stage.house.database.read() as conn:
        opened = launches.find(conn, visitor.launch_id)
    assert opened is not None
    return opened.launch


def placed_for(stage: Stage, visitor: Visitor, ago: int) -> str:
    with stage.app.app_context():
        here = launched(stage, visitor)
        return placed_page(here, UNIT, date.fromisoformat(day_of(stage, ago)))


def test_the_day_comes_from_the_signed_link_and_opens_the_review(stage: Stage) -> None:
    visitor = stage.ready("GB")
    named = placed_for(stage, visitor, 15)
    signed(stage, visitor, named)
    assert 'data-test="begin-exam"' in page(stage, visitor, named)
    assert UNIT in held(stage, visitor)
    assert len(named) <= 64  # ILIAS keeps it in a custom parameter


def test_a_day_that_was_typed_into_the_address_counts_for_nothing(stage: Stage) -> None:
    visitor = stage.ready("GB")
    signed(stage, visitor, placed_for(stage, visitor, 2))
    for typed in (
        f"{PAGE}/{day_of(stage, 30)}",
        placed_for(stage, visitor, 30),
        f"{PAGE}/2026-13-40",
        f"{PAGE}/{day_of(stage, 30)}-00000000",
    ):
        assert 'data-test="begin-exam"' not in page(stage, visitor, typed)
    assert held(stage, visitor) == {}


def test_a_copied_course_needs_a_day_of_its_own_and_its_lead_is_told(stage: Stage) -> None:
    original = stage.ready("GB")
    named = placed_for(stage, original, 15)
    lead = come(stage, "lead of the copy", instructor=True, context_id="copy", link_id="l9")
    pupil = come(stage, "pupil of the copy", context_id="copy", link_id="l9")
    for visitor in (lead, pupil):
        _informed(stage, visitor)
        signed(stage, visitor, named)
        assert held(stage, visitor) == {}
    told = "Das Datum gehört zu einem anderen Kurs"
    assert told in page(stage, lead, named)
    assert told not in page(stage, pupil, named)


def _informed(stage: Stage, visitor: Visitor, changed: TenantSettings | None = None) -> None:
    tenant = replace(stage.tenant, settings=changed or stage.tenant.settings)
    version = notices.version(tenant, stage.settings)
    profiles.read_notice(stage.s, stage.learner(visitor), version, stage.now)


def test_a_day_written_by_hand_into_the_activity_counts(stage: Stage) -> None:
    visitor = stage.ready("GB")
    named = f"{PAGE}/{day_of(stage, 15)}"
    signed(stage, visitor, named)
    assert 'data-test="begin-exam"' in page(stage, visitor, named)


# --- start, path, unit ----------------------------------------------------------------------------


def start_of(stage: Stage, visitor: Visitor) -> tuple[str, bool]:
    """Return the heading of the framed step, and whether reviews are listed beside it."""
    text = page(stage, visitor, "")
    heading = re.search(r'id="weiter">([^<]+)<', text)
    assert heading
    return heading[1], 'data-test="reviews"' in text


def test_a_due_review_comes_after_the_step_of_this_month_and_before_later_ones(
    stage: Stage,
) -> None:
    visitor = stage.planned(stage.assessed("GB", luck=0.2), accepted=True)
    stage.held(visitor, UNIT, 15)
    title, listed = start_of(stage, visitor)
    path = plan.current(stage.s, stage.learner(visitor), stage.now).path
    assert path is not None
    assert path.steps[0].month == 0
    assert "Kurzer Rückblick" not in title
    assert listed
    plan.postpone(stage.s, stage.learner(visitor), path.steps[0].unit, 3, stage.now)
    plan.accept(stage.s, stage.learner(visitor), stage.now)
    after = plan.current(stage.s, stage.learner(visitor), stage.now).path
    assert after is not None
    if min(s.month for s in after.steps) > 0:
        assert start_of(stage, visitor) == (
            "Ihr nächster Schritt: Kurzer Rückblick zu „Regeln der Informationssicherheit im Amt“",
            False,
        )


def test_a_due_review_is_the_next_step_where_nothing_else_is(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed("GB", luck=1.0))
    plan.accept(stage.s, stage.learner(visitor), stage.now)
    stage.held(visitor, UNIT, 15)
    title, listed = start_of(stage, visitor)
    assert title.startswith("Ihr nächster Schritt: Kurzer Rückblick")
    assert not listed


@pytest.mark.parametrize(("days", "listed"), [(10, False), (11, True), (13, True)])
def test_the_reminder_comes_three_days_before(stage: Stage, days: int, *, listed: bool) -> None:
    visitor = stage.held(stage.assessed("GB"), UNIT, days)
    assert start_of(stage, visitor)[1] is listed


def test_what_was_done_is_not_asked_for_again(stage: Stage) -> None:
    visitor = stage.examined(stage.assessed("GB"), UNIT, fitting=0)
    assert not start_of(stage, visitor)[1]


def test_the_step_on_the_path_and_the_page_of_the_unit_say_when_it_is_open(stage: Stage) -> None:
    visitor = stage.planned(stage.assessed("GB", luck=0.2), accepted=True)
    unit = stage.first_unit(visitor)
    assert "Öffnet 14 Tage nach dem Tutorium" in page(stage, visitor, f"einheit/{unit}")
    stage.learned(visitor, unit)
    assert re.search(r'data-test="review">.*Offen ab', page(stage, visitor, "lernpfad"), re.S)
    assert "Offen ab" in page(stage, visitor, f"einheit/{unit}")


# --- who gets to know -----------------------------------------------------------------------------


def test_it_says_beforehand_whether_the_learning_portal_gets_to_know(stage: Stage) -> None:
    visitor = stage.held(stage.ready("GB"), UNIT, 15)
    assert "Nur Sie sehen das Ergebnis" in page(stage, visitor)
    graded = replace(stage.tenant.settings, ags=True)
    with stage.house.database.begin() as conn:
        tenants.change(conn, stage.tenant.id, graded)
        where = launch.c.id == visitor.launch_id
        services = {"lineitem": "https://lms.example/li"}
        conn.execute(update(launch).where(where).values(page=PAGE, services=services))
    try:
        # Who receives data has changed: the first information comes again, and says it.
        assert "ob ein Rückblick sitzt" in page(stage, visitor)
        _informed(stage, visitor, graded)
        assert "Ihr Lernportal erfährt, ob es sitzt" in page(stage, visitor)
        stage.examined(visitor, UNIT, fitting=6)
        assert "ob ein Rückblick sitzt" in page(stage, visitor, "")
        with stage.house.database.read() as conn:
            (row,) = conn.execute(select(core.outbox).where(core.outbox.c.kind == "result")).all()
        assert (row.body["done"], row.body["of"]) == (1, 1)
    finally:
        with stage.house.database.begin() as conn:
            tenants.change(conn, stage.tenant.id, stage.tenant.settings)


def test_a_grade_that_is_reviewed_says_what_it_is_about(stage: Stage) -> None:
    visitor = stage.ready("GB")
    assert "Schritte des Lernpfads" in page(stage, visitor, "einsicht")
    signed(stage, visitor, PAGE)
    assert "ob der kurze Rückblick sitzt" in page(stage, visitor, "einsicht")
    signed(stage, visitor, "frage")
    assert "nicht, wie es ging" in page(stage, visitor, "einsicht")
