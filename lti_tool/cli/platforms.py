"""`roadmap platform`, `deployment`, `keys`: which LMS may launch this tool."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from lti_tool import keyring
from lti_tool.bootstrap import House
from lti_tool.cli.opening import as_json, now, opened, show, tenant_option
from lti_tool.errors import RoadmapError
from lti_tool.flows import approvals
from lti_tool.lti import identity, registering
from lti_tool.lti.platforms import KINDS
from lti_tool.lti.platforms.paste import read_paste
from lti_tool.lti.registering import Registration, warnings_of
from lti_tool.ports import Actor, Platform
from lti_tool.store import keys as tool_keys
from lti_tool.store import platforms, refusals, tenants


@click.group()
def platform() -> None:
    """Learning platforms (LMS)."""


@platform.command()
@tenant_option
@click.option("--kind", type=click.Choice(KINDS), required=True, help="Which LMS it is")
@click.option("--name", default="", help="For your own lists")
@click.option("--issuer", help="Moodle: Platform ID")
@click.option("--client-id", help="Moodle: Client ID")
@click.option("--deployment-id", "deployment_ids", multiple=True, help="May be given repeatedly")
@click.option("--auth-url", help="Moodle: Authentication request URL")
@click.option("--token-url", help="Moodle: Access token URL")
@click.option("--jwks-url", help="Moodle: Public keyset URL")
@click.option("--paste", type=click.File(), help="File with the six lines that the LMS shows")
@click.option("--plan-url", default="", help="Web service for learning plans (optional)")
@click.option(
    "--plan-token-file",
    type=click.Path(exists=True, path_type=Path),
    help="File with the token for it",
)
def add(
    tenant: str,
    kind: str,
    name: str,
    paste: Any,
    plan_url: str,
    plan_token_file: Path | None,
    deployment_ids: tuple[str, ...],
    **fields: str | None,
) -> None:
    """Register an LMS by hand, and print the values to paste into it.

    Example: roadmap platform add --tenant musterstadt --kind moodle --issuer https://moodle.stadt.de
    --client-id abc --deployment-id 1 --auth-url https://moodle.stadt.de/mod/lti/auth.php
    --token-url https://moodle.stadt.de/mod/lti/token.php
    --jwks-url https://moodle.stadt.de/mod/lti/certs.php
    """
    if paste is not None:
        read = read_paste(paste.read())
        fields = {k: getattr(read, k) for k in fields}
        deployment_ids = (read.deployment_id,)
    missing = [f"--{k.replace('_', '-')}" for k, v in fields.items() if not v]
    if missing or not deployment_ids:
        raise click.UsageError(f"Missing: {', '.join(missing or ['--deployment-id'])}")
    registration = Registration(
        kind=kind,
        deployment_ids=deployment_ids,
        **{k: str(v).strip() for k, v in fields.items()},
    )
    with opened() as house:
        notes = warnings_of(registration, house.settings)
        with house.database.begin() as conn:
            made = platforms.add(
                conn,
                tenant_id=tenants.by_key(conn, tenant).id,
                name=name,
                now=now(),
                **registration.columns(),
            )
            if plan_url and plan_token_file:
                platforms.set_plan_service(conn, made.id, plan_url, _sealed(house, plan_token_file))
        _audit(house, "platform.add", made)
        click.echo(_to_paste(house.settings.server.base_url, made))
    for note in notes:
        click.echo(f"Warning: {note}", err=True)


@platform.command("list")
@as_json
def listed(as_json: bool) -> None:
    """List the registered LMSs. Example: roadmap platform list --json"""
    with opened() as house, house.database.read() as conn:
        rows = [
            {
                "id": p.id,
                "kind": p.kind,
                "state": p.state,
                "issuer": p.issuer,
                "aliases": ", ".join(p.aliases),
                "client_id": p.client_id,
                "deployments": ", ".join(f"{d} ({s})" for d, s in p.deployments.items()),
                "proposed": ", ".join(p.proposed.values()),
            }
            for p in platforms.listed(conn)
        ]
    show(rows, json_=as_json, key="platforms", empty="No platform yet: roadmap platform add …")


@platform.command()
@click.argument("platform_id")
def approve(platform_id: str) -> None:
    """Let a waiting LMS launch, or use its new addresses. Example: roadmap platform approve ID"""
    _set_state(platform_id, "active")


@platform.command()
@click.argument("platform_id")
def block(platform_id: str) -> None:
    """Refuse launches of an LMS from now on. Example: roadmap platform block ID"""
    _set_state(platform_id, "blocked")


@platform.command()
@click.argument("platform_id")
@click.option("--url", help="Moodle: <site>/webservice/rest/server.php")
@click.option(
    "--token-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the token for it",
)
@click.option("--off", is_flag=True, help="Forget address and token; plans that stand there stay")
def plan(platform_id: str, url: str | None, token_file: Path | None, *, off: bool) -> None:
    """Set, change or switch off the web service for learning plans of an LMS.

    Example: roadmap platform plan ID --url https://moodle.stadt.de/webservice/rest/server.php
    --token-file token.txt
    """
    if off == bool(url and token_file):
        raise click.UsageError("Give --url and --token-file, or --off.")
    with opened() as house:
        if url:
            registering.require_address("--url", url, house.settings)
        with house.database.begin() as conn:
            found = platforms.get(conn, platform_id)
            sealed = _sealed(house, token_file) if token_file else None
            platforms.set_plan_service(conn, found.id, url if sealed else None, sealed)
        _audit(house, "platform.plan", found)
    click.echo(f"Learning plans of {found.issuer}: {'off' if off else url}")
    if not off:
        click.echo("Are they switched on for the municipality, and is everything in order?")
        click.echo("  roadmap tenant switch KEY plan_service on; roadmap check")


@platform.command()
@click.argument("platform_id")
@click.argument("issuer")
@click.option("--remove", is_flag=True, help="Refuse launches under this name again")
def alias(platform_id: str, issuer: str, *, remove: bool) -> None:
    """Let an LMS launch under a second name, too.

    ILIAS names itself after the host name a person opened it by: with and without `www.` it is two
    issuers. Its people stay the same. Example: roadmap platform alias ID https://www.ilias.stadt.de
    """
    issuer = issuer.strip().rstrip("/")
    with opened() as house:
        registering.require_address("issuer", issuer, house.settings)
        with house.database.begin() as conn:
            change = platforms.remove_alias if remove else platforms.add_alias
            found = change(conn, platform_id, issuer)
        _audit(house, "platform.alias", found)
    click.echo(f"{found.issuer} may launch as: {', '.join((found.issuer, *found.aliases))}")


@platform.command()
@click.argument("platform_id")
@click.option("--attribute", help="person_sourcedid, or custom:NAME of a custom parameter")
@click.option("--off", is_flag=True, help="Trust none any more")
@click.option("--reason", required=True, help="Why; goes into the audit log")
def trust(platform_id: str, attribute: str | None, reason: str, *, off: bool) -> None:
    """Let an attribute tell the people of this LMS at other LMSs of the municipality, too.

    Only one that nobody can change for herself: a personnel number from the directory. Trust it at
    every LMS it shall join. A custom parameter has to be set at the tool itself, by the LMS's
    administration: where a course may set it, whoever leads a course can become anybody.

    Example: roadmap platform trust ID --attribute person_sourcedid --reason "Beschluss 12"
    """
    if off == bool(attribute):
        raise click.UsageError("Give --attribute, or --off.")
    name = attribute or ""
    custom = name.startswith(identity.CUSTOM) and 0 < len(name) - len(identity.CUSTOM) <= 64
    if name and name != identity.SOURCED_ID and not custom:
        raise click.UsageError("--attribute is person_sourcedid or custom:NAME.")
    with opened() as house:
        with house.database.begin() as conn:
            found = platforms.trust(conn, platform_id, name)
        _audit(house, "platform.trust", found, attribute=name, reason=reason)
    click.echo(f"{found.issuer}: {name or 'no attribute'} is trusted.")
    if custom:
        click.echo(
            "Set it at the tool, not in courses: who can set it can become anybody.", err=True
        )


@platform.command()
@click.argument("platform_id")
@click.option("--key", help="The LTI 1.1 consumer key")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with its secret",
)
@click.option("--off", is_flag=True, help="Forget it")
def lti11(platform_id: str, key: str | None, secret_file: Path | None, *, off: bool) -> None:
    """Recognise people by the LTI 1.1 id that the LMS signs with its old key.

    Example: roadmap platform lti11 ID --key old-key --secret-file secret.txt
    """
    if off == bool(key and secret_file):
        raise click.UsageError("Give --key and --secret-file, or --off.")
    with opened() as house:
        sealed = _sealed(house, secret_file) if secret_file else None
        with house.database.begin() as conn:
            found = platforms.set_former(conn, platform_id, key or "", sealed)
        _audit(house, "platform.lti11", found)
    click.echo(f"{found.issuer}: LTI 1.1 ids are {'recognised' if key else 'not read any more'}.")


@platform.command()
@click.argument("platform_id")
def refresh(platform_id: str) -> None:
    """Bring our registration at an LMS up to date. Example: roadmap platform refresh ID

    For LMSs that registered us by themselves and gave us an address for changes. Moodle and ILIAS
    give none: there, register again ("update existing").
    """
    with opened() as house:
        with house.database.read() as conn:
            found = platforms.get(conn, platform_id)
            manager = platforms.manager(conn, platform_id)
        if manager is None:
            raise RoadmapError(
                "This LMS gave no address for changes.",
                remedy="Start the registration there once more and choose to update.",
            )
        changed = registering.refresh(manager[0], house.seal.open(manager[1]), house.settings)
        if changed:
            _audit(house, "platform.refresh", found)
    click.echo(f"Changed at {found.issuer}." if changed else "It is up to date.")


@platform.command("refusals")
@click.option(
    "--days", default=7, show_default=True, type=click.IntRange(1, 400), help="How far back"
)
@as_json
def refused(days: int, as_json: bool) -> None:
    """Count refused logins and launches by day, code and LMS. Example: roadmap platform refusals

    What each code means and what to do stands in docs/how-to/anbinden.md.
    """
    with opened() as house, house.database.read() as conn:
        issuers = {p.id: p.issuer for p in platforms.listed(conn)}
        first = (now() - timedelta(days=days)).date().isoformat()
        rows: list[dict[str, Any]] = [
            {
                "day": r.day,
                "code": r.code,
                "platform": issuers.get(r.platform_id, ""),
                "count": r.count,
                "skew_s": r.skew_s,
            }
            for r in refusals.rows(conn, first)
        ]
    show(rows, json_=as_json, key="refusals", empty="Nothing was refused.")


@click.group()
def deployment() -> None:
    """Deployments: where an LMS has installed the tool."""


@deployment.command("list")
@as_json
def deployments(as_json: bool) -> None:
    """List deployments, waiting ones first. Example: roadmap deployment list --json"""
    with opened() as house, house.database.read() as conn:
        rows = [
            {"id": d[0], "platform": d[1], "deployment_id": d[2], "state": d[3]}
            for d in platforms.deployments(conn)
        ]
    show(rows, json_=as_json, key="deployments", empty="No deployment yet.")


@deployment.command("approve")
@click.argument("deployment_row")
def approve_deployment(deployment_row: str) -> None:
    """Accept a deployment that waited. Example: roadmap deployment approve ID"""
    _set_deployment(deployment_row, "active")


@deployment.command("block")
@click.argument("deployment_row")
def block_deployment(deployment_row: str) -> None:
    """Refuse launches from a deployment. Example: roadmap deployment block ID"""
    _set_deployment(deployment_row, "blocked")


@click.group()
def keys() -> None:
    """The tool's own keys."""


