"""What comes with roadMAP beside what a municipality made: one name is never two packs.

What we ship has two numbers (1.3), what is made here more (1.2.1); see `lti_tool.cli.versions`.
"""

from pathlib import Path

from competency.manifest import MANIFEST, Pack
from competency.packs import Content
from lti_tool.checking.result import Result
from lti_tool.settings import ROOT

SHIPPED = ROOT / "content"


def clashes(pack: Pack, *, unknown: bool = False, shipped: Path = SHIPPED) -> bool:
    """Return whether a pack has the name of one that we ship and is another.

    `unknown`: also if we do not ship this version yet, but others of the same name.
    """
    if pack.own or not any((shipped / pack.kind).glob(f"{pack.id}-*")):
        return False
    ours = shipped / pack.kind / pack.ref / MANIFEST
    if not ours.is_file():
        return unknown
    return ours.read_bytes() != (pack.path / MANIFEST).read_bytes()


def look(root: Path, shipped: Path = SHIPPED) -> Result:
    """Return whether each name is one pack, and whether own questions were overtaken."""
    content = Content.load(root)
    for pack in content.packs:
        if clashes(pack, shipped=shipped) and not _copied(pack, content):
            return _clash(pack)
    return Result("content", True, " ".join(("all packs are complete", *_overtaken(content))))


def _copied(pack: Pack, content: Content) -> bool:
    """Return whether a pack stands there under a name of its own, too."""
    same = (p for p in content.packs if (p.kind, p.id) == (pack.kind, pack.id))
    return any(p.own and p.order[: len(pack.order)] == pack.order for p in same)


def _clash(pack: Pack) -> Result:
    return Result(
        "content",
        False,
        f"{pack.path}: it has the name of what comes with roadMAP, and is another",
        f"Answers given with it rest on it: keep it, and take no {pack.ref} of ours. For new "
        f"attempts copy it as {pack.ref}.1, with the same version in pack.toml; then "
        "`roadmap content seal`.",
    )


def _overtaken(content: Content) -> tuple[str, ...]:
    """Say that shipped questions are asked instead of those that somebody released here."""
    asked = content.newest("items")
    own = [p for p in content.packs if p.kind == "items" and p.own and p.released_by]
    if asked.own or not own:
        return ()
    last = max(own, key=lambda p: p.order)
    return (
        f"(asked is {asked.ref} as it comes with roadMAP, no longer {last.ref}, released by "
        f"{last.released_by}; for your numbers: `roadmap items propose` with --pack {asked.path})",
    )
