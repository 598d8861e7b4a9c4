"""The token endpoint: a client assertion in, a bearer token out."""

from flask import Blueprint, Response, jsonify, request

from demo import assertion
from demo.assertion import ASSERTION_TYPE, TOKEN_LIFE_S, Refused
from demo.lms import lms

token = Blueprint("token", __name__)


@token.post("/mod/lti/token.php")
def issue() -> tuple[Response, int]:
    """Issue an access token for the scopes that are known."""
    try:
        return jsonify(_issue()), 200
    except Refused as refused:
        return jsonify(error=refused.error, error_description=str(refused)), 400


def _issue() -> dict[str, str | int]:
    form, now = request.form, lms().clock.now()
    if form.get("grant_type") != "client_credentials":
        raise Refused("unsupported_grant_type", "client_credentials only")
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise Refused("invalid_request", "client_assertion_type is missing or unknown")
    text = form.get("client_assertion", "")
    claims = assertion.check(text, lms().config, lms().tool_keys, now)
    scopes = assertion.granted(form.get("scope", ""))
    with lms().store.begin() as conn:
        assertion.use_once(conn, claims, now)
        made = assertion.issue(conn, scopes, now)
    scope = " ".join(scopes)
    return {
        "access_token": made,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFE_S,
        "scope": scope,
    }
