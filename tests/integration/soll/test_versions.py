"""From a draft to a Soll in force, on the store in memory, on SQLite and on PostgreSQL."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from competency.soll import Granularity, SollVersion, State
from lti_tool.errors import NotFound
from lti_tool.flows import assess, measure, observe, profiles, role_list, roles, soll
from lti_tool.flows.role_list import RoleDraft, RoleInvalid
from lti_tool.flows.soll import (
    CouncilMissing,
    Decision,
    FourEyes,
    NobodyNamed,
    NotNow,
    Wanted,
    WrongDay,
)
from lti_tool.ports import Actor
from tests.integration.soll.conftest import Town

DAY = date(2026, 11, 20)
TODAY = date(2026, 11, 23)


def wanted(town: Town, step: int = 5, **more: object) -> Wanted:
    steps = dict.fromkeys(town.s.content.framework.dimensions, step)
    fields: dict[str, object] = {"granularity": Granularity.COMPETENCE, "scale": 4, "steps": steps}
    return Wanted(**(fields | more))  # type: ignore[arg-type]


def in_review(town: Town, role: str = "GB", step: int = 5) -> SollVersion:
    made = soll.draft(town.s, town.manager, town.tenant.id, role, wanted(town, step), town.now)
    return soll.submit(town.s, town.manager, town.tenant.id, made.id, town.now)


def approved(town: Town, role: str = "GB", step: int = 5, first: date | None = None) -> SollVersion:
    made = in_review(town, role, step)
    soll.involve_council(town.s, town.hr, town.tenant.id, made.id, DAY, town.now)
    decision = Decision("Leitung Hauptamt", first)
    return soll.approve(town.s, town.hr, town.tenant.id, made.id, decision, town.now)


def test_from_a_draft_to_the_soll_that_a_person_is_held_against(town: Town) -> None:
    person = town.answered("GB")
    before = profiles.current(town.s, person)
    assert before is not None
    assert not before.target.approved
    made = approved(town, step=5)
    assert soll.take_effect(town.s, town.tenant.id, made.id, town.now) == 1
    town.work_off(person)
    after = profiles.current(town.s, person)
    assert after is not None
    assert after.target.approved
    assert after.target.version == after.profile.versions["soll"] == "GB@1"
    assert {s.soll for s in after.profile.standings} == {5}
    assert before.profile.versions["soll"].startswith("GB@kommunal-")


def test_who_began_with_the_older_soll_ends_with_it(town: Town) -> None:
    person = town.person("GB")
    assess.start(town.s, person, town.now)
    made = approved(town, step=8)
    assess.finish(town.s, person, town.now)
    with town.s.store.read() as work:
        attempt = work.attempts.latest(person.id)
    assert attempt is not None
    frozen = assess.target_from(attempt)
    assert not frozen.approved
    assert frozen.version.startswith("GB@kommunal-")
    assert max(frozen.steps.values()) < 8
    # What is said now is said by what is in force now.
    view = profiles.current(town.s, person)
    assert view is not None
    assert view.target.version == f"GB@{made.number}"


def test_a_path_says_with_which_soll_it_was_made(town: Town) -> None:
    from lti_tool.flows import plan

    person = town.answered("GB")
    shown = plan.current(town.s, person, town.now)
    assert shown.path is not None
    plan.accept(town.s, person, town.now)
    approved(town, step=7)
    town.work_off(person)
    still = plan.current(town.s, person, town.now)
    assert still.path is not None
    assert still.path.versions["soll"] == shown.path.versions["soll"]
    assert still.path.versions["soll"].startswith("GB@kommunal-")
    assert still.proposal is not None
    assert still.proposal.versions["soll"] == "GB@1"


def test_an_approved_version_never_changes_and_a_new_one_takes_its_place(town: Town) -> None:
    first = approved(town, step=3)
    for attempt in (
        lambda: soll.submit(town.s, town.hr, town.tenant.id, first.id, town.now, back=True),
        lambda: soll.drop(town.s, town.hr, town.tenant.id, first.id, town.now),
        lambda: soll.involve_council(town.s, town.hr, town.tenant.id, first.id, DAY, town.now),
        lambda: soll.approve(town.s, town.hr, town.tenant.id, first.id, Decision("x"), town.now),
    ):
        with pytest.raises(NotNow):
            attempt()
    with town.s.store.begin() as work:
        assert not work.soll.change(replace(first, steps={}), was=State.APPROVED)
    second = approved(town, step=6)
    view = soll.of_role(town.s, town.tenant.id, "GB", town.now)
    assert view.force == second
    assert [v.number for v in view.versions] == [2, 1]
    assert view.versions[1] == first
    assert soll.before(view, second) == first


def test_a_version_with_a_later_first_day_waits_for_it(town: Town) -> None:
    later = TODAY + timedelta(days=40)
    approved(town, step=3)
    made = approved(town, step=6, first=later)
    view = soll.of_role(town.s, town.tenant.id, "GB", town.now)
    assert view.force is not None
    assert view.force.number == 1
    assert view.coming == (made,)
    person = town.person("GB")
    with town.s.store.read() as work:
        today = measure.target(town.s, work, person, town.now)
        then = measure.target(town.s, work, person, town.now + timedelta(days=40))
    assert (today.version, then.version) == ("GB@1", "GB@2")


def test_without_the_staff_council_nothing_comes_into_force(town: Town) -> None:
    made = in_review(town)
    with pytest.raises(CouncilMissing):
        soll.approve(town.s, town.hr, town.tenant.id, made.id, Decision("Amt"), town.now)
    assert soll.of_role(town.s, town.tenant.id, "GB", town.now).force is None
    town.switch(council_required=False)
    done = soll.approve(town.s, town.hr, town.tenant.id, made.id, Decision("Amt"), town.now)
    assert done.council is None
    assert done.state is State.APPROVED


def test_what_the_council_saw_is_not_what_somebody_changed_afterwards(town: Town) -> None:
    made = in_review(town)
    soll.involve_council(town.s, town.hr, town.tenant.id, made.id, DAY, town.now)
    soll.submit(town.s, town.manager, town.tenant.id, made.id, town.now, back=True)
    again = soll.submit(town.s, town.manager, town.tenant.id, made.id, town.now)
    assert again.council is None
    with pytest.raises(CouncilMissing):
        soll.approve(town.s, town.hr, town.tenant.id, made.id, Decision("Amt"), town.now)


def test_with_four_eyes_who_handed_it_in_does_not_approve_it(town: Town) -> None:
    town.switch(council_required=False, four_eyes=True)
    made = in_review(town)
    with pytest.raises(FourEyes):
        soll.approve(town.s, town.manager, town.tenant.id, made.id, Decision("Amt"), town.now)
    soll.approve(town.s, town.hr, town.tenant.id, made.id, Decision("Amt"), town.now)


@pytest.mark.parametrize(
    ("who", "office"), [("link:4711", "Leitung Hauptamt"), ("staff:hr", "  "), ("cli", "")]
)
def test_a_soll_is_approved_by_somebody_with_a_name_or_not_at_all(
    town: Town, who: str, office: str
) -> None:
    town.switch(council_required=False)
    made, by = in_review(town), Actor(who, town.tenant.id)
    with pytest.raises(NobodyNamed):
        soll.approve(town.s, by, town.tenant.id, made.id, Decision(office), town.now)


@pytest.mark.parametrize("days", [-1, 800])
def test_a_soll_never_begins_in_the_past_nor_in_some_distant_year(town: Town, days: int) -> None:
    town.switch(council_required=False)
    made, first = in_review(town), TODAY + timedelta(days=days)
    with pytest.raises(WrongDay):
        soll.approve(town.s, town.hr, town.tenant.id, made.id, Decision("A", first), town.now)


def test_the_day_of_the_council_is_not_in_the_future(town: Town) -> None:
    made, tomorrow = in_review(town), TODAY + timedelta(days=1)
    with pytest.raises(WrongDay):
        soll.involve_council(town.s, town.hr, town.tenant.id, made.id, tomorrow, town.now)


def test_while_a_version_is_checked_no_other_draft_of_the_role_is_made(town: Town) -> None:
    in_review(town)
    with pytest.raises(NotNow):
        soll.draft(town.s, town.hr, town.tenant.id, "GB", wanted(town), town.now)
    soll.draft(town.s, town.hr, town.tenant.id, "VFA", wanted(town), town.now)


def test_a_second_draft_takes_the_place_of_the_first(town: Town) -> None:
    first = soll.draft(town.s, town.hr, town.tenant.id, "GB", wanted(town, 3), town.now)
    second = soll.draft(town.s, town.hr, town.tenant.id, "GB", wanted(town, 4), town.now)
    assert (first.id, first.number) == (second.id, second.number)
    view = soll.of_role(town.s, town.tenant.id, "GB", town.now)
    assert view.versions == (second,)
    soll.drop(town.s, town.hr, town.tenant.id, second.id, town.now)
    assert soll.of_role(town.s, town.tenant.id, "GB", town.now).versions == ()


def test_whoever_names_the_version_of_another_municipality_finds_nothing(town: Town) -> None:
    made = in_review(town)
    with pytest.raises(NotFound):
        soll.approve(town.s, Actor("cli"), "elsewhere", made.id, Decision("Amt"), town.now)


def test_everything_that_is_decided_is_in_the_audit_with_who_and_what(town: Town) -> None:
    approved(town)
    done = [(actor, action) for actor, action, detail in town.audited() if "version" in detail]
    assert done == [
        ("staff:manager", "soll.draft"),
        ("staff:manager", "soll.submit"),
        ("staff:hr", "soll.council"),
        ("staff:hr", "soll.approve"),
    ]


# --- several roles, a desired one, own ones -------------------------------------------------------


def test_the_highest_soll_of_several_roles_counts_whether_decided_or_proposed(town: Town) -> None:
    approved(town, "GB", step=2)
    person = town.person("GB", "DL", "HM")
    with town.s.store.read() as work:
        target = measure.target(town.s, work, person, town.now)
    assert target.roles == ("GB", "DL", "HM")
    assert target.sources["5.4"] == "DL"
    assert target.steps["3.2"] >= 2
    assert not target.approved
    assert target.version.startswith("GB@1, DL@kommunal-")


def test_a_desired_role_changes_neither_soll_nor_profile_nor_path(town: Town) -> None:
    person = town.answered("GB")
    before = profiles.current(town.s, person)
    wishing = roles.wish(town.s, person, "AL", town.now)
    observe.refold_learner(town.s, person.id, town.now)
    after = profiles.current(town.s, wishing)
    assert before is not None
    assert after is not None
    assert after.target == before.target
    assert after.profile.standings == before.profile.standings


def test_the_gap_to_a_desired_role_stands_apart(town: Town) -> None:
    person = roles.wish(town.s, town.answered("GB"), "AL", town.now)
    wished = profiles.desired(town.s, person, town.now)
    assert wished is not None
    assert wished.target.roles == ("AL",)
    assert {s.soll for s in wished.profile.required} == set(wished.target.steps.values())
    nobody = roles.wish(town.s, person, "", town.now)
    assert profiles.desired(town.s, nobody, town.now) is None


def test_an_own_role_can_be_chosen_once_its_soll_is_approved(town: Town) -> None:
    given = RoleDraft("bad", "Badeaufsicht", "Aufsicht am Becken", "non_desk", alike="HM")
    role_list.add(town.s, town.hr, town.tenant.id, given, town.now)
    person = town.person()
    assert "BAD" not in {r.key for r in roles.choices(town.s, person, town.now)}
    approved(town, "BAD", step=3)
    chosen = roles.choose(town.s, person, ("BAD",), town.now)
    with town.s.store.read() as work:
        target = measure.target(town.s, work, chosen, town.now)
    assert target.scenes == ("HM",)
    assert set(target.steps.values()) == {3}


def test_a_retired_role_is_offered_to_nobody_new_and_stays_with_who_has_it(town: Town) -> None:
    person, new = town.person("GB"), town.person()
    role_list.retire(town.s, town.hr, town.tenant.id, "GB", town.now)
    assert "GB" not in {r.key for r in roles.choices(town.s, new, town.now)}
    assert "GB" in {r.key for r in roles.choices(town.s, person, town.now)}
    with town.s.store.read() as work:
        assert measure.target(town.s, work, person, town.now).steps
    role_list.retire(town.s, town.hr, town.tenant.id, "GB", town.now, back=True)
    assert "GB" in {r.key for r in roles.choices(town.s, new, town.now)}


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (RoleDraft("GB", "Noch einmal"), "taken"),
        (RoleDraft("a b", "Titel"), "key"),
        (RoleDraft("X", "Zu kurz"), "key"),
        (RoleDraft("BAD", " "), "title"),
        (RoleDraft("BAD", "T" * 81), "title"),
        (RoleDraft("BAD", "Bad", "h" * 201), "hint"),
        (RoleDraft("BAD", "Bad", workplace="moon"), "workplace"),
        (RoleDraft("BAD", "Bad", alike="XYZ"), "alike"),
    ],
)
def test_what_is_wrong_with_an_own_role_is_named(town: Town, draft: RoleDraft, field: str) -> None:
    with pytest.raises(RoleInvalid) as caught:
        role_list.add(town.s, town.hr, town.tenant.id, draft, town.now)
    assert caught.value.field == field


def test_the_words_of_an_own_role_change_and_those_of_the_pack_do_not(town: Town) -> None:
    role_list.add(town.s, town.hr, town.tenant.id, RoleDraft("BAD", "Bad"), town.now)
    changed = RoleDraft("BAD", "Badeaufsicht")
    role_list.change(town.s, town.hr, town.tenant.id, changed, town.now)
    view = soll.of_role(town.s, town.tenant.id, "BAD", town.now)
    assert view.role.title == "Badeaufsicht"
    with pytest.raises(NotFound):
        role_list.change(town.s, town.hr, town.tenant.id, RoleDraft("GB", "Neu"), town.now)


def test_a_soll_by_area_is_what_a_person_is_held_against(town: Town) -> None:
    areas = {a.code: 4 for a in town.s.content.framework.areas}
    given = Wanted(Granularity.AREA, 8, areas)
    person = town.answered("GB")
    made = soll.draft(town.s, town.manager, town.tenant.id, "GB", given, town.now)
    soll.submit(town.s, town.manager, town.tenant.id, made.id, town.now)
    soll.involve_council(town.s, town.hr, town.tenant.id, made.id, DAY, town.now)
    soll.approve(town.s, town.hr, town.tenant.id, made.id, Decision("Amt"), town.now)
    town.work_off(person)
    view = profiles.current(town.s, person)
    assert view is not None
    assert [s.competency for s in view.profile.required] == list(areas)
    assert {s.soll for s in view.profile.required} == {4}
    assert view.target.version == "GB@1"
