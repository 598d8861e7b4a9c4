"""The months of a path as they are read: what is due by the calendar, what goes on, what is free.

`today` is the month the page is read in, as "2026-11". A unit that is longer than the learning time
of a month says so where it begins, and again in every month it goes on in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from competency.catalogue import LearningUnit, Obligation, PhaseKind
from competency.packs import Content
from competency.path import LearningPath, PathStep, StepState
from competency.profile import Standing, Verdict
from lti_tool.web import wording
from lti_tool.web.formats import month, months_after
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

NOW, NEXT, PLANNED, DONE = "now", "next", "planned", "done"
SLACK = 1e-6  # hours


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
    long: tuple[str, ...] = ()  # longer than the learning time of a month
    counts: str = ""  # what a finished step is evidence for
    begins: bool = False  # the one to begin with
    review: str = ""  # of a finished step: when its short review is open, or how it went
    swaps: bool = True  # what is required cannot be swapped


@dataclass(frozen=True, slots=True)
class TestCard:
    """A test of another provider in a month of the path."""

    key: str
    title: str
    month: str  # of its result, as "2026-11"; "" = it is ahead and stands in the month of today
    done: bool
    badge: Badge
    said: str
    address: str
    without: str = ""  # of one that is ahead: what it means to leave it out


@dataclass(frozen=True, slots=True)
class Month:
    title: str
    name: str
    steps: tuple[Step, ...]
    done: bool
    note: str = ""
    tests: tuple[TestCard, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What the months are read with beside the path itself."""

    units: Mapping[str, LearningUnit]
    content: Content
    today: str
    counted: Mapping[str, Sequence[str]] = field(default_factory=dict)  # unit -> topics
    standings: Mapping[str, Standing] = field(default_factory=dict)
    reviews: Mapping[str, str] = field(default_factory=dict)  # unit -> when it is open
    tests: tuple[TestCard, ...] = ()


def months(path: LearningPath, reading: Reading) -> tuple[Month, ...]:
    """Return the months from the first to the last that is planned for, runs of free ones as one.

    Months that are over and had nothing in them are left out.
    """
    states = states_of(path, reading.today)
    by_month = {
        n: tuple(found)
        for n, found in groupby(sorted(path.steps, key=lambda s: s.month), key=lambda s: s.month)
    }
    tests = _tests(path, reading)
    by_month = {n: by_month.get(n, ()) for n in sorted(by_month.keys() | tests.keys())}
    found: list[Month] = []
    for steps, run in _runs(path, by_month, reading):
        if steps or run[0] in tests:
            read = tuple(_step(s, states[s.unit], path, reading) for s in steps)
            key = months_after(path.start, run[0])
            found.append(_month(key, read, tests.get(run[0], ()), reading.today))
        else:
            found.append(_free(path, run, reading))
    return tuple(_with_beginning(found))


def _tests(path: LearningPath, reading: Reading) -> dict[int, tuple[TestCard, ...]]:
    """Return the tests by month of the path; what is ahead can be done in the month of today."""
    months_of = {t.key: t.month or reading.today for t in reading.tests}
    first = _number(path.start)
    found: dict[int, tuple[TestCard, ...]] = {}
    for test in reading.tests:
        n = max(0, _number(months_of[test.key]) - first)
        found[n] = (*found.get(n, ()), test)
    return found


def _number(key: str) -> int:
    year, month_ = key.split("-")
    return int(year) * 12 + int(month_)


def _runs(
    path: LearningPath, by_month: Mapping[int, tuple[PathStep, ...]], reading: Reading
) -> Iterator[tuple[tuple[PathStep, ...], tuple[int, ...]]]:
    """Yield (steps, (month,)), and for free months in a row that say the same ((), months)."""
    last = max((*by_month, *(s.last for s in path.steps)), default=-1)
    shown = [n for n in range(last + 1) if n in by_month or _worth_a_line(path, n, reading.today)]
    for key, run in groupby(shown, lambda n: n if n in by_month else free(path, n, reading.units)):
        yield (by_month[key] if isinstance(key, int) else ()), tuple(run)


def _worth_a_line(path: LearningPath, n: int, today: str) -> bool:
    return bool(_going_on(path, n)) or months_after(path.start, n) >= today


def free(path: LearningPath, n: int, units: Mapping[str, LearningUnit]) -> str:
    """Return why nothing begins in a month."""
    if n in path.wishes.blocked_months:
        return _("No learning. You have blocked this month.")
    if keys := _going_on(path, n):
        titles = wording.quoted(local(units[k], "title") for k in keys)
        return _("Here %(titles)s goes on.", titles=titles)
    return _("Nothing is planned.")


def _going_on(path: LearningPath, n: int) -> tuple[str, ...]:
    if n in path.wishes.blocked_months:
        return ()
    ahead = (s for s in path.steps if s.state is not StepState.DONE)
    return tuple(s.unit for s in ahead if s.month < n <= s.last)


