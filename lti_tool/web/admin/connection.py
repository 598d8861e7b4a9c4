"""Connection test: every way to learning portal and LRS, tried on demand.

One test at a time per municipality, whoever taps and however often; it runs in a thread of its own
and the page does not wait long for it. What is tested is `lti_tool.checking`, the same truth as
`roadmap check`; here are its words.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app, redirect, render_template, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import RoadmapError
from lti_tool.logs import log
from lti_tool.store import checkups
from lti_tool.web.admin import session
from lti_tool.web.admin.tested import said
from lti_tool.web.formats import moment
from lti_tool.web.services import House, house

Checkup = Callable[[str], Sequence[Mapping[str, Any]]]

PATIENCE_S = 4.0  # how long the page waits for the end of a test
GIVEN_UP = timedelta(seconds=90)  # a process that died takes its test along


@dataclass(frozen=True, slots=True)
class Line:
    about: str
    ok: bool
    sentence: str
    remedy: str
    code: str


def connection() -> str:
    """Show the last connection test."""
    now = datetime.now(UTC)
    with house().database.read() as conn:
        last = checkups.last(conn, session.current().tenant.id)
    running = last is not None and last.finished is None and now - last.started < GIVEN_UP
    page = {
        "lines": [_line(r) for r in last.results] if last else [],
        "at": moment(last.finished) if last and last.finished else "",
        "running": running,
    }
    return render_template("admin/connection.html", page=page)


def check() -> Response:
    """Start a connection test, unless one runs; wait a moment for it."""
    here, now, tenant_id = house(), datetime.now(UTC), session.current().tenant.id
    with here.database.begin() as conn:
        started = checkups.claim(conn, tenant_id, now - GIVEN_UP, now)
    if started:
        with here.store.begin() as work:
            name = session.actor().name
            work.audit.note(name, "connection.check", {}, now, tenant_id=tenant_id)
        checkup: Checkup = current_app.extensions["roadmap_checkup"]
        thread = threading.Thread(target=_run, args=(here, checkup, tenant_id), daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
    return redirect(url_for("admin.connection"), 303)


def _run(here: House, checkup: Checkup, tenant_id: str) -> None:
    try:
        results = checkup(tenant_id)
        with here.database.begin() as conn:
            checkups.finish(conn, tenant_id, results, datetime.now(UTC))
    except RoadmapError as error:  # the database: after a while the test may be started again
        log().error("connection test failed", exception_type=type(error).__name__)


def _line(result: Mapping[str, Any]) -> Line:
    words = said(result)
    return Line(words.about, result["ok"], words.sentence, words.remedy, result["code"])
