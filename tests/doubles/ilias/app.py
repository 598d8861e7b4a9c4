"""The pages: an object, ltiauth, goto, keys, and Deep Linking's way back (ilias.md 9.3, 9.5)."""

import base64
import secrets
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from tests.doubles.ilias import claims, identity, keys, markup
from tests.doubles.ilias.installation import base, here, host, keyset
from tests.doubles.ilias.registration import registration
from tests.doubles.ilias.services import services
from tests.doubles.ilias.world import Ilias, Object, Session, User

COOKIE = "PHPSESSID"
HINT_LIFE_S = 600  # profile 12
NEEDED = ("scope", "response_type", "client_id", "redirect_uri", "login_hint", "nonce")

pages = Blueprint("pages", __name__)
scripts = Blueprint("scripts", __name__)


def create_app(ilias: Ilias) -> Flask:
    app = Flask(__name__)
    app.extensions["ilias"] = ilias
    prefix = ilias.generation.prefix or None
    app.register_blueprint(pages)
    app.register_blueprint(scripts, url_prefix=prefix)
    app.register_blueprint(registration, url_prefix=prefix)
    app.register_blueprint(services, url_prefix=prefix)
    app.before_request(lambda: ilias.asked.append((request.method, request.path)))
    return app


@pages.get("/launch/<int:ref>")
def open_object(ref: int) -> AnyResponse:
    """The page of an object, for `?u=<user>`: the form that starts the login."""
    where = here().objects[ref]
    hint = str(ref) if not here().generation.one_hint else f"{ref}:{here().ilias_client}"
    return _started(where, hint)


@pages.get("/place/<int:ref>")
def open_placing(ref: int) -> AnyResponse:
    """The page that lets an author choose content: Deep Linking, after the same login."""
    url = base64.b64encode(f"{base()}/placed/{ref}".encode()).decode()
    return _started(here().objects[ref], f"{ref}:{here().ilias_client}:{url}")


def _started(where: Object, hint: str) -> AnyResponse:
    user, session = here().users[int(request.args["u"])], _session()
    session.user = user
    if here().generation.one_hint:
        session.hints.clear()
    session.hints[hint] = here().now()
    fields = {
        "iss": base(),
        "client_id": where.provider.client_id,
        "lti_deployment_id": str(where.provider.id),
        "target_link_uri": where.provider.url,
        "login_hint": identity.login_hint(here(), where, user, host()),
        "lti_message_hint": hint,
    }
    if where.launch != "embedded" and here().generation.one_hint:
        fields |= {
            "launch_presentation_return_url": "",
            "lis_result_sourcedid": secrets.token_hex(16),
        }
    embedded = where.launch == "embedded"
    if embedded and request.headers.get("Sec-Fetch-Dest") == "document":
        return _kept(make_response(markup.frame(request.url)), session)
    target = "_blank" if where.launch == "newWin" else "_self"
    if here().generation.strict:
        fields["lti_storage_target"] = "_parent"
    return _kept(_form(where.provider.initiate_login, fields, target), session)


@scripts.route("/ltiauth.php", methods=["GET", "POST"])
def ltiauth() -> AnyResponse | tuple[str, int]:
    asked = request.values.to_dict()
    hint = asked.get("lti_message_hint", "")
    if not hint:
        return "", 400
    eleven = here().generation.one_hint and here().generation.line_items
    if eleven and not 1 <= hint.count(":") <= 2:
        return "", 400
    session = _session()
    session.asked = asked
    ref = hint.split(":")[0]
    return _kept(redirect(f"/goto.php?target=lti_{ref}&client_id={here().ilias_client}"), session)


@pages.get("/goto.php")
def goto() -> AnyResponse | tuple[str, int]:
    session, ref = _session(), request.args["target"].removeprefix("lti_")
    if session.user is None:
        return "<title>ILIAS login page</title>", 200
    asked, where = session.asked, here().objects[int(ref)]
    error = _error(asked, session, where)
    if error:
        return _refused(asked, error)
    hint = asked["lti_message_hint"]
    session.hints.pop(hint, None)
    session.asked = {}
    action, content = _message(asked, where, session.user, hint)
    fields = {"id_token": keys.sign(content, here().key, here().kid)}
    return _form(action, fields | _state(asked))


def _message(
    asked: dict[str, str], where: Object, user: User, hint: str
) -> tuple[str, dict[str, Any]]:
    if hint.count(":") < 2:
        token = claims.resource_link(here(), base(), where, user, asked)
        return asked["redirect_uri"], token
    back = base64.b64decode(hint.split(":", 2)[2]).decode()
    token = claims.deep_linking(here(), base(), where, user, asked["nonce"], back)
    return where.provider.content_item_url, token


