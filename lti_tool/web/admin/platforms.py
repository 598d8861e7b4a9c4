"""Learning portals and their deployments: who may start, who waits, who is blocked."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import NotFound
from lti_tool.flows import approvals
from lti_tool.ports import Platform
from lti_tool.store import platforms as store
from lti_tool.web.admin import session
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _


@dataclass(frozen=True, slots=True)
class Place:
    """One deployment."""

    id: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class Portal:
    id: str
    name: str
    kind: str
    issuer: str
    client_id: str
    state: str
    addresses: tuple[str, ...]  # what would be used after approval, where something waits for it
    places: tuple[Place, ...]


KINDS = {"moodle": "Moodle", "ilias": "ILIAS", "generic": "LTI 1.3"}


def platforms() -> str:
    """List the learning portals of this municipality, with what waits for approval."""
    tenant_id = session.current().tenant.id
    with house().database.read() as conn:
        found = store.listed(conn, tenant_id)
        places = store.deployments(conn)
    portals = [_portal(p, places) for p in found]
    page = {"portals": portals, "done": request.args.get("getan", "")}
    return render_template("admin/platforms.html", page=page)


def platform(platform: str) -> str:
    """Ask before a learning portal is blocked, and say what that ends."""
    with house().database.read() as conn:
        found = store.get(conn, platform)
        running = store.running(conn, platform, _limit())
    _require_ours(found)
    here = session.current()
    page = {
        "portal": _portal(found, []),
        "running": running,
        "own": here.platform_id == found.id,
    }
    return render_template("admin/platform.html", page=page)


def set_platform(platform: str) -> Response:
    """Approve or block a learning portal."""
    state = request.form.get("state", "")
    approvals.set_platform(services(), session.actor(), platform, state, datetime.now(UTC))
    return redirect(url_for("admin.platforms", getan=state), 303)


def set_place(place: str) -> Response:
    """Approve or block a deployment."""
    state = request.form.get("state", "")
    approvals.set_deployment(services(), session.actor(), place, state, datetime.now(UTC))
    return redirect(url_for("admin.platforms", getan=state), 303)


def _limit() -> datetime:
    return datetime.fromtimestamp(
        datetime.now(UTC).timestamp() - house().settings.session.idle_s, UTC
    )


def _portal(found: Platform, places: list[store.Deployment]) -> Portal:
    mine = tuple(Place(d.id, d.deployment_id, d.state) for d in places if d.platform_id == found.id)
    kind = KINDS.get(found.kind, found.kind)
    name = found.name or _("Learning portal without a name")
    waits = found.proposed or (found.addresses if found.state == "pending" else {})
    addresses = tuple(dict.fromkeys(waits.values()))
    return Portal(found.id, name, kind, found.issuer, found.client_id, found.state, addresses, mine)


def _require_ours(found: Platform) -> None:
    if not session.actor().reaches(found.tenant_id):
        raise NotFound("There is no such platform.")
