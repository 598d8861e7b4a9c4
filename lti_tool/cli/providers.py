"""`roadmap provider`: other tests whose results count, and their files."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import click

from competency.provider import Fault, ProviderInvalid
from lti_tool import sheets
from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, dump, now, opened, show, tenant_option
from lti_tool.errors import RoadmapError
from lti_tool.flows import external, providers
from lti_tool.flows.external import Preview
from lti_tool.flows.providers import Known
from lti_tool.ports import Actor
from lti_tool.store import tenants

#: What is wrong with a field of a provider, in words.
FAULTS = {
    "missing": "is missing",
    "long": "is too long",
    "key": "2 to 32 small letters, digits and hyphens",
    "value": "is not what belongs here",
    "choice": "is none of the words that can stand here",
    "range": "a number in this range",
    "date": "is no day, YYYY-MM-DD",
    "address": "an address begins with https://",
    "number": "points are numbers",
    "step": "a step is a whole number from 0 to 8",
    "order": "a higher value is never a lower step",
    "twice": "stands there twice",
    "gap": "the bands begin at the lowest points and end within the highest",
    "many": "are too many",
    "code": "there is no such competence or area to measure",
    "topic": "there is no such topic above",
    "exists": "there is a test provider with this short name already",
    "changed": "somebody has changed this entry in the meantime",
    "taken": "this activity belongs to another test provider",
}
#: What is wrong with a cell of a file, in words.
WRONG = {
    "column-missing": "this column is missing",
    "column-twice": "this column stands there twice",
    "person-missing": "nobody is named",
    "date": "is no day; write 28.11.2026 or 2026-11-28",
    "future": "this day is still to come",
    "topic": "this topic is not mapped to a competence or area",
    "value": "this value is not on the scale of the provider",
    "value-missing": "the value is missing",
    "empty": "there is no result in this file",
}
path = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def provider() -> None:
    """Other tests whose results count: their scale, and their files."""


@provider.command()
@click.argument("file", type=path)
@tenant_option
def add(file: Path, tenant: str) -> None:
    """Register a test provider from a TOML file, or change it.

    docs/how-to/testanbieter.md shows such a file.

    Example: roadmap provider add digicheck.toml --tenant musterstadt
    """
    with opened() as house:
        home = _home(house, tenant)
        try:
            made = providers.save(house.flows, Actor("cli", home), home, _document(file), now())
        except ProviderInvalid as error:
            lines = "\n".join(f"  - {_fault(f)}" for f in error.faults)
            raise RoadmapError(f"{file.name} describes no test provider:\n{lines}") from None
    click.echo(f"{made.key} is registered, version {made.version}.")


@provider.command("list")
@tenant_option
@as_json
def listed(tenant: str, as_json: bool) -> None:
    """List the test providers.

    Example: roadmap provider list --tenant musterstadt --json
    """
    with opened() as house:
        found = providers.overview(house.flows, _home(house, tenant))
    empty = "There are no test providers."
    show([_row(k) for k in found], json_=as_json, key="providers", empty=empty)


@provider.command()
@click.argument("key")
@tenant_option
@click.option("--again", is_flag=True, help="Use it again")
def retire(key: str, tenant: str, again: bool) -> None:
    """Take nothing from a test provider any more; what was taken stays.

    Example: roadmap provider retire digicheck --tenant musterstadt
    """
    with opened() as house:
        home = _home(house, tenant)
        providers.use(house.flows, Actor("cli", home), home, key, now(), on=again)
    click.echo(f"{key} is {'used again' if again else 'not used any more'}.")


@provider.command("import")
@click.argument("key")
@click.argument("file", type=path)
@tenant_option
@click.option("--dry-run", is_flag=True, help="Only say what would be taken")
@as_json
def take(key: str, file: Path, tenant: str, dry_run: bool, as_json: bool) -> None:
    """Take the results of a test provider from a CSV or XLSX file.

    Rows of people nobody knows are listed and left out.

    Example: roadmap provider import digicheck results.xlsx --tenant musterstadt --dry-run
    """
    with opened() as house:
        home, rows = _home(house, tenant), sheets.read(file.read_bytes())
        found = external.preview(house.flows, home, key, rows, now())
        done = not dry_run and not found.troubles
        if done:
            found = external.take(house.flows, Actor("cli", home), home, key, rows, now())
    dump(_said(found, done=done)) if as_json else _tell(found, done=done)
    if found.troubles:
        raise SystemExit(1)


def _tell(found: Preview, *, done: bool) -> None:
    for trouble in found.troubles:
        click.echo(trouble.placed(WRONG), err=True)
    if found.troubles:
        click.echo(f"{len(found.troubles)} problems; nothing was taken.", err=True)
        return
    for what, rows in (("nobody we know", found.unknown), ("too old", found.old)):
        if rows:
            click.echo(f"left out, {what}: rows {', '.join(map(str, rows))}", err=True)
    verb = "taken" if done else "would be taken (dry run)"
    click.echo(f"{found.new} results of {found.people} people {verb}; {found.known} known already.")


def _said(found: Preview, *, done: bool) -> dict[str, Any]:
    return {
        "done": done,
        "new": found.new,
        "known": found.known,
        "people": found.people,
        "unknown_rows": list(found.unknown),
        "old_rows": list(found.old),
        "problems": [
            {"row": t.row, "column": t.column, "message": t.told(WRONG)} for t in found.troubles
        ],
    }


def _fault(fault: Fault) -> str:
    value = f" ({fault.value})" if fault.value else ""
    return f"{fault.field}: {FAULTS[fault.cause]}{value}"


def _row(known: Known) -> dict[str, Any]:
    p = known.provider
    return {
        "key": known.key,
        "name": known.name,
        "version": known.registered.version,
        "state": "retired" if known.registered.retired else "broken" if p is None else "used",
        "method": p.method.value if p else "",
        "error_steps": p.error_steps if p else "",
        "months": p.months if p else "",
        "contract_on": (p.contract_on or "") if p else "",
        "topics": len(p.topics) if p else "",
    }


def _document(file: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RoadmapError(f"{file.name} is no TOML file: {error}") from None
    day = found.get("contract_on")
    return found | ({"contract_on": day.isoformat()} if isinstance(day, date) else {})


def _home(house: House, key: str) -> str:
    with house.database.read() as conn:
        return tenants.by_key(conn, key).id
