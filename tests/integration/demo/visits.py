"""What a browser and a tool do at the demo LMS, as plain functions for the tests."""

import re
from html import unescape
from typing import Any

import jwt
from flask.testing import FlaskClient

from demo import Config
from demo.lms import Lms


def ask_token(browser: FlaskClient, assertion: str, scope: str, **changed: str) -> Any:
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": assertion,
        "scope": scope,
    }
    return browser.post("/mod/lti/token.php", data=form | changed)


def fields(html: str) -> dict[str, str]:
    """Return the hidden fields of the form on a page."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', html)
    return {name: unescape(value) for name, value in found}


def press(browser: FlaskClient, page: str, target: str, **chosen: str) -> Any:
    """Press a button on a page: post its form with the session's form key."""
    sesskey = fields(browser.get(page).text)["sesskey"]
    return browser.post(target, data={"sesskey": sesskey} | chosen)


def login_fields(browser: FlaskClient, cm: int = 101, window: int = 0) -> dict[str, str]:
    """Start a launch and return what the platform sends to the tool's login."""
    return fields(browser.get(f"/mod/lti/launch.php?id={cm}&window={window}").text)


def authorization(config: Config, login: dict[str, str], **changed: str) -> dict[str, str]:
    """Return the authorization request a tool makes from a login."""
    return {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": login["client_id"],
        "redirect_uri": config.redirect_uris[0],
        "state": "state-1",
        "nonce": "nonce-1",
        "login_hint": login["login_hint"],
        "lti_message_hint": login["lti_message_hint"],
    } | changed


def launch_claims(
    browser: FlaskClient, config: Config, platform: Lms, cm: int = 101
) -> dict[str, Any]:
    """Go through login and authorization and return the verified claims of the id_token."""
    asked = authorization(config, login_fields(browser, cm))
    posted = fields(browser.get("/mod/lti/auth.php", query_string=asked).text)
    return verified(posted["id_token"], config, platform)


def verified(token: str, config: Config, platform: Lms) -> dict[str, Any]:
    key = jwt.PyJWKSet.from_dict(platform.keys.jwks()).keys[0]
    return jwt.decode(token, key, algorithms=["RS256"], audience=config.secrets.client_id)
