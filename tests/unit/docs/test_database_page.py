"""The page about the database explains every trouble in the words of the program."""

from pathlib import Path

import pytest

from lti_tool.store import troubles
from lti_tool.store.troubles import Trouble

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "datenbank.md").read_text(encoding="utf-8")
TROUBLES = {n: t for n, t in vars(troubles).items() if isinstance(t, Trouble)}


@pytest.mark.parametrize("name", sorted(TROUBLES))
def test_every_trouble_is_explained(name: str) -> None:
    said = TROUBLES[name].message.rstrip(".").partition(" (")[0].partition(";")[0]
    assert said.removesuffix("; this one was taken back") in PAGE
