"""Every address of the embedded LRS, and what holds for all of them.

Errors are one plain sentence. Whatever is asked is asked by a key of one tenant, in a version; only
`about` is open.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from flask import Blueprint, Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from lti_tool.errors import DatabaseError
from lti_tool.settings import Settings
from lti_tool.store.xapi_keys import Credential
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.xapi import asked as asking
from lti_tool.web.xapi import documents, known, senders, statements
from lti_tool.web.xapi.asked import VERSION, Asked
from lti_tool.web.xapi.refusal import Refusal

blueprint = Blueprint("xapi", __name__, url_prefix="/xapi")

Resource = Mapping[str, Callable[[Asked, Credential], Response]]

RESOURCES: Mapping[str, Resource] = {
    "/statements": {
        "GET": statements.get,
        "HEAD": statements.get,
        "PUT": statements.put,
        "POST": statements.post,
    },
    "/activities": {"GET": known.activities, "HEAD": known.activities},
    "/activities/state": documents.resource(documents.STATE),
    "/activities/profile": documents.resource(documents.ACTIVITY_PROFILE),
    "/agents": {"GET": known.agents, "HEAD": known.agents},
    "/agents/profile": documents.resource(documents.AGENT_PROFILE),
}
METHODS = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH"]


def install(app: Flask, settings: Settings, shared: Path | None = None) -> None:
    """Add the LRS to the app. `shared`: where several web processes count requests."""
    app.register_blueprint(blueprint)
    app.extensions |= senders.limit(
        RefusalLimit(settings.xapi.requests_per_minute, shared),
        RefusalLimit(settings.security.refusals_per_minute, shared),
    )


def _answer(resource: Resource) -> Response:
    """Find out what is asked, by whom and in which version, and answer."""
    asked, now = asking.read(request), datetime.now(UTC)
    sender = senders.sender(asked, now)
    g.sender, g.version = sender, sender.speaks  # until the request says better
    g.version = senders.version(asked)
    senders.note_use(sender, g.version, now)
    if asked.method not in resource:
        raise Refusal(405, f"This resource knows {', '.join(sorted(resource))} only.")
    return resource[asked.method](asked, sender)


blueprint.add_url_rule("/about", "about", known.about, methods=["GET"])
for _path, _resource in RESOURCES.items():
    blueprint.add_url_rule(
        _path,
        _path.strip("/").replace("/", "_"),
        partial(_answer, _resource),
        methods=METHODS,
        provide_automatic_options=False,
    )


@blueprint.route("/<path:rest>", methods=METHODS)
def nothing_here(rest: str) -> Response:  # noqa: ARG001
    """Say what there is."""
    names = ", ".join(path.strip("/") for path in RESOURCES)
    return _plain(404, f"This LRS has about, {names}; there is nothing here.")


# --- what holds for all -----------------------------------------------------------------------


@blueprint.before_request
def let_large_bodies_in() -> None:
    request.max_content_length = asking.LARGEST_BODY_BYTES


@blueprint.after_request
def say_version(response: Response) -> Response:
    given = request.headers.get(VERSION, "")
    major = g.get("version") or ("2" if given.startswith("2") else "1")
    response.headers[VERSION] = senders.MAJOR[major]
    response.headers.setdefault("Cache-Control", "no-store")
    return response


@blueprint.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    response = _plain(error.status, str(error))
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Basic realm="xAPI", charset="UTF-8"'
    if error.wait_s is not None:
        response.headers["Retry-After"] = str(error.wait_s)
    # An answer of the statements resource says so even where it refuses.
    if request.path.endswith("/statements") and "sender" in g and error.status != 429:
        response.headers[statements.THROUGH] = statements.consistent_through(g.sender)
    return response


@blueprint.errorhandler(DatabaseError)
def database_busy(_error: DatabaseError) -> Response:
    response = _plain(503, "The store is busy; send it again.")
    response.headers["Retry-After"] = "2"
    return response


@blueprint.errorhandler(HTTPException)
def http_refused(error: HTTPException) -> Response:
    return _plain(error.code or 400, error.description or error.name)


def _plain(status: int, message: str) -> Response:
    return Response(message + "\n", status=status, mimetype="text/plain")
