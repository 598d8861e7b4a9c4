"""What a check finds, and the rules that every text of a pack keeps, whatever it is for."""

from collections.abc import Iterator
from dataclasses import dataclass

from competency.wording import (
    TOLERATED_WORDS,
    forbidden,
    genitive_chains,
    long_sentences,
    subjunctive,
)

ERROR, WARNING = "error", "warning"

LONGEST_TITLE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to put right. `where` is a pack and the place in it."""

    severity: str  # error | warning
    where: str
    message: str

    @property
    def error(self) -> bool:
        """Whether it keeps the pack from release."""
        return self.severity == ERROR

    def document(self) -> dict[str, str]:
        """Return it as `roadmap content check --json` prints it."""
        return {"severity": self.severity, "where": self.where, "message": self.message}

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.message}"


def titles(where: str, *texts: str) -> Iterator[Finding]:
    """Yield what is wrong with titles: too long, or a word no learner should read."""
    for title in texts:
        if len(title) > LONGEST_TITLE:
            message = f"title over {LONGEST_TITLE} characters: {title}"
            yield Finding(ERROR, where, message)
        yield from (Finding(ERROR, where, f"forbidden word {w}") for w in forbidden(title))


def plain(where: str, field: str, text: str) -> Iterator[Finding]:
    """Yield what makes a German text hard to read or unkind."""
    for word in forbidden(text):
        yield Finding(ERROR, where, f"{field}: forbidden word {word}")
    for word in subjunctive(text):
        yield Finding(WARNING, where, f"{field}: say what is, not what might be: {word}")
    for chain in genitive_chains(text):
        yield Finding(WARNING, where, f"{field}: two genitives in a row: {chain}")
    for count, sentence in long_sentences(text):
        severity = ERROR if count > TOLERATED_WORDS else WARNING
        yield Finding(severity, where, f"{field}: {count} words in a sentence: {sentence}")
