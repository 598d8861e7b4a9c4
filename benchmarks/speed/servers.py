"""Which server should carry the app? The same town on waitress, gunicorn, granian and on ours.

Two hundred learners answer, the worker pulls beside them (benchmarks/speed/load.py), on PostgreSQL;
each server runs two processes of four threads where it can. Ours is `roadmap serve`: waitress in
several processes on one socket (lti_tool/serving.py). Then, on a fresh server of each kind, three
hundred clients begin a request and never end it: how long does a page take beside them, and how
much memory do its processes hold? What came of it: docs/adr/0009-web-server.md.

    .venv/bin/python -m benchmarks.speed.servers [--seconds 20] [--learners 200]
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.postgres import free_port
from benchmarks.server import SERVERS
from benchmarks.speed.load import (
    STATEMENTS_PER_S,
    Run,
    command,
    environ_for,
    measure,
    wait_until_up,
)
from lti_tool.settings import ROOT

OURS = ""
DATABASE = "postgresql"
SLOW_CLIENTS = 300
PAGES = 50
PATIENCE_S = 10.0


def beside_slow_clients(server: str) -> dict[str, object]:
    """Return the line of one server: the median of an empty page in ms, and memory in MB (PSS)."""
    with _fresh(server) as (port, process), ExitStack() as stack:
        memory = _pss_mb(process.pid)
        for _ in range(SLOW_CLIENTS):
            slow = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
            stack.callback(slow.close)
            slow.sendall(b"POST /lti/login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        waits = _pages(port)
    return {
        "name": f"server_{server or 'ours'}_slow_clients",
        "value": round(sorted(waits)[len(waits) // 2] * 1e3, 1),
        "unit": "ms",
        "settings": {
            "slow_clients": SLOW_CLIENTS,
            "worst_ms": round(max(waits) * 1e3, 1),
            "refused_or_late": sum(wait >= PATIENCE_S for wait in waits),
            "memory_mb": memory,
        },
    }


@contextmanager
def _fresh(server: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    with tempfile.TemporaryDirectory(prefix="roadmap-servers-") as folder:
        port = free_port()
        environ = environ_for(f"sqlite:///{Path(folder) / 'a.db'}", port)
        subprocess.run([sys.executable, "-m", "lti_tool", "db", "upgrade"], env=environ, check=True)
        process = subprocess.Popen([sys.executable, "-m", *command(server)], cwd=ROOT, env=environ)
        try:
            wait_until_up(port)
            yield port, process
        finally:
            process.terminate()
            process.wait(timeout=60)


def _pages(port: int) -> list[float]:
    """Return the seconds of some pages; who waits in vain twice need not be asked again."""
    waits: list[float] = []
    while len(waits) < PAGES and sum(wait >= PATIENCE_S for wait in waits) < 2:
        began = time.monotonic()
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE_S).close()
            waits.append(time.monotonic() - began)
        except OSError:
            waits.append(PATIENCE_S)
    return waits


def _pss_mb(parent: int) -> int:
    """Return the memory of a process and its children, shared pages counted once."""
    total_kb, waiting = 0, [parent]
    while waiting:
        proc = Path("/proc") / str(waiting.pop())
        lines = (proc / "smaps_rollup").read_text().splitlines()
        total_kb += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        for task in (proc / "task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    return total_kb // 1024


def under_load(server: str, asked: argparse.Namespace) -> dict[str, object]:
    line = measure(Run(DATABASE, asked.learners, asked.seconds, STATEMENTS_PER_S, server))
    return line | {"name": f"server_{server or 'ours'}_p95"}


def _compared(line: dict[str, object], ours: dict[str, object]) -> dict[str, object]:
    value, peer = line["value"], ours["value"]
    assert isinstance(value, float)
    assert isinstance(peer, float)
    named = {"peer": "roadmap serve, in the same invocation", "peer_value": peer}
    return line | named | {"ratio": round(peer / value, 3)}


def main() -> int:
    """Print two lines per server, compared with ours of the same invocation; 1 if one lost."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--seconds", type=float, default=20.0)
    given.add_argument("--learners", type=int, default=200)
    asked = given.parse_args()
    bad = False
    for measured in (beside_slow_clients, lambda server: under_load(server, asked)):
        ours = measured(OURS)
        for line in (ours, *(measured(server) for server in SERVERS)):
            print(json.dumps(_compared(line, ours)), flush=True)
            settings = line["settings"]
            assert isinstance(settings, dict)
            bad |= bool(settings.get("failed") or settings.get("lost_answers"))
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
