"""The ground gives way: commands without root's powers, a PostgreSQL that can be stopped."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import select

from lti_tool.settings import ROOT
from lti_tool.store.database import Database
from lti_tool.store.schema.core import outbox
from tests.conftest import POSTGRES, free_port
from tests.integration.trust.running import Machine

#: Root may write everywhere; without these powers the rights of files hold for root as well.
AS_A_USER = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"]


def command(url: str, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run `roadmap` as a user who has to keep to the rights of files."""
    prefix = AS_A_USER if os.geteuid() == 0 else []
    environ = dict(os.environ) | {"ROADMAP__DATABASE__URL": url} | settings
    return subprocess.run(
        [*prefix, sys.executable, "-m", "lti_tool", *arguments],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def said(url: str, *arguments: str, **settings: str) -> str:
    """Return the one line of a command that failed; never a stack trace."""
    done = command(url, *arguments, **settings)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    told = [line for line in done.stderr.splitlines() if line.startswith("roadmap: ")]
    assert len(told) == 1, done.stderr
    return told[0]


def checked(url: str) -> Mapping[str, Any]:
    """Return the line `database` of `roadmap check --json`."""
    done = command(url, "check", "--json")
    assert done.returncode == 1, done.stderr
    checks = json.loads(done.stdout)["checks"]
    found: dict[str, Any] = next(c for c in checks if c["name"] == "database")
    return found


@dataclass
class Server:
    """A PostgreSQL with passwords, that can be stopped and started again."""

    folder: Path
    port: int
    password: str = "right"

    def url(self, name: str = "postgres", *, user: str = "owner", password: str = "") -> str:
        who = f"{user}:{password or self.password}"
        return f"postgresql+psycopg://{who}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """Stop at once, as a crash does."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            user = pwd.getpwnam("postgres")
            for path in (self.folder, secret):
                shutil.chown(path, user.pw_uid, user.pw_gid)
        given = ["-U", "owner", "-A", "scram-sha-256", "-E", "UTF8", f"--pwfile={secret}"]
        self._run("initdb", *given)

    def _run(self, name: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        words = [*as_user, str(POSTGRES[-1] / name), "-D", str(self.folder / "data"), *arguments]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def a_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="roadmap-postgres-"))
    server = Server(folder, free_port())
    server.make()
    server.start()
    try:
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # a test has stopped it
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def is_ready(machine: Machine) -> None:
    """Raise unless the web process says that it can work; for `insist`."""
    requests.get(f"{machine.places.tool}/readyz", timeout=20).raise_for_status()


def has_delivered(machine: Machine) -> None:
    """Raise unless everything that was put into the outbox has left; for `insist`."""
    database = Database(machine.environ["ROADMAP__DATABASE__URL"])
    with database.read() as conn:
        states = set(conn.execute(select(outbox.c.state)).scalars())
    database.close()
    if states != {"delivered"}:
        raise requests.RequestException(f"not yet: {states}")


def family(pid: int) -> list[int]:
    """Return a process and all that it started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found
