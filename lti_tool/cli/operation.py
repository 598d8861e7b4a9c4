"""`roadmap serve`, `worker`, `check`, `jobs`: running the service and seeing how it is."""

import os
import signal
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import Any

import click

from lti_tool import heap, logs, metrics, serving, settings
from lti_tool.app import create_app
from lti_tool.bootstrap import House, build
from lti_tool.checking.service import run_checks
from lti_tool.cli.opening import as_json, dump, now, opened, show
from lti_tool.jobs import JOBS, Worker, run_now
from lti_tool.settings import Settings
from lti_tool.store import runs
from lti_tool.store.jobs import SqlJobs


@click.command()
@click.option("--inherit", type=(int, int, Path), hidden=True, help="Socket, guard, folder")
def serve(inherit: tuple[int, int, Path] | None) -> None:
    """Serve the pages. Example: ROADMAP__SERVER__PORT=8081 roadmap serve"""
    config = settings.load()
    logs.configure(fmt=config.logs.format, level=config.logs.level)
    if inherit is not None:
        _serve_as_one_of_many(config, *inherit)
        return
    house = build(config)
    app = create_app(config, house)  # what is wrong is said once, before anything is started
    with serving.listen(config.server.host, config.server.port) as listening:
        logs.log().info("web started", address=config.server.base_url, port=config.server.port)
        if config.server.processes == 1:
            _serve_metrics(house, None)
            serving.answer(app, listening, config.server)
        else:
            _serve_with_many(house, listening)
        logs.log().info("web stopped")


def _serve_with_many(house: House, listening: socket) -> None:
    """Watch over the processes that answer, and tell what they count."""
    with TemporaryDirectory(prefix="roadmap-") as folder:
        _serve_metrics(house, folder)
        serving.Overseer(
            lambda fd, guard: serving.itself("serve", "--inherit", str(fd), str(guard), folder),
            listening,
            house.settings.server,
            # Read when the counters are imported: that is why it is not an argument.
            dict(os.environ) | {"PROMETHEUS_MULTIPROC_DIR": folder},
        ).run()


def _serve_as_one_of_many(config: Settings, fd: int, guard: int, folder: Path) -> None:
    serving.end_with(guard)
    app = create_app(config, refusals_file=folder / "refusals")
    with socket(fileno=fd) as listening:
        serving.answer(app, listening, config.server)


def _serve_metrics(house: House, folder: str | None) -> None:
    here = house.settings.metrics
    if here.port:
        metrics.serve(here.host, here.port, house.database, folder)


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
        heap.settle()
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
        with house.store.begin() as work:
            work.audit.note("cli", "jobs.run", {"job": name}, now())
    click.echo(f"{name} done")


@jobs.command("status")
@as_json
def status(as_json: bool) -> None:
    """List waiting, running and failed jobs. Example: roadmap jobs status --json"""
    with opened() as house, house.database.read() as conn:
        rows: list[dict[str, Any]] = SqlJobs(conn).listed()
        done = [_run(r) for r in runs.listed(conn).values()]
    if as_json:
        dump({"jobs": rows, "runs": done})
        return
    show(rows, json_=False, key="jobs", empty="Nothing waits.")
    show(done, json_=False, key="runs", empty="No job has run yet.")


def _run(run: runs.Run) -> dict[str, Any]:
    return {
        "name": run.name,
        "runs": run.runs,
        "last_run": run.ran.isoformat() if run.ran else "",
        "failures": run.failures,
        "last_failure": run.failed.isoformat() if run.failed else "",
        "last_error": run.last_error,
    }
