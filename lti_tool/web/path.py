"""The learning path: look, accept, postpone, swap, try out, object. Nothing counts before a yes."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.exam import has_exam
from competency.path import PathStep
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import exams, measure, plan, prospect
from lti_tool.flows.catching_up import catch_up
from lti_tool.flows.plan import PathView
from lti_tool.web import (
    other_tests,
    path_choices,
    path_months,
    path_page,
    path_said,
    path_tryout,
    taken_back,
)
from lti_tool.web.exams import opening
from lti_tool.web.formats import number
from lti_tool.web.path_page import PathPage
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local


def path() -> str:
    """Show the path; ?stunden=… tries another plan out, ?ansicht=druck is made for paper."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    if learner.state == "objected":
        return render_template("path.html", page=_objected())
    catch_up(s, learner, current_launch().page, now)
    view = plan.current(s, learner, now)
    if view.path is None:
        return render_template("path.html", page=_none())
    found = prospect.of(s, learner, view.path, view.proposal)
    tests = other_tests.planned(view.path.start)
    page = path_page.build(
        view,
        found,
        s.content,
        measure.month(now),
        written=path_page.written(current_launch().tenant.settings),
        tryout=path_tryout.tryout(view, now) if view.path.steps or view.path.left_out else None,
        said=path_said.said(view) or other_tests.said(tests),
        reviews={e.unit.key: opening(e) for e in exams.every(s, learner, now)},
        tests=tests,
        no_tests=other_tests.left_out(),
    )
    page = replace(page, taken_back=taken_back.of_the_path())
    printed = request.args.get("ansicht") == "druck"
    name = "path_print.html" if printed else "path.html"
    return render_template(name, page=page)


def change() -> Response:
    """Do what was tapped on the path page, then show it again."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    did = request.form.get("do", "")
    if test := request.form.get("test", ""):
        return other_tests.change(test, back=did == "undo")
    if did == "accept":
        # A double tap, or a proposal that has changed since: the page shows how it really is.
        with suppress(Conflict):
            plan.accept(s, learner, now, offered=request.form.get("offered", ""))
    elif did == "object":
        plan.object_to_proposals(s, learner, now)
    elif did == "allow":
        plan.allow_proposals(s, learner, now)
    elif did == "undo":
        unit, other = request.form.get("unit", ""), request.form.get("other", "")
        plan.undo(s, learner, unit, now, other=other)
        return redirect(url_for("learner.path", wieder=unit), 303)
    elif did == "take":
        wished = path_tryout.wished(plan.wishes(s, learner), request.form)
        plan.take(s, learner, wished, now)
    told = {"accept": "angenommen", "take": "geplant"}.get(did, "")
    return redirect(url_for("learner.path", getan=told or None), 303)


def postpone(unit: str) -> str:
    return render_template("postpone.html", page=path_choices.later(unit))


def postponed(unit: str) -> Response | str:
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    wanted, page = request.form.get("month", ""), path_choices.later(unit)
    if wanted not in {o.value for o in page.choices}:
        return render_template("postpone.html", page=replace(page, missing=True))
    if wanted == path_choices.NEVER:
        change = prospect.without(s, learner, unit, now)
        plan.exclude(s, learner, unit, now)
        told = path_said.address_of(change, unit)
        return redirect(url_for("learner.path", entfernt=unit, **told), 303)
    plan.postpone(s, learner, unit, int(wanted), now)
    return redirect(url_for("learner.path", verschoben=unit), 303)


def swap(unit: str) -> str:
    return render_template("swap.html", page=path_choices.instead(unit))


def swapped(unit: str) -> Response | str:
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    other = request.form.get("other", "")
    if other == "none":
        return redirect(url_for("learner.path"), 303)
    page = path_choices.instead(unit)
    if other not in {o.value for o in page.choices}:
        return render_template("swap.html", page=replace(page, missing=True))
    plan.swap(s, learner, unit, other, now)
    return redirect(url_for("learner.path", getauscht=unit, gegen=other), 303)


def unit(unit: str) -> str:
    """Show one Lerneinheit: what it is good for, its parts, where it takes place."""
    s, learner = services(), current_launch().learner
    found = s.content.catalogue.by_key.get(unit)
    if found is None:
        raise NotFound("There is no such learning unit.", remedy="Go back to your path.")
    now = datetime.now(UTC)
    view = plan.current(s, learner, now)
    step = _step_of(view, unit)
    page: dict[str, Any] = {
        "key": unit,
        "title": local(found, "title"),
        "benefit": local(found, "benefit"),
        "url": view.links.get(unit, ""),
        "parts": [
            {
                "label": path_months.how(p.kind, p.mode),
                "effort": _("%(min)s minutes", min=p.minutes),
            }
            for p in found.phases
        ],
        "facts": _facts(found.provider, found.cost_eur, found.quality),
        "review": opening(exams.of_unit(s, learner, unit, now)) if has_exam(found) else "",
    }
    if step is not None and view.path is not None:
        today = measure.month(now)
        page["badge"] = path_months.badge(path_months.states_of(view.path, today)[unit])
        page["duty"] = path_months.duty(step)
        page["why"] = path_months.reasons(step, s.content)
        page["long"] = path_months.longer(step, found, view.path)
    return render_template("unit.html", page=page)


def _facts(provider: str, cost_eur: float, quality: float) -> list[tuple[str, str]]:
    cost = _("nothing") if not cost_eur else _("%(euro)s euros", euro=number(cost_eur))
    stars = _("%(points)s of 10", points=number(quality * 10))
    own = _("your municipality")
    return [
        (_("Offered by"), provider or own),
        (_("Costs you"), cost),
        (_("Quality"), stars),
    ]


def _step_of(view: PathView, unit: str) -> PathStep | None:
    steps = view.path.steps if view.path else ()
    return next((s for s in steps if s.unit == unit), None)


# --- what the pages say ---------------------------------------------------------------------------


def _objected() -> PathPage:
    return PathPage(
        _("No proposals"),
        _("You get no proposals. That is what you wished."),
        "none",
        objected=True,
        taken_back=taken_back.of_the_path(),
    )


def _none() -> PathPage:
    return PathPage(_("No learning path yet"), _("Answer a few questions first."), "none")
