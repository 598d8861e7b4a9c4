"""`roadmap serve` as a real process with real ports, on a database of its own."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lti_tool import settings
from lti_tool.settings import ROOT
from lti_tool.store import migrations
from lti_tool.store.database import Database
from tests.conftest import free_port

PATIENCE_S = 30.0
Head = Mapping[str, str]


@dataclass
class Service:
    """The web server; `ask` is a new connection each time."""

    url: str
    folder: Path
    more: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port, self.metrics_port = free_port(), free_port()
        self.environ = dict(os.environ) | {
            "ROADMAP__DATABASE__URL": self.url,
            "ROADMAP__SERVER__PORT": str(self.port),
            "ROADMAP__SERVER__BASE_URL": f"http://localhost:{self.port}",
            "ROADMAP__METRICS__PORT": str(self.metrics_port),
            **self.more,
        }
        self.log = self.folder / "web.log"

    def start(self) -> None:
        with self.log.open("a") as log:
            command = [sys.executable, "-m", "lti_tool", "serve"]
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self.environ, stdout=log, stderr=log
            )
        self.wait_until_up()

    def wait_until_up(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                assert self.ask("/healthz")[0] == 200
                return
            except OSError:
                assert time.monotonic() < until, self.log.read_text()
                time.sleep(0.05)

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, head: Head | None = None
    ) -> tuple[int, str]:
        return ask(self.port, path, method, body, head)

    def metrics(self) -> str:
        return ask(self.metrics_port, "/metrics")[1]

    def number(self, line: str) -> float:
        found = re.search(rf"^{re.escape(line)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found else 0.0

    def stop(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(PATIENCE_S)

    def children(self) -> list[int]:
        """Return the ids of the processes that answer."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(number) for number in listed.split()]


def ask(
    port: int, path: str, method: str = "GET", body: str | None = None, head: Head | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body is not None else {}
        connection.request(method, path, body, form | dict(head or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def serving(url: str, folder: Path, **more: str) -> Iterator[Service]:
    """Yield a running service on a migrated database."""
    database = Database(url)
    migrations.upgrade(database)
    database.close()
    service = Service(url, folder, more)
    settings.load(service.environ)
    service.start()
    try:
        yield service
    finally:
        if service.process.poll() is None:
            service.stop()
