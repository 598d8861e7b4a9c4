"""Two towns in one database: no row of the one is ever read, changed or deleted by the other.

They share whatever can be shared: the LMS's issuer, persons' ids, statement ids and activities.
Every table with a tenant holds rows of both before anything is asked.
"""

import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from sqlalchemy import Table, func, select

from lti_tool.errors import NotFound
from lti_tool.flows import persons, plan, profiles, role_list, soll
from lti_tool.flows.role_list import RoleDraft
from lti_tool.ports import Actor
from lti_tool.store import checkups, lrs, mappings, platforms
from lti_tool.store.database import us
from lti_tool.store.launches import by_subject
from lti_tool.store.pull import pull_once
from lti_tool.store.schema import core, metadata, xapi
from lti_tool.store.schema.embedded import (
    xapi_activity,
    xapi_attachment,
    xapi_document,
    xapi_statement,
)
from lti_tool.store.schema.providers import test_code, test_provider
from tests.integration.trust.conftest import Towns
from tests.integration.trust.town import GARDENER, arriving_as, come, reflect_all
from tests.pages import forum
from tests.pages.desk import by_link, official
from tests.pages.scene import Stage, Visitor

ISSUER = "https://lms.example"
SUBJECT = "4711"
ACTIVITY = f"{ISSUER}/mod/page/view.php?id=1"
UNKNOWN = f"{ISSUER}/mod/page/view.php?id=2"
UNITS = ("N1", "A2")  # what the one activity is, here and there
STATEMENT = "5a3f1c9e-54a8-4c5e-9d3a-2f1f6d1f0001"
VOIDING = "5a3f1c9e-54a8-4c5e-9d3a-2f1f6d1f0002"
HEADERS = {"X-Experience-API-Version": "1.0.3"}
EMBEDDED = ("xapi_statement", "xapi_document", "xapi_attachment")
WITH_TENANT = [t for t in metadata.sorted_tables if "tenant_id" in t.c]


@dataclass
class Scene:
    towns: Towns
    people: dict[str, Visitor]  # tenant id -> the person with SUBJECT there

    def learner(self, stage: Stage):
        return stage.learner(self.people[stage.tenant.id])

    def ask(self, stage: Stage, method: str = "GET", **options: Any) -> requests.Response:
        url = f"{self.towns.base}/xapi/statements"
        auth = self.towns.auth(stage)
        return requests.request(method, url, auth=auth, headers=HEADERS, timeout=20, **options)


