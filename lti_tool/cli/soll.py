"""`roadmap soll`: what roles ask for, in versions that a named human approves."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from competency.soll import SollVersion, State
from competency.troubles import Trouble
from lti_tool import sheets
from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, dump, now, opened, show, tenant_option
from lti_tool.flows import soll as flows
from lti_tool.flows import soll_exchange
from lti_tool.flows.soll import Decision, RoleSoll
from lti_tool.flows.soll_exchange import Preview, Reading
from lti_tool.ports import Actor, Tenant
from lti_tool.store import tenants

DAY = click.DateTime(["%Y-%m-%d"])

#: What is wrong with a cell or a row, in words.
WRONG = {
    "role-missing": "the short name of the role is missing",
    "role-twice": "this role stands there twice",
    "role-key": "a short name has 2 to 16 capital letters, digits and hyphens",
    "role-title": "a role that is new needs a title",
    "role-hint": "the line about the work is too long",
    "column-missing": "this column is missing",
    "column-twice": "this column stands there twice",
    "unknown-code": "there is no such competence or area",
    "private": "this is a private self-reflection and gets no Soll",
    "value": "this is no value",
    "off-scale": "this is not on the scale",
    "date": "the spreadsheet made a date of it; format the column as text",
    "missing": "a value is missing; 0 means: not needed",
    "both": "a role is set by competence or by area, not by both",
    "scale": "the scale is “4 Stufen” or “8 Stufen”",
    "empty": "there is no role in this table",
}


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


@soll.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@tenant_option
@click.option("--role", "roles", multiple=True, help="Only this role; may be given repeatedly")
@click.option("--scale", type=click.Choice(["4", "8"]), help="Write all on this scale")
@click.option("--drafts", is_flag=True, help="What is being worked on, where there is something")
def export(
    file: Path, tenant: str, roles: tuple[str, ...], scale: str | None, drafts: bool
) -> None:
    """Write the Soll of the roles to FILE.csv or FILE.xlsx.

    Example: roadmap soll export soll.xlsx --tenant musterstadt --scale 8
    """
    with opened() as house:
        home = _tenant(house, tenant)
        rows = soll_exchange.export(
            house.flows, home.id, now(), scale=int(scale or 0), roles=roles, drafts=drafts
        )
    xlsx = file.suffix.lower() == ".xlsx"
    file.write_bytes(sheets.xlsx_of("Soll", rows) if xlsx else sheets.csv_of(rows))
    click.echo(f"{len(rows) - 2} roles written to {file}.")


@soll.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@tenant_option
@click.option("--dry-run", is_flag=True, help="Only say what would change")
@as_json
def take(file: Path, tenant: str, dry_run: bool, as_json: bool) -> None:
    """Read the Soll of roles from a CSV or XLSX file; what is new becomes drafts, never more.

    Example: roadmap soll import soll.xlsx --tenant musterstadt --dry-run
    """
    with opened() as house:
        home, rows = _tenant(house, tenant), sheets.read(file.read_bytes())
        found = soll_exchange.preview(house.flows, home.id, rows, now())
        if not dry_run and not found.troubles:
            soll_exchange.take(house.flows, Actor("cli", home.id), home.id, found, now())
    if as_json:
        dump(_preview(found, done=not dry_run and not found.troubles))
    else:
        _tell(found, done=not dry_run)
    if found.troubles:
        raise SystemExit(1)


def _tell(found: Preview, *, done: bool) -> None:
    for trouble in found.troubles:
        click.echo(trouble.placed(WRONG), err=True)
    for reading in found.readings:
        if reading.kind != soll_exchange.SAME:
            click.echo(f"{reading.entry.role}: {reading.kind}, {len(reading.changes)} values")
    if found.troubles:
        click.echo(f"{len(found.troubles)} problems; nothing was taken.", err=True)
        return
    counts = ", ".join(f"{number} {kind}" for kind, number in found.counts.items())
    click.echo(f"{counts}. {'Drafts saved.' if done else 'Nothing was written (dry run).'}")


def _preview(found: Preview, *, done: bool) -> dict[str, Any]:
    return {
        "done": done,
        "counts": found.counts,
        "roles": [_reading(r) for r in found.readings],
        "problems": [_problem(t) for t in found.troubles],
    }


def _reading(reading: Reading) -> dict[str, Any]:
    changes = {c.code: [c.before, c.after] for c in reading.changes}
    return {"role": reading.entry.role, "kind": reading.kind, "changes": changes}


def _problem(trouble: Trouble) -> dict[str, Any]:
    return {"row": trouble.row, "column": trouble.column, "message": trouble.told(WRONG)}


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
