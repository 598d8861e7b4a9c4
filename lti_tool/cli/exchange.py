"""`roadmap items import`, `export` and `catquiz`: questions from other programs, and to them."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from competency import packs
from competency.items import Item
from competency.manifest import DATA_FILE, MANIFEST, PARAMETERS, Pack
from competency.readers import read_items
from lti_tool.cli.opening import as_json, dump
from lti_tool.cli.release import put_head
from lti_tool.cli.versions import next_own
from lti_tool.errors import RoadmapError
from lti_tool.interchange import catquiz, gift, limesurvey, moodle, qti
from lti_tool.interchange.row import LARGEST, Note, Read, Row, Written

READERS: Mapping[str, Callable[[bytes], Read]] = {
    "gift": gift.read,
    "moodle": moodle.read,
    "qti": qti.read,
    "limesurvey": limesurvey.read,
}
WRITERS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], Written]] = {
    "gift": gift.write,
    "moodle": moodle.write,
    "qti": qti.write,
}
file = click.Path(exists=True, dir_okay=False, path_type=Path)
folder = click.Path(exists=True, file_okay=False, path_type=Path)
made = click.Path(dir_okay=False, writable=True, path_type=Path)


@click.command("import")
@click.argument("source", metavar="FILE", type=file)
@click.option(
    "--format", "form", required=True, type=click.Choice(tuple(READERS)), help="Of the file"
)
@click.option("--to", required=True, type=folder, help="Where the folder of the draft is made")
@click.option("--id", "name", required=True, help="Of the new pack, e.g. bauhof-de")
@click.option("--version", default="0.1", show_default=True, help="Of the new pack")
@click.option("--framework", default="digcomp-kommunal-1.0", show_default=True, help="Whose codes")
@click.option("--competency", help="Of questions that do not say one, e.g. 1.1")
@click.option("--level", type=click.IntRange(1, 4), help="Of questions that do not say one")
@click.option("--licence", default="ungeklärt", show_default=True, help="Of the questions")
@as_json
def take(
    source: Path, form: str, to: Path, name: str, version: str, framework: str,
    competency: str | None, level: int | None, licence: str, as_json: bool,
) -> None:  # fmt: skip
    """Make the draft of an item pack from a file of GIFT, Moodle XML, QTI 3 or LimeSurvey.

    Everything that has no place in a pack is listed. Questions need a competence and a level: from
    their tags, from --competency and --level, or from you. Nothing is in force: read the questions,
    then `roadmap content seal`, `content check` and `content load`.

    Example: roadmap items import fragen.xml --format moodle --to . --id bauhof-de
    --competency 2.2 --level 1
    """
    target = to / f"{name}-{version}"
    if target.exists():
        raise RoadmapError(f"{target} is there already.", remedy="Take another id or version.")
    found = READERS[form](_bytes(source))
    if not found.rows:
        _tell(found.notes)
        raise RoadmapError(f"{source.name}: there is no question to take.")
    given = {"competency": competency, "level": level}
    rows: list[Row] = [{k: v for k, v in given.items() if v} | row for row in found.rows]
    lacking = [r["key"] for r in rows if not r.get("competency") or not r.get("level")]
    origin = f"{source.name}, SHA-256 {hashlib.sha256(source.read_bytes()).hexdigest()}"
    head = {
        "id": name, "version": version, "kind": "items", "title": f"Entwurf aus {source.name}",
        "language": "de", "licence": licence, "source": origin, "status": "Entwurf",
        "framework": framework,
    }  # fmt: skip
    _draft(target, head, rows, complete=not lacking)
    if as_json:
        notes = [{"where": n.where, "what": n.what} for n in found.notes]
        dump({"pack": str(target), "items": len(rows), "lacking": lacking, "notes": notes})
        return
    _tell(found.notes)
    click.echo(f"{target}: {len(rows)} questions. {_next(lacking)}")


def _draft(target: Path, head: Mapping[str, str], rows: Sequence[Any], *, complete: bool) -> None:
    target.mkdir()
    text = json.dumps(rows, ensure_ascii=False, indent=1) + "\n"
    (target / DATA_FILE["items"]).write_text(text, encoding="utf-8")
    lines = "".join(f"{k} = {json.dumps(v, ensure_ascii=False)}\n" for k, v in head.items())
    (target / MANIFEST).write_text(f"{lines}\n[files]\n", encoding="utf-8")
    if complete:
        try:
            packs.seal(target)
        except BaseException:
            shutil.rmtree(target)
            raise


def _next(lacking: Sequence[str]) -> str:
    if not lacking:
        return "Read them, then: roadmap content load"
    some = ", ".join(lacking[:5]) + (" …" if len(lacking) > 5 else "")
    return f"{len(lacking)} lack a competence or a level ({some}); then: roadmap content seal"


@click.command("export")
@click.argument("pack", type=folder)
@click.option(
    "--format", "form", required=True, type=click.Choice(tuple(WRITERS)), help="Of the file"
)
@click.option("--out", required=True, type=made, help="The new file; QTI is a ZIP")
@as_json
def give(pack: Path, form: str, out: Path, as_json: bool) -> None:
    """Write the questions of an item pack as GIFT, Moodle XML or QTI 3.

    What the format cannot hold is listed, question by question.

    Example: roadmap items export content/items/kommunal-de-1.2 --format moodle --out fragen.xml
    """
    found = _items_pack(pack)
    rows = json.loads(found.read(DATA_FILE["items"]))
    _written(WRITERS[form](rows), len(rows), out, as_json)


@click.command("catquiz-export")
@click.argument("pack", type=folder)
@click.option("--out", required=True, type=made, help="The new CSV file")
@as_json
def catquiz_give(pack: Path, out: Path, as_json: bool) -> None:
    """Write the item parameters of a pack for Moodle's local_catquiz.

    The label is the question's idnumber, which `items export --format moodle` writes, too.

    Example: roadmap items catquiz-export content/items/kommunal-de-1.2 --out parameter.csv
    """
    items = read_items(_items_pack(pack))
    _written(catquiz.write(items), len(items), out, as_json)


@click.command("catquiz-import")
@click.argument("source", metavar="FILE.csv", type=file)
@click.option("--pack", required=True, type=folder, help="The pack as it is, a folder")
@click.option("--version", default="", help="Of the proposal, e.g. 1.2.1; else the next one")
@click.option("--to", required=True, type=folder, help="Where the proposal's folder is made")
@as_json
def catquiz_take(source: Path, pack: Path, version: str, to: Path, as_json: bool) -> None:
    """Make the next version of a pack with parameters from Moodle's local_catquiz. Not in force.

    Items are found by their label. A named person releases it: roadmap items release.

    Example: roadmap items catquiz-import items.csv --pack content/items/kommunal-de-1.2
    --to .
    """
    old = _items_pack(pack)
    version = next_own(old, version, to)
    target = to / f"{old.id}-{version}"
    found = catquiz.read(_bytes(source))
    items = {i.key: i for i in read_items(old)}
    taken, notes = _fitting(found, items)
    if not taken:
        _tell(notes)
        raise RoadmapError("No item of the pack would change.")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    shutil.copytree(pack, target)
    document = json.loads((pack / PARAMETERS).read_text(encoding="utf-8"))
    for key, p in taken.items():
        basis = f"local_catquiz, {source.name}, SHA-256 {digest}"
        document["items"][key] = {"a": p.a, "b": list(p.b), "basis": basis}
    document["basis"] = f"{document['basis']}; einzelne aus local_catquiz"
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    (target / PARAMETERS).write_text(text, encoding="utf-8")
    put_head(target / MANIFEST, version=version, status="vorgeschlagen", proposed_from=old.ref)
    packs.seal(target)
    if as_json:
        dump({"pack": str(target), "items": len(taken), "notes": [str(n) for n in notes]})
        return
    _tell(notes)
    click.echo(f"{target}: {len(taken)} items with new parameters. Not in force.")


def _fitting(
    found: catquiz.Found, items: Mapping[str, Item]
) -> tuple[dict[str, catquiz.Parameters], list[Note]]:
    notes, taken = list(found.notes), {}
    for key, parameters in found.parameters.items():
        item = items.get(key)
        if item is None:
            notes.append(Note(key, "not taken: there is no such item in the pack"))
        elif item.self_report or not item.scored or len(item.b) != len(parameters.b):
            notes.append(Note(key, "not taken: it has other categories here"))
        else:
            taken[key] = parameters
    return taken, notes


def _items_pack(path: Path) -> Pack:
    found = packs.read_manifest(path)
    if found.kind != "items":
        raise click.UsageError(f"{path}: a pack of {found.kind}, not of items.")
    return found


def _bytes(path: Path) -> bytes:
    if path.stat().st_size > LARGEST:
        raise RoadmapError(f"{path.name} is larger than {LARGEST // 1_000_000} MB.")
    return path.read_bytes()


def _written(done: Written, of: int, out: Path, as_json: bool) -> None:
    out.write_bytes(done.data)
    if as_json:
        notes = [{"where": n.where, "what": n.what} for n in done.notes]
        dump({"file": str(out), "written": done.count, "of": of, "notes": notes})
        return
    _tell(done.notes)
    click.echo(f"{out}: {done.count} of {of} questions.")


def _tell(notes: Sequence[Note]) -> None:
    for note in notes:
        click.echo(str(note), err=True)
