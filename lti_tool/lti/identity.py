"""Who else a launch says this person is: a trusted attribute, or a former LTI 1.1 id.

Both count only where the operator said so for this platform, and only as a way to find a person who
is known already. An attribute (a personnel number, say) is compared by its keyed digest and never
kept. A 1.1 id counts only with the signature of the old consumer's secret: without it anybody who
can make a platform send a claim could become anybody.
Source: 1EdTech “LTI 1.3 migration” (claim lti1p1), domain/law.md L14.
"""

import base64
import hashlib
import hmac

from lti_tool.lti.claims import Claims, optional, section
from lti_tool.lti.refusal import Refused
from lti_tool.ports import Consumer, Platform

LTI = "https://purl.imsglobal.org/spec/lti/claim/"
SOURCED_ID = "person_sourcedid"
CUSTOM = "custom:"


def trusted_attribute(claims: Claims, platform: Platform) -> str:
    """Return the value that tells this person at several platforms, "" if there is none."""
    name = platform.trusted
    if not name:
        return ""
    if name == SOURCED_ID:
        value = optional(section(claims, LTI + "lis"), SOURCED_ID)
    else:
        value = optional(section(claims, LTI + "custom"), name.removeprefix(CUSTOM))
    value = value.strip()
    return "" if value.startswith("$") else value  # a variable the platform did not resolve


def former_id(claims: Claims, platform: Platform, consumer: Consumer | None) -> str:
    """Return the person's id as an LTI 1.1 consumer sent it, "" unless it is signed."""
    if consumer is None:
        return ""
    try:
        claim = section(claims, LTI + "lti1p1")
        user, key = optional(claim, "user_id"), optional(claim, "oauth_consumer_key")
        signature = optional(claim, "oauth_consumer_key_sign")
    except Refused:
        return ""  # an unusable claim of an old standard is as if it were not there
    good = hmac.compare_digest(signature.encode(), signed(claims, platform, consumer).encode())
    return user if key == consumer.key and good else ""


def signed(claims: Claims, platform: Platform, consumer: Consumer) -> str:
    """Return what `oauth_consumer_key_sign` has to be for this launch."""
    parts = (
        consumer.key,
        claims.get(LTI + "deployment_id"),
        claims.get("iss"),
        platform.client_id,
        claims.get("exp"),
        claims.get("nonce"),
    )
    base = "&".join(str(part) for part in parts)
    mac = hmac.new(consumer.secret.encode(), base.encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()
