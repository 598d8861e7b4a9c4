"""Deep Linking 2.0: what a platform lets an instructor place, and our signed answer.

The return address carries the instructor's session key at Moodle: it is kept sealed, for an hour,
never logged and never shown. What an item points at stands both in its address and in its custom
parameters: ILIAS 8 to 10 keep only the latter, split at `;` and `=`, so neither is used.
Source: 1EdTech LTI Deep Linking 2.0 section 3, reference/moodle.md 2.7, reference/ilias.md 4.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import jwt

from lti_tool.lti.claims import Claims, malformed, texts
from lti_tool.ports import Json, Platform, ToolKey

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
DL = "https://purl.imsglobal.org/spec/lti-dl/claim/"
LINK = "ltiResourceLink"
_LIFE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Item:
    """Something of ours that can stand in a course."""

    page: str  # below the launch: "", "lernpfad", "einheit/A1"
    title: str
    text: str
    role: str = ""  # key of a role, for an assessment of that role
    maximum: int = 0  # points of its column in the grade book; 0: it has none
    resource: str = ""  # what the column is about, where the page says more than that


def wanted(settings: Claims) -> dict[str, Json]:
    """Return what is kept of the settings claim; its return address was checked before.

    :raises Refused: a member has the wrong type.
    """
    kept: dict[str, Json] = {
        "return_url": settings["deep_link_return_url"],
        "links": settings.get("accept_types") is None or LINK in texts(settings, "accept_types"),
        "multiple": _flag(settings, "accept_multiple", absent=False),
        "grades": _flag(settings, "accept_lineitem", absent=True),
    }
    if settings.get("data") is not None:
        kept["data"] = settings["data"]
    return kept


def _flag(settings: Claims, name: str, *, absent: bool) -> bool:
    value = settings.get(name)
    if value is None:
        return absent
    if not isinstance(value, bool):
        raise malformed(name)
    return value


def content_item(item: Item, base_url: str) -> dict[str, Any]:
    """Return one item as the platform keeps it (plain text: Moodle shows markup literally)."""
    made: dict[str, Any] = {
        "type": LINK,
        "url": f"{base_url}/{item.page}",
        "title": item.title,
        "text": item.text,
        "custom": {"page": item.page or "start"} | ({"role": item.role} if item.role else {}),
    }
    if item.maximum:
        made["lineItem"] = {
            "label": item.title,
            "scoreMaximum": item.maximum,
            "resourceId": item.resource or item.page or "start",
            "tag": "roadmap",
            "submissionReview": {
                "reviewableStatus": ["InProgress", "Completed"],
                "label": item.title,
                "url": f"{base_url}/einsicht",
            },
        }
    return made


def answer(
    platform: Platform,
    deployment_id: str,
    settings: Mapping[str, Json],
    items: Sequence[Mapping[str, Any]],
    key: ToolKey,
    now: datetime,
) -> str:
    """Return the signed message for the return address; `data` goes back unaltered."""
    kept = list(items if settings["multiple"] else items[:1])
    claims: dict[str, Any] = {
        "iss": platform.client_id,
        "aud": [platform.issuer, *platform.aliases],
        "iat": int(now.timestamp()),
        "exp": int((now + _LIFE).timestamp()),
        "nonce": secrets.token_hex(16),
        LTI + "deployment_id": deployment_id,
        LTI + "message_type": "LtiDeepLinkingResponse",
        LTI + "version": "1.3.0",
        DL + "content_items": kept if settings["links"] else [],
    }
    if "data" in settings:
        claims[DL + "data"] = settings["data"]
    return jwt.encode(claims, key.pem, algorithm="RS256", headers={"kid": key.kid})
