"""/healthz and /readyz: is the process alive, and can it serve people right now."""

from flask import Blueprint, Response, jsonify

from lti_tool.errors import RoadmapError
from lti_tool.store.database import ping
from lti_tool.web.services import house

health = Blueprint("health", __name__)


@health.get("/healthz")
def alive() -> Response:
    """Answer while the process can answer at all."""
    return jsonify({"ok": True})


@health.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 while the database answers, else 503 with our words for what is wrong."""
    try:
        with house().database.read() as conn:
            ping(conn)
    except RoadmapError as error:
        return jsonify({"ok": False, "database": str(error)}), 503
    return jsonify({"ok": True}), 200
