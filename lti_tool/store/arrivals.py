"""What a page of statements does to the database: everything in the caller's one transaction.

Each statement id is foreign, parked, stored or quarantined, once. What those of known learners
prove is in `conclusions`. Times are microseconds.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, select

from lti_tool.logs import log
from lti_tool.seal import Seal
from lti_tool.store import bulk
from lti_tool.store import lrs as connections
from lti_tool.store.conclusions import UNTRUSTED, Conclusions, Meaning
from lti_tool.store.database import add_to_counts, insert_ignore, insert_missing
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.xapi import (
    late_hist,
    lrs,
    quarantine,
    statement,
)
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.identity import Bindings, aliases, normal
from xapi_bridge.instants import CLAMPED
from xapi_bridge.parts import Actor, ActorKey
from xapi_bridge.privacy import without_persons
from xapi_bridge.statement import PROBE, Bad, Statement, canonical, effective_us

LAG_BUCKETS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 86_400)
MOST_KNOWN = 20_000  # actors: some ten megabytes
CONFLICT = "actor_conflict"
ID_CONFLICT = "id_conflict"
_VALUES = itemgetter(*statement.c.keys())


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be done with a statement, and whose it is.

    state: kept | parked | foreign (nobody of ours) | outside (of what the connection reads).
    """

    state: str
    learner_id: str | None = None
    flag: str = ""


FOREIGN, OUTSIDE, NOBODYS = Standing("foreign"), Standing("outside"), Standing("kept")


class KnownAs:
    """The keyed digests of actors' aliases, remembered from page to page."""

    def __init__(self) -> None:
        self._bindings: Bindings | None = None
        self._found: dict[ActorKey, tuple[str, ...]] = {}

    def digests(
        self, seal: Seal, keys: Collection[ActorKey], bindings: Bindings
    ) -> dict[ActorKey, tuple[str, ...]]:
        """Return the digests under which each actor may be known, with these bindings."""
        if bindings != self._bindings or len(self._found) > MOST_KNOWN:
            self._bindings, self._found = bindings, {}
        for key in keys:
            if key not in self._found:
                self._found[key] = tuple(
                    seal.digest("identity", a.platform_id, a.kind, a.value)
                    for a in aliases(key, bindings)
                )
        return {key: self._found[key] for key in keys}


@dataclass(frozen=True, slots=True)
class Unusable:
    """What cannot be taken in, and why. `known`: its id has been received before."""

    raw: bytes
    reason: str
    known: bool = False


