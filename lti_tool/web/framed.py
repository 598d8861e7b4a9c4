"""A login or launch inside a frame whose cookies the browser may keep from us.

In this order: our cookies are partitioned (CHIPS), which is enough nearly everywhere; then the
platform's own storage, asked by a script with postMessage; then a window of its own. Which of them
works is tried, never guessed from the name of a browser. The state check is never switched off:
the proof comes by cookie, or from the platform's storage and then only in a form of our own page.
Source: reference/lti.md rule 14, LTI Client Side postMessages, LTI postMessage Storage.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask_babel import force_locale

from lti_tool.logs import log
from lti_tool.lti import onward, parameters, state
from lti_tool.lti.addresses import origin
from lti_tool.lti.login import Redirect
from lti_tool.lti.onward import Handover
from lti_tool.lti.parameters import Parameters
from lti_tool.lti.refusal import Code, Refused
from lti_tool.lti.state import Login
from lti_tool.ports import Admitted, Arrival, Platform
from lti_tool.web import cookies, headers, refusals, session
from lti_tool.web.services import house
from lti_tool.web.starts import Asked

AGAIN = "weiter"  # parameter of /lti/login: a sealed login that starts again
WINDOW = "fenster"  # parameter of /lti/login: opened by our button, so this is no frame
PROOF = "proof"  # field of /lti/launch: the proof as the platform's storage gave it back
STORAGE = "lti_storage_target"
_MARK = "lti-ok"
_FRAMES = frozenset(("iframe", "frame", "embed", "object"))
_LONGEST_CODE = 4096

framed = Blueprint("framed", __name__)


@dataclass(frozen=True, slots=True)
class Storage:
    """What the script needs to ask the platform's storage, and where it goes then."""

    frame: str
    origin: str
    key: str
    value: str = ""
    next: str = ""


def keeps_cookies(asked: Asked) -> bool:
    """Return whether there is no doubt about cookies: no frame, or one of ours came back."""
    if not _may_be_framed(asked):
        return True
    brought = cookies.brought(asked.environ)
    return any(name.removeprefix(cookies.HOST).startswith("lti-") for name in brought)


def _may_be_framed(asked: Asked) -> bool:
    """Return whether this may be a frame: browsers from before 2023 do not say."""
    if asked.environ.get("QUERY_STRING") and asked.address.text(WINDOW):
        return False
    where = asked.environ.get("HTTP_SEC_FETCH_DEST")
    if where is None:
        return str(asked.environ.get("HTTP_USER_AGENT", "")).startswith("Mozilla/")
    return where in _FRAMES


def cookie_test(given: Parameters) -> Response | None:
    """Return the detour that shows whether a cookie comes back; None if it is too long for one."""
    sealed = onward.seal_login(given, house().seal, datetime.now(UTC))
    if not sealed:
        return None
    answer = redirect(url_for("lti.login", weiter=sealed), 302)
    _mark(answer)
    return answer


def without_cookies(again: str, begun: Redirect, platform: Platform) -> Response:
    """Return the page for a frame that brought no cookie back: storage, else a new window.

    It is 200 with storage, because then the start goes on by itself.
    """
    headers.framed_by((platform.auth_url, platform.issuer))
    storage = _storage(begun.login, platform, begun)
    way = "storage" if storage else "new window"
    details = refusals.details(Code.COOKIES_BLOCKED)
    log().info("no cookies in the frame", platform=platform.id, way=way, number=details.number)
    html = render_template(
        "new_window.html",
        url=url_for("lti.login", weiter=again, fenster=1),
        storage=storage,
        details=details,
        platform=_sends_to(platform),  # it may be Deep Linking: nobody has said so yet
    )
    answer = current_app.make_response((html, 200 if storage else Code.COOKIES_BLOCKED.status))
    if storage:
        _mark(answer)  # asked for again at the launch: by then it may have come
    return answer


def ask_storage(form: Parameters, started: Login, platform: Platform) -> Response:
    """Return the page whose script gets the proof from the platform and sends the launch again."""
    headers.framed_by((platform.auth_url, platform.issuer))
    html = render_template(
        "from_storage.html",
        storage=_storage(started, platform),
        fields={name: (form.raw(name) or b"").decode("latin-1") for name in ("state", "id_token")},
        words=refusals.words_of(Code.STATE_COOKIE),
        details=refusals.details(Code.STATE_COOKIE),
    )
    return current_app.make_response(html)


def stored_proof(form: Parameters) -> str:
    """Return the proof that our own page brings from the platform's storage, or "".

    :raises Refused: a form of another page brings one. Somebody else's proof belongs to somebody
        else's login, and only our page knows that the storage asked was this browser's.
    """
    proof = form.text(PROOF, longest=64)
    if proof:
        _check_own_page()
    return proof


def in_a_window(admitted: Admitted, page: str, arrival: Arrival, platform: Platform) -> Response:
    """Return the page with the button that opens an accepted launch in a window of its own."""
    headers.framed_by((platform.auth_url, platform.issuer))
    handover = Handover(admitted.launch_id, admitted.secret, page)
    code = onward.seal_handover(handover, house().seal, datetime.now(UTC))
    waits = _sends_to(platform) if arrival.placing is not None else ""
    with force_locale(arrival.locale):
        html = render_template("open_window.html", code=code, platform=waits)
    return current_app.make_response(html)


@framed.post("/lti/fenster")
def window() -> Response:
    """Spend the one-time code: give the launch's cookie to this window and go to its page."""
    _check_own_page()
    now, seal = datetime.now(UTC), house().seal
    form = parameters.read(request.get_data(cache=False))
    handover = onward.open_handover(form.text("code", longest=_LONGEST_CODE), seal, now)
    with current_app.extensions["roadmap_door"].begin() as entry:
        if not entry.consume(f"handover {handover.launch_id}", now):
            raise Refused(Code.LAUNCH_USED)
    answer = redirect(handover.page, 303)
    session.set_cookie(answer, Admitted(handover.launch_id, handover.secret), house().settings)
    return answer


def redirect(location: str, status: int) -> Response:
    # flask.redirect would write the address (with hints and state) into a page body.
    answer = current_app.make_response(("", status))
    answer.headers["Location"] = location
    return answer


def _sends_to(platform: Platform) -> str:
    """Let this frame hand a choice of Deep Linking to its platform; return the sites for it."""
    urls = (platform.auth_url, platform.issuer)
    headers.sends_to(*urls)
    return " ".join(dict.fromkeys(filter(None, map(origin, urls))))


def _storage(login: Login, platform: Platform, begun: Redirect | None = None) -> Storage | None:
    if not login.storage:
        return None
    where = Storage(login.storage, origin(platform.auth_url), login.cookie)
    if begun is None:
        return where
    value = state.proof(begun.state, house().seal)
    return Storage(where.frame, where.origin, where.key, value, begun.url)


def _check_own_page() -> None:
    """Let only a form of our own page pass: every browser names the origin of a POST.

    :raises Refused: no origin, or another one.
    """
    ours = origin(house().settings.server.base_url)
    if origin(request.headers.get("Origin")) != ours:
        raise Refused(Code.ORIGIN)
    session.check_origin("")


def _mark(answer: Response) -> None:
    mark = cookies.written(
        _MARK, "1", prefix=cookies.HOST, path="/", max_age=None, settings=house().settings
    )
    answer.headers.extend(mark)
