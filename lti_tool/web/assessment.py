"""Practice, questions, pause and done. Every click is saved."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency import scoring
from competency.because import Because
from competency.errors import IncompleteResponse
from competency.items import Item, Kind, Scene
from lti_tool.flows import assess, profiles
from lti_tool.flows.assess import AttemptState, Question
from lti_tool.web import questions
from lti_tool.web.questions import Form
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.start import saved_answers
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

ENOUGH_FOR_A_RESULT = 5


@dataclass(frozen=True, slots=True)
class QuestionPage:
    form: Form
    title: str
    standing: str
    position: int
    given: int
    most: int
    item: str
    why: tuple[str, ...]
    already: bool = False


@dataclass(frozen=True, slots=True)
class PracticePage:
    form: Form
    answered: bool = False
    said: str = ""
    feedback: str = ""


def begin() -> Response:
    """Open an attempt, or go on with the open one; start again where the person asks for it."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    if not learner.roles:
        return redirect(url_for("learner.start"), 303)
    if request.form.get("how") == "restart":
        assess.restart(s, learner, now)
    else:
        assess.start(s, learner, now)
    return redirect(url_for("learner.question"), 303)


def question() -> Response | str:
    """Show the question that waits for an answer; without one, lead to where the person stands."""
    s, learner = services(), current_launch().learner
    waiting = assess.open_question(s, learner, datetime.now(UTC))
    if waiting is None:
        ended = assess.state(s, learner).state == "finished"
        return redirect(url_for("learner.done" if ended else "learner.start"), 303)
    form = questions.form_of(waiting.item, waiting.order, s.content)
    if waiting.item.kind is Kind.ORDERING:
        order = questions.parse_order(request.args.get("order", ""), waiting.order)
        move = questions.parse_move(request.args.get("up", ""), request.args.get("down", ""))
        form = questions.ordered(form, order, move if move and move.option in order else None)
    page = replace(question_page(waiting, form), already="already" in request.args)
    return render_template("question.html", page=page)