def _free(path: LearningPath, run: tuple[int, ...], reading: Reading) -> Month:
    first, last = (months_after(path.start, n) for n in (run[0], run[-1]))
    name = month(first)
    if first != last:
        name = _("%(first)s to %(last)s", first=month(first), last=month(last))
    here = first <= reading.today <= last
    title = _("%(month)s – now", month=name) if here else name
    return Month(title, name, (), done=False, note=free(path, run[0], reading.units))


def _month(key: str, steps: tuple[Step, ...], tests: tuple[TestCard, ...], today: str) -> Month:
    name = month(key)
    done = all(s.state == DONE for s in steps) and all(t.done for t in tests)
    title = name
    if done:
        title = _("%(month)s – done", month=name)
    elif key == today:
        title = _("%(month)s – now", month=name)
    elif key < today:
        title = _("%(month)s – not done yet", month=name)
    return Month(title, name, steps, done, tests=tests)


def _with_beginning(found: Sequence[Month]) -> Iterator[Month]:
    """Mark the first step that is not done: it can be begun, be its month here or not."""
    waiting = True
    for one in found:
        steps = []
        for step in one.steps:
            first = waiting and step.state != DONE
            waiting = waiting and not first
            steps.append(replace(step, begins=first))
        yield replace(one, steps=tuple(steps))


def states_of(path: LearningPath, today: str) -> dict[str, str]:
    """Return unit -> state: the first step ahead is "now" only when its month has come."""
    ahead = [s for s in path.steps if s.state is not StepState.DONE]
    states = {s.unit: DONE for s in path.steps if s.state is StepState.DONE}
    due = bool(ahead) and months_after(path.start, ahead[0].month) <= today
    order = [NOW, NEXT] if due else [NEXT]
    for n, step in enumerate(ahead):
        states[step.unit] = order[n] if n < len(order) else PLANNED
    return states


def _step(planned: PathStep, state: str, path: LearningPath, reading: Reading) -> Step:
    unit = reading.units[planned.unit]
    done = state == DONE
    return Step(
        offer=planned.unit,
        title=local(unit, "title"),
        state=state,
        badge=badge(state),
        duty=duty(planned),
        effort=effort(unit),
        why=() if done else reasons(planned, reading.content),
        long=() if done else longer(planned, unit, path),
        counts=_counts(planned.unit, reading) if done else "",
        review=reading.reviews.get(planned.unit, ""),
        swaps=planned.obligation is not Obligation.MANDATORY,
    )


def _counts(unit: str, reading: Reading) -> str:
    topics = reading.counted.get(unit, ())
    if not topics:
        return _("It is done. It does not change your profile.")
    said = ", ".join(_counted(code, reading) for code in topics)
    return _("This now counts for %(topics)s.", topics=said)


def _counted(code: str, reading: Reading) -> str:
    name = wording.quoted([local(reading.content.framework.by_code[code], "title")])
    standing = reading.standings.get(code)
    if standing is None or standing.verdict is Verdict.NONE:
        return name
    return _("%(topic)s (now: %(verdict)s)", topic=name, verdict=wording.verdict(standing.verdict))


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


def hours_of(hours: float) -> str:
    """Return a duration in hours and minutes, such as 2 hours 40 minutes."""
    whole, minutes = divmod(round(hours * 60), 60)
    said = [ngettext("%(num)d hour", "%(num)d hours", whole)] if whole else []
    if minutes or not whole:
        said.append(ngettext("%(num)d minute", "%(num)d minutes", minutes))
    return " ".join(said)


def longer(planned: PathStep, unit: LearningUnit, path: LearningPath) -> tuple[str, ...]:
    """Say of a unit that is longer than the learning time of a month what that means, or nothing.

    What is done alone can be spread over the months; a meeting takes place on one day.
    """
    cap = path.wishes.hours_per_month
    if planned.hours <= cap + SLACK:
        return ()
    said = [
        _(
            "This unit takes %(hours)s. You wanted to learn %(wish)s a month.",
            hours=hours_of(planned.hours),
            wish=hours_of(cap),
        )
    ]
    if planned.last > planned.month:
        first, last = (month(months_after(path.start, n)) for n in (planned.month, planned.last))
        said.append(_("That is why it goes from %(first)s to %(last)s.", first=first, last=last))
    return (*said, *_meeting(unit, cap))


def _meeting(unit: LearningUnit, cap: float) -> tuple[str, ...]:
    longest = max((p.minutes for p in unit.phases if p.kind is PhaseKind.TUTORIAL), default=0) / 60
    if longest <= cap + SLACK:
        return ()
    said = _("The part in a group takes %(hours)s and cannot be divided.", hours=hours_of(longest))
    return (said, _("In that month it is more than you wanted."))
