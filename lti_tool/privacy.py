"""The purpose registry: which person data is where, what for, how long, who sees it.

Read from config/privacy.toml (law.md L01). The page „Meine Daten“, the export, the retention job
and the test that no column is forgotten all read this one table.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TablePurpose:
    """One table with person data. `retention` names a setting of [retention], or "" for none."""

    table: str
    purpose: str
    kept: Mapping[str, str]  # language -> words
    shown: Mapping[str, str]
    visible_to: str
    columns: frozenset[str]
    retention: str = ""


@dataclass(frozen=True)
class PersonData:
    tables: Mapping[str, TablePurpose]

    def __iter__(self) -> Iterator[TablePurpose]:
        return iter(self.tables.values())

    @classmethod
    def load(cls, path: Path) -> "PersonData":
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return cls({name: _purpose(name, entry) for name, entry in document.items()})


def _purpose(table: str, entry: Mapping[str, str]) -> TablePurpose:
    return TablePurpose(
        table=table,
        purpose=entry["purpose"],
        kept={"de": entry["kept_de"], "en": entry["kept_en"]},
        shown={"de": entry["shown_de"], "en": entry["shown_en"]},
        visible_to=entry["visible_to"],
        columns=frozenset(entry["columns"]),
        retention=entry.get("retention", ""),
    )
