"""`roadmap mapping`: which activity of the LMS stands for what, and what that would change."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from lti_tool import sheets
from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, dump, now, opened, show, tenant_option
from lti_tool.errors import RoadmapError
from lti_tool.flows import assigning
from lti_tool.flows.assigning import CHANGED, NEW, Table
from lti_tool.ports import Actor
from lti_tool.store import mappings, tenants
from xapi_bridge import mapping as rules
from xapi_bridge.trial import Trial

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
WRONG = {
    "column-missing": "this column is missing",
    "column-twice": "this column stands there twice",
    "column-unknown": "there is no such column",
    "activity-missing": "the address of the activity is missing",
    "activity-long": f"the address has more than {assigning.LONGEST} characters",
    "twice": "this activity stands there twice, for different things",
    "both": "a row names a unit or a competence, not both",
    "unit": "there is no such Lerneinheit",
    "competency": "there is no such competence",
    "private": "this is a private self-reflection; nothing is evidence for it",
    "level": "a level is 1, 2, 3 or 4",
}
SHOWN = 20


@click.group()
def mapping() -> None:
    """LMS activity -> Lerneinheit, or competence and level."""


@mapping.command("import")
@click.argument("file", type=FILE)
@tenant_option
@click.option("--dry-run", is_flag=True, help="Only say what would change")
def import_(file: Path, tenant: str, dry_run: bool) -> None:
    """Import a CSV or XLSX `activity_iri,unit`, perhaps with `competency,level`.

    Every wrong line is named, and then nothing is taken over. Lines that name neither unit nor
    competence are left alone.

    Example: roadmap mapping import activities.csv --tenant musterstadt --dry-run
    """
    with opened() as house:
        tenant_id, table = _tenant(house, tenant), _table(house, file)
        if dry_run:
            found = assigning.preview(house.flows, tenant_id, table)
        else:
            found = assigning.take(house.flows, Actor("cli"), tenant_id, table, now())
    said = f"{found.number(NEW)} new, {found.number(CHANGED)} changed"
    left = f", {found.empty} left alone" if found.empty else ""
    click.echo(f"{said}{left}{' (dry run, nothing written)' if dry_run else ''}")


@mapping.command()
@tenant_option
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write: .xlsx, or CSV with any other ending",
)
@click.option("--unmapped", is_flag=True, help="What is not mapped yet, to be filled in")
def export(tenant: str, out: Path, unmapped: bool) -> None:
    """Write the mapping as a table that `import` reads: CSV, or XLSX by the name of the file.

    Example: roadmap mapping export --tenant musterstadt --unmapped --out activities.xlsx
    """
    with opened() as house:
        tenant_id = _tenant(house, tenant)
        if unmapped:
            with house.database.read() as conn:
                names = mappings.names(conn, tenant_id)
            rows = assigning.to_fill_in(house.flows, tenant_id, names)
        else:
            rows = assigning.export(house.flows, tenant_id)
    xlsx = out.suffix.lower() == ".xlsx"
    out.write_bytes(sheets.xlsx_of("Zuordnung", rows) if xlsx else sheets.csv_of(rows))
    click.echo(f"{out} written: {len(rows) - 1} activities.")


@mapping.command()
@tenant_option
@as_json
def unmapped(tenant: str, as_json: bool) -> None:
    """List completed activities nobody has mapped yet.

    Example: roadmap mapping unmapped --tenant musterstadt
    """
    with opened() as house, house.database.read() as conn:
        rows = mappings.still_unmapped(conn, tenants.by_key(conn, tenant).id)
    show(rows, json_=as_json, key="unmapped", empty="Everything is mapped.")


@mapping.command("try")
@click.argument("file", type=FILE, required=False)
@tenant_option
@click.option(
    "--last",
    default=1000,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="How many statements, the newest first",
)
@click.option(
    "--rules",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Other mapping tables than content/mapping",
)
@as_json
def try_(file: Path | None, tenant: str, last: int, folder: Path | None, as_json: bool) -> None:
    """Say what the last statements would come to: by rule, with examples, without persons.

    With a FILE as if it were imported, with --rules as if those tables were in force. Nothing is
    written. Statements whose text was deleted already are not looked at.

    Example: roadmap mapping try activities.csv --tenant musterstadt --last 1000
    """
    with opened() as house:
        tables = rules.load(folder) if folder else None
        change = _table(house, file).aims if file else None
        with house.database.read() as conn:
            tenant_id = tenants.by_key(conn, tenant).id
            found = mappings.rehearse(
                conn, house.meaning, tenant_id, last, change=change, tables=tables
            )
    if as_json:
        dump({"trial": document(found)})
    else:
        _say(found)


def document(found: Trial) -> dict[str, Any]:
    """Return a trial as JSON shows it."""
    return {
        "looked": found.looked,
        "counting": found.counting,
        "evidence": found.pieces,
        "gained": found.gained,
        "lost": found.lost,
        "changed": found.changed,
        "rules": dict(found.rules.most_common()),
        "proves_nothing": dict(found.nothing.most_common()),
        "unmapped": dict(found.unmapped.most_common()),
        "unknown": dict(found.unknown.most_common()),
        "not_used": dict(found.notes.most_common()),
        "examples": [asdict(example) for example in found.examples],
    }


def _say(found: Trial) -> None:
    click.echo(
        f"{found.looked} statements: {found.counting} count, {found.pieces} pieces of evidence. "
        f"Compared with now: {found.gained} more, {found.lost} less, {found.changed} changed."
    )
    for title, counts in (
        ("counts", found.rules),
        ("proves nothing", found.nothing),
        ("unmapped", found.unmapped),
        ("unknown", found.unknown),
        ("not used", found.notes),
    ):
        for name, number in counts.most_common(SHOWN):
            click.echo(f"{number:6}  {title}: {name}")
    for e in found.examples:
        what = " ".join((e.unit, *e.competencies)).strip()
        click.echo(f"        e.g. {e.verb.rpartition('/')[2]} {e.activity} -> {e.kind} {what}")


def _tenant(house: House, key: str) -> str:
    with house.database.read() as conn:
        return tenants.by_key(conn, key).id


def _table(house: House, file: Path) -> Table:
    table = assigning.read_rows(house.flows.content, sheets.read(file.read_bytes()))
    if table.troubles:
        lines = "; ".join(t.placed(WRONG) for t in table.troubles[:SHOWN])
        raise RoadmapError(f"{file}: {lines}.", remedy="Nothing was taken over. Mend these lines.")
    return table
