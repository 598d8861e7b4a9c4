"""Web, worker and the demo LMS as real processes that can be killed, and a person who goes on.

The person does what people do when a page does not come: loads it again. Nothing is repeated that
a browser would not repeat, and nothing is looked up in the database.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import TypeVar

import requests

from lti_tool import settings
from lti_tool.cli.demo import Places, set_up
from lti_tool.settings import ROOT

FIRST_PORT = 9280
PATIENCE_S = 90.0  # only a failure waits that long; a loaded machine may need some of it
COMMANDS = {"web": ["lti_tool", "serve"], "worker": ["lti_tool", "worker"]}
T = TypeVar("T")


def two_ports() -> int:
    """Return a port that is free together with those five and ten above it."""
    start = FIRST_PORT + os.getpid() % 30 * 20
    for port in range(start, start + 400, 20):
        try:
            for number in (port, port + 1, port + 2, port + 5, port + 10):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", number))
        except OSError:
            continue
        return port
    raise AssertionError("no free ports")


@dataclass
class Machine:
    """A municipality's machine in a folder. `kill` ends a process as a power cut does."""

    folder: Path
    database_url: str = ""
    more: Mapping[str, str] = field(default_factory=dict)  # settings of this machine
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    kills: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.places = Places(self.folder, two_ports())
        url = self.database_url or f"sqlite:///{self.folder / 'roadmap.db'}"
        self.environ = dict(os.environ) | {
            "ROADMAP__DATABASE__URL": url,
            "ROADMAP__SERVER__BASE_URL": self.places.tool,
            "ROADMAP__SERVER__PORT": str(self.places.port),
            "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
            "ROADMAP__SECURITY__REFUSALS_PER_MINUTE": "10000",
            "ROADMAP__LRS__POLL_S": "0.5",
            "ROADMAP__WORKER__POLL_S": "0.1",
            "ROADMAP__WORKER__LEASE_S": "1.0",
            "ROADMAP__WORKER__BACKOFF_S": "0.2",
            "ROADMAP__WORKER__MAX_ATTEMPTS": "100",
            **self.more,
        }
        set_up(self.places, settings.load(self.environ))
        lms = ["demo", "--port", str(self.places.lms_port), "--tool", self.places.tool]
        self._commands = COMMANDS | {"lms": [*lms, "--data", str(self.folder / "lms")]}
        self._lock = threading.Lock()
        for name in self._commands:
            self._start(name)
        insist(lambda: requests.get(self.places.lms, timeout=5))
        insist(lambda: requests.get(f"{self.places.tool}/healthz", timeout=5))

    def kill(self, name: str) -> None:
        """Kill a process with no chance to tidy up, and start it again."""
        with self._lock:
            self.processes[name].kill()
            self.processes[name].wait()
            self.kills.append(name)
            self._start(name)

    def start_another(self, name: str) -> str:
        """Start a second process of a kind, as by mistake; return its name. See `second_place`."""
        self._commands[f"second {name}"] = self._commands[name]
        self._start(f"second {name}", {"ROADMAP__SERVER__PORT": str(self.places.port + 5)})
        if name == "web":
            insist(lambda: requests.get(f"{self.second_place}/healthz", timeout=5))
        return f"second {name}"

    @property
    def second_place(self) -> str:
        return f"http://localhost:{self.places.port + 5}"

    def sleep(self, name: str, seconds: float) -> threading.Timer:
        """Stop a process where it is, as a hanging disk does, and let it go on later."""
        stopped = self.processes[name]
        stopped.send_signal(signal.SIGSTOP)
        timer = threading.Timer(seconds, stopped.send_signal, [signal.SIGCONT])
        timer.daemon = True
        timer.start()
        return timer

    def wake(self, name: str) -> None:
        self.processes[name].send_signal(signal.SIGCONT)

    def kill_soon(self, name: str, after_s: float) -> threading.Timer:
        timer = threading.Timer(after_s, self.kill, [name])
        timer.start()
        return timer

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def stop(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def _start(self, name: str, more: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("a") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *self._commands[name]],
                cwd=ROOT,
                env=self.environ | (more or {}),
                stdout=log,
                stderr=log,
            )


