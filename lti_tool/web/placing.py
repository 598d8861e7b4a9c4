"""Deep Linking: an instructor chooses what of ours stands in the course. Nobody's data is here."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.flows import roles
from lti_tool.lti import placing
from lti_tool.lti.placing import Item
from lti_tool.ports import Json
from lti_tool.store import keys, launches, platforms
from lti_tool.web import headers
from lti_tool.web.services import house, services
from lti_tool.web.session import current_launch
from lti_tool.web.translate import gettext as _
from lti_tool.web.wording import local

FIELD = "part"


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
    multiple: bool
    grades: bool  # a column in the grade book can be had
    links: bool  # False: the platform takes nothing that we have
    missing: bool = False


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
    page = _page(settings)
    chosen = _chosen(page, request.form.getlist(FIELD))
    if request.form.get("do") != "none" and not chosen:
        missing = PlacingPage(**{n: getattr(page, n) for n in page.__slots__} | {"missing": True})
        return render_template("placing.html", page=missing)
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
    return render_template("review.html", instructor=current_launch().instructor)


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
    parts = {part.key: part for part in (*page.main, *page.roles, *page.units)}
    return [parts[key] for key in dict.fromkeys(given) if key in parts]


def _with_grade(item: Item, graded: bool) -> Item:
    return item if graded else Item(item.page, item.title, item.text, item.role)


def _page(settings: dict[str, Json]) -> PlacingPage:
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
                ),
            )
            for role in roles.choices(services(), learner, now)
            if not role.general
        ),
        units=tuple(
            Part(f"unit-{u.key}", Item(f"einheit/{u.key}", local(u, "title"), local(u, "benefit")))
            for u in content.catalogue.units
        ),
        multiple=settings["multiple"],
        grades=settings["grades"] and current_launch().tenant.settings.ags,
        links=settings["links"],
    )


def _main() -> tuple[Part, ...]:
    whole = Item("", "Mein Lernweg", _("What you can do, and what helps you next."), graded=True)
    questions = Item(
        "frage", _("Assessment"), _("Questions about your work. About 15 minutes, with breaks.")
    )
    path = Item("lernpfad", _("My path"), _("Your next steps."), graded=True)
    return (
        Part("start", whole, _("Questions, profile and learning path in one. Right for most.")),
        Part("assessment", questions, _("Begins with the questions.")),
        Part("path", path, _("Opens the learning path.")),
    )
