"""What an operator deletes in an LRS leaves no trace there: found person by person, on both
databases. A store that has lost everything takes nothing back."""

from dataclasses import replace
from typing import Any

import pytest

from lti_tool.store.pull import SqlPullStore
from lti_tool.store.reconciling import ALL_GONE, NO_FILTER, SAMPLE, Looked, look_for_deleted
from tests.doubles.lrs.store import Store
from tests.integration.xapi.site import VOIDED, Site, statement_of
from tests.integration.xapi.test_stores import counting, page, stands


def look(site: Site, budget_s: float = 60.0) -> Looked:
    return look_for_deleted(
        site.database,
        site.seal,
        site.connection.id,
        page_size=100,
        patience_s=0.0,
        budget_s=budget_s,
    )


def found(site: Site) -> tuple[int, int, str]:
    (last,) = stands(site).rounds
    assert (last.kind, last.running) == ("deleted", False)
    return last.seen, last.found, last.note


def people(site: Site, store: Store, each: int, *names: str) -> dict[str, list[str]]:
    """Let everybody complete as many activities, and pull that."""
    for name in names:
        site.learner(name)
    site.map(**{f"a{n}": "U1" for n in range(each)})
    made = {
        name: [store.put(statement_of(name, activity=page(n))) for n in range(each)]
        for name in names
    }
    site.pull()
    return made


def test_what_was_deleted_there_does_not_count_here_any_more(site: Site, store: Store) -> None:
    made = people(site, store, 4, "4", "5", "6")
    store.lose(made["5"][0], made["6"][3])
    assert look(site) == Looked(complete=True, gone=2)
    assert found(site) == (12, 2, "")
    lost = {made["5"][0], made["6"][3]}
    sent = {i for ids in made.values() for i in ids}
    assert {e.statement_id for e in counting(site)} == sent - lost
    assert {r.statement_id for r in site.rows() if r.raw is None} == lost
    assert look(site) == Looked(complete=True, gone=0)


def test_what_is_there_again_counts_again(site: Site, store: Store) -> None:
    made = people(site, store, 4, "4")
    kept = [r for r in store.rows if r.id == made["4"][1]]
    store.lose(made["4"][1])
    look(site)
    assert len({e.statement_id for e in counting(site)}) == 3
    store.rows += kept
    look(site)
    assert len({e.statement_id for e in counting(site)}) == 4


def test_what_is_voided_there_was_not_deleted(site: Site, store: Store) -> None:
    """Also by somebody whose voids we do not believe: it is still there."""
    made = people(site, store, 4, "4")
    ref = {"objectType": "StatementRef", "id": made["4"][0]}
    store.put(statement_of(verb={"id": VOIDED}, object=ref))
    assert look(site).gone == 0


def test_what_a_list_by_agent_misses_is_asked_for_by_its_id(site: Site, store: Store) -> None:
    """People whose accounts are spelled otherwise there, or a filter that leaves some out."""
    learner = site.learner("anna.gross@stadt.example", "mail")
    made = [
        store.put(statement_of(actor={"mbox": "mailto:anna.gross@STADT.example"})) for _ in range(3)
    ]
    site.pull()
    assert {r.learner_id for r in site.rows()} == {learner}
    store.lose(made[0])
    asked = len(store.asked)
    assert look(site).gone == 1
    singles = [q for _, _, q in store.asked[asked:] if "statementId" in q]
    assert len(singles) >= 3


def test_a_store_that_lost_everything_takes_nothing_back(site: Site, store: Store) -> None:
    people(site, store, 10, "4", "5")
    before = len(counting(site))
    store.rows.clear()
    assert look(site).complete
    assert len(counting(site)) == before > SAMPLE
    assert found(site) == (0, 0, ALL_GONE)


def test_where_the_store_cannot_list_by_agent_nothing_is_asked(site: Site, store: Store) -> None:
    people(site, store, 2, "4")
    site.leads_to(site.connection.endpoint, agents="unusable")
    asked = len(store.asked)
    assert look(site).complete
    assert len(store.asked) == asked
    assert found(site)[2] == NO_FILTER


def test_a_look_without_time_goes_on_behind_the_person_where_it_was(
    site: Site, store: Store
) -> None:
    made = people(site, store, 2, "4", "5", "6")
    store.lose(*(ids[0] for ids in made.values()))
    assert [look(site, budget_s=0.0).gone for _ in range(3)] == [1, 1, 1]
    assert look(site, budget_s=0.0) == Looked(complete=True)
    assert found(site) == (6, 3, "")


def test_a_look_and_a_pull_do_not_meet(site: Site, store: Store) -> None:
    people(site, store, 1, "4")
    held = SqlPullStore(site.database, site.seal, site.connection, site.meaning)
    with held.lease() as lease:
        assert lease is not None
        assert look(site).busy


@pytest.mark.parametrize("knobs", [{"hides_voided": False, "filters": False}], ids=["ralph"])
def test_a_store_like_ralph_is_looked_through_as_well(
    site: Site, store: Store, knobs: dict[str, Any]
) -> None:
    made = people(site, store, 3, "4")
    store.knobs = replace(store.knobs, since="timestamp", **knobs)
    store.lose(made["4"][2])
    assert look(site).gone == 1
