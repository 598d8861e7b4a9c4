"""Run our app, or an empty Flask page, in a named server: what `benchmarks.speed.servers` compares.

    .venv/bin/python -m benchmarks.server gunicorn|granian|waitress tool|floor

Settings come from the environment as for `roadmap serve`. All three get the same processes and
threads; each keeps its own defaults otherwise.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

from flask import Flask, request

from lti_tool import logs, settings
from lti_tool.app import create_app

WORKERS, THREADS = 2, 4


def tool() -> Any:
    config = settings.load()
    logs.configure(fmt=config.logs.format, level=config.logs.level)
    return create_app(config)


def floor() -> Any:
    """Return an app with one empty page."""
    app = Flask("floor")
    app.add_url_rule("/healthz", "empty", lambda: "")
    app.add_url_rule("/slow", "slow", lambda: time.sleep(2) or "done")
    app.add_url_rule("/post", "post", lambda: str(len(request.get_data())), methods=["POST"])
    return app


APPS: dict[str, Callable[[], Any]] = {"tool": tool, "floor": floor}


def waitress(app: str, host: str, port: int) -> None:
    import waitress

    # One process: it has no others to offer. The threads of all processes together, for fairness;
    # its own limit of 100 connections would turn half a town away.
    threads = WORKERS * THREADS
    waitress.serve(APPS[app](), host=host, port=port, threads=threads, connection_limit=2000)


def gunicorn(app: str, host: str, port: int) -> None:
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self) -> None:
            for name, value in {
                "bind": f"{host}:{port}",
                "workers": WORKERS,
                "worker_class": "gthread",
                "threads": THREADS,
                "loglevel": "error",
            }.items():
                self.cfg.set(name, value)

        def load(self) -> Any:
            return APPS[app]()

    Application().run()


def granian(app: str, host: str, port: int) -> None:
    from granian.constants import Interfaces
    from granian.server import Server

    Server(
        f"benchmarks.server:{app}",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=WORKERS,
        blocking_threads=THREADS,
        factory=True,
        log_enabled=False,
    ).serve()


SERVERS = {"waitress": waitress, "gunicorn": gunicorn, "granian": granian}


if __name__ == "__main__":
    server = settings.load().server
    SERVERS[sys.argv[1]](sys.argv[2], server.host, server.port)
