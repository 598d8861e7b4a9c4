"""Versions of the questions: what is asked with, what waits, what was before.

A proposal (`roadmap items propose`) lies in a folder of its own until a named person releases it,
so that whoever has to agree can read it first (law L22).
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from competency.errors import PackError
from competency.items import Item
from competency.manifest import MANIFEST, Pack, read_manifest
from competency.packs import Content
from competency.readers import read_items

KIND = "items"


class Standing(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in-force"
    EARLIER = "earlier"


@dataclass(frozen=True, slots=True)
class BankVersion:
    pack: Pack
    standing: Standing
    before: Pack | None  # what it is compared with; None: the first

    @property
    def ref(self) -> str:
        return self.pack.ref


@dataclass(frozen=True, slots=True)
class Shelf:
    """Every version, the newest first, and the folders that cannot be read."""

    versions: tuple[BankVersion, ...]
    broken: tuple[str, ...] = ()


def shelf(content: Content, proposals: Path) -> Shelf:
    """Return the versions of the questions; a folder of proposals that is not there holds none."""
    used = sorted((p for p in content.packs if p.kind == KIND), key=lambda p: p.order)
    waiting, broken = _waiting(proposals, {p.ref for p in used})
    current = content.versions[KIND]
    versions = []
    for pack in used:
        standing = Standing.IN_FORCE if pack.ref == current else Standing.EARLIER
        versions.append(BankVersion(pack, standing, _before(pack, used)))
    versions += [BankVersion(p, Standing.PROPOSED, _before(p, used)) for p in waiting]
    return Shelf(tuple(reversed(versions)), broken)


def items_of(content: Content, pack: Pack) -> tuple[Item, ...]:
    """Return the questions of a version; :raises PackError: a proposal is broken."""
    if any(p.path == pack.path for p in content.packs):
        return content.items_of(pack.ref)
    return read_items(pack)


def _waiting(folder: Path, used: set[str]) -> tuple[list[Pack], tuple[str, ...]]:
    found, broken = [], []
    for path in sorted(folder.glob(f"*/{MANIFEST}")):
        try:
            pack = read_manifest(path.parent)
        except PackError:
            broken.append(path.parent.name)
        else:
            if pack.kind == KIND and pack.ref not in used:
                found.append(pack)
    return sorted(found, key=lambda p: p.order), tuple(broken)


def _before(pack: Pack, used: list[Pack]) -> Pack | None:
    """Return the version it was made from; where it does not say, the last one before it."""
    made_from = next((p for p in used if p.ref == pack.proposed_from), None)
    earlier = [p for p in used if p.id == pack.id and p.order < pack.order]
    return made_from or (earlier[-1] if earlier else None)
