"""What the embedded LRS holds of a person: handed out, deleted, and gone by itself in time."""

import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from lti_tool.settings import load
from lti_tool.store.learners import SqlLearners
from lti_tool.store.retention import purge
from lti_tool.store.schema.embedded import (
    xapi_activity,
    xapi_attachment,
    xapi_document,
    xapi_link,
    xapi_statement,
)
from tests.conformance.xapi.store import Lrs, attachment, file_part, statement, substatement
from tests.integration.xapi.site import MOODLE, Site, now

ANNA: dict[str, Any] = {"account": {"homePage": MOODLE, "name": "77"}, "name": "Anna Groß"}
OTTO: dict[str, Any] = {"account": {"homePage": MOODLE, "name": "78"}, "name": "Otto Klein"}
TABLES = (xapi_statement, xapi_link, xapi_attachment, xapi_document, xapi_activity)
FILE, SHARED = b"Annas Arbeit", b"Aufgabe fuer alle"


@pytest.fixture
def lrs(site: Site) -> Lrs:
    return Lrs(site, "1.0.3")


def rows(lrs: Lrs) -> dict[str, int]:
    found = {}
    with lrs.site.database.read() as conn:
        for table in TABLES:
            mine = select(func.count()).where(table.c.tenant_id == lrs.site.tenant_id)
            found[table.name] = conn.execute(mine.select_from(table)).scalar_one()
    return found


def everything(lrs: Lrs) -> None:
    """Store all there can be of Anna, and something of Otto."""
    both = [attachment(FILE), attachment(SHARED)]
    mine = statement(actor=ANNA, attachments=both)
    assert lrs.send_multipart(mine, file_part(FILE), file_part(SHARED)).status_code == 200
    his = statement(actor=OTTO, attachments=both[1:])
    assert lrs.send_multipart(his, file_part(SHARED)).status_code == 200
    group = {"objectType": "Group", "name": "Bauhof", "member": [OTTO, ANNA]}
    answer = lrs.post(
        statement(actor=OTTO, object={"objectType": "Agent"} | ANNA),
        statement(actor=group),
        statement(actor=OTTO, context={"instructor": ANNA, "team": group}),
        statement(
            actor=OTTO,
            context={"contextAgents": [{"objectType": "contextAgent", "agent": ANNA}]},
        ),
        substatement(actor=ANNA) | {"actor": OTTO},
    )
    assert answer.status_code == 200, answer.text
    for agent in (ANNA, OTTO):
        place = {"agent": json.dumps(agent), "profileId": "p"}
        for path, more in (
            ("agents/profile", {}),
            ("activities/state", {"activityId": "a:b", "stateId": "s"}),
        ):
            params = place | more
            params.pop("profileId" if "stateId" in more else "-", None)
            made = lrs.ask(
                "PUT",
                path,
                params=params,
                json={"of": agent["name"]},
                headers={"If-None-Match": "*"},
            )
            assert made.status_code == 204


def test_erasing_a_person_reaches_all_of_it_and_leaves_what_is_others(lrs: Lrs) -> None:
    everything(lrs)
    learner = lrs.site.learner("77")
    with lrs.site.database.begin() as conn:
        counts = SqlLearners(conn, lrs.site.seal).erase(learner)
    assert counts["xapi_statement"] == 3, "hers, about her, and of a group she is in"
    assert (counts["xapi_document"], counts["xapi_attachment"]) == (2, 1)
    left = lrs.get(limit=0)
    assert len(left.json()["statements"]) == 4
    assert '"77"' not in left.text.replace(" ", "")
    assert "Anna" not in left.text
    assert left.text.count('"Otto Klein"') >= 4
    assert len(lrs.ids(agent=OTTO, related_agents=True)) == 4, "his can still be found"
    assert lrs.ids(agent=ANNA, related_agents=True) == []
    with lrs.site.database.read() as conn:
        mine = xapi_attachment.c.tenant_id == lrs.site.tenant_id
        kept = conn.execute(select(xapi_attachment.c.sha2).where(mine)).scalars().all()
    assert kept == [hashlib.sha256(SHARED).hexdigest()]
    profile = lrs.get("agents/profile", agent=OTTO, profileId="p")
    assert profile.json() == {"of": "Otto Klein"}
    assert lrs.get("agents/profile", agent=ANNA, profileId="p").status_code == 404


def test_what_others_said_is_still_a_statement_after_an_erasure(lrs: Lrs) -> None:
    everything(lrs)
    learner = lrs.site.learner("77")
    with lrs.site.database.begin() as conn:
        SqlLearners(conn, lrs.site.seal).erase(learner)
    for form in ("exact", "ids", "canonical"):
        assert lrs.get(format=form).status_code == 200
    for left in lrs.get().json()["statements"]:
        again = {k: v for k, v in left.items() if k != "attachments"}
        fresh = {k: v for k, v in again.items() if k != "id"}
        assert lrs.post(fresh).status_code == 200, "what is left is valid"


def test_a_person_s_copy_holds_it_in_words_that_can_be_read(lrs: Lrs) -> None:
    everything(lrs)
    learner = lrs.site.learner("77")
    with lrs.site.database.read() as conn:
        known = SqlLearners(conn, lrs.site.seal)
        copy, counts = known.rows(learner), known.counts(learner)
    said = [r["statement"] for r in copy["xapi_statement"]]
    assert len(said) == counts["xapi_statement"] == 3
    assert ANNA in [s["actor"] for s in said]
    assert {r["content"] for r in copy["xapi_document"]} == {json.dumps({"of": "Anna Groß"})}
    assert {r["size"] for r in copy["xapi_attachment"]} == {len(FILE), len(SHARED)}
    assert counts["xapi_document"] == 2
    json.dumps(copy, default=str)


def test_somebody_without_traces_there_has_none(lrs: Lrs) -> None:
    everything(lrs)
    learner = lrs.site.learner("79")
    with lrs.site.database.read() as conn:
        counts = SqlLearners(conn, lrs.site.seal).counts(learner)
    assert {counts[t] for t in ("xapi_statement", "xapi_document", "xapi_attachment")} == {0}


def test_all_of_it_goes_when_its_time_is_over(lrs: Lrs) -> None:
    everything(lrs)
    lrs.post(statement(object={"id": "a:b", "definition": {"name": {"de": "Kurs"}}}))
    kept = load({}).retention
    assert all(rows(lrs).values())
    before = rows(lrs)
    purge(lrs.site.database, kept, now() + timedelta(days=2))
    assert rows(lrs) == before
    purge(lrs.site.database, kept, now() + timedelta(days=kept.embedded_statements + 1))
    assert not any(rows(lrs).values())


def test_a_file_nobody_has_any_more_goes_the_next_day(lrs: Lrs) -> None:
    everything(lrs)
    with lrs.site.database.begin() as conn:
        mine = xapi_link.c.tenant_id == lrs.site.tenant_id
        conn.execute(xapi_link.delete().where(mine, xapi_link.c.kind == "file"))
    kept = load({}).retention
    purge(lrs.site.database, kept, now() + timedelta(hours=1))
    assert rows(lrs)["xapi_attachment"] == 2
    purge(lrs.site.database, kept, now() + timedelta(days=2))
    assert rows(lrs)["xapi_attachment"] == 0
