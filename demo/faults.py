"""Faults a test can switch on: wrong clock, missing claims, dead, slow or babbling services.

All off by default; they can be changed over HTTP in test mode only (`/faults`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

SERVICES = ("jwks", "token", "ags", "nrps", "plan")
KINDS = ("dead", "slow", "html")


class UnknownFault(ValueError):
    """The test asked for a fault that does not exist."""


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults in force."""

    skew_s: int = 0  # added to the platform's clock
    drop_claims: tuple[str, ...] = ()  # left out of the next id_tokens
    claims: Mapping[str, Any] = field(default_factory=dict)  # replaced in the next id_tokens
    services: Mapping[str, str] = field(default_factory=dict)  # service -> dead | slow | html
    slow_s: float = 5.0
    score_conflict: bool = False  # every score is answered with 409
    web_service: Mapping[str, str] = field(default_factory=dict)  # function -> errorcode
    foreign_key: bool = False  # id_tokens are signed with a key that is not published


def parse(raw: Mapping[str, Any]) -> Faults:
    """Return the faults of a JSON document. :raises UnknownFault: a name or kind is unknown."""
    known = {f.name for f in fields(Faults)}
    if unknown := set(raw) - known:
        raise UnknownFault(f"unknown: {sorted(unknown)}; known: {sorted(known)}")
    for service, kind in raw.get("services", {}).items():
        if service not in SERVICES or kind not in KINDS:
            raise UnknownFault(f"service {service!r} cannot be {kind!r}")
    values = {**raw, "drop_claims": tuple(raw.get("drop_claims", ()))}
    return Faults(**values)


class Clock:
    """The platform's clock, wrong by the skew that a fault asks for."""

    def __init__(self) -> None:
        self.skew_s = 0

    def now(self) -> int:
        """Return whole unix seconds."""
        return int(time.time()) + self.skew_s
