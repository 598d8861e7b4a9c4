"""The pull loop against the embedded LRS over real HTTP, on SQLite and on PostgreSQL."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from lti_tool.store import lrs as connections
from lti_tool.store import mappings, xapi_keys
from lti_tool.store.database import us
from lti_tool.store.learners import SqlLearners
from lti_tool.store.parked import replay_parked
from lti_tool.store.pull import SqlPullStore, client_of, deliver_statements
from lti_tool.store.schema.core import evidence, job
from lti_tool.store.schema.embedded import xapi_statement
from lti_tool.store.schema.xapi import (
    late_hist,
    lrs,
    lrs_cursor,
    quarantine,
    statement,
    void,
)
from tests.integration.xapi.site import (
    COMPLETED,
    MOODLE,
    VOIDED,
    Site,
    build_site,
    moodle_statements,
    now,
    serve,
    statement_of,
)
from tests.integration.xapi.weather import Weather
from xapi_bridge.errors import (
    BridgeError,
    CredentialsRefused,
    ForeignMore,
    LeaseLost,
    MalformedPage,
    StatementConflict,
    StoreBusy,
    StoreUnreachable,
)
from xapi_bridge.ports import Cursor
from xapi_bridge.probe import probe
from xapi_bridge.statement import Page

DATA = Path(__file__).resolve().parents[2] / "data" / "xapi"
UNCOMPLETED = "https://xapi.edlm/profiles/edlm-lms/concepts/verbs/uncompleted"


def page(number: int) -> str:
    return f"{MOODLE}/mod/page/view.php?id={number}"


def void_of(statement_id: str) -> dict[str, Any]:
    ref = {"objectType": "StatementRef", "id": statement_id}
    tool = {"account": {"homePage": "https://tool.example", "name": "service"}}
    return statement_of(actor=tool, verb={"id": VOIDED}, object=ref)


def counting(site: Site) -> list[Any]:
    return [e for e in site.evidence() if e.revoked_by is None]


@pytest.fixture
def weather(site: Site) -> Iterator[Weather]:
    """The site's connection, led through a proxy."""
    made = Weather(site.origin)
    server, origin = serve(made)
    with site.database.begin() as conn:
        where = lrs.c.id == site.connection.id
        conn.execute(update(lrs).where(where).values(endpoint=f"{origin}/xapi"))
    yield made
    server.close()


def test_every_statement_becomes_evidence_once_however_often_it_is_pulled(site: Site) -> None:
    site.learner("4")
    site.post(*(statement_of() for _ in range(25)))
    first = site.pull(page_size=10)
    assert (first.pages, first.received, first.stored, first.caught_up) == (3, 25, 25, True)
    again = site.pull(page_size=10)
    assert (again.received, again.stored) == (0, 0)
    counts = site.counts()
    assert (counts["received"], counts["stored"], counts["evidence"]) == (25, 25, 25)
    assert len({e.statement_id for e in site.evidence()}) == 25


def test_a_completion_says_unit_competences_and_where_it_comes_from(site: Site) -> None:
    learner = site.learner("4")
    sent = statement_of()
    site.post(sent)
    site.pull()
    found = {(e.competency, e.unit, e.kind, e.a, tuple(e.b), e.category) for e in counting(site)}
    assert found == {
        (None, "U1", "completion", 0.0, (), 0),
        ("4.1", "U1", "completion", 0.6, (0.5,), 1),
        ("4.2", "U1", "completion", 0.6, (-0.5,), 1),
    }
    assert {e.learner_id for e in counting(site)} == {learner}
    assert {e.rule_id.partition("/")[0] for e in counting(site)} == {"generic-1.0"}


def test_learners_whose_evidence_changed_are_folded_anew_once(site: Site) -> None:
    learner = site.learner("4")
    site.post(*(statement_of() for _ in range(3)), statement_of(verb={"id": "http://v.example/x"}))
    site.pull()
    with site.database.read() as conn:
        rows = conn.execute(select(job).where(job.c.key == learner)).all()
    assert [(r.name, r.state) for r in rows] == [("refold", "waiting")]


