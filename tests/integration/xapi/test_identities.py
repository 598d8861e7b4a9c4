"""Whose a statement is: known, unknown, foreign, or somebody who could be two; never a guess."""

import uuid

from lti_tool.store import identities, lrs_settings, platforms
from lti_tool.store.linking import SqlLinks
from lti_tool.store.parked import replay_parked
from tests.integration.xapi.site import MOODLE, Site, now, statement_of
from xapi_bridge.identity import sha1

IDENT = "a" * 64 + "@" + "1" * 32 + ".ilias"


def parked(site: Site) -> list[str]:
    return [r.flags for r in site.rows() if r.state == "parked"]


def test_what_could_be_two_people_stays_nobody_s_whoever_of_them_comes_again(site: Site) -> None:
    one, other = site.learner("4"), site.learner("4", "username")
    site.post(statement_of("4"))
    site.pull()
    for person in (one, other):
        site.identify(person, f"{person}@example", "ident")
        with site.database.begin() as conn:
            assert replay_parked(conn, site.seal, site.meaning, person, now()) == 0
    site.pull()
    assert parked(site) == ["actor_conflict"]
    assert site.evidence() == []


def test_a_conflict_ends_when_both_turn_out_to_be_one_person(site: Site) -> None:
    one, other = site.learner("4"), site.learner("4", "username")
    site.post(statement_of("4"))
    site.pull()
    with site.database.begin() as conn:
        SqlLinks(conn, site.seal).hand_over(other, one, now())
    site.pull()
    (row,) = site.rows()
    assert (row.state, row.learner_id, row.flags) == ("kept", one, "")
    assert {e.learner_id for e in site.evidence()} == {one}


def test_a_conflict_is_told_by_platform_and_kind_of_name_and_by_no_name(site: Site) -> None:
    site.learner("mustermann")
    site.learner("mustermann", "username")
    site.post(statement_of("mustermann"), statement_of("mustermann"), statement_of("0815"))
    site.pull()
    with site.database.read() as conn:
        (found,) = identities.conflicts(conn, site.seal, site.connection)
        waits = identities.waiting(conn, site.connection)
    assert (found.lrs, found.count) == ("eingebaut", 2)
    assert found.fits == ((site.platform_id, "sub"), (site.platform_id, "username"))
    assert "mustermann" not in repr(found)
    assert (waits.messages, waits.people) == (1, 1)


def test_a_hashed_address_is_found_by_the_name_it_was_made_from(site: Site) -> None:
    person = site.learner(IDENT, "ident")
    site.identify(person, sha1(IDENT), "mail_sha1")
    hashed = {"objectType": "Agent", "mbox_sha1sum": sha1(IDENT).upper()}
    site.post(statement_of(actor=hashed))
    site.pull()
    assert [r.learner_id for r in site.rows()] == [person]


def test_what_waited_under_a_hashed_address_is_found_when_the_person_comes(site: Site) -> None:
    site.post(statement_of(actor={"objectType": "Agent", "mbox_sha1sum": sha1(IDENT)}))
    site.pull()
    assert parked(site) == [""]
    person = site.learner(sha1(IDENT), "mail_sha1")
    with site.database.begin() as conn:
        assert replay_parked(conn, site.seal, site.meaning, person, now()) == 1


def test_an_anonymous_home_page_and_an_event_plugin_s_number_are_nobody(site: Site) -> None:
    """ILIAS's anonymous constant is foreign; a number is no name while it was not linked."""
    site.learner("6")
    anonymous = {"account": {"homePage": "https://anonymous.example", "name": IDENT}}
    plugin = {"account": {"homePage": MOODLE, "name": "ilias-user-6"}}
    site.post(statement_of(actor=anonymous), statement_of(actor=plugin))
    site.pull()
    counts = site.counts()
    assert (counts["foreign"], counts["parked"], counts["evidence"]) == (1, 1, 0)


def test_how_people_are_named_is_judged_by_those_who_came_last(site: Site) -> None:
    person = site.learner("h" * 4)
    site.identify(person, IDENT, "ident")
    site.learner(str(uuid.uuid4()))
    with site.database.read() as conn:
        (platform,) = platforms.listed(conn, site.tenant_id)
        found = identities.newest(conn, site.seal, platform)
    assert ("hhhh", IDENT) in found
    assert len(found) == 2


def test_a_home_page_that_an_admin_binds_names_the_platform_s_people(site: Site) -> None:
    """Moodle's account_homepage was changed: foreign until somebody says whose address it is."""
    person = site.learner("4")
    old = {"account": {"homePage": "https://alt.example/", "name": "4"}}
    site.post(statement_of(actor=old))
    site.pull()
    assert site.counts()["foreign"] == 1
    with site.database.begin() as conn:
        pages = {"https://alt.example": site.platform_id}
        lrs_settings.change(conn, site.connection, {"home_pages": pages})
    site.post(statement_of(actor=old))
    site.pull()
    # What the overlap brings again is taken up as well.
    assert [r.learner_id for r in site.rows() if r.state == "kept"] == [person, person]


def test_blackened_times_are_those_of_the_store(site: Site) -> None:
    site.learner("4")
    with site.database.begin() as conn:
        lrs_settings.change(conn, site.connection, {"blackened": True})
    site.post(statement_of(timestamp="2020-01-01T00:00:00Z"))
    site.pull()
    (row,) = site.rows()
    assert row.eff_us == row.stored_us
