"""The six lines that an LMS shows about itself, pasted as they are, in English or German.

ILIAS shows them below a provider after its first save, Moodle under “configuration details”: a
label, a colon, white space, a value. A label is known by its word, because languages and versions
word it differently.
"""

import re
from dataclasses import dataclass

from lti_tool.errors import RoadmapError
from lti_tool.lti.addresses import parse

#: In this order: “Access token URL” is no client, “Public keyset URL” no platform.
_WORDS = (
    ("token_url", "access token url", r"token"),
    ("jwks_url", "public keyset url", r"key\s?set|schlüssel|jwks"),
    ("auth_url", "authentication request url", r"authenti|autoris"),
    ("deployment_id", "deployment id", r"deployment|bereitstell|einsatz"),
    ("client_id", "client id", r"client|klient"),
    ("issuer", "platform id", r"plat+form|issuer|aussteller"),
)
#: What an administrator fills in where there is nothing to paste.
TEMPLATE = "\n".join(
    (
        *("Platform ID: ", "Client ID: ", "Deployment ID: ", "Public keyset URL: "),
        *("Access token URL: ", "Authentication request URL: "),
    )
)


class PasteIncomplete(RoadmapError):
    """The pasted text does not hold the six values. `lines` names those that are missing."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(
            f"These lines are missing or not usable: {', '.join(lines)}.",
            remedy="Copy all six lines that the LMS shows.",
        )
        self.lines = lines


@dataclass(frozen=True, slots=True)
class Pasted:
    issuer: str
    client_id: str
    deployment_id: str
    auth_url: str
    token_url: str
    jwks_url: str


def read_paste(text: str) -> Pasted:
    """Return the values of the six lines, in any order, with any white space around them.

    :raises PasteIncomplete: lines are missing, or an address is none; names them all.
    """
    found = _values(text)
    wrong = [
        label
        for name, label, _word in reversed(_WORDS)
        if not found.get(name) or (name.endswith("_url") and parse(found[name]) is None)
    ]
    if wrong:
        raise PasteIncomplete(wrong)
    return Pasted(**found)


def _values(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        label, _colon, value = line.partition(":")
        name = next((n for n, _, word in _WORDS if re.search(word, label.lower())), None)
        # The first line of a kind counts: what follows may be a heading or a note.
        if name and value.strip():
            found.setdefault(name, value.strip())
    return found
