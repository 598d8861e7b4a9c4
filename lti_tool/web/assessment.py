"""Questions, what is said after an answer, pause and done. Every click is saved."""

import mimetypes
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.because import Because
from competency.errors import IncompleteResponse, UnknownPack
from competency.items import Item, Kind, Scene
from lti_tool.errors import NotFound
from lti_tool.flows import asked, assess, more
from lti_tool.flows.asked import Given
from lti_tool.flows.assess import AttemptState, Question
from lti_tool.flows.catching_up import catch_up
from lti_tool.web import explaining, later, plain, questions
from lti_tool.web.explaining import Explained
from lti_tool.web.formats import language
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
    most: int
    item: str
    why: tuple[str, ...]
    already: bool = False
    left: bool = False  # the task before this question was put off
    others_won: bool = False  # "I don't know" was ticked beside other answers, which count
    put_off: bool = False  # this one is a task for later: outside of the count

    @property
    def given(self) -> int:
        """How many questions came before this one: it never falls."""
        return self.position - 1


@dataclass(frozen=True, slots=True)
class AnsweredPage:
    """A question that has its answer. It is explained only where that is wanted at once."""

    explained: Explained | None
    standing: str
    button: str
    url: str


def begin() -> Response:
    """Open an attempt or go on with the open one; start again, or ask a few more, if wished."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    if not learner.roles:
        return redirect(url_for("learner.start"), 303)
    if request.form.get("how") == "restart":
        assess.restart(s, learner, now)
    elif request.form.get("how") == "more":
        more.ask(s, learner, now)
    else:
        assess.start(s, learner, now)
    return _on_to_the_next()


def question() -> Response | str:
    """Show the question that waits for an answer; without one, lead to where the person stands."""
    waiting = assess.open_question(services(), current_launch().learner, datetime.now(UTC))
    return _nothing_waits() if waiting is None else _shown(waiting)


def asked_at(position: int) -> Response | str:
    """Show the question of this number: to answer, or what became of it when it has its answer."""
    s, learner = services(), current_launch().learner
    found = asked.look_up(s, learner, position)
    if isinstance(found, Question):
        return _shown(found)
    if found is None:
        return redirect(url_for("learner.question"), 303)
    return render_template("answered.html", page=answered_page(found, assess.state(s, learner)))


def answer() -> Response | str:
    """Save an answer, put a task off, move a step of an ordering, or change the wording."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    asked_for = _meant(request.form.get("position", type=int), request.form.get("item", ""))
    if asked_for is None:
        # Browser-back, a second tab or a double click: the stored answer stays.
        return redirect(url_for("learner.question", already=1), 303)
    if (easy := plain.pressed()) is not None:
        return _in_other_words(asked_for, easy=easy)
    if request.form.get("do") == "later":
        return _put_off(asked_for)
    if moved := questions.after_move(asked_for.item, asked_for.order, request.form):
        here = url_for("learner.asked_at", position=asked_for.position)
        return redirect(here + moved, 303)
    response = questions.response_of(asked_for.item, asked_for.order, request.form)
    try:
        outcome = assess.answer(s, learner, asked_for.position, response, now, plain.shown())
    except IncompleteResponse as error:
        form = questions.lacking(questions.filled(_form(asked_for), response), error)
        return render_template("question.html", page=question_page(asked_for, form))
    if outcome.kind == "already":
        return redirect(url_for("learner.question", already=1), 303)
    if asked_for.feedback == "each":
        return redirect(url_for("learner.asked_at", position=asked_for.position), 303)
    others = questions.skip_was_ignored(asked_for.item, request.form)
    return _on_to_the_next("others" if others else "")


def _meant(position: int | None, item: str) -> Question | None:
    """Return the open question, or task for later, that a form answers."""
    s, learner = services(), current_launch().learner
    if position is None:
        return None
    waiting = assess.open_question(s, learner, datetime.now(UTC))
    found = asked.look_up(s, learner, position)
    if not isinstance(found, Question) or item not in ("", found.item.key):
        return None  # answered, or the attempt of this form is over
    return found if found.put_off or waiting == found else None


def _on_to_the_next(told: str = "") -> Response:
    """Lead to the next question, which first says this about the one before."""
    waiting = assess.open_question(services(), current_launch().learner, datetime.now(UTC))
    if waiting is None:
        return _nothing_waits()
    address = url_for("learner.asked_at", position=waiting.position)
    return redirect(f"{address}?{told}=1" if told else address, 303)


def _nothing_waits() -> Response:
    ended = assess.state(services(), current_launch().learner).state == "finished"
    return redirect(url_for("learner.done" if ended else "learner.start"), 303)


