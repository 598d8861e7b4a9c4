"""The short review of a unit: when it opens, its questions, what is right, how it went.

Nobody fails it. What is not right yet is said with what is right, and it can be done again.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency import scoring
from competency.catalogue import LearningUnit
from competency.errors import IncompleteResponse
from competency.exam import Standing
from competency.items import Kind
from lti_tool.errors import Conflict
from lti_tool.flows import exams, grades
from lti_tool.flows.catching_up import catch_up
from lti_tool.flows.exams import Exam, Question, Result, Review
from lti_tool.ports import Launch
from lti_tool.web import explaining, plain, questions
from lti_tool.web.explaining import Explained
from lti_tool.web.formats import day, language
from lti_tool.web.questions import Form
from lti_tool.web.services import house, services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

SECONDS_A_QUESTION = 35
PLACED = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)(?:-(?P<course>[0-9a-f]{8}))?")


@dataclass(frozen=True, slots=True)
class ExamPage:
    """What stands on the page of an exam. Without `button` it cannot be begun now."""

    unit: str
    title: str
    said: tuple[str, ...]
    rules: tuple[str, ...]
    last: str
    button: str
    copied: bool  # for the instructor: the date belongs to another course


@dataclass(frozen=True, slots=True)
class QuestionPage:
    form: Form
    unit: str
    unit_title: str
    title: str
    standing: str
    position: int
    count: int
    item: str
    already: bool = False


@dataclass(frozen=True, slots=True)
class AnswerPage:
    unit: str
    unit_title: str
    standing: str
    explained: Explained
    last: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One question of a finished run: what it was about, and whether it fits."""

    topic: str
    fits: bool


@dataclass(frozen=True, slots=True)
class ResultPage:
    unit: str
    unit_title: str
    sits: bool
    counted: str
    lines: tuple[Line, ...]


def exam(unit: str, placed: str = "") -> Response | str:
    """Show when a review is open and what it is; `placed` is the tutorial's day, from a course."""
    here, now = current_launch(), datetime.now(UTC)
    if placed:
        if (held := _held(here, unit, placed)) is not None:
            exams.hold(services(), here.learner, unit, held)
        return redirect(url_for("learner.exam", unit=unit), 303)
    catch_up(services(), here.learner, here.page, now)
    found = exams.of_unit(services(), here.learner, unit, now)
    return render_template("exam.html", page=_page(found, here))


def begin(unit: str) -> Response:
    """Begin, go on or repeat; before it is open nothing happens, and the page says when."""
    try:
        exams.start(services(), current_launch().learner, unit, datetime.now(UTC))
    except Conflict:
        return redirect(url_for("learner.exam", unit=unit), 303)
    return redirect(url_for("learner.exam_question", unit=unit), 303)


def question(unit: str) -> Response | str:
    """Show the question of a review that waits for an answer."""
    waiting = exams.question(services(), current_launch().learner, unit)
    if waiting is None:
        return redirect(url_for("learner.exam", unit=unit), 303)
    form = _form(waiting, easy=plain.chosen())
    if waiting.item.kind is Kind.ORDERING:
        form = questions.as_moved(form, waiting.order, request.args)
    page = replace(_question_page(waiting, form), already="already" in request.args)
    return render_template("exam_question.html", page=page)


