"""A PostgreSQL of our own for the time of a benchmark: durable as in production (fsync on)."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def postgres() -> Iterator[str]:
    """Yield the URL of an empty database.

    :raises FileNotFoundError: no PostgreSQL on this machine (apt-get install postgresql).
    """
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        raise FileNotFoundError("no PostgreSQL here: apt-get install postgresql")
    folder, port = Path(tempfile.mkdtemp(prefix="roadmap-bench-")), free_port()
    as_user: list[str] = []
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = pwd.getpwnam("postgres")
        shutil.chown(folder, user.pw_uid, user.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]

    def run(name: str, *arguments: str) -> None:
        command = [*as_user, str(binaries[-1] / name), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    run("initdb", "-U", "bench", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
    run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        # Not the server's own: whoever makes ours anew has to be connected to another one.
        create = [str(binaries[-1] / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "bench"]
        subprocess.run([*create, "bench"], check=True, cwd="/")
        yield f"postgresql+psycopg://bench@127.0.0.1:{port}/bench"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def databases(only: str | None) -> Iterator[str]:
    """Yield the URL of an empty SQLite database, and of one in a PostgreSQL, while it is used."""
    if only != "postgresql":
        with tempfile.TemporaryDirectory(prefix="roadmap-bench-") as folder:
            yield f"sqlite:///{folder}/bench.db"
    if only != "sqlite":
        with postgres() as url:
            yield url


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
