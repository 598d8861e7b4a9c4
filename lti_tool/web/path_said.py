"""What the last tap on the path did: only what is true of the path as it is now."""

from dataclasses import replace
from typing import Any

from flask import request

from competency.path import LearningPath, PathStep
from lti_tool.flows import plan, prospect
from lti_tool.flows.plan import PathView
from lti_tool.flows.prospect import Change
from lti_tool.web import path_topics
from lti_tool.web.formats import month, months_after
from lti_tool.web.path_page import Said
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local


def said(view: PathView) -> Said | None:
    """Return what to say first on the page, if the address tells of a tap."""
    if request.args.get("getan") == "angenommen" and view.state == "accepted":
        return Said(
            _("Your learning path counts now"),
            (_("Your learning portal gets the path in the next few minutes."),),
        )
    if request.args.get("getan") == "geplant":
        return Said(_("The new plan is a proposal"), (_("It counts when you accept it."),))
    kinds = (
        ("verschoben", _postponed),
        ("entfernt", _put_aside),
        ("getauscht", _swapped),
        ("wieder", _back),
    )
    for key, say in kinds:
        unit = request.args.get(key, "")
        if unit in view.units:
            return _in_proposal(view, say(view, unit))
    return None


def _in_proposal(view: PathView, told: Said | None) -> Said | None:
    if told is None or view.proposal is None:
        return told
    return replace(told, title=_("In the new proposal:") + " " + told.title)


def _postponed(view: PathView, unit: str) -> Said | None:
    wishes = plan.wishes(services(), current_launch().learner)
    if unit not in wishes.not_before:
        return None
    waiting, step = newest(view), step_of(view, unit)
    if waiting is None or step is None:
        return Said(_no_place(view, unit), undo=unit, undo_label=_("Undo"))
    name = month(months_after(waiting.start, step.month))
    title = _("Postponed to %(month)s.", month=name)
    return Said(title, undo=unit, undo_label=_("Undo"))


def _no_place(view: PathView, unit: str) -> str:
    title = local(view.units[unit], "title")
    return _("“%(title)s” does not fit that late. It has no place now.", title=title)


def _put_aside(view: PathView, unit: str) -> Said | None:
    s, learner = services(), current_launch().learner
    if unit not in plan.wishes(s, learner).excluded or step_of(view, unit) is not None:
        return None
    title = _("“%(title)s” is left out this year.", title=local(view.units[unit], "title"))
    told = path_topics.told(_changed(view), unit, s.content)
    return Said(title, told, undo=unit, undo_label=_("This year after all"))


def address_of(change: Change, unit: str) -> dict[str, Any]:
    """Return what to write into the address, so that the next page can tell what changed."""
    gone = [u for u in change.gone if u != unit]
    return {"mit": gone, "neu": list(change.came), "ab": list(change.lower)}


def _changed(view: PathView) -> Change:
    """Return what the address tells, as far as it is true of the path as it is now."""
    s, learner, path = services(), current_launch().learner, newest(view)
    assert path is not None
    here = {step.unit for step in path.steps}
    below = {t.competency for t in prospect.of(s, learner, path).topics if t.cause is not None}
    said = request.args.getlist
    return Change(
        gone=tuple(u for u in said("mit") if u in view.units and u not in here),
        came=tuple(u for u in said("neu") if u in here),
        lower=tuple(c for c in said("ab") if c in below),
    )


def _swapped(view: PathView, unit: str) -> Said | None:
    other = request.args.get("gegen", "")
    if step_of(view, unit) is not None:
        return None
    title = local(view.units[unit], "title")
    if other in view.units and step_of(view, other) is not None:
        name = local(view.units[other], "title")
        told = _("“%(other)s” comes instead of “%(title)s”.", other=name, title=title)
    else:
        told = _("“%(title)s” was swapped.", title=title)
    return Said(told, undo=unit, undo_label=_("Undo"), other=other)


def _back(view: PathView, unit: str) -> Said | None:
    s, learner = services(), current_launch().learner
    if unit in plan.wishes(s, learner).excluded:
        return None
    title = local(view.units[unit], "title")
    step, waiting = step_of(view, unit), newest(view)
    if step is None or waiting is None:
        return Said(
            _("“%(title)s” may be planned again.", title=title),
            (_("Right now the plan does without it."),),
        )
    name = month(months_after(waiting.start, step.month))
    return Said(_("“%(title)s” is planned for %(month)s.", title=title, month=name))


def newest(view: PathView) -> LearningPath | None:
    return view.proposal or view.path


def step_of(view: PathView, unit: str) -> PathStep | None:
    """Return the step in the newest path, which is what a wish changes."""
    path = newest(view)
    return next((s for s in path.steps if s.unit == unit), None) if path else None
