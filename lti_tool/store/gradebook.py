"""Columns in grade books that we found or made, and the lock under which that happens.

One row per placed link. Whoever holds the claim looks and makes; others wait and then find it.
And how many learners a course has, where a municipality wants to know that.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select, update

from lti_tool.store.database import Database, at, insert_ignore, upsert, us
from lti_tool.store.schema.lti import course_size, line_item

CLAIM = timedelta(seconds=30)
MOST_MADE = 2  # a column that is deleted again and again is not wanted


@dataclass(frozen=True, slots=True)
class Column:
    url: str  # "" while nobody has found or made it
    given_up: bool


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of one platform's grade books."""

    database: Database
    platform_id: str

    def look(self, context_id: str, link_id: str) -> Column:
        with self.database.read() as conn:
            row = conn.execute(select(line_item).where(*self._mine(context_id, link_id))).first()
        if row is None:
            return Column("", given_up=False)
        return Column(row.url or "", given_up=not row.url and row.made >= MOST_MADE)

    def claim(self, context_id: str, link_id: str, now: datetime) -> bool:
        """Return whether the caller may look for it and make it now; True for one only."""
        key = {"platform_id": self.platform_id, "context_id": context_id, "link_id": link_id}
        row = {**key, "url": None, "claimed_until_us": us(now + CLAIM), "made": 0}
        with self.database.begin() as conn:
            if insert_ignore(conn, line_item, [row]):
                return True
            free = (line_item.c.claimed_until_us <= us(now), line_item.c.url.is_(None))
            mine = update(line_item).where(*self._mine(context_id, link_id), *free)
            return conn.execute(mine.values(claimed_until_us=us(now + CLAIM))).rowcount == 1

    def keep(self, context_id: str, link_id: str, url: str) -> None:
        mine = update(line_item).where(*self._mine(context_id, link_id))
        with self.database.begin() as conn:
            conn.execute(mine.values(url=url, made=line_item.c.made + 1, claimed_until_us=0))

    def forget(self, context_id: str, link_id: str, url: str) -> None:
        """It was deleted in the course: the next score looks for it anew."""
        mine = (*self._mine(context_id, link_id), line_item.c.url == url)
        with self.database.begin() as conn:
            conn.execute(update(line_item).where(*mine).values(url=None))

    def _mine(self, context_id: str, link_id: str):  # type: ignore[no-untyped-def]
        return (
            line_item.c.platform_id == self.platform_id,
            line_item.c.context_id == context_id,
            line_item.c.link_id == link_id,
        )


@dataclass(frozen=True, slots=True)
class Size:
    """How many learners a course had, and when that was asked; None: not told."""

    learners: int | None
    asked: datetime


def size_of(conn: Connection, platform_id: str, context_id: str) -> Size | None:
    mine = (course_size.c.platform_id == platform_id, course_size.c.context_id == context_id)
    row = conn.execute(select(course_size).where(*mine)).first()
    return None if row is None else Size(row.learners, at(row.asked_us))


def keep_size(
    conn: Connection, platform_id: str, context_id: str, learners: int | None, now: datetime
) -> None:
    row = {
        "platform_id": platform_id,
        "context_id": context_id,
        "learners": learners,
        "asked_us": us(now),
    }
    upsert(conn, course_size, row, "platform_id", "context_id")
