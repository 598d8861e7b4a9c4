"""A pack's manifest: what lies in the directory, under which licence, with which checksums.

Every file is checked against its SHA-256 when it is read. Errors name file, place and field.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from competency.errors import ChecksumMismatch, PackError, UnknownPack
from competency.reading import Record

#: What an assessment rests on: each kind must be there, and every result carries its version.
MEASURING = ("framework", "roles", "items", "catalogue")
#: Texts are pages (first information, privacy): sealed like the rest, but no result rests on them.
KINDS = (*MEASURING, "texts")
DATA_FILE: Mapping[str, str] = {
    **{kind: f"{kind}.json" for kind in MEASURING},
    "texts": "notice.json",
}
MANIFEST = "pack.toml"
#: What a pack says about how it came into force; empty where it has always been there.
RELEASE = ("proposed_from", "released_by", "released_on", "council_involved_on")
PARAMETERS = "parameters.json"
#: What we ship has two numbers (1.2); a municipality's own has more (1.2.1), so none is ever both.
OURS = 2


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack's manifest and where it lies."""

    path: Path
    id: str
    version: str
    kind: str
    title: str
    language: str
    licence: str
    source: str
    status: str
    files: Mapping[str, str]  # name -> SHA-256 in hex
    note: str = ""  # what whoever reads its numbers has to know
    proposed_from: str = ""  # the version this one was made from
    released_by: str = ""  # a person's name and office
    released_on: str = ""
    council_involved_on: str = ""

    @property
    def ref(self) -> str:
        """The name that results carry: id and version."""
        return f"{self.id}-{self.version}"

    @property
    def order(self) -> tuple[int, ...]:
        """Version numbers, so that 1.10 comes after 1.9."""
        return tuple(int(part) for part in self.version.split("."))

    @property
    def own(self) -> bool:
        """Whether the version is a municipality's own, by its name."""
        return len(self.order) > OURS

    def file(self, name: str) -> Path:
        """Return the path of a file of the pack.

        Only names of the manifest are served, so a crafted name cannot leave the directory.

        :raises UnknownPack: the manifest has no such file.
        """
        if name not in self.files:
            raise UnknownPack(f"{self.path / MANIFEST}: no file {name}")
        return self.path / name

    def read(self, name: str) -> bytes:
        """Return a file's bytes; :raises ChecksumMismatch: it is not what was sealed."""
        path = self.file(name)
        content = read_bytes(path)
        if hashlib.sha256(content).hexdigest() != self.files[name]:
            raise ChecksumMismatch(f"{path}: changed since it was sealed (roadmap content seal)")
        return content


def read_manifest(directory: Path) -> Pack:
    """Return the pack that lies in a directory; :raises PackError: pack.toml is not right."""
    path = directory / MANIFEST
    try:
        data = tomllib.loads(read_bytes(path).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{path}: {error}") from None
    record = Record(str(path), data)
    files = Record.of(f"{path}: files", data.get("files", {}))
    names = ("id", "version", "kind", "title", "language", "licence", "source", "status")
    texts = {name: record.text(name) for name in names}
    texts |= {name: record.text(name, "") for name in ("note", *RELEASE)}
    pack = Pack(path=directory, files={n: files.text(n) for n in files.data}, **texts)
    _check_manifest(record, pack)
    return pack


def _check_manifest(record: Record, pack: Pack) -> None:
    if pack.kind not in KINDS:
        raise record.wrong("kind", f"expected one of {', '.join(KINDS)}")
    if not all(part.isdecimal() for part in pack.version.split(".")):
        raise record.wrong("version", "expected numbers with dots, like 1.0")
    if pack.path.name != pack.ref:
        raise record.wrong("id, version", f"expected the directory's name, {pack.path.name}")
    for name in pack.files:
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise record.wrong(f"files: {name}", "expected a name inside the pack")


def checksum(directory: Path) -> dict[str, str]:
    """Return name -> SHA-256 of every file of a pack except its manifest, sorted by name."""
    paths = sorted(p for p in directory.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {
        p.relative_to(directory).as_posix(): hashlib.sha256(read_bytes(p)).hexdigest()
        for p in paths
    }


def read_bytes(path: Path) -> bytes:
    """Return a file; :raises PackError: it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise PackError(f"{path}: cannot be read ({error.strerror})") from None


def _parse(path: Path, content: bytes) -> object:
    try:
        return json.loads(content.decode())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PackError(f"{path}: not JSON: {error}") from None


def read_object(path: Path, content: bytes) -> Record:
    """Return a JSON file that holds one object."""
    return Record.of(str(path), _parse(path, content))


def read_rows(path: Path, content: bytes) -> list[Record]:
    """Return a JSON file that holds a list of objects."""
    data = _parse(path, content)
    if not isinstance(data, list) or not data:
        raise PackError(f"{path}: expected a list of objects")
    return [Record.of(f"{path}[{n}]", row) for n, row in enumerate(data)]
