"""The words of a question's facts, for people who have to agree to it."""

from collections.abc import Iterable, Mapping

from flask_babel import lazy_gettext as _l

from competency.items import Item, Kind
from competency.target import RoleProfile
from lti_tool.web.admin.soll_words import levels
from lti_tool.web.formats import precise
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local

KINDS: Mapping[Kind, object] = {
    Kind.SINGLE_CHOICE: _l("one answer fits"),
    Kind.TRUE_FALSE: _l("true or false"),
    Kind.SCENARIO: _l("a situation with better and worse answers"),
    Kind.MULTIPLE_RESPONSE: _l("several answers fit"),
    Kind.ORDERING: _l("put into order"),
    Kind.MATCHING: _l("match pairs"),
    Kind.CATEGORIZE: _l("sort into groups"),
    Kind.HOTSPOT: _l("find places in a picture"),
    Kind.SELF_RATING: _l("own view"),
    Kind.REFLECTION: _l("private reflection, never scored"),
    Kind.PRACTICAL_TASK: _l("task to try out, own view"),
}
#: What a change is about: `competency.bank_difference.ASPECTS`.
ASPECTS: Mapping[str, object] = {
    "words": _l("words of the question"),
    "answers": _l("answers"),
    "feedback": _l("explanation"),
    "measured": _l("what is measured"),
    "work": _l("whose work it is from"),
    "parameters": _l("difficulty"),
    "picture": _l("picture"),
    "other": _l("other wordings and details"),
}


def counts(item: Item, n: int, english: bool) -> str:
    """Return what an option counts for: "fits", "2 points", "belongs to …"; "" for nothing."""
    option = item.options[n]
    match item.kind:
        case Kind.SCENARIO:
            return ngettext("%(num)s point", "%(num)s points", option.points)
        case Kind.ORDERING:
            return _("place %(number)s", number=n + 1)
        case Kind.MATCHING | Kind.CATEGORIZE:
            target = (option.target_en if english else "") or option.target
            return _("belongs to: %(what)s", what=target)
    return _("fits") if option.correct else ""


def facts(item: Item, roles: Iterable[RoleProfile]) -> tuple[tuple[str, str], ...]:
    """Return kind, level, whose work and the parameters, as (name, value)."""
    found = [(_("Kind"), str(KINDS[item.kind]))]
    if item.level:
        found.append((_("Meant for"), f"{item.level} – {levels()[item.level]}"))
    found.append((_("From the work of"), _work(item, roles)))
    if item.scored:
        steps = "; ".join(precise(b) for b in item.b)
        said = _("%(steps)s; tells people apart: %(a)s", steps=steps, a=precise(item.a))
        found += [(_("Difficulty"), said), (_("Difficulty known from"), item.basis)]
    return tuple(found)


def _work(item: Item, roles: Iterable[RoleProfile]) -> str:
    if item.for_all:
        return _("everybody")
    titles = [local(role, "title") for role in roles if role.key in item.roles]
    return ", ".join(titles) or _("not said yet")