def test_a_day_of_a_real_moodle(site: Site) -> None:
    """36 real statements without ids, of three people who are known by account, mail, username."""
    moodle = build_site(site.database, site.origin, issuer="http://localhost:8145")
    activities = {
        "page-pw": "U1",
        "http://localhost:8145/mod/quiz/view.php?id=12": "U1",
        "K-DIGI-101": "U2",
    }
    with moodle.database.begin() as conn:
        mappings.add(conn, moodle.tenant_id, activities, now())
    juergen = moodle.learner("4")
    aenne = moodle.learner("aenne.gross@musterstadt.example", "mail")
    oezlem = moodle.learner("oyilmaz", "username")
    assert moodle.post(*moodle_statements()).status_code == 200
    moodle.pull()
    counts = moodle.counts()
    # Two statements are of a service account that nobody ever launched with.
    assert (counts["received"], counts["stored"], counts["parked"]) == (36, 34, 2)
    assert (counts["foreign"], counts["unmapped"], counts["unknown"]) == (0, 0, {})
    done = {(e.learner_id, e.unit) for e in counting(moodle) if e.competency is None}
    assert done == {(juergen, "U1"), (juergen, "U2"), (aenne, "U1"), (oezlem, "U1")}
    # One second, one quiz: module completion (weak) and attempt (strong) are one piece of evidence.
    quiz = [e for e in moodle.evidence() if e.activity.endswith("quiz/view.php?id=12")]
    of_competency = {e.rule_id: e.revoked_by for e in quiz if e.competency == "4.1"}
    assert of_competency == {
        "moodle-logstore-1.0/quiz-attempt/4.1": None,
        "moodle-logstore-1.0/module-completed/4.1": "group",
    }
    kept = b"".join(r.raw for r in moodle.rows())
    for name in ("Jürgen", "Müller", "Groß", "aenne", "oyilmaz", "PT6S"):
        assert name.encode() not in kept


def test_a_batch_that_moodle_sends_twice_is_stored_twice_and_counts_once(site: Site) -> None:
    site.learner("4")
    batch = json.loads((DATA / "hard" / "29-no-id-resent.json").read_text())
    site.map(a1="U1")
    with site.database.begin() as conn:
        mappings.add(conn, site.tenant_id, {batch[0]["object"]["id"]: "U2"}, now())
    site.post(*batch)
    site.pull()
    site.post(*batch)
    site.pull()
    counts = site.counts()
    assert (counts["stored"], counts["evidence"]) == (4, 1)
    assert len({e.statement_id for e in site.evidence()}) == 1


def test_a_foreign_statement_is_counted_once_and_nothing_of_it_is_kept(site: Site) -> None:
    elsewhere = {"account": {"homePage": "https://other.example", "name": "4"}}
    sent = statement_of(actor=elsewhere)
    site.post(sent)
    for _ in range(3):
        site.pull()
    counts = site.counts()
    assert (counts["received"], counts["foreign"], counts["stored"]) == (1, 1, 0)
    (row,) = site.rows()
    assert (row.raw, row.verb, row.object, row.learner_id, row.actor_key) == (None,) * 5
    assert sent["id"] not in (row.statement_id, row.digest)


def test_what_is_remembered_of_foreign_statements_ends_with_the_overlap(site: Site) -> None:
    elsewhere = {"account": {"homePage": "https://other.example", "name": "4"}}
    site.post(statement_of(actor=elsewhere))
    site.pull()
    with site.database.begin() as conn:
        mine = lrs_cursor.c.lrs_id == site.connection.id
        conn.execute(update(lrs_cursor).where(mine).values(overlap_s=0.0))
        late = us(now() - timedelta(minutes=5))
        conn.execute(update(statement).where(statement.c.state == "foreign").values(stored_us=late))
    site.post(statement_of())
    site.pull()
    assert {r.state for r in site.rows()} == {"parked"}


def test_an_unknown_person_s_statements_wait_and_count_when_the_person_comes(site: Site) -> None:
    site.post(statement_of("77"), statement_of("78"))
    site.pull()
    counts = site.counts()
    assert (counts["received"], counts["parked"], counts["stored"]) == (2, 2, 0)
    assert b'"77"' not in b"".join(r.raw for r in site.rows())
    learner = site.learner("77")
    with site.database.begin() as conn:
        assert replay_parked(conn, site.seal, site.meaning, learner, now()) == 1
    counts = site.counts()
    assert (counts["received"], counts["parked"], counts["stored"]) == (2, 1, 1)
    assert {e.learner_id for e in counting(site)} == {learner}
    with site.database.begin() as conn:
        assert replay_parked(conn, site.seal, site.meaning, learner, now()) == 0


