"""What a store can do, found out by asking it. Without consent nothing is written.

What the specification leaves open decides whether a cursor loses statements: on which of its two
times `since` works, in which order it answers, how large its pages are. Read-only, that is derived
from what the store holds; `active` writes two statements with old timestamps and a document, reads
them back, and voids or deletes them. Source: reference/xapi.md section 5.2.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from xapi_bridge.capabilities import SPOKEN, Capabilities
from xapi_bridge.client import Answer, Client
from xapi_bridge.errors import (
    BridgeError,
    CredentialsRefused,
    MoreExpired,
    RequestRefused,
    StatementConflict,
    StoreBusy,
    StoreUnreachable,
)
from xapi_bridge.instants import text_of
from xapi_bridge.probe_by_writing import NEAR_US, Trial
from xapi_bridge.statement import Statement, parse_page

SIZES = (1000, 500, 100, 25)
ASKED = SIZES[0]
OURS = "urn:roadmap:lrs"  # extension of /about by which our own store is known
NOBODY = {"account": {"homePage": "https://nobody.invalid", "name": "nobody"}}
NOTHING = "urn:roadmap:nothing"

_SECOND_US = 1_000_000
_NOT_ABLE = (400, 404, 405, 422, 501)

Json = Any


def probe(
    client: Client, *, active: bool = False, tool: str = "https://tool.invalid"
) -> Capabilities:
    """Return what the store can do. Sends; `active` also writes, in the name of `tool`.

    :raises BridgeError: it cannot be reached, refuses our key, or is no LRS.
    """
    probing = _Probe(client)
    found = probing.read()
    if active and found.usable:
        found = Trial(client, tool).of(found)
    return replace(found, **probing.heard())


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


@dataclass
class _Probe:
    """One probe, read-only. Notes what every answer's headers say."""

    client: Client
    consistent: list[tuple[int, int | None]] = field(default_factory=list)
    limits: dict[str, str] = field(default_factory=dict)
    skew_s: float | None = None
    answers: str = ""
    ours: bool = False
    document_key: bool | None = None

    def read(self) -> Capabilities:
        about = self._about()
        versions = tuple(str(v) for v in about.get("version") or ())
        self.ours = OURS in (about.get("extensions") or {})
        version = self._spoken(versions)
        if not version:
            return Capabilities(versions=versions, version="", write_version="")
        oldest, asked = self._oldest()
        page = parse_page(oldest.body)
        known = [e for e in page.entries if isinstance(e, Statement)]
        capped = asked < ASKED or (page.more and len(page.entries) < ASKED)
        cap = len(page.entries) if capped and page.more else asked if capped else None
        return Capabilities(
            versions=versions,
            version=version,
            write_version=_for_writing(versions, version),
            page_default=self._default(),
            page_cap=cap,
            since=self._since(known),
            order=_order(known),
            boolean=self._boolean(known),
            more=self._more(known),
            last_more=_last_more(oldest.body, page.more),
            may_write=self._may_write(),
            documents=self._documents(),
            document_key=self.document_key,
            voided=self._voided(),
            filters=self._filters(known),
            agents=self._agents(known),
        )

    def heard(self) -> dict[str, Any]:
        """Return what the headers of all answers say."""
        through = [(date, seen) for date, seen in self.consistent if seen is not None]
        lags = [(date - seen) / 1e6 for date, seen in through]
        instants = [seen for _, seen in through]
        present = "trusted" if self.ours else "present"
        return {
            "answers": self.answers,
            "ours": self.ours,
            "skew_s": self.skew_s,
            "limits": self.limits,
            "consistent_through": present if through else "none",
            "consistency_lag_s": round(max(0.0, *lags, 0.0), 1) if lags else None,
            "consistency_monotonic": instants == sorted(instants) if len(through) > 1 else None,
        }

    # --- one question each --------------------------------------------------------------------

    def _about(self) -> Mapping[str, Json]:
        try:
            found = self.client.about()
        except (CredentialsRefused, StoreUnreachable, StoreBusy):
            raise
        except BridgeError:
            return {}  # some stores have no such page; nothing depends on it
        return found if isinstance(found, dict) else {}

    def _spoken(self, versions: Sequence[str]) -> str:
        """Return the best version in which the store answers; "": none of ours."""
        offered = [v for v in SPOKEN if not versions or _minor(v) in map(_minor, versions)]
        for version in offered if versions else ("1.0.3", "2.0.0"):
            self.client.version = version
            try:
                self._ask(limit="1")
            except RequestRefused as error:
                if error.status not in _NOT_ABLE:
                    raise
                refused = RequestRefused(
                    f"There is no LRS at this address ({error.status}).",
                    status=error.status,
                    remedy="Write it without /statements, e.g. https://lrs.stadt.de/xapi.",
                )
            else:
                return version
        if not versions:
            raise refused  # it is no LRS at all, or not this address
        return ""

    def _oldest(self) -> tuple[Answer, int]:
        """Return the oldest page and how much was asked for; some refuse to be asked for much."""
        for size in SIZES[:-1]:
            with suppress(RequestRefused):
                return self._ask(ascending="true", limit=str(size)), size
        return self._ask(ascending="true", limit=str(SIZES[-1])), SIZES[-1]

    def _default(self) -> int | None:
        page = parse_page(self._ask().body)
        return len(page.entries) if page.more else None

    def _since(self, known: Sequence[Statement]) -> str:
        """Ask for the instant at which a statement was stored, long after it happened."""
        if self.ours:
            return "stored"
        if known and known[0].id in self._found(since=text_of(_ahead_us()), ascending="true"):
            return "ignored"
        for s in known:
            stamp, stored = s.timestamp_us, s.stored_us
            if stamp is None or stored is None or stored - stamp <= 2 * _SECOND_US:
                continue
            return "stored" if s.id in self._stored_at(stored) else "timestamp"
        return "unknown"

    def _stored_at(self, stored_us: int) -> set[str]:
        since = text_of(stored_us - NEAR_US)
        until = text_of(stored_us + NEAR_US)
        return self._found(since=since, until=until, ascending="true")

    def _boolean(self, known: Sequence[Statement]) -> str:
        times = {s.stored_us for s in known}
        if len(times) < 2:
            return "unknown"
        oldest, newest = (self._found(ascending=word, limit="1") for word in ("true", "false"))
        return "ignored" if oldest == newest else "lower"

    def _more(self, known: Sequence[Statement]) -> str:
        if len(known) < 2:
            return "unknown"
        more = parse_page(self._ask(ascending="true", limit="1").body).more
        self._follow(more)
        if "://" in more.partition("?")[0]:
            return "absolute"
        signs = {"/": "path", "?": "query", "": "missing"}
        return signs.get(more[:1], "relative")

    def _follow(self, more: str) -> None:
        """Follow a link once: what leads to another server is better said now than at each pull."""
        if more:
            with suppress(MoreExpired):
                self.client.next(more)

    def _may_write(self) -> bool | None:
        try:
            return may_write(self.client)
        except (StoreUnreachable, StoreBusy, StatementConflict):
            return None

    def _documents(self) -> bool | None:
        try:
            self.client.get("agents/profile", {"agent": json.dumps(NOBODY)})
        except RequestRefused as error:
            return False if error.status in _NOT_ABLE else None
        except CredentialsRefused:
            self.document_key = False
            return None
        return True

    def _voided(self) -> bool | None:
        """A store that does not know the parameter answers with a list."""
        try:
            answer = self._ask(voidedStatementId=str(uuid.uuid4()))
        except RequestRefused as error:
            return True if error.status == 404 else None
        except CredentialsRefused:
            return None
        return b'"statements"' not in answer.body

    def _filters(self, known: Sequence[Statement]) -> str:
        around = next(((s, course) for s in known for course in _around(s)), None)
        if around is None:
            return "unknown"
        s, course = around
        asked = {"verb": s.verb, "activity": course, "related_activities": "true", "limit": "1"}
        return self._usable(asked, {"verb": NOTHING, "limit": "1"})

    def _agents(self, known: Sequence[Statement]) -> str:
        s = next((s for s in known if not s.actor.group), None)
        if s is None:
            return "unknown"
        actor = {k: v for k, v in s.document["actor"].items() if k != "name"}
        asked = {"agent": json.dumps(actor), "limit": "1"}
        return self._usable(asked, {"agent": json.dumps(NOBODY), "limit": "1"})

    def _usable(self, some: Mapping[str, str], none: Mapping[str, str]) -> str:
        try:
            works = bool(self._found(**some)) and not self._found(**none)
        except RequestRefused:
            works = False
        return "usable" if works else "unusable"

    # --- asking -------------------------------------------------------------------------------

    def _found(self, **params: str) -> set[str]:
        entries = parse_page(self._ask(**params).body).entries
        return {e.id for e in entries if isinstance(e, Statement)}

    def _ask(self, **params: str) -> Answer:
        answer = self.client.get("statements", params)
        self._hear(answer)
        return answer

    def _hear(self, answer: Answer) -> None:
        fetched = answer.fetched()
        self.answers = fetched.version or self.answers
        if fetched.date_us is not None:
            self.skew_s = round(datetime.now(UTC).timestamp() - fetched.date_us / 1e6 - 0.5, 1)
            self.consistent.append((fetched.date_us, fetched.consistent_through_us))
        for name, value in answer.headers.items():
            if name.lower().endswith(("ratelimit-limit", "ratelimit-policy")):
                self.limits[name.lower()] = value[:80]


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _for_writing(versions: Sequence[str], spoken: str) -> str:
    """What we write is xAPI 1.0.3; a store that has only 2.0 takes it under that name."""
    has_one = any(_minor(v) == "1.0" for v in versions)
    return "1.0.3" if has_one and not spoken.startswith("1.0") else spoken


def _ahead_us() -> int:
    return int((datetime.now(UTC) + timedelta(days=365)).timestamp()) * _SECOND_US


def _order(known: Sequence[Statement]) -> str:
    """Return by which time a page is ordered, where its statements allow only one answer."""
    both = [(s.stored_us, s.timestamp_us) for s in known if s.stored_us and s.timestamp_us]
    stored, stamps = [s for s, _ in both], [t for _, t in both]
    by_stored, by_stamp = stored == sorted(stored), stamps == sorted(stamps)
    if by_stored and by_stamp:
        return "unknown"
    return "stored" if by_stored else "timestamp" if by_stamp else "neither"


def _last_more(body: bytes, more: str) -> str:
    if more:
        return "unknown"
    return "empty" if b'"more"' in body[:200] + body[-200:] else "missing"


def _around(s: Statement) -> list[str]:
    listed = s.context.get("contextActivities") or {}
    some = listed.get("grouping") or listed.get("parent") or []
    return [activity["id"] for activity in (some if isinstance(some, list) else [some])]
