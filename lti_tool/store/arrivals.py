"""What a page of statements does to the database: everything in the caller's one transaction.

Each statement id is foreign, parked, stored or quarantined, once. What those of known learners
prove is in `conclusions`. Times are microseconds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select

from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store.conclusions import UNTRUSTED, Conclusions, Meaning
from lti_tool.store.database import add_to_counts, insert_ignore
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import identity
from lti_tool.store.schema.xapi import (
    late_hist,
    quarantine,
    statement,
)
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.identity import Bindings, aliases, normal
from xapi_bridge.instants import CLAMPED
from xapi_bridge.privacy import without_persons
from xapi_bridge.statement import (
    ActorKey,
    Bad,
    Statement,
    canonical,
    content_text,
    effective_us,
)

LAG_BUCKETS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 86_400)
CONFLICT = "actor_conflict"
ID_CONFLICT = "id_conflict"


@dataclass(frozen=True, slots=True)
class Standing:
    """What is to be done with a statement: state kept | parked | foreign, and whose it is."""

    state: str
    learner_id: str | None = None
    flag: str = ""


@dataclass
class Arrivals:
    """Takes statements in, in one transaction. Use once per transaction."""

    conn: Connection
    seal: Seal
    connection: LrsConnection
    meaning: Meaning
    now_us: int
    counts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    @cached_property
    def bindings(self) -> Bindings:
        return connections.bindings(self.conn, self.connection)

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
        """Take in a page; return what was counted. Writes; the caller commits."""
        entries = tuple(entries)
        bad = [(e.raw, e.reason) for e in entries if isinstance(e, Bad)]
        fresh = self._fresh([e for e in entries if isinstance(e, Statement)], bad)
        standings = self._standings([s for s, _ in fresh])
        kept, parked = self._sort(fresh, standings)
        rows = [self._row(*item, standings[item[0].id], n) for n, item in enumerate(kept + parked)]
        self._quarantine(bad)
        if rows:
            self.conn.execute(statement.insert(), rows)
        self._late(rows, hwm_us)
        touched = self.conclusions.void([s for s, _ in kept])
        of_learners = [s for s, _ in kept if standings[s.id].learner_id]
        written = {row["statement_id"]: row for row in rows}
        concluded = [(s, written[s.id]) for s in of_learners]
        touched |= self.conclusions.conclude(concluded, self.connection.trust)
        self.conclusions.settle(touched)
        self.flush()
        return self.counts

    def flush(self) -> None:
        connections.count(self.conn, self.connection.id, self.counts, self.unknown)

    # --- what is new --------------------------------------------------------------------------

    def _fresh(
        self, statements: Sequence[Statement], bad: list[tuple[bytes, str]]
    ) -> list[tuple[Statement, str]]:
        """Return the statements whose ids are new, with their digests; conflicts join the bad."""
        known = self._known({s.id for s in statements})
        fresh = []
        for s in statements:
            try:
                digest = self.seal.digest("statement", canonical(s.document).decode())
            except MalformedStatement as error:
                bad.append((s.raw, str(error)))
                continue
            if s.id not in known:
                known[s.id] = digest
                fresh.append((s, digest))
            elif known[s.id] != digest:
                # Another statement under a known id: the first one stays, always.
                bad.append((without_persons(s, "conflict"), ID_CONFLICT))
        return fresh

    def _known(self, ids: set[str]) -> dict[str, str]:
        rows = self.conn.execute(
            select(statement.c.statement_id, statement.c.digest).where(
                statement.c.lrs_id == self.connection.id, statement.c.statement_id.in_(ids)
            )
        )
        return {r.statement_id: r.digest for r in rows}

    # --- whose it is --------------------------------------------------------------------------

    def _standings(self, statements: Sequence[Statement]) -> dict[str, Standing]:
        keys = {s.actor.key for s in statements if s.actor.key and not s.actor.group}
        people = self.people(keys)
        return {s.id: self._standing(s, people) for s in statements}

    def people(self, keys: Iterable[ActorKey]) -> dict[ActorKey, set[str]]:
        """Return the learners each actor may be: one is known, none waits, two are a conflict."""
        digests = {
            key: [
                self.seal.digest("identity", a.platform_id, a.kind, a.value)
                for a in aliases(key, self.bindings)
            ]
            for key in keys
        }
        wanted = {digest for found in digests.values() for digest in found}
        rows = self.conn.execute(
            select(identity.c.digest, identity.c.learner_id).where(
                identity.c.tenant_id == self.connection.tenant_id, identity.c.digest.in_(wanted)
            )
        )
        owner = {r.digest: r.learner_id for r in rows}
        return {k: {owner[d] for d in found if d in owner} for k, found in digests.items()}

    def _standing(self, s: Statement, people: Mapping[ActorKey, set[str]]) -> Standing:
        if s.voids and self.connection.trust.allows(s):
            return Standing("kept")  # whoever says it: it is about a statement, not about a person
        if s.actor.group:
            named = [k for k in (s.actor.key, *s.actor.members) if k]
            return Standing("kept" if any(map(self.bindings.knows, named)) else "foreign")
        key = s.actor.key
        if key is None or not self.bindings.knows(key):
            return Standing("foreign")
        learners = people.get(key, set())
        if len(learners) == 1:
            return Standing("kept", next(iter(learners)))
        if self.connection.strict:
            return Standing("foreign")
        return Standing("parked", flag=CONFLICT if learners else "")

    def _sort(
        self, fresh: list[tuple[Statement, str]], standings: Mapping[str, Standing]
    ) -> tuple[list[tuple[Statement, str]], list[tuple[Statement, str]]]:
        """Return the kept and the parked; the foreign are counted and forgotten."""
        by_state: dict[str, list[tuple[Statement, str]]] = {"kept": [], "parked": [], "foreign": []}
        for item in fresh:
            by_state[standings[item[0].id].state].append(item)
        strangers = self._forget([s for s, _ in by_state["foreign"]])
        kept, parked = by_state["kept"], by_state["parked"]
        self.counts["stored"] += len(kept)
        self.counts["parked"] += len(parked)
        self.counts["foreign"] += strangers
        self.counts["received"] += len(kept) + len(parked) + strangers
        return kept, parked

    def _forget(self, statements: Sequence[Statement]) -> int:
        """Note keyed hashes only, for as long as the overlap may bring them again."""
        rows = [self._stranger(s) for s in statements]
        return insert_ignore(self.conn, statement, rows)

    def _stranger(self, s: Statement) -> dict[str, Any]:
        hashed = self.seal.digest("foreign", self.connection.id, s.id)
        return {
            "lrs_id": self.connection.id,
            "statement_id": hashed[:36],
            "tenant_id": self.connection.tenant_id,
            "digest": "",
            "flags": "",
            "state": "foreign",
            "mapped": False,
            "stored_us": s.stored_us or self.now_us,
            "received_us": self.now_us,
        }

    def _row(self, s: Statement, digest: str, standing: Standing, position: int) -> dict[str, Any]:
        eff_us, clamped = effective_us(s, blackened=self.connection.trust.blackened)
        untrusted = not self.connection.trust.allows(s)
        flags = [*s.flags, standing.flag, CLAMPED * clamped, UNTRUSTED * untrusted]
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
            "content_key": self.seal.digest("content", content_text(s)),
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

    def _quarantine(self, bad: Sequence[tuple[bytes, str]]) -> None:
        rows: dict[str, dict[str, Any]] = {}
        for raw, reason in bad:
            row = self._set_aside(raw, reason)
            rows[row["digest"]] = row
        conflicts = [r for r in rows.values() if r["reason"] == ID_CONFLICT]
        others = [r for r in rows.values() if r["reason"] != ID_CONFLICT]
        new = insert_ignore(self.conn, quarantine, others)
        # The id of a conflicting statement has been received before.
        self.counts["received"] += new
        self.counts["quarantined"] += new + insert_ignore(self.conn, quarantine, conflicts)

    def _set_aside(self, raw: bytes, reason: str) -> dict[str, Any]:
        text = raw.decode("latin-1")
        return {
            "lrs_id": self.connection.id,
            "tenant_id": self.connection.tenant_id,
            "digest": self.seal.digest("bytes", text),
            # What cannot be parsed cannot be freed of names: sealed until somebody looks.
            "raw": self.seal.seal(text),
            "reason": reason,
            "first_seen_us": self.now_us,
        }

    def _late(self, rows: Sequence[Mapping[str, Any]], hwm_us: int | None) -> None:
        lags: Counter[int] = Counter()
        for row in rows:
            if hwm_us is not None and row["stored_us"] <= hwm_us:
                lags[_bucket((hwm_us - row["stored_us"]) / 1e6)] += 1
        late = [
            {"lrs_id": self.connection.id, "bucket_s": bucket, "count": number}
            for bucket, number in sorted(lags.items())
        ]
        add_to_counts(self.conn, late_hist, late, "lrs_id", "bucket_s")


def _bucket(lag_s: float) -> int:
    return next((b for b in LAG_BUCKETS_S if lag_s <= b), LAG_BUCKETS_S[-1])
