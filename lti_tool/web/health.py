"""/healthz and /readyz: is the process alive, and can it serve people right now."""

from collections.abc import Callable

from flask import Blueprint, Response, jsonify

from lti_tool.errors import RoadmapError
from lti_tool.store import migrations
from lti_tool.store.database import ping
from lti_tool.web.services import house

health = Blueprint("health", __name__)
FINE = "ok"


@health.get("/healthz")
def alive() -> Response:
    """Answer while the process can answer at all."""
    return jsonify({"ok": True})


@health.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 while database, migrations and content are there, else 503 and say which."""
    said: dict[str, str] = {}
    for name, look in _LOOKS.items():
        try:
            look()
            said[name] = FINE
        except RoadmapError as error:
            said[name] = str(error)
    ok = all(words == FINE for words in said.values())
    return jsonify({"ok": ok, **said}), 200 if ok else 503


def _database() -> None:
    with house().database.read() as conn:
        ping(conn)


def _migrations() -> None:
    migrations.require_head(house().database)


def _content() -> None:
    folder = house().settings.content.dir
    if not folder.is_dir():
        raise RoadmapError(
            "The folder with the content packs is gone.",
            remedy="Check content.dir; until a restart the packs in memory are used.",
        )


_LOOKS: dict[str, Callable[[], None]] = {
    "database": _database,
    "migrations": _migrations,
    "content": _content,
}
