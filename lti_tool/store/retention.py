"""Retention: what is deleted when (law.md 2.1). Counts only; `dry_run` shows them first.

What is past its time is looked for without a lock, then deleted in batches, each a short
transaction of its own: on SQLite there is one writer, and a person with an answer comes first.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    func,
    null,
    select,
    update,
)

from lti_tool.settings import Retention
from lti_tool.store import xapi_persons
from lti_tool.store.database import Database, tidy, us
from lti_tool.store.schema import core, embedded, lti, soll, staff, xapi

STAFF_SESSION_KEPT_DAYS, STAFF_LINK_KEPT_DAYS = 2, 1
COURSE_SIZE_KEPT_DAYS = 30
WORKSHOP_KEPT_DAYS = 30  # votes of a round that nobody closed, after the code has ended
LAUNCH_KEPT_HOURS = 9  # the absolute end of a session, plus an hour
FOUND_AT_ONCE = 5000
BATCH_S = 0.1  # how long one batch should hold the write lock
SMALLEST, FIRST, LARGEST = 20, 200, 2000  # rows of a batch
# Who waits for SQLite's lock looks again after at most 0.1 s; so long it is left free.
PAUSE_S = 0.12


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows per rule, and whether that was all."""

    counts: Mapping[str, int]
    complete: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table are past their time, and what is blanked (None: the row goes)."""

    table: Table
    past: ColumnElement[bool]
    blank: Mapping[str, Any] | None = None


def purge(
    database: Database, kept: Retention, now: datetime, *, dry_run: bool = False
) -> Mapping[str, int]:
    """Delete what is past its time; return rows per rule. Writes and commits unless `dry_run`."""
    if dry_run:
        with database.read() as conn:
            return {name: _count(conn, rule) for name, rule in _rules(kept, now).items()}
    return purge_some(database, kept, now, budget_s=float("inf")).counts


def due(database: Database, kept: Retention, now: datetime, tenant_id: str) -> Mapping[str, int]:
    """Return how many rows of one municipality are past their time, by rule. Reads only."""
    with database.read() as conn:
        return {
            name: _count(conn, Rule(rule.table, rule.past & (rule.table.c.tenant_id == tenant_id)))
            for name, rule in _rules(kept, now).items()
            if "tenant_id" in rule.table.c
        }


def purge_some(database: Database, kept: Retention, now: datetime, *, budget_s: float) -> Purged:
    """Delete what is past its time, as far as `budget_s` reaches. Writes, commits per batch."""
    pace = _Pace(time.monotonic() + budget_s)
    counts = dict.fromkeys(rules := _rules(kept, now), 0)
    for name, rule in rules.items():
        for done in _batches(database, rule, pace):
            counts[name] += done
        if pace.over:
            return Purged(counts, complete=False)
    if sum(counts.values()):
        tidy(database)
    return Purged(counts, complete=True)


@dataclass
class _Pace:
    """How many rows the next batch takes, so that it lasts about BATCH_S; and until when."""

    until: float
    size: int = FIRST
    over: bool = False

    def took(self, seconds: float) -> None:
        fitting = int(self.size * BATCH_S / max(seconds, 1e-3))
        self.size = min(max(SMALLEST, fitting), LARGEST, 2 * self.size)
        self.over = time.monotonic() >= self.until


def _batches(database: Database, rule: Rule, pace: _Pace) -> Iterator[int]:
    """Yield how many rows each batch has done, until nothing is left or the time is over."""
    keys = _past(database, rule)
    while keys and not pace.over:
        batch, keys = keys[: pace.size], keys[pace.size :]
        began = time.perf_counter()
        with database.begin() as conn:
            done = _apply(conn, rule, batch)
        pace.took(time.perf_counter() - began)
        yield done
        if len(keys) == 0 and done:
            keys = _past(database, rule)
        if keys:
            time.sleep(PAUSE_S)


def _past(database: Database, rule: Rule) -> Sequence[Mapping[str, Any]]:
    """Return keys of rows past their time; for a write transaction this would take too long."""
    keys = [column.label(f"key_{column.name}") for column in rule.table.primary_key]
    with database.read() as conn:
        found = conn.execute(select(*keys).where(rule.past).limit(FOUND_AT_ONCE))
        return [dict(row._mapping) for row in found]


def _apply(conn: Connection, rule: Rule, batch: Sequence[Mapping[str, Any]]) -> int:
    here = and_(*(c == bindparam(f"key_{c.name}") for c in rule.table.primary_key))
    # What was found without a lock may have changed: the condition is asked once more.
    if rule.blank is None:
        return conn.execute(delete(rule.table).where(here, rule.past), batch).rowcount
    change = update(rule.table).where(here, rule.past).values(**rule.blank)
    return conn.execute(change, batch).rowcount


def _count(conn: Connection, rule: Rule) -> int:
    return conn.execute(select(func.count()).select_from(rule.table).where(rule.past)).scalar_one()


def _left_behind(limit_us: int) -> ColumnElement[bool]:
    """Return the seats of workshops that nobody has ended since their code."""
    old = select(soll.soll_workshop.c.id).where(soll.soll_workshop.c.expires_us < limit_us)
    return soll.soll_seat.c.workshop_id.in_(old)


def _stored_before(table: Table, limit_us: int) -> ColumnElement[bool]:
    """Return what is older in any municipality: their indexes begin with whose it is."""
    of_somebody = table.c.tenant_id.in_(select(core.tenant.c.id))
    return of_somebody & (table.c.stored_us < limit_us)


def _rules(kept: Retention, now: datetime) -> dict[str, Rule]:
    """Return every rule by name, in the order in which they are applied."""

    def before(days: float) -> int:
        return us(now - timedelta(days=days))

    q, st, out, path = core.question.c, xapi.statement.c, core.outbox.c, core.path.c
    newer = lti.launch.alias("newer")
    has_newer = exists().where(
        newer.c.learner_id == lti.launch.c.learner_id,
        newer.c.platform_id == lti.launch.c.platform_id,
        newer.c.link_id.is_not_distinct_from(lti.launch.c.link_id),
        newer.c.created_us > lti.launch.c.created_us,
    )
    old_launch = lti.launch.c.created_us < before(LAUNCH_KEPT_HOURS / 24)
    return {
        "answers": Rule(
            core.question,
            (q.answered_us < before(kept.answers)) & q.response.is_not(null()),
            {"response": null()},
        ),
        "reflections": Rule(
            core.reflection,
            core.reflection.c.answered_us < before(kept.answers),
        ),
        # Their questions and reflections go with them.
        "attempts": Rule(core.attempt, core.attempt.c.touched_us < before(kept.evidence)),
        "profiles": Rule(core.profile, core.profile.c.computed_us < before(kept.evidence)),
        "evidence": Rule(core.evidence, core.evidence.c.eff_us < before(kept.evidence)),
        "raw statements": Rule(
            xapi.statement,
            # Parked ones have a time of their own: without their text they could not be replayed.
            (st.state != "parked")
            & (st.received_us < before(kept.raw_statements))
            & st.raw.is_not(None),
            {"raw": None, "actor_key": None},
        ),
        "parked statements": Rule(
            xapi.statement,
            and_(xapi.WAITING, st.state == "parked", st.received_us < before(kept.parked)),
        ),
        "recommendation log": Rule(
            core.recommendation,
            core.recommendation.c.made_us < before(kept.recommendations),
        ),
        "withdrawn paths": Rule(
            core.path,
            (path.state == "withdrawn") & (path.made_us < before(kept.evidence)),
        ),
        "delivered outbox": Rule(
            core.outbox,
            (out.state == "delivered")
            # These say what there is to take back when the person asks for it.
            # One by one: a list of values cannot be sent for many rows at once.
            & (
                (
                    (out.kind != "score")
                    & (out.kind != "result")
                    & (out.kind != "plan")
                    & (out.kind != "document")
                    & (out.kind != "asserted")
                    & (out.kind != "levels")
                )
                | out.learner_id.is_(null())
            )
            & (out.delivered_us < before(kept.raw_statements)),
        ),
        "undeliverable withdrawals": Rule(
            core.outbox,
            (out.state == "dead")
            & out.learner_id.is_(null())
            & (out.created_us < before(kept.audit)),
        ),
        "quarantine": Rule(
            xapi.quarantine,
            xapi.quarantine.c.first_seen_us < before(kept.raw_statements),
        ),
        "embedded LRS: search keys": Rule(
            embedded.xapi_link,
            _stored_before(embedded.xapi_link, before(kept.embedded_statements)),
        ),
        "embedded LRS: statements": Rule(
            embedded.xapi_statement,
            _stored_before(embedded.xapi_statement, before(kept.embedded_statements)),
        ),
        # Not today's: a statement that has just brought the same file again is not through yet.
        "embedded LRS: attachments": Rule(
            embedded.xapi_attachment,
            (embedded.xapi_attachment.c.stored_us < before(1)) & xapi_persons.unused(),
        ),
        "embedded LRS: documents": Rule(
            embedded.xapi_document,
            embedded.xapi_document.c.updated_us < before(kept.embedded_documents),
        ),
        "embedded LRS: activities": Rule(
            embedded.xapi_activity,
            embedded.xapi_activity.c.updated_us < before(kept.embedded_statements),
        ),
        "audit": Rule(core.audit, core.audit.c.at_us < before(kept.audit)),
        "revoked rights": Rule(
            staff.staff_grant, staff.staff_grant.c.revoked_us < before(kept.audit)
        ),
        "staff sessions": Rule(
            staff.staff_session,
            staff.staff_session.c.created_us < before(STAFF_SESSION_KEPT_DAYS),
        ),
        "one-time links": Rule(
            staff.staff_link, staff.staff_link.c.expires_us < before(STAFF_LINK_KEPT_DAYS)
        ),
        # Their votes go with them. A workshop that was ended has none any more.
        "seats of workshops": Rule(soll.soll_seat, _left_behind(before(WORKSHOP_KEPT_DAYS))),
        "nonces": Rule(lti.nonce, lti.nonce.c.expires_us < us(now)),
        "course sizes": Rule(
            lti.course_size, lti.course_size.c.asked_us < before(COURSE_SIZE_KEPT_DAYS)
        ),
        "codes for another portal": Rule(core.pairing, core.pairing.c.expires_us < us(now)),
        "placing requests": Rule(lti.placing_request, lti.placing_request.c.expires_us < us(now)),
        # The newest launch of a link stays: it says where a later write-back has to go.
        "old launches": Rule(
            lti.launch,
            old_launch & has_newer,
        ),
    }