def statement(activity: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "actor": {"account": {"homePage": ISSUER, "name": SUBJECT}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
        "object": {"id": activity},
        "timestamp": "2026-11-20T09:00:00Z",
        "result": {"completion": True},
    } | more


@pytest.fixture(scope="module")
def scene(towns: Towns) -> Scene:
    made = Scene(towns, {})
    for stage, unit in zip(towns.both, UNITS, strict=True):
        with arriving_as(stage, SUBJECT) as hers:
            visitor = hers.planned(hers.assessed(GARDENER, luck=0.3), accepted=True)
        reflect_all(stage, visitor)
        made.people[stage.tenant.id] = visitor
        with stage.house.database.begin() as conn:
            mappings.add(conn, stage.tenant.id, {ACTIVITY: unit}, stage.now)
        send_activity(made, stage)
        write_what_no_flow_writes_yet(stage, visitor)
    return made


def send_activity(scene: Scene, stage: Stage) -> None:
    ref = {"objectType": "StatementRef", "id": str(uuid.uuid4())}
    void = {"verb": {"id": "http://adlnet.gov/expapi/verbs/voided"}, "object": ref, "result": {}}
    batch = [
        statement(ACTIVITY, id=STATEMENT),
        statement(UNKNOWN),
        statement(UNKNOWN, id=VOIDING, **void),
    ]
    assert scene.ask(stage, "POST", json=batch).status_code == 200
    with stage.house.database.read() as conn:
        (connection,) = lrs.listed(conn, tenant_id=stage.tenant.id)
    house = stage.house
    settings = house.settings.lrs
    pull_once(house.database, house.seal, connection.id, settings=settings, meaning=house.meaning)


def write_what_no_flow_writes_yet(stage: Stage, visitor: Visitor) -> None:
    mine = {"tenant_id": stage.tenant.id}
    official(stage)
    by_link(stage, stage.tenant)
    by = Actor("cli", stage.tenant.id)
    wanted = soll.as_proposed(stage.s, stage.s.content.roles[0])
    soll.draft(stage.s, by, stage.tenant.id, stage.s.content.roles[0].key, wanted, stage.now)
    forum.opened(stage)
    role_list.add(stage.s, by, stage.tenant.id, RoleDraft("BAD", "Badeaufsicht"), stage.now)
    kept = {"content": b"x", "stored_us": us(stage.now), **mine}
    made = {"made_us": us(stage.now), **mine}
    with stage.house.database.begin() as conn:
        for table, values in (
            (test_provider, {"key": "kc", "version": 1, "document": {}, "made_by": "x", **made}),
            (
                test_code,
                {
                    "digest": stage.tenant.id,
                    "learner_id": visitor.learner_id,
                    "sealed": b"x",
                    **made,
                },
            ),
            (
                xapi_attachment,
                {"file": "f", "sha2": "f", "content_type": "text/plain", "size": 1, **kept},
            ),
            (
                xapi_activity,
                {"activity": "a", "said": "s", "definition": b"x", "updated_us": 0, **mine},
            ),
            (
                xapi_document,
                {
                    **dict.fromkeys(("activity", "agent", "registration", "document_id"), ""),
                    **{"kind": "state", "name": "n", "content_type": "text/plain"},
                    **{"content": b"x", "updated_us": us(stage.now), **mine},
                },
            ),
        ):
            conn.execute(table.insert().values(**values))
        checkups.claim(conn, stage.tenant.id, stage.now, stage.now)
        (connection,) = lrs.listed(conn, tenant_id=stage.tenant.id)
        number = {"digest": "d", "learner_id": visitor.learner_id, **mine}
        conn.execute(core.person_attribute.insert().values(**number))
        conn.execute(
            core.share.insert().values(
                id=str(uuid.uuid4()),
                learner_id=visitor.learner_id,
                recipient="lrs",
                document={},
                shared_us=us(stage.now),
                until_us=us(stage.now),
                **mine,
            )
        )
        conn.execute(
            xapi.quarantine.insert().values(
                lrs_id=connection.id,
                digest="d",
                raw=b"x",
                reason="r",
                first_seen_us=us(stage.now),
                **mine,
            )
        )


def counts(stage: Stage, tenant_id: str) -> dict[str, int]:
    def count(conn: Any, table: Table) -> int:
        query = select(func.count()).select_from(table).where(table.c.tenant_id == tenant_id)
        return int(conn.execute(query).scalar_one())

    with stage.house.database.read() as conn:
        return {table.name: count(conn, table) for table in WITH_TENANT}


def test_every_table_with_a_tenant_holds_rows_of_both(scene: Scene) -> None:
    for stage in scene.towns.both:
        empty = [name for name, n in counts(stage, stage.tenant.id).items() if not n]
        assert empty == []


# --- persons --------------------------------------------------------------------------------------


def test_one_id_in_two_towns_is_two_persons(scene: Scene) -> None:
    here, there = scene.towns.both
    assert scene.learner(here).id != scene.learner(there).id
    for stage in scene.towns.both:
        assert come(stage, SUBJECT).learner_id == scene.learner(stage).id


@pytest.mark.parametrize("other", ["4711 ", " 4711", "04711", "4711\u200b", "\u0034711x"])
def test_an_id_that_looks_alike_is_another_person(scene: Scene, other: str) -> None:
    here = scene.towns.here
    assert come(here, other).learner_id != scene.learner(here).id


def test_upper_and_lower_case_of_an_id_are_two_persons(scene: Scene) -> None:
    here = scene.towns.here
    assert come(here, "Person-A").learner_id != come(here, "person-a").learner_id


def test_one_id_at_two_platforms_of_a_town_is_two_persons(scene: Scene) -> None:
    here = scene.towns.here
    with here.house.database.begin() as conn:
        second = platforms.add(
            conn,
            tenant_id=here.tenant.id,
            kind="ilias",
            issuer=f"https://ilias-{uuid.uuid4().hex[:6]}.example",
            client_id="c",
            deployment_ids=["1"],
            auth_url="https://lms.example/auth",
            token_url="https://lms.example/token",
            jwks_url="https://lms.example/jwks",
            now=here.now,
        )
    assert come(here, SUBJECT, platform_id=second.id).learner_id != scene.learner(here).id


def test_a_request_for_a_person_finds_the_one_of_that_town(scene: Scene) -> None:
    for stage in scene.towns.both:
        with stage.house.database.read() as conn:
            found = by_subject(conn, stage.house.seal, stage.tenant.id, ISSUER, SUBJECT)
        assert found == scene.learner(stage).id


def test_a_person_of_the_other_town_is_not_found(scene: Scene) -> None:
    here, there = scene.towns.both
    come(there, "only-there")
    with here.house.database.read() as conn:
        assert by_subject(conn, here.house.seal, here.tenant.id, ISSUER, "only-there") is None


# --- what is read for a person or a tenant --------------------------------------------------------


def test_everything_read_for_a_person_is_of_her_town(scene: Scene) -> None:
    for stage in scene.towns.both:
        learner = scene.learner(stage)
        with stage.s.store.read() as work:
            rows = work.learners.rows(learner.id)
            places = work.learners.places(learner.id)
            attempt = work.attempts.latest(learner.id)
            paths = [work.paths.accepted(learner.id), work.paths.current(learner.id)]
            done = work.evidence.completed_units(learner.id)
            statements = {r.statement_id for r in work.evidence.of(learner.id)}
        # What the embedded LRS hands out is found by the town's identifiers, and names none.
        ours = [r for name, found in rows.items() if name not in EMBEDDED for r in found]
        assert {r["tenant_id"] for r in ours} == {stage.tenant.id}
        with stage.house.database.read() as conn:
            there = xapi_statement.c.tenant_id == stage.tenant.id
            own = set(conn.execute(select(xapi_statement.c.statement_id).where(there)).scalars())
        assert {r["statement"]["id"] for r in rows["xapi_statement"]} <= own
        assert {p.platform_id for p in places} == {stage.platform.id}
        assert attempt is not None
        assert (attempt.learner_id, attempt.tenant_id) == (learner.id, stage.tenant.id)
        assert {p.learner_id for p in paths if p} == {learner.id}
        assert list(done) == [UNITS[scene.towns.both.index(stage)]]
        assert STATEMENT in statements


def test_everything_read_for_a_town_is_its_own(scene: Scene) -> None:
    for stage, unit in zip(scene.towns.both, UNITS, strict=True):
        with stage.s.store.read() as work:
            targets = work.outbox.lrs_targets(stage.tenant.id)
            activities = work.tenants.activities(stage.tenant.id)
        with stage.house.database.read() as conn:
            own = lrs.listed(conn, tenant_id=stage.tenant.id)
            mapped = mappings.of_tenant(conn, stage.tenant.id)
            unmapped = mappings.still_unmapped(conn, stage.tenant.id)
            bindings = lrs.bindings(conn, own[0])
        assert [t.id for t in targets] == [c.id for c in own]
        assert {c.tenant_id for c in own} == {stage.tenant.id}
        assert (activities, mapped) == ({unit: ACTIVITY}, {ACTIVITY: unit})
        assert [(row["activity"], row["count"]) for row in unmapped] == [(UNKNOWN, 1)]
        assert bindings


def test_a_path_goes_to_the_lrs_of_its_own_town(scene: Scene) -> None:
    with scene.towns.here.house.database.read() as conn:
        query = select(core.outbox.c.tenant_id, xapi.lrs.c.tenant_id.label("receiver")).join(
            xapi.lrs, xapi.lrs.c.id == core.outbox.c.target_id
        )
        sent = {(r.tenant_id, r.receiver) for r in conn.execute(query)}
    assert sent == {(s.tenant.id, s.tenant.id) for s in scene.towns.both}


def test_the_copy_of_a_person_holds_nothing_of_the_other_town(scene: Scene) -> None:
    here, there = scene.towns.both
    text = unpacked(persons.export(here.s, scene.learner(here)))
    assert here.tenant.id in text
    for foreign in (there.tenant.id, scene.learner(there).id, there.platform.id):
        assert foreign not in text


def unpacked(archive: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        return "".join(found.read(name).decode() for name in found.namelist())


# --- what is changed ------------------------------------------------------------------------------


def test_evidence_of_another_person_cannot_be_disputed(scene: Scene) -> None:
    here, there = scene.towns.both
    view = profiles.current(there.s, scene.learner(there))
    assert view is not None
    theirs = next(line.id for lines in view.evidence.values() for line in lines)
    for kind in ("not_me", "better"):
        with pytest.raises(NotFound):
            profiles.dispute(here.s, scene.learner(here), theirs, kind, "x", here.now)


def test_voiding_under_the_same_id_reaches_the_own_statement_only(scene: Scene) -> None:
    here, there = scene.towns.both
    ref = {"objectType": "StatementRef", "id": STATEMENT}
    verb = {"id": "http://adlnet.gov/expapi/verbs/voided"}
    mine = statement(ACTIVITY, id=STATEMENT)
    assert scene.ask(here, params={"statementId": STATEMENT}).status_code == 200
    sent = scene.ask(there, "POST", json=[statement(UNKNOWN, verb=verb, object=ref, result={})])
    assert sent.status_code == 200
    assert scene.ask(there, params={"statementId": STATEMENT}).status_code == 404
    kept = scene.ask(here, params={"statementId": STATEMENT})
    assert kept.status_code == 200
    assert kept.json()["object"] == mine["object"]


def test_the_key_of_one_town_reads_no_statement_of_the_other(scene: Scene) -> None:
    here, there = scene.towns.both
    only_there = statement(f"{ISSUER}/mod/page/view.php?id=3")
    assert scene.ask(there, "POST", json=[only_there]).status_code == 200
    agent = json.dumps(only_there["actor"])
    for params in ({}, {"agent": agent}, {"activity": only_there["object"]["id"]}):
        found = scene.ask(here, params=params).json()["statements"]
        assert only_there["id"] not in {s["id"] for s in found}
    assert scene.ask(here, params={"statementId": only_there["id"]}).status_code == 404


def test_what_waits_in_one_town_is_not_taken_up_by_a_newcomer_of_the_other(scene: Scene) -> None:
    here, there = scene.towns.both
    waits = statement(ACTIVITY, actor={"account": {"homePage": ISSUER, "name": "newcomer"}})
    assert scene.ask(there, "POST", json=[waits]).status_code == 200
    with there.house.database.read() as conn:
        (connection,) = lrs.listed(conn, tenant_id=there.tenant.id)
    house = there.house
    settings = house.settings.lrs
    pull_once(house.database, house.seal, connection.id, settings=settings, meaning=house.meaning)
    newcomer = come(here, "newcomer")
    with here.s.store.read() as work:
        assert work.learners.rows(newcomer.learner_id)["statement"] == []
    with there.house.database.read() as conn:
        row = conn.execute(
            select(xapi.statement).where(xapi.statement.c.statement_id == waits["id"])
        ).one()
    assert (row.state, row.learner_id) == ("parked", None)


@pytest.fixture
def leaving(scene: Scene) -> Visitor:
    """Somebody with the same id in both towns, who leaves one of them."""
    here, there = scene.towns.both
    for stage in (here, there):
        with arriving_as(stage, "leaving") as hers:
            gone = hers.planned(hers.assessed(GARDENER, luck=0.3), accepted=True)
        sent = statement(ACTIVITY, actor={"account": {"homePage": ISSUER, "name": "leaving"}})
        assert scene.ask(stage, "POST", json=[sent]).status_code == 200
    return gone


def test_erasing_somebody_leaves_every_row_of_the_other_town(
    scene: Scene, leaving: Visitor
) -> None:
    here, there = scene.towns.both
    before_here, before_there = counts(here, here.tenant.id), counts(there, there.tenant.id)
    persons.erase(there.s, there.learner(leaving), "cli", there.now)
    assert counts(here, here.tenant.id) == before_here
    after_there = counts(there, there.tenant.id)
    assert after_there["learner"] == before_there["learner"] - 1
    assert after_there["xapi_statement"] == before_there["xapi_statement"] - 1


def test_objecting_in_one_town_leaves_the_path_in_the_other(scene: Scene) -> None:
    here, there = scene.towns.both
    with arriving_as(here, "objector") as hers:
        mine = hers.planned(hers.assessed(GARDENER, luck=0.3), accepted=True)
    with arriving_as(there, "objector") as hers:
        theirs = hers.planned(hers.assessed(GARDENER, luck=0.3), accepted=True)
    plan.object_to_proposals(here.s, here.learner(mine), here.now)
    assert plan.current(here.s, here.learner(mine), here.now).state == "none"
    assert plan.current(there.s, there.learner(theirs), there.now).state == "accepted"
