"""Files that are there whole or not at all: a command that fails leaves the old one."""

import os
from pathlib import Path


def written(path: Path, text: str) -> None:
    """Write a text file whole: beside it first, then in its place."""
    if path.exists() and not path.is_file():  # a pipe or a device
        path.write_text(text, encoding="utf-8")
        return
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
