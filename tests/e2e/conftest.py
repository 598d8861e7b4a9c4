"""The demo as a new user starts it, and a real Chromium to walk it with."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserType, sync_playwright

from lti_tool.settings import ROOT
from tests.conftest import free_port, missing

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class CommandFailed(Exception):
    """A command of the operator ended with another exit code than 0."""


@dataclass(frozen=True)
class Demo:
    """A running demo: where it is and its folder."""

    tool: str
    lms: str
    data: Path
    environ: dict[str, str]

    def roadmap(self, *arguments: str) -> str:
        """Run a command of the demo's operator and return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "lti_tool", *arguments],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise CommandFailed(done.stderr)
        return done.stdout


@pytest.fixture(scope="session")
def chromium() -> Iterator[BrowserType]:
    """What starts a Chromium; Playwright itself can run only once in a process."""
    if CHROMIUM is None:
        missing("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="session")
def browser(chromium: BrowserType) -> Iterator[Browser]:
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    opened = chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`roadmap demo` in a folder of its own, ended as Ctrl-C ends it."""
    data = tmp_path_factory.mktemp("demo")
    port = _two_free_ports()
    environ = dict(os.environ) | {"ROADMAP__SECURITY__REFUSALS_PER_MINUTE": "1000"}
    command = [sys.executable, "-m", "lti_tool", "demo", "--no-browser"]
    with (data / "demo.log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--data", str(data)],
            cwd=ROOT,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    running = Demo(
        tool=f"http://localhost:{port}",
        lms=f"http://localhost:{port + 10}",
        data=data,
        environ=environ
        | {
            "ROADMAP__DATABASE__URL": f"sqlite:///{data / 'roadmap.db'}",
            "ROADMAP__SERVER__BASE_URL": f"http://localhost:{port}",
            "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
        },
    )
    try:
        _wait(running, process)
        yield running
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=40) == 0, (data / "demo.log").read_text()


def _two_free_ports() -> int:
    for _ in range(50):
        port = free_port()
        try:
            requests.get(f"http://127.0.0.1:{port + 10}", timeout=0.2)
        except requests.RequestException:
            return port
    raise AssertionError("no free ports")


def _wait(running: Demo, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        assert process.poll() is None, (running.data / "demo.log").read_text()
        try:
            if requests.get(f"{running.tool}/readyz", timeout=1).ok:
                requests.get(running.lms, timeout=1)
                return
        except requests.RequestException:
            time.sleep(0.1)
    raise AssertionError((running.data / "demo.log").read_text())
