"""Content packs: versioned directories of data that become framework, roles, items, catalogue.

    content/<kind>/<id>-<version>/pack.toml    id, version, kind, licence, [files] with SHA-256
                                 /*.json       the data, see `readers`

Released packs are immutable: a change is a new version, and an attempt keeps the version it began
with. `manifest`, `readers`, `checks` and this module are the only ones of the core that read files.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from competency.catalogue import Catalogue
from competency.errors import PackError, UnknownPack
from competency.expert import BASIS, parameters_document
from competency.framework import Framework
from competency.items import Item
from competency.manifest import (
    DATA_FILE,
    KINDS,
    MANIFEST,
    MEASURING,
    PARAMETERS,
    Pack,
    checksum,
    read_bytes,
    read_manifest,
    read_object,
    read_rows,
)
from competency.readers import (
    read_catalogue,
    read_framework,
    read_item,
    read_items,
    read_roles,
)
from competency.target import RoleProfile

__all__ = ["Content", "Pack", "checksum", "read_manifest", "seal"]


@dataclass(frozen=True, eq=False)
class Content:
    """All packs of a directory; the newest version of each kind is what new attempts use."""

    packs: tuple[Pack, ...]

    @classmethod
    def load(cls, root: Path) -> "Content":
        """Return the packs below root; :raises PackError: one is broken, or a kind is missing."""
        if not root.is_dir():
            raise PackError(f"{root}: no such directory")
        found = (p for kind in KINDS for p in sorted((root / kind).glob(f"*/{MANIFEST}")))
        content = cls(tuple(read_manifest(path.parent) for path in found))
        for pack in content.packs:
            if pack.path.parent.name != pack.kind:
                raise PackError(f"{pack.path}: kind: a pack of {pack.kind} belongs in that folder")
        _agree(content)
        return content

    def newest(self, kind: str) -> Pack:
        """Return the newest pack of a kind.

        :raises UnknownPack: there is none. :raises PackError: packs of two names compete.
        """
        packs = [p for p in self.packs if p.kind == kind]
        if not packs:
            raise UnknownPack(f"no pack of kind {kind}; see the setting content.dir")
        if len({p.id for p in packs}) > 1:
            names = ", ".join(sorted({p.id for p in packs}))
            raise PackError(f"more than one pack of kind {kind}: {names}")
        return max(packs, key=lambda p: p.order)

    def pack(self, kind: str, ref: str) -> Pack:
        """Return a pack by kind and id-version; :raises UnknownPack: it is not there."""
        for pack in self.packs:
            if pack.kind == kind and pack.ref == ref:
                return pack
        raise UnknownPack(f"no pack {kind}/{ref}")

    @cached_property
    def framework(self) -> Framework:
        return read_framework(self.newest("framework"))

    @cached_property
    def roles(self) -> tuple[RoleProfile, ...]:
        return read_roles(self.newest("roles"))

    @cached_property
    def items(self) -> tuple[Item, ...]:
        return self.items_of(self.versions["items"])

    @cached_property
    def has_plain(self) -> bool:
        """Whether any question has a twin in Einfache Sprache."""
        return any(item.has_plain for item in self.items)

    @cached_property
    def catalogue(self) -> Catalogue:
        return read_catalogue(self.newest("catalogue"))

    @cached_property
    def versions(self) -> dict[str, str]:
        """Kind -> id-version of what is in force; every result carries them."""
        return {kind: self.newest(kind).ref for kind in MEASURING}

    @cached_property
    def _banks(self) -> dict[str, tuple[Item, ...]]:
        return {}

    def items_of(self, ref: str) -> tuple[Item, ...]:
        """Return the items of one version (`versions["items"]` of the attempt), read once.

        :raises UnknownPack: the version is no longer there.
        """
        if ref not in self._banks:
            self._banks[ref] = read_items(self.pack("items", ref))
        return self._banks[ref]

    def framework_of(self, ref: str) -> Framework:
        """Return the framework of one version; :raises UnknownPack: it is no longer there."""
        return read_framework(self.pack("framework", ref))


def _agree(content: Content) -> None:
    """Read everything once and check that codes meet, so that no page finds out later."""
    codes, measured = content.framework.by_code, content.framework.dimensions
    for item in content.items:
        _known(f"items: {item.key}", {item.competency} - set(codes))
        if item.scored and item.competency not in measured:
            raise PackError(f"items: {item.key}: {item.competency} is private, only reflections")
    for role in content.roles:
        _known(f"roles: {role.key}", set(role.soll.competencies) - set(codes))
        if unknown := set(role.areas) - {a.code for a in content.framework.areas}:
            raise PackError(f"roles: {role.key}: no area {', '.join(sorted(unknown))}")
    for unit in content.catalogue.units:
        _known(f"catalogue: {unit.key}", set(unit.lifts) - set(codes))


def _known(where: str, unknown: set[str]) -> None:
    if unknown:
        raise PackError(f"{where}: no competence {', '.join(sorted(unknown))}")


def seal(directory: Path) -> Pack:
    """Write expert parameters (items packs) and checksums; return the sealed pack.

    Writes parameters.json and the [files] table of pack.toml. Parameters with another basis than
    the expert's guess (calibrated ones) are left as they are.
    """
    pack = read_manifest(directory)
    if pack.kind == "items":
        _write_parameters(directory)
    manifest = directory / MANIFEST
    head = manifest.read_text(encoding="utf-8").split("\n[files]")[0].rstrip("\n")
    rows = "".join(f'"{name}" = "{digest}"\n' for name, digest in checksum(directory).items())
    manifest.write_text(f"{head}\n\n[files]\n{rows}", encoding="utf-8")
    return read_manifest(directory)


def _write_parameters(directory: Path) -> None:
    path = directory / PARAMETERS
    if path.exists() and read_object(path, read_bytes(path)).text("basis") != BASIS:
        return
    source = directory / DATA_FILE["items"]
    items = [read_item(r) for r in read_rows(source, read_bytes(source))]
    text = json.dumps(parameters_document(items), ensure_ascii=False, indent=1)
    path.write_text(text + "\n", encoding="utf-8")
