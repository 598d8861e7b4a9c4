"""The command line `roadmap`: every command on one page, each group in a file of its own.

Exit code 0 only if the command did what it says, 2 for wrong use, 1 otherwise. Lists and states
take --json: one document on stdout; logs go to stderr.
"""

import sys
import traceback

import click

from competency.errors import CompetencyError
from lti_tool import logs
from lti_tool.cli import (
    admin,
    assessment,
    content,
    database,
    demo,
    items,
    lrs,
    mapping,
    operation,
    persons,
    platforms,
    providers,
    soll,
    tenants,
)
from lti_tool.errors import RoadmapError
from xapi_bridge.errors import BridgeError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """roadMAP LTI: competence assessment and learning paths inside the LMS."""


for command in (
    demo.demo,
    operation.serve,
    operation.worker,
    operation.check,
    operation.jobs,
    database.db,
    tenants.tenant,
    platforms.platform,
    platforms.deployment,
    platforms.keys,
    admin.admin,
    soll.soll,
    providers.provider,
    lrs.lrs,
    lrs.outbox,
    mapping.mapping,
    content.content,
    assessment.assessment,
    items.items,
    persons.person,
    persons.privacy,
):
    cli.add_command(command)


def main() -> None:
    """Run a command; our own errors become one clear line, never a stack trace."""
    logs.guard()
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except (RoadmapError, CompetencyError, BridgeError) as error:
        click.echo(f"roadmap: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        # Not str(error): libraries make OSErrors, too, and quote the request in them.
        said = f"{error.strerror}: {error.filename}" if error.strerror else type(error).__name__
        click.echo(f"roadmap: {said}", err=True)
        sys.exit(1)
    except Exception as error:
        # A fault of ours: where it happened, and its kind. Messages of libraries may quote data.
        trace = "".join(traceback.format_tb(error.__traceback__))
        click.echo(f"{trace}roadmap: {type(error).__name__}; this is a fault of ours.", err=True)
        sys.exit(1)
