#!/usr/bin/env python3
"""Run the ADL conformance suite against a fresh service with an empty database.

    .venv/bin/python tools/conformance_lrs.py SUITE [-x 1.0.3] [-x 2.0.0]
                     [--database sqlite|postgresql] [--grep TEXT]

SUITE is a folder with adlnet/lrs-conformance-test-suite after `npm install`; it is never part of
this repository. The service is `roadmap serve` with its default settings, in two processes. The
status is 0 if nothing failed; what failed is listed with its reason.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.postgres import free_port, postgres  # noqa: E402  (a script: the path comes first)

PATIENCE_S = 60


def main() -> int:
    given = _arguments()
    failed = 0
    for version in given.version or ["1.0.3", "2.0.0"]:
        with _database(given.database) as url, service(url) as ours:
            summary, failures = run(given.suite, version, ours, given.grep)
        print(f"{version} on {given.database}: {summary['passed']} of {summary['total']} passed")
        for title, reason in failures:
            print(f"  failed: {title}\n          {reason}")
        failed += summary["total"] - summary["passed"]
    return min(failed, 1)


@dataclass(frozen=True, slots=True)
class Service:
    """A service that runs, and a key that may do everything in its LRS."""

    endpoint: str
    key: str
    secret: str
    pid: int


def run(
    suite: Path, version: str, ours: Service, grep: str | None = None
) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Return the suite's summary and what failed: title and reason."""
    logs = suite / "logs"
    before = set(logs.glob("*.log"))
    options = ["-e", ours.endpoint, "-a", "-u", ours.key, "-p", ours.secret, "-x", version]
    options += ["-g", grep] if grep else []
    command = ["node", "bin/console_runner.js", *options, "-z"]
    subprocess.run(command, cwd=suite, check=False, stdout=subprocess.DEVNULL)
    (written,) = set(logs.glob("*.log")) - before
    document = json.loads(written.read_text(encoding="utf-8"))
    return document["summary"], list(_failures(document.get("log") or {}))


def _failures(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    inner = entry.get("tests") or []
    if not inner and entry.get("status") == "failed":
        yield entry["title"], str(entry.get("error"))[:300]
    for one in inner:
        yield from _failures(one)


@contextmanager
def service(database: str, processes: int = 2) -> Iterator[Service]:
    """Yield a service of our own on an empty database."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="roadmap-lrs-") as folder:
        environ = dict(os.environ) | {
            "ROADMAP__DATABASE__URL": database,
            "ROADMAP__SERVER__PORT": str(port),
            "ROADMAP__SERVER__PROCESSES": str(processes),
            "ROADMAP__SERVER__BASE_URL": f"http://127.0.0.1:{port}",
            "ROADMAP__METRICS__PORT": "0",
            "ROADMAP__LOGS__LEVEL": "WARNING",
        }
        roadmap = [sys.executable, "-m", "lti_tool"]
        made = Path(folder) / "key.txt"
        for arguments in (
            ["db", "upgrade"],
            ["tenant", "add", "musterstadt", "--name", "Musterstadt", "--land", "HE"],
            ["lrs", "key", "--tenant", "musterstadt", "--scope", "all", "--out", str(made)],
        ):
            subprocess.run([*roadmap, *arguments], cwd=ROOT, env=environ, check=True, stdout=2)
        said = dict(line.split(" ", 1) for line in made.read_text(encoding="utf-8").splitlines())
        process = subprocess.Popen([*roadmap, "serve"], cwd=ROOT, env=environ)
        try:
            _wait(said["endpoint"])
            yield Service(said["endpoint"], said["key"], said["secret"], process.pid)
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE_S)


def _wait(endpoint: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            urllib.request.urlopen(f"{endpoint}/about", timeout=5).close()  # noqa: S310
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


@contextmanager
def _database(kind: str) -> Iterator[str]:
    if kind == "postgresql":
        with postgres() as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="roadmap-lrs-") as folder:
        yield f"sqlite:///{folder}/lrs.db"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("suite", type=Path)
    parser.add_argument("-x", "--version", action="append", choices=["1.0.3", "2.0.0"])
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--grep", help="only tests whose title contains this")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
