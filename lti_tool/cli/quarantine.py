"""`roadmap lrs quarantine`: single statements that could not be used. No person, no result."""

import click

from lti_tool.cli.opening import as_json, dump, now, opened, show
from lti_tool.errors import RoadmapError
from lti_tool.flows import resending
from lti_tool.ports import Actor, Aside
from lti_tool.store import quarantine as store
from lti_tool.store.quarantine import SqlQuarantine

OPERATOR = Actor("cli")


@click.group()
def quarantine() -> None:
    """Single statements that could not be used."""


@quarantine.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List what was set aside, and why. Example: roadmap lrs quarantine list --json"""
    with opened() as house, house.database.read() as conn:
        rows = [_row(a) for a in store.listed(conn)]
    show(rows, json_=as_json, key="quarantine", empty="Every statement could be read.")


@quarantine.command("show")
@click.argument("number")
@as_json
def shown(number: str, as_json: bool) -> None:
    """Show the form of a statement: neither whose it is nor its result. NUMBER may be shortened.

    Example: roadmap lrs quarantine show 3f9a2c
    """
    with opened() as house, house.database.read() as conn:
        found = SqlQuarantine(conn, house.seal, None).find(number.lower(), None)
        form = store.shown(conn, house.seal, found)
    if as_json:
        dump(_row(found) | {"form": dict(form)})
        return
    for name, value in [*_row(found).items(), *form]:
        click.echo(f"{name}: {value}")


@quarantine.command()
@click.argument("number", required=False)
def retry(number: str | None) -> None:
    """Read a statement again, or all of them: after an update. Fails if one still cannot be read.

    Example: roadmap lrs quarantine retry 3f9a2c
    """
    with opened() as house:
        with house.database.read() as conn:
            numbers = [number.lower()] if number else [a.number for a in store.listed(conn)]
        said = {n: resending.reread(house.flows, OPERATOR, n, now()) for n in numbers}
    bad = {n: why for n, why in said.items() if why}
    click.echo(f"{len(said) - len(bad)} taken in, {len(bad)} still unusable")
    for name, why in bad.items():
        click.echo(f"{name[:12]}: {why}", err=True)
    if bad:
        raise RoadmapError("Not everything could be read.", remedy="See lrs quarantine show.")


@quarantine.command()
@click.argument("number")
def drop(number: str) -> None:
    """Throw a statement away. Example: roadmap lrs quarantine drop 3f9a2c"""
    with opened() as house:
        resending.drop(house.flows, OPERATOR, number.lower(), now())
    click.echo("Thrown away.")


def _row(aside: Aside) -> dict[str, str]:
    return {
        "number": aside.number[:12],
        "lrs": aside.lrs,
        "since": aside.since.isoformat(),
        "reason": aside.reason,
    }
