"""What can go wrong, in our words: what happened, and what to do about it.

Errors of an area live with it (lti.launch, xapi_bridge.errors, …) and share this base where a
person will read them. Messages never carry secrets, tokens, names or answers.
"""

from dataclasses import dataclass


class RoadmapError(Exception):
    """Something an operator or admin can understand and act on."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.remedy}" if self.remedy else message


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the settings; `where` names file, line or variable."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class SettingsError(RoadmapError):
    """The settings cannot be used. Lists everything that is wrong, not just the first."""

    def __init__(self, problems: list[Problem]) -> None:
        lines = "\n".join(f"  - {p}" for p in problems)
        super().__init__(
            f"{len(problems)} problem(s) in the settings:\n{lines}",
            remedy="\nEvery setting is explained in config/default.toml.",
        )
        self.problems = problems


class DatabaseError(RoadmapError):
    """The database is missing, locked, too old, too new or full."""


class NotFound(RoadmapError):
    """What was asked for is not there, or not this person's."""


class Conflict(RoadmapError):
    """What was asked for does not fit what is stored (an answer to a question of long ago, …)."""
