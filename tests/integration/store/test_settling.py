"""What is settled from the newest pieces on is what settling all of them anew would say."""

import random
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from lti_tool.store import settling
from lti_tool.store.database import Database
from lti_tool.store.schema.core import evidence
from lti_tool.store.schema.xapi import void
from tests.integration.xapi.site import Site, build_site

MINUTE = 60_000_000
GROUP = "g" * 64
ROUNDS, BATCHES = 8, 20


@pytest.fixture
def site(database: Database) -> Site:
    return build_site(database, "http://127.0.0.1:1")


@pytest.mark.parametrize("large", [0, 5, 1000])
def test_arrivals_in_any_order_come_to_the_same_as_all_at_once(
    site: Site, large: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "LARGE", large)
    for seed in range(ROUNDS):
        chance, person = random.Random(seed), site.learner(f"{seed}")
        group = f"{seed:064}"
        for _ in range(BATCHES):
            arrive(site, chance, person, group)
            with site.database.begin() as conn:
                settling.settle_arrivals(conn, {group})
                before = verdicts(conn, group)
                changed = settling.settle_groups(conn, {group})
                assert (changed, verdicts(conn, group)) == (set(), before), seed


def test_of_many_pieces_only_those_are_read_that_may_change(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, read = site.learner("4"), list[int]()
    pieces = settling._pieces

    def counted(*given: Any) -> list[Any]:
        found = pieces(*given)
        read.append(len(found))
        return found

    monkeypatch.setattr(settling, "_pieces", counted)
    with site.database.begin() as conn:
        rows = [row(site, person, GROUP, at=10 * MINUTE * n) for n in range(1000)]
        conn.execute(evidence.insert(), rows)
        settling.settle_arrivals(conn, {GROUP})
        read.clear()
        late = [row(site, person, GROUP, at=at * MINUTE) for at in (9981, 9979, 9983)]
        conn.execute(evidence.insert(), late)
        assert settling.settle_arrivals(conn, {GROUP}) == {person}
    assert sum(read) == 3 + 2  # themselves, and what is at 9980 and 9990


def arrive(site: Site, chance: random.Random, person: str, group: str) -> None:
    """Let a few pieces come, anywhere in an hour; and void some that are there."""
    rows = []
    for _ in range(chance.choice([1, 1, 2, 5])):
        kind = chance.choice([*["completion", "scored"] * 7, "uncompletion"])
        strength = 0.0 if kind == "uncompletion" else chance.choice([0.6, 0.6, 1.2])
        competency = None if kind == "uncompletion" else chance.choice(["4.1", None])
        at = chance.randrange(120) * MINUTE // 2
        rows.append(row(site, person, group, at=at, kind=kind, a=strength, competency=competency))
    with site.database.begin() as conn:
        conn.execute(evidence.insert(), rows)
        here = evidence.c.group_key == group
        known = sorted(set(conn.execute(select(evidence.c.statement_id).where(here)).scalars()))
        gone = set(conn.execute(select(void.c.target_id)).scalars())
        left = [number for number in known if number not in gone]
        for target in chance.sample(left, min(len(left), chance.choice([0, 0, 1, 2]))):
            conn.execute(
                void.insert().values(
                    lrs_id=site.connection.id,
                    tenant_id=site.tenant_id,
                    target_id=target,
                    voided_by=str(uuid.UUID(int=chance.getrandbits(128))),
                )
            )


def row(site: Site, person: str, group: str, *, at: int, **more: Any) -> dict[str, Any]:
    made = {
        "id": str(uuid.uuid4()),
        "tenant_id": site.tenant_id,
        "learner_id": person,
        "source": "lrs",
        "statement_id": str(uuid.uuid4()),
        "rule_id": "r",
        "competency": "4.1",
        "kind": "completion",
        "a": 0.6,
        "b": [],
        "group_key": group,
        "eff_us": at,
        "stored_us": at,
        "arrival_us": at,
        "revoked_by": settling.UNSETTLED,
    }
    return made | more


def verdicts(conn: Any, group: str) -> dict[str, str | None]:
    mine = select(evidence.c.id, evidence.c.revoked_by).where(evidence.c.group_key == group)
    return {r.id: r.revoked_by for r in conn.execute(mine)}
