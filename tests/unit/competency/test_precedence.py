"""Which evidence counts where the same activity was done more than once."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

from competency.evidence import Evidence, Source
from competency.precedence import Aside, counting, set_aside

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
QUIZ = "https://moodle.example/mod/quiz/view.php?id=12"


def piece(name: str, days_ago: int, **more: object) -> Evidence:
    given = {"kind": "scored", "activity": QUIZ, "competency": "4.1", "category": 1} | more
    at = NOW - timedelta(days=days_ago)
    return Evidence(id=name, source=Source.LRS, a=0.9, b=(0.0,), at=at, arrival=0, **given)  # type: ignore[arg-type]


def test_ten_tries_at_one_activity_are_one_observation_the_newest() -> None:
    tries = [piece(f"try {n}", n) for n in range(10)]
    assert [e.id for e in counting(tries, NOW)] == ["try 0"]
    assert set(set_aside(tries, NOW).values()) == {Aside.SAME}


def test_the_newest_counts_also_if_it_is_lower() -> None:
    before, after = piece("right", 9), piece("wrong", 1, category=0)
    assert counting([before, after], NOW) == (after,)


def test_done_without_a_result_counts_only_where_there_is_no_result() -> None:
    result, done = piece("result", 9), piece("done", 1, kind="completion")
    for order in permutations([result, done, piece("earlier", 20, kind="completion")]):
        assert counting(order, NOW) == (result,)
    assert counting([done], NOW) == (done,)


def test_other_activities_other_topics_and_own_answers_stay_as_they_are() -> None:
    pieces = (
        piece("quiz", 1),
        piece("other activity", 2, activity=f"{QUIZ}3"),
        piece("other topic", 2, competency="4.2"),
        piece("answer", 2, activity=""),
        piece("another answer", 3, activity=""),
    )
    assert counting(pieces, NOW) == pieces
