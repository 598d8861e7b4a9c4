"""Which evidence of one activity counts, whatever order it came in."""

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from xapi_bridge.settle import Claim, settle

MINUTE = 60_000_000


def claim(
    name: str, *, at: int = 0, kind: str = "completion", a: float = 0.6, **more: object
) -> Claim:
    made = Claim(name, name, "4.1", kind, a, at, at, at, None)
    return replace(made, **more)  # type: ignore[arg-type]


def counting(*claims: Claim, voided: dict[str, str] | None = None) -> set[str]:
    return {name for name, by in settle(claims, voided or {}).items() if by is None}


def test_of_one_attempt_the_strongest_piece_counts() -> None:
    module, attempt = claim("module"), claim("attempt", kind="scored", a=1.2)
    assert counting(module, attempt) == {"attempt"}


def test_attempts_more_than_two_minutes_apart_both_count() -> None:
    first, second = (
        claim("first", kind="scored", a=1.2),
        claim("second", kind="scored", a=1.2, at=3 * MINUTE),
    )
    assert counting(first, second) == {"first", "second"}
    assert counting(first, replace(second, eff_us=2 * MINUTE)) == {"first"}


def test_a_weaker_piece_counts_again_when_the_stronger_is_voided() -> None:
    module, attempt = claim("module"), claim("attempt", kind="scored", a=1.2)
    assert counting(module, attempt, voided={"attempt": "void"}) == {"module"}


def test_an_uncompletion_takes_back_what_was_completed_before() -> None:
    done, undone = claim("done"), claim("undone", kind="uncompletion", a=0.0, at=MINUTE)
    assert settle([done, undone], {}) == {"done": "undone", "undone": "marker"}


def test_uncompleted_and_completed_in_one_second_is_completed() -> None:
    undone = claim("b-undone", kind="uncompletion", a=0.0, stored_us=1, arrival_us=7)
    done = claim("a-done", stored_us=2, arrival_us=6)
    assert counting(done, undone) == {"a-done"}
    same_stored = replace(done, stored_us=1, arrival_us=8)
    assert counting(same_stored, undone) == {"a-done"}


def test_a_voided_uncompletion_takes_nothing_back() -> None:
    done, undone = claim("done"), claim("undone", kind="uncompletion", a=0.0, at=MINUTE)
    assert counting(done, undone, voided={"undone": "void"}) == {"done"}


def test_an_uncompletion_does_not_unsay_an_exam() -> None:
    exam = claim("exam", kind="scored", a=1.2)
    undone = claim("undone", kind="uncompletion", a=0.0, at=5 * MINUTE, competency=None)
    assert counting(exam, undone) == {"exam"}


def test_what_the_learner_disputed_stays_disputed_and_nothing_weaker_steps_in() -> None:
    disputed = claim("exam", kind="scored", a=1.2, revoked_by="learner")
    assert settle([disputed, claim("module")], {}) == {"exam": "learner", "module": "group"}


def test_competences_and_the_unit_itself_are_settled_apart() -> None:
    unit, other = claim("unit", competency=None, a=0.0), claim("other", competency="4.2")
    assert counting(unit, other, claim("strong", kind="scored", a=1.2)) == {
        "unit",
        "other",
        "strong",
    }


def test_settling_what_is_settled_changes_nothing_whatever_the_order() -> None:
    claims = [
        claim("done"),
        claim("undone", kind="uncompletion", a=0.0, at=MINUTE),
        claim("again", at=2 * MINUTE),
        claim("exam", kind="scored", a=1.2, at=2 * MINUTE + 1),
    ]
    verdicts = [settle(order, {"exam": "void"}) for order in itertools.permutations(claims)]
    assert all(v == verdicts[0] for v in verdicts)
    settled = [replace(c, revoked_by=verdicts[0][c.id]) for c in claims]
    assert settle(settled, {"exam": "void"}) == verdicts[0]


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0.6, 0.9, 1.2])), max_size=12))
def test_no_two_pieces_within_two_minutes_ever_both_count(pieces: list[tuple[int, float]]) -> None:
    claims = [
        claim(str(n), at=half * MINUTE // 2, a=a, kind="scored")
        for n, (half, a) in enumerate(pieces)
    ]
    kept = [c for c in claims if c.id in counting(*claims)]
    for one, other in itertools.combinations(kept, 2):
        assert abs(one.eff_us - other.eff_us) > 2 * MINUTE
    for dropped in set(claims) - set(kept):
        near = [c for c in kept if abs(c.eff_us - dropped.eff_us) <= 2 * MINUTE]
        assert max(c.a for c in near) >= dropped.a
