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
from lti_tool.lti import onward, parameters, state
from lti_tool.lti.adapter import check_pin
from lti_tool.lti.keys import PlatformKeys
from lti_tool.lti.launch import RESOURCE_LINK, Rules, UnknownDeployment, Verified, verify
from lti_tool.lti.login import Redirect
from lti_tool.lti.outbound import Outbound
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login
from lti_tool.ports import Admitted, Arrival, Consumer, Platform
from lti_tool.store import keys, launches, platforms, refusals, tenants
from lti_tool.store.keys import KeyShelf
from lti_tool.store.launches import Replay, SqlDoor, nothing_parked
from lti_tool.web import framed, headers, session
from lti_tool.web import refusals as refusal_pages
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.registration import registration
from lti_tool.web.services import house

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
    app.register_blueprint(framed.framed)
    app.register_blueprint(registration)


@lti.route("/lti/login", methods=["GET", "POST"])
def login() -> Response:
    """Answer a platform's login with the authorization request: 302 GET, standard parameters.

    In a frame that has shown no cookie of ours a detour shows first whether one comes back.
    """
    given = _form() if request.method == "POST" else parameters.read(request.query_string)
    again = given.text(framed.AGAIN, longest=LONGEST_STATE)
    if again:
        given = onward.open_login(again, house().seal, datetime.now(UTC))
    blocked = not framed.keeps_cookies()
    begun = _begun(given, storage=given.text(framed.STORAGE) if again and blocked else "")
    if again and blocked:
        return _without_cookies(again, begun)
    return (blocked and framed.cookie_test(given)) or _to_platform(begun)


@lti.route("/lti/launch", methods=["POST"])
def launch() -> Response:
    """Judge a launch and answer 303 to its own path."""
    _check_secure()
    now = datetime.now(UTC)
    form = _form()
    brought, started = _state_of(form, now)
    cookie = _cookie_of(started)
    proof = cookie or (framed.stored_proof(form) if started.storage else "")
    if not proof and started.storage and not _used(started):
        return framed.ask_storage(form, started, _platform_of(started))
    _check_browser(form, brought, started, proof, now)
    platform = _platform_of(started, for_a_page=False)
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
    if cookie or framed.keeps_cookies():
        return _welcome(admitted, verified, started)
    page = _page_of(admitted.launch_id, verified.arrival)
    return framed.in_a_window(admitted, page, verified.arrival.locale, platform)


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


def _begun(given: Parameters, storage: str) -> Redirect:
    found: list[Platform] = []

    def find(issuer: str) -> list[Platform]:
        with house().database.glance() as conn:
            found.extend(platforms.of_issuer(conn, issuer))
        return found

    base_url, now = house().settings.server.base_url, datetime.now(UTC)
    try:
        return logins.begin(given, find, base_url, house().seal, now, storage=storage)
    except Refused as refused:
        _note(refused, found[0] if len(found) == 1 else None)
        raise


def _to_platform(begun: Redirect) -> Response:
    answer = framed.redirect(begun.url, 302)
    _state_cookie(answer, begun.login, state.proof(begun.state, house().seal), STATE_S)
    return answer


def _without_cookies(again: str, begun: Redirect) -> Response:
    platform = _platform_of(begun.login)
    if not begun.login.storage:
        _note(Refused(Code.COOKIES_BLOCKED), platform)
    return framed.without_cookies(again, begun, platform)


def _state_of(form: Parameters, now: datetime) -> tuple[str, Login]:
    """Return the state that came back, and the login it was for.

    State comes before the token: it names the registration whose keys may judge the token, and
    keeps strangers from making us fetch keys.
    """
    if form.raw("error") is not None:
        signed_out = form.text("error") in ("login_required", "interaction_required")
        raise Refused(Code.PLATFORM_LOGIN if signed_out else Code.PLATFORM_ERROR)
    brought = form.text("state", longest=LONGEST_STATE)
    if not brought:
        raise Refused(Code.STATE_MISSING)
    return brought, state.read(brought, house().seal, now)


def _cookie_of(started: Login) -> str:
    return session.read_cookie(started.cookie, prefix=framed.HOST, settings=house().settings)


