"""/lti/register: a learning platform registers itself; what it gave waits for a human's approval.

Opened inside a frame of the platform by its administrator, who reads the last page there and
closes it. Without `openid_configuration` the page says how to register by hand.
Source: 1EdTech LTI Dynamic Registration 1.0, reference/moodle.md 1.2, reference/ilias.md 2.3.
"""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, g, render_template, request

from lti_tool.flows import enrolment
from lti_tool.logs import log
from lti_tool.lti import dynamic, parameters
from lti_tool.lti.addresses import origin
from lti_tool.lti.login import redirect_uri
from lti_tool.lti.outbound import Outbound
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import Application, Platform, Tenant
from lti_tool.store import tenants
from lti_tool.web.services import house, services

LONGEST_TOKEN = 8192
TENANT = "kommune"  # parameter: which municipality, where the service serves several

registration = Blueprint("registration", __name__)


@registration.get("/lti/register")
def register() -> str:
    """Register here, or without `openid_configuration` say how to do it by hand."""
    return _answer(parameters.read(request.query_string))


@registration.get("/lti/register&<path:rest>")
def register_glued(rest: str) -> str:
    """Register, although ILIAS 8 to 10 glued its parameters to our path with `&`."""
    pairs = parse_qsl(rest, keep_blank_values=True, max_num_fields=parameters.MAX_FIELDS)
    return _answer(parameters.read(urlencode(pairs).encode()))


def _answer(given: Parameters) -> str:
    address = given.text("openid_configuration")
    if not address:
        return _by_hand()
    token = given.text("registration_token", longest=LONGEST_TOKEN)
    tenant = _tenant(given.text(TENANT))
    if tenant is None:
        fields = (("openid_configuration", address), ("registration_token", token))
        return render_template("register_where.html", fields=fields, name=TENANT)
    if not enrolment.has_room(services(), tenant.id):
        raise Refused(Code.REGISTRATION_FULL)
    g.contact = tenant.settings.contact
    platform, what = _registered(tenant, address, token)
    log().info("platform registered", platform=platform.id, kind=platform.kind, state=what)
    return _done(platform, what)


def _by_hand() -> str:
    base = house().settings.server.base_url
    values = [
        ("Tool URL / target_link_uri", redirect_uri(base)),
        ("Initiate login URL", f"{base}/lti/login"),
        ("Redirection URI", redirect_uri(base)),
        ("Public keyset URL", f"{base}/lti/jwks"),
    ]
    return render_template("register.html", values=values, address=f"{base}/lti/register")


def _tenant(key: str) -> Tenant | None:
    """Return whom it is for; None if that has to be asked."""
    with house().database.read() as conn:
        found = tenants.listed(conn)
    if key:
        found = [tenant for tenant in found if tenant.key == key]
    if not found:
        raise Refused(Code.REGISTRATION_TENANT)
    return found[0] if len(found) == 1 else None


def _registered(tenant: Tenant, address: str, token: str) -> tuple[Platform, str]:
    settings = house().settings
    outbound = Outbound.of(settings.security)
    local = settings.security.allow_local_http
    at = dynamic.read_configuration(outbound, address, allow_local_http=local)
    document = dynamic.tool_document(settings.server.base_url, at.scopes)
    given = dynamic.enrol(outbound, at, token, document)
    managed = origin(given.manage_url) == origin(at.registration_url) and given.manage_token
    application = Application(
        kind=at.kind,
        name=at.name,
        issuer=at.issuer,
        client_id=given.client_id,
        deployment_id=given.deployment_id,
        addresses={"auth_url": at.auth_url, "token_url": at.token_url, "jwks_url": at.jwks_url},
        manage_url=given.manage_url if managed else "",
        manage_token=house().seal.seal(given.manage_token) if managed else b"",
    )
    return enrolment.enrol(services(), tenant.id, application, datetime.now(UTC))


def _done(platform: Platform, what: str) -> str:
    waits = platform.state == "pending" or bool(platform.proposed)
    return render_template(
        "registered.html",
        kind=platform.kind,
        host=urlsplit(platform.issuer).netloc,
        number=platform.id,
        waits=waits,
        new=what == "new",
        alone=True,  # another language would register once more
    )
