"""LTI 1.3 from the platform's side: start of a login, authorization, keys, return.

The order of checks and their error codes follow Moodle's `mod/lti/auth.php`: what concerns the
launch hint, the client or the redirect address ends on a page of the platform, everything else is
posted back to the tool as an OpenID error.
"""

import json
import secrets
import sqlite3
from collections.abc import Mapping

from flask import (
    Blueprint,
    Response,
    abort,
    jsonify,
    make_response,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as BaseResponse

from demo import statements
from demo.claims import Launch, claims
from demo.cron import enqueue
from demo.lms import Lms, line_items_of, lms, locale_of, sesskey, visitor
from demo.world import Course, Person

oidc = Blueprint("oidc", __name__)

HINT_LIFE_S = 3600
REQUIRED = ("scope", "response_type", "client_id", "redirect_uri", "login_hint", "nonce")


@oidc.get("/mod/lti/launch.php")
def launch() -> BaseResponse | str:
    """Show the form that starts the login at the tool, for an iframe or a window."""
    person, found = visitor(), lms().world.link(request.args.get("id", 0, int))
    if person is None or found is None:
        abort(404)
    course, link = found
    hint = _make_hint(lms(), person, link.cm, request.args.get("window", 0, int))
    _note_view(lms(), person, course)
    fields = {
        "iss": lms().config.issuer,
        "target_link_uri": lms().config.redirect_uris[0],
        "login_hint": str(person.id),
        "lti_message_hint": json.dumps({"cmid": link.cm, "launchid": hint}, separators=(",", ":")),
        "client_id": lms().config.secrets.client_id,
        "lti_deployment_id": lms().config.secrets.deployment_id,
    }
    return render_template("post.html", action=lms().config.login_url, fields=fields)


def _make_hint(platform: Lms, person: Person, cm: int, window: int) -> str:
    name, now = f"ltilaunch{cm}_{secrets.randbelow(2**31)}", platform.clock.now()
    target = "window" if window else "iframe"
    with platform.store.begin() as conn:
        conn.execute("delete from hint where made < ?", (now - HINT_LIFE_S,))
        conn.execute("insert into hint values (?, ?, ?, ?, ?)", (name, person.id, cm, target, now))
    return name


def _note_view(platform: Lms, person: Person, course: Course) -> None:
    event = statements.Event(platform.config.base_url, person, platform.clock.now())
    with platform.store.begin() as conn:
        enqueue(conn, [statements.link_viewed(event, course)])


@oidc.route("/mod/lti/auth.php", methods=["GET", "POST"])
def authorize() -> BaseResponse | str | tuple[str, int]:
    """Answer the tool's authorization request with a form carrying the id_token or an error."""
    asked = request.values
    if asked.get("redirect_uri") not in lms().config.redirect_uris:
        return _invalid("Die Rücksprungadresse ist für dieses Werkzeug nicht eingetragen.")
    hint = _take_hint(lms(), asked.get("lti_message_hint", ""))
    if hint is None:
        return _invalid("Dieser Start wurde schon benutzt oder ist unbekannt.")
    person = visitor()
    if error := _refusal(asked, lms(), person, hint):
        fields = {"error": error[0], "error_description": error[1]}
    else:
        fields = {"id_token": _token(lms(), hint, asked["nonce"])}
    if "state" in asked:
        fields["state"] = asked["state"]
    return render_template("post.html", action=asked["redirect_uri"], fields=fields)


def _invalid(reason: str) -> tuple[str, int]:
    text = f"{reason} Öffnen Sie die Aktivität noch einmal aus dem Kurs."
    return render_template("message.html", title="Ungültige Anfrage", text=text), 400


def _take_hint(platform: Lms, text: str) -> sqlite3.Row | None:
    """Return the launch the hint names and forget it: a hint works once."""
    try:
        name = str(json.loads(text)["launchid"])
    except (ValueError, KeyError, TypeError):
        return None
    with platform.store.begin() as conn:
        row: sqlite3.Row | None = conn.execute(
            "delete from hint where launch = ? returning *", (name,)
        ).fetchone()
    return row


def _refusal(
    asked: Mapping[str, str], platform: Lms, person: Person | None, hint: sqlite3.Row
) -> tuple[str, str] | None:
    checks = (
        (all(asked.get(name) for name in REQUIRED), "invalid_request", "parameter missing"),
        (asked.get("scope") == "openid", "invalid_scope", "scope must be openid"),
        (asked.get("response_type") == "id_token", "unsupported_response_type", "id_token only"),
        (
            asked.get("client_id") == platform.config.secrets.client_id,
            "unauthorized_client",
            "unknown client",
        ),
        (person is not None, "login_required", "nobody is signed in"),
        (
            person is not None and asked.get("login_hint") == str(person.id) == str(hint["person"]),
            "access_denied",
            "login_hint is another person",
        ),
        (asked.get("response_mode") == "form_post", "invalid_request", "Invalid response_mode"),
        (asked.get("prompt", "none") == "none", "invalid_request", "Invalid prompt"),
    )
    return next(((code, why) for good, code, why in checks if not good), None)


def _token(platform: Lms, hint: sqlite3.Row, nonce: str) -> str:
    made = claims(platform.config, _launch(platform, hint), nonce, platform.clock.now())
    kept = {k: v for k, v in made.items() if k not in platform.faults.drop_claims}
    kept |= platform.faults.claims
    if platform.faults.foreign_key:
        return platform.keys.sign_with_foreign_key(kept)
    return platform.keys.sign(kept)


def _launch(platform: Lms, hint: sqlite3.Row) -> Launch:
    person, found = platform.world.person(hint["person"]), platform.world.link(hint["cm"])
    if person is None or found is None:
        raise LookupError("the hint names someone or something that is gone")
    course, link = found
    with platform.store.read() as conn:
        items, locale = line_items_of(conn, course), locale_of(conn, person)
    return Launch(
        person=person,
        course=course,
        link=link,
        locale=locale,
        window=hint["target"] == "window",
        # Moodle leaves the claim out as soon as a link has a second line item.
        lineitem=items[0] if len(items) == 1 else None,
        sesskey=sesskey(),
    )


@oidc.get("/mod/lti/certs.php")
def certs() -> Response:
    """Publish the platform's key."""
    return jsonify(lms().keys.jwks())


@oidc.get("/mod/lti/return.php")
def come_back() -> BaseResponse:
    """Lead back to the course, out of the frame."""
    course = request.args.get("course", 0, int)
    back = url_for("pages.course", id=course)
    error = request.args.get("lti_errormsg") or request.args.get("lti_msg") or ""
    return make_response(render_template("return.html", back=back, said=error))