def _error(asked: dict[str, str], session: Session, where: Object) -> str:
    provider = where.provider
    user = session.user
    assert user
    # The order is ILIAS's; a session hint of another object means: another tab was opened since.
    checks = (
        (all(asked.get(n) for n in NEEDED) and session.hints, "invalid_request"),
        (asked.get("scope") == "openid", "invalid_scope"),
        (asked.get("response_type") == "id_token", "unsupported_response_type"),
        (_is_current(asked, session, where), "invalid_request"),
        (asked.get("client_id") == provider.client_id, "unauthorized_client"),
        (
            asked.get("login_hint") == identity.login_hint(here(), where, user, host()),
            "access_denied",
        ),
        (asked.get("redirect_uri") in provider.redirect_uris, "invalid_request"),
        (asked.get("response_mode") == "form_post", "invalid_request"),
        (asked.get("prompt", "none") in ("", "none"), "invalid_request"),
    )
    return next((code for good, code in checks if not good), "")


def _is_current(asked: dict[str, str], session: Session, where: Object) -> bool:
    hint = asked.get("lti_message_hint", "")
    if here().generation.one_hint:
        return any(h.split(":")[0] == str(where.ref_id) for h in session.hints)
    return here().now() - session.hints.get(hint, 0.0) < HINT_LIFE_S


def _refused(asked: dict[str, str], error: str) -> AnyResponse | tuple[str, int]:
    """Up to 11 the tool hears nothing of it; the header is for tests only."""
    if here().generation.strict and asked.get("redirect_uri"):
        answer = _form(asked["redirect_uri"], {"error": "access_denied"} | _state(asked))
    else:
        answer = make_response("<p>initialLogin Error: </p>")
    answer.headers["X-Sim-Error"] = error
    return answer


def _state(asked: dict[str, str]) -> dict[str, str]:
    return {"state": asked["state"]} if asked.get("state") else {}


@scripts.get("/lticerts.php")
def certs() -> Response:
    return jsonify({"keys": [keys.jwk(here().key, here().kid)]})


@pages.post("/placed/<int:ref>")
def placed(ref: int) -> AnyResponse | tuple[str, int]:
    """Take the answer to a Deep Linking request and put its items into the repository."""
    session, author = _session(), here().objects[ref]
    if session.user is None:
        return "<title>ILIAS login page</title>", 200
    token = request.form.get("JWT") or request.form.get("jwt") or ""
    try:
        content = _answered(token, author)
    except keys.Broken as error:
        return str(error), 400
    refs = [_put(author, item).ref_id for item in content[claims.DL + "content_items"]]
    return jsonify({"refs": refs})


def _answered(token: str, author: Object) -> dict[str, Any]:
    head, _ = keys.parts(token)
    content = keys.verify(token, keys.of_set(keyset(author.provider), head.get("kid")))
    # Up to 11 nothing but the signature is looked at.
    if here().generation.strict:
        audience = content.get("aud")
        audience = audience if isinstance(audience, list) else [audience]
        good = content.get("iss") == author.provider.client_id and base() in audience
        if not good or not content.get("nonce"):
            raise keys.Broken("iss, aud or nonce")
        if content.get(claims.DL + "data") != f"ref-{author.ref_id}":
            raise keys.Broken("data")
    return content


def _put(author: Object, item: dict[str, Any]) -> Object:
    custom = _survives(item.get("custom", {}))
    if here().generation.line_items and item.get("url"):
        custom["target_link_uri"] = item["url"]
    more = {"custom": custom, "context": author.context, "parent_type": author.parent_type}
    text = item.get("text" if here().generation.strict else "description", "")
    return here().place(author.provider, title=item.get("title", ""), desc=text, **more)


def _survives(custom: dict[str, str]) -> dict[str, str]:
    """Return what is left after `k=v;k2=v2` was stored and split again."""
    stored = ";".join(f"{name}={value}" for name, value in custom.items())
    pairs = (part.partition("=") for part in stored.split(";") if part)
    return {name: value for name, _, value in pairs}


def _session() -> Session:
    """Return the PHP session; a Lax cookie does not come with a POST that another site sends."""
    known = request.cookies.get(COOKIE, "")
    foreign = request.method == "POST" and request.headers.get("Origin") != base()
    if foreign and not (here().generation.strict or here().resends_cookie):
        known = ""
    return here().sessions.get(known) or Session()


def _kept(answer: AnyResponse, session: Session) -> AnyResponse:
    number = next((n for n, s in here().sessions.items() if s is session), secrets.token_hex(8))
    here().sessions[number] = session
    answer.set_cookie(COOKIE, number, httponly=True, samesite="Lax")
    return answer


def _form(action: str, fields: dict[str, str], target: str = "_self") -> Response:
    """Return a form: as JSON, or to a browser as a page that submits it (`_blank`: by a button)."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return make_response(markup.form(action, fields, target))
    return jsonify({"action": action, "method": "post", "fields": fields})
