"""The report beside a bank, as one HTML file that a person without statistics reads."""

from collections.abc import Mapping
from pathlib import Path

import jinja2
import numpy as np
from babel.support import NullTranslations, Translations

from competency.calibration.bank import Bank, BankItem
from competency.calibration.report import Judged, Reason, judged, measured

WEB = Path(__file__).parent.parent
#: Discrimination from which an item tells persons apart somewhat, and well.
SOMEWHAT, WELL = 0.6, 1.2
#: A correlation below this is not worth a sentence.
ALONG = 0.3


def report(bank: Bank, language: str, names: Mapping[str, str] | None = None) -> str:
    """Return the page; language is de or en.

    `names`: what questions and competences are called, by key and code; what has none stays a key.
    """
    words = Translations.load(WEB / "translations", [language])
    found = judged(bank)
    return (
        _environment(words)
        .get_template("admin/calibration.html")
        .render(
            language=language,
            bank=bank,
            names=names or {},
            judged=found,
            measured=measured(bank),
            counts={v: sum(j.verdict == v for j in found) for v in ("works", "look", "out")},
            nearest=_nearest(bank),
            groups=sorted({d.group for i in bank.items for d in i.differences}),
            unfair=sum(bool({Reason.UNFAIR, Reason.UNEVEN} & set(j.reasons)) for j in found),
            strength=lambda item: _strength(words, item),
            said=lambda reason, j: _said(words, reason, j),
            number=lambda x, digits=2: _number(language, x, digits),
        )
    )


def _environment(words: NullTranslations) -> jinja2.Environment:
    loader = jinja2.FileSystemLoader(WEB / "templates")
    environment = jinja2.Environment(loader=loader, autoescape=True, extensions=["jinja2.ext.i18n"])
    environment.install_gettext_translations(words, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _number(language: str, value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.replace(".", ",") if language == "de" else text


def _strength(words: NullTranslations, item: BankItem) -> str:
    gettext = words.ugettext
    if item.reversed:
        return str(gettext("the wrong way round"))
    if item.a >= WELL:
        return str(gettext("well"))
    return str(gettext("somewhat") if item.a >= SOMEWHAT else gettext("hardly"))


def _nearest(bank: Bank) -> dict[str, str]:
    """Return the competence each one goes along with most, or a dash."""
    found = {}
    for n, code in enumerate(bank.competencies):
        row = np.where(np.arange(len(bank.competencies)) == n, -1.0, bank.correlation[n])
        most = int(row.argmax())
        found[code] = bank.competencies[most] if row[most] >= ALONG else "–"
    return found


def _said(words: NullTranslations, reason: Reason, j: Judged) -> str:
    """Return why an item is where it is, and what to do, in two short sentences."""
    _ = words.ugettext
    sentences = {
        Reason.SILENT: _("Nobody answered it. It keeps its old numbers."),
        Reason.ALIKE: _("Everybody gave the same answer. It tells nobody apart."),
        Reason.FEW: _("Too few answers. Wait for more."),
        Reason.BACKWARDS: _("Who knows more does worse here. Check the key."),
        Reason.WEAK: _("It goes along with no other question. Check wording and competence."),
        Reason.NOISY: _("Answers jump. Look for guessing or a second right answer."),
        Reason.BENT: _("It gets easier in jumps. Look at the answers to choose from."),
        Reason.UNFAIR: _("It is unfair to a group: %(groups)s. Change the scene or the words."),
        Reason.UNEVEN: _("A group finds it a little harder or easier: %(groups)s. Read it again."),
        Reason.TWIN: _("It asks the same as %(twins)s. One of them is enough."),
        Reason.UNSURE: _("How difficult it is, is still vague. Wait for more answers."),
    }
    groups = ", ".join(d.group for d in j.item.differences if d.size != "none")
    return str(sentences[reason]) % {"groups": groups, "twins": ", ".join(j.twins)}
