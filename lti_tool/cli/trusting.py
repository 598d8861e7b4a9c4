"""`roadmap lrs set`: whom and what a connection to an LRS believes."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import click

from lti_tool.cli.opening import now, opened
from lti_tool.errors import NotFound, RoadmapError
from lti_tool.store import lrs as connections
from lti_tool.store import platforms
from lti_tool.store.audit import SqlAudit

#: How an authority is written: as `xapi_bridge.statement.ActorKey.text`.
AUTHORITY = re.compile(
    r"account\|https?://[^|\s]+\|[^|]+|mbox\|\|mailto:[^|\s]+@[^|\s]+|openid\|\|\S+"
)
TABLE = "table"


@click.command("set")
@click.argument("name")
@click.option(
    "--home-page",
    "home_pages",
    multiple=True,
    metavar="URL=PLATFORM",
    help="People of this home page are those of a platform (its id or issuer); URL= takes it back",
)
@click.option(
    "--authority",
    "authorities",
    multiple=True,
    help="Believe only this sender: account|HOME PAGE|NAME or mbox||mailto:…; '' believes all",
)
@click.option(
    "--scaling",
    type=click.Choice([TABLE, "zero-to-one", "minus-one-to-one"]),
    help="From where to where `scaled` goes, if not as the table of the source says",
)
@click.option(
    "--blackened/--not-blackened",
    default=None,
    help="ILIAS hides times (“hide data”): take the time the LRS stored it",
)
@click.option(
    "--strict/--not-strict", default=None, help="Do not even park statements of unknown persons"
)
def set_(name: str, home_pages: Sequence[str], authorities: Sequence[str], **rest: Any) -> None:
    """Say whom a connection believes. It counts from the next pull on.

    Without options it shows what is set.

    Example: roadmap lrs set stadt --home-page https://alt.moodle.stadt.de=https://moodle.stadt.de
    """
    with opened() as house, house.database.begin() as conn:
        found = connections.listed(conn, name=name)
        if len(found) != 1:
            raise NotFound(f"There is no single LRS {name!r}.", remedy="See `roadmap lrs list`.")
        portals = platforms.listed(conn, found[0].tenant_id)
        ids = {p.id: p.id for p in portals} | {p.issuer: p.id for p in portals}
        settings = changed(found[0].settings, home_pages, authorities, ids, rest)
        if settings != found[0].settings:
            connections.set_settings(conn, found[0].id, settings)
            detail = {"lrs": name, "settings": sorted(settings)}
            SqlAudit(conn).note("cli", "lrs.set", detail, now(), found[0].tenant_id)
    for key, value in sorted(settings.items()):
        click.echo(f"{key}: {value}")
    if not settings:
        click.echo("Nothing is set: everything is as the tables and the platforms say.")


def changed(
    before: Mapping[str, Any], home_pages: Sequence[str], authorities: Sequence[str],
    platform_ids: Mapping[str, str], rest: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Return the settings after a change; :raises RoadmapError: names what cannot be used."""
    settings = dict(before)
    homes = dict(before.get("home_pages", {}))
    for pair in home_pages:
        home, platform_id = _binding(pair, platform_ids)
        homes.pop(home, None)
        homes |= {home: platform_id} if platform_id else {}
    wanted = list(filter(None, authorities))
    for text in wanted:
        if not AUTHORITY.fullmatch(text):
            raise RoadmapError(
                f"--authority {text!r} is none.", remedy="Write account|HOME PAGE|NAME."
            )
    settings["home_pages"] = homes
    settings["authorities"] = wanted if authorities else list(before.get("authorities", ()))
    settings |= {key: value for key, value in rest.items() if value is not None}
    if settings.get("scaling") == TABLE:
        settings["scaling"] = ""
    return {key: value for key, value in settings.items() if value}


def _binding(pair: str, platform_ids: Mapping[str, str]) -> tuple[str, str]:
    """Return home page and platform id, "" to take it back; an address may hold a = itself."""
    known = [p for p in ("", *platform_ids) if pair.endswith(f"={p}")]
    if not known:
        raise NotFound(
            f"--home-page {pair}: there is no such platform.", remedy="See `roadmap platform list`."
        )
    platform = max(known, key=len)
    home = pair[: len(pair) - len(platform) - 1].rstrip("/")
    if urlsplit(home).scheme not in ("http", "https") or not urlsplit(home).netloc:
        raise RoadmapError(f"--home-page {pair}: {home!r} is no address.", remedy="Write URL=ID.")
    return home, platform_ids.get(platform, "")
