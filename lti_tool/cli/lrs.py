"""`roadmap lrs`, `outbox`: activity in, paths out."""

from pathlib import Path
from typing import Any

import click

from lti_tool import jobs as the_jobs
from lti_tool.bootstrap import House
from lti_tool.cli.lrs_keys import key
from lti_tool.cli.opening import as_json, dump, now, opened, show, tenant_option
from lti_tool.cli.quarantine import quarantine
from lti_tool.cli.trusting import set_
from lti_tool.errors import NotFound
from lti_tool.flows import resending
from lti_tool.ports import Actor
from lti_tool.store import lrs as connections
from lti_tool.store import tenants
from lti_tool.store.audit import SqlAudit
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.outbox import SqlOutbox
from lti_tool.store.pull import client_of, pull_once
from xapi_bridge.client import Client
from xapi_bridge.probe import Capabilities
from xapi_bridge.probe import probe as probe_store


@click.group()
def lrs() -> None:
    """Learning record stores."""


@lrs.command()
@click.argument("name")
@tenant_option
@click.option(
    "--endpoint", required=True, help="Without /statements, e.g. https://lrs.stadt.de/xapi"
)
@click.option("--key", required=True, help="Its key for us; it has to read and to write")
@click.option(
    "--secret-file",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="File with the secret of that key",
)
@click.option("--strict", is_flag=True, help="Do not even park statements of unknown persons")
def add(name: str, tenant: str, endpoint: str, key: str, secret_file: Path, strict: bool) -> None:
    """Connect an LRS; says what it cannot do.

    Example: roadmap lrs add stadt --tenant musterstadt --endpoint https://lrs.stadt.de/xapi
    --key k --secret-file /run/secrets/lrs
    """
    secret = secret_file.read_text(encoding="utf-8").strip()
    with opened() as house:
        with Client(endpoint.rstrip("/"), key, secret) as client:
            found = probe_store(client)
        with house.database.begin() as conn:
            made = connections.add(
                conn,
                house.seal,
                tenant_id=tenants.by_key(conn, tenant).id,
                name=name,
                endpoint=endpoint,
                key=key,
                secret=secret,
                now=now(),
                settings={"strict": strict},
                capabilities=found.document(),
                overlap_s=house.settings.lrs.overlap_s,
            )
            SqlAudit(conn).note("cli", "lrs.add", {"lrs": name}, now(), made.tenant_id)
    click.echo(f"LRS {made.name} added. {_words(found)}")


@lrs.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List the LRSs. Example: roadmap lrs list --json"""
    with opened() as house, house.database.read() as conn:
        rows = [{"name": c.name, "endpoint": c.endpoint} for c in connections.listed(conn)]
    show(rows, json_=as_json, key="lrs", empty="No LRS yet: roadmap lrs add …")


@lrs.command()
@click.argument("name", required=False)
@click.option("--once", is_flag=True, expose_value=False, help="Return when caught up (always)")
@as_json
def pull(name: str | None, as_json: bool) -> None:
    """Pull activity now. Example: roadmap lrs pull --once --json"""
    with opened() as house:
        rows = [_pull(house, c) for c in _chosen(house, name)]
        the_jobs.Worker(
            house
        ).run_until_idle()  # profiles and paths follow before we say it is done
    if as_json:
        dump({"lrs": rows})
    for row in [] if as_json else rows:
        click.echo(f"{row['name']}: {row['received']} received, {row['stored']} stored")


def _pull(house: House, connection: LrsConnection) -> dict[str, Any]:
    report = pull_once(
        house.database,
        house.seal,
        connection.id,
        settings=house.settings.lrs,
        meaning=house.meaning,
        # Somebody waits for the end: for a busy store, and for a worker that pulls just now.
        patience_s=300.0,
        lease_wait_s=60.0,
    )
    return {
        "name": connection.name,
        "pages": report.pages,
        "received": report.received,
        "stored": report.stored,
        "caught_up": report.caught_up,
    }


@lrs.command()
@click.option("--once", is_flag=True, expose_value=False, help="Return when all was tried (always)")
def push() -> None:
    """Deliver the outbox now. Example: roadmap lrs push --once"""
    with opened() as house:
        the_jobs.run_now(house, "deliver")
        with house.database.read() as conn:
            counts = SqlOutbox(conn, house.seal).counts()
    click.echo(", ".join(f"{number} {state}" for state, number in counts.items()))


@lrs.command()
@as_json
def status(as_json: bool) -> None:
    """Cursor, lag and counts of each LRS, and the outbox. Example: roadmap lrs status --json"""
    with opened() as house, house.database.read() as conn:
        rows, counts = connections.status(conn, now()), SqlOutbox(conn, house.seal).counts()
    if as_json:
        dump({"lrs": rows, "outbox": counts})
        return
    show(rows, json_=False, key="lrs", empty="No LRS yet: roadmap lrs add …")
    click.echo("outbox: " + ", ".join(f"{number} {state}" for state, number in counts.items()))


@lrs.command()
@click.argument("name")
@as_json
def probe(name: str, as_json: bool) -> None:
    """Say what a store can do. Example: roadmap lrs probe eingebaut"""
    with opened() as house:
        with house.database.read() as conn:
            connection = connections.get(conn, house.seal, _chosen(house, name)[0].id)
        with client_of(connection) as client:
            found = probe_store(client)
        with house.database.begin() as conn:
            connections.set_capabilities(conn, connection.id, found.document())
    if as_json:
        dump(found.document())
    else:
        click.echo(_words(found))


lrs.add_command(key)
lrs.add_command(quarantine)
lrs.add_command(set_)


@click.group()
def outbox() -> None:
    """What leaves the house."""


@outbox.command("list")
@as_json
def outbox_list(as_json: bool) -> None:
    """Count what waits, was delivered or is dead, with the last errors.

    Example: roadmap outbox list --json
    """
    with opened() as house, house.database.read() as conn:
        queue = SqlOutbox(conn, house.seal)
        counts, stuck = queue.counts(), queue.stuck()
    if as_json:
        dump({"outbox": counts, "stuck": stuck})
        return
    click.echo(", ".join(f"{number} {state}" for state, number in counts.items()))
    for row in stuck:
        click.echo(f"{row['state']}  {row['kind']}  {row['attempts']} tries  {row['last_error']}")


@outbox.command()
def retry() -> None:
    """Send dead letters again. Example: roadmap outbox retry"""
    with opened() as house:
        number = resending.resend(house.flows, Actor("cli"), now())
    click.echo(f"{number} will be sent again.")


def _words(found: Capabilities) -> str:
    return " ".join(found.sentences) or "It can do all that is needed."


def _chosen(house: House, name: str | None) -> list[LrsConnection]:
    with house.database.read() as conn:
        found = connections.listed(conn, name=name)
    if name and not found:
        raise NotFound(f"There is no LRS {name!r}.", remedy="See `roadmap lrs list`.")
    return found
