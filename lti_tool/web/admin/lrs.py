"""LRS: how each connection stands, what it can do, what is read there and why. Counts only."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response

from lti_tool.errors import Conflict
from lti_tool.flows import resending, upkeep
from lti_tool.store import lrs, lrs_status, platforms, quarantine
from lti_tool.store.lrs_status import Details
from lti_tool.store.outbox import SqlOutbox
from lti_tool.web.admin import lrs_words, session, words
from lti_tool.web.formats import moment
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext

DONE = ("abgeholt", "geprueft", "gelesen")
LATE = timedelta(hours=1)
CHANGED = timedelta(days=30)  # how long a change of what a store can do is told
MOST_KINDS = 12

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Store:
    """One LRS as the page shows it."""

    id: str
    name: str
    state: str  # good | look | bad
    sentence: str
    remedy: str
    facts: Pairs
    findings: tuple[str, ...]
    changes: tuple[str, ...]
    rounds: Pairs
    abilities: Pairs
    unknown: Pairs


def lrss() -> str:
    """List the LRSs: lag, rate, what came late, what waits, what each can do."""
    tenant_id, now = session.current().tenant.id, datetime.now(UTC)
    with house().database.read() as conn:
        rows = [row for row in lrs.status(conn, now) if row["tenant_id"] == tenant_id]
        found = [_store(row, lrs_status.details(conn, row["id"], now), now) for row in rows]
        page = {
            "stores": found,
            "shared": _shared(conn, tenant_id),
            "ilias": any(p.kind == "ilias" for p in platforms.listed(conn, tenant_id)),
        }
    page["fields"] = lrs_words.fields(house().settings.retention.raw_statements)
    page["done"] = done if (done := request.args.get("getan", "")) in DONE else ""
    return render_template("admin/lrs.html", page=page)


def act() -> Response:
    """Fetch now, probe again, or read the quarantine again."""
    s, by, now = services(), session.actor(), datetime.now(UTC)
    tenant_id, lrs_id = session.current().tenant.id, request.form.get("lrs", "")
    match request.form.get("do", ""):
        case "pull":
            upkeep.pull(s, by, tenant_id, now, lrs_id)
            done = "abgeholt"
        case "probe":
            upkeep.probe(s, by, tenant_id, lrs_id, now)
            done = "geprueft"
        case "retry":
            with house().database.read() as conn:
                numbers = [a.number for a in quarantine.listed(conn, tenant_id)]
            for number in numbers:
                resending.reread(s, by, number, now)
            done = "gelesen"
        case _:
            raise Conflict("Neither fetched nor probed nor read.")
    return redirect(url_for("admin.lrs", getan=done), 303)


def _shared(conn: Connection, tenant_id: str) -> Pairs:
    """Return what belongs to the municipality, not to one LRS."""
    dead = SqlOutbox(conn, house().seal).counts(tenant_id)["dead"]
    return (
        (_("In quarantine"), str(quarantine.count(conn, tenant_id))),
        (_("Could not be delivered"), str(dead)),
    )


def _store(row: Mapping[str, Any], found: Details, now: datetime) -> Store:
    state, sentence, remedy = _state(row, found, now)
    kinds = sorted(row["unknown"].items(), key=lambda kind: -kind[1])[:MOST_KINDS]
    return Store(
        id=row["id"],
        name=row["name"],
        state=state,
        sentence=sentence,
        remedy=remedy,
        facts=tuple(_facts(row, found)),
        findings=lrs_words.findings(found.capabilities),
        changes=tuple(_changes(found, now)),
        rounds=tuple(_rounds(found)),
        abilities=lrs_words.abilities(found.capabilities),
        unknown=tuple((kind, str(number)) for kind, number in kinds),
    )


def _state(row: Mapping[str, Any], found: Details, now: datetime) -> tuple[str, str, str]:
    if row["last_error"]:
        meaning, remedy = words.cause(row["last_error"])
        if found.wait_until:
            again = _("Next try: %(at)s.", at=moment(found.wait_until))
            remedy = f"{remedy} {again}".strip()
        return "bad", meaning, remedy
    lag = row["lag_s"]
    if lag is None:
        return "look", _("Nothing has been fetched yet."), _("Is the worker running?")
    if lag > LATE.total_seconds() and not row["in_progress"]:
        sentence = _("Nothing has been fetched for more than an hour.")
        return "bad", sentence, _("Is the worker running?")
    if note := next((n for r in found.rounds if (n := lrs_words.note(r.note))), ""):
        return "look", note, _("Ask whoever runs the LRS what happened.")
    if row["in_progress"]:
        return "good", _("A longer import is under way."), ""
    if any(now - change["at"] < timedelta(days=7) for change in found.changes):
        return "look", _("What this LRS can do has changed."), _("Below stands what it is now.")
    return "good", _("It is fetched and up to date."), ""


def _facts(row: Mapping[str, Any], found: Details) -> Iterator[tuple[str, str]]:
    yield _("Up to date since"), _ago(row["lag_s"])
    cursor = row["cursor"]
    yield _("Fetched up to"), moment(datetime.fromisoformat(cursor)) if cursor else _("never yet")
    yield _("New in the last hour, day"), f"{found.last_hour}, {found.last_day}"
    yield _("Received, of these kept"), f"{row['received']}, {row['stored']}"
    yield _("Not ours, not asked for"), f"{row['foreign']}, {row['outside']}"
    yield _("Taken back"), str(row["voided"])
    if found.delay_half_s is not None and found.delay_most_s is not None:
        values = {"half": _span(found.delay_half_s), "most": _span(found.delay_most_s)}
        yield _("Delay"), _("half within %(half)s, nearly all within %(most)s", **values)
    yield _("Came late"), _late(found)
    yield _("Overlap of two fetches"), _span(row["overlap_s"])
    yield _("Wait for their person"), _waiting(row, found)
    yield _("Belong to no unit"), str(row["unmapped"])


def _late(found: Details) -> str:
    if not found.late:
        return _("none so far")
    values = {"most": _span(found.late_most_s or 0), "worst": _span(found.late_worst_s or 0)}
    said = _("nearly all within %(most)s, the latest within %(worst)s", **values)
    return f"{found.late}: {said}"


def _waiting(row: Mapping[str, Any], found: Details) -> str:
    people = ngettext("%(num)d account", "%(num)d accounts", found.waiting_actors)
    said = _("%(count)s messages, %(people)s", count=row["parked"], people=people)
    if found.conflicting_actors:
        torn = found.conflicting_actors
        said += "; " + ngettext(
            "%(num)d of them could be several persons",
            "%(num)d of them could be several persons",
            torn,
        )
    return said


def _changes(found: Details, now: datetime) -> Iterator[str]:
    for change in reversed(found.changes):
        if now - change["at"] < CHANGED:
            values = {
                "at": moment(change["at"]),
                "what": lrs_words.ability(change["name"]),
                "before": lrs_words.value(change["before"]),
                "now": lrs_words.value(change["now"]),
            }
            yield _("%(at)s: %(what)s was “%(before)s” and is “%(now)s”.", **values)


def _rounds(found: Details) -> Iterator[tuple[str, str]]:
    for r in found.rounds:
        if r.running:
            said = _("under way, %(count)s looked at", count=r.so_far)
        elif r.finished is None:
            continue
        else:
            values = {"at": moment(r.finished), "seen": r.seen, "found": r.found}
            said = _("%(at)s: %(seen)s looked at, %(found)s found", **values)
        note = lrs_words.note(r.note)
        yield lrs_words.round_(r.kind), f"{said}. {note}" if note else said


def _ago(seconds: float | None) -> str:
    return _("never yet") if seconds is None else _span(seconds)


def _span(seconds: float) -> str:
    """Return a length of time in the unit one would say it in."""
    if seconds < 1.5:
        return _("a second")
    if seconds < 120:
        return _("%(num)d seconds", num=round(seconds))
    if seconds < 7200:
        return _("%(num)d minutes", num=round(seconds / 60))
    if seconds < 172_800:
        return _("%(num)d hours", num=round(seconds / 3600))
    return _("%(num)d days", num=round(seconds / 86_400))
