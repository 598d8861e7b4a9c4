"""Property tests here are the gate of every change: same examples each time, no clock."""

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.unit.competency.copied import PACKS, SHIPPED

settings.register_profile("core", deadline=None, derandomize=True)
settings.load_profile("core")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the shipped packs that a test may break."""
    for pack in PACKS.values():
        shutil.copytree(SHIPPED / pack, tmp_path / pack)
    return tmp_path
