"""The purpose registry knows every column with person data (law.md L01)."""

import pytest

from lti_tool.privacy import PersonData
from lti_tool.settings import ROOT, load
from lti_tool.store.schema import metadata

REGISTRY = PersonData.load(ROOT / "config" / "privacy.toml")
WITH_PERSON = sorted(
    t.name for t in metadata.tables.values() if "learner_id" in t.c or t.name == "learner"
)
#: Tables without a learner's id that still hold what was written about persons.
ABOUT_PERSONS = [
    *("audit", "quarantine", "soll_role", "soll_seat", "soll_version", "soll_vote"),
    *("soll_workshop", "xapi_attachment", "xapi_document", "xapi_link", "xapi_statement"),
    "test_provider",
]
ALL = sorted(WITH_PERSON + ABOUT_PERSONS)


@pytest.mark.parametrize("table", ALL)
def test_every_table_about_a_person_has_a_purpose(table: str) -> None:
    assert table in REGISTRY.tables, f"add [{table}] to config/privacy.toml"


@pytest.mark.parametrize("table", ALL)
def test_every_column_about_a_person_is_listed(table: str) -> None:
    assert REGISTRY.tables[table].columns == set(metadata.tables[table].c.keys())


def test_nothing_is_registered_that_does_not_exist() -> None:
    assert set(REGISTRY.tables) == set(ALL)


def test_every_retention_is_a_setting() -> None:
    retention = load({}).retention
    assert all(hasattr(retention, p.retention) for p in REGISTRY if p.retention)


def test_nobody_but_the_learner_sees_a_result() -> None:
    results = ("question", "reflection", "evidence", "profile", "attempt", "recommendation")
    assert {REGISTRY.tables[t].visible_to for t in results} == {"learner"}
    assert REGISTRY.tables["identity"].visible_to == "nobody"
