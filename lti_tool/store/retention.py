"""Retention: what is deleted when (law.md 2.1). Counts only; `dry_run` shows them first."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, null, select, update

from lti_tool.settings import Retention
from lti_tool.store.database import Database, us
from lti_tool.store.schema import core, lti, xapi

LAUNCH_KEPT_HOURS = 9  # the absolute end of a session, plus an hour


def purge(
    database: Database, kept: Retention, now: datetime, *, dry_run: bool = False
) -> Mapping[str, int]:
    """Delete what is past its time; return rows per rule. Writes and commits unless `dry_run`."""
    with database.begin() as conn:
        counts = {name: _apply(conn, *rule, dry_run) for name, rule in _rules(kept, now).items()}
    return counts


def _apply(
    conn: Connection,
    table: Table,
    past: ColumnElement[bool],
    blank: Mapping[str, Any] | None,
    dry_run: bool,
) -> int:
    if dry_run:
        return conn.execute(select(func.count()).select_from(table).where(past)).scalar_one()
    if blank is not None:
        return conn.execute(update(table).where(past).values(**blank)).rowcount
    return conn.execute(delete(table).where(past)).rowcount


Rule = tuple[Table, ColumnElement[bool], Mapping[str, Any] | None]


def _rules(kept: Retention, now: datetime) -> dict[str, Rule]:
    """Return every rule: table, which rows, and what is blanked (None: the row goes)."""

    def before(days: float) -> int:
        return us(now - timedelta(days=days))

    q, st, out, path = core.question.c, xapi.statement.c, core.outbox.c, core.path.c
    newest_launch = (
        select(func.max(lti.launch.c.created_us))
        .group_by(lti.launch.c.learner_id, lti.launch.c.platform_id, lti.launch.c.link_id)
        .scalar_subquery()
    )
    old_launch = lti.launch.c.created_us < before(LAUNCH_KEPT_HOURS / 24)
    return {
        "answers": (
            core.question,
            (q.answered_us < before(kept.answers)) & q.response.is_not(null()),
            {"response": null()},
        ),
        "reflections": (
            core.reflection,
            core.reflection.c.answered_us < before(kept.answers),
            None,
        ),
        # Their questions and reflections go with them.
        "attempts": (core.attempt, core.attempt.c.touched_us < before(kept.evidence), None),
        "profiles": (core.profile, core.profile.c.computed_us < before(kept.evidence), None),
        "evidence": (core.evidence, core.evidence.c.eff_us < before(kept.evidence), None),
        "raw statements": (
            xapi.statement,
            # Parked ones have a time of their own: without their text they could not be replayed.
            (st.state != "parked")
            & (st.received_us < before(kept.raw_statements))
            & st.raw.is_not(None),
            {"raw": None, "actor_key": None},
        ),
        "parked statements": (
            xapi.statement,
            (st.state == "parked") & (st.received_us < before(kept.parked)),
            None,
        ),
        "recommendation log": (
            core.recommendation,
            core.recommendation.c.made_us < before(kept.recommendations),
            None,
        ),
        "withdrawn paths": (
            core.path,
            (path.state == "withdrawn") & (path.made_us < before(kept.evidence)),
            None,
        ),
        "delivered outbox": (
            core.outbox,
            (out.state == "delivered")
            & (out.kind != "score")
            & (out.delivered_us < before(kept.raw_statements)),
            None,
        ),
        "quarantine": (
            xapi.quarantine,
            xapi.quarantine.c.first_seen_us < before(kept.raw_statements),
            None,
        ),
        "embedded LRS: search keys": (
            xapi.xapi_link,
            xapi.xapi_link.c.stored_us < before(kept.embedded_statements),
            None,
        ),
        "embedded LRS: statements": (
            xapi.xapi_statement,
            xapi.xapi_statement.c.stored_us < before(kept.embedded_statements),
            None,
        ),
        "audit": (core.audit, core.audit.c.at_us < before(kept.audit), None),
        "nonces": (lti.nonce, lti.nonce.c.expires_us < us(now), None),
        # The newest launch of a link stays: it says where a later write-back has to go.
        "old launches": (
            lti.launch,
            old_launch & lti.launch.c.created_us.not_in(newest_launch),
            None,
        ),
    }
