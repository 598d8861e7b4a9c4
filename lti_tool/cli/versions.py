"""Names of packs that are never two things: what we ship has two numbers, a town's own has more.

`kommunal-de-1.3` may come with the next roadMAP. Made here, it would have other numbers under the
same name, and answers given with one would be read with the other. So it is `kommunal-de-1.2.1`.
Source: docs/adr/0023-guessing-counts.md.
"""

import re
from pathlib import Path

import click

from competency.manifest import OURS, Pack
from lti_tool.checking.shipped import clashes
from lti_tool.errors import RoadmapError


def next_own(old: Pack, wished: str, folder: Path) -> str:
    """Return the version of a proposal in this folder: the wished one, or the next of our own.

    :raises RoadmapError: the wished one is taken, not later, or could be shipped one day.
    """
    if not wished:
        return _next(old, folder)
    version = _order(wished)
    if len(version) <= OURS:
        raise RoadmapError(
            f"{old.id}-{wished} could come with roadMAP one day: versions of {OURS} numbers are "
            "kept for that.",
            remedy=f"Leave out --version, or take three numbers: {_next(old, folder)}",
        )
    if (folder / f"{old.id}-{wished}").exists() or version <= old.order:
        raise RoadmapError(
            f"{folder / f'{old.id}-{wished}'}: is there, or not later than {old.version}.",
            remedy=f"Leave out --version, or take a higher one: {_next(old, folder)}",
        )
    return wished


def _next(old: Pack, folder: Path) -> str:
    base = ".".join(old.version.split(".")[:OURS])
    places = {
        p.name for there in (folder, old.path.parent) for p in there.glob(f"{old.id}-{base}.*")
    }
    taken = (name.removeprefix(f"{old.id}-{base}.").split(".")[0] for name in places)
    return f"{base}.{max((int(n) for n in taken if n.isdecimal()), default=0) + 1}"


def _order(version: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+(\.\d+)*", version):
        raise click.UsageError("--version: numbers with dots, like 1.2.1")
    return tuple(int(part) for part in version.split("."))


def require_free(pack: Pack) -> None:
    """:raises RoadmapError: a pack made here has a name that is kept for what we ship."""
    if clashes(pack, unknown=True):
        raise RoadmapError(
            f"{pack.ref}: this name is kept for what comes with roadMAP, and this pack is another.",
            remedy=f"Give it three numbers, like {pack.ref}.1 (folder and pack.toml).",
        )
