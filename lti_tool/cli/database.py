"""`roadmap db`: bring the database to the version of this program."""

import click

from lti_tool.cli.opening import opened
from lti_tool.store import migrations


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
