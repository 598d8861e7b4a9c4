"""Start, first information, role, help, language: the pages around the loop.

The start page shows one next step, chosen in this order: open attempt, accept the path, the step
that is due now, a review that is due, the step that is planned next, look at the profile
(design/pages.md 10). A review that comes soon, or waits behind something else, is said beside it.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flask import current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.exam import Standing
from competency.path import PathStep, StepState
from competency.target import RoleProfile
from lti_tool.flows import assess, exams, measure, persons, plan, profiles, roles
from lti_tool.flows.assess import AttemptState
from lti_tool.flows.catching_up import catch_up
from lti_tool.flows.exams import Exam
from lti_tool.flows.plan import PathView
from lti_tool.flows.withdrawal import Trace
from lti_tool.ports import Launch, Learner, TenantSettings
from lti_tool.store import gradebook
from lti_tool.web import later, notices, plain, starts
from lti_tool.web.exams import opening
from lti_tool.web.formats import day, month, months_after
from lti_tool.web.later import Later
from lti_tool.web.services import house, services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local, soll

REST = timedelta(days=30)
SECONDS_A_QUESTION = 28  # 15 s for a self-report, at most a third of them, else 35 s
SIZE_KEPT = timedelta(hours=1)  # until a course is asked again how many learners it has


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one framed step. `equal` offers to go on or start again, both the same size."""

    title: str
    text: str
    button: str = ""
    url: str = ""
    test: str = ""
    post: bool = False
    equal: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    label: str
    status: str
    url: str = ""
    kind: str = ""
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Reminder:
    """A review that is open, or soon."""

    unit: str
    title: str
    opens: str


@dataclass(frozen=True, slots=True)
class StartPage:
    returning: bool
    step: NextStep | None
    tasks: tuple[Task, ...]
    roles: str
    general: bool  # her work is in none of the roles
    soll: str
    seen_by: tuple[str, ...]
    course: str = ""  # for its instructor: how many learners it has
    later: tuple[Later, ...] = ()  # tasks that were put off
    reviews: tuple[Reminder, ...] = ()


@dataclass(frozen=True, slots=True)
class RoleChoice:
    number: int
    key: str
    title: str
    hint: str
    chosen: bool
    apart: bool = False  # not a role like the others


@dataclass(frozen=True, slots=True)
class RolePage:
    groups: tuple[tuple[str, tuple[RoleChoice, ...]], ...]
    more: tuple[tuple[str, str], ...]  # (key, title) of every role that can come on top
    chosen: tuple[str, str]  # the second and the third role, or ""
    proposal: bool
    missing: bool = False


#: What may be seen and done before the first information was read: reading it, and one's rights.
BEFORE_NOTICE = {"notice", "read_notice", "language", "assistance", "data", "export", "erase"}
BEFORE_NOTICE |= {
    "place",
    "placed",
    "review",
    "administration",
    "erased",
    "api_me",
    "api_session",
    "keep_session",
    "api_profile",
    "api_path",
}


def inform_first() -> Response | None:
    """Lead whoever has not seen the information in force to it, whatever was asked for (L04)."""
    endpoint = (request.endpoint or "").removeprefix("learner.")
    if endpoint in BEFORE_NOTICE or _informed(current_launch()):
        return None
    return redirect(url_for("learner.notice"), 303)


def _informed(here: Launch) -> bool:
    return here.learner.notice_version == notices.version(here.tenant, house().settings)


def start() -> Response | str:
    """Show the one next step, or lead a first visit to what has to come before it."""
    here, now = current_launch(), datetime.now(UTC)
    if first := _first_visit(here):
        return redirect(url_for(first), 303)
    s, learner = services(), here.learner
    catch_up(s, learner, here.page, now)
    state = assess.state(s, learner)
    view = plan.current(s, learner, now) if state.state == "finished" else None
    chosen = [r for r in roles.choices(s, learner, now) if r.key in learner.roles]
    reviews = exams.every(s, learner, now)
    step = next_step(state, view, now, reviews)
    page = StartPage(
        returning=state.state != "none",
        step=step,
        tasks=tasks(state, view),
        roles=" + ".join(local(r, "title") for r in chosen),
        general=any(r.general for r in chosen),
        soll=soll(approved=all(r.approved for r in chosen)),
        seen_by=seen_by(
            here.tenant.settings,
            persons.written(s, learner),
            accepted=profiles.has_accepted(s, learner),
            results=persons.told_results(s, learner),
        ),
        course=course_size(here, now),
        later=later.tasks(),
        reviews=tuple(reminders(reviews, step)),
    )
    return render_template("start.html", page=page)


