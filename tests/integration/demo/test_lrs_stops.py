"""The LRS of the demo is stopped, people go on learning, it is started again: everything arrives.

The demo as it is: `roadmap demo`, and `roadmap demo --lrs off` beside it.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from lti_tool.cli.demo import Places
from lti_tool.settings import ROOT
from lti_tool.store.database import Database
from lti_tool.store.schema.core import evidence
from lti_tool.store.schema.xapi import lrs
from tests.integration.trust.running import Person, two_ports

COURSE, UNITS = 6, (21, 23, 24)
PATIENCE_S = 120.0


@dataclass
class Demo:
    places: Places
    process: "subprocess.Popen[bytes]"

    def switch(self, to: str) -> None:
        done = subprocess.run(self.command("--lrs", to), cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def command(self, *more: str) -> list[str]:
        where = ("--port", str(self.places.port), "--data", str(self.places.data))
        return [sys.executable, "-m", "lti_tool", "demo", "--no-browser", *where, *more]

    def units(self) -> set[str | None]:
        with self.database() as database, database.read() as conn:
            query = select(evidence.c.unit).where(evidence.c.source == "lrs")
            return set(conn.execute(query).scalars())

    def last_error(self) -> str | None:
        with self.database() as database, database.read() as conn:
            return conn.execute(select(lrs.c.last_error)).scalar_one()

    def database(self) -> "Opened":
        return Opened(f"sqlite:///{self.places.data / 'roadmap.db'}")


class Opened(Database):
    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    places = Places(tmp_path / "demo", two_ports(), lrs_apart=True)
    made = Demo(places, None)  # type: ignore[arg-type]
    with (tmp_path / "said").open("wb") as said:
        environ = dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
        made.process = subprocess.Popen(
            made.command(), cwd=ROOT, env=environ, stdout=said, stderr=said
        )
        until(lambda: "Everything is running" in (tmp_path / "said").read_text(), made)
        yield made
        made.process.send_signal(signal.SIGTERM)
        made.process.wait(30)


def until(true: Callable[[], bool], demo: Demo) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert demo.process.poll() is None, "the demo has ended"
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)


def person_of(demo: Demo) -> Person:
    class Machine:
        places = demo.places

    person = Person(Machine, "gardener")  # type: ignore[arg-type]
    person.launch()
    return person


def test_what_people_do_while_the_lrs_is_stopped_arrives_when_it_runs_again(demo: Demo) -> None:
    gardener = person_of(demo)
    demo.switch("off")
    with pytest.raises(requests.ConnectionError):
        requests.get(demo.places.lrs_health, timeout=2)
    for cm in UNITS:
        gardener.complete(COURSE, cm)
    gardener.launch()  # the tool itself goes on
    until(lambda: "does not answer" in (demo.last_error() or ""), demo)
    assert demo.units() == set()
    demo.switch("on")
    until(lambda: {"N1", "N4", "N6"} <= demo.units(), demo)
    assert demo.last_error() is None


def test_an_lrs_that_was_killed_is_started_again_by_hand(demo: Demo) -> None:
    gardener = person_of(demo)
    os.kill(listener(demo.places.lrs_port), signal.SIGKILL)
    until(demo.places.lrs_off.exists, demo)
    gardener.complete(COURSE, UNITS[0])
    demo.switch("on")
    until(lambda: "N1" in demo.units(), demo)


def listener(port: int) -> int:
    """Return the process that listens on a port: a child of the demo's."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].rpartition(":")[2], 16) == port and fields[3] == "0A":
            sockets.add(f"socket:[{fields[9]}]")
    for folder in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(folder) in sockets:
                return int(folder.parts[2])
        except OSError:
            continue
    raise AssertionError(f"nobody listens on {port}")
