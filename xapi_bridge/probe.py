"""What a store can do, found out by asking it; nothing is ever written.

Small on purpose: versions, page cap, whether `since` works on `stored`, Consistent-Through.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xapi_bridge.client import Client
from xapi_bridge.errors import BridgeError, CredentialsRefused, RequestRefused, StoreUnreachable
from xapi_bridge.statement import Statement, parse_page

ASKED = 1000
OURS = "urn:roadmap:lrs"  # extension of /about by which our own store is known
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Capabilities:
    versions: tuple[str, ...]
    page_cap: int | None  # None: at least `ASKED`, or too few statements to tell
    since: str  # stored | timestamp | unknown (too few statements to tell)
    consistent_through: str  # trusted | present | none
    ours: bool

    def document(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what an admin should know, in words."""
        found = []
        if self.since == "timestamp":
            found.append(
                "This store filters by `timestamp`: late statements can be missed. "
                "Let it forward to /xapi instead."
            )
        if self.page_cap is not None and self.page_cap < 100:
            found.append(f"It gives at most {self.page_cap} statements per page: imports are slow.")
        if self.consistent_through == "none":
            found.append(
                "It does not say up to when its answers are complete; overlap covers that."
            )
        return tuple(found)


def probe(client: Client) -> Capabilities:
    """Return what the store can do.

    :raises BridgeError: it cannot be reached, or refuses our key.
    """
    about = _about(client)
    fetched = client.first(None, ASKED)
    page = parse_page(fetched.body)
    ours = OURS in (about.get("extensions") or {})
    seen = "present" if fetched.consistent_through_us is not None else "none"
    return Capabilities(
        versions=tuple(str(v) for v in about.get("version") or ()),
        page_cap=len(page.entries) if page.more and len(page.entries) < ASKED else None,
        since=_since(client, [e for e in page.entries if isinstance(e, Statement)]),
        consistent_through="trusted" if ours and seen == "present" else seen,
        ours=ours,
    )


def may_write(client: Client) -> bool:
    """Return whether the store would take statements from our key: it is offered none. Sends.

    A store that looks at the list before the key says 400 to an empty one; that is no refusal.

    :raises BridgeError: it cannot be reached.
    """
    try:
        client.offer_nothing()
    except CredentialsRefused:
        return False
    except RequestRefused:
        return True
    return True


def _about(client: Client) -> Mapping[str, Any]:
    try:
        found = client.about()
    except (CredentialsRefused, StoreUnreachable):
        raise
    except (RequestRefused, BridgeError):
        return {}  # some stores have no such page; nothing depends on it
    return found if isinstance(found, dict) else {}


def _since(client: Client, statements: list[Statement]) -> str:
    """Ask for what was stored after an instant between a statement's two times: is it there?"""
    for statement in statements:
        stamp, stored = statement.timestamp_us, statement.stored_us
        if stamp is not None and stored is not None and stored - stamp > 2 * _SECOND_US:
            between = (stamp + stored) // 2
            found = parse_page(client.first(between, ASKED).body).entries
            ids = {e.id for e in found if isinstance(e, Statement)}
            return "stored" if statement.id in ids else "timestamp"
    return "unknown"
