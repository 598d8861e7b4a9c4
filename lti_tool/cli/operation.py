"""`roadmap serve`, `worker`, `check`, `jobs`: running the service and seeing how it is."""

import signal
from typing import Any

import click
import waitress

from lti_tool import logs, settings
from lti_tool.app import create_app
from lti_tool.checking import run_checks
from lti_tool.cli.opening import as_json, dump, opened, show
from lti_tool.errors import RoadmapError
from lti_tool.jobs import JOBS, Worker, run_now
from lti_tool.store.jobs import SqlJobs

SERVING: dict[str, Any] = {
    # Errors of ours are pages; what is left never shows a stack trace.
    "expose_tracebacks": False,
    "ident": None,
    "max_request_body_size": 32 * 1024 * 1024,
    # A browser keeps up to six connections open, and whoever sends a request byte by byte holds
    # one each: the server's own 100 for two minutes are taken by one person. poll() knows no 1024.
    "connection_limit": 2000,
    "channel_timeout": 30,
    "cleanup_interval": 5,
    "asyncore_use_poll": True,
}


@click.command()
def serve() -> None:
    """Serve the pages. Example: ROADMAP__SERVER__PORT=8081 roadmap serve"""
    config = settings.load()
    logs.configure(fmt=config.logs.format, level=config.logs.level)
    app = create_app(config)
    try:
        server = waitress.create_server(
            app,
            host=config.server.host,
            port=config.server.port,
            threads=config.server.threads,
            **SERVING,
        )
    except OSError as error:
        raise RoadmapError(
            f"Cannot listen on {config.server.host}:{config.server.port} ({error.strerror}).",
            remedy="Is it running already? Choose another port: ROADMAP__SERVER__PORT=8081",
        ) from None
    signal.signal(signal.SIGTERM, lambda *_: server.close())
    logs.log().info("web started", address=config.server.base_url, port=config.server.port)
    try:
        server.run()
    except (OSError, KeyboardInterrupt):  # closing the socket ends the loop with an OSError
        logs.log().info("web stopped")


@click.command()
@click.option("--once", is_flag=True, help="Work off what is due, then stop")
def worker(once: bool) -> None:
    """Run the one clock-and-jobs process. Example: roadmap worker"""
    with opened() as house:
        running = Worker(house)
        if once:
            click.echo(f"{running.run_until_idle()} jobs done")
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: running.stop())
        running.run()


@click.command()
@as_json
def check(as_json: bool) -> None:
    """Check settings, database, content, platforms and LRSs, and say what to do.

    Example: roadmap check --json
    """
    results = run_checks()
    ok = all(r.ok for r in results)
    if as_json:
        dump({"ok": ok, "checks": [r.document() for r in results]})
    else:
        for r in results:
            click.echo(f"{'ok  ' if r.ok else 'FAIL'}  {r.name}: {r.message}")
            if r.remedy:
                click.echo(f"      -> {r.remedy}")
    if not ok:
        raise SystemExit(1)


@click.group()
def jobs() -> None:
    """The job table."""


@jobs.command("run")
@click.argument("name", type=click.Choice(sorted(JOBS)))
@click.option("--key", default="all", show_default=True, help="Learner or LRS, where one is meant")
def run(name: str, key: str) -> None:
    """Run a job here and now. Example: roadmap jobs run purge"""
    with opened() as house:
        run_now(house, name, key)
    click.echo(f"{name} done")


@jobs.command("status")
@as_json
def status(as_json: bool) -> None:
    """List waiting, running and failed jobs. Example: roadmap jobs status --json"""
    with opened() as house, house.database.read() as conn:
        rows: list[dict[str, Any]] = SqlJobs(conn).listed()
    show(rows, json_=as_json, key="jobs", empty="Nothing waits.")
