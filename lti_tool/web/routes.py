"""Every page of the house, on one page. The addresses of platforms are in `lti`, the LRS in `xapi`.

Everything below /l/<launch>/ passes the guard of `session` first; its launch is put into addresses
by `url_for` itself, so no view and no template handles it.
"""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, g
from flask.typing import ResponseReturnValue
from flask_babel import Babel

from lti_tool.web import (
    api,
    assessment,
    assets,
    ballot,
    data,
    desired,
    erasure,
    exams,
    linking,
    other_tests,
    path,
    placing,
    practice,
    profile,
    public,
    reflections,
    seat,
    shared,
    sharing,
    start,
)
from lti_tool.web.admin import entry
from lti_tool.web.site import site, spoken_language

View = Callable[..., ResponseReturnValue]

GET, POST = ("GET",), ("POST",)

LEARNER: tuple[tuple[str, str, tuple[str, ...], View], ...] = (
    ("/", "start", GET, start.start),
    ("/hinweis", "notice", GET, start.notice),
    ("/hinweis", "read_notice", POST, start.read_notice),
    ("/rolle", "role", GET, start.role),
    ("/rolle", "choose_role", POST, start.choose_role),
    ("/sprache", "language", POST, start.language),
    ("/hilfe", "assistance", GET, start.assistance),
    ("/verwaltung", "administration", GET, entry.administration),
    ("/einsetzen", "place", GET, placing.place),
    ("/einsetzen", "placed", POST, placing.placed),
    ("/einsicht", "review", GET, placing.review),
    ("/probe", "practice", GET, practice.practice),
    ("/probe", "try_practice", POST, practice.try_practice),
    ("/anfangen", "begin", POST, assessment.begin),
    ("/frage", "question", GET, assessment.question),
    ("/frage", "answer", POST, assessment.answer),
    ("/frage/<int:position>", "asked_at", GET, assessment.asked_at),
    ("/ton/<bank>/<name>", "sound", GET, assessment.sound),
    ("/pause", "pause", GET, assessment.pause),
    ("/pause", "take_a_break", POST, assessment.take_a_break),
    ("/geschafft", "done", GET, assessment.done),
    ("/profil", "profile", GET, profile.profile),
    ("/profil", "wish", POST, desired.wish),
    ("/profil/<code>/stimmt-nicht", "dispute", GET, profile.dispute),
    ("/profil/<code>/stimmt-nicht", "correct", POST, profile.correct),
    ("/lernpfad", "path", GET, path.path),
    ("/lernpfad", "change_path", POST, path.change),
    ("/lernpfad/<unit>/verschieben", "postpone", GET, path.postpone),
    ("/lernpfad/<unit>/verschieben", "postponed", POST, path.postponed),
    ("/lernpfad/<unit>/tauschen", "swap", GET, path.swap),
    ("/lernpfad/<unit>/tauschen", "swapped", POST, path.swapped),
    ("/einheit/<unit>", "unit", GET, path.unit),
    ("/rueckblick/<unit>", "exam", GET, exams.exam),
    ("/rueckblick/<unit>", "begin_exam", POST, exams.begin),
    ("/rueckblick/<unit>/frage", "exam_question", GET, exams.question),
    ("/rueckblick/<unit>/frage", "answer_exam", POST, exams.answer),
    ("/rueckblick/<unit>/antwort/<int:position>", "exam_answer", GET, exams.answered),
    ("/rueckblick/<unit>/ergebnis", "exam_result", GET, exams.result),
    ("/rueckblick/<unit>/<placed>", "placed_exam", GET, exams.exam),
    ("/daten", "data", GET, data.data),
    ("/daten/herunterladen", "export", GET, data.export),
    ("/daten/teilen", "share", GET, sharing.share),
    ("/daten/teilen", "shared", POST, sharing.shared),
    ("/daten/verknuepfen", "link", GET, linking.link),
    ("/daten/verknuepfen", "linked", POST, linking.linked),
    ("/daten/andere-tests", "other_tests", GET, other_tests.other_tests),
    ("/daten/andere-tests", "test_code", POST, other_tests.make_code),
    ("/daten/loeschen", "erase", GET, data.erase),
    ("/daten/loeschen", "erased", POST, data.erased),
    ("/nur-fuer-mich/<item>", "reflection", GET, reflections.reflection),
    ("/nur-fuer-mich/<item>", "reflect", POST, reflections.reflect),
    ("/api/me", "api_me", GET, api.me),
    ("/api/session", "api_session", GET, api.session),
    ("/api/session", "keep_session", POST, api.keep_session),
    ("/api/profile", "api_profile", GET, api.profile),
    ("/api/path", "api_path", GET, api.path),
)