def test_a_pull_itself_takes_up_what_waited_for_a_person(site: Site) -> None:
    site.post(statement_of("77"))
    site.pull()
    learner = site.learner("77")
    site.pull()
    assert {e.learner_id for e in counting(site)} == {learner}
    assert site.counts()["parked"] == 0


def test_a_forged_pass_stays_forged_when_its_person_comes_later(site: Site) -> None:
    allowed = f"account|{site.origin}|{site.key}"
    with site.database.begin() as conn:
        settings = {"authorities": ["account|https://lms.example|somebody-else"]}
        conn.execute(update(lrs).where(lrs.c.id == site.connection.id).values(settings=settings))
    site.post(statement_of("77"))
    site.pull()
    site.learner("77")
    site.pull()
    assert site.evidence() == []
    with site.database.begin() as conn:
        settings = {"authorities": [allowed]}
        conn.execute(update(lrs).where(lrs.c.id == site.connection.id).values(settings=settings))
    site.post(statement_of("77"))
    site.pull()
    assert site.counts()["evidence"] == 1


def test_under_the_strict_setting_unknown_persons_are_not_even_parked(site: Site) -> None:
    with site.database.begin() as conn:
        where = lrs.c.id == site.connection.id
        conn.execute(update(lrs).where(where).values(settings={"strict": True}))
    site.post(statement_of("77"))
    site.pull()
    counts = site.counts()
    assert (counts["foreign"], counts["parked"]) == (1, 0)
    assert [r.raw for r in site.rows()] == [None]


def test_an_actor_who_may_be_two_people_is_nobody(site: Site) -> None:
    site.learner("4")
    site.learner("4", "username")
    site.post(statement_of("4"))
    site.pull()
    (row,) = site.rows()
    assert (row.state, row.learner_id, row.flags) == ("parked", None, "actor_conflict")


def test_a_group_is_stored_and_proves_nothing_for_anybody(site: Site) -> None:
    site.learner("4")
    for number in ("16", "17"):
        text = next((DATA / "hard").glob(f"{number}-*.json")).read_text(encoding="utf-8")
        site.post(json.loads(text) | {"object": {"id": page(1)}})
    site.pull()
    assert site.counts()["stored"] == 2
    assert site.evidence() == []
    assert b"Bauamt" not in b"".join(r.raw for r in site.rows())


@pytest.mark.parametrize("void_first", [False, True], ids=["after", "before"])
def test_a_void_takes_evidence_back_whichever_came_first(site: Site, void_first: bool) -> None:
    site.learner("4")
    target = statement_of()
    # An LRS hides what is voided: to see both, the void comes with a page of its own.
    hidden = site.database, site.tenant_id
    sent = [void_of(target["id"]), target] if void_first else [target, void_of(target["id"])]
    for s in sent:
        site.post(s)
        _show_all(*hidden)
        site.pull()
    assert len(site.evidence()) == 3
    assert counting(site) == []
    counts = site.counts()
    assert (counts["stored"], counts["voided"], counts["evidence"]) == (2, 1, 1)


def _show_all(database: Any, tenant_id: str) -> None:
    """Make the embedded LRS one that still lists voided statements (as Ralph does)."""
    with database.begin() as conn:
        mine = xapi_statement.c.tenant_id == tenant_id
        conn.execute(update(xapi_statement).where(mine).values(voided_by=None))


def test_a_void_of_a_void_changes_nothing(site: Site, weather: Weather) -> None:
    site.learner("4")
    target = statement_of()
    first = void_of(target["id"])
    second = statement_of(
        verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": first["id"]}
    )
    second["stored"] = now().isoformat()
    site.post(target)
    site.pull()
    site.post(first)
    weather.rewrite = lambda d: d | {"statements": [*d["statements"], second]}  # a lenient store
    site.pull()
    assert counting(site) == []
    assert site.counts()["voided"] == 1


def test_a_stranger_s_void_is_ignored_where_authorities_are_named(site: Site) -> None:
    site.learner("4")
    with site.database.begin() as conn:
        read, write = (_credential(conn, site) for _ in range(2))
        settings = {"authorities": [f"account|{site.origin}|{read[0]}"]}
        conn.execute(update(lrs).where(lrs.c.id == site.connection.id).values(settings=settings))
    target = statement_of()
    site.post(target, auth=read)
    site.pull()
    site.post(void_of(target["id"]), auth=write)
    site.pull()
    assert len(counting(site)) == 3
    with site.database.read() as conn:
        voids = select(func.count()).select_from(void).where(void.c.tenant_id == site.tenant_id)
        assert conn.execute(voids).scalar_one() == 0


