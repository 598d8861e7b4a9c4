"""What a content pack must pass before it is released: `roadmap content check`.

Reading already refuses what has the wrong shape; this looks at what was said. An error keeps a pack
from use: nobody could answer, or the law or the page forbids it. A warning is for the two people
who review a bank, whoever wrote it; ours has none (`--strict`).

`findings` holds the rules for every text, `profiles` and `catalogue` those for their packs; of
questions, `items` looks at one at a time, `options` at what gives an answer away, `pictures` at
what is drawn, `bank` at all together.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from competency.checks.bank import check_bank
from competency.checks.catalogue import check_catalogue
from competency.checks.findings import ERROR, WARNING, Finding
from competency.checks.items import check_item
from competency.checks.options import guessable
from competency.checks.pictures import check_picture
from competency.checks.profiles import check_framework, check_roles, check_soll
from competency.errors import PackError
from competency.framework import Framework
from competency.items import Item
from competency.manifest import MANIFEST, Pack, checksum, read_manifest
from competency.readers import (
    read_catalogue,
    read_framework,
    read_items,
    read_roles,
    read_texts,
)
from competency.target import RoleProfile

__all__ = ["ERROR", "WARNING", "Finding", "check"]

T = TypeVar("T")


def check(root: Path) -> list[Finding]:
    """Return what is wrong with the newest packs below root, errors first; empty means good."""
    findings: list[Finding] = []
    framework = _newest(root, "framework", read_framework, findings)
    roles = _newest(root, "roles", read_roles, findings)
    items = _newest(root, "items", read_items, findings)
    catalogue = _newest(root, "catalogue", read_catalogue, findings)
    if (root / "texts").is_dir():  # no assessment needs them; one that is there must be sealed
        _newest(root, "texts", read_texts, findings)
    if framework:  # without one there is nothing to hold the rest against
        frame = framework[1]
        findings += check_framework(frame)
        if roles:
            findings += [*check_roles(frame, roles[1]), *check_soll(*roles)]
        if items:
            findings += _items(items[0], frame, roles[1] if roles else (), items[1])
        if catalogue:
            findings += check_catalogue(frame, catalogue[1])
    return sorted(findings, key=lambda f: (f.severity, f.where, f.message))


def _items(
    pack: Pack, framework: Framework, roles: tuple[RoleProfile, ...], items: tuple[Item, ...]
) -> Iterator[Finding]:
    known = {r.key: r for r in roles}
    for item in items:
        yield from check_item(item, framework, known, pack)
        where = f"items: {item.key}"
        yield from (Finding(ERROR, where, message) for message in check_picture(item, pack))
    yield from check_bank(framework, roles, items)
    yield from guessable(items)


def _newest(
    root: Path, kind: str, read: Callable[[Pack], T], findings: list[Finding]
) -> tuple[Pack, T] | None:
    """Return the newest readable pack of a kind; what is wrong with any goes to `findings`."""
    newest: tuple[Pack, T] | None = None
    paths = sorted((root / kind).glob(f"*/{MANIFEST}"))
    if not paths:
        findings.append(Finding(ERROR, str(root / kind), "no pack of this kind"))
    for path in paths:
        try:
            pack = read_manifest(path.parent)
            findings += _sealed(pack)
            value = read(pack)
        except PackError as error:
            findings.append(Finding(ERROR, str(path.parent), str(error)))
            continue
        if newest is None or pack.order > newest[0].order:
            newest = (pack, value)
    return newest


def _sealed(pack: Pack) -> Iterator[Finding]:
    found = checksum(pack.path)
    for name in sorted(set(found) | set(pack.files)):
        if name not in found:
            yield Finding(ERROR, pack.ref, f"{name}: in {MANIFEST}, but not there")
        elif name not in pack.files:
            yield Finding(ERROR, pack.ref, f"{name}: not in {MANIFEST} (roadmap content seal)")
        elif found[name] != pack.files[name]:
            yield Finding(ERROR, pack.ref, f"{name}: changed since it was sealed")
