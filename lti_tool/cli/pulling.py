"""`roadmap lrs pull`, `sweep`, `status`: activity comes in, and how far it has come."""

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from lti_tool import jobs as the_jobs
from lti_tool.bootstrap import House
from lti_tool.cli.connecting import chosen, of_municipality, one
from lti_tool.cli.opening import as_json, dump, now, opened
from lti_tool.store import lrs as connections
from lti_tool.store import lrs_settings, lrs_status
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.pull import pull_once
from xapi_bridge import capabilities
from xapi_bridge.instants import text_of
from xapi_bridge.pull import SWEEPS, PullReport

# Somebody waits for the end: for a busy store, and for a worker that pulls just now.
PATIENCE_S, LEASE_WAIT_S = 300.0, 60.0
SHOWN_EVERY_S = 0.5


@click.command()
@click.argument("name", required=False)
@of_municipality
@click.option("--once", is_flag=True, expose_value=False, help="Return when caught up (always)")
@click.option(
    "--again",
    is_flag=True,
    help="From the first statement on: a platform was added, or the LRS got old statements",
)
@as_json
def pull(name: str | None, tenant: str | None, again: bool, as_json: bool) -> None:
    """Pull activity now. On a terminal it shows how far it is; Ctrl-C loses nothing.

    Example: roadmap lrs pull --once --json
    """
    with opened() as house:
        found = chosen(house, name, tenant)
        if again:
            with house.database.begin() as conn:
                for connection in found:
                    lrs_settings.read_again(conn, connection)
        rows = [_pull(house, c) for c in found]
        # Profiles and paths follow before we say it is done.
        the_jobs.Worker(house).run_until_idle()
    _told(rows, as_json)


@click.command()
@click.argument("name")
@of_municipality
@click.option(
    "--back",
    type=click.Choice(list(SWEEPS)),
    default="night",
    show_default=True,
    help="How far: two days (night) or thirty (week)",
)
@as_json
def sweep(name: str, tenant: str | None, back: str, as_json: bool) -> None:
    """Look further back than a pull: what came late, or was put in later. Also done by itself.

    Example: roadmap lrs sweep stadt --back week
    """
    with opened() as house:
        row = _pull(house, one(house, name, tenant), back)
        the_jobs.Worker(house).run_until_idle()
    _told([row], as_json)


def _told(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        dump({"lrs": rows})
    for row in [] if as_json else rows:
        click.echo(f"{row['name']}: {row['received']} received, {row['stored']} stored")


def _pull(house: House, connection: LrsConnection, back: str = "") -> dict[str, Any]:
    with _Progress(connection.name) as progress:
        report = pull_once(
            house.database,
            house.seal,
            connection.id,
            settings=house.settings.lrs,
            meaning=house.meaning,
            sweep=back,
            patience_s=PATIENCE_S,
            lease_wait_s=LEASE_WAIT_S,
            watch=progress.show,
        )
    return {
        "name": connection.name,
        "pages": report.pages,
        "received": report.received,
        "stored": report.stored,
        "caught_up": report.caught_up,
    }


@dataclass
class _Progress:
    """One line on a terminal, written over and over; nothing in a pipe."""

    name: str
    began: float = field(default_factory=time.monotonic)
    shown: float = 0.0
    terminal: bool = field(default_factory=sys.stderr.isatty)

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self.terminal and self.shown:
            click.echo("\r\x1b[K", nl=False, err=True)

    def show(self, report: PullReport) -> None:
        moment = time.monotonic()
        if self.terminal and moment - self.shown >= SHOWN_EVERY_S:
            self.shown = moment
            rate = report.seen / max(moment - self.began, 1e-9)
            until = text_of(report.reached_us)[:10] if report.reached_us else "…"
            said = f"{self.name}: {report.seen:,} read, {report.stored:,} new, {rate:,.0f}/s"
            click.echo(f"\r\x1b[K{said}, up to {until}", nl=False, err=True)


@click.command()
@as_json
def status(as_json: bool) -> None:
    """Say how each LRS and the outbox stand: lag, counts, sweeps, what a store can do.

    Example: roadmap lrs status --json
    """
    moment = now()
    with opened() as house, house.database.read() as conn:
        rows = [
            row | lrs_status.details(conn, row["id"], moment).document()
            for row in connections.status(conn, moment)
        ]
        counts = SqlOutbox(conn, house.seal).counts()
    if as_json:
        dump({"lrs": rows, "outbox": counts})
        return
    for row in rows:
        click.echo("\n".join(_lines(row)) + "\n")
    if not rows:
        click.echo("No LRS yet: roadmap lrs add …")
    click.echo("outbox: " + ", ".join(f"{number} {state}" for state, number in counts.items()))


def _lines(row: Mapping[str, Any]) -> Iterator[str]:
    yield row["name"]
    for name, said in _facts(row):
        yield f"  {name:<12} {said}"


def _facts(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    lag = row["lag_s"]
    yield "up to date", "never yet" if lag is None else f"{lag:.0f} s ago"
    yield "cursor", f"{row['cursor']}{' (under way)' if row['in_progress'] else ''}"
    parts = ("stored", "foreign", "outside", "parked", "quarantined")
    said = ", ".join(f"{row[name]} {name}" for name in parts)
    yield "received", f"{row['received']}: {said}; {row['voided']} voided"
    yield "evidence", f"{row['evidence']}, {row['unmapped']} unmapped"
    yield "rate", f"{row['last_hour']} in the last hour, {row['last_day']} in the last day"
    if row["delay_half_s"] is not None:
        half, most = row["delay_half_s"], row["delay_most_s"]
        yield "delay", f"half within {half} s, 95 % within {most} s"
    late = f", 99 % of them within {row['late_most_s']} s" if row["late"] else ""
    yield "late", f"{row['late']}{late}; overlap {row['overlap_s']:.0f} s"
    yield "waiting for", f"{row['waiting_actors']} actors, {row['conflicting_actors']} ambiguous"
    for r in row["rounds"]:
        state = "under way" if r["running"] else f"{r['seen']} read, {r['found']} found"
        yield r["kind"], f"{r['started']:%Y-%m-%d %H:%M}: {state} {r['note']}".rstrip()
    if row["wait_until"]:
        yield "waits until", f"{row['wait_until']:%Y-%m-%d %H:%M:%S}"
    for said in capabilities.sentences(row["capabilities"]) if row["capabilities"] else ():
        yield "store", said
    if row["last_error"]:
        yield "last error", row["last_error"]
