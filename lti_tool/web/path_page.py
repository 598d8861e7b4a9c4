"""The learning path as it is read: months, steps with reasons, what is missing, other plans."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from competency.catalogue import LearningUnit, Obligation, PhaseKind
from competency.packs import Content
from competency.path import LearningPath, PathStep, StepState
from lti_tool.flows.plan import PathView
from lti_tool.ports import TenantSettings
from lti_tool.web import wording
from lti_tool.web.formats import month, months_after, number
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

CHANGES_SHOWN = 5
NOW, NEXT, PLANNED, DONE = "now", "next", "planned", "done"


@dataclass(frozen=True, slots=True)
class Badge:
    word: str
    kind: str
    symbol: str


@dataclass(frozen=True, slots=True)
class Step:
    offer: str
    title: str
    state: str
    badge: Badge
    duty: str
    effort: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Month:
    title: str
    name: str
    steps: tuple[Step, ...]
    done: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Proposed:
    """The card that waits for a yes; `months` only where another path counts meanwhile."""

    title: str
    text: str
    written: str  # what leaves the house on acceptance, and who can read it
    changes: tuple[str, ...] = ()
    months: tuple[Month, ...] = ()
    offered: str = ""  # comes back with the yes


@dataclass(frozen=True, slots=True)
class TryOut:
    hours: tuple[tuple[str, str], ...]
    hours_chosen: str
    months: tuple[tuple[str, str], ...]
    month_chosen: str
    answer: str


@dataclass(frozen=True, slots=True)
class Said:
    title: str
    text: str = ""
    undo: str = ""


@dataclass(frozen=True, slots=True)
class PathPage:
    heading: str
    summary: str
    state: str  # none | draft | accepted
    objected: bool = False
    proposed: Proposed | None = None
    months: tuple[Month, ...] = ()
    unmet: tuple[str, ...] = ()
    left_out: str = ""
    versions: str = ""
    tryout: TryOut | None = None
    said: Said | None = None
    taken_back: tuple[str, ...] = ()  # what an objection takes back elsewhere


def build(
    view: PathView,
    content: Content,
    today: str,
    *,
    written: str = "",
    tryout: TryOut | None = None,
    said: Said | None = None,
) -> PathPage:
    """Return the page of a path; `today` is the month it is read in, as "2026-11"."""
    assert view.path is not None
    path = view.path
    return PathPage(
        heading=_("Your learning path"),
        summary=summary(path),
        state=view.state,
        proposed=_proposed(view, content, today, written),
        months=months(path, view.units, content, today),
        unmet=tuple(_unmet(code, path, content) for code in path.unmet),
        left_out=_left_out(path, view.units),
        versions=_("Versions: %(list)s.", list=", ".join(sorted(path.versions.values()))),
        tryout=tryout,
        said=said,
    )


def nothing_needed(view: PathView) -> bool:
    return view.path is not None and not view.path.steps and not view.path.unmet


def summary(path: LearningPath) -> str:
    """Return one or two sentences: how many units until when, hours a month."""
    ahead = [s for s in path.steps if s.state is not StepState.DONE]
    if not path.steps:
        return _("You do not need a learning path right now.")
    if not ahead:
        return _("You have done everything. Well done.")
    last = month(months_after(path.start, ahead[-1].month))
    spanned = max(s.month for s in ahead) - min(s.month for s in ahead) + 1
    hours = sum(s.hours for s in ahead) / spanned
    return " ".join(
        (
            ngettext(
                "%(num)d learning unit until %(month)s.",
                "%(num)d learning units until %(month)s.",
                len(ahead),
                month=last,
            ),
            _hours_a_month(hours),
        )
    )


def _hours_a_month(hours: float) -> str:
    halves = max(0.5, round(hours * 2) / 2)
    if halves == 1:
        return _("That is about 1 hour a month.")
    return _("That is about %(hours)s hours a month.", hours=number(halves))


def finished_in(path: LearningPath) -> str:
    """Return the month the last step is planned for, or ""."""
    return month(months_after(path.start, max(s.month for s in path.steps))) if path.steps else ""


# --- months and steps -----------------------------------------------------------------------------


def months(
    path: LearningPath, units: Mapping[str, LearningUnit], content: Content, today: str
) -> tuple[Month, ...]:
    """Return the months with a step, and those the learner blocked, in order."""
    states = _states(path.steps)
    by_month = {
        n: tuple(found)
        for n, found in groupby(sorted(path.steps, key=lambda s: s.month), key=lambda s: s.month)
    }
    last = max(by_month, default=0)
    blocked = {n for n in path.wishes.blocked_months if n <= last and n not in by_month}
    return tuple(
        _month(
            months_after(path.start, n),
            tuple(step(s, states[s.unit], units, content) for s in by_month.get(n, ())),
            today,
        )
        for n in sorted({*by_month, *blocked})
    )


def _month(key: str, steps: tuple[Step, ...], today: str) -> Month:
    name = month(key)
    done = bool(steps) and all(s.state == DONE for s in steps)
    title = name
    if done:
        title = _("%(month)s – done", month=name)
    elif key == today:
        title = _("%(month)s – now", month=name)
    note = "" if steps else _("No learning. You have blocked this month.")
    return Month(title, name, steps, done, note)


def _states(steps: Sequence[PathStep]) -> dict[str, str]:
    ahead = [s.unit for s in steps if s.state is not StepState.DONE]
    states = {s.unit: DONE for s in steps if s.state is StepState.DONE}
    return states | {u: NOW if n == 0 else NEXT if n == 1 else PLANNED for n, u in enumerate(ahead)}


def step(
    planned: PathStep, state: str, units: Mapping[str, LearningUnit], content: Content
) -> Step:
    unit = units[planned.unit]
    return Step(
        offer=planned.unit,
        title=local(unit, "title"),
        state=state,
        badge=badge(state),
        duty=duty(planned),
        effort=effort(unit),
        why=() if state == DONE else reasons(planned, content),
    )


def state_of(path: LearningPath, unit: str) -> str:
    return _states(path.steps)[unit]


def badge(state: str) -> Badge:
    return {
        DONE: Badge(_("done"), "success", "success"),
        NOW: Badge(_("your turn"), "info", "edit"),
        NEXT: Badge(_("next"), "info", "arrow-forward"),
        PLANNED: Badge(_("planned"), "info", "calendar-today"),
    }[state]


def duty(planned: PathStep) -> str:
    return _("Required") if planned.obligation is Obligation.MANDATORY else _("Elective")


def reasons(planned: PathStep, content: Content) -> tuple[str, ...]:
    return wording.why(planned.reasons, names_of(content))


def names_of(content: Content) -> dict[str, str]:
    names = {code: local(c, "title") for code, c in content.framework.by_code.items()}
    return names | {u.key: local(u, "title") for u in content.catalogue.units}


def effort(unit: LearningUnit) -> str:
    """Return how long each part takes and how it is done, in one sentence."""
    parts = [_("%(min)s minutes", min=p.minutes) + " " + how(p.kind, p.mode) for p in unit.phases]
    return _(", then ").join(parts) + "."


def how(kind: PhaseKind, mode: str) -> str:
    if kind is PhaseKind.SELF_STUDY:
        return _("on your own")
    if kind is PhaseKind.TRANSFER:
        return _("trying it out at work")
    return _("in a group, online") if mode == "online" else _("in a group, on site")


# --- what waits, what is missing ------------------------------------------------------------------


def written(settings: TenantSettings) -> str:
    """Say what is written into the learning portal on acceptance, and who can read it there."""
    steps = _(
        "When you accept, your learning portal gets: the steps, required or elective, "
        "months and state."
    )
    share = _("As soon as a step is done, it also gets how many of your steps are done.")
    gets = [steps] if settings.write_back or settings.plan_service else []
    gets += [share] if settings.ags else []
    if not gets:
        return ""
    readers = _("Your course lead and the people who run the portal can read that.")
    return " ".join((*gets, readers, _("Your answers and levels stay here.")))


def _proposed(view: PathView, content: Content, today: str, written: str) -> Proposed | None:
    if view.state == "draft":
        return Proposed(
            _("This is a proposal"),
            _("The path counts only when you accept it. You can change every step later."),
            written,
            offered=view.offered,
        )
    if view.proposal is None or view.path is None:
        return None
    return Proposed(
        _("There is a new proposal"),
        _("Your profile or your wishes have changed. Until you accept, your path below counts."),
        written,
        changes(view.path, view.proposal, view.units),
        months(view.proposal, view.units, content, today),
        offered=view.offered,
    )


def changes(
    old: LearningPath, new: LearningPath, units: Mapping[str, LearningUnit]
) -> tuple[str, ...]:
    """Say what a new proposal would change: what comes, what goes, what moves."""
    before, after = _planned(old), _planned(new)
    said = []
    if came := [u for u in after if u not in before]:
        said.append(_("New: %(titles)s.", titles=_titles(came, units)))
    if went := [u for u in before if u not in after]:
        said.append(_("No longer needed: %(titles)s.", titles=_titles(went, units)))
    for unit in (u for u in after if u in before and after[u] != before[u]):
        said.append(
            _(
                "%(title)s moves to %(month)s.",
                title=_titles([unit], units),
                month=month(after[unit]),
            )
        )
    return _shortened(said)


def _shortened(said: list[str]) -> tuple[str, ...]:
    if len(said) <= CHANGES_SHOWN + 1:
        return tuple(said)
    more = _("And %(count)s more changes.", count=len(said) - CHANGES_SHOWN)
    return (*said[:CHANGES_SHOWN], more)


def _planned(path: LearningPath) -> dict[str, str]:
    return {
        s.unit: months_after(path.start, s.month)
        for s in path.steps
        if s.state is not StepState.DONE
    }


def _titles(keys: Iterable[str], units: Mapping[str, LearningUnit]) -> str:
    return wording.quoted(local(units[k], "title") for k in keys if k in units)


def _unmet(code: str, path: LearningPath, content: Content) -> str:
    title = local(content.framework.by_code[code], "title")
    sentences = [
        _("There is no offer for “%(topic)s” yet.", topic=title),
        _("Your municipality sees only that an offer is missing, not for whom."),
    ]
    reached = max((c.end for s in path.steps for c in s.closes if c.competency == code), default=0)
    if reached:
        sentences.append(_("This path takes you to “%(level)s”.", level=wording.level(reached)))
    return " ".join(sentences)


def _left_out(path: LearningPath, units: Mapping[str, LearningUnit]) -> str:
    if not path.left_out:
        return ""
    return ngettext(
        "%(num)d learning unit does not fit into 12 months: %(titles)s.",
        "%(num)d learning units do not fit into 12 months: %(titles)s.",
        len(path.left_out),
        titles=_titles(path.left_out, units),
    )