def _credential(conn: Any, site: Site) -> tuple[str, str]:
    return xapi_keys.new_credential(conn, site.tenant_id, "all", now())


def test_uncompleted_and_completed_in_one_second_is_completed(site: Site) -> None:
    site.learner("4")
    stamp = now().replace(microsecond=0).isoformat()
    undone = statement_of(timestamp=stamp, verb={"id": UNCOMPLETED}, result={})
    done = statement_of(timestamp=stamp)
    site.post(undone, done)
    site.pull()
    assert {e.unit for e in counting(site)} == {"U1"}
    later = (now() + timedelta(seconds=1)).isoformat()
    site.post(statement_of(timestamp=later, verb={"id": UNCOMPLETED}, result={}))
    site.pull()
    assert counting(site) == []


def test_what_the_learner_disputed_stays_disputed(site: Site) -> None:
    site.learner("4")
    site.post(statement_of())
    site.pull()
    with site.database.begin() as conn:
        mine = evidence.c.tenant_id == site.tenant_id
        conn.execute(update(evidence).where(mine).values(revoked_by="learner"))
    site.post(statement_of())
    site.pull()
    assert {e.revoked_by for e in site.evidence()} == {"learner", "group"}


def test_an_unmapped_completion_is_listed_and_counts_once_it_is_mapped(site: Site) -> None:
    site.learner("4")
    site.post(statement_of(activity=page(5)), statement_of(activity=page(5)))
    site.pull()
    assert (site.counts()["unmapped"], site.counts()["evidence"]) == (2, 0)
    with site.database.read() as conn:
        listed = mappings.still_unmapped(conn, site.tenant_id)
    assert listed == [{"activity": page(5), "verb": COMPLETED, "count": 2}]
    site.map(a5="U2")
    site.pull()
    assert (site.counts()["unmapped"], site.counts()["evidence"]) == (0, 2)
    assert {e.unit for e in counting(site)} == {"U2"}
    with site.database.read() as conn:
        assert mappings.still_unmapped(conn, site.tenant_id) == []


def test_verbs_nobody_knows_are_counted(site: Site) -> None:
    site.learner("4")
    site.post(statement_of(verb={"id": "http://v.example/mastered"}))
    site.pull()
    assert site.counts()["unknown"] == {"http://v.example/mastered": 1}


def test_one_bad_statement_is_set_aside_and_its_page_lives(site: Site, weather: Weather) -> None:
    site.learner("4")
    site.post(statement_of(), statement_of())
    bad = {"id": "not a uuid", "actor": {"name": "Jürgen Müller"}}
    weather.rewrite = lambda d: d | {"statements": [d["statements"][0], bad, d["statements"][1]]}
    for _ in range(2):
        site.pull()
    counts = site.counts()
    assert (counts["received"], counts["stored"], counts["quarantined"]) == (3, 2, 1)
    with site.database.read() as conn:
        mine = quarantine.c.lrs_id == site.connection.id
        (row,) = conn.execute(select(quarantine).where(mine)).all()
    assert "UUID" in row.reason or "missing" in row.reason
    assert b"rgen M" not in row.raw


def test_another_statement_under_a_known_id_never_replaces_the_first(
    site: Site, weather: Weather
) -> None:
    site.learner("4")
    sent = statement_of()
    site.post(sent)
    site.pull()
    kept = site.rows()[0].raw
    other = {"result": {"completion": False}}
    weather.rewrite = lambda d: d | {"statements": [s | other for s in d["statements"]]}
    site.pull()
    counts = site.counts()
    assert (counts["received"], counts["stored"], counts["quarantined"]) == (1, 1, 1)
    assert [r.raw for r in site.rows()] == [kept]
    assert len(counting(site)) == 3


def test_the_same_statement_through_two_stores_counts_once(site: Site) -> None:
    site.learner("4")
    site.post(statement_of())
    with site.database.begin() as conn:
        second = connections.add(
            conn,
            site.seal,
            tenant_id=site.tenant_id,
            name="zweiter",
            endpoint=site.endpoint,
            key=site.key,
            secret=site.secret,
            now=now(),
        )
    site.pull()
    other = replace(site, connection=second)
    other.pull()
    assert (site.counts()["evidence"], other.counts()["evidence"]) == (1, 0)
    assert len(site.evidence()) == 3


