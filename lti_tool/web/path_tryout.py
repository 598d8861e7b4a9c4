"""Other plans, tried out: other hours, a month without learning. Changes nothing."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from flask import request

from competency.path import LearningPath, Wishes
from lti_tool.errors import Conflict
from lti_tool.flows import measure, plan, prospect
from lti_tool.flows.plan import PathView
from lti_tool.web import path_months, path_page, path_topics
from lti_tool.web.formats import month, months_after
from lti_tool.web.path_months import hours_of
from lti_tool.web.path_page import TryOut
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _

HOURS = (1, 2, 4, 6, 8)
MONTHS_TO_BLOCK = 6
LAST_MONTH = 11
MOST_HOURS = 40


def tryout(view: PathView, now: datetime) -> TryOut:
    """Return the form, and with ?stunden=… what the plan would be."""
    s, learner = services(), current_launch().learner
    assert view.path is not None
    wishes, start = plan.wishes(s, learner), view.path.start
    chosen = request.args.get("stunden", f"{wishes.hours_per_month:g}")
    without = request.args.get("ohne", str(next(iter(wishes.blocked_months), "")))
    answer: tuple[str, ...] = ()
    if "stunden" in request.args:
        new = plan.what_if(s, learner, wished(wishes, request.args), now)
        answer = _answer(view, new)
    hours = sorted({*HOURS, round(wishes.hours_per_month)})
    today = measure.month(now)
    ahead = [n for n in range(LAST_MONTH + 1) if months_after(start, n) >= today]
    free = [(str(n), month(months_after(start, n))) for n in ahead[:MONTHS_TO_BLOCK]]
    return TryOut(
        hours=tuple((str(h), hours_of(h)) for h in hours),
        hours_chosen=chosen,
        months=(("", _("none")), *free),
        month_chosen=without,
        answer=answer,
    )


def wished(wishes: Wishes, sent: Any) -> Wishes:
    """Return the wishes with the learning time and the month that were chosen.

    :raises Conflict: such a learning time is not offered.
    """
    hours, without = _number(sent.get("stunden", "")), _number(sent.get("ohne", ""))
    if hours not in range(1, MOST_HOURS + 1):
        raise Conflict("This learning time is not offered.", remedy="Choose one of the list.")
    blocked = (without,) if without in range(LAST_MONTH + 1) else ()
    return replace(wishes, hours_per_month=float(hours), blocked_months=blocked)


def _number(sent: str) -> int:
    """Return a small whole number, -1 for anything else."""
    return int(sent) if sent.isdecimal() and len(sent) <= 2 else -1


def _answer(view: PathView, new: LearningPath | None) -> tuple[str, ...]:
    """Say when it ends, what has no place in it, what is longer than asked for, what is free."""
    if new is None or not new.steps or view.path is None:
        return (_("Nothing fits into this plan."),)
    said = [
        _(
            "With this plan you are done in %(then)s. Now: %(now)s.",
            then=path_page.finished_in(new),
            now=path_page.finished_in(view.path) or "–",
        )
    ]
    s, learner = services(), current_launch().learner
    found = prospect.of(s, learner, new)
    units = s.content.catalogue.by_key
    said += path_topics.not_fitting(new, found, units)
    for step in new.steps:
        if long := path_months.longer(step, units[step.unit], new):
            said.append(f"{path_topics.titles_of([step.unit], units)}: {' '.join(long)}")
    last = max(s.last for s in new.steps)
    if free := [n for n in new.wishes.blocked_months if n <= last]:
        names = ", ".join(month(months_after(new.start, n)) for n in free)
        said.append(_("Without learning: %(months)s.", months=names))
    return tuple(said)