def answer() -> Response | str:
    """Save an answer; a move of an ordering or "later" saves nothing and comes back."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    position = request.form.get("position", type=int)
    waiting = assess.open_question(s, learner, now)
    if waiting is None or position != waiting.position:
        # Browser-back, a second tab or a double click: the stored answer stays.
        return redirect(url_for("learner.question", already=1), 303)
    if request.form.get("do") == "later":
        return redirect(url_for("learner.pause"), 303)
    if (moved := _moved(waiting)) is not None:
        return moved
    response = questions.response_of(waiting.item, waiting.order, request.form)
    try:
        outcome = assess.answer(s, learner, waiting.position, response, now)
    except IncompleteResponse as error:
        form = questions.form_of(waiting.item, waiting.order, s.content)
        form = questions.lacking(questions.filled(form, response), error)
        return render_template("question.html", page=question_page(waiting, form))
    if outcome.kind == "finished":
        return redirect(url_for("learner.done"), 303)
    again = 1 if outcome.kind == "already" else None
    return redirect(url_for("learner.question", already=again), 303)


def _moved(waiting: Question) -> Response | None:
    move = questions.parse_move(request.form.get("up", ""), request.form.get("down", ""))
    if move is None or waiting.item.kind is not Kind.ORDERING:
        return None
    before = questions.parse_order(request.form.get("order", ""), waiting.order)
    after = "-".join(str(n) for n in questions.moved(before, move))
    # Plain text on purpose: the address of a short page, built from numbers only.
    address = f"{url_for('learner.question')}?order={after}&{move.way}={move.option}"
    return redirect(address, 303)


def question_page(waiting: Question, form: Form) -> QuestionPage:
    topic = local(waiting.item, "topic")
    number = waiting.position
    return QuestionPage(
        form=form,
        title=_("Question %(number)s: %(topic)s", number=number, topic=topic)
        if topic
        else _("Question %(number)s", number=number),
        standing=_("Question %(number)s of at most %(most)s", number=number, most=waiting.most),
        position=number,
        given=waiting.given,
        most=waiting.most,
        item=waiting.item.key,
        why=tuple(why_asked(waiting)),
    )


def why_asked(waiting: Question) -> Iterator[str]:
    """Yield the sentences of "Why this question?", all of them from the stored reason."""
    topic = local(services().content.framework.topic(waiting.about), "title")
    yield _why(waiting.because, topic)
    if waiting.scene is Scene.FOREIGN:
        yield _("It comes from another kind of work: we have no better one left from yours.")


def _why(because: Because, topic: str) -> str:
    match because:
        case Because.FIRST:
            return _("There was no question about “%(topic)s” yet.", topic=topic)
        case Because.FEW:
            return _("There was only one question about “%(topic)s” so far.", topic=topic)
        case Because.MIXED:
            return _("Your answers about “%(topic)s” are mixed so far.", topic=topic)
        case Because.CLOSE:
            return _("In “%(topic)s” you are close to what your role needs.", topic=topic)
        case Because.UNSURE:
            return _("In “%(topic)s” it is not yet sure what you can already do.", topic=topic)


def pause() -> Response | str:
    """Say what is saved, and offer to go on, to free the device, or to see a result now."""
    s, learner = services(), current_launch().learner
    state = assess.state(s, learner)
    if state.state != "open":
        return redirect(url_for("learner.start"), 303)
    return render_template("pause.html", page=pause_page(state))


def pause_page(state: AttemptState) -> dict[str, Any]:
    return {
        "saved": saved_answers(state.answered),
        "button": _("Go on with question %(number)s", number=state.answered + 1),
        "may_see_result": state.answered >= ENOUGH_FOR_A_RESULT,
    }


def take_a_break() -> Response:
    """Pause (every answer is saved already), or end early with the result there is."""
    if request.form.get("do") == "finish":
        assess.finish(services(), current_launch().learner, datetime.now(UTC))
        return redirect(url_for("learner.done"), 303)
    return redirect(url_for("learner.pause"), 303)


def done() -> Response | str:
    s, learner = services(), current_launch().learner
    state = assess.state(s, learner)
    if state.state != "finished":
        return redirect(url_for("learner.start"), 303)
    return render_template("finished.html", page=done_page(state))


def done_page(state: AttemptState) -> dict[str, Any]:
    return {
        "answered": ngettext(
            "You have answered %(num)d question.",
            "You have answered %(num)d questions.",
            state.answered,
        ),
        "decided": _(
            "We know enough about %(decided)s of %(required)s topics.",
            decided=state.decided,
            required=state.required,
        )
        if state.required
        else "",
        "takeaways": [local(item, "feedback") for item in state.takeaways],
    }


def practice() -> str:
    return render_template("practice.html", page=PracticePage(practice_form()))


def try_practice() -> Response | str:
    """Answer the practice question: feedback here and only here; it never counts."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    if request.form.get("do") == "skip":
        profiles.remember_practice(s, learner, now)
        return redirect(url_for("learner.start"), 303)
    item = assess.practice_item(s)
    page = practice_result(item)
    if page.answered:
        profiles.remember_practice(s, learner, now)
    return render_template("practice.html", page=page)


def practice_form() -> Form:
    s = services()
    item = assess.practice_item(s)
    return questions.form_of(item, range(len(item.options)), s.content)


def practice_result(item: Item) -> PracticePage:
    form = practice_form()
    response = questions.response_of(item, range(len(item.options)), request.form)
    try:
        scoring.validate(item, response)
    except IncompleteResponse as error:
        return PracticePage(questions.lacking(form, error))
    said = practice_said(item, response)
    return PracticePage(form, answered=True, said=said, feedback=local(item, "feedback"))


def practice_said(item: Item, response: scoring.Response) -> str:
    """Return what is right, in words that leave room to grow."""
    right = next(n for n, option in enumerate(item.options) if option.correct)
    text = local(item.options[right], "text")
    if questions.DONT_KNOW in response:
        return _("It is fine not to know something. “%(text)s” fits here.", text=text)
    if response.get("choice") == right:
        return _("Your answer “%(text)s” fits.", text=text)
    return _("“%(text)s” fits best here. If that is new, you have just learned it.", text=text)