def test_late_statements_are_not_lost_and_widen_the_overlap(site: Site) -> None:
    site.learner("4")
    site.post(statement_of())
    site.pull()
    late = statement_of()
    site.post(late)
    with site.database.begin() as conn:  # stamped 40 s ago, visible only now
        mine = xapi_statement.c.statement_id == late["id"]
        conn.execute(
            update(xapi_statement).where(mine).values(stored_us=us(now() - timedelta(seconds=40)))
        )
    site.pull()
    assert site.counts()["stored"] == 2
    with site.database.read() as conn:
        where = late_hist.c.lrs_id == site.connection.id
        (row,) = conn.execute(select(late_hist.c.bucket_s).where(where)).all()
    assert row.bucket_s == 60
    assert site.counts()["overlap_s"] == 120.0


def test_a_busy_store_is_asked_again_as_it_asks(site: Site, weather: Weather) -> None:
    site.learner("4")
    site.post(*(statement_of() for _ in range(4)))
    weather.plan = ["429", "503", "ok", "429", "reset", "ok"]
    report = site.pull(page_size=2)
    assert (report.stored, report.caught_up) == (4, True)


def test_a_store_that_stays_busy_leaves_a_word_and_the_rest_for_later(
    site: Site, weather: Weather
) -> None:
    site.learner("4")
    site.post(*(statement_of() for _ in range(4)))
    weather.plan = ["ok"] + ["503"] * 20
    with pytest.raises(StoreBusy):
        site.pull(page_size=2)
    assert site.counts()["stored"] == 2
    assert "wait" in site.counts()["last_error"]
    weather.plan = []
    report = site.pull(page_size=2)
    assert (report.pages, report.stored) == (1, 2)  # resumed from `more`
    assert site.counts()["last_error"] is None


@pytest.mark.parametrize("status", ["more-gone"])
def test_a_forgotten_more_restarts_the_window_and_doubles_nothing(
    site: Site, weather: Weather, status: str
) -> None:
    site.learner("4")
    site.post(*(statement_of() for _ in range(6)))
    weather.plan = ["ok", "ok", status]
    report = site.pull(page_size=2)
    assert (report.stored, report.caught_up) == (6, True)
    assert site.counts()["evidence"] == 6


def test_a_page_that_is_no_page_moves_nothing(site: Site, weather: Weather) -> None:
    site.learner("4")
    site.post(statement_of())
    weather.plan = ["html"]
    with pytest.raises(MalformedPage):
        site.pull()
    assert site.counts()["cursor"] is None
    assert site.pull().stored == 1


def test_credentials_do_not_follow_more_to_another_server(site: Site, weather: Weather) -> None:
    site.post(*(statement_of() for _ in range(3)))
    elsewhere = Weather(site.origin)
    server, origin = serve(elsewhere)
    weather.rewrite = lambda d: d | {"more": f"{origin}/xapi/statements?more=1"}
    with pytest.raises(ForeignMore):
        site.pull(page_size=1)
    server.close()
    assert elsewhere.asked == []


def test_a_more_that_leads_nowhere_new_ends_the_run(site: Site, weather: Weather) -> None:
    site.post(*(statement_of() for _ in range(3)))
    weather.rewrite = lambda d: d | {"more": "/xapi/statements?limit=1"}
    with pytest.raises(BridgeError, match="same page"):
        site.pull(page_size=1)


@pytest.mark.parametrize("form", ["missing", "absolute", "relative", "empty"])
def test_every_form_of_more_is_followed(site: Site, weather: Weather, form: str) -> None:
    site.learner("4")
    site.post(*(statement_of() for _ in range(5)))

    def rewrite(document: dict[str, Any]) -> dict[str, Any]:
        more = document["more"]
        if not more:
            last = {"more": ""} if form == "empty" else {}
            return {"statements": document["statements"]} | last
        with site.database.read() as conn:
            endpoint = connections.get(conn, site.seal, site.connection.id).endpoint
        changed = {
            "absolute": endpoint.removesuffix("/xapi") + more,
            "relative": more.removeprefix("/xapi/"),
        }
        return document | {"more": changed.get(form, more)}

    weather.rewrite = rewrite
    assert site.pull(page_size=2).stored == 5


