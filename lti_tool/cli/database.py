"""`roadmap db`: bring the database to the version of this program, back it up, bring it back."""

from pathlib import Path

import click

from lti_tool import logs, restoring, settings
from lti_tool.cli.opening import now, opened
from lti_tool.store import backup as copies
from lti_tool.store import migrations

A_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def db() -> None:
    """The database and its migrations."""


@db.command()
def upgrade() -> None:
    """Run the missing migrations. Example: roadmap db upgrade"""
    with opened(migrated=False) as house:
        migrations.upgrade(house.database)
        click.echo(f"The database is at {migrations.current(house.database)}.")


@db.command()
def current() -> None:
    """Say at which migration the database is. Example: roadmap db current"""
    with opened(migrated=False) as house:
        here, head = migrations.current(house.database), migrations.head()
        click.echo(f"{here or '(not set up)'} (this program: {head})")
        if here != head:
            raise SystemExit(1)


@db.command()
@click.argument("file", type=A_FILE)
def backup(file: Path) -> None:
    """Write a copy of the database to a new file, while the service runs.

    Before an update it also works with the new program on the old tables. On PostgreSQL this runs
    pg_dump. Keep the secret key elsewhere: without it a copy is worthless.

    Example: roadmap db backup /backup/roadmap-2026-11-24.backup
    """
    with opened(migrated=False) as house:
        if not migrations.current(house.database):
            migrations.require_head(house.database)  # nothing there to copy: it says what to do
        restoring.note_erasures(house)
        copies.backup(house.database, file)
    click.echo(f"{file} written ({file.stat().st_size} bytes, readable by you only).")
    click.echo("Keep apart from it: security.secret_key, your settings, packs of your own.")


@db.command()
@click.argument("file", type=A_FILE)
@click.option("--erased", type=A_FILE, help="The list of erasures, if not privacy.erasure_log")
def restore(file: Path, erased: Path | None) -> None:
    """Bring a backup into an empty database, with web and worker stopped.

    Whoever was erased since is erased again, scores and plans that wait are held, everybody is
    logged out, and what is past its time goes.

    Example: roadmap db restore /backup/roadmap-2026-11-24.backup
    """
    config = settings.load()
    logs.configure(fmt=config.logs.format, level=config.logs.level)
    log = erased or restoring.erasure_log(config)
    done = restoring.restore(config, file, log, now())
    click.echo(
        f"Restored: {done.erased} erased again, {done.held} deliveries held, "
        f"{done.ended} launches ended, {done.purged} rows past their time deleted."
    )
    if done.held:
        click.echo("See `roadmap outbox list`; `roadmap outbox retry` sends what was held.")
    if not done.log_found:
        click.echo(
            f"There is no list of erasures ({log or 'privacy.erasure_log is not set'}): whoever "
            "was erased since the backup is back. Erase them again: roadmap person erase …"
        )
