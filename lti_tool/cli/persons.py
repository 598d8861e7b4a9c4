"""`roadmap person` and `roadmap privacy`: a person's rights, on request; always audited."""

import csv
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click

from lti_tool import jobs
from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, dump, now, opened, tenant_option
from lti_tool.errors import NotFound, RoadmapError
from lti_tool.flows import linking
from lti_tool.flows import persons as rights
from lti_tool.flows.withdrawal import Trace
from lti_tool.ports import Learner
from lti_tool.store import platforms, retention, tenants
from lti_tool.store.launches import by_subject

issuer = click.option("--issuer", required=True, help="The LMS, as in its registration")
subject = click.option("--subject", required=True, help="The person's id in that LMS")
ELSEWHERE = {
    Trace.STATEMENTS: "path in the LRS: withdrawn with the next delivery",
    Trace.DOCUMENT: "list of steps in the LRS: deleted with the next delivery",
    Trace.ASSERTED: "shared results in the LRS: voided with the next delivery",
    Trace.LEVELS: "list of shared results in the LRS: deleted with the next delivery",
    Trace.PLAN: "learning plan in the LMS: deleted with the next delivery",
    Trace.SCORE: "score in the LMS: deleted with the next delivery",
    Trace.SCORE_ASKED: "score in the LMS: the LMS is asked to clear it with the next delivery",
    Trace.SCORE_STAYS: "score in ILIAS: stays; ILIAS takes none back, the course lead has to",
}

#: What is taken back by a further statement: the one before it stays.
STAYS = {Trace.STATEMENTS: "the path", Trace.ASSERTED: "shared results"}

reason = click.option("--reason", required=True, help="Why; goes into the audit log")


@click.group()
def person() -> None:
    """Requests of a person: find, export, erase."""


@person.command()
@tenant_option
@issuer
@subject
def find(tenant: str, issuer: str, subject: str) -> None:
    """Say whether we know a person.

    Example: roadmap person find --tenant m --issuer https://moodle.stadt.de --subject 4
    """
    with opened() as house:
        learner = _learner(house, tenant, issuer, subject)
    click.echo(learner.id)


