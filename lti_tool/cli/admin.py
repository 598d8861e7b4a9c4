"""`roadmap admin`: who may enter the administration of a municipality."""

from typing import Any

import click

from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, dump, now, opened, show, tenant_option
from lti_tool.errors import NotFound
from lti_tool.flows import staff
from lti_tool.ports import STAFF_ROLES, Actor, Tenant
from lti_tool.store import tenants

role_option = click.option(
    "--role", required=True, type=click.Choice(STAFF_ROLES), help="The right; never an LTI role"
)


@click.group()
def admin() -> None:
    """Rights in the administration: given to a person by id, never by an LTI role."""


@admin.command()
@click.argument("person")
@role_option
@tenant_option
def grant(person: str, role: str, tenant: str) -> None:
    """Give a person a right. PERSON is the id that `roadmap person find` prints, or that the person
    reads on the page "Hilfe".

    Example: roadmap admin grant 6f0c… --role admin --tenant musterstadt
    """
    with opened() as house:
        by = Actor("cli", _tenant(house, tenant).id)
        new = staff.grant(house.flows, by, person.strip().lower(), role, now())
    click.echo(f"{person} {'has' if new else 'had already'} the right {role} in {tenant}.")
    if not staff.sees(frozenset({role})):
        click.echo("It is recorded; pages of the administration for it do not exist yet.", err=True)


@admin.command()
@click.argument("person")
@role_option
@tenant_option
def revoke(person: str, role: str, tenant: str) -> None:
    """Take a right away; it ends at once.

    Example: roadmap admin revoke 6f0c… --role admin --tenant musterstadt
    """
    with opened() as house:
        by = Actor("cli", _tenant(house, tenant).id)
        done = staff.revoke(house.flows, by, person.strip().lower(), role, now())
    if not done:
        raise NotFound(f"{person} does not have the right {role}.", remedy="See admin list.")
    click.echo(f"{person} does not have the right {role} in {tenant} any more.")


@admin.command("list")
@tenant_option
@as_json
def listed(tenant: str, as_json: bool) -> None:
    """List the rights in force; persons are ids. Example: roadmap admin list --tenant m --json"""
    with opened() as house:
        tenant_id = _tenant(house, tenant).id
        with house.store.read() as work:
            rows: list[dict[str, Any]] = [
                {"person": g.learner_id, "role": g.role, "by": g.by, "since": g.at.isoformat()}
                for g in work.staff.grants(tenant_id)
            ]
    show(rows, json_=as_json, key="rights", empty="Nobody: roadmap admin link, or admin grant.")


@admin.command()
@tenant_option
@as_json
def link(tenant: str, as_json: bool) -> None:
    """Print a link into the administration that is good once, for 15 minutes: for the first admin.

    Example: roadmap admin link --tenant musterstadt
    """
    with opened() as house:
        made = now()
        code = staff.make_link(house.flows, Actor("cli"), _tenant(house, tenant).id, made)
        url = f"{house.settings.server.base_url}/admin/eintreten?code={code}"
    if as_json:
        dump({"url": url, "until": (made + staff.LINK_LIVES).isoformat()})
        return
    click.echo(url)
    minutes = int(staff.LINK_LIVES.total_seconds() // 60)
    click.echo(
        f"Good once, for {minutes} minutes. Whoever opens it is an admin: show nobody.", err=True
    )


def _tenant(house: House, key: str) -> Tenant:
    with house.database.read() as conn:
        return tenants.by_key(conn, key)
