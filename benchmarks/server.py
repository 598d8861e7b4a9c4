"""Run an app in a named server: what `benchmarks.speed.servers` and `.launches` compare.

    .venv/bin/python -m benchmarks.server SERVER APP [processes]
    SERVER: ours|gunicorn|granian|waitress    APP: tool|floor|pylti

Settings come from the environment as for `roadmap serve`. All get the same number of threads
(`ours` and waitress in one process, the others in two unless told); each keeps its own defaults
otherwise. `ours` is what `roadmap serve` runs in each of its processes.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request

from benchmarks.peers.pylti import pylti
from lti_tool import logs, serving, settings
from lti_tool.app import create_app

PROCESSES, THREADS = 2, 8  # threads of all processes together


def tool() -> Any:
    config = settings.load()
    logs.configure(fmt=config.logs.format, level=config.logs.level)
    return create_app(config)


def floor() -> Any:
    """Return an app with one empty page."""
    app = Flask("floor")
    app.add_url_rule("/healthz", "empty", lambda: "")
    app.add_url_rule("/slow", "slow", _slow)
    app.add_url_rule("/post", "post", lambda: str(len(request.get_data())), methods=["POST"])
    return app


def _slow() -> str:
    time.sleep(2)
    return "done"


APPS: dict[str, Callable[[], Any]] = {"tool": tool, "floor": floor, "pylti": pylti}


def ours(app: str, host: str, port: int, _processes: int) -> None:
    server = settings.load().server
    serving.answer(APPS[app](), serving.listen(host, port), server)


def waitress(app: str, host: str, port: int, _processes: int) -> None:
    import waitress

    # One process: it has no others to offer. Its own limit of 100 connections would turn half a
    # town away.
    waitress.serve(APPS[app](), host=host, port=port, threads=THREADS, connection_limit=2000)


def gunicorn(app: str, host: str, port: int, processes: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
        def load_config(self) -> None:
            for name, value in {
                "bind": f"{host}:{port}",
                "workers": processes,
                "worker_class": "gthread",
                "threads": THREADS // processes,
                "loglevel": "error",
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return APPS[app]()

    Application().run()


def granian(app: str, host: str, port: int, processes: int) -> None:
    from granian.constants import Interfaces
    from granian.server import Server

    Server(
        f"benchmarks.server:{app}",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=processes,
        blocking_threads=THREADS // processes,
        factory=True,
        log_enabled=False,
    ).serve()


SERVERS = {"waitress": waitress, "gunicorn": gunicorn, "granian": granian}


if __name__ == "__main__":
    server = settings.load().server
    processes = int(sys.argv[3]) if len(sys.argv) > 3 else PROCESSES
    ({"ours": ours} | SERVERS)[sys.argv[1]](sys.argv[2], server.host, server.port, processes)
