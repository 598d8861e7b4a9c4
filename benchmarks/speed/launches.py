"""Login + launch pairs per second, and how long one takes: ours, PyLTI1p3, ltijs, and the floor.

Ours is `roadmap serve` as it ships, in one process, on SQLite with its durable one-time nonce, the
person's and the launch's row; keys are warm. The plain PyLTI1p3 tool (benchmarks/peers/pylti.py)
keeps nothing durably; it runs in our web server, in gunicorn and in granian, and the fastest of
them counts. ltijs runs on Node with SQLite in memory, its follow-up page included. The floor is two
empty Flask POSTs in our server. All stand ready together and take turns in short rounds, each alone
on the first core; driver and key server are on the second. Every ratio is the median of the
rounds' ratios, because the machine is shared. Then sixty pairs on new connections into two
processes: how many of them succeed? What came of it: docs/adr/0010.

    .venv/bin/python -m benchmarks.speed.launches [--rounds 7] [--seconds 3] [--without-ltijs]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from benchmarks.pairs import PEOPLE, Bad, Measured, Portal, Tool, drive
from benchmarks.peers.pylti import registration
from benchmarks.postgres import free_port
from benchmarks.speed.load import environ_for, wait_until_up
from benchmarks.town import CLIENT, DEPLOYMENT, Lms
from lti_tool.bootstrap import build
from lti_tool.ports import TenantSettings
from lti_tool.settings import ROOT, load
from lti_tool.store import migrations, platforms, tenants

LTIJS = Path(__file__).parents[1] / "peers" / "ltijs"
PYLTI = {"pylti": "ours", "pylti_gunicorn": "gunicorn", "pylti_granian": "granian"}
CORES = sorted(os.sched_getaffinity(0))
WARM_UP_S = 2.0
CLIENTS = (8, 1)
FRESH = 60


@dataclass
class Running:
    """A tool with its process, and what it did per round and number of clients."""

    tool: Tool
    process: "subprocess.Popen[bytes]"
    rounds: dict[int, list[Measured]] = field(default_factory=dict)
    cpu_s: dict[int, float] = field(default_factory=dict)
    fetches: int = 0

    def one_round(self, portal: Portal, clients: int, seconds: float) -> None:
        """Measure once.

        :raises Bad: a pair failed.
        """
        cpu, fetched = cpu_s(self.process.pid), portal.fetches
        measured = drive(self.tool, portal, clients, seconds)
        if measured.bad:
            raise Bad(f"{self.tool.name}: {len(measured.bad)} failed, e.g. {measured.bad[0]}")
        self.rounds.setdefault(clients, []).append(measured)
        spent = cpu_s(self.process.pid) - cpu
        self.cpu_s[clients] = self.cpu_s.get(clients, 0.0) + spent
        self.fetches += portal.fetches - fetched

    def per_s(self, clients: int) -> list[float]:
        return [measured.per_s for measured in self.rounds[clients]]

    def p_ms(self, clients: int, percent: int) -> list[float]:
        return [measured.percentile_ms(percent) for measured in self.rounds[clients]]

    def told(self, clients: int) -> dict[str, object]:
        pairs = sum(len(measured.waits) for measured in self.rounds[clients])
        times = {f"p{p}_ms": round(median(self.p_ms(clients, p)), 1) for p in (50, 95, 99)}
        cpu = {"cpu_ms_per_pair": round(1e3 * self.cpu_s[clients] / pairs, 2)}
        return {"pairs_per_s": round(median(self.per_s(clients))), **times, **cpu}


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time of a process and its children that live."""
    total, waiting = 0.0, [pid]
    while waiting:
        proc = Path("/proc") / str(waiting.pop())
        spent = (proc / "stat").read_text().rpartition(")")[2].split()
        total += (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")
        for task in (proc / "task").iterdir():
            waiting += [int(child) for child in (task / "children").read_text().split()]
    return total


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """What is started inside stays on this core; we come back to where we were."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {CORES[number % len(CORES)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _started(
    stack: ExitStack, tool: Tool, command: list[str], environ: Mapping[str, str], folder: Path
) -> Running:
    log = stack.enter_context((folder / f"{tool.name}.log").open("wb"))
    with on_core(0):
        process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=log, stderr=log)
    stack.callback(_ended, process)
    wait_until_up(tool.port)
    return Running(tool, process)


def _ended(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()


@dataclass
class Field:
    """Everything the tools of one invocation share."""

    stack: ExitStack
    folder: Path
    portal: Portal

    def ours(self, processes: int) -> Running:
        """Start `roadmap serve` on a new database with one municipality and one platform."""
        port = free_port()
        file = self.folder / f"launches{processes}.db"
        environ = environ_for(f"sqlite:///{file}", port)
        environ |= {"ROADMAP__SERVER__PROCESSES": str(processes), "ROADMAP__LOGS__LEVEL": "INFO"}
        _set_up(environ, self.portal.lms)
        tool = Tool("ours", port)
        return _started(self.stack, tool, _python("lti_tool", "serve"), environ, self.folder)

    def pylti(self, name: str, server: str, processes: int = 1) -> Running:
        environ = self._environ(tool := Tool(name, free_port()))
        command = _python("benchmarks.server", server, "pylti", str(processes))
        return _started(self.stack, tool, command, environ, self.folder)

    def floor(self) -> Running:
        environ = self._environ(tool := Tool("floor", free_port(), floor=True))
        command = _python("benchmarks.server", "ours", "floor")
        return _started(self.stack, tool, command, environ, self.folder)

    def ltijs(self) -> Running:
        """Install ltijs into a folder that goes away with this run, and start it."""
        home = self.folder / "ltijs"
        shutil.copytree(LTIJS, home)
        quiet = ["--no-audit", "--no-fund", "--silent"]
        subprocess.run(["npm", "install", *quiet], cwd=home, check=True, stdout=sys.stderr)
        tool = Tool("ltijs", free_port(), follow=True)
        lms = self.portal.lms
        environ = {**os.environ, "PORT": str(tool.port), "ISSUER": lms.issuer, "CLIENT": CLIENT}
        return _started(self.stack, tool, ["node", str(home / "tool.js")], environ, self.folder)

    def _environ(self, tool: Tool) -> dict[str, str]:
        known = registration(self.portal.lms.issuer, CLIENT, DEPLOYMENT)
        return environ_for("sqlite:///unused.db", tool.port) | known


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _set_up(environ: Mapping[str, str], lms: Lms) -> None:
    house, now = build(load(environ)), datetime.now(UTC)
    house.database.make()
    migrations.upgrade(house.database)
    with house.database.begin() as conn:
        tenant = tenants.add(conn, "bench", "Stadt", "HE", TenantSettings(), now)
        platforms.add(
            conn,
            tenant_id=tenant.id,
            kind="moodle",
            issuer=lms.issuer,
            client_id=CLIENT,
            deployment_ids=[DEPLOYMENT],
            auth_url=f"{lms.issuer}/auth",
            token_url=f"{lms.issuer}/token",
            jwks_url=f"{lms.issuer}/jwks",
            now=now,
        )
    house.close()


def compared(here: Field, asked: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield the lines of one process beside its peers."""
    all_ = [here.ours(1), *(here.pylti(name, server) for name, server in PYLTI.items())]
    all_ += [here.floor(), *([] if asked.without_ltijs else [here.ltijs()])]
    for running in all_:
        _warm(running, here.portal)
    for clients in CLIENTS:
        rounds = asked.rounds if clients == CLIENTS[0] else max(1, asked.rounds // 2)
        for number in range(rounds):
            # In turn, and each time somebody else first.
            for running in all_[number % len(all_) :] + all_[: number % len(all_)]:
                running.one_round(here.portal, clients, asked.seconds)
    ours, rest = all_[0], {running.tool.name: running for running in all_[1:]}
    for clients in CLIENTS:
        fastest = max(PYLTI, key=lambda name: median(rest[name].per_s(clients)))
        peers = {"pylti": rest["pylti"], "pylti_fastest": rest[fastest]}
        peers |= {name: rest[name] for name in ("ltijs", "floor") if name in rest}
        for kind, peer in peers.items():
            yield _speed(ours, kind, peer, clients)
            if kind != "floor":
                yield _slowest(ours, kind, peer, clients)


def _warm(running: Running, portal: Portal) -> None:
    """Let every person come once and every cache fill."""
    for clients in CLIENTS:
        measured = drive(running.tool, portal, clients, WARM_UP_S)
        if measured.bad:
            raise Bad(f"{running.tool.name}: {measured.bad[0]} while warming up")
    drive(running.tool, portal, CLIENTS[0], 60.0, PEOPLE)


_WORDS = {
    "pylti": "plain PyLTI1p3 2.0.0 Flask tool, key cache on, same web server as ours",
    "pylti_fastest": "the same in the fastest of three servers",
    "ltijs": "ltijs 5.9.9 with SQLite in memory and its follow-up page",
    "floor": "two empty Flask POSTs, same web server as ours",
}


def _speed(ours: Running, kind: str, peer: Running, clients: int) -> dict[str, object]:
    pairs = zip(ours.per_s(clients), peer.per_s(clients), strict=True)
    ratio = median(mine / theirs for mine, theirs in pairs)
    return _line(f"launch_pairs_{clients}_{kind}", "pairs/s", ours, kind, peer, clients) | {
        "value": round(median(ours.per_s(clients))),
        "peer_value": round(median(peer.per_s(clients))),
        "ratio": round(ratio, 3),
    }


def _slowest(ours: Running, kind: str, peer: Running, clients: int) -> dict[str, object]:
    pairs = zip(ours.p_ms(clients, 99), peer.p_ms(clients, 99), strict=True)
    ratio = median(theirs / mine for mine, theirs in pairs)  # above 1: we are quicker
    return _line(f"launch_p99_{clients}_{kind}", "ms", ours, kind, peer, clients) | {
        "value": round(median(ours.p_ms(clients, 99)), 1),
        "peer_value": round(median(peer.p_ms(clients, 99)), 1),
        "ratio": round(ratio, 3),
    }


def _line(
    name: str, unit: str, ours: Running, kind: str, peer: Running, clients: int
) -> dict[str, object]:
    settings = {
        "clients": clients,
        "rounds": len(ours.rounds[clients]),
        "ours": ours.told(clients),
        "peer": {"process": peer.tool.name} | peer.told(clients),
        "key_fetches_ours": ours.fetches,
        "people": PEOPLE,
        "database": "sqlite",
    }
    return {"name": name, "value": 0.0, "unit": unit, "peer": _WORDS[kind], "settings": settings}


def fresh_connections(here: Field) -> dict[str, object]:
    """Return the line of sixty pairs, each request on a connection of its own, on two processes."""
    ours = here.ours(2)
    peer = here.pylti("pylti_two", "gunicorn", 2)
    time.sleep(2.0)  # until the second process of each answers, too
    good = [_succeeded(running, here.portal) for running in (ours, peer)]
    return {
        "name": "launches_two_processes",
        "value": good[0],
        "unit": f"of {FRESH} launches",
        "peer": "plain PyLTI1p3 2.0.0 Flask tool, in-process cache, gunicorn with two workers",
        "peer_value": good[1],
        "ratio": round(good[0] / max(1, good[1]), 3),
        "settings": {"connections": "a new one for each request", "clients": 4},
    }


def _succeeded(running: Running, portal: Portal) -> int:
    return len(drive(replace(running.tool, fresh=True), portal, 4, 60.0, FRESH).waits)


def main() -> int:
    """Print the lines; return 1 if a pair of ours failed."""
    given = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    given.add_argument("--rounds", type=int, default=7)
    given.add_argument("--seconds", type=float, default=3.0)
    given.add_argument("--without-ltijs", action="store_true", help="no Node, no npm")
    asked = given.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="roadmap-launches-")))
        port = free_port()
        portal = Portal(Lms(port, ""))
        portal.start()
        stack.enter_context(on_core(1))
        here = Field(stack, folder, portal)
        for line in compared(here, asked):
            print(json.dumps(line), flush=True)
        line = fresh_connections(here)
        print(json.dumps(line), flush=True)
    return int(line["value"] != FRESH)


if __name__ == "__main__":
    sys.exit(main())
