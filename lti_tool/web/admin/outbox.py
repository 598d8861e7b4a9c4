"""Outgoing: what waits to be sent and what could not be, by receiver and cause. No person."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.flows import resending
from lti_tool.store import lrs, platforms
from lti_tool.store.outbox import Group, SqlOutbox
from lti_tool.web.admin import session, words
from lti_tool.web.formats import moment
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _


@dataclass(frozen=True, slots=True)
class Bundle:
    """Messages of one kind to one receiver that wait, or are stuck, for one cause."""

    title: str
    dead: bool
    count: int
    facts: tuple[tuple[str, str], ...]
    remedy: str
    kind: str
    target: str


def outbox() -> str:
    """Show what waits and what is stuck."""
    tenant_id = session.current().tenant.id
    with house().database.read() as conn:
        queue = SqlOutbox(conn, house().seal)
        counts, groups = queue.counts(tenant_id), queue.groups(tenant_id)
        names = {p.id: p.name or p.issuer for p in platforms.listed(conn, tenant_id)}
        names |= {c.id: c.name for c in lrs.listed(conn, tenant_id=tenant_id)}
    page = {
        "counts": counts,
        "bundles": [_bundle(g, names) for g in groups],
        "again": request.args.get("erneut", "") == "ja",
    }
    return render_template("admin/outbox.html", page=page)


def resend() -> Response:
    """Send undeliverable messages again: those of one kind and receiver, or all."""
    kind, target = request.form.get("kind", ""), request.form.get("target", "")
    resending.resend(services(), session.actor(), datetime.now(UTC), kind, target)
    return redirect(url_for("admin.outbox", erneut="ja"), 303)


def _bundle(group: Group, names: dict[str, str]) -> Bundle:
    meaning, remedy = words.cause(group.cause) if group.cause else ("", "")
    dead = group.state == "dead"
    facts = (
        (_("Receiver"), names.get(group.target_id, _("not connected any more"))),
        (_("Count"), str(group.count)),
        (_("Oldest"), moment(group.oldest)),
        *(() if dead else ((_("Next try"), moment(group.next_try)),)),
        *(((_("Cause"), meaning),) if meaning else ()),
    )
    title = words.word(words.KINDS, group.kind)
    return Bundle(title, dead, group.count, facts, remedy, group.kind, group.target_id)
