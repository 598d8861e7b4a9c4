"""The practice question: how answering works, before the first question and again from help."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency import scoring
from competency.errors import IncompleteResponse
from lti_tool.flows import assess, profiles
from lti_tool.web import explaining, plain, questions
from lti_tool.web.explaining import Explained
from lti_tool.web.questions import Form
from lti_tool.web.services import services
from lti_tool.web.session import current_launch


@dataclass(frozen=True, slots=True)
class PracticePage:
    form: Form
    explained: Explained | None = None
    each: bool = False  # what fits is said after every question here


def practice() -> str:
    """A practice question that never counts."""
    return _page(PracticePage(_form(plain.chosen())))


def try_practice() -> Response | str:
    """Answer the practice question, which never counts, and read at once what fits."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    if request.form.get("do") == "skip":
        profiles.remember_practice(s, learner, now)
        return redirect(url_for("learner.start"), 303)
    if (switched := plain.pressed()) is not None:
        return _page(PracticePage(_filled(_form(switched))))
    page = _answered()
    if page.explained is not None:
        profiles.remember_practice(s, learner, now)
    return _page(page)


def _page(page: PracticePage) -> str:
    return render_template("practice.html", page=page)


def _answered() -> PracticePage:
    item, form = assess.practice_item(services()), _form(plain.chosen())
    response = questions.response_of(item, range(len(item.options)), request.form)
    try:
        scoring.validate(item, response)
    except IncompleteResponse as error:
        return PracticePage(questions.lacking(form, error))
    here = current_launch().tenant.settings
    explained = explaining.explained(item, response, form.shown)
    return PracticePage(form, explained, each=here.feedback == "each")


def _form(easy: bool) -> Form:
    s = services()
    item = assess.practice_item(s)
    return questions.form_of(item, range(len(item.options)), s.content, easy=easy)


def _filled(form: Form) -> Form:
    item = assess.practice_item(services())
    response = questions.response_of(item, range(len(item.options)), request.form)
    return questions.filled(form, response)
