"""How often logins and launches were refused, by day, code and platform. No person, no address."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, update

from lti_tool.store.database import insert_ignore
from lti_tool.store.schema.lti import refusal


def count(
    conn: Connection, code: str, platform_id: str, now: datetime, skew_s: float | None
) -> None:
    """Count one refusal. Writes."""
    key = {"day": now.date().isoformat(), "code": code, "platform_id": platform_id}
    if insert_ignore(conn, refusal, [{**key, "count": 1, "skew_s": skew_s}]):
        return
    matching = [refusal.c[name] == value for name, value in key.items()]
    conn.execute(update(refusal).where(*matching).values(count=refusal.c.count + 1, skew_s=skew_s))


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often one code came on one day from one platform ("": nobody knows which)."""

    day: str
    code: str
    platform_id: str
    count: int
    skew_s: float | None


def rows(conn: Connection, day: str) -> list[Refusal]:
    """Return the counts since a day (ISO date), day by day."""
    found = conn.execute(select(refusal).where(refusal.c.day >= day).order_by(refusal.c.day))
    return [Refusal(*row) for row in found]


def since(conn: Connection, day: str) -> dict[str, int]:
    """Return the count per code since a day (ISO date)."""
    counts: dict[str, int] = {}
    for row in conn.execute(select(refusal).where(refusal.c.day >= day)):
        counts[row.code] = counts.get(row.code, 0) + row._mapping["count"]
    return counts
