"""Whom an actor may be: from an identifier to the aliases under which a learner may be known.

Pure. An alias is (platform, kind, value); the store finds the learner by its keyed digest. Never
by name, never by a bare number across platforms, never merged by ourselves. Source:
reference/xapi.md section 8. Moodle's default: account home page == issuer, name == sub.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from xapi_bridge.parts import ActorKey

_ILIAS_USER = re.compile(r"ilias-user-([1-9][0-9]*)")
_ACCOUNT_KINDS = ("sub", "ident", "username")


@dataclass(frozen=True, slots=True)
class Alias:
    platform_id: str
    kind: str  # sub | ident | username | usr_id | mail | mail_sha1 | openid
    value: str


@dataclass(frozen=True, slots=True)
class Bindings:
    """Home pages of one LRS connection: which platform speaks there."""

    homes: Mapping[str, str]  # home page without trailing slash -> platform id

    @classmethod
    def of(cls, issuers: Mapping[str, str], extra: Mapping[str, str]) -> "Bindings":
        """Return the bindings of platforms (id -> issuer) and of home pages the admin added."""
        homes: dict[str, str] = {}
        for platform_id, issuer in issuers.items():
            homes.setdefault(_bare(issuer), platform_id)
        origins = [_origin(issuer) for issuer in issuers.values()]
        for platform_id, issuer in issuers.items():
            # ILIAS names only scheme and host; where two platforms share them, nobody is meant.
            if origins.count(_origin(issuer)) == 1:
                homes.setdefault(_origin(issuer), platform_id)
        return cls(homes | {_bare(home): platform_id for home, platform_id in extra.items()})

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(sorted(set(self.homes.values())))

    def platform(self, home: str) -> str | None:
        return self.homes.get(_bare(home))

    def knows(self, key: ActorKey) -> bool:
        """Whether this connection has to do with the actor at all; if not, it is foreign."""
        return key.kind != "account" or self.platform(key.home) is not None


def aliases(key: ActorKey, bindings: Bindings) -> tuple[Alias, ...]:
    """Return every alias a learner with this identifier may have been given; best first."""
    if key.kind == "account":
        platform_id = bindings.platform(key.home)
        return tuple(_account(platform_id, key.value)) if platform_id else ()
    kind, value = _plain(key)
    return tuple(Alias(platform_id, kind, value) for platform_id in bindings.platforms)


def actors(alias: Alias, bindings: Bindings) -> tuple[ActorKey, ...]:
    """Return every identifier a statement may carry for an alias, to be found among the parked."""
    if alias.kind == "mail":
        return (
            ActorKey("mbox", f"mailto:{alias.value}"),
            ActorKey("mbox_sha1sum", sha1(alias.value)),
        )
    if alias.kind == "mail_sha1":
        return (ActorKey("mbox_sha1sum", alias.value),)
    if alias.kind == "openid":
        return (ActorKey("openid", alias.value),)
    name = f"ilias-user-{alias.value}" if alias.kind == "usr_id" else alias.value
    homes = [h for h, platform_id in bindings.homes.items() if platform_id == alias.platform_id]
    found = [ActorKey("account", name, h) for h in homes]
    if alias.kind == "ident":
        found.append(ActorKey("mbox", f"mailto:{alias.value}"))
    return tuple(found)


def sha1(mail: str) -> str:
    """Return the value under which an actor hides a mail address (`mbox_sha1sum`)."""
    return hashlib.sha1(f"mailto:{mail}".encode(), usedforsecurity=False).hexdigest()


def normal(key: ActorKey) -> ActorKey:
    """Return the form under which an actor is parked: no trailing slash, mail domain lower case."""
    if key.kind == "account":
        return ActorKey("account", key.value, _bare(key.home))
    if key.kind == "mbox":
        return ActorKey("mbox", f"mailto:{_mail(key.value)}")
    return key


def _account(platform_id: str, name: str) -> list[Alias]:
    found = [Alias(platform_id, kind, name) for kind in _ACCOUNT_KINDS]
    if user := _ILIAS_USER.fullmatch(name):
        found.append(Alias(platform_id, "usr_id", user.group(1)))
    return found


def _plain(key: ActorKey) -> tuple[str, str]:
    if key.kind == "mbox_sha1sum":
        return "mail_sha1", key.value
    if key.kind == "openid":
        return "openid", key.value
    mail = _mail(key.value)
    return ("ident" if mail.endswith(".ilias") else "mail"), mail


def _mail(mbox: str) -> str:
    """The domain is compared in lower case, the local part exactly."""
    local, _, domain = mbox.partition(":")[2].rpartition("@")
    return f"{local}@{domain.lower()}"


def _bare(home: str) -> str:
    return home.rstrip("/")


def _origin(issuer: str) -> str:
    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}"
