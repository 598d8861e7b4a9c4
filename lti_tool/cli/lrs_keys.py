"""`roadmap lrs key`: who may send to the embedded LRS, and who may read from it."""

import os
from pathlib import Path

import click

from lti_tool.cli.opening import as_json, now, opened, show, tenant_option
from lti_tool.errors import RoadmapError
from lti_tool.flows import lrs_keys
from lti_tool.ports import Actor
from lti_tool.store import tenants
from lti_tool.store.xapi_keys import SCOPES


@click.group(invoke_without_command=True)
@click.option("--tenant", metavar="KEY", help="The municipality.")
@click.option(
    "--scope",
    type=click.Choice(list(SCOPES)),
    help="What the key may do: an LMS that sends needs `write`; `mine` may also read what it sent",
)
@click.option("--name", default="", help="Which system gets it, for your own list")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the secret; must not exist yet",
)
@click.pass_context
def key(
    context: click.Context, tenant: str | None, scope: str | None, name: str, out: Path | None
) -> None:
    """Make a key for the embedded LRS (/xapi) and switch that LRS on for the municipality.

    The secret is written once, to a file that only you can read.

    Example: roadmap lrs key --tenant musterstadt --scope write --name Moodle --out moodle-lrs.txt
    """
    if context.invoked_subcommand:
        return
    given = {"--tenant": tenant, "--scope": scope, "--out": out}
    if missing := [option for option, value in given.items() if not value]:
        raise click.UsageError(f"Missing: {', '.join(missing)}")
    _make(str(tenant), str(scope), name, Path(str(out)))


def _make(tenant: str, scope: str, name: str, out: Path) -> None:
    with opened() as house:
        endpoint = f"{house.settings.server.base_url}/xapi"
        with house.database.read() as conn:
            tenant_id = tenants.by_key(conn, tenant).id
        # The file comes first: a key whose secret nobody has would be there for nothing.
        with os.fdopen(_new_file(out), "w", encoding="utf-8") as file:
            made = lrs_keys.make(house.flows, Actor("cli"), tenant_id, scope, name, now())
            file.write(f"endpoint {endpoint}\nkey {made[0]}\nsecret {made[1]}\n")
    click.echo(f"{out} written. The embedded LRS is on for {tenant}: {endpoint}")


@key.command("list")
@tenant_option
@as_json
def listed(tenant: str, as_json: bool) -> None:
    """List the keys of a municipality, with the day of their last use.

    Example: roadmap lrs key list --tenant musterstadt
    """
    with opened() as house:
        with house.database.read() as conn:
            tenant_id = tenants.by_key(conn, tenant).id
        rows = [
            {
                "key": k.key,
                "scope": k.scope,
                "name": k.name,
                "created": k.created.date(),
                "used": k.used.date() if k.used else "never",
                "revoked": k.revoked.date() if k.revoked else "",
            }
            for k in lrs_keys.listed(house.flows, tenant_id)
        ]
    show(rows, json_=as_json, key="keys", empty="No key yet: roadmap lrs key --tenant …")


@key.command()
@click.argument("name")
@tenant_option
def revoke(name: str, tenant: str) -> None:
    """Take a key out of use, at once and for good. What was sent with it stays.

    Example: roadmap lrs key revoke rm-1234567890abcdef --tenant musterstadt
    """
    with opened() as house:
        with house.database.read() as conn:
            tenant_id = tenants.by_key(conn, tenant).id
        lrs_keys.revoke(house.flows, Actor("cli"), tenant_id, name, now())
    click.echo(f"{name} is revoked.")


def _new_file(out: Path) -> int:
    try:
        return os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RoadmapError(f"{out} is there already.", remedy="Choose another --out.") from None
    except OSError as error:
        raise RoadmapError(
            f"{out} cannot be written ({error.strerror}).", remedy="Choose another --out."
        ) from None
