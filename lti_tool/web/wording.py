"""The words for levels, verdicts, certainty and reasons: one place, so that every page agrees.

Steps are 0 to 8; people read the five level words. Three verdicts, never a number, never a grade.
Source: design/pages.md section 2.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from competency.path import Reason
from competency.profile import Standing, Verdict
from competency.scale import level_of_step
from lti_tool.web.formats import date_of, language
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import pgettext

VERY_SURE = 0.95


def local(value: Any, name: str) -> str:
    """Return a text of the content in the reader's language; German where there is no other."""
    english = str(getattr(value, f"{name}_en", "")) if language() == "en" else ""
    return english or str(getattr(value, name))


def quoted(texts: Iterable[str]) -> str:
    """Return texts in quotation marks, separated by commas."""
    return ", ".join(_("“%(text)s”", text=text) for text in texts)


def levels() -> tuple[str, ...]:
    """Return the five level words, 0 to 4."""
    return (
        pgettext("level", "not yet"),
        pgettext("level", "with help"),
        pgettext("level", "on your own"),
        pgettext("level", "confidently"),
        pgettext("level", "leading others"),
    )


def level(step: int) -> str:
    """Return the level word of a step."""
    return levels()[level_of_step(step)]


def verdict(value: Verdict) -> str:
    words = {
        Verdict.MET: pgettext("verdict", "met"),
        Verdict.GAP: pgettext("verdict", "to learn"),
        Verdict.OPEN: pgettext("verdict", "still open"),
    }
    return words.get(value, "")


def span(low: int, high: int) -> str:
    """Return the levels between two steps; three or more levels say that little is known."""
    first, last = level_of_step(low), level_of_step(high)
    if last - first >= 2:
        return _("We know little here yet.")
    if first == last:
        return levels()[first]
    return _("%(low)s to %(high)s", low=levels()[first], high=levels()[last])


def wide(standing: Standing) -> bool:
    """Return whether the span covers three levels or more."""
    return level_of_step(standing.high) - level_of_step(standing.low) >= 2


def how_sure(standing: Standing) -> str:
    """Return one or two sentences on how sure the verdict is."""
    sentences = [_certainty(standing)]
    if standing.inferred:
        sentences.append(_("Concluded from similar questions."))
    return " ".join(sentences)


def _certainty(standing: Standing) -> str:
    if standing.verdict is Verdict.OPEN:
        return _("The answers are not enough for that yet.")
    if standing.p >= VERY_SURE or standing.p <= 1 - VERY_SURE:
        return _("That is very sure.")
    return _("That is quite sure.")


def why(reason: Reason, names: Mapping[str, str]) -> str:
    """Return the "Because …" sentence of a reason; `names` are titles of competences and units.

    Levels in the values are 0 to 4. An unknown key says nothing rather than something wrong.
    """
    sentence = _WHY.get(reason.key)
    return sentence(reason.values, names) if sentence else ""


def _named(values: Mapping[str, object], key: str, names: Mapping[str, str]) -> str:
    code = str(values.get(key, ""))
    return names.get(code, code)


def _level(values: Mapping[str, object], key: str) -> str:
    return levels()[int(str(values.get(key, 0)))]


def _gap(values: Mapping[str, object], names: Mapping[str, str]) -> str:
    topic, soll = _named(values, "competency", names), _level(values, "soll")
    if not values.get("ist"):
        return _(
            "Because your role needs the level “%(soll)s” in “%(topic)s”. "
            "You have not done it yet.",
            topic=topic,
            soll=soll,
        )
    return _(
        "Because your role needs the level “%(soll)s” in “%(topic)s”. Today you work “%(ist)s”.",
        topic=topic,
        soll=soll,
        ist=_level(values, "ist"),
    )


def _open(values: Mapping[str, object], names: Mapping[str, str]) -> str:
    return _(
        "Because in “%(topic)s” it is still open what you can do. The beginning will show.",
        topic=_named(values, "competency", names),
    )


def _prerequisite(values: Mapping[str, object], names: Mapping[str, str]) -> str:
    return _("Because “%(unit)s” builds on it.", unit=_named(values, "unit", names))


def _mandatory(values: Mapping[str, object], _names: Mapping[str, str]) -> str:
    by, at = str(values.get("by", "")), str(values.get("at", ""))
    if by and at:
        return _(
            "Because it is decided for everybody in your role (%(by)s, %(at)s).",
            by=by,
            at=date_of(at),
        )
    if by:
        return _("Because it is decided for everybody in your role (%(by)s).", by=by)
    return _("Because it is decided for everybody in your role.")


def _group(_values: Mapping[str, object], _names: Mapping[str, str]) -> str:
    return _("Because your group learns this together.")


def _chosen(_values: Mapping[str, object], _names: Mapping[str, str]) -> str:
    return _("Because you chose it.")


_WHY: Mapping[str, Callable[[Mapping[str, object], Mapping[str, str]], str]] = {
    "gap": _gap,
    "open": _open,
    "prerequisite": _prerequisite,
    "mandatory": _mandatory,
    "group": _group,
    "chosen": _chosen,
}
