"""The learning path: look, accept, postpone, swap, try out, object. Nothing counts before a yes."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.path import LearningPath, PathStep, StepState, Wishes
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import measure, plan
from lti_tool.flows.plan import Alternative, PathView
from lti_tool.web import path_page, taken_back, wording
from lti_tool.web.formats import month, months_after, number
from lti_tool.web.path_page import PathPage, Said, TryOut
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

HOURS = (1, 2, 4, 6, 8)
MONTHS_TO_BLOCK = 6
MONTHS_TO_CHOOSE = 3
LAST_MONTH = 11
MOST_HOURS = 40


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    hint: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """Postponing or swapping one step."""

    unit: str
    title: str
    choices: tuple[Option, ...]
    missing: bool = False


def path() -> str:
    """Show the path; ?stunden=… tries another plan out, ?ansicht=druck is made for paper."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    if learner.state == "objected":
        return render_template("path.html", page=_objected())
    view = plan.current(s, learner, now)
    if view.path is None:
        return render_template("path.html", page=_none())
    today = measure.month(now)
    said = _said(view)
    tryout = _tryout(view, now) if view.path.steps or view.path.left_out else None
    written = path_page.written(current_launch().tenant.settings)
    page = path_page.build(view, s.content, today, written=written, tryout=tryout, said=said)
    page = replace(page, taken_back=taken_back.sentences())
    printed = request.args.get("ansicht") == "druck"
    return render_template("path_print.html" if printed else "path.html", page=page)


