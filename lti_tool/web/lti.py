"""/lti/login, /lti/launch, /lti/jwks: the addresses that platforms call.

Each view parses, calls, answers; every refusal is raised as `Refused` and becomes a page. Nothing
here answers 500: what cannot be read is a 4xx, what the platform's own server breaks is a 502.
"""

from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from lti_tool.errors import DatabaseError
from lti_tool.flows.admit import admit
from lti_tool.logs import log
from lti_tool.lti import login as logins
from lti_tool.lti import parameters, state
from lti_tool.lti.adapter import check_pin
from lti_tool.lti.keys import PlatformKeys
from lti_tool.lti.launch import Rules, UnknownDeployment, Verified, verify
from lti_tool.lti.outbound import Outbound
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login
from lti_tool.ports import Admitted, Platform
from lti_tool.store import keys, launches, platforms, refusals, tenants
from lti_tool.store.keys import KeyShelf
from lti_tool.store.launches import Replay, SqlDoor, nothing_parked
from lti_tool.web import headers, session
from lti_tool.web import refusals as refusal_pages
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.registration import registration
from lti_tool.web.services import house

STATE_PREFIX = "__Host-"
STATE_S = 600
LONGEST_STATE = 8192
LONGEST_TOKEN = 1 << 20

lti = Blueprint("lti", __name__)


def install(app: Flask, limit: RefusalLimit, replay: Replay = nothing_parked) -> None:
    """Add login, launch, session guard, refusal pages and headers to the app.

    `app.extensions["roadmap"]` must hold the house. `replay` gets each new learner's parked
    statements counted (store.pull.replay_parked).
    """
    check_pin()
    here = app.extensions["roadmap"]
    outbound = Outbound.of(here.settings.security)
    app.extensions["roadmap_keys"] = PlatformKeys(outbound, KeyShelf(here.database))
    app.extensions["roadmap_door"] = SqlDoor(here.database, here.seal, replay)
    session.install(app)
    headers.install(app, here.settings)
    refusal_pages.install(app, limit)
    app.register_blueprint(lti)
    app.register_blueprint(registration)


@lti.route("/lti/login", methods=["GET", "POST"])
def login() -> Response:
    """Answer a platform's login with the authorization request: 302 GET, standard parameters."""
    given = _form() if request.method == "POST" else parameters.read(request.query_string)
    found: list[Platform] = []

    def find(issuer: str) -> list[Platform]:
        with house().database.read() as conn:
            found.extend(platforms.of_issuer(conn, issuer))
        return found

    base_url = house().settings.server.base_url
    try:
        begun = logins.begin(given, find, base_url, house().seal, datetime.now(UTC))
    except Refused as refused:
        _note(refused, found[0] if len(found) == 1 else None)
        raise
    answer = _redirect(begun.url, 302)
    _state_cookie(answer, begun.login, state.proof(begun.state, house().seal), STATE_S)
    return answer


@lti.route("/lti/launch", methods=["POST"])
def launch() -> Response:
    """Judge a launch and answer 303 to its own path."""
    _check_secure()
    now = datetime.now(UTC)
    form = _form()
    started = _login_of(form, now)
    platform = _platform_of(started)
    try:
        verified = _verify(form, started, platform, now)
        admitted = admit(current_app.extensions["roadmap_door"], verified.arrival, now)
        if admitted is None:
            raise Refused(Code.LAUNCH_USED, back=verified.back, locale=verified.arrival.locale)
    except Refused as refused:
        _note(refused, platform)
        raise
    log().info(
        "launch accepted",
        platform=platform.id,
        kind=verified.arrival.message_type,
        skew_s=verified.skew_s,
    )
    return _welcome(admitted, verified, started)


@lti.get("/lti/jwks")
def jwks() -> Response:
    """Return our public keys; the first key is made here if there is none yet."""
    with house().database.read() as conn:
        published = keys.published(conn)
    if not published:
        with house().database.begin() as conn:
            keys.active(conn, house().seal, datetime.now(UTC))
            published = keys.published(conn)
    answer = jsonify({"keys": published})
    answer.headers["Cache-Control"] = "public, max-age=600"
    return answer


@lti.route("/l/<launch>/ende", methods=["GET", "POST"])
def end() -> Response:
    """Ask, then log out: nothing changes by GET."""
    if request.method == "GET":
        return current_app.make_response(render_template("end.html"))
    answer = current_app.make_response("")
    session.end(answer)
    answer.set_data(render_template("ended.html"))
    return answer


@lti.url_value_preprocessor
def _take_launch(_endpoint: str | None, values: dict[str, str] | None) -> None:
    # The guard has read it from the path already.
    if values:
        values.pop("launch", None)