PUBLIC: tuple[tuple[str, str, tuple[str, ...], View], ...] = (
    ("/", "index", GET, public.index),
    ("/datenschutz", "privacy", GET, public.privacy),
    ("/barrierefreiheit", "accessibility", GET, public.accessibility),
    ("/xapi/profile", "xapi_profile", GET, public.xapi_profile),
    ("/xapi/profile/v1", "xapi_profile_version", GET, public.xapi_profile),
)


#: A result that somebody shared: by a code, without a session. Its own guard (`shared`).
SHARED: tuple[tuple[str, str, tuple[str, ...], View], ...] = (
    ("", "door", GET, shared.door),
    ("", "look", POST, shared.look),
)

#: A Soll workshop: by a code, without a session. Its own guard, its own cookie (`seat`).
BALLOT: tuple[tuple[str, str, tuple[str, ...], View], ...] = (
    ("", "door", GET, ballot.door),
    ("", "look", POST, ballot.look),
    ("/platz", "join", POST, ballot.join),
    ("/stimmen", "votes", GET, ballot.votes),
    ("/stimmen", "cast", POST, ballot.cast),
    ("/stimmen/<topic>", "vote", GET, ballot.vote),
    ("/ende", "leave", POST, ballot.leave),
)


def register(app: Flask) -> None:
    """Add the pages, their languages and their static files to the app."""
    Babel(
        app,
        locale_selector=spoken_language,
        default_timezone="Europe/Berlin",
        default_translation_directories=str(assets.STATIC.parent / "translations"),
    )
    erasure.install(app)  # before the guard of the launches: there is none left to guard
    app.jinja_env.globals["static_url"] = assets.static_url
    app.context_processor(lambda: {"site": site()})
    app.url_defaults(lambda endpoint, values: _add_launch(app, endpoint, values))
    app.register_blueprint(assets.assets)
    app.register_blueprint(_blueprint("public", "", PUBLIC))
    workshop = _blueprint("ballot", seat.PATH, BALLOT)
    workshop.before_request(ballot.guard)
    app.register_blueprint(workshop)
    given = _blueprint("shared", "/geteilt", SHARED)
    given.before_request(ballot.guard)
    app.register_blueprint(given)
    learner = _blueprint("learner", "/l/<launch>", LEARNER)
    learner.url_value_preprocessor(_take_launch)
    learner.before_request(start.inform_first)
    app.register_blueprint(learner)


def _blueprint(
    name: str, prefix: str, routes: tuple[tuple[str, str, tuple[str, ...], View], ...]
) -> Blueprint:
    blueprint = Blueprint(name, __name__, url_prefix=prefix or None, template_folder="templates")
    for rule, endpoint, methods, view in routes:
        blueprint.add_url_rule(rule, endpoint, view, methods=methods)
    return blueprint


def _take_launch(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    # The guard has read it from the path already; views ask for `current_launch()`.
    if values:
        values.pop("launch", None)


def _add_launch(app: Flask, endpoint: str, values: dict[str, Any]) -> None:
    if "launch" in values or "launch" not in g:
        return
    if app.url_map.is_endpoint_expecting(endpoint, "launch"):
        values["launch"] = g.launch.id
