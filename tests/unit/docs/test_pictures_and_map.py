"""Pictures and the map of the house: what they show and name is there."""

import re
from pathlib import Path

import pytest

from tools.screenshots import NAMES, OUT

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MAP = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
PICTURE = re.compile(r"\]\(([^)]*bilder/[^)]+\.png)\)")
#: `name` in [file](../path), as the map writes it; also several names before one file.
NAMED = re.compile(
    r"((?:`\w+(?:\.\w+)*`[,\s]*(?:and\s+)?)+)(?:\s|\n)*(?:there\s)?(?:in|of)\s+\[[^\]]+\]\(\.\./([^)]+)\)"
)
HOUSE = ("competency", "recommender", "xapi_bridge", "lti_tool")
MOST_BYTES = 3_000_000


def test_the_script_the_folder_and_the_pages_agree_on_the_pictures() -> None:
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in PICTURE.findall(page.read_text(encoding="utf-8"))
    }
    assert {file.stem for file in OUT.glob("*.png")} == set(NAMES)
    assert shown == set(OUT.glob("*.png"))


def test_the_pictures_are_small_enough_to_clone() -> None:
    assert sum(file.stat().st_size for file in OUT.glob("*.png")) < MOST_BYTES


def test_no_two_pictures_are_the_same() -> None:
    seen = [file.read_bytes() for file in OUT.glob("*.png")]
    assert len(set(seen)) == len(seen)


def test_what_the_map_names_in_a_file_is_in_that_file() -> None:
    found = [(n, f) for names, f in NAMED.findall(MAP) for n in re.findall(r"`([\w.]+)`", names)]
    assert len(found) >= 8
    for named, file in found:
        text = (ROOT / file).read_text(encoding="utf-8")
        word = named.rpartition(".")[2]
        assert re.search(rf"(?:def|class) {word}\b|^{word}\b|\"{word}\"", text, re.MULTILINE), (
            f"{file}: {named}"
        )


@pytest.mark.parametrize("package", HOUSE)
def test_the_map_shows_every_room(package: str) -> None:
    assert f"](../{package}" in MAP
    for room in (ROOT / package).iterdir():
        if (room / "__init__.py").is_file():
            assert f"{package}/{room.name}" in MAP, room


def test_every_folder_of_the_house_is_on_the_map() -> None:
    for folder in ROOT.iterdir():
        kept = folder.is_dir() and any(folder.rglob("*.*")) and not folder.name.startswith(".")
        if kept and folder.name not in ("var", "requirements", "assets", "docs"):
            assert f"](../{folder.name})" in MAP or f"../{folder.name}/" in MAP, folder.name
