"""A registration by hand: the values an admin types, checked, and what looks odd about them.

And bringing an automatic one up to date (`dynamic` speaks to the platform).
"""

from dataclasses import dataclass
from typing import Any

from lti_tool.errors import RoadmapError
from lti_tool.lti import dynamic
from lti_tool.lti.addresses import is_linkable, parse
from lti_tool.lti.keys import KeySetBroken, usable_entries
from lti_tool.lti.outbound import Outbound, Unreachable
from lti_tool.lti.refusal import Refused
from lti_tool.settings import Settings


class RegistrationInvalid(RoadmapError):
    """A value of the registration cannot be used; names it."""


@dataclass(frozen=True, slots=True)
class Registration:
    kind: str
    issuer: str
    client_id: str
    deployment_ids: tuple[str, ...]
    auth_url: str
    token_url: str
    jwks_url: str

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def warnings_of(registration: Registration, settings: Settings) -> list[str]:
    """Return what looks odd; a platform that cannot be reached now may well be reached later.

    :raises RegistrationInvalid: an address is none, or not https outside development.
    """
    for name in ("issuer", "auth_url", "token_url", "jwks_url"):
        require_address(name, getattr(registration, name), settings)
    outbound = Outbound.of(settings.security)
    try:
        answer = outbound.get(registration.jwks_url, accept="application/json")
        usable = bool(usable_entries(answer))
    except (Unreachable, KeySetBroken):
        usable = False
    if usable:
        return []
    return ["The public keyset cannot be read now. Launches will fail until it can be."]


def require_address(name: str, url: str, settings: Settings) -> None:
    """:raises RegistrationInvalid: it is none, or not https outside development."""
    if parse(url) is None:
        raise RegistrationInvalid(f"{name} is not an address.", remedy="Copy it from the LMS.")
    if not is_linkable(url, allow_local_http=settings.security.allow_local_http):
        raise RegistrationInvalid(
            f"{name} must be https.",
            remedy="Plain http is for loopback and development only (security.allow_local_http).",
        )


def refresh(url: str, token: str, settings: Settings) -> bool:
    """Make the platform keep what we are now; return whether it kept something else. Sends.

    :raises RegistrationInvalid: the platform does not answer, or refuses.
    """
    outbound = Outbound.of(settings.security)
    try:
        kept = dynamic.current(outbound, url, token)
        wanted = dynamic.tool_document(settings.server.base_url, None)
        if _holds(kept, {**wanted, "scope": kept.get("scope")}):
            return False
        dynamic.change(outbound, url, token, {**kept, **wanted})
    except Refused as refused:
        raise RegistrationInvalid(
            f"The LMS did not take the change ({refused.code.slug}).",
            remedy="Start the registration there once more.",
        ) from None
    return True


def _holds(kept: Any, wanted: Any) -> bool:
    """Return whether everything wanted is there; platforms add fields of their own."""
    if isinstance(wanted, dict) and isinstance(kept, dict):
        return all(_holds(kept.get(name), value) for name, value in wanted.items())
    return bool(kept == wanted)
