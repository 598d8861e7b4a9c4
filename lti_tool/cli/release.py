"""`roadmap items propose` and `release`: new parameters come into force by a named person only."""

import hashlib
import json
import re
import shutil
import tempfile
from collections import Counter
from datetime import date
from pathlib import Path

import click

from competency import packs
from competency.calibration.proposal import Proposal, proposed
from competency.manifest import MANIFEST, PARAMETERS
from competency.readers import read_items
from lti_tool import settings
from lti_tool.cli.banks import bank_of
from lti_tool.cli.loading import loaded
from lti_tool.cli.opening import now, opened
from lti_tool.cli.versions import next_own, require_free
from lti_tool.errors import RoadmapError
from lti_tool.store import tenants
from lti_tool.store.audit import SqlAudit

folder = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.argument("bank_file", metavar="BANK.json", type=click.Path(exists=True, path_type=Path))
@click.option("--pack", required=True, type=folder, help="The pack as it is, a folder")
@click.option("--version", default="", help="Of the proposal, e.g. 1.2.1; else the next one")
@click.option("--to", type=folder, help="Another folder than content.proposals")
def propose(bank_file: Path, pack: Path, version: str, to: Path | None) -> None:
    """Make the next version of an item pack with the parameters of a bank. It is not in force.

    Items that the report judges "not to be asked", self-reports and items without answers keep
    what they have; the proposal's parameters.json says which, and why. In the folder
    content.proposals the staff council can read it in the administration. Its version has three
    numbers (1.2.1), because two are kept for what comes with roadMAP.

    Example: roadmap items propose bank.json --pack content/items/kommunal-de-1.2
    """
    old = packs.read_manifest(pack)
    if old.kind != "items":
        raise click.UsageError(f"{pack}: a pack of {old.kind}, not of items.")
    beside = to or settings.load().content.proposals
    version = next_own(old, version, beside)
    target = beside / f"{old.id}-{version}"
    bank = bank_of(bank_file)
    digest = hashlib.sha256(bank_file.read_bytes()).hexdigest()
    proposal = proposed(bank, read_items(old), f"{bank_file.name}, SHA-256 {digest}")
    if not proposal.taken:
        raise RoadmapError("No item of the pack would change.", remedy=_why(proposal))
    shutil.copytree(pack, target)  # and the folder above it, if it is not there
    text = json.dumps(proposal.document, ensure_ascii=False, indent=1) + "\n"
    (target / PARAMETERS).write_text(text, encoding="utf-8")
    put_head(target / MANIFEST, version=version, status="vorgeschlagen", proposed_from=old.ref)
    packs.seal(target)
    click.echo(f"{target}: {len(proposal.taken)} items with new parameters. {_why(proposal)}")
    click.echo("Not in force. A named person releases it: roadmap items release", err=True)


def _why(proposal: Proposal) -> str:
    return " ".join(
        f"{n} keep theirs ({why})." for why, n in Counter(proposal.kept.values()).items()
    )


def put_head(manifest: Path, **fields: str) -> None:
    """Set fields of the manifest's head; the seal writes the rest."""
    head, _, files = manifest.read_text(encoding="utf-8").partition("\n[files]")
    for name, value in fields.items():
        line = f"{name} = {json.dumps(value, ensure_ascii=False)}"
        head, hits = re.subn(rf"(?m)^{name} = .*$", line.replace("\\", r"\\"), head)
        head = head if hits else f"{head.rstrip()}\n{line}\n"
    manifest.write_text(f"{head.rstrip()}\n\n[files]{files}", encoding="utf-8")


@click.command()
@click.argument("proposal", type=folder)
@click.option("--by", required=True, help="Who releases it: a person's name and office")
@click.option(
    "--council",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="When the staff council was involved",
)
@click.confirmation_option(prompt="New attempts will be asked with these parameters. Release?")
def release(proposal: Path, by: str, council: object) -> None:
    """Put a proposed item pack into force: for new attempts, from the next start on.

    Attempts that run keep their version. Who released it, and when the staff council was involved,
    stands in the pack and in the audit log of every municipality.

    Example: roadmap items release ./kommunal-de-1.2.1 --by "M. Beispiel, Personalamt"
    --council 2026-11-20
    """
    on = _day(council)
    if not by.strip() or on > now().date():
        raise click.UsageError("--by names a person, and --council is a day that has been.")
    found = packs.read_manifest(proposal)
    if found.kind != "items":
        raise click.UsageError(f"{proposal}: not a pack of items.")
    require_free(found)
    with opened() as house, tempfile.TemporaryDirectory() as beside:
        ready = Path(beside) / proposal.resolve().name
        shutil.copytree(proposal, ready)
        for name in found.files:
            found.read(name)  # sealed as it was read by those who decided
        facts = {"released_by": by.strip(), "released_on": now().date().isoformat()}
        put_head(
            ready / MANIFEST, status="freigegeben", council_involved_on=on.isoformat(), **facts
        )
        packs.seal(ready)
        done = loaded(ready, house.settings.content.dir)
        detail = facts | {"pack": done.ref, "council": on.isoformat()}
        try:
            with house.database.begin() as conn:
                for tenant in tenants.listed(conn):
                    SqlAudit(conn).note("cli", "items.release", detail, now(), tenant.id)
        except BaseException:
            shutil.rmtree(done.path)  # nothing comes into force without its entry
            raise
    click.echo(f"{done.ref} released by {by.strip()}. Restart web and worker to use it.")


def _day(value: object) -> date:
    return value.date()  # type: ignore[attr-defined, no-any-return]
