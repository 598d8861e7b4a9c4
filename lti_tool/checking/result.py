"""What a check found, in words for the command line and as a code for other languages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lti_tool.errors import RoadmapError

#: Every code a connection can get; `web/admin/tested.py` has words for each.
CODES = (
    *("address-fine", "address-plain", "nothing", "silent", "broken"),
    *("platform-waits", "platform-blocked", "places-fine", "places-waiting", "places-none"),
    *("keys-fine", "keys-unreachable", "keys-none"),
    *("clock-fine", "clock-unknown", "clock-skew"),
    *("token-fine", "token-unneeded", "token-refused", "token-silent"),
    *(
        "members-fine",
        "members-refused",
        "plans-fine",
        "plans-missing",
        "plans-refused",
        "plans-right",
        "plans-silent",
    ),
    *("cookies-fine", "cookies-lost"),
    *("names-fine", "names-other", "names-random", "names-mixed", "names-unknown"),
    *("lrs-readable", "lrs-late", "lrs-refuses", "lrs-silent", "lrs-busy"),
    *("lrs-writable", "lrs-readonly", "lrs-unknown"),
)


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    ok: bool
    message: str
    remedy: str = ""
    code: str = ""
    values: Mapping[str, str] = field(default_factory=dict)  # what the words need; no secrets

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ok": self.ok,
            "message": self.message,
            "remedy": self.remedy,
            "code": self.code,
            "values": dict(self.values),
        }


def guarded(name: str, look: Callable[[], Result]) -> Result:
    """Return what a look found, or why it could not be taken."""
    try:
        return look()
    except RoadmapError as error:
        return failed(name, error)


def failed(name: str, error: Exception) -> Result:
    message = str(error.args[0] if error.args else type(error).__name__)
    remedy = getattr(error, "remedy", "").strip()
    return Result(name, False, message, remedy, "broken", {"about": name, "why": message})