def course_size(here: Launch, now: datetime) -> str:
    """Return how many learners this course has, for its instructor; "" if nobody may know.

    The worker asks the learning portal; this page waits for nothing.
    """
    settings, url = here.tenant.settings, str(here.services.get("members", ""))
    if not (settings.nrps and here.instructor and url and here.context_id):
        return ""
    with house().database.read() as conn:
        size = gradebook.size_of(conn, here.platform_id, here.context_id)
    if size is None or now - size.asked > SIZE_KEPT:
        with services().store.begin() as work:
            key = f"{here.platform_id}|{here.context_id}"
            work.jobs.enqueue("members", key, {"url": url}, now)
    if size is None or size.learners is None:
        return ""
    if size.learners < settings.min_group_size:
        few = settings.min_group_size
        return _("Fewer than %(num)s learners take part in this course.", num=few)
    return _("%(num)s learners take part in this course.", num=size.learners)


def seen_by(
    settings: TenantSettings, written: Set[Trace], *, accepted: bool, results: bool = False
) -> tuple[str, ...]:
    """Say who sees what right now: what left the house, and nothing else."""
    steps = bool(written & {Trace.STATEMENTS, Trace.PLAN}) or (accepted and settings.plan_service)
    share = bool(written & {Trace.SCORE, Trace.SCORE_ASKED, Trace.SCORE_STAYS})
    if not (steps or share or results):
        return _only_you(settings, accepted=accepted)
    said = [_("Only you see your answers and your levels.")]
    if steps:
        said.append(_("Your learning portal knows the steps of the path that you accepted."))
    if share:
        said.append(_("It also knows how many of your steps are done."))
    if results:
        said.append(
            _("It knows that you did the assessment, or whether you have got it in a review.")
        )
    said.append(_("Your course lead and the people who run the portal can read that."))
    back = (steps or share) and not accepted
    return (*said, *((_("We are taking that back."),) if back else ()))


def _only_you(settings: TenantSettings, *, accepted: bool) -> tuple[str, ...]:
    if not accepted and (settings.write_back or settings.plan_service or settings.ags):
        later = _("Your learning portal gets something only when you accept a learning path.")
        return (_("Only you."), later)
    return (_("Only you."),)


def _first_visit(here: Launch) -> str:
    """Return the page that has to come first, or ""."""
    if not here.learner.roles:
        return "learner.role"
    return "" if here.learner.practised else "learner.practice"


def next_step(
    state: AttemptState, view: PathView | None, now: datetime, reviews: Sequence[Exam] = ()
) -> NextStep | None:
    """Return the one step to frame."""
    due = next((e for e in reviews if e.due), None)
    if state.state == "none":
        return NextStep(
            _("Your next step: answer questions"),
            _("It takes about 10 minutes. There is no time limit. You can pause at any time."),
            _("Start now"),
            url_for("learner.begin"),
            "start-assessment",
            post=True,
        )
    if state.state == "open":
        return _go_on(state, now)
    if view is None or view.path is None:
        return _review(due) or _look_at_profile()
    if view.proposal is not None:
        return NextStep(
            _("Your next step: look at a new proposal"),
            _("Your learning path stays as it is until you accept the new one."),
            _("See your learning path"),
            url_for("learner.path"),
        )
    if view.state == "draft":
        return NextStep(
            _("Your next step: look at your learning path"),
            _("The path is a proposal. It counts when you accept it."),
            _("See your learning path"),
            url_for("learner.path"),
        )
    step, today = _step(view), measure.month(now)
    if step is not None and months_after(view.path.start, step.month) <= today:
        return _begin(view, step)
    return _review(due) or (_begin(view, step) if step else _look_at_profile())


