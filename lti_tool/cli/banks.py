"""Read a bank's file, with errors that name it."""

import json
from pathlib import Path

from competency.calibration import table
from competency.calibration.bank import Bank
from competency.errors import NotCalibrated


def bank_of(path: Path) -> Bank:
    """Return the bank; :raises NotCalibrated: the file is none."""
    try:
        return Bank.of_document(json.loads(table.decoded(path.name, path.read_bytes())))
    except (json.JSONDecodeError, NotCalibrated) as error:
        raise NotCalibrated(f"{path.name}: {error}") from None
