"""A workshop from the code to the draft: blind, in two groups, on every store."""

import threading
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from competency.scale import step_of_level
from competency.soll import Granularity, State, codes_of
from competency.workshop import Agreement, Detail, Group
from lti_tool.errors import Conflict, NotFound
from lti_tool.flows import ballot, soll, workshop
from lti_tool.flows.ballot import CodeUnknown, Full, SeatUnknown, VoteClosed
from lti_tool.flows.soll import NotNow
from lti_tool.flows.workshop import NotSettled, Plan, ReasonMissing, StillVoting, TooFew
from lti_tool.ports import Agreed, Workshop
from lti_tool.store.schema.soll import soll_seat, soll_vote
from tests.integration.soll.conftest import Town
from tests.integration.soll.test_versions import in_review

LEAD, STAFF = Group.LEAD, Group.STAFF
DATABASES = ["sqlite", "postgresql"]
SIX = {LEAD: 3, STAFF: 3}


def opened(
    town: Town,
    role: str = "GB",
    granularity: Granularity = Granularity.AREA,
    scale: int = 8,
    invited: Mapping[Group, int] = SIX,
) -> Workshop:
    plan = Plan(role, granularity, scale, invited)
    return workshop.start(town.s, town.manager, town.tenant.id, plan, town.now)


def come(town: Town, code: str, group: Group = STAFF, secret: str = "") -> str:
    return ballot.join(town.s, code, group, secret, town.now)


def six(town: Town, made: Workshop) -> list[str]:
    return [come(town, made.code, group) for group in (LEAD,) * 3 + (STAFF,) * 3]


def cast(town: Town, secrets: list[str], votes: Mapping[str, list[int]]) -> None:
    """Let everybody vote: code -> one step a person."""
    number = ballot.ballot(town.s, secrets[0], town.now).round.number
    for code, steps in votes.items():
        for secret, step in zip(secrets, steps, strict=True):
            ballot.vote(town.s, secret, number, code, step)


def codes(town: Town, made: Workshop) -> tuple[str, ...]:
    return codes_of(town.s.content.framework, made.granularity)


def close(town: Town, made: Workshop, number: int = 1) -> None:
    workshop.close_round(town.s, town.manager, town.tenant.id, made.id, number, town.now)


def desk(town: Town, made: Workshop) -> workshop.Desk:
    return workshop.desk(town.s, town.tenant.id, made.id, town.now)


def agree(town: Town, made: Workshop, code: str, step: int, reason: str = "Alltag") -> None:
    given = Agreed(step, reason)
    workshop.agree(town.s, town.manager, town.tenant.id, made.id, code, given, town.now)


def voted(town: Town, steps: list[int], **more: object) -> Workshop:
    """Return a workshop in which six people voted the same way about everything; closed."""
    made = opened(town, **more)  # type: ignore[arg-type]
    people = six(town, made)
    cast(town, people, dict.fromkeys(codes(town, made), steps))
    close(town, made)
    return made


def test_from_six_votes_in_two_groups_to_a_draft_with_reasons(town: Town) -> None:
    made = voted(town, [5, 5, 7, 3, 3, 5])
    first, *rest = desk(town, made).topics
    assert first.view is not None
    assert first.view.detail is Detail.GROUPS
    assert [(s.group, s.counts, s.median) for s in first.view.spreads] == [
        (LEAD, {5: 2, 7: 1}, (5, 5)),
        (STAFF, {3: 2, 5: 1}, (3, 3)),
    ]
    assert first.view.agreement is Agreement.APART
    for topic in (first, *rest):
        agree(town, made, topic.code, 4, f"So arbeiten wir: {topic.code}")
    version = workshop.finish(town.s, town.manager, town.tenant.id, made.id, town.now)
    assert (version.state, version.source, version.workshop_id) == (
        State.DRAFT,
        "workshop",
        made.id,
    )
    assert set(version.steps.values()) == {4}
    assert version.reasons[first.code] == f"So arbeiten wir: {first.code}"
    assert (version.granularity, version.scale) == (Granularity.AREA, 8)
    ended = desk(town, made)
    assert (ended.workshop.state, ended.workshop.code) == ("done", "")
    assert ended.seats == {LEAD: 0, STAFF: 0}
    assert ended.topics[0].view == first.view  # the minutes can still be written