def insist(do: Callable[[], T]) -> T:
    """Do it again until there is an answer."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return do()
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def fields(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's forms."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


class Person:
    """Somebody at the demo LMS. `before_post` is told of everything she is about to send."""

    def __init__(self, machine: Machine, key: str, link: int = 101) -> None:
        self.lms, self.tool, self.link = machine.places.lms, machine.places.tool, link
        self.http = requests.Session()
        self.before_post: Callable[[str], None] = lambda _what: None
        self.acknowledged: list[int] = []
        self.http.post(f"{self.lms}/login", data={"person": key}, timeout=30)

    def launch(self) -> None:
        """Open "Mein Lernweg"; start again from the course when it does not come."""
        insist(self._launch)

    def _launch(self) -> None:
        course = self.http.get(f"{self.lms}/mod/lti/launch.php?id={self.link}&window=0", timeout=30)
        begun = self._send(f"{self.tool}/lti/login", fields(course.text))
        posted = self.http.get(begun.headers["Location"], timeout=30)
        there = self._send(f"{self.tool}/lti/launch", fields(posted.text))
        assert there.status_code == 303, (there.status_code, there.text[:2000])
        launch = there.headers["Location"].split("/")[2]
        self.home = f"{self.tool}/l/{launch}/"

    def see(self, page: str) -> requests.Response:
        answer = insist(lambda: self.http.get(self.home + page, timeout=30))
        assert answer.ok, (page, answer.status_code, answer.text[:2000])
        return answer

    def do(self, page: str, **form: str) -> requests.Response | None:
        """Send a form; None if no answer came, so that she has to look what became of it."""
        token = fields(self.see("hilfe" if page == "anfangen" else page).text)["csrf"]
        try:
            answer = self._send(self.home + page, {"csrf": token, **form})
        except requests.RequestException:
            return None
        assert answer.status_code in (200, 303), (page, answer.status_code, answer.text[:2000])
        return answer

    def surely(self, page: str, **form: str) -> None:
        """Send a form that may be sent twice, until it was answered."""
        while self.do(page, **form) is None:
            pass

    def first_visit(self, role: str) -> None:
        version = fields(self.see("hinweis").text)["version"]
        self.surely("hinweis", version=version)
        self.surely("rolle", role=role)
        self.surely("probe", do="skip")
        self.surely("anfangen")

    def answer_all(self) -> None:
        """Answer whatever is asked; note which positions were answered for sure."""
        while 'data-test="question"' in (page := self.see("frage")).text:
            position = fields(page.text)["position"]
            if self.do("frage", position=position, **a_choice(page.text)):
                self.acknowledged.append(int(position))
        assert page.url.endswith("/geschafft"), (page.url, self.acknowledged, page.text)

    def accept(self) -> None:
        while 'data-test="accept-path"' in (page := self.see("lernpfad").text):
            self.do("lernpfad", do="accept", offered=fields(page)["offered"])
        assert 'data-test="path-step"' in page, page

    def complete(self, course: int, cm: int) -> None:
        """Do a unit in the LMS."""
        page = self.http.get(f"{self.lms}/course/view.php?id={course}", timeout=30)
        form = {"sesskey": fields(page.text)["sesskey"], "cm": str(cm), "done": "1"}
        self.before_post("complete")
        done = self.http.post(f"{self.lms}/course/completion", data=form, timeout=30)
        assert done.ok

    def _send(self, url: str, form: dict[str, str]) -> requests.Response:
        self.before_post(url.rpartition("/")[2])
        return self.http.post(url, data=form, allow_redirects=False, timeout=30)


def a_choice(page: str) -> dict[str, str]:
    """Return the last option of a single choice, else "I don't know"; the same for one item,
    whatever the order in which it is shown."""
    values = re.findall(r'type="radio"[^>]* name="choice"[^>]* value="(\d+)"', page)
    return {"do": "answer", "choice": max(values, key=int)} if values else {"do": "dont_know"}
