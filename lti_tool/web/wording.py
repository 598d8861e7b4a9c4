"""The words for levels, verdicts, certainty and reasons: one place, so that every page agrees.

Steps are 0 to 8; people read the five level words. Three verdicts, never a number, never a grade.
Source: design/pages.md section 2.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from competency.path import Reason
from competency.profile import Standing, Verdict
from competency.scale import MAX_LEVEL, level_of_step
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


def from_to(low: int, high: int) -> str:
    """Return levels 0 to 4 from low to high in words; a wide span is told by its sure end."""
    words = levels()
    if low == high:
        return words[low]
    if high == MAX_LEVEL and low:
        return _("at least %(level)s", level=words[low])
    if high - low > 1:
        return _("at most %(level)s", level=words[high])
    return _("%(low)s to %(high)s", low=words[low], high=words[high])


def rings(level: int, scale: int) -> str:
    """Return which rings of a net mean one of the four levels."""
    if scale == MAX_LEVEL:
        return str(level)
    return _("%(low)s and %(high)s", low=2 * level - 1, high=2 * level)


def verdict(value: Verdict, *, inferred: bool = False) -> str:
    """Return the word of a verdict; what rests on other topics only is a presumption."""
    words = {
        Verdict.MET: pgettext("verdict", "met"),
        Verdict.GAP: pgettext("verdict", "to learn"),
        Verdict.OPEN: pgettext("verdict", "still open"),
    }
    if inferred:
        words[Verdict.MET] = pgettext("verdict", "probably met")
        words[Verdict.GAP] = pgettext("verdict", "probably to learn")
    return words.get(value, "")


def soll(*, approved: bool) -> str:
    """Say what "Soll" means and whether it is decided: everywhere in the same words."""
    means = _("“Needed” means: what your work asks for.")
    if approved:
        decided = _("Your municipality has decided it.")
    else:
        decided = _("It is a proposal. Your municipality has not decided it yet.")
    return f"{means} {decided}"


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
    """Return how sure the verdict is; without an own answer nothing is called sure."""
    if standing.inferred:
        if standing.verdict is Verdict.OPEN:
            return _("No answer of yours about this counts yet.")
        return _("This is a presumption from your answers about similar topics.")
    if standing.verdict is Verdict.OPEN:
        return _("The answers are not enough for that yet.")
    if standing.p >= VERY_SURE or standing.p <= 1 - VERY_SURE:
        return _("That is very sure.")
    return _("That is quite sure.")


def why(reasons: Iterable[Reason], names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the "Because …" sentences, the strongest first; `names` are titles by code and key.

    One sentence a kind of reason: further topics and units are named or counted in it, or a page
    would be a wall of "because". Levels in the values are 0 to 4. An unknown key says nothing
    rather than something wrong.
    """
    by_key: dict[str, list[Mapping[str, object]]] = {}
    for reason in reasons:
        by_key.setdefault(reason.key, []).append(reason.values)
    found = ((_WHY[key], values) for key, values in by_key.items() if key in _WHY)
    return tuple(sentence(values, names) for sentence, values in found)


def precedence() -> tuple[str, ...]:
    """Return the rules of `competency.precedence` for the person they are about."""
    return (
        _("What you say was not you does not count."),
        _("New answers to our questions take the place of your older ones."),
        _("A result of another test counts for a certain time. Then it is too old."),
        _("Of one test provider only the newest result about a topic counts."),
        _("Of one activity in the learning portal only the newest result counts."),
        _("Everything else counts together. Exact results weigh more, self-ratings less."),
    )


Values = Mapping[str, object]
Names = Mapping[str, str]


def _named(values: Values, key: str, names: Names) -> str:
    code = str(values.get(key, ""))
    return names.get(code, code)


def _level(values: Values, key: str) -> str:
    return levels()[int(str(values.get(key, 0)))]


def _gap(found: Sequence[Values], names: Names) -> str:
    first, *rest = found
    topic, soll = _named(first, "competency", names), _level(first, "soll")
    if not first.get("ist"):
        said = _(
            "Because your role needs the level “%(soll)s” in “%(topic)s”. "
            "Your level today: “%(ist)s”.",
            topic=topic,
            soll=soll,
            ist=levels()[0],
        )
    else:
        said = _(
            "Because your role needs the level “%(soll)s” in “%(topic)s”. "
            "Today you work “%(ist)s”.",
            topic=topic,
            soll=soll,
            ist=_level(first, "ist"),
        )
    return " ".join(part for part in (said, _also(rest, names)) if part)


def _open(found: Sequence[Values], names: Names) -> str:
    first, *rest = found
    said = _(
        "Because in “%(topic)s” it is still open what you can do. The beginning will show.",
        topic=_named(first, "competency", names),
    )
    return " ".join(part for part in (said, _also(rest, names)) if part)


def _also(rest: Sequence[Values], names: Names) -> str:
    if not rest:
        return ""
    return _("It also helps with %(topics)s.", topics=quoted(_topics(rest, names)))


def _topics(found: Sequence[Values], names: Names) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_named(values, "competency", names) for values in found))


def _prerequisite(found: Sequence[Values], names: Names) -> str:
    if len(found) == 1:
        return _("Because “%(unit)s” builds on it.", unit=_named(found[0], "unit", names))
    return _("Because %(count)s more units of your path build on it.", count=len(found))


def _mandatory(found: Sequence[Values], _names: Names) -> str:
    by, at = str(found[0].get("by", "")), str(found[0].get("at", ""))
    if by and at:
        return _(
            "Because this is mandatory for everybody in your role (set by: %(by)s, %(at)s).",
            by=by,
            at=date_of(at),
        )
    if by:
        return _("Because this is mandatory for everybody in your role (set by: %(by)s).", by=by)
    return _("Because this is mandatory for everybody in your role.")


def _group(_found: Sequence[Values], _names: Names) -> str:
    return _("Because your group learns this together.")


def _chosen(_found: Sequence[Values], _names: Names) -> str:
    return _("Because you chose it.")


_WHY: Mapping[str, Callable[[Sequence[Values], Names], str]] = {
    "gap": _gap,
    "open": _open,
    "prerequisite": _prerequisite,
    "mandatory": _mandatory,
    "group": _group,
    "chosen": _chosen,
}
