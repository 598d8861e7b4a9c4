"""Learning portals and their deployments: who may start, who waits, who is blocked."""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import approvals, enrolment
from lti_tool.lti.platforms import paste
from lti_tool.lti.platforms.paste import PasteIncomplete
from lti_tool.lti.registering import RegistrationInvalid, require_address
from lti_tool.ports import ADDRESSES, Application, Platform
from lti_tool.store import keys
from lti_tool.store import platforms as store
from lti_tool.web.admin import session
from lti_tool.web.formats import moment
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _

LONGEST = 10_000  # characters of what is pasted


@dataclass(frozen=True, slots=True)
class Given:
    """What was typed, shown again if it does not do."""

    kind: str
    name: str
    lines: str


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
        signing = keys.states(conn)
    portals = [_portal(p, places) for p in found]
    page = {
        "portals": portals,
        "done": request.args.get("getan", ""),
        "signing": [_key(key) for key in signing],
        "key_days": house().settings.security.tool_key_days,
        "registration": f"{house().settings.server.base_url}/lti/register",
    }
    return render_template("admin/platforms.html", page=page)


def _key(key: keys.KeyState) -> tuple[str, str]:
    words = {
        "next": _("signs soon, published already"),
        "active": _("signs"),
        "retiring": _("signs no more, still published"),
    }
    since = key.retired or key.created
    said = _("%(state)s, since %(day)s", state=words[key.state], day=moment(since))
    return key.kid[:8], said


def new() -> str:
    """Show the form for a learning portal that is registered by hand."""
    return _form(Given("moodle", "", paste.TEMPLATE))


def add() -> Response | str:
    """Register a learning portal by hand; what is missing or wrong is named."""
    given = Given(*(request.form.get(name, "")[:LONGEST] for name in ("kind", "name", "lines")))
    try:
        made = _added(given)
    except PasteIncomplete as error:
        return _form(given, missing=tuple(_line(name) for name in error.lines))
    except RegistrationInvalid:
        return _form(given, said=_("All addresses have to begin with https."))
    except Conflict:
        return _form(given, said=_("This platform id and client id are registered already."))
    return redirect(url_for("admin.platforms", getan="neu", _anchor=made.id), 303)


def _added(given: Given) -> Platform:
    read, settings = paste.read_paste(given.lines), house().settings
    addresses = {name: getattr(read, name) for name in ADDRESSES}
    for name, url in {"issuer": read.issuer, **addresses}.items():
        require_address(name, url, settings)
    application = Application(
        kind=given.kind if given.kind in KINDS else "generic",
        name=given.name.strip()[:200],
        issuer=read.issuer,
        client_id=read.client_id,
        deployment_id=read.deployment_id,
        addresses=addresses,
    )
    tenant_id = session.current().tenant.id
    return enrolment.add(services(), session.actor(), tenant_id, application, datetime.now(UTC))


def _form(given: Given, *, missing: tuple[str, ...] = (), said: str = "") -> str:
    base = house().settings.server.base_url
    page = {
        "given": given,
        "missing": missing,
        "said": said,
        "kinds": tuple(KINDS.items()),
        "values": (
            ("Tool URL", f"{base}/lti/launch"),
            ("Initiate login URL", f"{base}/lti/login"),
            ("Redirection URI", f"{base}/lti/launch"),
            ("Public keyset URL", f"{base}/lti/jwks"),
        ),
    }
    return render_template("admin/platform_new.html", page=page)


def _line(label: str) -> str:
    return label[0].upper() + label[1:].replace(" url", " URL").replace(" id", " ID")


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
    issuers = ", ".join((found.issuer, *found.aliases))
    return Portal(found.id, name, kind, issuers, found.client_id, found.state, addresses, mine)


def _require_ours(found: Platform) -> None:
    if not session.actor().reaches(found.tenant_id):
        raise NotFound("There is no such platform.")
