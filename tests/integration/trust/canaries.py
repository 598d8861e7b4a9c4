"""Strings that must not get out, and every way in which they could be written.

One search for logs, outputs, pages, tables and files; `test_logs.py` proves for each kind of
canary that it finds a leak.
"""

import base64
import html
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import MetaData, select

from lti_tool.store.database import Database

SURE = 8  # bytes: fewer may be there by chance


@dataclass(frozen=True)
class Canaries:
    """Kind of secret -> its strings."""

    strings: Mapping[str, tuple[str, ...]]

    @cached_property
    def _written(self) -> dict[str, frozenset[bytes]]:
        return {
            kind: frozenset(way.lower() for string in strings for way in spellings(string))
            for kind, strings in self.strings.items()
        }

    def leaks(self, said: object, *kinds: str) -> list[str]:
        """Return which kinds (of these, or of all) occur in a text, in any spelling."""
        data = (said if isinstance(said, bytes) else str(said).encode(errors="replace")).lower()
        # A log in JSON may escape what is JSON already.
        plain = data.replace(b"\\\\", b"\\")
        return [
            kind
            for kind, ways in self._written.items()
            if (not kinds or kind in kinds) and any(w in data or w in plain for w in ways)
        ]


def spellings(string: str) -> set[bytes]:
    """Return a string as it may stand in a log, a page, an address, a header or a token."""
    raw = string.encode()
    texts = {string, html.escape(string), quote(string, safe=""), quote_plus(string)}
    texts |= {json.dumps(string)[1:-1], json.dumps(string, ensure_ascii=False)[1:-1], repr(string)}
    return {t.encode() for t in texts} | {raw.hex().encode()} | set(_inside_base64(raw))


def _inside_base64(raw: bytes) -> Iterable[bytes]:
    """Yield what base64 makes of these bytes wherever they stand in a longer text."""
    for before in range(3):
        skipped = -(-before * 8 // 6)  # signs that depend on what stands before
        whole = base64.b64encode(b"\0" * before + raw)
        core = whole.rstrip(b"=")[skipped:]
        core = core[: len(core) - len(core) % 4 - 4]
        if len(core) >= SURE:
            yield core
            yield core.replace(b"+", b"-").replace(b"/", b"_")


def in_tables(
    canaries: Canaries, database: Database, kinds: Iterable[str], without: Iterable[str] = ()
) -> list[str]:
    """Return "table.column: kind" for every column of the database that holds a canary.

    The tables are asked of the database itself: one that is in no schema of ours is found, too.
    """
    found = set[str]()
    tables = MetaData()
    tables.reflect(database.engine)
    for table in tables.sorted_tables:
        if table.name in without:
            continue
        with database.read() as conn:
            for row in conn.execute(select(table)):
                for name, value in row._mapping.items():
                    leaking = canaries.leaks(_shown(value), *kinds)
                    found |= {f"{table.name}.{name}: {kind}" for kind in leaking}
    return sorted(found)


def _shown(value: Any) -> object:
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return value