def answer(unit: str) -> Response | str:
    """Save an answer and tell what is right; a move of an ordering saves nothing."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    waiting = exams.question(s, learner, unit)
    if waiting is None or request.form.get("position", type=int) != waiting.position:
        # Browser-back, a second tab or a double click: the stored answer stays.
        return redirect(url_for("learner.exam_question", unit=unit, already=1), 303)
    if (easy := plain.pressed()) is not None:
        form = questions.filled(_form(waiting, easy=easy), _response(waiting))
        return render_template("exam_question.html", page=_question_page(waiting, form))
    if moved := questions.after_move(waiting.item, waiting.order, request.form):
        return redirect(url_for("learner.exam_question", unit=unit) + moved, 303)
    response = _response(waiting)
    try:
        exams.answer(s, learner, unit, waiting.position, response, now)
    except IncompleteResponse as error:
        form = questions.filled(_form(waiting, easy=plain.chosen()), response)
        form = questions.lacking(form, error)
        return render_template("exam_question.html", page=_question_page(waiting, form))
    return redirect(url_for("learner.exam_answer", unit=unit, position=waiting.position), 303)


def _form(waiting: Question, *, easy: bool) -> Form:
    content = services().content
    return questions.form_of(waiting.item, waiting.order, content, bank=waiting.bank, easy=easy)


def _response(waiting: Question) -> scoring.Response:
    return questions.response_of(waiting.item, waiting.order, request.form)


def answered(unit: str, position: int) -> Response | str:
    """Tell what is right, and why, after an answer in a review."""
    found = exams.answered(services(), current_launch().learner, unit, position)
    if found is None:
        return redirect(url_for("learner.exam", unit=unit), 303)
    return render_template("exam_answer.html", page=_answer_page(found))


def result(unit: str) -> Response | str:
    """Tell how the last review went, question by question."""
    review = exams.review(services(), current_launch().learner, unit, datetime.now(UTC))
    if review is None:
        return redirect(url_for("learner.exam", unit=unit), 303)
    return render_template("exam_result.html", page=_result_page(review))


# --- where a course says when its tutorial is -----------------------------------------------------


def placed_page(here: Launch, unit: str, held: date | None) -> str:
    """Return the page that a link placed in this course names; with a day only for this course."""
    if held is None:
        return grades.exam_page(unit)
    return f"{grades.exam_page(unit)}/{held.isoformat()}-{_course(here)}"


def _held(here: Launch, unit: str, placed: str) -> date | None:
    """Return the day that the learning portal signed for this course, and nothing else."""
    found = PLACED.fullmatch(placed)
    if found is None or here.page != f"{grades.exam_page(unit)}/{placed}":
        return None
    if found["course"] not in (None, _course(here)):
        return None
    try:
        return date.fromisoformat(found["day"])
    except ValueError:
        return None


def _course(here: Launch) -> str:
    """Return a mark of the course: its copy is another one, with a tutorial of its own."""
    return house().seal.digest("course", here.platform_id, here.context_id)[:8]


def _copied(here: Launch, unit: str) -> bool:
    page, placed = grades.exam_page(unit), here.page.rpartition("/")[2]
    return here.page == f"{page}/{placed}" and _held(here, unit, placed) is None


# --- what the pages say ---------------------------------------------------------------------------


def opening(found: Exam) -> str:
    """Say in a few words when the review is open, or how it went."""
    if found.dates is None or found.standing is None:
        return _("Opens %(days)s days after the tutorial.", days=found.days)
    if not found.standing.answerable:
        return _("Open from %(day)s.", day=day(found.dates.opens))
    if found.sits:
        return _("You have got it.")
    if found.results:
        return _("Have another look at it.")
    if found.standing is Standing.LATE:
        return _("It was due by %(day)s. You can still do it.", day=_last_day(found))
    return _("Open until %(day)s, and afterwards too.", day=_last_day(found))


def _last_day(found: Exam) -> str:
    assert found.dates is not None
    return day(found.dates.ends - timedelta(hours=1))


def _page(found: Exam, here: Launch) -> ExamPage:
    answerable = found.standing is not None and found.standing.answerable and found.count > 0
    return ExamPage(
        unit=found.unit.key,
        title=local(found.unit, "title"),
        said=_said(found),
        rules=_rules(found, found.count),
        last=_last(found.results),
        button=_button(found) if answerable else "",
        copied=here.instructor and _copied(here, found.unit.key),
    )


def _said(found: Exam) -> tuple[str, ...]:
    if not found.count:
        return (_("There are no questions about this unit yet."),)
    what = _("A few questions show what has stayed with you from the unit.")
    if found.dates is None:
        return (what, opening(found), _("We do not know yet when your tutorial was."))
    if found.results:
        return (what,)
    return (what, opening(found))


def _rules(found: Exam, count: int) -> tuple[str, ...]:
    minutes = max(1, round(count * SECONDS_A_QUESTION / 60))
    return (
        ngettext(
            "%(num)d question. There is no time limit, most need about %(minutes)s minutes.",
            "%(num)d questions. There is no time limit, most need about %(minutes)s minutes.",
            count,
            minutes=minutes,
        ),
        _("After each answer you see what is right, and why."),
        _(
            "You have got it when at least %(needed)s of %(count)s answers fit.",
            needed=found.needed,
            count=count,
        ),
        _("You can repeat it as often as you like."),
        _("Your learning portal gets to know whether you have got it. Only you see the answers.")
        if found.told
        else _("Only you see the result."),
    )


def _last(results: tuple[Result, ...]) -> str:
    if not results:
        return ""
    said = _("You have got it.") if results[0].sits else _("Have another look at it.")
    return _("Your last review, of %(day)s: %(said)s", day=day(results[0].at), said=said)


def _button(found: Exam) -> str:
    if found.running and found.answered:
        return _("Go on with question %(number)s", number=found.answered + 1)
    return _("Do it again") if found.results else _("Begin")


def _standing(found: Question) -> str:
    return _("Question %(number)s of %(count)s", number=found.position, count=found.count)


def _question_page(waiting: Question, form: Form) -> QuestionPage:
    topic, standing = local(waiting.item, "topic"), _standing(waiting)
    return QuestionPage(
        form=form,
        unit=waiting.unit.key,
        unit_title=local(waiting.unit, "title"),
        title=f"{standing}: {topic}" if topic else standing,
        standing=standing,
        position=waiting.position,
        count=waiting.count,
        item=waiting.item.key,
    )


def _answer_page(found: Question) -> AnswerPage:
    wording = found.item.wording(language(), plain=plain.chosen())
    return AnswerPage(
        unit=found.unit.key,
        unit_title=local(found.unit, "title"),
        standing=_standing(found),
        explained=explaining.explained(found.item, found.response, wording),
        last=found.position == found.count,
    )


def _result_page(review: Review) -> ResultPage:
    told, unit = review.result, review.exam.unit
    return ResultPage(
        unit=unit.key,
        unit_title=local(unit, "title"),
        sits=told.sits,
        counted=_(
            "%(fitting)s of %(asked)s answers fit. %(needed)s are enough.",
            fitting=told.fitting,
            asked=told.asked,
            needed=told.needed,
        ),
        lines=tuple(Line(_topic(q, unit), q.fits) for q in review.questions),
    )


def _topic(found: Question, unit: LearningUnit) -> str:
    return local(found.item, "topic") or local(unit, "title")
