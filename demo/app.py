"""Put the demo LMS together: routes, headers, faults. `create_app` makes it; `start` runs cron."""

import time

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from demo import pages as views
from demo.config import Config
from demo.faults import Faults, UnknownFault, parse
from demo.grades import grades
from demo.lms import build, lms, sesskey, visitor
from demo.markup import clean
from demo.members import members
from demo.oidc import oidc
from demo.pages import pages
from demo.plans import plans
from demo.services import PREFIX
from demo.token import token

# The address of a service, for the faults; the first that fits counts.
SERVICE_PATHS = (
    ("/mod/lti/certs.php", "jwks"),
    ("/mod/lti/token.php", "token"),
    (f"{PREFIX}/CourseSection", "nrps"),
    (PREFIX, "ags"),
    ("/webservice/rest/server.php", "plan"),
)


def create_app(config: Config) -> Flask:
    """Return the platform as a Flask application. Sends nothing until its cron is started.

    `app.extensions["demo"]` is the running platform (see lms.Lms): tests reach its store, keys,
    cron and faults there.
    """
    app = Flask("demo")
    app.secret_key = config.secrets.session_key
    # Browsers do not tell ports apart in cookies: a name of our own, or we take the tool's.
    app.config.update(
        SESSION_COOKIE_NAME="MoodleSessionDemo",
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1 << 20,
    )
    app.extensions["demo"] = build(config)
    for blueprint in (pages, oidc, token, grades, members, plans):
        app.register_blueprint(blueprint)
    _show(app)
    app.before_request(_break)
    app.after_request(_protect)
    if config.test_mode:
        app.add_url_rule("/faults", view_func=faults, methods=["GET", "POST", "DELETE"])
        app.add_url_rule("/faults/rotate", view_func=rotate, methods=["POST"])
    return app


def _show(app: Flask) -> None:
    app.jinja_env.filters.update(
        clean=clean,
        moment=views.local_time,
        day=views.local_date,
        decimal=views.decimal,
    )
    app.context_processor(lambda: {"visitor": visitor(), "sesskey": sesskey})
    app.register_error_handler(HTTPException, _error)


def _error(error: HTTPException) -> tuple[str, int]:
    titles = {403: "Bitte noch einmal versuchen", 404: "Diese Seite gibt es nicht"}
    title = titles.get(error.code or 500, "Das hat nicht geklappt")
    text = f"Zurück zu den Kursen kommen Sie mit der Schaltfläche. (Fehler {error.code})"
    return render_template("message.html", title=title, text=text), error.code or 500


def _break() -> Response | None:
    """Answer in the place of a service that a fault has broken."""
    service = next((name for path, name in SERVICE_PATHS if request.path.startswith(path)), "")
    kind = lms().faults.services.get(service)
    if kind == "dead":
        return Response("", 503)
    if kind == "html":
        return Response("<!doctype html><title>Wartung</title>", content_type="text/html")
    if kind == "slow":
        time.sleep(lms().faults.slow_s)
    return None


def _protect(response: Response) -> Response:
    tool = lms().config.tool
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        f"frame-src 'self' {tool}; form-action 'self' {tool}; "
        "frame-ancestors 'self'; base-uri 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response


def faults() -> Response | tuple[Response, int]:
    """Show, set or clear the faults (test mode only)."""
    platform = lms()
    if request.method != "GET":
        try:
            wanted = parse(request.get_json()) if request.method == "POST" else Faults()
        except UnknownFault as error:
            return jsonify(error=str(error)), 400
        platform.faults = wanted
        platform.clock.skew_s = wanted.skew_s
    return jsonify(skew_s=platform.faults.skew_s, services=dict(platform.faults.services))


def rotate() -> Response:
    """Replace the platform's key at once (test mode only)."""
    return jsonify(kid=lms().keys.rotate(lms().clock.now()))
