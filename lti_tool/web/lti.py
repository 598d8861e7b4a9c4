"""/lti/login, /lti/launch, /lti/jwks: the addresses that platforms call.

Each view parses, calls, answers; every refusal is raised as `Refused` and becomes a page. Nothing
here answers 500: what cannot be read is a 4xx, what the platform's own server breaks is a 502.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, jsonify, render_template, request

from lti_tool.errors import DatabaseError
from lti_tool.logs import log
from lti_tool.lti import login as logins
from lti_tool.lti import onward, state
from lti_tool.lti.adapter import check_pin
from lti_tool.lti.keys import PlatformKeys
from lti_tool.lti.launch import UnknownDeployment, Verified
from lti_tool.lti.login import Redirect
from lti_tool.lti.outbound import Outbound
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login
from lti_tool.ports import Platform
from lti_tool.store import keys, launches, platforms, refusals, tenants
from lti_tool.store.keys import KeyShelf
from lti_tool.store.launches import Replay, SqlDoor, nothing_parked
from lti_tool.web import framed, headers, session
from lti_tool.web import refusals as refusal_pages
from lti_tool.web.limits import RefusalLimit
from lti_tool.web.registration import registration
from lti_tool.web.services import house
from lti_tool.web.shortcut import FAILED, Shortcut
from lti_tool.web.starts import LONGEST_STATE, Asked, Onward, Starts

lti = Blueprint("lti", __name__)


def install(app: Flask, limit: RefusalLimit, replay: Replay = nothing_parked) -> None:
    """Add login, launch, session guard, refusal pages and headers to the app.

    `app.extensions["roadmap"]` must hold the house. `replay` gets each new learner's parked
    statements counted (store.pull.replay_parked).
    """
    check_pin()
    here = app.extensions["roadmap"]
    outbound = Outbound.of(here.settings.security)
    starts = Starts(
        house=here,
        keys=PlatformKeys(outbound, KeyShelf(here.database)),
        door=SqlDoor(here.database, here.seal, replay),
        pages=app.url_map,
    )
    app.extensions["roadmap_starts"] = starts
    app.extensions["roadmap_door"] = starts.door
    session.install(app)
    headers.install(app, here.settings)
    refusal_pages.install(app, limit)
    app.register_blueprint(lti)
    app.register_blueprint(framed.framed)
    app.register_blueprint(registration)
    app.wsgi_app = Shortcut(app.wsgi_app, starts)  # type: ignore[method-assign]


@lti.route("/lti/login", methods=["GET", "POST"])
def login() -> Response:
    """Answer a platform's login with the authorization request: 302 GET, standard parameters.

    In a frame that has shown no cookie of ours a detour shows first whether one comes back.
    """
    asked = _asked()
    given = asked.given
    again = given.text(framed.AGAIN, longest=LONGEST_STATE)
    if again:
        given = onward.open_login(again, house().seal, datetime.now(UTC))
    blocked = not framed.keeps_cookies(asked)
    begun = _begun(given, storage=given.text(framed.STORAGE) if again and blocked else "")
    if again and blocked:
        return _without_cookies(again, begun)
    return (blocked and framed.cookie_test(given)) or _answer(_starts().to_platform(begun))


@lti.route("/lti/launch", methods=["POST"])
def launch() -> Response:
    """Judge a launch and answer 303 to its own path."""
    asked, starts, now = _asked(), _starts(), datetime.now(UTC)
    starts.check_secure(asked.environ)
    form = asked.form
    brought, started = starts.state_of(form, now)
    cookie = starts.cookie_of(asked.environ, started)
    proof = cookie or (framed.stored_proof(form) if started.storage else "")
    if not proof and started.storage and not _used(started):
        return framed.ask_storage(form, started, _platform_for_a_page(started))
    _check_browser(form, brought, started, proof, now)
    platform = starts.platform_of(started)
    try:
        verified = _verified(form, started, platform, now)
        admitted = starts.admitted(verified, now)
        if admitted is None:
            raise Refused(Code.LAUNCH_USED, back=verified.back, locale=verified.arrival.locale)
    except Refused as refused:
        _note(refused, platform)
        raise
    if cookie or framed.keeps_cookies(asked):
        return _answer(starts.welcome(admitted, verified, started))
    page = starts.page_of(admitted.launch_id, verified.arrival)
    return framed.in_a_window(admitted, page, verified.arrival, platform)


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


def _starts() -> Starts:
    return cast(Starts, current_app.extensions["roadmap_starts"])


def _asked() -> Asked:
    """:raises DatabaseError: the short way has found out already that the database is down."""
    if failed := request.environ.get(FAILED):
        raise failed
    return Asked(request.environ, request.get_data(cache=False))


def _answer(going: Onward) -> Response:
    answer = framed.redirect(going.location, going.status)
    answer.headers.extend(going.headers)
    return answer


def _begun(given: Parameters, storage: str) -> Redirect:
    found: list[Platform] = []

    def find(issuer: str) -> list[Platform]:
        found.extend(_starts().registered(issuer))
        return found

    base_url, now = house().settings.server.base_url, datetime.now(UTC)
    try:
        return logins.begin(given, find, base_url, house().seal, now, storage=storage)
    except Refused as refused:
        _note(refused, found[0] if len(found) == 1 else None)
        raise


def _without_cookies(again: str, begun: Redirect) -> Response:
    platform = _platform_for_a_page(begun.login)
    if not begun.login.storage:
        _note(Refused(Code.COOKIES_BLOCKED), platform)
    return framed.without_cookies(again, begun, platform)


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
    platform = _platform_for_a_page(started)
    with suppress(Refused):
        # Only a token that is good tells the way back; any other leaves the page without it.
        verified = _verified(form, started, platform, now)
        used.back, used.locale = verified.back, verified.arrival.locale
    raise used


def _used(started: Login) -> bool:
    """Return whether this is a reload: the launch was accepted and took its cookie away."""
    with house().database.read() as conn:
        return launches.consumed(conn, house().seal, started.nonce)


def _platform_for_a_page(started: Login) -> Platform:
    """Return the registration that a login was for; the page says whom to ask there."""
    found = _starts().platform_of(started)
    with house().database.read() as conn:
        g.contact = tenants.get(conn, found.tenant_id).settings.contact
    return found


def _verified(form: Parameters, started: Login, platform: Platform, now: datetime) -> Verified:
    starts = _starts()
    try:
        return starts.verified(form, started, platform, now, starts.fetching(platform, now))
    except UnknownDeployment as unknown:
        _record(platform, unknown.deployment_id, now)
        raise


def _record(platform: Platform, deployment_id: str, now: datetime) -> None:
    with house().database.begin() as conn:
        if platforms.note_pending(conn, platform, deployment_id, now):
            log().warning("deployment waits for approval", platform=platform.id)


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
