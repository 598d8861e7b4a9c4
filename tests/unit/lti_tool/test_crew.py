"""The threads of a web process: few while they compute, more while they wait for somebody else."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from lti_tool.serving import THREADS_AT_EASE, Crew


class Work:
    """A request: runs until it is told to end."""

    def __init__(self, end: threading.Event | None = None) -> None:
        self.end, self.begun = end, threading.Event()

    def service(self) -> None:
        self.begun.set()
        if self.end is not None:
            self.end.wait(20)

    def cancel(self) -> None:
        return


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew(most=4)
    yield made
    made.shutdown(timeout=1)


def looked_until(crew: Crew, true: Callable[[], bool], patience_s: float = 20.0) -> bool:
    until = time.monotonic() + patience_s
    while not true() and time.monotonic() < until:
        crew.look()
        time.sleep(0.005)
    return true()


def test_who_comes_while_all_others_wait_is_answered_soon(crew: Crew) -> None:
    end = threading.Event()
    slow = [Work(end) for _ in range(THREADS_AT_EASE)]
    for work in (*slow, quick := Work()):
        crew.add_task(work)
    assert looked_until(crew, quick.begun.is_set)
    assert len(crew.threads) == THREADS_AT_EASE + 1
    end.set()


def test_there_are_never_more_than_the_setting_says(crew: Crew) -> None:
    end = threading.Event()
    slow = [Work(end) for _ in range(6)]
    for work in slow:
        crew.add_task(work)
    assert looked_until(crew, lambda: sum(w.begun.is_set() for w in slow) == 4)
    assert not looked_until(crew, lambda: sum(w.begun.is_set() for w in slow) > 4, 0.4)
    end.set()
    assert looked_until(crew, lambda: all(w.begun.is_set() for w in slow))


def test_when_nobody_has_to_wait_any_more_they_become_few_again(
    crew: Crew, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lti_tool.serving.IDLE_S", 0.05)
    end = threading.Event()
    slow = [Work(end) for _ in range(4)]
    for work in slow:
        crew.add_task(work)
    assert looked_until(crew, lambda: all(w.begun.is_set() for w in slow))
    end.set()
    assert looked_until(crew, lambda: len(crew.threads) == THREADS_AT_EASE)


def test_one_thread_is_enough_where_the_setting_says_so() -> None:
    crew = Crew(most=1)
    assert len(crew.threads) == 1
    crew.shutdown(timeout=1)
