"""Deep Linking: an instructor chooses what of ours stands in the course. Nobody's data is here."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from competency.catalogue import LearningUnit
from competency.exam import has_exam
from lti_tool.flows import grades, roles
from lti_tool.lti import placing
from lti_tool.lti.placing import Item
from lti_tool.ports import Json
from lti_tool.store import keys, launches, platforms
from lti_tool.web import exams, headers
from lti_tool.web.services import house, services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

FIELD, HELD = "part", "tutorial"
FAR_YEARS = 1  # a day further away than that is a slip of the finger


@dataclass(frozen=True, slots=True)
class Part:
    """One choice of the page."""

    key: str
    item: Item
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PlacingPage:
    main: tuple[Part, ...]
    roles: tuple[Part, ...]
    units: tuple[Part, ...]
    exams: tuple[Part, ...]
    multiple: bool
    grades: bool  # a column in the grade book can be had
    links: bool  # False: the platform takes nothing that we have
    missing: bool = False
    chosen: tuple[str, ...] = ()
    held: str = ""  # the day of the tutorial, as it was sent
    held_wrong: bool = False


def place() -> Response | str:
    """Show what can be placed; without a request of the platform, go to the start."""
    settings = _settings()
    if settings is None:
        return redirect(url_for("learner.start"), 303)
    return render_template("placing.html", page=_page(settings))


def placed() -> Response | str:
    """Sign what was chosen and let the browser take it to the platform."""
    settings = _settings()
    if settings is None:
        return redirect(url_for("learner.start"), 303)
    nothing, held = request.form.get("do") == "none", request.form.get(HELD, "").strip()
    page = _page(settings, _day(held))
    chosen = [] if nothing else _chosen(page, request.form.getlist(FIELD))
    wrong = bool(held) and _day(held) is None
    if not nothing and (wrong or not chosen):
        kept = tuple(part.key for part in chosen)
        page = replace(page, missing=not chosen, chosen=kept, held=held, held_wrong=wrong)
        return render_template("placing.html", page=page)
    graded = page.grades and "grade" in request.form
    items = [
        placing.content_item(_with_grade(part.item, graded), house().settings.server.base_url)
        for part in chosen
    ]
    headers.sends_to(settings["return_url"])
    return render_template(
        "placed.html", url=settings["return_url"], token=_signed(settings, items), count=len(items)
    )


def review() -> str:
    """Say what the number in the grade book means. Somebody else's answers are shown to nobody."""
    here = current_launch()
    about = grades.about(here.page)
    return render_template("review.html", instructor=here.instructor, about=about)


def _settings() -> dict[str, Json] | None:
    with house().database.read() as conn:
        return launches.placing(conn, house().seal, current_launch().id, datetime.now(UTC))


def _signed(settings: dict[str, Json], items: list[dict[str, Json]]) -> str:
    here, now = current_launch(), datetime.now(UTC)
    with house().database.begin() as conn:
        platform = platforms.get(conn, here.platform_id)
        key = keys.active(conn, house().seal, now)
        deployment = launches.deployment_of(conn, here.id)
    return placing.answer(platform, deployment, settings, items, key, now)


def _chosen(page: PlacingPage, given: list[str]) -> list[Part]:
    parts = {part.key: part for part in (*page.main, *page.roles, *page.units, *page.exams)}
    return [parts[key] for key in dict.fromkeys(given) if key in parts]


def _with_grade(item: Item, graded: bool) -> Item:
    return item if graded else replace(item, maximum=0)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if abs(found.year - datetime.now(UTC).year) <= FAR_YEARS else None


def _page(settings: dict[str, Json], held: date | None = None) -> PlacingPage:
    content = services().content
    learner, now = current_launch().learner, datetime.now(UTC)
    return PlacingPage(
        main=_main(),
        roles=tuple(
            Part(
                f"role-{role.key}",
                Item(
                    "frage",
                    _("Assessment: %(role)s", role=local(role, "title")),
                    _("Questions about your work. About 15 minutes, with breaks."),
                    role.key,
                    maximum=1,
                ),
            )
            for role in roles.choices(services(), learner, now)
            if not role.general
        ),
        units=tuple(
            Part(f"unit-{u.key}", Item(f"einheit/{u.key}", local(u, "title"), local(u, "benefit")))
            for u in content.catalogue.units
        ),
        exams=tuple(_exam(u, held) for u in content.catalogue.units if has_exam(u)),
        multiple=settings["multiple"],
        grades=settings["grades"] and current_launch().tenant.settings.ags,
        links=settings["links"],
    )


def _exam(unit: LearningUnit, held: date | None) -> Part:
    title = _("Short review: %(unit)s", unit=local(unit, "title"))
    text = _("A few questions, some days after the tutorial.")
    page = exams.placed_page(current_launch(), unit.key, held)
    item = Item(page, title, text, maximum=1, resource=grades.exam_page(unit.key))
    return Part(f"exam-{unit.key}", item)


def _main() -> tuple[Part, ...]:
    whole = Item("", "Mein Lernweg", _("What you can do, and what helps you next."), maximum=100)
    questions = Item(
        "frage",
        _("Assessment"),
        _("Questions about your work. About 15 minutes, with breaks."),
        maximum=1,
    )
    path = Item("lernpfad", _("My path"), _("Your next steps."), maximum=100)
    return (
        Part("start", whole, _("Questions, profile and learning path in one. Right for most.")),
        Part("assessment", questions, _("Begins with the questions.")),
        Part("path", path, _("Opens the learning path.")),
    )
