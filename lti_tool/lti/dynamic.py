"""LTI Dynamic Registration 1.0, the tool's side: read what a platform is, and register there.

Whoever opens our registration address makes us fetch a document, so its address is judged like any
other (https, public, no redirects), and the document may speak only for the host it came from.
Nothing a platform says here lets anybody launch: a named human approves first.
Source: 1EdTech LTI Dynamic Registration 1.0 sections 3.3 to 3.6, reference/moodle.md 1.2,
reference/ilias.md 2.3.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from lti_tool.lti import scopes
from lti_tool.lti.addresses import is_linkable, origin
from lti_tool.lti.launch import DEEP_LINKING, SUBMISSION_REVIEW
from lti_tool.lti.login import redirect_uri
from lti_tool.lti.outbound import AddressRefused, Answer, Outbound, Unreachable
from lti_tool.lti.refusal import Code, Refused
from lti_tool.ports import RESOURCE_LINK

PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
NAME = "Mein Lernweg"
DESCRIPTION = "Digitale Kompetenzen einschätzen, Lernpfad planen (roadMAP)"
#: All we ever call, and only where the municipality switched it on.
SCOPES = (scopes.LINE_ITEM, scopes.SCORE, scopes.MEMBERS)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint")
_USED = b"token_already_used"


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a platform says of itself."""

    issuer: str
    auth_url: str
    token_url: str
    jwks_url: str
    registration_url: str
    kind: str  # moodle | ilias | generic
    name: str
    scopes: tuple[str, ...] | None  # None: it does not say which it knows


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What the platform made of us. `manage_url` and `manage_token` change it later, if given."""

    client_id: str
    deployment_id: str
    manage_url: str = ""
    manage_token: str = field(default="", repr=False)


def read_configuration(outbound: Outbound, url: str, *, allow_local_http: bool) -> Configuration:
    """Return what the document under this address says. Sends.

    :raises Refused: the address, the answer or the document cannot be used; names the field.
    """
    if not is_linkable(url, allow_local_http=allow_local_http):
        raise Refused(Code.REGISTRATION_ADDRESS)
    document = _document(_asked(outbound, url), Code.REGISTRATION_CONFIGURATION)
    issuer = _issuer(document, url)
    found = {name: _endpoint(document, name, allow_local_http) for name in _ENDPOINTS}
    family, version = _product(document)
    return Configuration(
        issuer=issuer,
        auth_url=found["authorization_endpoint"],
        token_url=found["token_endpoint"],
        jwks_url=found["jwks_uri"],
        registration_url=found["registration_endpoint"],
        kind=_kind(family),
        name=f"{_TITLES.get(_kind(family), family or 'LTI 1.3')} {version}".strip()[:200],
        scopes=_scopes(document),
    )


def tool_document(base_url: str, known: tuple[str, ...] | None) -> dict[str, Any]:
    """Return our registration: every field that some platform demands, no claim of a name or mail.

    `known` are the scopes the platform knows; of ours only these are asked for.
    """
    wanted = [scope for scope in SCOPES if known is None or scope in known]
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{base_url}/lti/login",
        "redirect_uris": [redirect_uri(base_url)],
        "client_name": NAME,
        "client_name#en": "My learning path",
        "jwks_uri": f"{base_url}/lti/jwks",
        "client_uri": f"{base_url}/",
        "policy_uri": f"{base_url}/datenschutz",
        "token_endpoint_auth_method": "private_key_jwt",
        "id_token_signed_response_alg": "RS256",
        "scope": " ".join(wanted),
        TOOL: _tool(base_url),
    }


def _tool(base_url: str) -> dict[str, Any]:
    launch = redirect_uri(base_url)
    return {
        # Moodle compares it with the target's host and port.
        "domain": urlsplit(base_url).netloc,
        "description": DESCRIPTION,
        "target_link_uri": launch,
        "custom_parameters": {
            "link_history": "$ResourceLink.id.history",
            "context_history": "$Context.id.history",
        },
        "claims": ["iss", "sub"],
        "messages": [
            {"type": RESOURCE_LINK, "target_link_uri": launch, "label": NAME},
            {
                "type": DEEP_LINKING,
                "target_link_uri": launch,
                "label": "Teil von „Mein Lernweg“ einsetzen",
                "placements": ["ContentArea"],
            },
            {"type": SUBMISSION_REVIEW, "target_link_uri": launch},
        ],
    }


def enrol(
    outbound: Outbound, at: Configuration, token: str, document: Mapping[str, Any]
) -> Enrolled:
    """Register at the platform and return what it gave us. Sends.

    :raises Refused: it does not answer, does not want us, or answers without a client id.
    """
    try:
        answer = outbound.post(
            at.registration_url, json.dumps(document).encode(), _headers(token, sends=True)
        )
    except Unreachable:
        raise Refused(Code.REGISTRATION_SILENT) from None
    return _enrolled(_accepted(answer))


def current(outbound: Outbound, url: str, token: str) -> dict[str, Any]:
    """Return our registration as the platform keeps it. Sends. :raises Refused: see `enrol`."""
    try:
        return _accepted(outbound.get(url, accept="application/json", headers=_headers(token)))
    except Unreachable:
        raise Refused(Code.REGISTRATION_SILENT) from None


def change(outbound: Outbound, url: str, token: str, document: Mapping[str, Any]) -> Enrolled:
    """Replace our registration at the platform. Sends. :raises Refused: see `enrol`."""
    try:
        answer = outbound.put(url, json.dumps(document).encode(), _headers(token, sends=True))
    except Unreachable:
        raise Refused(Code.REGISTRATION_SILENT) from None
    return _enrolled(_accepted(answer))


def _asked(outbound: Outbound, url: str) -> Answer:
    try:
        answer = outbound.get(url, accept="application/json")
    except AddressRefused:
        raise Refused(Code.REGISTRATION_ADDRESS) from None
    except Unreachable:
        raise Refused(Code.REGISTRATION_SILENT) from None
    if answer.status != 200:
        raise Refused(Code.REGISTRATION_CONFIGURATION, claim=f"status {answer.status}")
    return answer


def _headers(token: str, *, sends: bool = False) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if sends:
        headers |= {"Content-Type": "application/json", "Accept": "application/json"}
    return headers


def _document(answer: Answer, broken: Code) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise Refused(broken) from None
    if not isinstance(document, dict):
        raise Refused(broken)
    return document


def _issuer(document: Mapping[str, Any], url: str) -> str:
    issuer = _text(document, "issuer", longest=512)
    parts = urlsplit(issuer)
    if origin(issuer) != origin(url) or parts.query or parts.fragment:
        raise Refused(Code.REGISTRATION_ISSUER)
    return issuer


def _endpoint(document: Mapping[str, Any], name: str, allow_local_http: bool) -> str:
    url = _text(document, name, longest=2048)
    if not is_linkable(url, allow_local_http=allow_local_http):
        raise Refused(Code.REGISTRATION_CONFIGURATION, claim=name)
    return url


def _text(document: Mapping[str, Any], name: str, *, longest: int) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value or len(value) > longest or not value.isprintable():
        raise Refused(Code.REGISTRATION_CONFIGURATION, claim=name)
    return value


def _product(document: Mapping[str, Any]) -> tuple[str, str]:
    said = document.get(PLATFORM)
    said = said if isinstance(said, dict) else {}
    words = (said.get("product_family_code"), said.get("version"))
    family, version = (w if isinstance(w, str) and w.isprintable() else "" for w in words)
    return family[:40], version[:40]


_TITLES = {"moodle": "Moodle", "ilias": "ILIAS"}


def _kind(family: str) -> str:
    # ILIAS says "ilias.de" up to 11 and "ilias" later.
    low = family.lower()
    return next((kind for kind in _TITLES if low.split(".")[0] == kind), "generic")


def _scopes(document: Mapping[str, Any]) -> tuple[str, ...] | None:
    said = document.get("scopes_supported")
    if not isinstance(said, list):
        return None
    return tuple(scope for scope in said if isinstance(scope, str))


def _accepted(answer: Answer) -> dict[str, Any]:
    if answer.status in (200, 201):  # Moodle and ILIAS say 200, the standard 201
        return _document(answer, Code.REGISTRATION_ANSWER)
    if _USED in answer.body:
        raise Refused(Code.REGISTRATION_USED)
    if answer.status in (401, 403, 405):  # ILIAS says 405 where the token is missing
        raise Refused(Code.REGISTRATION_TOKEN)
    if answer.status >= 500:
        raise Refused(Code.REGISTRATION_SILENT)
    raise Refused(Code.REGISTRATION_REFUSED, claim=f"status {answer.status}")


def _enrolled(document: Mapping[str, Any]) -> Enrolled:
    client_id = document.get("client_id")
    if not isinstance(client_id, str) or not _short(client_id):
        raise Refused(Code.REGISTRATION_ANSWER, claim="client_id")
    tool = document.get(TOOL)
    deployment = tool.get("deployment_id") if isinstance(tool, dict) else None
    if isinstance(deployment, int) and not isinstance(deployment, bool):
        deployment = str(deployment)  # ILIAS 8 to 11
    url, token = document.get("registration_client_uri"), document.get("registration_access_token")
    return Enrolled(
        client_id,
        deployment if isinstance(deployment, str) and _short(deployment) else "",
        url if isinstance(url, str) else "",
        token if isinstance(token, str) and token.isascii() and token.isprintable() else "",
    )


def _short(value: str) -> bool:
    return 0 < len(value) <= 255 and value.isprintable()
