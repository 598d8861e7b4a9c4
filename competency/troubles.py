"""What is wrong at one place of a table that somebody filled in."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Trouble:
    """The heading is row 1. `cause` is a key that has words in every language."""

    row: int
    column: str
    cause: str
    value: str = ""

    def told(self, words: Mapping[str, str]) -> str:
        """Return the words of the cause, with what stands there."""
        return words[self.cause] + (f" ({self.value})" if self.value else "")

    def placed(self, words: Mapping[str, str]) -> str:
        """Return the same behind its place: "row 12, column unit: there is no such unit (N99)"."""
        return f"row {self.row}, column {self.column}: {self.told(words)}"
