"""A proposal of the next version of the questions, waiting to be read."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from competency import packs
from lti_tool.settings import ROOT

TOPIC, PROPOSAL = "1.1", "kommunal-de-9.0"
REMOVED, CHANGED, ADDED = "1.1-01", "1.1-02", "1.1-99"
ADDED_STEM = "Worum geht es in der neuen Frage?"
CHANGED_STEM = "Was steht jetzt in der geänderten Frage?"


def proposals(folder: Path) -> Path:
    """Return a folder with one proposal, and one that cannot be read.

    In topic 1.1 one question is gone, one has other words and another difficulty, one is new.
    """
    waiting = folder / "proposals"
    shipped = packs.Content.load(ROOT / "content").newest("items")
    made = waiting / PROPOSAL
    shutil.copytree(shipped.path, made)
    manifest = (made / "pack.toml").read_text(encoding="utf-8")
    manifest = manifest.replace(f'version = "{shipped.version}"', 'version = "9.0"')
    head = f'status = "vorgeschlagen"\nproposed_from = "{shipped.ref}"'
    (made / "pack.toml").write_text(
        manifest.replace('status = "vorläufig"', head), encoding="utf-8"
    )
    _rewrite(made / "items.json", _other_words)
    _rewrite(made / "parameters.json", _other_parameters)
    packs.seal(made)
    (waiting / "kaputt").mkdir()
    (waiting / "kaputt" / "pack.toml").write_text("id = ", encoding="utf-8")
    return waiting


def _rewrite(file: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def _other_words(rows: list[dict[str, Any]]) -> None:
    by_key = {row["key"]: row for row in rows}
    rows.append(by_key[CHANGED] | {"key": ADDED, "stem": ADDED_STEM})
    rows.remove(by_key[REMOVED])
    by_key[CHANGED]["stem"] = CHANGED_STEM


def _other_parameters(document: dict[str, Any]) -> None:
    items, basis = document["items"], document["basis"]
    document["basis"] = "kalibriert: 900 Personen"  # the seal leaves such parameters as they are
    for row in items.values():
        row["basis"] = basis
    items[ADDED] = items[CHANGED]
    items[CHANGED] = {"a": 1.75, "b": [-0.25]}
    del items[REMOVED]