def reminders(reviews: Sequence[Exam], step: NextStep | None) -> Iterator[Reminder]:
    """Yield the reviews to be said beside the framed step: soon, or due and not framed."""
    for found in reviews:
        soon = found.standing is Standing.SOON
        if (soon or found.due) and url_for("learner.exam", unit=found.unit.key) != (
            step.url if step else ""
        ):
            yield Reminder(found.unit.key, local(found.unit, "title"), opening(found))


def _review(found: Exam | None) -> NextStep | None:
    if found is None:
        return None
    return NextStep(
        _("Your next step: a short review of “%(title)s”", title=local(found.unit, "title")),
        " ".join((_("A few questions show what has stayed with you."), opening(found))),
        _("To the review"),
        url_for("learner.exam", unit=found.unit.key),
        "exam",
    )


def _go_on(state: AttemptState, now: datetime) -> NextStep:
    saved = saved_answers(state.answered)
    if state.touched is not None and now - state.touched > REST:
        return NextStep(
            _("Your answers are still there"),
            saved + " " + _("Do you want to go on or start again?"),
            equal=True,
        )
    since = ""
    if state.touched is not None:
        since = _("Last time: %(day)s.", day=day(state.touched))
    return NextStep(
        _("Your next step: go on with question %(number)s", number=state.position),
        " ".join(part for part in (since, saved, minutes_left(state)) if part),
        _("Continue"),
        url_for("learner.question"),
        "start-assessment",
    )


def saved_answers(count: int) -> str:
    if not count:
        return _("You have not answered a question yet.")
    return ngettext("Your %(num)d answer is saved.", "Your %(num)d answers are saved.", count)


def minutes_left(state: AttemptState) -> str:
    left = max(1, round((state.most - state.answered) * SECONDS_A_QUESTION / 60))
    return ngettext(
        "It takes %(num)d more minute at most.", "It takes %(num)d more minutes at most.", left
    )


def _look_at_profile() -> NextStep:
    return NextStep(
        _("Your next step: look at your profile"),
        _("You see what you can already do and what comes next."),
        _("See your profile"),
        url_for("learner.profile"),
    )


def _step(view: PathView) -> PathStep | None:
    """Return the first step that is not done."""
    assert view.path is not None
    return next((s for s in view.path.steps if s.state is not StepState.DONE), None)


def _begin(view: PathView, step: PathStep) -> NextStep:
    assert view.path is not None
    unit = view.units[step.unit]
    return NextStep(
        _("Your next step: “%(title)s”", title=local(unit, "title")),
        _("Planned for %(month)s.", month=month(months_after(view.path.start, step.month))),
        _("Begin"),
        url_for("learner.unit", unit=unit.key),
    )


def tasks(state: AttemptState, view: PathView | None) -> tuple[Task, ...]:
    """Return the three steps with where the person stands in each."""
    done, later = _("done"), _("comes after that")
    answered = state.state == "finished"
    accepted = view is not None and view.state == "accepted"
    first = {
        "none": Task(_("Answer questions"), _("not started")),
        "open": Task(
            _("Answer questions"), _("started"), url_for("learner.question"), "info", "edit"
        ),
        "finished": Task(_("Answer questions"), done, "", "success", "success"),
    }[state.state]
    if not answered:
        return (first, Task(_("See your profile"), later), Task(_("Accept the path"), later))
    third = Task(_("Accept the path"), _("your turn"), url_for("learner.path"), "info", "edit")
    if accepted:
        third = Task(_("Accept the path"), done, url_for("learner.path"), "success", "success")
    second = Task(
        _("See your profile"), _("ready"), url_for("learner.profile"), "success", "success"
    )
    return (first, second, third)


def notice() -> Response | str:
    """Show the first information; it can be read again at any time."""
    here = current_launch()
    return render_template("notice.html", page=notices.notice(here, house().settings))


def read_notice() -> Response:
    """Remember which version was shown, and go on to what the link stands for."""
    here = current_launch()
    # What the form says was shown is what was read, should the text change in between.
    shown = request.form.get("version", "")
    if notices.is_version(shown):
        profiles.read_notice(services(), here.learner, shown, datetime.now(UTC))
    page = here.page if here.page != "hinweis" else ""  # where we are
    return redirect(f"/l/{here.id}/{starts.below(page, current_app.url_map)}", 303)


