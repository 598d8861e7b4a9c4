"""`roadmap demo`: the whole loop on this machine, nothing to configure.

Starts four processes: web, worker, the embedded LRS and the demo LMS (a foreign program: `demo/`).
What connects them is what an admin would type: the values of DATA/connection.json and the mapping
table. The LRS is a process of its own, so that it can be stopped and started while the rest runs:
`roadmap demo --lrs off` and `--lrs on`, in another terminal.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import click
import requests

from lti_tool import settings, sheets
from lti_tool.bootstrap import House, build
from lti_tool.cli.opening import now
from lti_tool.errors import RoadmapError
from lti_tool.flows import assigning
from lti_tool.ports import TenantSettings
from lti_tool.settings import ROOT, Settings
from lti_tool.store import lrs, mappings, migrations, platforms, tenants, xapi_keys

TENANT = "musterstadt"
PATIENCE_S = 30.0
LMS_OFFSET = 10  # the demo LMS listens ten ports above the tool: 8080 and 8090
LRS_OFFSET = 2
WEB, WORKER, LRS, LMS = "web", "worker", "LRS", "demo LMS"


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of the demo is."""

    data: Path
    port: int
    lrs_apart: bool = False  # the LRS in a process of its own, not in that of the pages

    @property
    def tool(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def lms_port(self) -> int:
        return self.port + LMS_OFFSET

    @property
    def lms(self) -> str:
        return f"http://localhost:{self.lms_port}"

    @property
    def lrs_port(self) -> int:
        return self.port + LRS_OFFSET if self.lrs_apart else self.port

    @property
    def lrs(self) -> str:
        return f"http://localhost:{self.lrs_port}/xapi"

    @property
    def lrs_health(self) -> str:
        return f"http://localhost:{self.lrs_port}/healthz"

    @property
    def lrs_off(self) -> Path:
        """While this file is there, the LRS is stopped."""
        return self.data / "lrs.off"


@click.command()
@click.option("--port", default=8080, show_default=True, help="The tool; the demo LMS is at +10")
@click.option("--data", default=ROOT / "var" / "demo", type=click.Path(path_type=Path), hidden=True)
@click.option("--reset", is_flag=True, help="Forget what an earlier demo has stored")
@click.option("--no-browser", is_flag=True, help="Do not open a browser")
@click.option(
    "--lrs",
    type=click.Choice(["off", "on"]),
    help="Stop or start the LRS of a demo that is running",
)
def demo(port: int, data: Path, reset: bool, no_browser: bool, lrs: str | None) -> None:
    """Run everything on this machine: tool, worker, embedded LRS and a demo LMS.

    Example: roadmap demo --port 9080
    """
    places = Places(data, port, lrs_apart=True)
    if lrs is not None:
        _switch_lrs(places, lrs)
        return
    if reset and data.exists():
        rmtree(data)
    places.lrs_off.unlink(missing_ok=True)
    for number in (places.port, places.lrs_port, places.lms_port):
        _require_free(number, places)
    environ = _environment(places)
    set_up(places, settings.load(environ))
    _run(places, environ, open_browser=not no_browser)


def set_up(places: Places, config: Settings) -> None:
    """Bring database, tenant and connections into place; does nothing the second time."""
    connection = _init_lms(places)
    house = build(config)
    try:
        migrations.upgrade(house.database)
        with house.database.read() as conn:
            known = any(t.key == TENANT for t in tenants.listed(conn))
        if not known:
            _connect(house, connection, places)
    finally:
        house.close()


def _connect(house: House, given: Mapping[str, Any], places: Places) -> None:
    """Do what an admin does by hand: tenant, platform, LRS keys, mapping."""
    switches = TenantSettings(
        ags=True,
        lrs_embedded=True,
        plan_service=True,
        contact="Kursleitung im Demo-LMS",
        controller="Stadt Musterstadt, Rathausplatz 1, 12345 Musterstadt",
        officer="datenschutz@musterstadt.example",
        accessibility_contact="barriere@musterstadt.example",
        mandatory={"GB": {"N1": {"by": "Personalamt", "at": "2026-10-01"}}},
    )
    with house.database.begin() as conn:
        tenant = tenants.add(conn, TENANT, "Stadt Musterstadt", "HE", switches, now())
        names = ("kind", "name", "issuer", "client_id", "auth_url", "token_url", "jwks_url")
        platform = platforms.add(
            conn,
            tenant_id=tenant.id,
            deployment_ids=[given["deployment_id"]],
            now=now(),
            **{name: given[name] for name in names},
        )
        token = house.seal.seal(given["plan_token"])
        platforms.set_plan_service(conn, platform.id, given["plan_url"], token)
        credential = xapi_keys.add_credential
        credential(conn, tenant.id, given["lrs_key"], given["lrs_secret"], "write", now())
        credential(conn, tenant.id, given["lrs_read_key"], given["lrs_read_secret"], "read", now())
        # The bridge talks to the embedded LRS over HTTP like to any other, with its own key.
        key, secret = xapi_keys.new_credential(conn, tenant.id, "all", now())
        lrs.add(
            conn,
            house.seal,
            tenant_id=tenant.id,
            name="eingebaut",
            endpoint=places.lrs,
            key=key,
            secret=secret,
            now=now(),
        )
        given_rows = sheets.read((places.data / "lms" / "activities.csv").read_bytes())
        mapped = assigning.read_rows(house.flows.content, given_rows).aims
        mappings.add(conn, tenant.id, mapped, now())


def _init_lms(places: Places) -> dict[str, Any]:
    lms = places.data / "lms"
    command = [sys.executable, "-m", "demo", "--init", *_lms_arguments(places)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RoadmapError(f"The demo LMS cannot be set up: {done.stderr.strip()[-300:]}")
    document: dict[str, Any] = json.loads((lms / "connection.json").read_text(encoding="utf-8"))
    return document


def _lms_arguments(places: Places) -> list[str]:
    data = str(places.data / "lms")
    tool, lrs = ("--tool", places.tool), ("--lrs", places.lrs)
    return ["--port", str(places.lms_port), *tool, *lrs, "--data", data]


def _environment(places: Places) -> dict[str, str]:
    """Return the environment of web and worker: everything below the demo's folder."""
    places.data.mkdir(parents=True, exist_ok=True)
    return dict(os.environ) | {
        "ROADMAP__DATABASE__URL": f"sqlite:///{places.data / 'roadmap.db'}",
        "ROADMAP__SERVER__BASE_URL": places.tool,
        "ROADMAP__SERVER__PORT": str(places.port),
        "ROADMAP__SERVER__HOST": "127.0.0.1",
        "ROADMAP__SERVER__PROCESSES": "1",
        "ROADMAP__METRICS__PORT": str(places.port + 1),
        "ROADMAP__SECURITY__ALLOW_LOCAL_HTTP": "true",
        "ROADMAP__LRS__POLL_S": "2",
        "ROADMAP__LOGS__LEVEL": os.environ.get("ROADMAP__LOGS__LEVEL", "WARNING"),
    }


def _run(places: Places, environ: dict[str, str], *, open_browser: bool) -> None:
    """Start the four processes, say what to open, and end them together."""
    running = {name: _start(name, places, environ) for name in (WEB, WORKER, LRS, LMS)}
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _wait_until_up(places, running)
        _greet(places)
        if open_browser and _has_screen():
            click.launch(places.lms)
        _watch(running, places, environ)
    except KeyboardInterrupt:
        click.echo("\nStopping…")
    finally:
        _stop(running)


def _has_screen() -> bool:
    """Return whether a browser could show up: on a server, opening one only complains."""
    there = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return sys.platform != "linux" or bool(there)


def _start(name: str, places: Places, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    program = [sys.executable, "-m", "lti_tool"]
    command = {
        WEB: [*program, "serve"],
        WORKER: [*program, "worker"],
        LRS: [*program, "serve"],
        LMS: [sys.executable, "-m", "demo", *_lms_arguments(places)],
    }[name]
    apart = {"ROADMAP__SERVER__PORT": str(places.lrs_port), "ROADMAP__METRICS__PORT": "0"}
    environ = {**environ, **(apart if name == LRS else {})}
    # A session of their own: Ctrl-C in the terminal reaches us only, and we end them in order.
    return subprocess.Popen(command, cwd=ROOT, env=environ, start_new_session=True)


def _switch_lrs(places: Places, to: str) -> None:
    """Let the demo that is running in this folder stop or start its LRS; wait until it has."""
    if not _answers(f"{places.tool}/healthz"):
        raise RoadmapError(f"No demo answers at {places.tool}.", remedy="Start it: make demo")
    if to == "off":
        places.lrs_off.touch()
    else:
        places.lrs_off.unlink(missing_ok=True)
    deadline = time.monotonic() + PATIENCE_S
    while _answers(places.lrs_health) != (to == "on"):
        if time.monotonic() > deadline:
            raise RoadmapError(f"The LRS is not {to} after {PATIENCE_S:.0f} s.")
        time.sleep(0.1)
    click.echo("The LRS is stopped." if to == "off" else "The LRS is running again.")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _wait_until_up(places: Places, running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    for url in (f"{places.tool}/healthz", places.lrs_health, places.lms):
        while not _answers(url):
            _require_alive(running)
            if time.monotonic() > deadline:
                raise RoadmapError(f"{url} did not answer within {PATIENCE_S:.0f} s.")
            time.sleep(0.05)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _watch(
    running: Mapping[str, subprocess.Popen[bytes]], places: Places, environ: Mapping[str, str]
) -> None:
    parent, lrs = os.getppid(), _Lrs(running[LRS], places, environ)
    # When `make` or the terminal goes away without a word, nobody could end us any more.
    try:
        while os.getppid() == parent:
            lrs.keep()
            _require_alive({name: p for name, p in running.items() if name != LRS})
            time.sleep(0.5)
    finally:
        _stop({LRS: lrs.process})


@dataclass
class _Lrs:
    """The LRS of a running demo: on or off as it is switched; killed counts as switched off."""

    process: subprocess.Popen[bytes]
    places: Places
    environ: Mapping[str, str]
    down: bool = False

    def keep(self) -> None:
        wanted = not self.places.lrs_off.exists()
        if self.down and wanted:
            self.process, self.down = _start(LRS, self.places, self.environ), False
        elif not self.down and self.process.poll() is not None:
            self.places.lrs_off.touch()
            self._is_down("has ended")
        elif not self.down and not wanted:
            _stop({LRS: self.process})
            self._is_down("is stopped")

    def _is_down(self, how: str) -> None:
        self.down = True
        click.echo(f"The LRS {how}; the rest goes on. Start it again: roadmap demo --lrs on")


def _require_alive(running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for name, process in running.items():
        if process.poll() is not None:
            raise RoadmapError(
                f"The {name} process ended (exit code {process.returncode}).",
                remedy="What it said stands above. Start again: make demo",
            )


def _stop(running: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for process in running.values():
        if process.poll() is None:
            process.terminate()
    for process in running.values():
        try:
            process.wait(timeout=8)
        except subprocess.TimeoutExpired:
            process.kill()


def _require_free(port: int, places: Places) -> None:
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if probe.connect_ex((host, port)) == 0:
                raise RoadmapError(
                    f"Port {port} is taken.",
                    remedy=f"Stop it, or: make demo ARGS='--port {places.port + 1000}'",
                )


def _greet(places: Places) -> None:
    click.echo(
        f"""
  Everything is running.

  Open     {places.lms}     the demo LMS: choose a person, a course, "Mein Lernweg"
  Tool     {places.tool}     what this is, for whom
  LRS      {places.lrs}     stop and start it: roadmap demo --lrs off, --lrs on

  Data: {places.data}.  Ctrl-C ends it; `make demo` continues, `make demo-reset` forgets.
"""
    )