@person.command()
@tenant_option
@issuer
@subject
@reason
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The new ZIP file",
)
def export(tenant: str, issuer: str, subject: str, reason: str, out: Path) -> None:
    """Write everything about a person to a ZIP only its owner can read (never to stdout).

    Example: roadmap person export --tenant m --issuer … --subject 4 --reason "Art. 15" --out p.zip
    """
    with opened() as house:
        learner = _learner(house, tenant, issuer, subject)
        data = rights.export(house.flows, learner)
        with house.store.begin() as work:
            detail = {"reason": reason}
            work.audit.note("cli", "person.export", detail, now(), tenant_id=learner.tenant_id)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise RoadmapError(f"{out} is there already.", remedy="Choose another --out.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    click.echo(f"{out} written ({len(data)} bytes, readable by you only).")


@person.command()
@tenant_option
@issuer
@subject
@reason
def erase(tenant: str, issuer: str, subject: str, reason: str) -> None:
    """Delete everything about a person here, and say what stays elsewhere.

    Example: roadmap person erase --tenant m --issuer … --subject 4 --reason "Art. 17"
    """
    with opened() as house:
        learner = _learner(house, tenant, issuer, subject)
        traces = rights.written(house.flows, learner)
        counts = rights.erase(house.flows, learner, "cli", now(), reason=reason)
    for table, count in counts.items():
        if count:
            click.echo(f"{table}: {count} deleted")
    for trace in sorted(traces):
        click.echo(ELSEWHERE[trace])
    for trace, what in STAYS.items():
        if trace in traces:
            click.echo(
                f"The statements of {what} stay in a foreign LRS until its operator deletes them."
            )
    click.echo("In the LMS and in foreign LRSs stay the person's own activity records; ask there.")


COLUMNS = ("issuer", "subject", "same_issuer", "same_subject")


@person.command()
@tenant_option
@reason
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def link(tenant: str, reason: str, file: Path) -> None:
    """Say which ids in two LMSs are the same person. Example: roadmap person link LIST.csv …

    CSV with a header: issuer,subject,same_issuer,same_subject. The first two name who stays and
    has launched already; the other two are that person from now on. Twice is harmless. Whoever
    has answers in both joins them herself, on the page "My data".
    """
    done: dict[str, int] = {}
    wrong: list[str] = []
    with opened() as house:
        for number, row in _lines(file):
            try:
                what = _linked(house, tenant, row)
                done[what] = done.get(what, 0) + 1
            except RoadmapError as error:
                wrong.append(f"{file.name} line {number}: {error}")
        with house.store.begin() as work:
            detail = {"reason": reason, **done, "refused": len(wrong)}
            found = _tenant_id(house, tenant)
            work.audit.note("cli", "person.link", detail, now(), tenant_id=found)
    for what, count in sorted(done.items()):
        click.echo(f"{what}: {count}")
    if wrong:
        raise RoadmapError("\n".join(wrong), remedy="The other lines were done.")


def _lines(file: Path) -> list[tuple[int, dict[str, str]]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        if missing := [c for c in COLUMNS if c not in (reader.fieldnames or ())]:
            raise RoadmapError(
                f"{file.name} line 1: the column {missing[0]} is missing.",
                remedy=f"The first line is: {','.join(COLUMNS)}",
            )
        return [(reader.line_num, {c: (row[c] or "").strip() for c in COLUMNS}) for row in reader]


def _linked(house: House, tenant: str, row: Mapping[str, str]) -> str:
    kept = _learner(house, tenant, row["issuer"], row["subject"])
    if not row["same_subject"]:
        raise RoadmapError("same_subject is empty.")
    with house.database.read() as conn:
        here = [p for p in platforms.listed(conn, kept.tenant_id) if p.issuer == row["same_issuer"]]
    if not here:
        raise NotFound(f"There is no LMS {row['same_issuer']!r} in this municipality.")
    # One issuer may have several clients; a person's id is the same at all of them.
    ways = [
        linking.by_list(house.flows, kept, p.id, row["same_subject"], "cli", now()) for p in here
    ]
    return max(ways, key=("known", "ready", "joined").index)


def _tenant_id(house: House, key: str) -> str:
    with house.database.read() as conn:
        return tenants.by_key(conn, key).id


@click.group()
def privacy() -> None:
    """Retention."""


@privacy.command()
@click.option("--dry-run", is_flag=True, help="Only count")
@as_json
def purge(dry_run: bool, as_json: bool) -> None:
    """Delete what is past its time. Example: roadmap privacy purge --dry-run"""
    with opened() as house:
        counts = _purged(house, now(), dry_run=dry_run)
        if not dry_run:
            with house.store.begin() as work:
                work.audit.note("cli", "retention.run", {"rows": sum(counts.values())}, now())
    if as_json:
        dump({"dry_run": dry_run, "rules": counts})
        return
    for rule, count in counts.items():
        click.echo(f"{rule}: {count}{' would be deleted' if dry_run else ' deleted'}")


def _purged(house: House, at: datetime, *, dry_run: bool) -> Mapping[str, int]:
    """Return rows per rule, and the persons nobody has seen for as long as evidence is kept."""
    counts = retention.purge(house.database, house.settings.retention, at, dry_run=dry_run)
    last = jobs.last_kept(house, at)
    if dry_run:
        return {**counts, "persons not seen": rights.count_unseen(house.flows, last)}
    return {**counts, "persons not seen": rights.erase_unseen(house.flows, last, at)}


def _learner(house: House, tenant: str, issuer: str, subject: str) -> Learner:
    with house.database.read() as conn:
        found = tenants.by_key(conn, tenant)
        learner_id = by_subject(conn, house.seal, found.id, issuer, subject)
    if learner_id is None:
        raise NotFound("This person never launched here.", remedy="Check --issuer and --subject.")
    with house.store.read() as work:
        return work.learners.get(learner_id)
