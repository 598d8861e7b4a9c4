"""Overview: green and red lights, each with what to do. Reads our own database only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import g, render_template, url_for
from sqlalchemy import Connection

from lti_tool.flows import staff as flows
from lti_tool.ports import StaffSession
from lti_tool.store import (
    checkups,
    identities,
    lrs,
    mappings,
    platforms,
    quarantine,
    refusals,
    runs,
)
from lti_tool.store.outbox import SqlOutbox
from lti_tool.web.admin import session, words
from lti_tool.web.admin.remedies import needs_admin
from lti_tool.web.formats import moment
from lti_tool.web.services import house
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

SILENT = timedelta(seconds=60)  # the worker's clock strikes every two seconds
LATE_S = 3600.0
LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    url: str
    here: bool


@dataclass(frozen=True, slots=True)
class Light:
    """One thing that is in order (`good`), worth a look (`look`) or broken (`bad`)."""

    area: str
    title: str
    state: str
    sentence: str
    remedy: str = ""

    @property
    def url(self) -> str:
        return url_for(f"admin.{self.area}")

    @property
    def to(self) -> str:
        return words.word(words.AREAS, self.area)


def tabs(here: str) -> list[Tab]:
    """Return the tabs that this person may open."""
    staff: StaffSession = g.staff
    return [
        Tab(words.word(words.AREAS, area), url_for(f"admin.{area}"), area == here)
        for area in flows.sees(staff.roles)
    ]


def overview() -> str:
    """How the service is: lights with a remedy each."""
    lights = list(_lights(session.current().tenant.id, datetime.now(UTC)))
    bad = sum(light.state != "good" for light in lights)
    page: dict[str, Any] = {"lights": lights, "bad": bad}
    return render_template("admin/overview.html", page=page)


def _lights(tenant_id: str, now: datetime) -> Iterator[Light]:
    looks: tuple[Callable[[Connection, str, datetime], Light], ...] = (
        *(_connection, _worker, _platforms, _refusals, _activity, _mapping, _persons),
        *(_outbox, _quarantine),
    )
    with house().database.read() as conn:
        for look in looks:
            yield look(conn, tenant_id, now)


def _connection(conn: Connection, tenant_id: str, _now: datetime) -> Light:
    last = checkups.last(conn, tenant_id)
    title = _("Connections")
    if last is None or not last.results:
        sentence, remedy = _("Not tested yet."), _("Start the connection test.")
        return Light("connection", title, "look", sentence, remedy)
    failed = sum(not r["ok"] for r in last.results)
    at = moment(last.finished or last.started)
    if failed:
        said = ngettext("%(num)d test failed", "%(num)d tests failed", failed)
        remedy = _("The connection test says what to do.")
        return Light("connection", title, "bad", f"{said} ({at}).", remedy)
    return Light("connection", title, "good", _("All tests were good (%(at)s).", at=at))


def _worker(conn: Connection, _tenant: str, now: datetime) -> Light:
    ran = [run.ran for run in runs.listed(conn).values() if run.ran]
    title = _("Work in the background")
    if not ran or now - max(ran) > SILENT:
        at = moment(max(ran)) if ran else ""
        sentence = _("Nothing done since %(at)s.", at=at) if ran else _("Nothing was ever done.")
        remedy = _("Ask whoever runs the service: is `roadmap worker` running?")
        return Light("jobs", title, "bad", sentence, remedy)
    return Light("jobs", title, "good", _("The worker is running."))


def _platforms(conn: Connection, tenant_id: str, _now: datetime) -> Light:
    found, title = platforms.listed(conn, tenant_id), _("Learning portals")
    states = [p.state for p in found]
    waiting = states.count("pending") + sum(
        s == "pending" for p in found for s in p.deployments.values()
    )
    if "active" not in states:
        remedy = _("Ask whoever runs the service to add it: `roadmap platform add`.")
        return Light("platforms", title, "bad", _("No learning portal may start."), remedy)
    if waiting:
        said = ngettext(
            "%(num)d place waits for approval.", "%(num)d places wait for approval.", waiting
        )
        return Light("platforms", title, "look", said, _("Approve it, or block it."))
    return Light("platforms", title, "good", _("Nothing waits for approval."))


def _refusals(conn: Connection, tenant_id: str, now: datetime) -> Light:
    ours = {p.id for p in platforms.listed(conn, tenant_id)}
    day = (now - LOOKED_BACK).date().isoformat()
    number = sum(
        r.count for r in refusals.rows(conn, day) if r.platform_id in ours and needs_admin(r.code)
    )
    title = _("Refused starts")
    if number:
        said = ngettext(
            "In 7 days %(num)d start failed because of a setting.",
            "In 7 days %(num)d starts failed because of a setting.",
            number,
        )
        remedy = _("The list says why and what to do.")
        return Light("refusals", title, "look", said, remedy)
    return Light("refusals", title, "good", _("In 7 days none because of a setting."))


def _activity(conn: Connection, tenant_id: str, now: datetime) -> Light:
    found = [row for row in lrs.status(conn, now) if row["tenant_id"] == tenant_id]
    title = _("Activity from the LRS")
    if not found:
        remedy = _("Without one, profiles come from the questions only.")
        return Light("connection", title, "look", _("No LRS is connected."), remedy)
    broken = [row for row in found if row["last_error"]]
    if broken:
        meaning, remedy = words.cause(broken[0]["last_error"])
        return Light("lrs", title, "bad", f"{broken[0]['name']}: {meaning}", remedy)
    importing = any(row["in_progress"] for row in found)
    if not importing and any(row["lag_s"] is None or row["lag_s"] > LATE_S for row in found):
        sentence = _("Nothing has been fetched for more than an hour.")
        return Light("lrs", title, "bad", sentence, _("Is the worker running?"))
    if changed := [row for row in found if row["changed"] and now - row["changed"] < LOOKED_BACK]:
        sentence = _("What the LRS %(name)s can do has changed.", name=changed[0]["name"])
        return Light("lrs", title, "look", sentence, _("The page “LRS” says what it is now."))
    return Light("lrs", title, "good", _("It is fetched and up to date."))


def _mapping(conn: Connection, tenant_id: str, _now: datetime) -> Light:
    number = len(mappings.SqlMappings(conn).unmapped(tenant_id))
    title = _("Activities and units")
    if number:
        said = ngettext(
            "%(num)d completed activity belongs to no unit.",
            "%(num)d completed activities belong to no unit.",
            number,
        )
        remedy = _("Say which unit they stand for.")
        return Light("mapping", title, "look", said, remedy)
    return Light("mapping", title, "good", _("Every completed activity is mapped."))


def _persons(conn: Connection, tenant_id: str, _now: datetime) -> Light:
    number = identities.in_conflict(conn, tenant_id)
    title = _("Whose the messages are")
    if number:
        said = ngettext(
            "%(num)d message fits several people.", "%(num)d messages fit several people.", number
        )
        return Light("mapping", title, "look", said, _("“Mapping” says why and what to do."))
    return Light("mapping", title, "good", _("Every message is one person's, or nobody's."))


def _outbox(conn: Connection, tenant_id: str, _now: datetime) -> Light:
    counts = SqlOutbox(conn, house().seal).counts(tenant_id)
    title = _("Outgoing")
    if dead := counts["dead"]:
        said = ngettext(
            "%(num)d message could not be delivered.",
            "%(num)d messages could not be delivered.",
            dead,
        )
        return Light("outbox", title, "bad", said, _("Remove the cause, then send again."))
    return Light("outbox", title, "good", _("Nothing is stuck."))


def _quarantine(conn: Connection, tenant_id: str, _now: datetime) -> Light:
    number = quarantine.count(conn, tenant_id)
    title = _("Quarantine")
    if number:
        said = ngettext(
            "%(num)d message from an LRS could not be read.",
            "%(num)d messages from an LRS could not be read.",
            number,
        )
        return Light("quarantine", title, "look", said, _("Look why."))
    return Light("quarantine", title, "good", _("Every message could be read."))
