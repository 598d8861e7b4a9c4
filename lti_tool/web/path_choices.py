"""Postponing and swapping one step: every choice says before the tap what it does to the path."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from competency.path import LearningPath, PathStep, StepState, Wishes
from lti_tool.errors import NotFound
from lti_tool.flows import measure, plan, prospect
from lti_tool.flows.plan import Alternative
from lti_tool.web import path_months, path_page, path_topics, wording
from lti_tool.web.formats import date_of, month, months_after
from lti_tool.web.path_said import newest
from lti_tool.web.services import services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local
from recommender.explain import Mandate

LAST_MONTH = 11
MONTHS_TO_CHOOSE = 3
NEVER = "never"


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    hint: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class ChoicePage:
    """Postponing or swapping one step; `required` says why some of it is not offered."""

    unit: str
    title: str
    choices: tuple[Option, ...]
    missing: bool = False
    required: tuple[str, ...] = ()


def later(unit: str) -> ChoicePage:
    """Return up to three months and what each does, and "not this year" where that is possible.

    :raises NotFound: the unit is no step that is still ahead.
    """
    s, learner, now = services(), current_launch().learner, datetime.now(UTC)
    view = plan.current(s, learner, now)
    waiting = newest(view)
    step = next((x for x in waiting.steps if x.unit == unit), None) if waiting else None
    if waiting is None or step is None or step.state is StepState.DONE:
        raise NotFound("This step is not in the path.", remedy="Go back to your path.")
    duty = prospect.duties(s, learner).get(unit)
    choices = _months(waiting, step, now)
    if duty is None:
        choices += (Option(NEVER, _("Not this year"), _taken_along(unit, now), apart=True),)
    title = local(view.units[unit], "title")
    return ChoicePage(unit, title, choices, required=_required(duty))


def _required(duty: Mandate | None) -> tuple[str, ...]:
    """Say that a unit is required, who decided it and whom to ask."""
    if duty is None:
        return ()
    said = _("This unit is required for your role. It stays in the path.")
    if duty.by and duty.at:
        said = _(
            "This unit is required for your role (%(by)s, %(at)s). It stays in the path.",
            by=duty.by,
            at=date_of(duty.at),
        )
    elif duty.by:
        said = _("This unit is required for your role (%(by)s). It stays in the path.", by=duty.by)
    return (said, path_topics.ask(duty))


def _taken_along(unit: str, now: datetime) -> str:
    s, learner = services(), current_launch().learner
    change = prospect.without(s, learner, unit, now)
    told = path_topics.told(change, unit, s.content)
    return " ".join(told) or _("Nothing else changes.")


def _months(waiting: LearningPath, step: PathStep, now: datetime) -> tuple[Option, ...]:
    """Return the months the unit can really be moved to; what would push it out is not offered."""
    s, learner = services(), current_launch().learner
    wishes, today, found = plan.wishes(s, learner), measure.month(now), list[Option]()
    for n in range(step.month + 1, LAST_MONTH + 1):
        if n in wishes.blocked_months or months_after(waiting.start, n) < today:
            continue
        new = plan.what_if(s, learner, _after(wishes, step.unit, n), now)
        moved = next((x for x in new.steps if x.unit == step.unit), None) if new else None
        if new is None or moved is None or str(moved.month) in {o.value for o in found}:
            continue
        # A full month sends the unit on: the label names where it would really stand.
        name = month(months_after(waiting.start, moved.month))
        found.append(Option(str(moved.month), name, _effect(new, waiting, step.unit)))
        if len(found) == MONTHS_TO_CHOOSE:
            break
    return tuple(found)


def _after(wishes: Wishes, unit: str, offset: int) -> Wishes:
    return replace(wishes, not_before={**wishes.not_before, unit: offset})


def _effect(new: LearningPath, now: LearningPath, unit: str) -> str:
    then, before = path_page.finished_in(new), path_page.finished_in(now)
    said = [_("You are done at the same time.")]
    if then != before:
        said = [_("You are done in %(month)s.", month=then)]
    stays = {x.unit for x in new.steps}
    gone = [x.unit for x in now.steps if x.unit not in stays and x.unit != unit]
    if gone:
        titles = path_topics.titles_of(gone, services().content.catalogue.by_key)
        said.append(_("Also no longer in it: %(titles)s.", titles=titles))
    return " ".join(said)


def instead(unit: str) -> ChoicePage:
    """Return up to four other offers; :raises NotFound: there is no such unit."""
    s, learner = services(), current_launch().learner
    if unit not in s.content.catalogue.by_key:
        raise NotFound("There is no such learning unit.", remedy="Go back to your path.")
    title = local(s.content.catalogue.by_key[unit], "title")
    if duty := prospect.duties(s, learner).get(unit):
        return ChoicePage(unit, title, (), required=_required(duty))
    found = plan.alternatives(s, learner, unit, datetime.now(UTC))
    options = tuple(Option(a.unit.key, local(a.unit, "title"), _fits(a)) for a in found)
    return ChoicePage(unit, title, options)


def _fits(alternative: Alternative) -> str:
    content = services().content
    names = path_months.names_of(content)
    said = [
        path_months.effort(alternative.unit),
        *wording.why(alternative.reasons, names)[:1],
    ]
    if alternative.missing:
        topics = wording.quoted(names[c] for c in alternative.missing)
        said.append(_("You then learn less about: %(topics)s.", topics=topics))
    elif alternative.later:
        said.append(_("But then you reach what is needed later."))
    return " ".join(said)
