"""Stores in processes of their own, the storm before them, and who writes into them meanwhile."""

import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from lti_tool.settings import ROOT
from tests.integration.xapi.site import COMPLETED, MOODLE, VOIDED

HEADERS = {"X-Experience-API-Version": "1.0.3"}
ACTIVITIES = 3000
VOID_SHARE, UNNAMED_SHARE, RESENT_SHARE = 0.04, 0.2, 0.1


@dataclass(frozen=True)
class Place:
    """Where a store is, and the key to it."""

    endpoint: str
    key: str
    secret: str


@contextmanager
def own_lrs(url: str) -> Iterator[Place]:
    """Yield our own LRS on a database of its own."""
    with _process("tests.integration.torture.own_lrs", url) as (process, said):
        port, key, secret = said.split()
        yield Place(f"http://127.0.0.1:{port}/xapi", key, secret)
        assert process.poll() is None, "the store ended by itself"


@contextmanager
def storm(place: Place, seed: int, skew_s: float) -> Iterator[tuple[Place, Any]]:
    """Yield the place behind bad weather, and what brings calm."""
    origin, _, path = place.endpoint.rpartition("/")
    module = "tests.integration.torture.storm"
    with _process(module, origin, str(seed), str(skew_s)) as (process, said):
        there = Place(f"http://127.0.0.1:{int(said)}/{path}", place.key, place.secret)
        yield there, lambda: process.send_signal(signal.SIGUSR1)


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@dataclass
class Ledger:
    """What the store has confirmed: who wrote it knows nothing of the rest."""

    completed: list[str] = field(default_factory=list)
    voids: dict[str, str] = field(default_factory=dict)  # voided -> voiding


@dataclass
class Writer(threading.Thread):
    """Writes as LMSs do: one or many at once, old and new, with ids and without, some twice; and
    takes back, now and then before what is meant has come."""

    place: Place
    person: str
    ledger: Ledger = field(default_factory=Ledger)
    pause_s: float = 0.05

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped, self.writing = threading.Event(), threading.Event()
        self.writing.set()
        self.failed: BaseException | None = None
        self._chance = random.Random(self.person)
        self._http = requests.Session()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        try:
            while not self.stopped.is_set():
                self.writing.wait()
                self._write()
                if self._chance.random() < VOID_SHARE * 5:
                    self._void()
                if self._chance.random() < VOID_SHARE:
                    self._void_ahead()
                self.stopped.wait(self.pause_s)
        except BaseException as error:
            self.failed = error

    def stop(self) -> Ledger:
        self.stopped.set()
        self.writing.set()
        self.join(60)
        assert self.failed is None, self.failed
        return self.ledger

    def _write(self) -> None:
        number = self._chance.choice([1, 1, 1, 4, 25])
        named = self._chance.random() > UNNAMED_SHARE
        sent = [self._completed(named) for _ in range(number)]
        self.ledger.completed += self._post(sent)
        if named and self._chance.random() < RESENT_SHARE:
            self._post(sent)  # the answer was lost, they think

    def _void(self) -> None:
        open_ = [i for i in self.ledger.completed[-200:] if i not in self.ledger.voids]
        if len(open_) < 20:
            return
        self._take_back(self._chance.choice(open_))

    def _void_ahead(self) -> None:
        made = self._completed(True)
        self._take_back(made["id"])
        self.ledger.completed += self._post([made])

    def _take_back(self, target: str) -> None:
        ref = {"objectType": "StatementRef", "id": target}
        void = self._completed(True) | {"verb": {"id": VOIDED}, "object": ref}
        void.pop("result")
        (self.ledger.voids[target],) = self._post([void])

    def _completed(self, named: bool) -> dict[str, Any]:
        happened = datetime.now(UTC) - timedelta(seconds=self._chance.expovariate(1 / 3600))
        made = {
            "actor": {"account": {"homePage": MOODLE, "name": self.person}, "name": "Jo Müller"},
            "verb": {"id": COMPLETED},
            "object": {"id": f"{MOODLE}/mod/page/view.php?id={self._chance.randrange(ACTIVITIES)}"},
            "timestamp": happened.isoformat(),
            "result": {"completion": True},
        }
        return made | ({"id": str(uuid.uuid4())} if named else {})

    def _post(self, statements: list[dict[str, Any]]) -> list[str]:
        answer = self._http.post(
            f"{self.place.endpoint}/statements",
            json=statements,
            headers=HEADERS,
            auth=(self.place.key, self.place.secret),
            timeout=60,
        )
        assert answer.status_code == 200, (answer.status_code, answer.text[:500])
        return [str(number) for number in answer.json()]


def until(true: Any, patience_s: float) -> bool:
    deadline = time.monotonic() + patience_s
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return bool(done)