def test_topic_by_topic_all_measured_competences_are_asked_and_never_a_private_one(
    town: Town,
) -> None:
    made = opened(town, granularity=Granularity.COMPETENCE, scale=4)
    asked = ballot.ballot(town.s, come(town, made.code), town.now).left
    assert asked == town.s.content.framework.dimensions
    assert len(asked) == 26


# --- blind ----------------------------------------------------------------------------------------


def test_nobody_reads_a_vote_before_the_round_is_closed(town: Town) -> None:
    made = opened(town)
    people = six(town, made)
    first = codes(town, made)[0]
    cast(town, people[:5], {first: [1, 3, 5, 7, 8]})
    assert all(topic.view is None for topic in desk(town, made).topics)
    mine = ballot.ballot(town.s, people[0], town.now)
    assert (mine.mine, mine.results) == ({first: 1}, {})
    assert ballot.ballot(town.s, people[5], town.now).mine == {}


def test_a_closed_round_stays_closed_and_its_votes_belong_to_nobody_any_more(town: Town) -> None:
    made = opened(town)
    people = six(town, made)
    first = codes(town, made)[0]
    cast(town, people, {first: [5, 5, 5, 3, 3, 3]})
    close(town, made)
    if town.database is not None:
        with town.database.read() as conn:
            assert conn.execute(select(func.count()).select_from(soll_vote)).scalar_one() == 0
    for secret in people:
        assert ballot.ballot(town.s, secret, town.now).mine == {}
        with pytest.raises(VoteClosed):
            ballot.vote(town.s, secret, 1, first, 8)
    before = desk(town, made).topics
    close(town, made)  # a second tab
    assert desk(town, made).topics == before


def test_what_came_out_is_shown_to_who_voted_as_far_as_to_everybody(town: Town) -> None:
    made = voted(town, [5, 5, 5, 3, 3, 3])
    seen = {t.code: t.view for t in desk(town, made).topics}
    late = opened(town, "VFA")
    secret = come(town, late.code)
    close(town, late)
    assert ballot.ballot(town.s, secret, town.now).results.keys() == set(codes(town, late))
    assert all(v is not None and v.detail is Detail.GROUPS for v in seen.values())


def test_a_vote_may_be_changed_while_the_round_is_open_and_the_last_one_counts(town: Town) -> None:
    made = opened(town)
    people = six(town, made)
    first = codes(town, made)[0]
    cast(town, people, {first: [1, 1, 1, 1, 1, 1]})
    ballot.vote(town.s, people[0], 1, first, 7)
    ballot.vote(town.s, people[1], 1, first, None)
    close(town, made)
    view = desk(town, made).topics[0].view
    assert view is not None
    # One of the leaders has no opinion: two votes of a group are not shown apart.
    assert view.detail is Detail.TOGETHER
    assert view.spreads[0].counts == {1: 4, 7: 1}


def test_below_three_in_a_group_the_groups_are_never_shown_apart(town: Town) -> None:
    made = opened(town, invited={LEAD: 1, STAFF: 5})
    people = [come(town, made.code, LEAD), *(come(town, made.code) for _ in range(5))]
    first, second = codes(town, made)[:2]
    cast(town, people, {first: [8, 1, 1, 1, 1, 1]})
    cast(town, people[:3], {second: [8, 1, 1]})
    close(town, made)
    one, two = desk(town, made).topics[:2]
    assert one.view is not None
    assert two.view is not None
    assert (one.view.detail, two.view.detail) == (Detail.TOGETHER, Detail.COARSE)