def _shown(found: Question) -> str:
    form = _form(found)
    if found.item.kind is Kind.ORDERING:
        form = questions.as_moved(form, found.order, request.args)
    told = request.args.keys()
    page = replace(
        question_page(found, form),
        already="already" in told,
        left="left" in told,
        others_won="others" in told,
    )
    return render_template("question.html", page=page)


def _form(found: Question, *, easy: bool | None = None) -> Form:
    easy = plain.chosen() if easy is None else easy
    content = services().content
    return questions.form_of(found.item, found.order, content, bank=found.bank, easy=easy)


def _in_other_words(found: Question, *, easy: bool) -> str:
    response = questions.response_of(found.item, found.order, request.form)
    form = questions.filled(_form(found, easy=easy), response)
    return render_template("question.html", page=question_page(found, form))


def _put_off(found: Question) -> Response:
    if found.item.kind is Kind.PRACTICAL_TASK and not found.put_off:
        assess.put_off(services(), current_launch().learner, found.position, datetime.now(UTC))
    return _on_to_the_next("left")


def question_page(found: Question, form: Form) -> QuestionPage:
    topic, number = local(found.item, "topic"), found.position
    if found.put_off:
        title = _("Task for later: %(topic)s", topic=topic) if topic else _("Task for later")
        standing = _("A task that you left for later")
    else:
        title = _("Question %(number)s", number=number)
        if topic:
            title = _("Question %(number)s: %(topic)s", number=number, topic=topic)
        standing = _("Question %(number)s of at most %(most)s", number=number, most=found.most)
    return QuestionPage(
        form=replace(form, later=form.later and not found.put_off),
        title=title,
        standing=standing,
        position=number,
        most=found.most,
        item=found.item.key,
        why=tuple(why_asked(found)),
        put_off=found.put_off,
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


def answered_page(found: Given, state: AttemptState) -> AnsweredPage:
    explained = None
    if found.feedback == "each":
        wording = found.item.wording(language(), plain=plain.chosen())
        explained = explaining.explained(found.item, found.response, wording)
    if state.state == "open":
        button, url = _on_with(state), url_for("learner.question")
    else:
        button, url = _("Go on to the result"), url_for("learner.done")
    standing = _("Question %(number)s is answered", number=found.position)
    return AnsweredPage(explained, standing, button, url)


def _on_with(state: AttemptState) -> str:
    return _("Go on with question %(number)s", number=state.position)


def sound(bank: str, name: str) -> Response:
    """Send a recording of a question, from the version of the items that was asked."""
    try:
        recorded = services().content.pack("items", bank).read(f"sounds/{name}")
    except UnknownPack:
        raise NotFound("There is no such recording.", remedy="Read the question.") from None
    response = make_response(recorded)
    response.headers["Content-Type"] = mimetypes.guess_type(name)[0] or "audio/mpeg"
    # A player asks for parts; Safari plays nothing without.
    return response.make_conditional(request, accept_ranges=True, complete_length=len(recorded))


def pause() -> Response | str:
    """Say what is saved, and offer to go on, to free the device, or to see a result now."""
    s, learner = services(), current_launch().learner
    state = assess.state(s, learner)
    if state.state == "finished":
        return redirect(url_for("learner.start"), 303)
    return render_template("pause.html", page=pause_page(state))


def pause_page(state: AttemptState) -> dict[str, Any]:
    begun = state.state == "open"  # a pause can be tried out with the practice question, too
    return {
        "saved": saved_answers(state.answered),
        "button": _on_with(state) if begun else _("Continue"),
        "url": url_for("learner.question" if begun else "learner.start"),
        "may_see_result": state.answered >= ENOUGH_FOR_A_RESULT,
    }


def take_a_break() -> Response:
    """Pause (every answer is saved already), or end early with the result there is."""
    if request.form.get("do") == "finish":
        assess.finish(services(), current_launch().learner, datetime.now(UTC))
        return redirect(url_for("learner.done"), 303)
    return redirect(url_for("learner.pause"), 303)


def done() -> Response | str:
    """The questions are done: where to go now, what waits, and what is worth taking along."""
    s, learner = services(), current_launch().learner
    state = assess.state(s, learner)
    if state.state != "finished":
        return redirect(url_for("learner.start"), 303)
    here = current_launch()
    catch_up(s, learner, here.page, datetime.now(UTC))
    return render_template("finished.html", page=done_page(state))


def done_page(state: AttemptState) -> dict[str, Any]:
    s, learner = services(), current_launch().learner
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
        "later": later.tasks(),
        "takeaways": [local(item, "feedback") for item in asked.takeaways(s, learner)],
        "explained": [_note(item) for item in asked.explained(s, learner)],
    }


def _note(item: Item) -> tuple[str, str]:
    return local(item, "topic") or local(item, "stem"), local(item, "feedback")
