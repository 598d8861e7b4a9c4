"""`roadmap content`: packs."""

from pathlib import Path

import click

from competency import checks, packs
from competency.checks import report as reporting
from lti_tool import settings
from lti_tool.cli.loading import loaded
from lti_tool.cli.opening import as_json, dump, show


@click.group()
def content() -> None:
    """Content packs: frameworks, roles, items, catalogue, texts."""


@content.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Hints fail, too, as for the packs that we ship.")
@as_json
def check(folder: Path | None, strict: bool, as_json: bool) -> None:
    """Check every pack of a folder. Example: roadmap content check content"""
    findings = checks.check(folder or settings.load().content.dir)
    if as_json:
        dump({"findings": [f.document() for f in findings]})
    else:
        for finding in findings:
            click.echo(str(finding))
    errors = sum(f.error for f in findings)
    click.echo(f"{errors} errors, {len(findings) - errors} hints", err=True)
    if errors or (strict and findings):
        raise SystemExit(1)


@content.command("report")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@as_json
def report(folder: Path | None, as_json: bool) -> None:
    """Count what the question bank holds, how easy it reads, and what its words give away.

    Example: roadmap content report content
    """
    found = packs.Content.load(folder or settings.load().content.dir)
    figures = reporting.report(found.versions["items"], found.framework, found.roles, found.items)
    if as_json:
        dump(figures.document())
        return
    click.echo(f"{figures.pack}: {figures.items} questions, {figures.pictures} with a picture.")
    click.echo(f"Kinds: {', '.join(f'{n} {kind}' for kind, n in figures.kinds.items())}")
    click.echo(
        f"Readability: Flesch-DE {figures.flesch}, Wiener Sachtextformel {figures.wstf}; "
        f"in easy words {figures.flesch_easy} and {figures.wstf_easy} "
        f"({figures.easy_twins} questions have a twin, the others are easy themselves)."
    )
    alone = figures.words_alone
    click.echo(
        f"Words alone: the right option of {alone.questions} questions is found {alone.found:.0f} "
        f"times by who knows only the words of the other questions, {alone.chance:.0f} by chance."
    )
    show([_counted(row) for row in figures.rows], json_=False, key="", empty="")


def _counted(row: reporting.Row) -> dict[str, object]:
    levels = {f"Level {n}": count for n, count in enumerate(row.levels, start=1)}
    counts = {"Questions": row.items, **levels, "Self-reports": row.self_reports}
    return {"Code": row.code, **counts, **row.scenes}


@content.command("seal")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def seal(folder: Path) -> None:
    """Write parameters and checksums of a pack that is ready for release.

    Example: roadmap content seal content/items/kommunal-de-1.2
    """
    pack = packs.seal(folder)
    click.echo(f"{pack.ref} sealed: {len(pack.files)} files.")


@content.command("load")
@click.argument("pack", type=click.Path(exists=True, file_okay=False, path_type=Path))
def load(pack: Path) -> None:
    """Copy a checked pack into the content folder; it is used from the next start on.

    Example: roadmap content load ./kommunal-de-1.2.1
    """
    found = loaded(pack, settings.load().content.dir)
    click.echo(f"{found.ref} loaded. Restart web and worker to use it.")
