"""Pages that need no launch: what this is, and the statements on accessibility and privacy.

Statements belong to a municipality: ?fuer=<tenant> names it; with one tenant it needs no name.
"""

import json

from flask import Response, render_template, request

from lti_tool.errors import NotFound
from lti_tool.ports import Tenant
from lti_tool.store import tenants
from lti_tool.web import notices
from lti_tool.web.notices import Section, Statement
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _
from xapi_bridge.profile import profile


def index() -> str:
    base = house().settings.server.base_url
    addresses = (
        (_("Tool address"), f"{base}/"),
        (_("Login address (OIDC)"), f"{base}/lti/login"),
        (_("Redirect address"), f"{base}/lti/launch"),
        (_("Public keys"), f"{base}/lti/jwks"),
    )
    return render_template("index.html", page={"addresses": addresses})


def privacy() -> str:
    return render_template("statement.html", page=_statement("privacy"))


def accessibility() -> str:
    return render_template("statement.html", page=_statement("accessibility"))


def xapi_profile() -> Response:
    """Serve what our statements look like, at the address that they name as their profile."""
    text = json.dumps(profile(services().base_url), ensure_ascii=False)
    return Response(text, mimetype="application/ld+json")


def _statement(kind: str) -> Statement:
    """Return the statement of the municipality the address names, or of the only one."""
    wanted = request.args.get("fuer", "")
    with house().database.read() as conn:
        known = tenants.listed(conn)
    if wanted:
        known = [t for t in known if t.key == wanted]
        if not known:
            raise NotFound("There is no such municipality.", remedy="Leave out its name.")
    if len(known) != 1:
        return _choice(kind, known)
    return notices.statement(kind, known[0], house().settings)


def _choice(kind: str, known: list[Tenant]) -> Statement:
    """Say that statements differ; municipalities are not listed, who uses this is their matter."""
    title = _("Privacy") if kind == "privacy" else _("Accessibility")
    text = (
        _("Each municipality has its own statement. Open “My learning path” in your course.")
        if known
        else _("No municipality uses this service yet.")
    )
    return Statement(title, (Section("", (text,)),))
