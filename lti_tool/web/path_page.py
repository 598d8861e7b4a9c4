"""The learning path as it is read: summary, what waits for a yes, other plans.

The months are built in `path_months`, the topics in `path_topics`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from competency.catalogue import LearningUnit
from competency.packs import Content
from competency.path import LearningPath, PathStep, StepState
from lti_tool.flows.plan import PathView
from lti_tool.flows.prospect import Prospect
from lti_tool.ports import TenantSettings
from lti_tool.web import path_months, path_topics
from lti_tool.web.formats import month, months_after, number
from lti_tool.web.path_months import Month, Reading, TestCard
from lti_tool.web.path_topics import Aside, OpenTopic, Reach, titles_of
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

CHANGES_SHOWN = 5


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
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What the last tap did; `undo` takes it back, `other` is the unit that came instead.

    `of_test`: it was done to a test of another provider, not to a unit.
    """

    title: str
    text: tuple[str, ...] = ()
    undo: str = ""
    undo_label: str = ""
    other: str = ""
    of_test: bool = False


@dataclass(frozen=True, slots=True)
class PathPage:
    heading: str
    summary: str
    state: str  # none | draft | accepted
    objected: bool = False
    proposed: Proposed | None = None
    months: tuple[Month, ...] = ()
    reach: Reach | None = None
    open_topics: tuple[OpenTopic, ...] = ()
    not_fitting: tuple[str, ...] = ()
    asides: tuple[Aside, ...] = ()
    tryout: TryOut | None = None
    said: Said | None = None
    taken_back: tuple[str, ...] = ()  # what an objection takes back elsewhere


def build(
    view: PathView,
    prospect: Prospect,
    content: Content,
    today: str,
    *,
    written: str = "",
    tryout: TryOut | None = None,
    said: Said | None = None,
    reviews: Mapping[str, str] | None = None,
    tests: tuple[TestCard, ...] = (),
    no_tests: tuple[Aside, ...] = (),
) -> PathPage:
    """Return the page of a path; `today` is the month it is read in, as "2026-11"."""
    assert view.path is not None
    path = view.path
    reading = Reading(
        view.units, content, today, prospect.counted, prospect.standings, reviews or {}, tests
    )
    return PathPage(
        heading=_("Your learning path"),
        summary=summary(path),
        state=view.state,
        proposed=_proposed(view, prospect, reading, written),
        months=path_months.months(path, reading),
        reach=path_topics.reach(path, prospect, content),
        open_topics=path_topics.open_topics(path, prospect, content),
        not_fitting=path_topics.not_fitting(path, prospect, view.units),
        asides=(*path_topics.asides(prospect, view.units), *no_tests),
        tryout=tryout,
        said=said,
    )


def summary(path: LearningPath) -> str:
    """Return one or two sentences: how many units until when, hours a month."""
    ahead = [s for s in path.steps if s.state is not StepState.DONE]
    if not path.steps:
        return _("You do not need a learning path right now.")
    if not ahead:
        return _("You have done everything. Well done.")
    end = max(s.last for s in ahead)
    last = month(months_after(path.start, end))
    spanned = end - min(s.month for s in ahead) + 1
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
    """Return the month the last step ends in, or ""."""
    return month(months_after(path.start, max(s.last for s in path.steps))) if path.steps else ""


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


def _proposed(
    view: PathView, prospect: Prospect, reading: Reading, written: str
) -> Proposed | None:
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
        changes(view.path, view.proposal, view.units, prospect),
        path_months.months(view.proposal, reading),
        offered=view.offered,
    )


def changes(
    old: LearningPath,
    new: LearningPath,
    units: Mapping[str, LearningUnit],
    prospect: Prospect,
) -> tuple[str, ...]:
    """Say what a new proposal would change: what comes, what goes and why, what moves."""
    before, after = _planned(old), _planned(new)
    said = []
    if came := [u for u in after if u not in before]:
        said.append(_("New: %(titles)s.", titles=titles_of(came, units)))
    said += _gone([s for s in old.steps if s.unit in before.keys() - after], new, units, prospect)
    for unit in (u for u in after if u in before and after[u] != before[u]):
        said.append(
            _(
                "%(title)s moves to %(month)s.",
                title=titles_of([unit], units),
                month=month(after[unit]),
            )
        )
    return _shortened(said)


def _gone(
    went: Iterable[PathStep],
    new: LearningPath,
    units: Mapping[str, LearningUnit],
    prospect: Prospect,
) -> list[str]:
    """Return one sentence a reason: "no longer needed" only where no topic loses by it."""
    lower = set() if prospect.pending is None else set(prospect.pending.lower)
    by_reason: dict[str, list[str]] = {}
    for step in went:
        by_reason.setdefault(_why_gone(step, new, lower), []).append(step.unit)
    said = {
        "wish": _("Not this year, as you wished: %(titles)s."),
        "time": _("Does not fit into your learning time any more: %(titles)s."),
        "lost": _("No longer in it: %(titles)s."),
        "needless": _("No longer needed: %(titles)s."),
    }
    found = ((text, by_reason[key]) for key, text in said.items() if key in by_reason)
    return [text % {"titles": titles_of(keys, units)} for text, keys in found]


def _why_gone(step: PathStep, new: LearningPath, lower: set[str]) -> str:
    if step.unit in new.wishes.excluded:
        return "wish"
    if step.unit in new.left_out:
        return "time"
    return "lost" if lower & {c.competency for c in step.closes} else "needless"


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
