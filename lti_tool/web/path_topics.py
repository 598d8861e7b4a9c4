"""What a path brings topic by topic, and what it leaves open: with the reason and whom to ask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from competency.catalogue import LearningUnit
from competency.packs import Content
from competency.path import LearningPath, StepState
from lti_tool.flows.prospect import Cause, Change, Prospect, Topic
from lti_tool.web import wording
from lti_tool.web.path_months import hours_of
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local
from recommender.explain import Mandate


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the path leads to, in words; `topics` one sentence each."""

    summary: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenTopic:
    """A topic with Lernbedarf that the path does not bring to its Soll."""

    competency: str
    title: str
    cause: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Aside:
    """A unit, or a test, that is not wanted this year; that can be taken back."""

    key: str
    title: str
    test: bool = False


def reach(path: LearningPath, prospect: Prospect, content: Content) -> Reach | None:
    """Return what the steps ahead are expected to bring; None where nothing is ahead."""
    if all(s.state is StepState.DONE for s in path.steps) or not prospect.standings:
        return None
    total, met = len(prospect.standings), prospect.met_today
    said = _(
        "With this plan you will probably meet what is needed in %(after)s of %(total)s topics.",
        after=max(met, prospect.met_after),
        total=total,
    )
    if met:
        today = _(
            "Today you surely meet what is needed in %(met)s of %(total)s topics.",
            met=met,
            total=total,
        )
        said = f"{today} {said}"
    moving = (t for t in prospect.topics if not t.stepless)
    return Reach(said, tuple(_moving(t, content) for t in moving))


def _moving(topic: Topic, content: Content) -> str:
    title, after = _title(topic.competency, content), wording.level(topic.after)
    if topic.unsure:
        said = _(
            "“%(topic)s”: today still open, then probably “%(after)s”.", topic=title, after=after
        )
    elif wording.level(topic.today) == after:
        said = _("“%(topic)s”: a step further within “%(after)s”.", topic=title, after=after)
    else:
        said = _(
            "“%(topic)s”: today “%(today)s”, then probably “%(after)s”.",
            topic=title,
            today=wording.level(topic.today),
            after=after,
        )
    return said if topic.cause is None else f"{said} {_target(topic)}"


def _target(topic: Topic) -> str:
    return _("Needed: “%(soll)s”.", soll=wording.level(topic.soll))


def open_topics(path: LearningPath, prospect: Prospect, content: Content) -> tuple[OpenTopic, ...]:
    """Return every topic with Lernbedarf that stays below its Soll, each with its reason."""
    return tuple(
        OpenTopic(
            t.competency,
            _title(t.competency, content),
            str(t.cause),
            (*_why(t, path, content.catalogue.by_key), *_as_far_as(t)),
        )
        for t in prospect.short
    )


def _as_far_as(topic: Topic) -> tuple[str, ...]:
    if topic.stepless:
        return ()
    taken = _("This path takes you to “%(level)s”.", level=wording.level(topic.after))
    return (taken, _target(topic))


def _why(topic: Topic, path: LearningPath, units: Mapping[str, LearningUnit]) -> tuple[str, ...]:
    titles = titles_of(topic.units, units)
    match topic.cause:
        case Cause.PROPOSED:
            return (_("The new proposal has a step for it."),)
        case Cause.NO_OFFER:
            said = _("There is no offer for it yet.")
            return (said, _("Ask your course lead whether one is planned."))
        case Cause.DONE:
            said = _(
                "You have completed %(titles)s. There is no further unit for it.", titles=titles
            )
            return (said, _("Ask your course lead what helps you on."))
        case Cause.WISH:
            return (_("You do not want to learn %(titles)s this year.", titles=titles),)
        case Cause.ROLE:
            said = _("%(titles)s would help, but is meant for other work.", titles=titles)
            return (said, _("Ask your course lead whether you may take part."))
        case Cause.ENTRY:
            said = _("%(titles)s expects more than your work asks for.", titles=titles)
            return (said, _("Ask your course lead for an easier course."))
        case _:
            return _too_long(titles, path)


def _too_long(titles: str, path: LearningPath) -> tuple[str, ...]:
    wish = hours_of(path.wishes.hours_per_month)
    said = _("%(hours)s a month are not enough for it.", hours=wish)
    if titles:
        said = _("%(titles)s does not fit into %(hours)s a month.", titles=titles, hours=wish)
    remedy = _("Try out more hours below, or ask your manager for time to learn.")
    return (said, remedy)


def asides(prospect: Prospect, units: Mapping[str, LearningUnit]) -> tuple[Aside, ...]:
    """Return what the learner has put aside; what is required meanwhile is in the path anyway."""
    keys = (k for k in prospect.excluded if k not in prospect.duties)
    return tuple(Aside(k, local(units[k], "title")) for k in keys if k in units)


def not_fitting(
    path: LearningPath, prospect: Prospect, units: Mapping[str, LearningUnit]
) -> tuple[str, ...]:
    """Return what was asked for and found no place: duties first, then choices, then the rest."""
    duties = [k for k in path.left_out if k in prospect.duties]
    chosen = [k for k in path.left_out if k in path.wishes.included and k not in duties]
    rest = [k for k in path.left_out if k not in duties and k not in chosen and k in units]
    said = [required_but(k, prospect.duties[k], units) for k in duties if k in units]
    said += [_chosen_but(k, units) for k in chosen if k in units]
    return (*said, *_others(rest, units))


def required_but(key: str, mandate: Mandate, units: Mapping[str, LearningUnit]) -> str:
    said = _(
        "%(title)s is required, but does not fit into this plan.", title=titles_of([key], units)
    )
    return " ".join((said, ask(mandate)))


def ask(mandate: Mandate) -> str:
    """Return whom to ask about something that is required."""
    if mandate.by:
        return _("If that is a problem, talk to: %(who)s.", who=mandate.by)
    return _("If that is a problem, talk to your course lead.")


def _chosen_but(key: str, units: Mapping[str, LearningUnit]) -> str:
    return _("You chose %(title)s. It does not fit into this plan.", title=titles_of([key], units))


def _others(keys: list[str], units: Mapping[str, LearningUnit]) -> tuple[str, ...]:
    if not keys:
        return ()
    return (
        ngettext(
            "%(num)d learning unit does not fit into 12 months: %(titles)s.",
            "%(num)d learning units do not fit into 12 months: %(titles)s.",
            len(keys),
            titles=titles_of(keys, units),
        ),
    )


def told(change: Change, unit: str, content: Content) -> tuple[str, ...]:
    """Say what leaving a unit out takes along: other units, what comes instead, which topics."""
    units = content.catalogue.by_key
    gone = [u for u in change.gone if u != unit]
    said = []
    if gone:
        said.append(_("Also no longer in it: %(titles)s.", titles=titles_of(gone, units)))
    if change.came:
        said.append(_("New in it: %(titles)s.", titles=titles_of(change.came, units)))
    if change.lower:
        topics = wording.quoted(_title(c, content) for c in change.lower)
        said.append(_("You then learn less about: %(topics)s.", topics=topics))
    return tuple(said)


def titles_of(keys: Iterable[str], units: Mapping[str, LearningUnit]) -> str:
    return wording.quoted(local(units[k], "title") for k in keys if k in units)


def _title(code: str, content: Content) -> str:
    return local(content.framework.topic(code), "title")
