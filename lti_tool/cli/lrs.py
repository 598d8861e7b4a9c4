"""`roadmap lrs`, `outbox`: activity in, paths out."""

import click

from lti_tool import jobs as the_jobs
from lti_tool.cli import connecting, pulling
from lti_tool.cli.lrs_keys import key
from lti_tool.cli.opening import as_json, dump, now, opened, show
from lti_tool.cli.quarantine import quarantine
from lti_tool.flows import resending
from lti_tool.ports import Actor
from lti_tool.store import lrs as connections
from lti_tool.store.outbox import SqlOutbox


@click.group()
def lrs() -> None:
    """Learning record stores."""


@lrs.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List the LRSs. Example: roadmap lrs list --json"""
    with opened() as house, house.database.read() as conn:
        rows = [{"name": c.name, "endpoint": c.endpoint} for c in connections.listed(conn)]
    show(rows, json_=as_json, key="lrs", empty="No LRS yet: roadmap lrs add …")


@lrs.command()
@click.option("--once", is_flag=True, expose_value=False, help="Return when all was tried (always)")
def push() -> None:
    """Deliver the outbox now. Example: roadmap lrs push --once"""
    with opened() as house:
        the_jobs.run_now(house, "deliver")
        with house.database.read() as conn:
            counts = SqlOutbox(conn, house.seal).counts()
    click.echo(", ".join(f"{number} {state}" for state, number in counts.items()))


for command in (
    connecting.add,
    connecting.change,
    connecting.probe,
    key,
    pulling.pull,
    pulling.sweep,
    pulling.status,
):
    lrs.add_command(command)
lrs.add_command(quarantine)


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
