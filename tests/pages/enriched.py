"""The shipped content with what a pack may have besides: easy words and recordings.

`EASY` stands in front of every stem and option of the twins, so that a page shows which words it
used. The recording, of true or false questions only, is a second of silence.
"""

import json
import shutil
import wave
from pathlib import Path

from competency.items import Kind
from competency.manifest import DATA_FILE
from competency.packs import Content, seal
from lti_tool.settings import ROOT

EASY = "Leicht gesagt:"
SOUND = "stille.wav"


def enriched(folder: Path) -> Path:
    """Return a content folder in which every question has a twin, and some a recording."""
    content = folder / "content"
    shutil.copytree(ROOT / "content", content)
    pack = Content.load(content).newest("items").path
    file = pack / DATA_FILE["items"]
    items = json.loads(file.read_text(encoding="utf-8"))
    for item in items:
        item["stem_plain"] = f"{EASY} {item['stem']}"
        if item["kind"] == Kind.TRUE_FALSE:
            item["sound"] = SOUND
        for option in item["options"]:
            option["text_plain"] = f"{EASY} {option['text']}"
    file.write_text(json.dumps(items, ensure_ascii=False), encoding="utf-8")
    (pack / "sounds").mkdir()
    _silence(pack / "sounds" / SOUND)
    seal(pack)
    return content


def _silence(path: Path) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8000)
        sound.writeframes(b"\x80" * 8000)
