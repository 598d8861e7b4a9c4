"""Statements of the embedded LRS as readers look for them: one, or a page behind an instant.

Source: xAPI 1.0.3 communication 2.1.3 and 2.1.4.
"""

import heapq
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, exists, select, text

from lti_tool.store.schema.embedded import xapi_link, xapi_statement
from lti_tool.store.xapi_links import ACTIVITY, AGENT, SENDER, TARGET, digest

LARGEST_PAGE_BYTES = 16 << 20  # a page ends here, however many statements were asked for
# Said literally, so that the indexes of the few rows can be used.
_POINTING = text("here.target_id IS NOT NULL")


@dataclass(frozen=True, slots=True)
class Query:
    """Filters of GET statements. Identifiers are as in `findable`; instants in microseconds."""

    agent: str = ""
    verb: str = ""
    activity: str = ""
    registration: str = ""
    related_agents: bool = False
    related_activities: bool = False
    since_us: int | None = None
    until_us: int | None = None
    ascending: bool = False
    limit: int = 100

    @property
    def looks_for_something(self) -> bool:
        return bool(self.agent or self.verb or self.activity or self.registration)


Row = tuple[bytes, int]  # body without `stored`, and when that was in microseconds


@dataclass(frozen=True, slots=True)
class Found:
    rows: tuple[Row, ...]
    last_us: int | None  # continue behind this; None: nothing is left


def one(
    conn: Connection, tenant_id: str, statement_id: str, *, voided: bool, sender: str = ""
) -> Row | None:
    """Return body and stored_us of a statement that is (or is not) voided."""
    c = xapi_statement.c
    wanted = select(c.raw, c.stored_us).where(
        c.tenant_id == tenant_id,
        c.statement_id == statement_id,
        c.voided_by.is_not(None) if voided else c.voided_by.is_(None),
        *([_linked(xapi_statement, tenant_id, SENDER, sender)] if sender else []),
    )
    row = conn.execute(wanted).first()
    return None if row is None else (row.raw, row.stored_us)


def find(
    conn: Connection, tenant_id: str, query: Query, behind_us: int | None, sender: str = ""
) -> Found:
    """Return a page of statements in the order of `stored`, beginning behind an instant.

    A statement about another statement is found where the other one would be, voided or not.
    `sender`: only what was sent with this key.
    """
    selects = [_matching(tenant_id, query, behind_us, sender)]
    if query.looks_for_something:
        selects.append(_pointing(tenant_id, query, behind_us, sender))
    with ExitStack() as stack:
        # A thousand large statements are more than fits into memory.
        streams = [
            stack.enter_context(conn.execute(wanted, execution_options={"yield_per": 200}))
            for wanted in selects
        ]
        ordered = heapq.merge(
            *(((r.raw, r.stored_us) for r in rows) for rows in streams),
            key=itemgetter(1),
            reverse=not query.ascending,
        )
        return _page(_once(ordered), query.limit)


def _matching(tenant_id: str, query: Query, behind_us: int | None, sender: str) -> Select[Any]:
    """Look for statements that fit by themselves, along the narrowest index there is."""
    here = xapi_statement.alias("here")
    narrowest = _narrowest(query)
    wanted = _in_order(here, tenant_id, query, behind_us, sender)
    if narrowest is not None:
        kind, identifier, related = narrowest
        link = xapi_link.alias("link")
        wanted = wanted.join(
            link,
            and_(
                *_link(link, tenant_id, kind, identifier, related=related),
                link.c.stored_us == here.c.stored_us,
            ),
        )
    return wanted.where(*_filters(here, tenant_id, query, but=narrowest))


def _pointing(tenant_id: str, query: Query, behind_us: int | None, sender: str) -> Select[Any]:
    """Look for statements about statements: they are few."""
    here, target = xapi_statement.alias("here"), xapi_statement.alias("target")
    link = xapi_link.alias("pointer")
    fits = exists().where(
        link.c.tenant_id == tenant_id,
        link.c.kind == TARGET,
        link.c.stored_us == here.c.stored_us,
        target.c.tenant_id == tenant_id,
        target.c.statement_id == link.c.value,
        *_filters(target, tenant_id, query, but=None),
    )
    return _in_order(here, tenant_id, query, behind_us, sender).where(_POINTING, fits)


def _in_order(
    here: FromClause, tenant_id: str, query: Query, behind_us: int | None, sender: str
) -> Select[Any]:
    stored = here.c.stored_us
    conditions = [here.c.tenant_id == tenant_id, here.c.voided_by.is_(None)]
    if sender:
        conditions.append(_linked(here, tenant_id, SENDER, sender))
    if query.since_us is not None:
        conditions.append(stored > query.since_us)
    if query.until_us is not None:
        conditions.append(stored <= query.until_us)
    if behind_us is not None:
        conditions.append(stored > behind_us if query.ascending else stored < behind_us)
    return (
        select(here.c.raw, stored)
        .where(*conditions)
        .order_by(stored.asc() if query.ascending else stored.desc())
        .limit(query.limit + 1)
    )


_Narrowest = tuple[str, str, bool]  # kind of a link, identifier, related


def _narrowest(query: Query) -> _Narrowest | None:
    if query.registration:
        return None  # it has an index of its own
    if query.agent:
        return AGENT, query.agent, query.related_agents
    if query.activity:
        return ACTIVITY, query.activity, query.related_activities
    return None


def _filters(
    table: FromClause, tenant_id: str, query: Query, but: _Narrowest | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.verb:
        found.append(table.c.verb == digest(query.verb))
    if query.registration:
        found.append(table.c.registration == query.registration)
    for wanted in (
        (AGENT, query.agent, query.related_agents),
        (ACTIVITY, query.activity, query.related_activities),
    ):
        kind, identifier, related = wanted
        if identifier and wanted != but:
            found.append(_linked(table, tenant_id, kind, identifier, related=related))
    return found


def _linked(
    table: FromClause, tenant_id: str, kind: str, identifier: str, *, related: bool = True
) -> ColumnElement[bool]:
    link = xapi_link.alias()
    return exists().where(
        *_link(link, tenant_id, kind, identifier, related=related),
        link.c.stored_us == table.c.stored_us,
    )


def _link(
    link: FromClause, tenant_id: str, kind: str, identifier: str, *, related: bool
) -> list[ColumnElement[bool]]:
    found = [
        link.c.tenant_id == tenant_id,
        link.c.kind == kind,
        link.c.value == digest(identifier),
    ]
    return found if related else [*found, link.c.direct.is_(True)]


def _once(rows: Iterable[Row]) -> Iterator[Row]:
    """Leave out a statement that fits by itself and by what it points to."""
    last = None
    for row in rows:
        if row[1] != last:
            yield row
        last = row[1]


def _page(rows: Iterable[Row], limit: int) -> Found:
    """Return what fits: at least one statement, at most `limit`, and not too many bytes."""
    page: list[Row] = []
    size = 0
    for raw, stored_us in rows:
        size += len(raw)
        if len(page) == limit or (page and size > LARGEST_PAGE_BYTES):
            return Found(tuple(page), page[-1][1])
        page.append((raw, stored_us))
    return Found(tuple(page), None)
