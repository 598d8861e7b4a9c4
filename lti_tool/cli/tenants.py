"""`roadmap tenant`: municipalities."""

from dataclasses import replace
from typing import Any

import click

from competency import exam
from lti_tool.cli.opening import as_json, now, opened, show
from lti_tool.ports import TenantSettings
from lti_tool.store import tenants
from lti_tool.store.audit import SqlAudit

FEEDBACK = ("end", "each")
SWITCHES = (
    *("ags", "nrps", "lrs_embedded", "write_back", "plan_service", "shared_devices"),
    *("council_required", "four_eyes", "fixed_form"),
)


@click.group()
def tenant() -> None:
    """Municipalities (tenants)."""


@tenant.command()
@click.argument("key")
@click.option("--name", required=True, help="As people know it: Stadt Musterstadt")
@click.option("--land", default="HE", show_default=True, help="Two letters, e.g. HE, BW, RP")
@click.option("--contact", default="", help="Whom learners ask when something does not work")
def add(key: str, name: str, land: str, contact: str) -> None:
    """Add a municipality.

    Example: roadmap tenant add musterstadt --name "Stadt Musterstadt" --land HE
    """
    with opened() as house, house.database.begin() as conn:
        made = tenants.add(conn, key, name, land, TenantSettings(contact=contact), now())
        SqlAudit(conn).note("cli", "tenant.add", {}, now(), made.id)
    click.echo(f"Tenant {made.key} added. Grades and the learning plan are off until switched on.")


@tenant.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List the municipalities. Example: roadmap tenant list --json"""
    with opened() as house, house.database.read() as conn:
        rows = [
            {"key": t.key, "name": t.name, "land": t.land}
            | {s: getattr(t.settings, s) for s in (*SWITCHES, "feedback")}
            for t in tenants.listed(conn)
        ]
    show(rows, json_=as_json, key="tenants", empty="No tenant yet: roadmap tenant add …")


@tenant.command("switch")
@click.argument("key")
@click.argument("name", type=click.Choice(SWITCHES))
@click.argument("state", type=click.Choice(["on", "off"]))
def switch(key: str, name: str, state: str) -> None:
    """Switch something on or off for a municipality; it is audited.

    Example: roadmap tenant switch musterstadt ags on
    """
    switched: dict[str, Any] = {name: state == "on"}
    detail = {"switch": name, "state": state}
    with opened() as house:
        with house.database.read() as conn:
            found = tenants.by_key(conn, key)
        with house.store.begin() as work:
            work.tenants.change(found.id, replace(found.settings, **switched))
            work.audit.note("cli", "tenant.switch", detail, now(), tenant_id=found.id)
    click.echo(f"{name} is {state} for {key}.")


@tenant.command("set")
@click.argument("key")
@click.option("--contact", help="Whom learners ask when something does not work")
@click.option("--controller", help="Who is responsible (Art. 13): name and address")
@click.option("--officer", help="How to reach the data protection officer")
@click.option("--accessibility-contact", help="Where barriers are reported")
@click.option(
    "--feedback",
    type=click.Choice(FEEDBACK),
    help="What fits is explained at the end, or after each",
)
@click.option(
    "--exam-days",
    type=click.IntRange(exam.SOONEST, exam.LATEST),
    help="Days from a tutorial to its short review; without it as the catalogue says (14)",
)
def change(key: str, **said: str | int | None) -> None:
    """Set what the first information and the statements say, and when reviews open; it is audited.

    Example: roadmap tenant set musterstadt --officer datenschutz@stadt.de
    """
    given: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    with opened() as house:
        with house.database.read() as conn:
            found = tenants.by_key(conn, key)
        with house.store.begin() as work:
            work.tenants.change(found.id, replace(found.settings, **given))
            detail = {"changed": sorted(given)}
            work.audit.note("cli", "tenant.set", detail, now(), tenant_id=found.id)
    click.echo(f"{key} changed.")