# --- seats and codes ------------------------------------------------------------------------------


def test_a_device_that_comes_again_has_the_same_seat_and_votes_once(town: Town) -> None:
    made = opened(town)
    secret = come(town, made.code)
    first = codes(town, made)[0]
    ballot.vote(town.s, secret, 1, first, 3)
    assert come(town, made.code, LEAD, secret) == secret
    assert desk(town, made).seats == {LEAD: 0, STAFF: 1}
    here = ballot.ballot(town.s, secret, town.now)
    assert (here.group, here.mine) == (STAFF, {first: 3})


def test_no_more_people_vote_than_were_invited(town: Town) -> None:
    made = opened(town)
    six(town, made)
    for group in Group:
        with pytest.raises(Full):
            come(town, made.code, group)
    assert not any(ballot.look(town.s, made.code, town.now).room.values())
    more = {LEAD: 3, STAFF: 4}
    workshop.invite(town.s, town.manager, town.tenant.id, made.id, town.now, invited=more)
    come(town, desk(town, made).workshop.code)


@pytest.mark.parametrize("typed", ["", "AAAA AAAA", "2222-2222", "x" * 500, "\x00"])
def test_a_code_that_was_guessed_opens_nothing(town: Town, typed: str) -> None:
    opened(town)
    with pytest.raises(CodeUnknown):
        ballot.look(town.s, typed, town.now)
    with pytest.raises(CodeUnknown):
        come(town, typed)


def test_a_code_is_good_for_its_time_only_however_it_is_typed(town: Town) -> None:
    made = opened(town)
    typed = f" {made.code[:4].lower()}-{made.code[4:]} "
    assert ballot.look(town.s, typed, town.now).workshop.id == made.id
    with pytest.raises(CodeUnknown):
        ballot.look(town.s, typed, town.now + timedelta(hours=12))
    workshop.invite(town.s, town.manager, town.tenant.id, made.id, town.now)
    with pytest.raises(CodeUnknown):
        ballot.look(town.s, typed, town.now)
    workshop.invite(town.s, town.manager, town.tenant.id, made.id, town.now, close=True)
    assert desk(town, made).workshop.code == ""


def test_who_has_a_seat_goes_on_when_the_code_has_ended(town: Town) -> None:
    made = opened(town)
    secret = come(town, made.code)
    workshop.invite(town.s, town.manager, town.tenant.id, made.id, town.now, close=True)
    ballot.vote(town.s, secret, 1, codes(town, made)[0], 3)


def test_a_seat_of_one_workshop_says_nothing_about_another(town: Town) -> None:
    one, two = opened(town, "GB"), opened(town, "VFA")
    secret = come(town, one.code)
    other = come(town, two.code, STAFF, secret)
    assert other != secret
    ballot.vote(town.s, secret, 1, codes(town, one)[0], 3)
    assert ballot.ballot(town.s, other, town.now).mine == {}
    close(town, one)
    with pytest.raises(VoteClosed):
        ballot.vote(town.s, secret, 1, codes(town, one)[0], 3)
    ballot.vote(town.s, other, 1, codes(town, two)[0], 3)


@pytest.mark.parametrize("secret", ["", "guess", "x" * 900])
def test_a_secret_that_was_guessed_has_no_seat(town: Town, secret: str) -> None:
    opened(town)
    with pytest.raises(SeatUnknown):
        ballot.ballot(town.s, secret, town.now)
    with pytest.raises(SeatUnknown):
        ballot.vote(town.s, secret, 1, "1", 3)


@pytest.mark.parametrize(("number", "code", "step"), [(2, "1", 3), (1, "9", 3), (1, "1", 9)])
def test_a_vote_that_was_not_asked_for_counts_nowhere(
    town: Town, number: int, code: str, step: int
) -> None:
    secret = come(town, opened(town).code)
    with pytest.raises(VoteClosed):
        ballot.vote(town.s, secret, number, code, step)