def _check_browser(
    form: Parameters, brought: str, started: Login, proof: str, now: datetime
) -> None:
    """Let only the browser pass that started this login.

    :raises Refused: it brings no proof of that; a reload is told apart, with the way back.
    """
    if state.belongs(brought, proof, house().seal):
        return
    if not _used(started):
        raise Refused(Code.STATE_COOKIE)
    used = Refused(Code.LAUNCH_USED)
    platform = _platform_of(started)
    with suppress(Refused):
        # Only a token that is good tells the way back; any other leaves the page without it.
        verified = _verify(form, started, platform, now)
        used.back, used.locale = verified.back, verified.arrival.locale
    raise used


def _used(started: Login) -> bool:
    """Return whether this is a reload: the launch was accepted and took its cookie away."""
    with house().database.read() as conn:
        return launches.consumed(conn, house().seal, started.nonce)


def _platform_of(started: Login, *, for_a_page: bool = True) -> Platform:
    """Return the registration that a login was for; on a page it is said whom to ask there."""
    with house().database.glance() as conn:
        registered = platforms.of_issuer(conn, started.issuer)
    found = next((p for p in registered if p.id == started.platform_id), None)
    if found is None or found.state != "active":
        raise Refused(Code.PLATFORM_BLOCKED)
    if for_a_page:
        with house().database.read() as conn:
            g.contact = tenants.get(conn, found.tenant_id).settings.contact
    return found


def _verify(form: Parameters, started: Login, platform: Platform, now: datetime) -> Verified:
    id_token = form.text("id_token", longest=LONGEST_TOKEN)
    if not id_token:
        raise Refused(Code.TOKEN_MISSING)
    settings = house().settings
    base = settings.server.base_url
    rules = Rules(
        base, logins.redirect_uri(base), settings.security.allow_local_http, _consumer(platform)
    )
    cache: PlatformKeys = current_app.extensions["roadmap_keys"]

    def key_of(kid: str) -> RSAPublicKey:
        return cache.key(platform.jwks_url, kid, now)

    try:
        return verify(id_token, key_of, started, platform, rules, now)
    except UnknownDeployment as unknown:
        _record(platform, unknown.deployment_id, now)
        raise


def _consumer(platform: Platform) -> Consumer | None:
    if not platform.former_secret:
        return None
    return Consumer(platform.former_key, house().seal.open(platform.former_secret))


def _record(platform: Platform, deployment_id: str, now: datetime) -> None:
    with house().database.begin() as conn:
        if platforms.note_pending(conn, platform, deployment_id, now):
            log().warning("deployment waits for approval", platform=platform.id)


def _welcome(admitted: Admitted, verified: Verified, started: Login) -> Response:
    answer = framed.redirect(_page_of(admitted.launch_id, verified.arrival), 303)
    session.set_cookie(answer, admitted, house().settings)
    _state_cookie(answer, started, "", 0)
    return answer


def _page_of(launch_id: str, arrival: Arrival) -> str:
    """Return the launch's page that the target names, or the message, or the custom parameter
    `page` (ILIAS 8 to 10 know one target per tool); the start page if none names any of ours."""
    start = f"/l/{launch_id}/"
    path = unquote(urlsplit(arrival.target).path).strip("/")
    if not path or path.startswith("lti/") or arrival.message_type != RESOURCE_LINK:
        path = arrival.page
    if path in ("", "start"):
        return start
    try:
        current_app.url_map.bind("").match(start + path, method="GET")
    except RequestRedirect:
        return start + quote(path) + "/"
    except HTTPException:
        return start
    return start + quote(path)


def _state_cookie(answer: Response, started: Login, value: str, max_age: int) -> None:
    session.put_cookie(
        answer,
        started.cookie,
        value,
        prefix=framed.HOST,
        path="/",
        max_age=max_age,
        settings=house().settings,
    )


def _note(refused: Refused, platform: Platform | None) -> None:
    """Count a refusal, and find out whom its page names.

    A database that is down must not turn a refusal into an error.
    """
    with suppress(DatabaseError), house().database.begin() as conn:
        now = datetime.now(UTC)
        platform_id = platform.id if platform else ""
        refusals.count(conn, refused.code.slug, platform_id, now, refused.skew_s)
        if platform:
            g.contact = tenants.get(conn, platform.tenant_id).settings.contact