@keys.command("list")
@as_json
def list_keys(as_json: bool) -> None:
    """List the tool's keys. Example: roadmap keys list"""
    with opened() as house, house.database.read() as conn:
        rows = [
            {
                "kid": key.kid,
                "state": key.state,
                "created": str(key.created),
                "retired": str(key.retired or ""),
            }
            for key in tool_keys.states(conn)
        ]
    show(rows, json_=as_json, key="keys", empty="The first key is made when it is needed.")


@keys.command()
@click.option("--compromised", is_flag=True, help="Drop the old keys at once: they were stolen")
def rotate(*, compromised: bool) -> None:
    """Change the key the tool signs with. Example: roadmap keys rotate

    The new key is published now and signs from an hour on; the old one stays published for more
    than a day. The worker does the rest. No launch fails.
    """
    with opened() as house:
        if compromised:
            changed = keyring.replace(house, "cli", now())
            click.echo("The old keys are gone. Until platforms read the new one (minutes),")
            click.echo("grades and tokens may fail; the outbox tries again by itself.")
        else:
            changed = keyring.rotate(house, "cli", now())
        for kid, what in changed:
            click.echo(f"{kid}: {what}")
    if not changed:
        click.echo("A next key is waiting already: roadmap keys list")


def _set_state(platform_id: str, state: str) -> None:
    with opened() as house:
        found = approvals.set_platform(house.flows, Actor("cli"), platform_id, state, now())
    click.echo(f"{found.issuer} is {state}.")


