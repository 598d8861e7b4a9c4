"""What a page of statements does to the database: everything in the caller's one transaction.

Each statement id is foreign, parked, stored or quarantined, once. New ones of a known learner
become evidence by the mapping tables; which evidence counts is settled per learner and activity
over all of it; learners whose evidence changed get a "refold" job. Times are microseconds.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, select, update

from competency.packs import Content
from lti_tool.seal import Seal
from lti_tool.store import lrs as connections
from lti_tool.store.database import at, insert_ignore
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import evidence, identity
from lti_tool.store.schema.xapi import (
    activity_map,
    late_hist,
    quarantine,
    statement,
    unmapped,
    void,
)
from xapi_bridge import mapping
from xapi_bridge.errors import MalformedStatement
from xapi_bridge.identity import Bindings, aliases, normal
from xapi_bridge.instants import CLAMPED
from xapi_bridge.mapping import Draft, Lifts, Reading, Trust, understand
from xapi_bridge.privacy import without_persons
from xapi_bridge.settle import Claim, settle
from xapi_bridge.statement import (
    VOIDED,
    ActorKey,
    Bad,
    Statement,
    canonical,
    content_text,
    effective_us,
)

EVIDENCE_NAMESPACE = uuid.UUID("b5d2a3a0-6d0f-5c2b-8a51-0c7c1d9a7e42")
LAG_BUCKETS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 86_400)
UNTRUSTED, UNMAPPED, RESENT, CONFLICT = "untrusted", "unmapped", "resent", "actor_conflict"
ID_CONFLICT = "id_conflict"
LONGEST_ACTIVITY, LONGEST_VERB = 512, 255


@dataclass(frozen=True)
class Meaning:
    """What statements are read against: mapping tables, and what each unit teaches."""

    tables: tuple[mapping.Table, ...]
    lifts: Lifts

    @classmethod
    def of(cls, content: Content, folder: Path) -> "Meaning":
        """Return the meaning of the newest packs; private competences are never evidence.

        :raises RulesBroken: a mapping table cannot be used.
        """
        measured = set(content.framework.dimensions)
        lifts = {
            unit.key: {c: span for c, span in unit.lifts.items() if c in measured}
            for unit in content.catalogue.units
        }
        return cls(mapping.load(folder / "mapping"), lifts)


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
    def activities(self) -> dict[str, str]:
        mine = activity_map.c.tenant_id == self.connection.tenant_id
        rows = self.conn.execute(select(activity_map.c.activity, activity_map.c.unit).where(mine))
        return {r.activity: r.unit for r in rows}

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
        touched = self._void([s for s, _ in kept])
        of_learners = [s for s, _ in kept if standings[s.id].learner_id]
        written = {row["statement_id"]: row for row in rows}
        touched |= self.conclude([(s, written[s.id]) for s in of_learners], self.connection.trust)
        self.settle(touched)
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
        people = self._people(keys)
        return {s.id: self._standing(s, people) for s in statements}

    def _people(self, keys: Iterable[ActorKey]) -> dict[ActorKey, set[str]]:
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

    # --- what it proves -----------------------------------------------------------------------

    def conclude(
        self, found: Sequence[tuple[Statement, Mapping[str, Any]]], trust: Trust
    ) -> set[str]:
        """Turn statements of known learners into evidence; return the touched groups.

        Pairs are a statement and its row, which carries learner and times. Nothing is concluded
        twice from one statement id, through whichever LRS it came, nor from a resent event.
        """
        seen = self._concluded({s.id for s, _ in found})
        resent = self._content_seen({row["content_key"] for _, row in found})
        evidence_rows: list[dict[str, Any]] = []
        marks: list[dict[str, Any]] = []
        for s, row in found:
            if UNTRUSTED in row["flags"]:
                continue
            reading = understand(s, self.meaning.tables, self.activities, self.meaning.lifts, trust)
            again = row["content_key"] in resent and s.timestamp_us is not None
            if reading.drafts and not again and s.id not in seen:
                evidence_rows += [self._evidence(draft, row) for draft in reading.drafts]
                resent.add(row["content_key"])
                self.counts["evidence"] += 1
            marks += self._marks(reading, row, again=again)
        insert_ignore(self.conn, evidence, evidence_rows)
        self._mark(marks)
        return {row["group_key"] for row in evidence_rows}

    def _concluded(self, ids: set[str]) -> set[str]:
        rows = self.conn.execute(
            select(evidence.c.statement_id).where(
                evidence.c.tenant_id == self.connection.tenant_id,
                evidence.c.statement_id.in_(ids),
            )
        )
        return set(rows.scalars())

    def _content_seen(self, keys: set[str]) -> set[str]:
        rows = self.conn.execute(
            select(statement.c.content_key).where(
                statement.c.lrs_id == self.connection.id,
                statement.c.content_key.in_(keys),
                statement.c.mapped.is_(True),
            )
        )
        return set(rows.scalars())

    def _evidence(self, draft: Draft, row: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{self.connection.tenant_id}|{row['statement_id']}|{draft.rule_id}"
        return {
            "id": str(uuid.uuid5(EVIDENCE_NAMESPACE, name)),
            "tenant_id": self.connection.tenant_id,
            "learner_id": row["learner_id"],
            "source": "lrs",
            "statement_id": row["statement_id"],
            "rule_id": draft.rule_id,
            "competency": draft.competency,
            "unit": draft.unit,
            "activity": draft.activity,
            "kind": draft.kind,
            "level": draft.level,
            "a": draft.a,
            "b": list(draft.b),
            "category": draft.category,
            "self_report": False,
            "group_key": self.seal.digest("activity", row["learner_id"], draft.activity),
            "eff_us": row["eff_us"],
            "stored_us": row["stored_us"],
            "arrival_us": row["received_us"],
            # Nothing counts before it is settled beside everything else about the same activity.
            "revoked_by": "unsettled",
        }

    def _marks(
        self, reading: Reading, row: Mapping[str, Any], *, again: bool
    ) -> list[dict[str, Any]]:
        flags = [f for f in row["flags"].split(",") if f and f != UNMAPPED]
        if reading.unknown:
            self.unknown[reading.unknown[:400]] += 1
        if reading.unmapped:
            self.counts["unmapped"] += 1
            self._count_unmapped(reading.unmapped, row)
            flags.append(UNMAPPED)
        elif reading.drafts and again:
            flags.append(RESENT)
        mapped = bool(reading.drafts) and not again
        changed = mapped or ",".join(flags) != row["flags"]
        key = {"b_id": row["statement_id"], "mapped": mapped, "flags": ",".join(flags)}
        return [key] if changed else []

    def _mark(self, marks: Sequence[dict[str, Any]]) -> None:
        if marks:
            mine = statement.c.lrs_id == self.connection.id
            change = update(statement).where(mine, statement.c.statement_id == bindparam("b_id"))
            self.conn.execute(
                change.values(mapped=bindparam("mapped"), flags=bindparam("flags")), list(marks)
            )

    def _count_unmapped(self, activity: str, row: Mapping[str, Any]) -> None:
        key = {
            "tenant_id": self.connection.tenant_id,
            "activity": activity[:LONGEST_ACTIVITY],
            "verb": row["verb"][:LONGEST_VERB],
        }
        _add(self.conn, unmapped, key, {"last_us": self.now_us}, 1)

    # --- what takes it back -------------------------------------------------------------------

    def _void(self, statements: Sequence[Statement]) -> set[str]:
        """Note voids, for targets that are here or will come; return the touched groups."""
        allows = self.connection.trust.allows
        said = {s.voids: s.id for s in statements if s.voids and allows(s)}
        voiding = self._voiding(said)
        voids = {target: by for target, by in said.items() if target not in voiding}
        rows = [
            {
                "lrs_id": self.connection.id,
                "tenant_id": self.connection.tenant_id,
                "target_id": target,
                "voided_by": by,
            }
            for target, by in voids.items()
        ]
        self.counts["voided"] += insert_ignore(self.conn, void, rows)
        groups = self.conn.execute(
            select(evidence.c.group_key).where(
                evidence.c.tenant_id == self.connection.tenant_id,
                evidence.c.statement_id.in_(list(voids)),
            )
        )
        return {group for group in groups.scalars() if group}

    def _voiding(self, targets: Iterable[str]) -> set[str]:
        """Return which targets are voiding statements: those cannot be voided."""
        rows = self.conn.execute(
            select(statement.c.statement_id).where(
                statement.c.lrs_id == self.connection.id,
                statement.c.statement_id.in_(list(targets)),
                statement.c.verb == VOIDED,
            )
        )
        return set(rows.scalars())

    def settle(self, groups: set[str]) -> None:
        """Decide anew which evidence of these groups counts; enqueue refolds where it changed."""
        if not groups:
            return
        mine = evidence.c.tenant_id == self.connection.tenant_id
        rows = self.conn.execute(
            select(evidence).where(mine, evidence.c.group_key.in_(groups))
        ).all()
        voided = self._voided({r.statement_id for r in rows})
        by_group: dict[str, list[Row[Any]]] = {}
        for row in rows:
            by_group.setdefault(row.group_key, []).append(row)
        verdict: dict[str, str | None] = {}
        for members in by_group.values():
            verdict |= settle([_claim(r) for r in members], voided)
        changed = [r for r in rows if r.revoked_by != verdict[r.id]]
        if changed:
            self.conn.execute(
                update(evidence)
                .where(evidence.c.id == bindparam("b_id"))
                .values(revoked_by=bindparam("b_by")),
                [{"b_id": r.id, "b_by": verdict[r.id]} for r in changed],
            )
        for learner_id in sorted({r.learner_id for r in changed}):
            SqlJobs(self.conn).enqueue("refold", learner_id, {}, at(self.now_us))

    def _voided(self, ids: set[str]) -> dict[str, str]:
        rows = self.conn.execute(
            select(void.c.target_id, void.c.voided_by).where(
                void.c.tenant_id == self.connection.tenant_id, void.c.target_id.in_(ids)
            )
        )
        return {r.target_id: r.voided_by for r in rows}

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
        for bucket, number in lags.items():
            key = {"lrs_id": self.connection.id, "bucket_s": bucket}
            _add(self.conn, late_hist, key, {}, number)


def trusting(trust: Trust) -> Trust:
    """Return the trust for statements that were judged when they came: their authority is gone."""
    return replace(trust, authorities=frozenset())


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        id=row.id,
        statement_id=row.statement_id,
        competency=row.competency,
        kind=row.kind,
        a=row.a,
        eff_us=row.eff_us,
        stored_us=row.stored_us or 0,
        arrival_us=row.arrival_us,
        revoked_by=row.revoked_by,
    )


def _bucket(lag_s: float) -> int:
    return next((b for b in LAG_BUCKETS_S if lag_s <= b), LAG_BUCKETS_S[-1])


def _add(
    conn: Connection, table: Table, key: Mapping[str, Any], values: Mapping[str, Any], number: int
) -> None:
    """Add to the `count` of a row, making it first if need be."""
    insert_ignore(conn, table, [{**key, **values, "count": 0}])
    change = update(table).values(count=table.c.count + number, **values)
    for column, value in key.items():
        change = change.where(table.c[column] == value)
    conn.execute(change)
