"""`roadmap lrs add`, `set`, `probe`: which LRS is read, how, and what it can do."""

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, dump, now, opened, tenant_option
from lti_tool.errors import NotFound, RoadmapError
from lti_tool.store import lrs as connections
from lti_tool.store import lrs_settings, platforms, tenants
from lti_tool.store.audit import SqlAudit
from lti_tool.store.lrs import LrsConnection
from lti_tool.store.probing import probe_once
from xapi_bridge.capabilities import Capabilities
from xapi_bridge.client import Client
from xapi_bridge.mapping import SCALINGS
from xapi_bridge.probe import probe as probe_store

Command = Callable[..., Any]

#: How long a store may let us wait with one request, while somebody looks on: a minute's limit.
PATIENCE_S = 90.0

#: How an authority is written: as `xapi_bridge.statement.ActorKey.text`.
AUTHORITY = re.compile(
    r"account\|https?://[^|\s]+\|[^|]+|mbox\|\|mailto:[^|\s]+@[^|\s]+|openid\|\|\S+"
)

#: What `add` and `set` have in common: how statements of this LRS are taken.
READING = (
    click.option(
        "--course", "courses", multiple=True, metavar="IRI", help="Only this course; repeatable"
    ),
    click.option(
        "--verb", "verbs", multiple=True, metavar="IRI", help="Only this verb; repeatable"
    ),
    click.option(
        "--home-page",
        "home_pages",
        multiple=True,
        metavar="URL=ISSUER",
        help="Accounts with this home page are people of that platform; repeatable",
    ),
    click.option(
        "--authority",
        "authorities",
        multiple=True,
        metavar="TEXT",
        help="Only what this authority stored proves something (account|HOMEPAGE|NAME, or "
        "mbox||MAILTO); repeatable",
    ),
    click.option("--scaling", type=click.Choice(SCALINGS), help="What `scaled` scores mean there"),
    click.option(
        "--blackened/--no-blackened",
        default=None,
        help="Timestamps there are replaced (ILIAS “hide data”): the time of storing counts",
    ),
    click.option(
        "--strict/--no-strict",
        default=None,
        help="Do not even park statements of unknown persons",
    ),
)
of_municipality = click.option(
    "--tenant", metavar="KEY", help="The municipality, where several have an LRS of this name"
)
write_probe = click.option(
    "--write-probe",
    is_flag=True,
    help="Also write there: two statements (voided at once) and a document (deleted at once)",
)


def reading(command: Command) -> Command:
    for option in reversed(READING):
        command = option(command)
    return command


@click.command()
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
@write_probe
@reading
def add(
    name: str,
    tenant: str,
    endpoint: str,
    key: str,
    secret_file: Path,
    write_probe: bool,
    **given: Any,
) -> None:
    """Connect an LRS; says what it cannot do, and refuses one that cannot be read.

    Example: roadmap lrs add stadt --tenant musterstadt --endpoint https://lrs.stadt.de/xapi
    --key k --secret-file /run/secrets/lrs
    """
    secret = secret_file.read_text(encoding="utf-8").strip()
    with opened() as house:
        tool = house.settings.server.base_url
        with Client(endpoint, key, secret, patience_s=PATIENCE_S, sleep=_waiting) as client:
            found = probe_store(client, active=write_probe, tool=tool)
        _require_usable(found)
        with house.database.begin() as conn:
            tenant_id = tenants.by_key(conn, tenant).id
            made = connections.add(
                conn,
                house.seal,
                tenant_id=tenant_id,
                name=name,
                endpoint=endpoint,
                key=key,
                secret=secret,
                now=now(),
                settings=_settings(house, tenant_id, given),
                capabilities=found.document(),
                overlap_s=house.settings.lrs.overlap_s,
            )
            SqlAudit(conn).note("cli", "lrs.add", {"lrs": name}, now(), made.tenant_id)
    click.echo(f"LRS {made.name} added. {words(found)}")


