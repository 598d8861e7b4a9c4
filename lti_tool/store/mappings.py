"""Which LMS activity is which Lerneinheit, and which activities nobody has mapped yet."""

import csv
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from lti_tool.errors import RoadmapError
from lti_tool.store.database import upsert, us
from lti_tool.store.schema.xapi import activity_map, unmapped

HEADER = ["activity_iri", "unit"]


class MappingInvalid(RoadmapError):
    """The table cannot be used; names the line."""


def read_csv(path: Path) -> dict[str, str]:
    """Return activity -> unit of a CSV with the header `activity_iri,unit`.

    :raises MappingInvalid: the file cannot be read, or a line is not usable.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise MappingInvalid(f"{path} cannot be read as UTF-8 text.") from None
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    rows = list(csv.reader(text.splitlines(), delimiter=delimiter))
    if not rows or [cell.strip() for cell in rows[0]] != HEADER:
        raise MappingInvalid(f"{path}, line 1: the header must be {','.join(HEADER)}.")
    found: dict[str, str] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(HEADER) or not all(cell.strip() for cell in row):
            raise MappingInvalid(f"{path}, line {number}: an address and a unit are needed.")
        found[row[0].strip()] = row[1].strip()
    return found


def add(conn: Connection, tenant_id: str, mapping: Mapping[str, str], now: datetime) -> None:
    """Add or change mappings. Writes."""
    for activity, unit in mapping.items():
        row = {
            "tenant_id": tenant_id,
            "activity": activity,
            "unit": unit,
            "created_us": us(now),
        }
        upsert(conn, activity_map, row, "tenant_id", "activity")


def of_tenant(conn: Connection, tenant_id: str) -> dict[str, str]:
    rows = conn.execute(select(activity_map).where(activity_map.c.tenant_id == tenant_id))
    return {r.activity: r.unit for r in rows}


def still_unmapped(conn: Connection, tenant_id: str) -> list[dict[str, Any]]:
    """Return the activities that were completed but mean nothing to us yet, most frequent first."""
    rows = conn.execute(
        select(unmapped)
        .where(unmapped.c.tenant_id == tenant_id)
        .order_by(unmapped.c.count.desc(), unmapped.c.activity)
    )
    return [{"activity": r.activity, "verb": r.verb, "count": r.count} for r in rows]