@pytest.mark.parametrize("town", DATABASES, indirect=True)
def test_nothing_stored_about_a_seat_says_who_or_when(town: Town) -> None:
    assert town.database is not None
    assert set(soll_seat.c.keys()) == {"id", "workshop_id", "digest", "group_name"}
    assert set(soll_vote.c.keys()) == {"seat_id", "round", "code", "step"}
    secret = come(town, opened(town).code)
    with town.database.read() as conn:
        assert secret not in str(conn.execute(select(soll_seat)).all())


# --- settling -------------------------------------------------------------------------------------


def test_a_second_vote_is_about_what_was_chosen_and_replaces_the_first(town: Town) -> None:
    made = opened(town)
    people = six(town, made)
    cast(town, people, {code: [1, 1, 1, 7, 7, 7] for code in codes(town, made)})
    close(town, made)
    first, second = codes(town, made)[:2]
    agree(town, made, first, 3)
    agree(town, made, second, 3)
    tenant_id = town.tenant.id
    workshop.vote_again(town.s, town.manager, tenant_id, made.id, [first], town.now)
    again = ballot.ballot(town.s, people[0], town.now)
    assert (again.left, again.round.number) == ((first,), 2)
    assert again.results.keys() == set(codes(town, made)) - {first}
    assert desk(town, made).topics[0].view is None
    with pytest.raises(VoteClosed):
        ballot.vote(town.s, people[0], 1, first, 3)
    with pytest.raises(VoteClosed):
        ballot.vote(town.s, people[0], 2, second, 3)
    cast(town, people, {first: [3, 3, 3, 3, 3, 5]})
    close(town, made, 2)
    topics = desk(town, made).topics
    assert topics[0].view is not None
    assert topics[0].view.agreement is Agreement.CLOSE
    assert (topics[0].agreed, topics[1].agreed) == (None, Agreed(3, "Alltag"))


def test_nothing_is_settled_while_people_vote(town: Town) -> None:
    made = opened(town)
    with pytest.raises(StillVoting):
        agree(town, made, codes(town, made)[0], 3)
    for act in (workshop.finish, workshop.agree_undisputed):
        with pytest.raises(StillVoting):
            act(town.s, town.manager, town.tenant.id, made.id, town.now)
    with pytest.raises(StillVoting):
        workshop.vote_again(town.s, town.manager, town.tenant.id, made.id, ["1"], town.now)


def test_a_value_without_a_reason_is_not_settled(town: Town) -> None:
    made = voted(town, [3] * 6)
    with pytest.raises(ReasonMissing):
        agree(town, made, codes(town, made)[0], 3, "  ")


def test_what_nobody_argues_about_is_settled_at_once_and_the_rest_is_left(town: Town) -> None:
    made = opened(town)
    people = six(town, made)
    first, second, *rest = codes(town, made)
    cast(town, people, {first: [3, 3, 3, 3, 3, 5], second: [1, 1, 1, 7, 7, 7]})
    cast(town, people, {code: [5] * 6 for code in rest})
    close(town, made)
    agree(town, made, rest[0], 7, "Anders besprochen")
    done = workshop.agree_undisputed(town.s, town.manager, town.tenant.id, made.id, town.now)
    assert done == len(codes(town, made)) - 2
    settled = desk(town, made).workshop.agreed
    assert settled[first].step == 3
    assert second not in settled
    assert settled[rest[0]] == Agreed(7, "Anders besprochen")
    with pytest.raises(NotSettled):
        workshop.finish(town.s, town.manager, town.tenant.id, made.id, town.now)


