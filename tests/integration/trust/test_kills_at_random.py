"""Web and worker die, sleep or come twice at random moments of the loop, under load.

Some people go through the whole loop at the same time. Afterwards everything about them is as in
an undisturbed run of the same people on the same kind of database: answers, evidence, verdicts,
path, statements, deliveries, plans and grades. The moments are drawn by a seed, among all forms
that are sent and a little later; some more fall when only the worker is still busy.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo import world
from demo.world import Activity, Course
from tests.integration.trust.outcome import Looker, Outcome
from tests.integration.trust.running import Machine, Person

PATIENCE_S = 240.0  # only a failure waits that long
LATEST_S = 0.08  # after a form was sent: most answers take less
LEASE_S = 1.0  # of the worker, see Machine


@dataclass(frozen=True)
class Somebody:
    """A person of the demo LMS, and the role she chooses."""

    key: str
    subject: str
    link: int
    role: str


PEOPLE = (
    Somebody("gardener", "4", 101, "GB"),
    Somebody("kindergarten-teacher", "5", 102, "ERZ"),
    Somebody("clerk", "6", 103, "VFA"),
)
DONE = 3  # steps of her path that each of them does, if it has as many
#: Forms that each of them sends at least: login, launch, four at the first visit, five answers,
#: the path, one unit.
FORMS = len(PEOPLE) * 13


@dataclass
class Fate:
    """Something happens at some of the forms that anybody sends, soon after."""

    happens: dict[int, Callable[[], None]]
    sent: int = 0
    under_way: list[threading.Timer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._dice = random.Random(len(self.happens))

    def told(self, _form: str) -> None:
        with self._lock:
            self.sent += 1
            if what := self.happens.pop(self.sent, None):
                timer = threading.Timer(self._dice.uniform(0.0, LATEST_S), what)
                self.under_way.append(timer)
                timer.start()

    def fulfilled(self) -> None:
        for timer in self.under_way:
            timer.join()
        assert not self.happens, "it was meant to happen before everybody was done"


def live(machine: Machine, fate: Fate, at_second: tuple[str, ...] = ()) -> None:
    """Let everybody go through the loop at once; some of them use the second web process."""

    def loop(somebody: Somebody) -> None:
        person = Person(machine, somebody.key, somebody.link)
        person.before_post = fate.told
        person.launch()
        if somebody.key in at_second:
            person.home = person.home.replace(machine.places.tool, machine.second_place)
        person.first_visit(somebody.role)
        person.answer_all()
        person.accept()
        for course, activity in places_of_steps(machine, somebody)[:DONE]:
            person.complete(course.id, activity.cm)

    with ThreadPoolExecutor(len(PEOPLE)) as all_at_once:
        for done in [all_at_once.submit(loop, somebody) for somebody in PEOPLE]:
            done.result()
    fate.fulfilled()


def places_of_steps(machine: Machine, somebody: Somebody) -> list[tuple[Course, Activity]]:
    """Return where in the LMS the steps of her path can be done, in their order."""
    with looking(machine) as looker:
        steps = looker.steps(somebody.subject)
    taught = {
        a.unit: (c, a) for c in world.load().courses for a in c.activities if a.kind == "page"
    }
    return [taught[unit] for unit in steps if unit in taught]


@contextmanager
def looking(machine: Machine) -> Iterator[Looker]:
    looker = Looker(machine)
    try:
        yield looker
    finally:
        looker.close()


def outcomes(machine: Machine) -> dict[str, Outcome]:
    with looking(machine) as looker:
        return {somebody.key: looker.outcome(somebody.subject) for somebody in PEOPLE}


@dataclass(frozen=True)
class Twin:
    """How it ends when nothing dies."""

    outcomes: dict[str, Outcome]


@pytest.fixture(scope="module")
def twin(module_url: str, tmp_path_factory: pytest.TempPathFactory) -> Twin:
    machine = Machine(tmp_path_factory.mktemp("twin"), module_url)
    try:
        live(machine, Fate({}))
        with looking(machine) as looker:
            all_arrived(looker)
        return Twin(outcomes(machine))
    finally:
        machine.stop()


@pytest.fixture
def machine(twin: Twin, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Machine]:
    """A machine on the same kind of database as the twin's."""
    kind = request.node.callspec.params["module_url"]
    made = Machine(tmp_path, "" if kind == "sqlite" else request.getfixturevalue("postgres_url"))
    yield made
    made.stop()


