"""The web application: settings -> Flask. Every route of the house is registered here."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Request
from flask.sessions import NullSession, SessionInterface
from sqlalchemy import Connection
from werkzeug.middleware.proxy_fix import ProxyFix

from lti_tool.bootstrap import House, build
from lti_tool.checking.service import of_tenant
from lti_tool.ports import Arrival
from lti_tool.settings import Settings
from lti_tool.store import migrations
from lti_tool.store.launches import Replay
from lti_tool.store.parked import replay_parked
from lti_tool.web import counting, health, lti, routes, xapi
from lti_tool.web.admin import routes as admin
from lti_tool.web.limits import RefusalLimit


class NoSession(SessionInterface):
    """No Flask session is used: a launch has its own cookie and row (web/session.py)."""

    _nothing = NullSession()

    def open_session(self, app: Flask, request: Request) -> NullSession:  # noqa: ARG002
        return self._nothing


class App(Flask):
    session_interface = NoSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func  # no view of ours is a coroutine; Flask would ask each of them at each request


def create_app(
    settings: Settings, house: House | None = None, *, refusals_file: Path | None = None
) -> Flask:
    """Return the application. `refusals_file`: where several web processes count refusals.

    :raises RoadmapError: content or database do not fit; says what to do.
    """
    house = house or build(settings)
    migrations.require_head(house.database)
    app = App("lti_tool.web", static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=settings.security.max_body_bytes,
        MAX_FORM_MEMORY_SIZE=settings.security.max_body_bytes,
    )
    app.extensions["roadmap"] = house
    counting.install(app)
    routes.register(app)
    per_minute = settings.security.refusals_per_minute
    lti.install(app, RefusalLimit(per_minute, refusals_file), replay=_parked(house))
    xapi.install(app, settings, refusals_file)
    app.register_blueprint(health.health)
    admin.register(app, lambda tenant_id: [r.document() for r in of_tenant(house, tenant_id)])
    if settings.server.trusted_proxies:
        n = settings.server.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]
    return app


def _parked(house: House) -> Replay:
    """Return what counts the statements that waited for a person who now came."""

    def replay(conn: Connection, _arrival: Arrival, learner_id: str, now: datetime) -> None:
        replay_parked(conn, house.seal, house.meaning, learner_id, now)

    return replay
