"""A foreign store in a process of its own, on a free port of this machine only."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import requests

from tools.build_assets import npm

LOOPBACK = Path(__file__).parent / "loopback.js"
PATIENCE_S = 60.0


class PeerMissing(Exception):
    """The peer cannot be had here; says what to do."""


class NotBuilt(PeerMissing):
    """It is in no registry, and nobody has built it here."""


def cache() -> Path:
    """Return where peers are kept, outside the repository."""
    return Path(os.environ.get("ROADMAP_PEERS") or Path.home() / ".cache" / "roadmap-peers")


class Process:
    """A running store of Node. `endpoint` is the address of its xAPI."""

    def __init__(
        self,
        endpoint: str,
        script: Path,
        environment: Mapping[str, str],
        preloaded: Sequence[Path] = (),
        folder: Path | None = None,
    ) -> None:
        node = shutil.which("node") or npm()[0]  # bundled: node itself comes first
        self.endpoint = endpoint
        self._folder = tempfile.mkdtemp(prefix="roadmap-peer-")
        before = [word for file in (LOOPBACK, *preloaded) for word in ("-r", str(file))]
        self.process = subprocess.Popen(
            [node, *before, str(script)],
            cwd=folder or self._folder,
            env={**os.environ, **environment},
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
