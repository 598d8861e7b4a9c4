"""Jobs: when each ran last, when it runs next, what failed. Counts and times only."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from lti_tool.flows import upkeep
from lti_tool.store import lrs, runs
from lti_tool.store.database import at
from lti_tool.store.jobs import Queued, queued
from lti_tool.store.runs import Run
from lti_tool.web.admin import session, words
from lti_tool.web.formats import moment
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

SHOWN = ("deliver", "refold", "purge")


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    title: str
    state: str  # good | look | bad
    facts: tuple[tuple[str, str], ...]
    remedy: str = ""
    start: bool = False  # may be started by hand


def jobs() -> str:
    """List the jobs with their last and next run."""
    tenant_id, now = session.current().tenant.id, datetime.now(UTC)
    with house().database.read() as conn:
        found = [*_pulls(conn, tenant_id, now), *_others(conn, tenant_id)]
    page = {"jobs": found, "started": request.args.get("gestartet", "") in words.JOBS}
    return render_template("admin/jobs.html", page=page)


def start() -> Response:
    """Let a job run as soon as the worker can."""
    name, now, by = request.form.get("job", ""), datetime.now(UTC), session.actor()
    if name == "pull":
        upkeep.pull(services(), by, session.current().tenant.id, now)
    else:
        upkeep.start(services(), by, name, now)
    return redirect(url_for("admin.jobs", gestartet=name), 303)


def _pulls(conn: Connection, tenant_id: str, now: datetime) -> list[Job]:
    title, every = words.JOBS["pull"]
    rows = [row for row in lrs.status(conn, now) if row["tenant_id"] == tenant_id]
    found = []
    for row in rows:
        error, lag = row["last_error"], row["lag_s"]
        meaning, remedy = words.cause(error) if error else ("", "")
        facts = (
            (_("How often"), str(every)),
            (_("Up to date since"), _ago(lag)),
            (_("Received, of these kept"), f"{row['received']}, {row['stored']}"),
            *(((_("Failure"), meaning),) if meaning else ()),
        )
        found.append(
            Job("pull", f"{title}: {row['name']}", "bad" if error else "good", facts, remedy, True)
        )
    return found


def _others(conn: Connection, tenant_id: str) -> list[Job]:
    known, waiting = runs.listed(conn), queued(conn, tenant_id)
    return [_job(name, known.get(name), waiting.get(name)) for name in SHOWN]


def _job(name: str, run: Run | None, here: Queued | None) -> Job:
    title, every = words.JOBS[name]
    facts = [
        (_("How often"), str(every)),
        (_("Last run"), moment(run.ran) if run and run.ran else _("never yet")),
    ]
    if here and here.next_us is not None:
        facts.append((_("Next run"), moment(at(here.next_us))))
    remedy = ""
    if here and here.failed:
        said = ngettext("%(num)d given up", "%(num)d given up", here.failed)
        facts.append((_("Failures"), said))
    if here and here.last_error:
        meaning, remedy = words.cause(here.last_error)
        facts.append((_("Failure"), meaning))
    elif run and run.failed and (run.ran is None or run.failed > run.ran):
        meaning, remedy = words.cause(run.last_error)
        facts.append((_("Failure"), f"{meaning} ({moment(run.failed)})"))
    broken = bool(here and (here.failed or here.last_error))
    state = "bad" if broken else ("good" if run and run.ran else "look")
    return Job(name, str(title), state, tuple(facts), remedy, name in upkeep.STARTABLE)


def _ago(seconds: float | None) -> str:
    if seconds is None:
        return _("never yet")
    if seconds < 90:
        return _("less than two minutes")
    minutes = round(seconds / 60)
    return ngettext("%(num)d minute", "%(num)d minutes", minutes)
