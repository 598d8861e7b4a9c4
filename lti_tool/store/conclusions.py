"""What statements of known learners prove, and which of it counts, in the caller's transaction.

New statements become evidence by the mapping tables; which evidence counts is settled per learner
and activity over all of it; learners whose evidence changed get a "refold" job.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from competency.framework import Framework
from competency.packs import Content
from lti_tool.seal import Seal
from lti_tool.store import bulk
from lti_tool.store.database import add_to_counts, at, insert_ignore, insert_missing
from lti_tool.store.evidence import behind
from lti_tool.store.foreign_tests import ForeignTests
from lti_tool.store.jobs import SqlJobs
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.schema.core import evidence
from lti_tool.store.schema.xapi import MAPPED, activity_map, statement, unmapped
from lti_tool.store.schema.xapi import void as void_table
from lti_tool.store.settling import settle_arrivals
from xapi_bridge import mapping
from xapi_bridge.aims import Lifts
from xapi_bridge.mapping import Draft, Reading, Trust, understand
from xapi_bridge.statement import VOIDED, Statement, content_text

EVIDENCE_NAMESPACE = uuid.UUID("b5d2a3a0-6d0f-5c2b-8a51-0c7c1d9a7e42")
UNTRUSTED, UNMAPPED, RESENT = "untrusted", "unmapped", "resent"
LONGEST_ACTIVITY, LONGEST_VERB = 512, 255


@dataclass(frozen=True)
class Meaning:
    """What statements are read against: mapping tables, and what each unit teaches."""

    tables: tuple[mapping.Table, ...]
    lifts: Lifts
    framework: Framework | None = None  # for results of other tests; None: there are none

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
        return cls(mapping.load(folder / "mapping"), lifts, content.framework)


@dataclass
class Conclusions:
    """Writes evidence and settles it. Counts go to the caller's counters."""

    conn: Connection
    seal: Seal
    connection: LrsConnection
    meaning: Meaning
    now_us: int
    counts: Counter[str]
    unknown: Counter[str]
    _unmapped: Counter[tuple[str, str]] = field(default_factory=Counter)  # activity and verb
    _readings: dict[tuple[object, ...], Reading] = field(default_factory=dict)

    @cached_property
    def activities(self) -> dict[str, str]:
        mine = activity_map.c.tenant_id == self.connection.tenant_id
        rows = self.conn.execute(select(activity_map.c.activity, activity_map.c.unit).where(mine))
        return {r.activity: r.unit for r in rows}

    @cached_property
    def tests(self) -> ForeignTests:
        home = self.connection.tenant_id
        return ForeignTests(self.conn, self.seal, home, self.meaning.framework)

    def conclude(self, found: Sequence[tuple[Statement, dict[str, Any]]], trust: Trust) -> set[str]:
        """Turn statements of known learners into evidence; return the touched groups.

        Pairs are a statement and its row, which carries learner and times; `mapped` and `flags` in
        it say afterwards what came of it. Nothing is concluded twice from one statement id, through
        whichever LRS it came, nor from a resent event.
        """
        telling: list[tuple[Statement, dict[str, Any], list[dict[str, Any]]]] = []
        for s, row in found:
            if UNTRUSTED in row["flags"]:
                continue
            reading, rows = self._read(s, row, trust)
            if rows or reading.unmapped:
                row["content_key"] = row["content_key"] or self.content_key(s)
            if rows:
                telling.append((s, row, rows))
            self._note(reading, row)
        evidence_rows = self._counting(telling)
        insert_missing(self.conn, evidence, evidence_rows)
        self._count_unmapped()
        return {row["group_key"] for row in evidence_rows}

    def _read(
        self, s: Statement, row: Mapping[str, Any], trust: Trust
    ) -> tuple[Reading, list[dict[str, Any]]]:
        """Return what a statement comes to, and the rows of evidence it would make."""
        if (test := self.tests.of(s)) is not None:
            rows = self.tests.rows(test, s, row, trust, at(self.now_us))
            return Reading(), rows
        # Who it was does not matter any more, only whether it was one person.
        said = (s.did, s.what, s.around, s.outcome, s.actor.group)
        if (reading := self._readings.get(said)) is None:
            meant = self.meaning
            reading = understand(s, meant.tables, self.activities, meant.lifts, trust)
            self._readings[said] = reading
        return reading, [self._evidence(draft, row) for draft in reading.drafts]

    def _counting(
        self, telling: Sequence[tuple[Statement, dict[str, Any], list[dict[str, Any]]]]
    ) -> list[dict[str, Any]]:
        """Return the rows of evidence of what was not said before; mark all, what was not too."""
        seen = self._concluded({s.id for s, _, _ in telling})
        resent = self._content_seen({row["content_key"] for _, row, _ in telling})
        counting = []
        for s, row, rows in telling:
            again = row["content_key"] in resent and s.timestamp_us is not None
            if not again and s.id not in seen:
                counting += rows
                resent.add(row["content_key"])
                self.counts["evidence"] += 1
            row["mapped"] = not again
            if again:
                row["flags"] = _with(row["flags"], RESENT)
        return counting

    def content_key(self, s: Statement) -> str:
        """Return by what an event is known that is sent again under another id."""
        return self.seal.digest("content", content_text(s))

    def _concluded(self, ids: set[str]) -> set[str]:
        if not ids:
            return set()
        mine, column = (evidence.c.tenant_id, self.connection.tenant_id), evidence.c.statement_id
        return {row[0] for row in bulk.found(self.conn, [column], mine, column, list(ids))}

    def _content_seen(self, keys: set[str]) -> set[str]:
        if not keys:
            return set()
        rows = self.conn.execute(
            select(statement.c.content_key).where(
                statement.c.lrs_id == self.connection.id,
                statement.c.content_key.in_(keys),
                MAPPED,
            )
        )
        return set(rows.scalars())

    def _evidence(self, draft: Draft, row: Mapping[str, Any]) -> dict[str, Any]:
        name = f"{self.connection.tenant_id}|{row['statement_id']}|{draft.rule_id}"
        return {
            **behind(self.seal, self.connection.tenant_id, row, draft.activity),
            "id": str(uuid.uuid5(EVIDENCE_NAMESPACE, name)),
            "source": "lrs",
            "rule_id": draft.rule_id,
            "competency": draft.competency,
            "unit": draft.unit,
            "kind": draft.kind,
            "level": draft.level,
            "a": draft.a,
            "b": list(draft.b),
            "category": draft.category,
            "self_report": False,
            "origin": None,
            "until_us": None,
        }

    def _note(self, reading: Reading, row: dict[str, Any]) -> None:
        """Count, and mark in the row, what no rule knows and what stands for no unit."""
        if UNMAPPED in row["flags"]:
            row["flags"] = ",".join(f for f in row["flags"].split(",") if f != UNMAPPED)
        if reading.unknown:
            self.unknown[reading.unknown[:400]] += 1
        if reading.unmapped:
            self.counts["unmapped"] += 1
            activity, verb = reading.unmapped, row["verb"]
            self._unmapped[activity[:LONGEST_ACTIVITY], verb[:LONGEST_VERB]] += 1
            row["flags"] = _with(row["flags"], UNMAPPED)

    def _count_unmapped(self) -> None:
        rows = [
            {
                "tenant_id": self.connection.tenant_id,
                "activity": activity,
                "verb": verb,
                "last_us": self.now_us,
                "count": number,
            }
            for (activity, verb), number in sorted(self._unmapped.items())
        ]
        add_to_counts(self.conn, unmapped, rows, "tenant_id", "activity", "verb")
        self._unmapped.clear()

    def void(self, statements: Sequence[Statement]) -> set[str]:
        """Note voids, for targets that are here or will come; return the touched groups."""
        allows = self.connection.trust.allows
        said = {s.voids: s.id for s in statements if s.voids and allows(s)}
        if not said:
            return set()
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
        self.counts["voided"] += insert_ignore(self.conn, void_table, rows)
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
        changed = settle_arrivals(self.conn, groups)
        SqlJobs(self.conn).enqueue_all("refold", sorted(changed), at(self.now_us))


def _with(flags: str, flag: str) -> str:
    return f"{flags},{flag}" if flags else flag


def trusting(trust: Trust) -> Trust:
    """Return the trust for statements that were judged when they came: their authority is gone."""
    return replace(trust, authorities=frozenset())
