"""Sharing: nothing leaves without it, exactly what was seen leaves, and it is taken back."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select, update

from lti_tool.cli import cli
from lti_tool.cli import persons as persons_cli
from lti_tool.flows import assess, persons, resending, sharing
from lti_tool.flows.observe import refold
from lti_tool.flows.sharing import Changed, Wish
from lti_tool.flows.withdrawal import Trace
from lti_tool.ports import Actor, Share, TenantSettings
from lti_tool.store.schema.core import outbox
from tests.integration.trust.delivering import Town
from tests.pages.scene import Visitor
from xapi_bridge import wire

WORDS = ("asserted", "competency", "confidence", "level")


@pytest.fixture
def town(database_url: str) -> Iterator[Town]:
    made = Town(database_url, TenantSettings())
    yield made
    made.close()


def store_of(town: Town) -> str:
    with town.stage.s.store.read() as work:
        return work.outbox.lrs_targets(town.stage.tenant.id)[0].id


def topics(town: Town, visitor: Visitor) -> tuple[str, ...]:
    return tuple(sharing.choice(town.stage.s, town.stage.learner(visitor)).said)


def wish(town: Town, visitor: Visitor, most: int = 2, **more: Any) -> Wish:
    chosen = topics(town, visitor)[:most]
    return Wish(**({"recipient": "lrs", "to": store_of(town), "topics": chosen, "weeks": 4} | more))


def share(town: Town, visitor: Visitor, wanted: Wish) -> Share:
    stage = town.stage
    learner = stage.learner(visitor)
    seen = sharing.preview(stage.s, learner, wanted, stage.now).mark
    return sharing.share(stage.s, learner, wanted, seen, stage.now)


def take_back(town: Town, visitor: Visitor, made: Share) -> None:
    sharing.take_back(town.stage.s, town.stage.learner(visitor), made.id, town.stage.now)


def written(town: Town, verb: str) -> list[dict[str, Any]]:
    every: list[dict[str, Any]] = list(town.there.statements.values())
    return [s for s in every if s["verb"]["id"] == verb]


def in_force(town: Town) -> set[str]:
    """Return the competences whose results stand in the LRS, not voided."""
    gone = {s["object"]["id"] for s in written(town, wire.VOIDED)}
    kept = [s for s in written(town, wire.ASSERTED) if s["id"] not in gone]
    return {s["object"]["id"].rpartition("/")[2] for s in kept}


def documents(town: Town) -> dict[str, Any]:
    return {
        profile.rpartition("/")[2]: json.loads(body)
        for (_, profile), body in town.there.documents.items()
    }


def test_without_sharing_no_result_leaves_whatever_is_accepted(town: Town) -> None:
    town.gardener()
    town.send()
    everything = json.dumps([list(town.there.statements.values()), documents(town)])
    assert town.there.statements
    assert not [word for word in WORDS if word in everything]


def test_exactly_what_was_seen_is_written_and_nothing_else(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    wanted = wish(town, visitor)
    seen = sharing.preview(town.stage.s, town.stage.learner(visitor), wanted, town.stage.now)
    share(town, visitor, wanted)
    town.send()
    assert in_force(town) == set(wanted.topics)
    said = {x.code: x for x in seen.share.said}
    for statement in written(town, wire.ASSERTED):
        code = statement["object"]["id"].rpartition("/")[2]
        extensions = statement["context"]["extensions"]
        assert statement["actor"]["account"]["name"] == "4711"
        assert "result" not in statement
        assert extensions[wire.CONFIDENCE] == said[code].confidence
        assert [v for k, v in extensions.items() if k.endswith("/pieces")] == [said[code].evidence]
    found = documents(town)["competencies"]["competencies"]
    assert [(c["from"]["level"], c["to"]["level"]) for c in found] == [
        (said[c].low, said[c].high) for c in wanted.topics
    ]


def test_the_command_that_erases_says_what_becomes_of_a_shared_result(
    town: Town, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = town.gardener(accepted=False)
    share(town, visitor, wish(town, visitor))
    town.send()
    monkeypatch.setenv("ROADMAP__DATABASE__URL", database_url)
    who = ["--tenant", town.stage.tenant.key, "--issuer", "https://moodle.example"]
    asked = ["person", "erase", *who, "--subject", "4711", "--reason", "Art. 17"]
    done = CliRunner().invoke(cli, asked, catch_exceptions=False)
    assert "shared results in the LRS: voided" in done.output
    assert "The statements of shared results stay in a foreign LRS" in done.output
    town.send(3600)
    assert (in_force(town), documents(town)) == (set(), {})


def test_every_trace_of_a_person_has_words_for_who_erases() -> None:
    assert persons_cli.ELSEWHERE.keys() == set(Trace)


def test_what_changed_between_looking_and_the_yes_is_not_shared(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    wanted, stage = wish(town, visitor), town.stage
    seen = sharing.preview(stage.s, stage.learner(visitor), wanted, stage.now).mark
    other = Wish(wanted.recipient, wanted.to, topics(town, visitor)[:3], wanted.weeks)
    with pytest.raises(Changed):
        sharing.share(stage.s, stage.learner(visitor), other, seen, stage.now)
    assert town.rows() == []


def test_taken_back_every_statement_is_voided_and_the_document_gone(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    made = share(town, visitor, wish(town, visitor))
    town.send()
    assert in_force(town)
    take_back(town, visitor, made)
    town.send()
    assert in_force(town) == set()
    assert documents(town) == {}
    assert sharing.choice(town.stage.s, town.stage.learner(visitor)).shares == ()
    voided = written(town, wire.VOIDED)
    assert '"4711"' not in json.dumps(voided)


def test_what_was_taken_back_before_it_was_sent_never_arrives(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    take_back(town, visitor, share(town, visitor, wish(town, visitor)))
    town.send()
    assert town.there.statements == {}
    assert documents(town) == {}


def test_what_may_have_arrived_unnoticed_is_voided_too(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    made = share(town, visitor, wish(town, visitor, most=1))
    town.there.trouble = {"xapi": 503}
    town.send()
    take_back(town, visitor, made)
    town.there.trouble = {}
    town.send(3600)
    assert len(written(town, wire.VOIDED)) == 1


def test_the_same_lrs_has_one_share_that_changes(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    first = share(town, visitor, wish(town, visitor, most=2))
    town.send()
    town.stage.now += timedelta(minutes=1)
    less = wish(town, visitor, most=1)
    second = share(town, visitor, less)
    town.send()
    assert (second.id, second.revision) == (first.id, 2)
    assert in_force(town) == set(less.topics)
    # What is said of the topic that stays is not sent a second time.
    assert len(written(town, wire.ASSERTED)) == 2
    assert len(documents(town)["competencies"]["competencies"]) == 1


@pytest.mark.parametrize("follows", [True, False])
def test_a_new_measurement_is_shared_only_by_choice(town: Town, follows: bool) -> None:
    visitor = town.gardener(accepted=False)
    wanted = wish(town, visitor, most=99, follow=follows)
    share(town, visitor, wanted)
    town.send()
    before = {s["id"] for s in written(town, wire.ASSERTED)}
    unit = town.stage.first_unit(visitor)
    town.stage.now += timedelta(minutes=1)
    town.stage.learned(visitor, unit)
    town.send()
    town.send(1)  # more than one batch
    newer = [s for s in written(town, wire.ASSERTED) if s["id"] not in before]
    assert bool(newer) is follows
    assert in_force(town) <= set(wanted.topics)
    if follows:  # the one it replaces is voided: one result a topic is in force
        codes = [s["object"]["id"] for s in newer]
        assert len(codes) == len(set(codes)) == len(written(town, wire.VOIDED))


def test_folding_again_without_anything_new_sends_nothing(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    share(town, visitor, wish(town, visitor, follow=True))
    town.send()
    before = town.rows()
    with town.stage.s.store.begin() as work:
        refold(town.stage.s, work, work.learners.lock(visitor.learner_id), town.stage.now)
    assert town.rows() == before


def test_a_share_ends_on_its_day(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    share(town, visitor, wish(town, visitor, weeks=4))
    town.send()
    stage = town.stage
    assert sharing.end_what_is_over(stage.s, stage.now + timedelta(days=27)) == 0
    stage.now += timedelta(days=28)
    assert sharing.end_what_is_over(stage.s, stage.now) == 1
    town.send()
    assert in_force(town) == set()


def test_an_erased_person_s_results_are_voided_and_nothing_of_her_waits(town: Town) -> None:
    visitor = town.gardener("4711-secret", accepted=False)
    share(town, visitor, wish(town, visitor))
    town.send()
    persons.erase(town.stage.s, town.stage.learner(visitor), "learner", town.stage.now)
    town.send()
    assert in_force(town) == set()
    assert documents(town) == {}
    assert {state for _, state in town.rows()} == {"delivered"}


def test_nobody_can_share_what_is_private_or_not_known(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    assert not [code for code in topics(town, visitor) if code == "K.1"]
    for wrong in ({"topics": ("K.1",)}, {"to": "elsewhere"}, {"weeks": 5}, {"recipient": "all"}):
        with pytest.raises(sharing.Conflict):
            share(town, visitor, wish(town, visitor, **wrong))


def test_with_few_answers_there_is_nothing_to_share(town: Town) -> None:
    stage = town.stage
    visitor = stage.assessed("GB", most=3)
    assess.finish(stage.s, stage.learner(visitor), stage.now)
    assert topics(town, visitor) == ()


def test_a_result_an_lrs_refuses_is_a_dead_letter_that_can_be_sent_again(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    share(town, visitor, wish(town, visitor, most=1))
    town.there.trouble = {"xapi": 400}
    town.send()
    assert dict(town.rows()) == {"asserted": "dead", "levels": "delivered"}
    town.there.trouble = {}
    resending.resend(town.stage.s, Actor("cli"), town.stage.now)
    town.send()
    assert dict(town.rows()) == {"asserted": "delivered", "levels": "delivered"}
    assert len(in_force(town)) == 1


def test_a_statement_that_is_not_as_our_profile_says_is_a_dead_letter_and_is_not_sent(
    town: Town,
) -> None:
    visitor = town.gardener(accepted=False)
    share(town, visitor, wish(town, visitor, most=1))
    with town.stage.house.database.begin() as conn:
        row = conn.execute(select(outbox).where(outbox.c.kind == "asserted")).one()
        row.body["statements"][0]["result"] = {"score": {"scaled": 0.5}}
        conn.execute(update(outbox).where(outbox.c.id == row.id).values(body=row.body))
    town.send()
    assert dict(town.rows()) == {"asserted": "dead", "levels": "delivered"}
    assert "$.result must not be there" in str(town.stuck()[0]["last_error"])
    assert town.there.statements == {}


def test_the_profile_is_served_where_the_statements_say(town: Town) -> None:
    town.gardener()
    town.send()
    categories = next(iter(town.there.statements.values()))["context"]["contextActivities"]
    (address,) = [c["id"] for c in categories["category"] if c["id"].endswith("/profile/v1")]
    base = town.stage.settings.server.base_url
    found = town.stage.app.test_client().get(address.removeprefix(base))
    assert found.mimetype == "application/ld+json"
    assert found.json["versions"][0]["id"] == address


# --- a person with a code -------------------------------------------------------------------------


def browse(town: Town, visitor: Visitor, **form: str) -> str:
    client, stage = town.stage.client(visitor), town.stage
    page = f"{visitor.home}daten/teilen"
    if not form:
        return client.get(page).text
    sent = {"csrf": stage.csrf(visitor), **form}
    return client.post(page, data=sent, follow_redirects=True).text


def hidden(page: str) -> dict[str, str]:
    fields = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: value for name, value in fields if name != "csrf"}


def test_a_person_reads_by_a_code_what_was_chosen_until_it_is_taken_back(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    code = topics(town, visitor)[0]
    look = browse(town, visitor, do="look", to="person:lotse", topic=code, weeks="4")
    assert "Das teilen Sie" in look
    done = browse(town, visitor, do="share", **hidden(look))
    (secret,) = re.findall(r'data-test="share-code">([^<]+)<', done)
    somebody = town.stage.app.test_client()
    read = somebody.post("/geteilt", data={"code": secret.lower()}, headers=same_site(town))
    title = town.stage.s.content.framework.topic(code).title
    assert read.status_code == 200
    assert title in read.text
    assert "4711" not in read.text
    assert visitor.learner_id not in read.text
    assert read.headers["Cache-Control"] == "no-store"
    gone = browse(town, visitor, do="back", id=hidden(done)["id"])
    assert "Zurückgenommen" in gone
    closed = somebody.post("/geteilt", data={"code": secret}, headers=same_site(town))
    assert closed.status_code == 404
    assert title not in closed.text


def test_five_shared_areas_are_a_net_and_fewer_are_not(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    framework = town.stage.s.content.framework
    every = [c for c in topics(town, visitor) if c not in framework.areas_by_code]
    areas = {framework.area_of[c].code for c in every}
    few = {"1", "2", "3", "4"}
    four = [c for c in every if framework.area_of[c].code in few]
    assert len(areas) >= 5 > len(few & areas)
    client, page = town.stage.client(visitor), f"{visitor.home}daten/teilen"
    for chosen, drawn in ((every, 1), (four, 0)):
        sent = {"csrf": town.stage.csrf(visitor), "do": "look", "to": "person:lotse", "weeks": "4"}
        look = client.post(page, data={**sent, "topic": chosen}).text
        assert look.count('<svg class="rm-spider"') == drawn
        assert look.count("<caption") == 1 + drawn
        assert "rm-soll" not in look
        form = {**hidden(look), "csrf": sent["csrf"], "do": "share", "topic": chosen}
        done = client.post(page, data=form, follow_redirects=True).text
        secret = re.findall(r'data-test="share-code">([^<]+)<', done)[-1]
        read = town.stage.app.test_client().post(
            "/geteilt", data={"code": secret}, headers=same_site(town)
        )
        assert read.text.count('<svg class="rm-spider"') == drawn


def same_site(town: Town) -> dict[str, str]:
    return {"Origin": town.stage.settings.server.base_url}


def test_a_missing_choice_is_named_and_the_others_are_kept(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    code = topics(town, visitor)[0]
    page = browse(town, visitor, do="look", topic=code, weeks="13")
    assert 'href="#an0"' in page
    assert f'value="{code}" checked' in page
    assert 'value="13" checked' in page


def test_the_form_holds_the_mark_of_what_was_seen(town: Town) -> None:
    visitor = town.gardener(accepted=False)
    code = topics(town, visitor)[0]
    look = browse(town, visitor, do="look", to="person:other", topic=code, weeks="4")
    page = browse(town, visitor, do="share", **(hidden(look) | {"seen": "something else"}))
    assert "inzwischen geändert" in page
    assert sharing.choice(town.stage.s, town.stage.learner(visitor)).shares == ()
