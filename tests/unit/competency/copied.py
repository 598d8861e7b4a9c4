"""A copy of the shipped packs to break on purpose, and what of it was said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from competency.items import Kind
from competency.packs import checksum, seal

SHIPPED = Path(__file__).parents[3] / "content"
PACKS = {
    "framework": "framework/digcomp-kommunal-1.0",
    "roles": "roles/kommunal-1.1",
    "items": "items/kommunal-de-1.2",
    "catalogue": "catalogue/kommunal-1.0",
}

Edit = Callable[[Any], None]


def change(root: Path, kind: str, edit: Edit, *, sealed: bool = True) -> None:
    """Edit the data of a pack in place and, unless told otherwise, seal it again."""
    pack = root / PACKS[kind]
    file = pack / f"{kind}.json"
    data = json.loads(file.read_text())
    edit(data)
    file.write_text(json.dumps(data, ensure_ascii=False))
    if sealed:
        seal(pack)


def checksums_only(pack: Path) -> None:
    """Seal without reading the data, as somebody would who edits a pack by hand."""
    manifest = pack / "pack.toml"
    head = manifest.read_text().split("\n[files]")[0]
    rows = "\n".join(f'"{name}" = "{digest}"' for name, digest in checksum(pack).items())
    manifest.write_text(f"{head}\n\n[files]\n{rows}\n")


def first(rows: Any, kind: Kind) -> Any:
    """Return the first question of a kind."""
    return next(row for row in rows if row["kind"] == kind)


def choice(**fields: object) -> Edit:
    """Return an edit of the first question with one right option."""
    return lambda rows: first(rows, Kind.SINGLE_CHOICE).update(fields)
