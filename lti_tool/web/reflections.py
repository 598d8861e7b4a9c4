"""Private questions (K.1): answered for oneself, read again and deleted by their owner only.

Never measured, compared, planned with or exported, but for the learner's own copy (decisions 1.6).
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency import scoring
from competency.errors import IncompleteResponse
from competency.items import Item
from lti_tool.errors import NotFound
from lti_tool.flows import reflecting
from lti_tool.ports import Reflected
from lti_tool.web import plain, questions
from lti_tool.web.formats import day
from lti_tool.web.questions import Form
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local


@dataclass(frozen=True, slots=True)
class Note:
    """An earlier answer, as it is read again."""

    attempt: str
    item: str
    day: str
    text: str


@dataclass(frozen=True, slots=True)
class ReflectionPage:
    item: str
    form: Form
    notes: tuple[Note, ...]


def reflection(item: str) -> str:
    """Show a private question, and what its owner answered before."""
    return render_template("reflection.html", page=_page(item, _form(_private(item))))


def reflect(item: str) -> Response | str:
    """Keep an answer, or delete an earlier one."""
    found, s, learner = _private(item), services(), current_launch().learner
    if forgotten := request.form.get("forget", ""):
        reflecting.forget(s, learner, forgotten, item)
        return redirect(url_for("learner.data", weg=1), 303)
    response = questions.response_of(found, range(len(found.options)), request.form)
    if (easy := plain.pressed()) is not None:
        form = questions.filled(_form(found, easy=easy), response)
        return render_template("reflection.html", page=_page(item, form))
    try:
        reflecting.reflect(s, learner, item, response, datetime.now(UTC))
    except IncompleteResponse as error:
        form = questions.lacking(_form(found), error)
        return render_template("reflection.html", page=_page(item, form))
    return redirect(url_for("learner.data", gemerkt=1), 303)


def notes() -> tuple[Note, ...]:
    """Return every private answer of the learner, the newest first."""
    s = services()
    items = {i.key: i for i in reflecting.private_items(s)}
    return tuple(
        _note(r, items.get(r.item)) for r in reflecting.reflections(s, current_launch().learner)
    )


def _note(r: Reflected, item: Item | None) -> Note:
    return Note(r.attempt_id, r.item, day(r.answered), _text(r.response, item))


def _text(response: scoring.Response, item: Item | None) -> str:
    if questions.DONT_KNOW in response:
        return _("I don’t know")
    choice = response.get("choice")
    if item is None or not isinstance(choice, int) or choice >= len(item.options):
        return _("This question is no longer asked.")
    return local(item.options[choice], "text")


def _page(item: str, form: Form) -> ReflectionPage:
    return ReflectionPage(item, form, tuple(n for n in notes() if n.item == item))


def _private(key: str) -> Item:
    items = reflecting.private_items(services())
    found = next((i for i in items if i.key == key), None)
    if found is None:
        raise NotFound("There is no such question.", remedy="Go back to your page.")
    return found


def _form(item: Item, *, easy: bool | None = None) -> Form:
    easy = plain.chosen() if easy is None else easy
    return questions.form_of(item, range(len(item.options)), services().content, easy=easy)
