"""Put a pack into the content folder: whole, checked, and gone again if it does not fit."""

import shutil
from pathlib import Path

from competency import checks, packs
from lti_tool.cli.versions import require_free
from lti_tool.errors import RoadmapError


def loaded(pack: Path, content: Path) -> packs.Pack:
    """Copy a pack into the content folder; :raises RoadmapError: it is there, or breaks it."""
    found = packs.read_manifest(pack)
    target = content / found.kind / found.ref
    if target.exists():
        raise RoadmapError(
            f"{found.ref} is there already; released packs never change.",
            remedy="Give the pack a new version.",
        )
    require_free(found)
    shutil.copytree(pack, target)
    wrong = [f for f in checks.check(content) if f.error]
    if wrong:
        shutil.rmtree(target)
        said = "\n".join(f"  - {f}" for f in wrong)
        raise RoadmapError(f"{found.ref} was not loaded; with it the content is broken:\n{said}")
    return packs.read_manifest(target)
