"""Dynamic Registration: an author starts it in the repository (ilias.md 2.3, 9.3 steps 5 to 7)."""

import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from tests.doubles.ilias import keys, markup
from tests.doubles.ilias.claims import AGS_SCOPES, NRPS_SCOPE
from tests.doubles.ilias.installation import base, here
from tests.doubles.ilias.world import Provider

TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
LINK, PLACING = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
LONGEST_URL, LONGEST_REDIRECTS = 255, 510

registration = Blueprint("registration", __name__)


class Refused(Exception):
    """What a metadata document is refused for, in profile 12."""


@registration.get("/register")
def in_a_frame() -> str:
    """The page of the repository that holds the tool's, and hears what it says."""
    return markup.frame(
        f"{here().generation.prefix}/ltiregstart.php?{request.query_string.decode()}"
    )


@registration.get("/ltiregstart.php")
def start() -> AnyResponse:
    url = request.args["url"]
    client_id = secrets.token_hex(8)[:15]
    token = {"sub": 6, "aud": client_id, "exp": here().now() + 3600}
    given = urlencode(
        {
            "openid_configuration": f"{base()}{here().generation.prefix}/lticonfig.php",
            "registration_token": keys.sign(token, here().key, here().kid),
        }
    )
    glue = "&" if here().generation.glues or "?" in url else "?"
    return redirect(f"{url}{glue}{given}")


@registration.get("/lticonfig.php")
def configuration() -> Response:
    at, new = f"{base()}{here().generation.prefix}", here().generation.strict
    messages = [{"type": LINK, "placements": []}]
    if not new:
        messages.append({"type": PLACING, "placements": []})
    return jsonify(
        {
            "issuer": base(),
            "authorization_endpoint": f"{at}/ltiauth.php",
            "token_endpoint": f"{at}/ltitoken.php",
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS256"],
            "jwks_uri": f"{at}/lticerts.php",
            "registration_endpoint": f"{at}/ltiregistration.php",
            "scopes_supported": ["openid", *AGS_SCOPES, *([NRPS_SCOPE] if new else [])],
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public", "pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "claims_supported": ["iss", "aud"],
            PLATFORM: {
                "product_family_code": here().generation.families[0],
                "version": here().generation.version,
                "messages_supported": messages,
            },
        }
    )


@registration.post("/ltiregistration.php")
def register() -> AnyResponse | tuple[str, int] | tuple[Response, int]:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token:
        return "Missing Authorization header", 405
    try:
        client_id = keys.verify(token, here().key.public_key())["aud"]
        provider = _provider(request.get_json(), client_id)
    except (KeyError, Refused) as error:
        if here().generation.strict:
            return jsonify(
                {"error": "invalid_client_metadata", "error_description": str(error)}
            ), 400
        return "Internal Server Error", 500
    here().add(provider)
    number = str(provider.id) if here().generation.text_deployment else provider.id
    echo = request.get_json()
    return jsonify(echo | {"client_id": client_id, TOOL: echo[TOOL] | {"deployment_id": number}})


def _provider(sent: dict[str, Any], client_id: str) -> Provider:
    """Return the provider. :raises KeyError: a field is missing; before 12 nothing looks first."""
    if here().generation.strict:
        _check(sent)
    tool = sent[TOOL]
    _ = sent["client_name"]
    placing = next((m for m in tool["messages"] if m["type"] == PLACING), None)
    wants_scores = AGS_SCOPES[3] in sent.get("scope", "").split()
    return Provider(
        id=max(here().providers, default=16) + 1,
        client_id=client_id,
        url=tool["target_link_uri"],
        initiate_login=sent["initiate_login_uri"],
        redirect_uris=list(sent["redirect_uris"]),
        public_keyset=sent["jwks_uri"],
        content_item_url=placing["target_link_uri"] if placing else "",
        # 8 to 10 leave grades off and ignore custom parameters.
        grade_sync=here().generation.line_items and wants_scores,
        custom=dict(tool.get("custom_parameters", {})) if here().generation.line_items else {},
    )


def _check(sent: dict[str, Any]) -> None:
    if "id_token" not in sent["response_types"]:
        raise Refused("response_types")
    if not {"implicit", "client_credentials"} <= set(sent["grant_types"]):
        raise Refused("grant_types")
    _ = sent[TOOL]["domain"], sent["jwks_uri"]
    urls = [sent["initiate_login_uri"], sent["jwks_uri"], sent[TOOL]["target_link_uri"]]
    if max(map(len, urls)) > LONGEST_URL or len("".join(sent["redirect_uris"])) > LONGEST_REDIRECTS:
        raise Refused("an address is too long")
