"""The pages people see: choose a person, a course, an activity; see what came back.

There are no passwords: everyone may be everyone, which is the point of a demo. Changes carry the
session's form key all the same, so that no foreign page can press our buttons.
"""

import secrets
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from demo import lrs, statements
from demo.cron import enqueue
from demo.lms import lms, locale_of, sesskey, visitor
from demo.statements import QUIZ_MAXIMUM, QUIZ_PASS, Event
from demo.world import Activity, Course, Person

pages = Blueprint("pages", __name__)

BERLIN = ZoneInfo("Europe/Berlin")
LANGUAGES = {"de": "Deutsch", "en": "English"}

Page = str | Response
View = Callable[..., Page]


def signed_in(view: View) -> View:
    """Hand the signed-in person to the view, or lead to the choice of persons."""

    @wraps(view)
    def guarded(**values: Any) -> Page:
        person = visitor()
        if person is None:
            return redirect(url_for("pages.home"), 303)
        return view(person, **values)

    return guarded


def keyed(view: View) -> View:
    """Refuse a form that does not carry the session's form key."""

    @wraps(view)
    def guarded(*args: Any, **values: Any) -> Page:
        if not secrets.compare_digest(request.form.get("sesskey", "").encode(), sesskey().encode()):
            abort(403)
        return view(*args, **values)

    return guarded


@pages.get("/")
def home() -> Page:
    """Offer the persons."""
    return render_template("home.html", persons=lms().world.persons)


@pages.post("/login")
def login() -> Page:
    """Become a person."""
    person = lms().world.person_by_key(request.form.get("person", ""))
    if person is None:
        abort(404)
    session.clear()
    session["person"] = person.id
    with lms().store.begin() as conn:
        enqueue(conn, [statements.logged_in(_event(person))])
    return redirect(url_for("pages.courses"), 303)


@pages.post("/logout")
@keyed
def logout() -> Page:
    """Go back to the choice of persons."""
    session.clear()
    return redirect(url_for("pages.home"), 303)


@pages.post("/user/language")
@signed_in
@keyed
def language(person: Person) -> Page:
    """Choose the language the platform tells the tool."""
    chosen = request.form.get("locale", "")
    if chosen not in LANGUAGES:
        abort(400)
    with lms().store.begin() as conn:
        conn.execute("insert or replace into preference values (?, ?)", (person.id, chosen))
    return redirect(url_for("pages.courses"), 303)


@pages.get("/my/")
@signed_in
def courses(person: Person) -> Page:
    """List the courses of a person, the own one first."""
    with lms().store.read() as conn:
        locale = locale_of(conn, person)
    found = lms().world.courses_of(person)
    return render_template("courses.html", courses=found, locale=locale, languages=LANGUAGES)


@pages.get("/course/view.php")
@signed_in
def course(person: Person) -> Page:
    """Show a course: the LTI activity and the learning units."""
    found = lms().world.course(request.args.get("id", 0, int))
    if found is None:
        abort(404)
    with lms().store.begin() as conn:
        enqueue(conn, [statements.course_viewed(_event(person), found)])
        done = _done(conn, person)
    return render_template("course.html", course=found, done=done)


@pages.get("/mod/lti/view.php")
@signed_in
def embedded(_person: Person) -> Page:
    """Show the tool in a frame."""
    found = lms().world.link(request.args.get("id", 0, int))
    if found is None:
        abort(404)
    return render_template("embed.html", course=found[0], link=found[1])


@pages.get("/mod/<any(page, quiz):kind>/view.php")
@signed_in
def activity(person: Person, kind: str) -> Page:
    """Show a learning unit or its quiz."""
    course, found = _activity(request.args.get("id", 0, int), kind)
    with lms().store.begin() as conn:
        enqueue(conn, [statements.module_viewed(_event(person), course, found)])
        done, last = _done(conn, person), _last_attempt(conn, person, found)
    return render_template(
        f"{kind}.html",
        course=course,
        activity=found,
        done=done,
        last=last,
        maximum=QUIZ_MAXIMUM,
        passing=QUIZ_PASS,
    )


@pages.post("/course/completion")
@signed_in
@keyed
def complete(person: Person) -> Page:
    """Mark an activity as done, or take the mark back."""
    course, found = _activity(request.form.get("cm", 0, int), request.form.get("kind", "page"))
    with lms().store.begin() as conn:
        _mark(conn, person, course, found, done=request.form.get("done") == "1")
    if request.form.get("back") == "activity":
        return redirect(found.path, 303)
    return redirect(url_for("pages.course", id=course.id) + f"#cm-{found.cm}", 303)


