"""ILIAS 8 to 12, each quirk on its own (reference/ilias.md; tests/doubles/ilias is a rebuilt one).

Decision: ILIAS's `email` claim is kept, although mail is dropped at the door (decisions.md 1.5). It
is no mail but ILIAS's second name of a person, `<id>@<installation>.ilias`, to which nothing can be
sent; without it neither her grade (services, below) nor her xAPI statements find her. It is kept
like `sub`: sealed, findable by a keyed digest, kind `ident`, never shown. An address that could be
a real one is not kept. What would change our mind: an ILIAS that takes `sub` for both.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from lti_tool.ports import DeliveryFailed

LEEWAY_S = 60.0  # tokens live 60 s, and its clock may be as wrong as ours

#: ILIAS 10 misspells this address, 11 ends it with a slash that it does not route: 400 for both.
UNUSABLE_SERVICES = frozenset({"lineitems"})

#: 12 begins every login with the provider's tool URL and puts the object's own target only into the
#: token. That is signed, so it may be followed; where the login names a page, both must agree.
NAMES_TARGET_LATE = True

_IDENT = re.compile(r"(?P<local>[^@]+)@[0-9a-f-]{32,36}\.ilias")
_CUT_IDENT = re.compile(r"(?P<local>[0-9a-f]{40,64})@[^@]+")  # SHA256URL: the last 80 characters
_RANDOM = re.compile(r"[0-9a-f]{32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_REAL_MAIL = re.compile(r"realemail[1-9][0-9]*")
_LONGEST = 255


@dataclass(frozen=True, slots=True)
class Known:
    """Under which names ILIAS knows a person. `ident` is "" if there is none we may keep."""

    subject: str
    ident: str


class Mode(StrEnum):
    """How ILIAS names people (reference/ilias.md section 7), as far as it can be told."""

    NUMBER = "number"  # or a login that is one
    NAME = "name"  # login or external account
    REAL_MAIL = "real-mail"
    RANDOM = "random"
    SHA256 = "sha256"
    SHA256_URL = "sha256-url"
    UNKNOWN = "unknown"


def mode_of(known: Known) -> Mode:
    """Return by which identification ILIAS named this person."""
    subject, local = known.subject, known.ident.partition("@")[0]
    if _REAL_MAIL.fullmatch(subject):
        return Mode.REAL_MAIL
    if not known.ident:
        return Mode.UNKNOWN
    if _RANDOM.fullmatch(local) and subject in (known.ident, local):
        return Mode.RANDOM
    if local == subject and _NUMBER.fullmatch(local):
        return Mode.NUMBER
    if not known.ident.endswith(".ilias"):
        return Mode.SHA256_URL
    return Mode.SHA256 if local == subject and _HASH.fullmatch(local) else Mode.NAME


def modes(people: Iterable[Known]) -> tuple[Mode, ...]:
    """Return the identifications that were seen, the most frequent first; unknown ones do not."""
    seen = Counter(mode for known in people if (mode := mode_of(known)) is not Mode.UNKNOWN)
    return tuple(mode for mode, _number in seen.most_common())


class NobodyThere(DeliveryFailed):
    """404 for every name: ILIAS finds nobody who opened the object under it, or no object."""

    def __init__(self) -> None:
        super().__init__("ILIAS does not find this person in the object.", retry=False)
        self.remedy = "Set the provider's identification to SHA256; open the object again."


def known_as(subject: str, email: object) -> Known:
    """Return whom a launch is about; an `email` of any other form is as if it were not there."""
    ident = _ident(subject, email)
    local = ident.partition("@")[0]
    if _RANDOM.fullmatch(local) and _RANDOM.fullmatch(subject) and local != subject:
        # Mode "random": up to 11 `sub` is new at every launch, only the ident stays, per object.
        return Known(ident, ident)
    return Known(subject, ident)


def _ident(subject: str, email: object) -> str:
    if not isinstance(email, str) or len(email) > _LONGEST or not email.isprintable():
        return ""
    local, _, domain = email.rpartition("@")
    written = f"{local}@{domain.lower()}"  # as statements are compared (xapi_bridge.identity)
    if _IDENT.fullmatch(written):
        return written
    cut = _CUT_IDENT.fullmatch(written)
    return written if cut and subject.endswith(cut["local"]) else ""


def token_failure(status: int) -> str:
    """Return what a failed token request means, "" if nothing special.

    ILIAS fetches our keys at every request, without proxy settings: 500 (8 to 10) or 401 (11 on).
    """
    return "ILIAS cannot fetch or use our keyset" if status in (401, 500) else ""