@dataclass
class Arrivals:
    """Takes statements in, in one transaction. Use once per transaction."""

    conn: Connection
    seal: Seal
    connection: LrsConnection
    meaning: Meaning
    now_us: int
    forgotten_us: int | None = None  # what is not for us and older has been counted before
    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    worst_s: float = 0.0  # how late the latest statement was
    known_as: KnownAs = field(default_factory=KnownAs)

    @cached_property
    def bindings(self) -> Bindings:
        return connections.bindings(self.conn, self.connection)

    @cached_property
    def family(self) -> list[str]:
        """All LRSs of the municipality: one statement may come through several."""
        mine = lrs.c.tenant_id == self.connection.tenant_id
        return list(self.conn.execute(select(lrs.c.id).where(mine)).scalars())

    @cached_property
    def conclusions(self) -> Conclusions:
        return Conclusions(
            self.conn,
            self.seal,
            self.connection,
            self.meaning,
            self.now_us,
            self.counts,
            self.unknown,
        )

    def take(self, entries: Iterable[Statement | Bad], hwm_us: int | None) -> Counter[str]:
        """Take in a page; return what was counted. Writes; the caller commits.

        What is new although stored before `hwm_us` was late (None: nothing is called late).
        """
        entries = tuple(entries)
        bad = [Unusable(e.raw, e.reason) for e in entries if isinstance(e, Bad)]
        fresh = self._fresh([e for e in entries if isinstance(e, Statement)], bad)
        standings = self._standings([s for s, _ in fresh])
        kept, parked = self._sort(fresh, standings)
        rows = [self._row(*item, standings[item[0].id], n) for n, item in enumerate(kept + parked)]
        self._quarantine(bad)
        of_learners = [
            (s, row) for (s, _), row in zip(kept, rows, strict=False) if row["learner_id"]
        ]
        touched = self.conclusions.conclude(of_learners, self.connection.trust)
        bulk.insert_all(self.conn, statement, list(map(_VALUES, rows)))
        self._late(rows, hwm_us)
        touched |= self.conclusions.void([s for s, _ in kept])
        self.conclusions.settle(touched)
        self.flush()
        return self.counts

    def flush(self) -> None:
        connections.count(self.conn, self.connection.id, self.counts, self.unknown, self.now_us)

    # --- what is new --------------------------------------------------------------------------

    def _fresh(
        self, statements: Sequence[Statement], bad: list[Unusable]
    ) -> list[tuple[Statement, str]]:
        """Return the statements whose ids are new, with their digests; conflicts join the bad."""
        known, elsewhere = self._known({s.id for s in statements})
        fresh = []
        for s in statements:
            try:
                digest = self.seal.digest("statement", canonical(s))
            except MalformedStatement as error:
                bad.append(Unusable(s.raw, str(error)))
                continue
            if known.get(s.id, elsewhere.get(s.id, digest)) != digest:
                # Another statement under a known id: the first one stays, always.
                bad.append(Unusable(without_persons(s, "conflict"), ID_CONFLICT, s.id in known))
            elif s.id not in known:
                known[s.id] = digest
                fresh.append((s, digest))
        return fresh

    def _known(self, ids: set[str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return id -> digest of what came from this LRS, and from others of the municipality."""
        found: tuple[dict[str, str], dict[str, str]] = ({}, {})
        columns = (statement.c.statement_id, statement.c.digest)
        for lrs_id in self.family:
            within = (statement.c.lrs_id, lrs_id)
            rows = bulk.found(self.conn, columns, within, statement.c.statement_id, list(ids))
            found[lrs_id != self.connection.id].update(rows)
        return found

    # --- whose it is --------------------------------------------------------------------------

    def _standings(self, statements: Sequence[Statement]) -> dict[str, Standing]:
        actors = {s.who: s.actor for s in statements}
        people = self.people({a.key for a in actors.values() if a.key and not a.group})
        whose = {who: self._whose(actor, people) for who, actor in actors.items()}
        return {s.id: self._standing(s, whose[s.who]) for s in statements}

    def people(self, keys: Collection[ActorKey]) -> dict[ActorKey, set[str]]:
        """Return the learners each actor may be: one is known, none waits, two are a conflict."""
        digests = self.known_as.digests(self.seal, keys, self.bindings)
        wanted = {digest for found in digests.values() for digest in found}
        columns, home = (identity.c.digest, identity.c.learner_id), self.connection.tenant_id
        within = (identity.c.tenant_id, home)
        rows = bulk.found(self.conn, columns, within, identity.c.digest, list(wanted))
        owner: dict[str, str] = dict(rows)
        return {k: {owner[d] for d in found if d in owner} for k, found in digests.items()}

    def _standing(self, s: Statement, whose: Standing) -> Standing:
        if s.voids and self.connection.trust.allows(s) and not s.extension(PROBE):
            return NOBODYS  # whoever says it: it is about a statement, not about a person
        scope = self.connection.scope
        # Stores filter badly, or also return what only refers to a match: we look ourselves.
        within = whose is FOREIGN or scope is None or scope.covers(s)
        return whose if within else OUTSIDE

    def _whose(self, actor: Actor, people: Mapping[ActorKey, set[str]]) -> Standing:
        if actor.group:
            named = [k for k in (actor.key, *actor.members) if k]
            return NOBODYS if any(map(self.bindings.knows, named)) else FOREIGN
        key = actor.key
        if key is None or not self.bindings.knows(key):
            return FOREIGN
        learners = people.get(key, set())
        if len(learners) == 1:
            return Standing("kept", next(iter(learners)))
        if self.connection.strict:
            return FOREIGN
        return Standing("parked", flag=CONFLICT if learners else "")

    def _sort(
        self, fresh: list[tuple[Statement, str]], standings: Mapping[str, Standing]
    ) -> tuple[list[tuple[Statement, str]], list[tuple[Statement, str]]]:
        """Return the kept and the parked; the others are counted and forgotten."""
        by_state: dict[str, list[tuple[Statement, str]]] = {}
        for item in fresh:
            by_state.setdefault(standings[item[0].id].state, []).append(item)
        kept, parked = by_state.get("kept", []), by_state.get("parked", [])
        counts = Counter(stored=len(kept), parked=len(parked))
        for state in ("foreign", "outside"):
            counts[state] = self._forget([s for s, _ in by_state.get(state, [])], state)
        self.counts.update(counts, received=counts.total())
        return kept, parked

    def _forget(self, statements: Sequence[Statement], state: str) -> int:
        """Return how many of these were not counted before.

        Only keyed hashes are noted, for as long as the overlap may bring the statements again.
        """
        new = {row["statement_id"]: row for row in map(self._stranger, statements)}
        if not new:
            return 0
        mine = (statement.c.lrs_id == self.connection.id) & statement.c.statement_id.in_(new)
        for known in self.conn.execute(select(statement.c.statement_id).where(mine)).scalars():
            del new[known]
        horizon = self.forgotten_us
        rows = [
            row | {"state": state}
            for row in new.values()
            if horizon is None or row["stored_us"] >= horizon
        ]
        insert_missing(self.conn, statement, rows)
        return len(rows)

    def _stranger(self, s: Statement) -> dict[str, Any]:
        hashed = self.seal.digest("foreign", self.connection.id, s.id)
        return {
            "lrs_id": self.connection.id,
            "statement_id": hashed[:36],
            "tenant_id": self.connection.tenant_id,
            "digest": "",
            "flags": "",
            "mapped": False,
            "stored_us": s.stored_us or self.now_us,
            "received_us": self.now_us,
        }

    def _row(self, s: Statement, digest: str, standing: Standing, position: int) -> dict[str, Any]:
        trust = self.connection.trust
        eff_us, clamped = effective_us(s, blackened=trust.blackened)
        flags = [*s.flags, standing.flag, CLAMPED * clamped, UNTRUSTED * (not trust.allows(s))]
        pseudonym = standing.learner_id or self.actor_key(s.actor.key)
        arrival_us = self.now_us + position
        return {
            "lrs_id": self.connection.id,
            "statement_id": s.id,
            "tenant_id": self.connection.tenant_id,
            "learner_id": standing.learner_id,
            "actor_key": self.actor_key(s.actor.key) if standing.state == "parked" else None,
            "verb": s.verb,
            "object": s.object_id,
            # Of those of known learners only what tells something has one: `conclusions`.
            "content_key": self.conclusions.content_key(s) if standing.state == "parked" else None,
            "digest": digest,
            "flags": ",".join(filter(None, flags)),
            "state": standing.state,
            "raw": without_persons(s, pseudonym),
            "mapped": False,
            "stored_us": arrival_us if s.stored_us is None else s.stored_us,
            "timestamp_us": s.timestamp_us,
            "eff_us": arrival_us if eff_us is None else eff_us,
            "received_us": arrival_us,
        }

    def actor_key(self, key: ActorKey | None) -> str:
        return self.seal.digest("actor", normal(key).text) if key else ""

    # --- what could not be used ---------------------------------------------------------------

    def _quarantine(self, bad: Sequence[Unusable]) -> None:
        rows = {row["digest"]: (row, u) for u in bad for row in [self._set_aside(u)]}
        # The id of a statement that conflicts here has been received before.
        again = insert_ignore(self.conn, quarantine, [r for r, u in rows.values() if u.known])
        new = insert_ignore(self.conn, quarantine, [r for r, u in rows.values() if not u.known])
        self.counts["received"] += new
        self.counts["quarantined"] += new + again
        if new + again and any(u.reason == ID_CONFLICT for u in bad):
            log().error("another statement came under a known id", lrs=self.connection.id)

    def _set_aside(self, unusable: Unusable) -> dict[str, Any]:
        text = unusable.raw.decode("latin-1")
        return {
            "lrs_id": self.connection.id,
            "tenant_id": self.connection.tenant_id,
            "digest": self.seal.digest("bytes", text),
            # What cannot be parsed cannot be freed of names: sealed until somebody looks.
            "raw": self.seal.seal(text),
            "reason": unusable.reason,
            "first_seen_us": self.now_us,
        }

    def _late(self, rows: Sequence[Mapping[str, Any]], hwm_us: int | None) -> None:
        if hwm_us is None:
            return
        lags = [(hwm_us - r["stored_us"]) / 1e6 for r in rows if r["stored_us"] <= hwm_us]
        self.worst_s = max([self.worst_s, *lags])
        late = [
            {"lrs_id": self.connection.id, "bucket_s": bucket, "count": number}
            for bucket, number in sorted(Counter(map(_bucket, lags)).items())
        ]
        add_to_counts(self.conn, late_hist, late, "lrs_id", "bucket_s")


def _bucket(lag_s: float) -> int:
    return next((b for b in LAG_BUCKETS_S if lag_s <= b), LAG_BUCKETS_S[-1])