def _form() -> Parameters:
    if request.mimetype != "application/x-www-form-urlencoded":
        raise Refused(Code.CONTENT_TYPE)
    return parameters.read(request.get_data(cache=False))


def _check_secure() -> None:
    settings = house().settings
    # TLS that ends at a proxy we do not know would make every cookie a gift to the next reader.
    if settings.server.secure and not request.is_secure and not settings.development:
        raise Refused(Code.NOT_SECURE)


def _login_of(form: Parameters, now: datetime) -> Login:
    """Return the login this browser started.

    State comes before the token: it names the registration whose keys may judge the token, and
    keeps strangers from making us fetch keys.
    """
    if form.raw("error") is not None:
        signed_out = form.text("error") in ("login_required", "interaction_required")
        raise Refused(Code.PLATFORM_LOGIN if signed_out else Code.PLATFORM_ERROR)
    brought = form.text("state", longest=LONGEST_STATE)
    if not brought:
        raise Refused(Code.STATE_MISSING)
    started = state.read(brought, house().seal, now)
    settings = house().settings
    cookie = session.read_cookie(started.cookie, prefix=STATE_PREFIX, settings=settings)
    if not state.belongs(brought, cookie, house().seal):
        raise Refused(Code.LAUNCH_USED if _used(started) else Code.STATE_COOKIE)
    return started


def _used(started: Login) -> bool:
    """Return whether this is a reload: the launch was accepted and took its cookie away."""
    with house().database.read() as conn:
        return launches.consumed(conn, house().seal, started.nonce)


def _platform_of(started: Login) -> Platform:
    with house().database.read() as conn:
        found = [
            p for p in platforms.of_issuer(conn, started.issuer) if p.id == started.platform_id
        ]
        if not found or found[0].state != "active":
            raise Refused(Code.PLATFORM_BLOCKED)
        g.contact = tenants.get(conn, found[0].tenant_id).settings.contact
    return found[0]


def _verify(form: Parameters, started: Login, platform: Platform, now: datetime) -> Verified:
    id_token = form.text("id_token", longest=LONGEST_TOKEN)
    if not id_token:
        raise Refused(Code.TOKEN_MISSING)
    settings = house().settings
    base = settings.server.base_url
    rules = Rules(base, logins.redirect_uri(base), settings.security.allow_local_http)
    cache: PlatformKeys = current_app.extensions["roadmap_keys"]

    def key_of(kid: str) -> RSAPublicKey:
        return cache.key(platform.jwks_url, kid, now)

    try:
        return verify(id_token, key_of, started, platform, rules, now)
    except UnknownDeployment as unknown:
        _record(platform, unknown.deployment_id, now)
        raise


def _record(platform: Platform, deployment_id: str, now: datetime) -> None:
    with house().database.begin() as conn:
        if platforms.note_pending(conn, platform, deployment_id, now):
            log().warning("deployment waits for approval", platform=platform.id)


def _welcome(admitted: Admitted, verified: Verified, started: Login) -> Response:
    answer = _redirect(_page_of(admitted.launch_id, verified.arrival.target), 303)
    session.set_cookie(answer, admitted, house().settings)
    _state_cookie(answer, started, "", 0)
    return answer


def _page_of(launch_id: str, target: str) -> str:
    """Return the launch's page that the target names; the start page if it names none of ours."""
    start = f"/l/{launch_id}/"
    path = unquote(urlsplit(target).path).strip("/")
    if not path or path.startswith("lti/"):
        return start
    try:
        current_app.url_map.bind("").match(start + path, method="GET")
    except RequestRedirect:
        return start + quote(path) + "/"
    except HTTPException:
        return start
    return start + quote(path)


def _redirect(location: str, status: int) -> Response:
    # flask.redirect would write the address (with hints and state) into a page body.
    answer = current_app.make_response(("", status))
    answer.headers["Location"] = location
    return answer


def _state_cookie(answer: Response, started: Login, value: str, max_age: int) -> None:
    session.put_cookie(
        answer,
        started.cookie,
        value,
        prefix=STATE_PREFIX,
        path="/",
        max_age=max_age,
        settings=house().settings,
    )


def _note(refused: Refused, platform: Platform | None) -> None:
    """Count a refusal; a database that is down must not turn a refusal into an error."""
    with suppress(DatabaseError), house().database.begin() as conn:
        now = datetime.now(UTC)
        platform_id = platform.id if platform else ""
        refusals.count(conn, refused.code.slug, platform_id, now, refused.skew_s)
