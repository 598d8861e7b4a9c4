"""How plain a German text is: sentences, their length, and words no learner should read.

Source: design pages 2 (at most 15 words a sentence, words to avoid). Quotations are somebody else's
words (a text message, a sign): each counts as one word and as no sentence of its own.
"""

import re
from collections.abc import Iterator

MOST_WORDS = 15
#: Between MOST_WORDS and this a sentence is a warning, above it an error: compound words and a
#: quotation in the middle can make 15 unreachable without a worse sentence.
TOLERATED_WORDS = 18
MOST_SENTENCES = 3

#: What a page must never say to a learner. "Mangel" is not among them (a Mängelmelder is a tool).
FORBIDDEN = re.compile(
    r"\b(Defizit\w*|Schwäche\w*|Noten?\b|bestanden\b|durchgefallen|Versag\w+|Konfidenz\w*|Zielwert\w*"
    r"|Überspringen|Fehler!)",
    re.UNICODE,
)

_QUOTE = re.compile(r"„([^“”]*)[“”]|“([^”]*)”|\"([^\"]*)\"")
_SHORT = re.compile(r"\b(z\. ?B|d\. ?h|u\. ?a|ca|Nr|bzw|usw|e\. ?g|i\. ?e)\.")
_MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_MONTH = re.compile(rf"(\d)\.(?= ({_MONTHS}))")
_END = re.compile(r"(?<=[.!?…])\s+")
_WORD = re.compile(r"[^\W_][\w*’'./@:-]*", re.UNICODE)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, quotations shortened to one word."""
    plain = _QUOTE.sub(_quotation, text)
    plain = _MONTH.sub(r"\1", _SHORT.sub(lambda m: m[0].replace(".", "").replace(" ", ""), plain))
    return [s for s in _END.split(plain.strip()) if _WORD.search(s)]


def words(sentence: str) -> int:
    """Return how many words a sentence has; "4.1" and "E-Mail" are one."""
    return len(_WORD.findall(sentence))


def long_sentences(text: str) -> Iterator[tuple[int, str]]:
    """Yield (words, sentence) of every sentence with more words than it should have."""
    for sentence in sentences(text):
        if (count := words(sentence)) > MOST_WORDS:
            yield count, sentence


def forbidden(text: str) -> list[str]:
    """Return the words in a text that a learner must not read, in order."""
    return [match[0] for match in FORBIDDEN.finditer(text)]


def _quotation(match: re.Match[str]) -> str:
    inner = next(group for group in match.groups() if group is not None)
    # „Bitte bestätigen.“ ends a sentence; „Erledigt“ stands inside one.
    return "Zitat." if inner.rstrip().endswith((".", "!", "?", "…")) else "Zitat"
