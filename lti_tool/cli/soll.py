"""`roadmap soll`: what roles ask for, in versions that a named human approves."""

from datetime import datetime
from typing import Any

import click

from competency.soll import SollVersion, State
from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, now, opened, show, tenant_option
from lti_tool.flows import soll as flows
from lti_tool.flows.soll import Decision, RoleSoll
from lti_tool.ports import Actor, Tenant
from lti_tool.store import tenants

DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def soll() -> None:
    """What roles ask for (Soll): versions, approval."""


@soll.command("list")
@tenant_option
@as_json
def listed(tenant: str, as_json: bool) -> None:
    """List the roles with their Soll in force, and what waits.

    Example: roadmap soll list --tenant musterstadt --json
    """
    with opened() as house:
        found = flows.overview(house.flows, _tenant(house, tenant).id, now())
    show([_row(r) for r in found], json_=as_json, key="soll", empty="There are no roles.")


@soll.command()
@click.argument("role")
@tenant_option
@click.option("--as", "office", required=True, help="Office or function of whoever approves")
@click.option("--from", "first", type=DAY, help="First day it counts, YYYY-MM-DD  [default: today]")
@click.option("--council", type=DAY, help="Day the staff council was involved, YYYY-MM-DD")
def approve(
    role: str, tenant: str, office: str, first: datetime | None, council: datetime | None
) -> None:
    """Approve the open version of a role; without one, what the pack proposes. It is audited.

    Example: roadmap soll approve GB --tenant musterstadt --as "Leitung Hauptamt"
    """
    with opened() as house:
        home = _tenant(house, tenant)
        by = Actor("cli", home.id)
        version = _handed_in(house, by, home.id, role)
        if council is not None:
            day = council.date()
            flows.involve_council(house.flows, by, home.id, version.id, day, now())
        decision = Decision(office, first.date() if first else None)
        made = flows.approve(house.flows, by, home.id, version.id, decision, now())
    click.echo(f"{role} version {made.number} counts from {made.valid_from} on.")


def _handed_in(house: House, by: Actor, tenant_id: str, role: str) -> SollVersion:
    """Return the version to approve: what waits, the draft, or else the proposal."""
    found = flows.of_role(house.flows, tenant_id, role, now())
    version = found.open
    if version is None:
        wanted = flows.as_proposed(house.flows, found.role)
        version = flows.draft(house.flows, by, tenant_id, role, wanted, now())
    if version.state is State.DRAFT:
        version = flows.submit(house.flows, by, tenant_id, version.id, now())
    return version


def _row(found: RoleSoll) -> dict[str, Any]:
    force, waiting = found.force, found.open
    return {
        "role": found.role.key,
        "title": found.role.title,
        "version": force.number if force else None,
        "since": force.valid_from.isoformat() if force and force.valid_from else None,
        "approved_as": force.approved_as if force else "",
        "granularity": force.granularity.value if force else "",
        "open": waiting.state.value if waiting else "",
        "coming": [v.valid_from.isoformat() for v in found.coming if v.valid_from],
        "retired": found.role.retired,
    }


def _tenant(house: House, key: str) -> Tenant:
    with house.database.read() as conn:
        return tenants.by_key(conn, key)