def test_the_proposal_stands_beside_the_votes_and_an_own_role_has_none(town: Town) -> None:
    made = voted(town, [3] * 6, role="GB", granularity=Granularity.COMPETENCE, scale=4)
    topics = {t.code: t for t in desk(town, made).topics}
    assert topics["1.3"].proposal == step_of_level(2)
    by_area = desk(town, voted(town, [3] * 6, role="VFA")).topics[0]
    inside = [soll.proposed(town.s, town.s.content.roles[0])[c] for c in ("1.1", "1.2", "1.3")]
    assert by_area.proposal == round(sum(inside) / 3)


def test_a_workshop_cannot_overwrite_what_is_being_checked(town: Town) -> None:
    made = voted(town, [3] * 6)
    workshop.agree_undisputed(town.s, town.manager, town.tenant.id, made.id, town.now)
    waiting = in_review(town, "GB")
    with pytest.raises(NotNow):
        workshop.finish(town.s, town.manager, town.tenant.id, made.id, town.now)
    assert desk(town, made).workshop.state == "open"
    soll.submit(town.s, town.manager, town.tenant.id, waiting.id, town.now, back=True)
    workshop.finish(town.s, town.manager, town.tenant.id, made.id, town.now)


def test_a_workshop_that_is_given_up_forgets_its_votes_and_is_over(town: Town) -> None:
    made = opened(town)
    secret = come(town, made.code)
    workshop.drop(town.s, town.manager, town.tenant.id, made.id, town.now)
    with pytest.raises(SeatUnknown):
        ballot.ballot(town.s, secret, town.now)
    with pytest.raises(CodeUnknown):
        ballot.look(town.s, made.code, town.now)
    with pytest.raises(Conflict):
        close(town, made)


@pytest.mark.parametrize("invited", [{}, {LEAD: 1, STAFF: 1}, {LEAD: -5, STAFF: 2}])
def test_with_fewer_than_three_people_there_is_no_blind_vote(
    town: Town, invited: dict[Group, int]
) -> None:
    with pytest.raises(TooFew):
        opened(town, invited=invited)


def test_a_workshop_of_another_municipality_is_not_there(town: Town) -> None:
    made = opened(town)
    with pytest.raises(NotFound):
        workshop.desk(town.s, "elsewhere", made.id, town.now)
    for act in (workshop.finish, workshop.drop, workshop.agree_undisputed):
        with pytest.raises(NotFound):
            act(town.s, town.manager, "elsewhere", made.id, town.now)


def test_everything_that_is_done_in_a_workshop_is_in_the_audit_and_no_vote_is(town: Town) -> None:
    made = voted(town, [3] * 6)
    workshop.agree_undisputed(town.s, town.manager, town.tenant.id, made.id, town.now)
    workshop.finish(town.s, town.manager, town.tenant.id, made.id, town.now)
    noted = [(action, detail) for _, action, detail in town.audited()]
    actions = {action for action, _ in noted}
    assert actions >= {"workshop.open", "workshop.close", "workshop.agree", "workshop.finish"}
    assert not [d for _, d in noted if {"step", "group", "seat", "code"} & d.keys()]


@pytest.mark.parametrize("town", DATABASES, indirect=True)
def test_votes_that_come_while_the_round_is_closed_are_counted_or_refused_never_lost(
    town: Town,
) -> None:
    made = opened(town, invited={LEAD: 0, STAFF: 20})
    people = [come(town, made.code) for _ in range(20)]
    first, taken, barrier = codes(town, made)[0], list[int](), threading.Barrier(21)

    def one(secret: str) -> None:
        barrier.wait(10)
        try:
            ballot.vote(town.s, secret, 1, first, 3)
        except VoteClosed:
            return
        taken.append(3)

    threads = [threading.Thread(target=one, args=(secret,)) for secret in people]
    for thread in threads:
        thread.start()
    barrier.wait(10)
    close(town, made)
    for thread in threads:
        thread.join()
    view = desk(town, made).topics[0].view
    assert view is not None
    counted = view.spreads[0].votes if view.spreads else len(taken)
    assert counted == len(taken) or len(taken) < 3
