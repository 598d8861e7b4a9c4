"""ILIAS 8 to 12 (reference/ilias.md): tokens live 60 s and clocks are tight, so 60 s leeway.

ILIAS shows six lines after the first save of a provider, each label followed by tabs and a value;
an administrator pastes them as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lti_tool.errors import RoadmapError
from lti_tool.lti.addresses import parse

LEEWAY_S = 60.0

_LABELS = {
    "platform id": "issuer",
    "client id": "client_id",
    "deployment id": "deployment_id",
    "public keyset url": "jwks_url",
    "access token url": "token_url",
    "authentication request url": "auth_url",
}


class PasteIncomplete(RoadmapError):
    """The pasted text is not the six lines that ILIAS shows."""


@dataclass(frozen=True, slots=True)
class Pasted:
    issuer: str
    client_id: str
    deployment_id: str
    auth_url: str
    token_url: str
    jwks_url: str


def read_paste(text: str) -> Pasted:
    """Return the values of ILIAS's six lines, in any order, with any white space around them.

    :raises PasteIncomplete: lines are missing, or an address is none; names them all.
    """
    found = _values(text)
    missing = [label for label, name in _LABELS.items() if not found.get(name)]
    wrong = [
        label
        for label, name in _LABELS.items()
        if name.endswith("_url") and found.get(name) and parse(found[name]) is None
    ]
    if missing or wrong:
        raise PasteIncomplete(
            f"These lines are missing or not usable: {', '.join(missing + wrong)}.",
            remedy="Copy all six lines that ILIAS shows below the provider after saving it.",
        )
    return Pasted(**found)


def _values(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in text.splitlines():
        label, colon, value = line.partition(":")
        name = _LABELS.get(" ".join(label.split()).lower())
        if colon and name:
            found[name] = value.strip()
    return found