def role() -> Response | str:
    here = current_launch()
    page = role_page(here.learner, here.role, datetime.now(UTC))
    return render_template("role.html", page=page)


def choose_role() -> Response | str:
    """Set the role and up to two more, and go on."""
    here, now = current_launch(), datetime.now(UTC)
    more = request.form.getlist("more")
    keys = tuple(k for k in (request.form.get("role", ""), *more) if k)
    known = {r.key for r in roles.choices(services(), here.learner, now)}
    if not request.form.get("role") or not known.issuperset(keys):
        page = replace(role_page(here.learner, here.role, now), missing=True, chosen=_pair(more))
        return render_template("role.html", page=page)
    roles.choose(services(), here.learner, keys, now)
    return redirect(url_for("learner.start"), 303)


def _pair(keys: Sequence[str]) -> tuple[str, str]:
    second, third = (*keys, "", "")[:2]
    return second, third


def role_page(learner: Learner, suggested: str, now: datetime) -> RolePage:
    """Return the roles: the one the portal suggests first, then by where the work is done."""
    everything = roles.choices(services(), learner, now, suggested)
    ordered = _by_place([r for r in everything if not r.additional], suggested)
    further = [r for r in everything if r.additional]
    first, *others = learner.roles or (suggested,)
    numbers = {r.key: n for n, r in enumerate(ordered)}

    def choice(r: RoleProfile) -> RoleChoice:
        title = _("My work is not on the list") if r.general else local(r, "title")
        hint = _hint(r, suggested)
        return RoleChoice(numbers[r.key], r.key, title, hint, r.key == first, r.general)

    groups = _grouped(ordered, suggested)
    return RolePage(
        groups=tuple((title, tuple(choice(r) for r in members)) for title, members in groups),
        more=tuple((r.key, local(r, "title")) for r in (*further, *ordered) if not r.general),
        chosen=_pair(others),
        proposal=not all(r.approved for r in everything),
    )


def _hint(r: RoleProfile, suggested: str) -> str:
    hint = local(r, "hint")
    if r.key != suggested:
        return hint
    return " ".join(part for part in (_("Proposal of the learning portal."), hint) if part)


_PLACES = ("non_desk", "mixed", "desk")


def _by_place(main: list[RoleProfile], suggested: str) -> list[RoleProfile]:
    return sorted(main, key=lambda r: (r.key != suggested, r.general, _PLACES.index(r.workplace)))


def _grouped(ordered: list[RoleProfile], suggested: str) -> list[tuple[str, list[RoleProfile]]]:
    titles = {
        "non_desk": _("Mostly on the move, outside or with people"),
        "mixed": _("Sometimes at a desk, sometimes not"),
        "desk": _("Mostly at a desk"),
    }
    rest = [r for r in ordered if r.key != suggested]
    groups = [("", [r for r in ordered if r.key == suggested])]
    for place in _PLACES:
        groups.append((titles[place], [r for r in rest if r.workplace == place and not r.general]))
    groups.append((_("Something else"), [r for r in rest if r.general]))
    return [(title, members) for title, members in groups if members]


def assistance() -> str:
    here = current_launch()
    page = notices.statement("help", here.tenant, house().settings)
    words = plain.switch(easy=here.learner.plain)
    return render_template("help.html", page=page, number=here.learner.id, words=words)


def language() -> Response:
    """Set the language, or easy words, and go back to the same page of this launch."""
    here = current_launch()
    wanted = "en" if request.form.get("language") == "en" else "de"
    if plain.pressed() is None:
        profiles.speak(services(), here.learner, wanted, datetime.now(UTC))
    back = request.form.get("back", "")
    # A path of this very launch, or the start: never an address from outside.
    inside = back.startswith(f"/l/{here.id}/") and "\\" not in back and "//" not in back
    inside = inside and back.isprintable()  # no line may end in a header
    return redirect(back if inside else url_for("learner.start"), 303)
