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
#: Einfache Sprache says the same in more and shorter sentences.
MOST_EASY_SENTENCES = 4

#: What a page must never say to a learner. "Mangel" is not among them (a Mängelmelder is a tool).
FORBIDDEN = re.compile(
    r"\b(Defizit\w*|Schwäche\w*|Noten?\b|bestanden\b|durchgefallen|Versag\w+|Konfidenz\w*|Zielwert\w*"
    r"|Überspringen|Fehler!)",
    re.UNICODE,
)

#: What might be instead of what is; "möchten" is a wish and stays.
SUBJUNCTIVE = re.compile(
    r"\b(?:würde|könnte|müsste|sollte|hätte|wäre|dürfte|bräuchte)(?:n|st|t)?\b", re.IGNORECASE
)
#: "Das Ende der Frist der Stadt": of what again?
GENITIVES = re.compile(
    r"\b(?!(?:An|Auf|Aus|Bei|In|Mit|Nach|Neben|Seit|Über|Unter|Von|Vor|Zu|Zwischen)\b)"
    r"[A-ZÄÖÜ]\w+ (?:des|der|eines|einer) [A-ZÄÖÜ]\w+ (?:des|der|eines|einer) [A-ZÄÖÜ]\w+"
)
#: Words of an office that Einfache Sprache replaces or explains.
HARD = re.compile(
    r"\b(Fachverfahren|Vorg[aä]ng\w*|Stichtag\w*|Zählweise\w*|Impressum|Zulassung\w*|Fassung\w*|"
    r"Widerspr[uü]ch\w*|widersprechen|Dokumentation\w*|dokumentier\w+|Ablage|Zuständig\w*|"
    r"Beteiligung\w*|Mitzeichnung|Folgenabschätzung|Schnittstelle\w*|Datensicherung|"
    r"Schadsoftware|Anforderung\w*|Aufbewahrungsfrist|Register|Urkunde|Satzung|Kostenstelle|"
    r"Formatvorlage\w*|Intranet|verschlüssel\w*|Werkseinstellung|Verwaltungsspitze|Rechtsgrund|"
    r"Rundschreiben|verantwort\w*|beaufsichtig\w*|Einführung|Erfassung|erfass\w*|Lizenz\w*|"
    r"Medienbruch|Austrittsdatum|Bedingung\w*|Statistik|Melderegister|amtlich\w*|freigegeben\w*|"
    r"Freigabe\w*|verwaist\w*|Abteilung|Inhaltsverzeichnis|Ursache\w*|Sachbearbeitung|"
    r"Vermessungsamt|Rangliste|Absprache|unkenntlich|Berichtigung|berichtig\w*|Skala|Herkunft|"
    r"Verwertung|Verwerten|Quartal|Vereinbarung|Behörde\w*|digitalisier\w*|Qualität\w*|"
    r"Transponder)\b"
)
#: Questions to the learner about her own health have no place here (law L17).
OWN_HEALTH = re.compile(
    r"\bIhr\w* (?:Augen|Rücken|Nacken|Daumen|Gesundheit|Krankheit|Schlaf|Schmerz\w*|Diagnose)\b"
    r"|\bSie (?:sind|fühlen sich) (?:krank|müde|erschöpft|gestresst|schwanger)\b"
    r"|\b[Ss]ie haben (?:Schmerzen|Fieber|Kopfschmerzen|Angst)\b"
)

_QUOTE = re.compile(r"„([^“”]*)[“”]|“([^”]*)”|\"([^\"]*)\"")
_SHORT = re.compile(r"\b(z\. ?B|d\. ?h|u\. ?a|ca|Nr|bzw|usw|e\. ?g|i\. ?e)\.")
_MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_MONTH = re.compile(rf"(\d)\.(?= ({_MONTHS}))")
_END = re.compile(r"(?<=[.!?…])\s+")
_WORD = re.compile(r"[^\W_][\w*’'./@:-]*", re.UNICODE)


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, quotations shortened to one word."""
    plain = without_quotations(text)
    plain = _MONTH.sub(r"\1", _SHORT.sub(lambda m: m[0].replace(".", "").replace(" ", ""), plain))
    return [s for s in _END.split(plain.strip()) if _WORD.search(s)]


def without_quotations(text: str) -> str:
    """Return the text with each quotation shortened to one word."""
    return _QUOTE.sub(_quotation, text)


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


def subjunctive(text: str) -> list[str]:
    """Return the verbs that say what might be."""
    return SUBJUNCTIVE.findall(without_quotations(text))


def genitive_chains(text: str) -> list[str]:
    """Return the places with two genitives in a row."""
    return GENITIVES.findall(text)


def hard_words(text: str) -> list[str]:
    """Return the words that an easy text does not use, quotations apart."""
    return HARD.findall(without_quotations(text))


def own_health(text: str) -> list[str]:
    """Return the places that speak of the learner's own health."""
    return OWN_HEALTH.findall(text)


def _quotation(match: re.Match[str]) -> str:
    inner = next(group for group in match.groups() if group is not None)
    # „Bitte bestätigen.“ ends a sentence; „Erledigt“ stands inside one.
    return "Zitat." if inner.rstrip().endswith((".", "!", "?", "…")) else "Zitat"