@click.command("set")
@click.argument("name")
@of_municipality
@reading
@click.option("--own-home-pages", is_flag=True, help="No home pages but those of the platforms")
@click.option("--everything", is_flag=True, help="All courses and all verbs again")
@click.option("--any-authority", is_flag=True, help="Whatever the LRS accepts proves something")
def change(
    name: str,
    tenant: str | None,
    own_home_pages: bool,
    everything: bool,
    any_authority: bool,
    **given: Any,
) -> None:
    """Change how an LRS is read. What was passed over until now is read from the beginning.

    Example: roadmap lrs set stadt --course https://moodle.stadt.de/course/view.php?id=7
    """
    with opened() as house:
        connection = one(house, name, tenant)
        said = _settings(house, connection.tenant_id, given)
        pages = said.pop("home_pages", {})
        wanted = {**connection.settings, **said}
        before = {} if own_home_pages else connection.settings.get("home_pages", {})
        wanted["home_pages"] = {**before, **pages}
        wanted |= {"courses": [], "verbs": []} if everything else {}
        wanted |= {"authorities": []} if any_authority else {}
        with house.database.begin() as conn:
            anew = lrs_settings.change(conn, connection, wanted)
            detail = {"lrs": name, "settings": sorted(set(wanted))}
            SqlAudit(conn).note("cli", "lrs.set", detail, now(), connection.tenant_id)
    click.echo("Changed." + anew * " Everything there is read again from the beginning.")


@click.command()
@click.argument("name")
@of_municipality
@write_probe
@as_json
def probe(name: str, tenant: str | None, write_probe: bool, as_json: bool) -> None:
    """Say what a store can do, and what has changed. Example: roadmap lrs probe eingebaut"""
    with opened() as house:
        connection = one(house, name, tenant)
        found, changed = probe_once(
            house.database,
            house.seal,
            connection.id,
            now=now(),
            tool=house.settings.server.base_url,
            active=write_probe,
            patience_s=PATIENCE_S,
            sleep=_waiting,
        )
    if as_json:
        dump({**found.document(), "findings": found.findings, "sentences": found.sentences})
    else:
        click.echo(words(found))
        for what, before, after in changed:
            click.echo(f"changed: {what} was {before}, is {after}")
    _require_usable(found)


def _waiting(seconds: float) -> None:
    """Wait, and say so where it is long enough to wonder."""
    if seconds >= 2.0:
        click.echo(f"The LRS asks us to wait {seconds:.0f} s …", err=True)
    time.sleep(seconds)


def words(found: Capabilities) -> str:
    return " ".join(found.sentences) or "It can do all that is needed."


def one(house: House, name: str, tenant: str | None = None) -> LrsConnection:
    """Return the one connection of this name, without its secret."""
    found = chosen(house, name, tenant)
    if len(found) > 1:
        raise NotFound(
            f"Several municipalities have an LRS {name!r}.", remedy="Say which: --tenant KEY."
        )
    return found[0]


def chosen(house: House, name: str | None, tenant: str | None = None) -> list[LrsConnection]:
    with house.database.read() as conn:
        tenant_id = tenants.by_key(conn, tenant).id if tenant else None
        found = connections.listed(conn, name=name, tenant_id=tenant_id)
    if name and not found:
        raise NotFound(f"There is no LRS {name!r}.", remedy="See `roadmap lrs list`.")
    return found


def _require_usable(found: Capabilities) -> None:
    if not found.usable:
        raise RoadmapError(f"This LRS cannot be used. {words(found)}")


def _settings(house: House, tenant_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that were said; what was not said is not in it."""
    said = {name: value for name, value in given.items() if value not in ((), None)}
    for text in said.get("authorities", ()):
        if not AUTHORITY.fullmatch(text):
            raise RoadmapError(
                f"--authority {text!r} is none.", remedy="Write account|HOME PAGE|NAME."
            )
    if pages := said.get("home_pages"):
        said["home_pages"] = dict(_home_page(house, tenant_id, text) for text in pages)
    return said


def _home_page(house: House, tenant_id: str, text: str) -> tuple[str, str]:
    page, _, issuer = text.rpartition("=")
    with house.database.read() as conn:
        known = {p.issuer: p.id for p in platforms.listed(conn, tenant_id)}
    if not page or issuer not in known:
        raise NotFound(
            f"{text}: there is no platform {issuer!r} here.",
            remedy="Write URL=ISSUER; see `roadmap platform list`.",
        )
    return page, known[issuer]