def _set_deployment(deployment_row: str, state: str) -> None:
    with opened() as house:
        found = approvals.set_deployment(house.flows, Actor("cli"), deployment_row, state, now())
    click.echo(f"Deployment of {found.issuer} {'approved' if state == 'active' else 'blocked'}.")


def _sealed(house: House, token_file: Path) -> bytes:
    return house.seal.seal(token_file.read_text(encoding="utf-8").strip())


def _audit(house: House, action: str, found: Platform, **more: str) -> None:
    detail = {"platform": found.id, **more}
    with house.store.begin() as work:
        work.audit.note("cli", action, detail, now(), tenant_id=found.tenant_id)


def _to_paste(base: str, made: Platform) -> str:
    """Return the block for the LMS admin, in that LMS's own words."""
    if not made.deployments:
        raise RoadmapError("No deployment was stored.", remedy="Give --deployment-id.")
    return (
        f"Platform {made.id} registered. Paste into the LMS:\n"
        f"  Tool URL:              {base}/lti/launch\n"
        f"  LTI version:           LTI 1.3\n"
        f"  Public key type:       Keyset URL\n"
        f"  Public keyset:         {base}/lti/jwks\n"
        f"  Initiate login URL:    {base}/lti/login\n"
        f"  Redirection URI(s):    {base}/lti/launch"
    )
