"""How a command opens the house, and how it prints."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from lti_tool import logs, settings
from lti_tool.bootstrap import House, build
from lti_tool.store import migrations

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
tenant_option = click.option("--tenant", required=True, metavar="KEY", help="The municipality.")


@contextmanager
def opened(*, migrated: bool = True) -> Iterator[House]:
    """Yield the house of the current settings; its database fits this program."""
    config = settings.load()
    logs.configure(fmt=config.logs.format, level=config.logs.level)
    house = build(config)
    try:
        if migrated:
            migrations.require_head(house.database)
        yield house
    finally:
        house.close()


def now() -> datetime:
    return datetime.now(UTC)


def show(rows: Sequence[dict[str, Any]], *, json_: bool, key: str, empty: str) -> None:
    """Print rows as a table, or as {key: rows}."""
    if json_:
        dump({key: list(rows)})
    elif not rows:
        click.echo(empty)
    else:
        _table(rows)


def dump(document: Any) -> None:
    click.echo(json.dumps(document, ensure_ascii=False, indent=1, default=str))


def _table(rows: Sequence[dict[str, Any]]) -> None:
    names = list(rows[0])
    cells = [[str(row[n]) for n in names] for row in rows]
    widths = [max(len(n), *(len(c[i]) for c in cells)) for i, n in enumerate(names)]
    for line in [names, *cells]:
        pairs = zip(line, widths, strict=True)
        click.echo("  ".join(text.ljust(width) for text, width in pairs).rstrip())