def all_arrived(looker: Looker) -> None:
    """Wait until everything was delivered, and all activity has become evidence."""

    def there() -> bool:
        found = [looker.outcome(s.subject) for s in PEOPLE]
        steps = all(sum(s[-1] == "done" for s in o.path) >= min(DONE, len(o.path)) for o in found)
        activity = all(o.activity <= o.pulled and o.activity for o in found)
        return looker.still() and activity and steps

    wait_for(there, "it did not all arrive")


def wait_for(true: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.2)


def the_same_as(twin: Twin, machine: Machine) -> None:
    """Everything ends as in the undisturbed run, and nobody saw a stack trace."""
    deadline = time.monotonic() + PATIENCE_S
    with looking(machine) as looker:
        while not (looker.still() and outcomes(machine) == twin.outcomes):
            if time.monotonic() > deadline:
                break  # the comparison says what is different
            time.sleep(0.3)
        assert outcomes(machine) == twin.outcomes
        assert looker.still(), "something has not been delivered"
    for name in machine.processes:
        assert "Traceback" not in machine.said(name)
        assert "unexpected error" not in machine.said(name)


# --- killed ---------------------------------------------------------------------------------------


def kill_at_random(machine: Machine, twin: Twin, kills: int, seed: int) -> None:
    dice = random.Random(seed)
    late = kills // 4  # when everybody is done and the worker is not
    victims = ["web", "worker"] * (kills // 2 + 1)
    moments = sorted(dice.sample(range(1, FORMS), kills - late))
    plan = {
        moment: (lambda victim=victim: machine.kill(victim))
        for moment, victim in zip(moments, victims, strict=False)
    }
    live(machine, Fate(plan))
    for victim in victims[:late]:
        time.sleep(dice.uniform(0.0, 0.8))
        machine.kill(victim)
    the_same_as(twin, machine)
    assert len(machine.kills) == kills
    assert min(machine.kills.count(victim) for victim in ("web", "worker")) >= kills // 2 - 1


@pytest.mark.usual("postgresql")  # kills on SQLite: test_kill_everything
def test_kills_at_random_moments_change_nothing(machine: Machine, twin: Twin) -> None:
    kill_at_random(machine, twin, kills=8, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_twenty_four_kills_at_random_moments_change_nothing(
    machine: Machine, twin: Twin, seed: int
) -> None:
    kill_at_random(machine, twin, kills=24, seed=seed)


# --- twice by mistake -----------------------------------------------------------------------------


@pytest.mark.usual("sqlite")
def test_a_second_web_and_a_second_worker_by_mistake_change_nothing(
    machine: Machine, twin: Twin
) -> None:
    machine.start_another("web")
    machine.start_another("worker")
    live(machine, Fate({}), at_second=("kindergarten-teacher",))
    the_same_as(twin, machine)


# --- asleep ---------------------------------------------------------------------------------------


@pytest.mark.usual("postgresql")
def test_a_worker_that_sleeps_longer_than_its_lease_changes_nothing(
    machine: Machine, twin: Twin
) -> None:
    """Another one takes over meanwhile; then the first goes on where it was."""
    other = machine.start_another("worker")
    dice, asleep = random.Random(4), list[threading.Timer]()

    def sleeps(name: str) -> Callable[[], None]:
        return lambda: asleep.append(machine.sleep(name, dice.uniform(1.5, 2.5) * LEASE_S))

    moments = sorted(dice.sample(range(10, FORMS), 6))
    live(machine, Fate({m: sleeps(n) for m, n in zip(moments, ["worker", other] * 3, strict=True)}))
    for timer in asleep:
        timer.join()
    assert len(asleep) == 6
    the_same_as(twin, machine)
