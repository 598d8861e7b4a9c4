"""The page a person sees when something cannot go on: what happened, what to do, whom to ask.

One page per case of design/pages.md section 11; works without session, tenant or database, in
German or English, never red, never a stack trace. The exact cause is in
`<meta name="roadmap-error">` and in the log under the short number on the page.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Flask, Response, g, make_response, render_template, request
from flask_babel import force_locale
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import HTTPException

from competency.errors import InvalidResponse
from lti_tool.errors import Conflict, DatabaseError, NotFound, RoadmapError
from lti_tool.logs import log, place_of
from lti_tool.lti.refusal import Case, Code, Refused
from lti_tool.web import counting
from lti_tool.web.formats import moment
from lti_tool.web.limits import RefusalLimit

RETRY_S = 30
#: Where refusals are counted per address: what anybody may call without a session.
_COUNTED = ("/lti/", "/admin/eintreten")
_ALPHABET = "2346789BCDFGHJKMPQRTVWXYZ"  # nothing that is mistaken for something else on the phone


@dataclass(frozen=True, slots=True)
class Words:
    """Texts of one case, translated when they are shown."""

    heading: object
    what: object
    steps: tuple[object, ...] = ()
    ask: bool = True  # False: nothing is wrong, so nobody needs to be asked
    more: tuple[object, str] | None = None  # label and endpoint of a page that helps


@dataclass(frozen=True, slots=True)
class Details:
    """What a person passes on, and to whom. The number finds the line in the log."""

    code: Code
    at: str
    number: str
    contact: str


_BACK = _l("Go back to your course in the learning platform.")
_AGAIN = _l("Open “Mein Lernweg” there once more.")
_NOT_YOURSELF = _l("You cannot solve this yourself. Nothing is wrong with your work.")

WORDS = {
    Case.EXPIRED: Words(
        _l("The start did not work"),
        _l("A start is valid for a few minutes and only once. Your answers are not lost."),
        (_BACK, _AGAIN),
    ),
    Case.UNKNOWN: Words(
        _l("The start did not work"),
        _NOT_YOURSELF,
        (_l("Give the details below to your course instructor."),),
    ),
    Case.WAITING: Words(
        _l("Not yet activated"),
        _l("This place in the learning platform still has to be activated."),
        (_l("Ask your course instructor. Give them the details below."),),
    ),
    Case.COOKIES: Words(
        _l("Please go on in a new window"),
        _l("Your browser blocks storage here."),
        (
            _BACK,
            _l("Open “Mein Lernweg” in a new window or a new tab."),
            _l("If that does not help: use another browser."),
        ),
    ),
    Case.SIGN_IN: Words(
        _l("Please log in again"),
        _l("Your login to the learning platform has ended."),
        (_l("Log in to the learning platform again."), _AGAIN),
    ),
    Case.SESSION: Words(
        _l("Your session has ended"),
        _l("Your answers are saved."),
        (_BACK, _AGAIN),
    ),
    Case.FORM: Words(
        _l("Please tap once more"),
        _l("The page was open for too long. Your answers so far are saved."),
        (_l("Go one page back and load it again."), _l("Then tap once more.")),
    ),
    Case.PAGE: Words(
        _l("This page does not exist"),
        _l("Perhaps the address is wrong or the page was moved."),
        (_BACK, _AGAIN),
    ),
    Case.PORTAL: Words(
        _l("Your learning platform does not answer"),
        _l("This often takes a few minutes only."),
        (_l("Wait a moment."), _BACK, _AGAIN),
    ),
    Case.OURS: Words(
        _l("This is our fault"),
        _l("Your answers are not lost."),
        (_l("Try again in 5 minutes."),),
    ),
    Case.SLOW: Words(
        _l("Please wait a moment"),
        _l("There were too many attempts that did not work."),
        (_l("Please try again in one minute."),),
    ),
    Case.STAFF: Words(
        _l("You cannot get in like this"),
        _l("You are not signed in to the administration, or have no right for this page."),
        (
            _l("Open “Mein Lernweg” in the learning platform."),
            _l("Choose “Administration” at the bottom of the page."),
        ),
    ),
    Case.REGISTER: Words(
        _l("The registration did not work"),
        _l("Nothing was stored here."),
        (_l("Start the registration in the learning platform once more."),),
    ),
}


def _registration(what: object, *steps: object) -> Words:
    return Words(_l("The registration did not work"), what, steps)


_AFRESH = _l("Start the registration in the learning platform once more.")
_MANUAL = _l("Or register by hand: the values are under /lti/register.")
_BY_HAND = Words(
    _l("This address is for learning portals"),
    _l("Your learning portal calls it when you open “Mein Lernweg”. By hand it does nothing."),
    (
        _l("You want to learn? Open your course in the learning portal, and there “Mein Lernweg”."),
        _l("You run a learning portal? Here you find what to enter there."),
    ),
    ask=False,
    more=(_l("Addresses for the learning portal"), "registration.register"),
)
_NOBODYS = Words(
    _l("This page is no longer open"),
    _l("It belongs to no running session in this browser."),
    (_BACK, _AGAIN),
)
_LEFT = Words(
    _l("You are signed out"),
    _l("Nobody tapped for some minutes. The device is free for others."),
    (_l("Your answers are saved."), _l("Close the learning portal too.")),
    ask=False,
)
#: Where a page can say more than its case: typed by hand, or of a launch that nobody knows.
SPECIAL = {
    Code.ISS_MISSING: _BY_HAND,
    Code.METHOD: _BY_HAND,
    Code.SESSION_FOREIGN: _NOBODYS,
    Code.SESSION_LEFT: _LEFT,
    Code.REGISTRATION_ADDRESS: _registration(
        _l("The learning platform gave an address that this service may not call."),
        _l("It has to be https and public, or belong to the intranet that the operator named."),
        _l("The operator names a network with: security.intranet."),
    ),
    Code.REGISTRATION_SILENT: _registration(
        _l("The learning platform does not answer this service."),
        _l("Is it reachable from outside, with a valid certificate?"),
        _AFRESH,
    ),
    Code.REGISTRATION_CONFIGURATION: _registration(
        _l("The learning platform describes itself incompletely."),
        _l("Update the learning platform."),
        _MANUAL,
    ),
    Code.REGISTRATION_ISSUER: _registration(
        _l("The learning platform gives another name for itself than its address."),
        _l("Open it under the name that its own settings hold (Moodle: wwwroot)."),
        _AFRESH,
    ),
    Code.REGISTRATION_TOKEN: _registration(
        _l("The learning platform does not accept its own registration any more."), _AFRESH
    ),
    Code.REGISTRATION_USED: _registration(
        _l("This registration was used already. Perhaps the page was loaded twice."),
        _l("Look first whether the tool is in the list of the learning platform."),
        _AFRESH,
    ),
    Code.REGISTRATION_REFUSED: _registration(
        _l("The learning platform refuses our registration."),
        _l("Its log says why."),
        _MANUAL,
    ),
    Code.REGISTRATION_ANSWER: _registration(
        _l("The learning platform answered without a client id."),
        _l("Delete the tool there if it appeared."),
        _MANUAL,
    ),
    Code.REGISTRATION_TENANT: _registration(
        _l("No municipality of this short name is served here."),
        _l("Ask whoever runs this service for the short name."),
    ),
    Code.REGISTRATION_FULL: _registration(
        _l("Too many learning platforms wait for approval already."),
        _l("Whoever runs this service has to approve or block them first."),
    ),
}


def words_of(code: Code) -> Words:
    """Return what the page of a refusal says."""
    if code is Code.METHOD and not request.path.startswith("/lti/"):
        return WORDS[code.case]
    return SPECIAL.get(code, WORDS[code.case])


def install(app: Flask, limit: RefusalLimit) -> None:
    """Answer every refusal and every HTTP error with a page of this module."""
    app.extensions["roadmap_refusals"] = limit  # pages that answer a wrong code by themselves

    def refused(error: Refused) -> Response:
        return page(_limited(error, limit))

    def http(error: HTTPException) -> Response:
        if error.code is None or error.code < 400:
            return make_response(error.get_response())
        answer = page(_limited(Refused(_HTTP.get(error.code, Code.BAD_REQUEST)), limit))
        if allowed := getattr(error, "valid_methods", None):
            answer.headers["Allow"] = ", ".join(sorted(allowed))
        return answer

    app.register_error_handler(Refused, refused)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(RoadmapError, lambda error: page(Refused(_of(error))))
    app.register_error_handler(InvalidResponse, lambda _: page(Refused(Code.STALE)))
    app.register_error_handler(Exception, _unexpected)


_HTTP = {
    404: Code.NOT_FOUND,
    405: Code.METHOD,
    413: Code.TOO_LARGE,
    415: Code.CONTENT_TYPE,
    429: Code.RATE,
    500: Code.INTERNAL,
}


def page(refused: Refused) -> Response:
    """Return the page of a refusal, and log its code under the number shown."""
    counting.refused(refused.code.slug)
    with force_locale(_locale(refused)):
        said = details(refused.code)
        html = render_template(
            "refusal.html", words=words_of(refused.code), details=said, back=refused.back
        )
    log().info(
        "refused",
        code=refused.code.slug,
        status=refused.code.status,
        number=said.number,
        route=str(request.url_rule or ""),
        reason=refused.claim or None,
        skew_s=refused.skew_s,
    )
    response = make_response(html, refused.code.status)
    if refused.code is Code.UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_S)
    return response


def details(code: Code) -> Details:
    """Return what a person passes on about this moment, in the language of the request."""
    return Details(code, moment(datetime.now(UTC)), _number(), _contact())


def _limited(refused: Refused, limit: RefusalLimit) -> Refused:
    if not request.path.startswith(_COUNTED):
        return refused
    exceeded = limit.exceeded(request.remote_addr or "", datetime.now(UTC).timestamp())
    return Refused(Code.RATE, locale=refused.locale) if exceeded else refused


def _of(error: RoadmapError) -> Code:
    if isinstance(error, DatabaseError):
        log().error("database unavailable", error=str(error))
        return Code.UNAVAILABLE
    if isinstance(error, Conflict):
        return Code.STALE  # a double tap, a second tab, or a form that is none of ours
    return Code.NOT_FOUND if isinstance(error, NotFound) else Code.INTERNAL


def _unexpected(error: Exception) -> Response:
    # The message may quote what a person typed; type and place are enough to find the fault.
    where = place_of(error.__traceback__)
    log().error("unexpected error", exception_type=type(error).__name__, where=where)
    return page(Refused(Code.INTERNAL))


def _locale(refused: Refused) -> str:
    return refused.locale or request.accept_languages.best_match(["de", "en"], "de")


def _contact() -> str:
    """Return whom to ask, where the tenant is known."""
    launch = g.get("launch")
    contact: str = launch.tenant.settings.contact if launch else g.get("contact", "")
    return contact


def _number() -> str:
    letters = [secrets.choice(_ALPHABET) for _ in range(6)]
    return "-".join("".join(letters[i : i + 2]) for i in (0, 2, 4))