@pages.post("/mod/quiz/attempt.php")
@signed_in
@keyed
def attempt(person: Person) -> Page:
    """Mark a quiz; passing it completes the activity."""
    course, quiz = _activity(request.form.get("cm", 0, int), "quiz")
    given = [request.form.get(f"q{n}") for n in range(len(quiz.questions))]
    right = sum(a == str(q.true) for a, q in zip(given, quiz.questions, strict=True))
    raw = round(QUIZ_MAXIMUM * right / len(quiz.questions), 2)
    with lms().store.begin() as conn:
        number = _note_attempt(conn, person, quiz, raw)
        event = _event(person)
        submitted = statements.attempt_submitted(event, course, quiz, number, raw)
        enqueue(conn, [statements.attempt_started(event, course, quiz, number), submitted])
        if raw >= QUIZ_PASS:
            _mark(conn, person, course, quiz, done=True)
    return redirect(quiz.path, 303)


@pages.get("/written-back")
@signed_in
def written_back(person: Person) -> Page:
    """Show what the tool and the LRS brought back for the signed-in person."""
    with lms().store.read() as conn:
        plans = conn.execute(
            "select * from plan where person = ? order by changed desc, id desc", (person.id,)
        ).fetchall()
        scores = conn.execute(
            "select g.*, l.label, l.maximum, l.course from grade g join lineitem l"
            " on l.id = g.lineitem where g.person = ? order by g.graded desc",
            (person.id,),
        ).fetchall()
        removed = conn.execute(
            "select what, title, max(at) as at from removal where person = ? group by what, title",
            (person.id,),
        ).fetchall()
    return render_template(
        "written.html",
        removed=removed,
        plans=plans,
        scores=scores,
        titles={c.id: c.fullname for c in lms().world.courses},
        queue=(lms().cron.waiting(), lms().cron.refused()),
        **_from_lrs(person),
    )


@pages.get("/admin/tool/lp/plan.php")
@signed_in
def plan(person: Person) -> Page:
    """Show one learning plan to the person it belongs to."""
    with lms().store.read() as conn:
        row = conn.execute(
            "select * from plan where id = ? and person = ?",
            (request.args.get("id", 0, int), person.id),
        ).fetchone()
    if row is None:
        abort(404)
    return render_template("plan.html", plan=row)


@pages.get("/healthz")
def healthz() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "ok"}


def _from_lrs(person: Person) -> dict[str, Any]:
    try:
        found = lrs.paths(lms().config, person)
        return {"paths": found, "recent": lrs.recent(lms().config, person), "silent": False}
    except lrs.LrsSilent:
        return {"paths": [], "recent": [], "silent": True}


def _activity(cm: int, kind: str) -> tuple[Course, Activity]:
    found = lms().world.activity(cm)
    if found is None or found[1].kind != kind:
        abort(404)
    return found


def _event(person: Person) -> Event:
    return Event(lms().config.base_url, person, lms().clock.now())


def _done(conn: sqlite3.Connection, person: Person) -> dict[int, int]:
    """Return when the person completed which course module."""
    rows = conn.execute("select cm, done from completion where person = ?", (person.id,))
    return {row["cm"]: row["done"] for row in rows}


def _mark(
    conn: sqlite3.Connection, person: Person, course: Course, found: Activity, *, done: bool
) -> None:
    """Change the mark and report it, both or neither; no report if nothing changes."""
    if (found.cm in _done(conn, person)) == done:
        return
    event = _event(person)
    if done:
        row = (person.id, found.cm, event.at)
        conn.execute("insert into completion values (?, ?, ?)", row)
    else:
        key = (person.id, found.cm)
        conn.execute("delete from completion where person = ? and cm = ?", key)
    enqueue(conn, [statements.completion_updated(event, course, found, done=done)])


def _note_attempt(conn: sqlite3.Connection, person: Person, quiz: Activity, raw: float) -> int:
    row = (person.id, quiz.cm, raw, lms().clock.now())
    made = conn.execute("insert into attempt(person, cm, raw, made) values (?, ?, ?, ?)", row)
    return int(made.lastrowid or 0)


def _last_attempt(conn: sqlite3.Connection, person: Person, found: Activity) -> float | None:
    row = conn.execute(
        "select raw from attempt where person = ? and cm = ? order by id desc",
        (person.id, found.cm),
    ).fetchone()
    return float(row["raw"]) if row else None


def local_time(value: int | str) -> str:
    """Return a moment (unix seconds or ISO text) as Germans write it, in Berlin time."""
    try:
        at = datetime.fromtimestamp(value, UTC) if isinstance(value, int) else _instant(value)
    except ValueError:
        return str(value)
    return f"{at.astimezone(BERLIN):%d.%m.%Y, %H:%M} Uhr"


def local_date(value: int | str) -> str:
    """Return the day of a moment as Germans write it."""
    return local_time(value).partition(",")[0]


def decimal(value: float) -> str:
    """Return a number with a decimal comma and no needless zeros."""
    return f"{value:.2f}".rstrip("0").rstrip(".").replace(".", ",")


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
