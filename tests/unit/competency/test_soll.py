"""A Soll in versions: what is complete, what is in force on a day, and what changes."""

import uuid
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competency.scale import mark_of_step, step_of_mark
from competency.soll import (
    Change,
    Granularity,
    Signed,
    SollInvalid,
    SollVersion,
    State,
    codes_of,
    complete,
    difference,
    in_force,
    predecessor,
)
from competency.target import RoleProfile, Soll, Target
from tests.unit.competency.bank import framework

FRAMEWORK = framework(private="6.1")
TODAY = date(2026, 11, 28)


def version(number: int, **more: Any) -> SollVersion:
    fields: dict[str, Any] = {
        "id": str(uuid.uuid4()),
        "tenant_id": "t",
        "role": "GB",
        "granularity": Granularity.COMPETENCE,
        "scale": 4,
        "steps": dict.fromkeys(codes_of(FRAMEWORK, Granularity.COMPETENCE), 3),
        "state": State.APPROVED,
        "source": "hand",
        "framework": "test-1.0",
        "made": Signed("cli", datetime(2026, 11, 1, tzinfo=UTC)),
        "valid_from": date(2026, 11, 1),
    }
    return SollVersion(number=number, **(fields | more))


def role(**more: Any) -> RoleProfile:
    fields: dict[str, Any] = {
        "key": "GB",
        "title": "Gärtner*in",
        "title_en": "Gardener",
        "hint": "",
        "hint_en": "",
        "workplace": "non_desk",
        "levels": {"1.1": 2, "1.2": 0, "6.1": 3},
    }
    return RoleProfile(**(fields | more))


# --- what gets a value ----------------------------------------------------------------------------


def test_a_private_competence_never_gets_a_soll() -> None:
    codes = codes_of(FRAMEWORK, Granularity.COMPETENCE)
    assert "6.1" not in codes
    assert len(codes) == 25


def test_an_area_of_private_competences_only_gets_none() -> None:
    alone = framework((2, 1), private="2.1")
    assert codes_of(alone, Granularity.AREA) == ("1",)


@pytest.mark.parametrize(
    ("steps", "said"),
    [({}, "1: has no value"), ({"1": 9}, "9 is not between"), ({"1": 1, "7": 1}, "7: gets no")],
)
def test_values_that_no_soll_can_have_are_refused_by_name(steps: dict[str, int], said: str) -> None:
    one = framework((2,))
    with pytest.raises(SollInvalid, match=said):
        complete(one, Granularity.AREA, steps)


def test_complete_values_come_back_in_the_order_of_the_framework() -> None:
    given_steps = dict.fromkeys(reversed(codes_of(FRAMEWORK, Granularity.AREA)), 4)
    found = complete(FRAMEWORK, Granularity.AREA, given_steps)
    assert tuple(found) == codes_of(FRAMEWORK, Granularity.AREA)


# --- in force -------------------------------------------------------------------------------------


def test_only_what_is_approved_and_has_begun_is_in_force() -> None:
    versions = [
        version(1),
        version(2, valid_from=date(2027, 1, 1)),
        version(3, state=State.REVIEW, valid_from=None),
        version(1, role="DL", state=State.DROPPED),
    ]
    assert {r: v.number for r, v in in_force(versions, TODAY).items()} == {"GB": 1}
    assert in_force(versions, date(2027, 1, 1))["GB"].number == 2
    assert in_force(versions, date(2026, 10, 31)) == {}


def test_of_two_that_begin_on_the_same_day_the_newer_counts() -> None:
    versions = [version(2), version(1)]
    assert in_force(versions, TODAY)["GB"].number == 2
    assert in_force(reversed(versions), TODAY)["GB"].number == 2


days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@given(st.lists(days, min_size=1, max_size=6), days)
def test_whatever_is_decided_later_at_most_one_version_of_a_role_counts_on_a_day(
    starts: list[date], today: date
) -> None:
    versions = [version(n, valid_from=day) for n, day in enumerate(starts, start=1)]
    found = in_force(versions, today)
    begun = [v for v in versions if v.valid_from is not None and v.valid_from <= today]
    assert bool(found) == bool(begun)
    if found:
        assert all(v.valid_from <= found["GB"].valid_from for v in begun)  # type: ignore[operator]


def test_a_version_follows_the_last_that_was_approved_before_it() -> None:
    first, dropped, third = version(1), version(2, state=State.DROPPED), version(3)
    versions = [first, dropped, third, version(1, role="DL")]
    assert predecessor(versions, third) is first
    assert predecessor(versions, first) is None


def test_the_difference_names_what_changed_and_nothing_else() -> None:
    before, after = {"1.1": 3, "1.2": 1, "1.3": 2}, {"1.1": 3, "1.2": 5, "K.2": 1}
    assert difference(before, after) == (
        Change("1.2", 1, 5),
        Change("K.2", None, 1),
        Change("1.3", 2, None),
    )
    assert difference(after, after) == ()


# --- what a person is held against ----------------------------------------------------------------


def test_before_anything_is_decided_the_proposal_counts_as_a_proposal() -> None:
    soll = Target.of([role(version="kommunal-1.0")], private=frozenset(("6.1",)))
    assert soll.steps == {"1.1": 3}
    assert not soll.approved
    assert soll.version == "GB@kommunal-1.0"


def test_what_is_decided_counts_instead_of_the_proposal_and_says_its_version() -> None:
    decided = replace(role().with_soll(Soll({"1.1": 2, "1.2": 4}), approved=True), version="2")
    soll = Target.of([decided])
    assert soll.steps == {"1.1": 2, "1.2": 4}
    assert soll.approved
    assert soll.version == "GB@2"


def test_a_version_by_area_is_a_soll_of_areas_only() -> None:
    by_area = version(1, granularity=Granularity.AREA, steps={"1": 4, "2": 0})
    assert by_area.soll == Soll({}, {"1": 4, "2": 0})
    assert version(1).soll.areas == {}


def test_an_own_role_asks_its_questions_in_the_work_of_the_role_that_is_alike() -> None:
    soll = Target.of([role(key="BAD", alike="HM", levels={}, steps={"1.1": 1}), role(key="HM")])
    assert soll.scenes == ("HM",)


# --- the scales people write on -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "four"),
    [(0, 0), (1, 1), (2, 1.5), (3, 2), (4, 2.5), (5, 3), (6, 3.5), (7, 4), (8, 4.5)],
)
def test_a_step_written_on_the_scale_of_four_levels(step: int, four: float) -> None:
    assert mark_of_step(step, 4) == four
    assert step_of_mark(four, 4) == step
    assert mark_of_step(step, 8) == step
    assert step_of_mark(step, 8) == step


@pytest.mark.parametrize(
    ("mark", "scale"), [(0.5, 4), (1.25, 4), (5, 4), (9, 8), (1.5, 8), (-1, 4)]
)
def test_a_mark_that_is_not_on_the_scale_is_refused(mark: float, scale: int) -> None:
    with pytest.raises(ValueError):
        step_of_mark(mark, scale)