def change() -> Response:
    """Do what was tapped on the path page, then show it again."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    did = request.form.get("do", "")
    if did == "accept":
        # A double tap, or a proposal that has changed since: the page shows how it really is.
        with suppress(Conflict):
            plan.accept(s, learner, now, offered=request.form.get("offered", ""))
    elif did == "object":
        plan.object_to_proposals(s, learner, now)
    elif did == "allow":
        plan.allow_proposals(s, learner, now)
    elif did == "undo":
        plan.undo(s, learner, request.form.get("unit", ""), now)
    elif did == "take":
        plan.take(s, learner, _wished(plan.wishes(s, learner), request.form), now)
    told = {"accept": "angenommen", "take": "geplant"}.get(did, "")
    return redirect(url_for("learner.path", getan=told or None), 303)


def postpone(unit: str) -> str:
    return render_template("postpone.html", page=_later(unit))


def postponed(unit: str) -> Response | str:
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    wanted = request.form.get("month", "")
    if wanted == "never":
        plan.exclude(s, learner, unit, now)
        return redirect(url_for("learner.path", entfernt=unit), 303)
    if _number(wanted) not in range(LAST_MONTH + 1):
        return render_template("postpone.html", page=replace(_later(unit), missing=True))
    plan.postpone(s, learner, unit, int(wanted), now)
    return redirect(url_for("learner.path", verschoben=unit), 303)


def swap(unit: str) -> str:
    return render_template("swap.html", page=_instead(unit))


def swapped(unit: str) -> Response | str:
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    other = request.form.get("other", "")
    if other == "none":
        return redirect(url_for("learner.path"), 303)
    page = _instead(unit)
    if other not in {o.value for o in page.choices}:
        return render_template("swap.html", page=replace(page, missing=True))
    plan.swap(s, learner, unit, other, now)
    return redirect(url_for("learner.path", getauscht=unit), 303)


def unit(unit: str) -> str:
    """Show one Lerneinheit: what it is good for, its parts, where it takes place."""
    s, learner = services(), current_launch().learner
    found = s.content.catalogue.by_key.get(unit)
    if found is None:
        raise NotFound("There is no such learning unit.", remedy="Go back to your path.")
    view = plan.current(s, learner, datetime.now(UTC))
    step = _step_of(view, unit)
    page: dict[str, Any] = {
        "title": local(found, "title"),
        "benefit": local(found, "benefit"),
        "url": view.links.get(unit, ""),
        "parts": [
            {"label": path_page.how(p.kind, p.mode), "effort": _("%(min)s minutes", min=p.minutes)}
            for p in found.phases
        ],
        "facts": _facts(found.provider, found.cost_eur, found.quality),
    }
    if step is not None and view.path is not None:
        page["badge"] = path_page.badge(path_page.state_of(view.path, unit))
        page["duty"] = path_page.duty(step)
        page["why"] = path_page.reasons(step, s.content)
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
        taken_back=taken_back.sentences(),
    )


def _none() -> PathPage:
    return PathPage(_("No learning path yet"), _("Answer a few questions first."), "none")


def _said(view: PathView) -> Said | None:
    """Say what the last tap did, read from the path as it is now."""
    if request.args.get("getan") == "angenommen" and view.state == "accepted":
        return Said(
            _("Your learning path counts now"),
            _("Your learning portal gets the path in the next few minutes."),
        )
    if request.args.get("getan") == "geplant":
        return Said(_("The new plan is a proposal"), _("It counts when you accept it."))
    for key, say in (("verschoben", _postponed), ("entfernt", _left_out), ("getauscht", _swapped)):
        if unit := request.args.get(key, ""):
            return say(view, unit) if unit in view.units else None
    return None


def _waiting(view: PathView) -> LearningPath | None:
    return view.proposal or view.path


def _postponed(view: PathView, unit: str) -> Said | None:
    waiting = _waiting(view)
    step = next((s for s in waiting.steps if s.unit == unit), None) if waiting else None
    if waiting is None or step is None:
        return _left_out(view, unit)
    name = month(months_after(waiting.start, step.month))
    return Said(_in_proposal(view, _("Postponed to %(month)s.", month=name)), undo=unit)


def _left_out(view: PathView, unit: str) -> Said:
    title = local(view.units[unit], "title")
    return Said(_in_proposal(view, _("“%(title)s” is left out.", title=title)), undo=unit)


def _swapped(view: PathView, unit: str) -> Said:
    title = local(view.units[unit], "title")
    return Said(_in_proposal(view, _("“%(title)s” was swapped.", title=title)), undo=unit)


def _in_proposal(view: PathView, said: str) -> str:
    if view.proposal is None:
        return said
    return _("In the new proposal:") + " " + said


def _later(unit: str) -> ChoicePage:
    """Return three real months and what each does to the end of the path."""
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    view = plan.current(s, learner, now)
    waiting = _waiting(view)
    step = next((x for x in waiting.steps if x.unit == unit), None) if waiting else None
    if waiting is None or step is None or step.state is StepState.DONE:
        raise NotFound("This step is not in the path.", remedy="Go back to your path.")
    offsets = tuple(range(step.month + 1, LAST_MONTH + 1))[:MONTHS_TO_CHOOSE]
    wishes = plan.wishes(s, learner)
    choices = [
        Option(
            str(n),
            month(months_after(waiting.start, n)),
            _effect(plan.what_if(s, learner, _after(wishes, unit, n), now), waiting),
        )
        for n in offsets
    ]
    choices.append(Option("never", _("Not this year"), apart=True))
    return ChoicePage(unit, local(view.units[unit], "title"), tuple(choices))


def _after(wishes: Wishes, unit: str, offset: int) -> Wishes:
    return replace(wishes, not_before={**wishes.not_before, unit: offset})


def _effect(new: LearningPath | None, now: LearningPath) -> str:
    if new is None:
        return ""
    then, before = path_page.finished_in(new), path_page.finished_in(now)
    if then == before:
        return _("You are done at the same time.")
    return _("You are done in %(month)s.", month=then)


def _instead(unit: str) -> ChoicePage:
    s, learner = services(), current_launch().learner
    if unit not in s.content.catalogue.by_key:
        raise NotFound("There is no such learning unit.", remedy="Go back to your path.")
    found = plan.alternatives(s, learner, unit, datetime.now(UTC))
    return ChoicePage(
        unit,
        local(s.content.catalogue.by_key[unit], "title"),
        tuple(Option(a.unit.key, local(a.unit, "title"), _fits(a)) for a in found),
    )


def _fits(alternative: Alternative) -> str:
    names = path_page.names_of(services().content)
    said = [path_page.effort(alternative.unit), *wording.why(alternative.reasons, names)[:1]]
    if alternative.lost:
        said.append(_("But then you reach what is needed later."))
    return " ".join(said)


# --- trying out -----------------------------------------------------------------------------------


def _tryout(view: PathView, now: datetime) -> TryOut:
    s, learner = services(), current_launch().learner
    assert view.path is not None
    wishes = plan.wishes(s, learner)
    start = view.path.start
    chosen = request.args.get("stunden", f"{wishes.hours_per_month:g}")
    without = request.args.get("ohne", str(next(iter(wishes.blocked_months), "")))
    answer = ""
    if "stunden" in request.args:
        answer = _tried(view.path, plan.what_if(s, learner, _wished(wishes, request.args), now))
    hours = sorted({*HOURS, round(wishes.hours_per_month)})
    return TryOut(
        hours=tuple((str(h), _hours(h)) for h in hours),
        hours_chosen=chosen,
        months=(
            ("", _("none")),
            *((str(n), month(months_after(start, n))) for n in range(MONTHS_TO_BLOCK)),
        ),
        month_chosen=without,
        answer=answer,
    )


def _hours(hours: int) -> str:
    return _("1 hour") if hours == 1 else _("%(hours)s hours", hours=hours)


def _wished(wishes: Wishes, sent: Any) -> Wishes:
    """Return the wishes with the learning time and the month that were chosen."""
    hours, without = _number(sent.get("stunden", "")), _number(sent.get("ohne", ""))
    if hours not in range(1, MOST_HOURS + 1):
        raise Conflict("This learning time is not offered.", remedy="Choose one of the list.")
    blocked = (without,) if without in range(LAST_MONTH + 1) else ()
    return replace(wishes, hours_per_month=float(hours), blocked_months=blocked)


def _number(sent: str) -> int:
    """Return a small whole number, -1 for anything else."""
    return int(sent) if sent.isdecimal() and len(sent) <= 2 else -1


def _tried(now: LearningPath, new: LearningPath | None) -> str:
    if new is None or not new.steps:
        return _("Nothing fits into this plan.")
    said = [
        _(
            "With this plan you are done in %(then)s. Now: %(now)s.",
            then=path_page.finished_in(new),
            now=path_page.finished_in(now) or "–",
        )
    ]
    if len(new.left_out) > len(now.left_out):
        said.append(_("Then not everything fits."))
    return " ".join(said)
