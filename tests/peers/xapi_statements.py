"""@learninglocker/xapi-statements 7.8.0: the statements resource of Learning Locker, in memory.

GPL-3.0: a foreign program in its own process, never imported, never shipped. npm puts it into a
cache folder outside the repository (ROADMAP_PEERS, else ~/.cache/roadmap-peers). Any basic auth is
accepted; it has no documents and speaks xAPI 1.0.3 only. Source: reference/xapi.md section 3.4.
"""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import requests

from tools.build_assets import BuildFailed, npm

PACKAGE = "@learninglocker/xapi-statements@7.8.0"
LOOPBACK = Path(__file__).parent / "loopback.js"
IN_ORDER = Path(__file__).parent / "in_order.js"
PATIENCE_S = 60.0
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
ENVIRONMENT = {
    "AUTH_REPO": "test",
    "EVENTS_REPO": "test",
    "MODELS_REPO": "memory",
    "STORAGE_REPO": "memory",
    "SERVICE_AWAIT_UPDATES": "true",
    "WINSTON_CONSOLE_LEVEL": "error",
    "EXPRESS_MORGAN_DIRECTORY": "./logs",
    "EXPRESS_ALLOW_UNDEFINED_METHOD": "true",
    "EXPRESS_ALLOW_FORM_BODY": "true",
    "EXPRESS_BODY_PARSER_LIMIT": "50mb",
}


class PeerMissing(Exception):
    """The peer cannot be had here; says what to do."""


def installed() -> Path:
    """Return the folder of the peer, installed by npm if it is not there yet (half a minute).

    :raises PeerMissing: no Node, or no package registry.
    """
    cache = Path(os.environ.get("ROADMAP_PEERS") or Path.home() / ".cache" / "roadmap-peers")
    home = cache / "xapi-statements-7.8.0"
    if (home / "complete").exists():
        return home
    home.mkdir(parents=True, exist_ok=True)
    try:
        command = [*npm(), "install", *QUIET, PACKAGE]
        subprocess.run(command, cwd=home, check=True, capture_output=True, timeout=600)
    except BuildFailed as error:
        raise PeerMissing(str(error)) from None
    except (subprocess.SubprocessError, OSError):
        raise PeerMissing(
            f"npm could not install {PACKAGE} into {home}: is the package registry reachable?"
        ) from None
    (home / "complete").touch()
    return home


class Peer:
    """A running store. `endpoint` is the address of its xAPI."""

    def __init__(self, port: int) -> None:
        home = installed()
        node = shutil.which("node") or npm()[0]  # bundled: node itself comes first
        self.endpoint = f"http://127.0.0.1:{port}/xAPI"
        self._folder = tempfile.mkdtemp(prefix="roadmap-peer-")
        server = home / "node_modules/@learninglocker/xapi-statements/dist/server.js"
        self.process = subprocess.Popen(
            [node, "-r", str(LOOPBACK), "-r", str(IN_ORDER), str(server)],
            cwd=self._folder,
            env={**os.environ, **ENVIRONMENT, "EXPRESS_PORT": str(port)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._wait()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise PeerMissing(f"the peer ended with {self.process.returncode}")
            try:
                asked = {"headers": {"X-Experience-API-Version": "1.0.3"}, "auth": ("k", "s")}
                if requests.get(f"{self.endpoint}/about", timeout=5, **asked).ok:  # type: ignore[arg-type]
                    return
            except requests.RequestException:
                time.sleep(0.1)
        self.close()
        raise PeerMissing("the peer did not come up in time")