def test_a_wrong_secret_and_a_dead_address_are_named(site: Site) -> None:
    with site.database.begin() as conn:
        where = lrs.c.id == site.connection.id
        conn.execute(update(lrs).where(where).values(secret=site.seal.seal("wrong")))
    with pytest.raises(CredentialsRefused):
        site.pull()
    with site.database.begin() as conn:
        conn.execute(update(lrs).where(where).values(endpoint="http://127.0.0.1:1/xapi"))
    with pytest.raises(StoreUnreachable):
        site.pull(patience_s=0.0)
    said = site.counts()["last_error"]
    assert "does not answer" in said
    assert site.secret not in said


def store_of(site: Site, **more: Any) -> SqlPullStore:
    return SqlPullStore(site.database, site.seal, site.connection, site.meaning, **more)


def test_only_one_puller_holds_an_lrs(site: Site) -> None:
    with store_of(site).lease() as lease:
        assert lease is not None
        assert site.pull().busy
    assert not site.pull().busy


def test_a_puller_that_lost_its_lease_writes_nothing(site: Site) -> None:
    slow, quick = store_of(site, lease_s=-1.0), store_of(site)
    with slow.lease() as old, quick.lease() as new:
        assert old is not None
        assert new is not None
        with pytest.raises(LeaseLost):
            slow.commit(old, Page((), ""), Cursor(hwm_us=1), last=True)
        quick.commit(new, Page((), ""), Cursor(hwm_us=2), last=True)
    assert store_of(site).cursor().hwm_us == 2


def test_a_statement_sent_twice_is_there_once_and_another_is_an_alarm(site: Site) -> None:
    sent = statement_of()
    deliver_statements(site.connection, [sent])
    deliver_statements(site.connection, [sent])
    other = sent | {"result": {"completion": False}}
    good = statement_of()
    with pytest.raises(StatementConflict):
        deliver_statements(site.connection, [other, good])
    listed = site.ask("GET").json()["statements"]
    assert {s["id"] for s in listed} == {sent["id"], good["id"]}


def test_a_probe_says_what_a_store_can_do(site: Site, weather: Weather) -> None:
    early = (now() - timedelta(minutes=1)).isoformat()
    site.post(*(statement_of(timestamp=early) for _ in range(3)))
    with client_of(site.connection) as client:
        found = probe(client)
    assert (found.since, found.consistent_through, found.ours) == ("stored", "trusted", True)
    assert "1.0.3" in found.versions
    assert found.usable
    with site.database.read() as conn:
        through_weather = connections.get(conn, site.seal, site.connection.id)
    weather.rewrite = lambda d: d | {"statements": d["statements"][:2], "more": "/more"}
    with client_of(through_weather) as client:
        capped = probe(client)
    assert capped.page_cap == 2
    assert "2 statements per page" in " ".join(capped.sentences)


def test_nothing_of_one_tenant_reaches_another(site: Site) -> None:
    """Two towns on one Moodle: the same actor, each town its own learner."""
    stranger = build_site(site.database, site.origin)
    stranger.map(a1="U1")
    mine, theirs = site.learner("4"), stranger.learner("4")
    same = statement_of()
    site.post(same)
    stranger.post(same)
    site.pull()
    stranger.pull()
    assert {e.learner_id for e in counting(site)} == {mine}
    assert {e.learner_id for e in counting(stranger)} == {theirs}
    stranger.post(void_of(same["id"]))
    stranger.pull()
    assert counting(stranger) == []
    assert len(counting(site)) == 3


def test_ids_are_one_statement_in_upper_and_lower_case(site: Site, weather: Weather) -> None:
    site.learner("4")
    sent = statement_of()
    sent["id"] = str(uuid.UUID(sent["id"])).upper()
    site.post(sent)
    site.pull()
    weather.rewrite = lambda d: (
        d | {"statements": [s | {"id": s["id"].lower()} for s in d["statements"]]}
    )
    site.pull()
    assert (site.counts()["stored"], site.counts()["quarantined"]) == (1, 0)


def test_erasing_a_person_reaches_what_waits_and_what_the_embedded_lrs_holds(site: Site) -> None:
    site.post(statement_of("77"), statement_of("78"))
    site.pull()
    group = {"objectType": "Group", "member": [statement_of("77")["actor"]]}
    learner = site.learner("77")
    site.post(statement_of("77"), statement_of(actor=group))
    with site.database.begin() as conn:
        counts = SqlLearners(conn, site.seal).erase(learner)
    assert (counts["parked"], counts["xapi_statement"]) == (1, 3)
    assert [r.state for r in site.rows()] == ["parked"]
    left = site.ask("GET").json()["statements"]
    assert [s["actor"]["account"]["name"] for s in left] == ["78"]
