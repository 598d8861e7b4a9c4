"""The words of the mapping: what an activity stands for, what is wrong, what messages come to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l

from competency.scale import level_of_step
from competency.troubles import Trouble
from lti_tool.flows import assigning
from lti_tool.flows.assigning import Change, Preview
from lti_tool.web.admin import soll_words
from lti_tool.web.services import services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local
from xapi_bridge.aims import Aim
from xapi_bridge.mapping import Table
from xapi_bridge.trial import Example, Trial

TROUBLES: Mapping[str, object] = {
    "column-missing": _l("This column is missing."),
    "column-twice": _l("This column stands there twice."),
    "column-unknown": _l("There is no such column."),
    "activity-missing": _l("The address of the activity is missing."),
    "activity-long": _l("The address is too long."),
    "twice": _l("This activity stands there twice, for different things."),
    "both": _l("Choose a unit or a topic, not both."),
    "unit": _l("There is no such unit."),
    "competency": _l("There is no such topic."),
    "private": _l("This is a private self-reflection. Nothing is evidence for it."),
    "level": _l("Choose a level from 1 to 4."),
    "nothing": _l("Choose a unit, or a topic and a level."),
}
NOTES: Mapping[str, object] = {
    "not completed": _l("broken off"),
    "no parent activity": _l("does not say which quiz it belongs to"),
    "no usable score": _l("has no usable points"),
    "not a person doing something": _l("is not about a person doing something"),
    "authority not allowed": _l("comes from a sender that is not trusted"),
    "not done for credit": _l("was only looked at (cmi5)"),
    "points and mastery score contradict the verb": _l("contradicts its own points (cmi5)"),
}
KINDS: Mapping[str, object] = {
    "completion": _l("done"),
    "uncompletion": _l("done no longer"),
    "passed": _l("passed"),
    "failed": _l("not passed"),
    "scored": _l("done, with points"),
}
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial in words: a sentence, lines of counts by what they are, examples."""

    looked: int
    sentence: str
    compared: str
    counts: tuple[tuple[str, str], ...]  # source and rule -> how many
    left: tuple[tuple[str, str], ...]  # why nothing -> how many
    unknown: tuple[tuple[str, str], ...]
    examples: tuple[tuple[str, str], ...]  # address -> what it counts for


def times(number: int) -> str:
    return ngettext("%(num)d time completed", "%(num)d times completed", number)


def aim(text: str) -> str:
    """Return what an activity stands for; "" as it is."""
    return _aim(Aim.of(text)) if text else ""


def _aim(found: Aim) -> str:
    content = services().content
    if found.unit:
        unit = content.catalogue.by_key.get(found.unit)
        return f"{found.unit} {local(unit, 'title')}" if unit else found.unit
    code = found.competency
    title = local(content.framework.topic(code), "title") if _known(code) else ""
    level = level_of_step(found.step)
    topic = f"{code} {title}".strip()
    return _("%(topic)s, level %(level)s", topic=topic, level=level)


def chosen(text: str) -> dict[str, str]:
    """Return what the form shows as chosen."""
    found = Aim.of(text)
    level = str(level_of_step(found.step)) if found.competency else ""
    return {"unit": found.unit, "competency": found.competency, "level": level}


def units() -> list[tuple[str, str]]:
    return [(u.key, f"{u.key} {local(u, 'title')}") for u in services().content.catalogue.units]


def topics() -> list[tuple[str, str]]:
    framework = services().content.framework
    return [(c, f"{c} {local(framework.topic(c), 'title')}") for c in framework.dimensions]


def wrong(cause: str) -> str:
    return str(TROUBLES[cause])


def trouble(found: Trouble) -> str:
    """Return "Row 12, column unit: There is no such unit. (N99)"."""
    return soll_words.trouble(found, TROUBLES)


def counts(found: Preview) -> str:
    """Return "3 new, 1 changed. 12 stay." in words."""
    new, changed, gone = (
        found.number(k) for k in (assigning.NEW, assigning.CHANGED, assigning.GONE)
    )
    parts = [
        (new, ngettext("%(num)d new", "%(num)d new", new)),
        (changed, ngettext("%(num)d changed", "%(num)d changed", changed)),
        (gone, ngettext("%(num)d taken away", "%(num)d taken away", gone)),
    ]
    said = [", ".join(text for number, text in parts if number) or _("Nothing changes")]
    if found.same:
        said.append(ngettext("%(num)d stays as it is", "%(num)d stay as they are", found.same))
    if found.empty:
        said.append(
            ngettext("%(num)d row is not filled in", "%(num)d rows are not filled in", found.empty)
        )
    return " ".join(f"{part}." for part in said)


def change(found: Change) -> str:
    if not found.after:
        return _("no longer: %(before)s", before=aim(found.before))
    if not found.before:
        return aim(found.after)
    return _("%(after)s (until now: %(before)s)", after=aim(found.after), before=aim(found.before))


def tried(found: Trial, tables: Sequence[Table], *, compared: bool) -> Tried:
    """Return a trial in words; `compared` with what holds now."""
    titles = {t.ref: t.title for t in tables}
    return Tried(
        looked=found.looked,
        sentence=_sentence(found),
        compared=_compared(found) if compared else "",
        counts=tuple(
            (_rule(rule, titles), messages(number))
            for rule, number in found.rules.most_common(SHOWN)
        ),
        left=tuple((name, messages(number)) for name, number in _left(found) if number),
        unknown=tuple((pair, messages(n)) for pair, n in found.unknown.most_common(SHOWN)),
        examples=tuple((e.activity, _example(e)) for e in found.examples),
    )


def messages(number: int) -> str:
    return ngettext("%(num)d message", "%(num)d messages", number)


def _sentence(found: Trial) -> str:
    if not found.looked:
        return _("There are no messages here whose text is still kept.")
    return ngettext(
        "Of the last %(looked)s messages %(num)d counts.",
        "Of the last %(looked)s messages %(num)d count.",
        found.counting,
        looked=found.looked,
    )


def _compared(found: Trial) -> str:
    said = [
        ngettext("%(num)d counts in addition.", "%(num)d count in addition.", found.gained),
        ngettext("%(num)d counts no longer.", "%(num)d count no longer.", found.lost),
        ngettext(
            "%(num)d counts for something else.", "%(num)d count for something else.", found.changed
        ),
    ]
    kept = [s for s, n in zip(said, (found.gained, found.lost, found.changed), strict=True) if n]
    return " ".join(kept) or _("This changes nothing about them.")


def _left(found: Trial) -> list[tuple[str, int]]:
    notes: Counter[str] = Counter()
    for note, number in found.notes.items():
        notes[str(NOTES.get(note, note))] += number
    return [
        (_("the activity is not mapped"), found.unmapped.total()),
        (_("is known and proves nothing (opened, clicked, signed in)"), found.nothing.total()),
        *notes.most_common(),
        (_("no rule knows it"), found.unknown.total()),
    ]


def _rule(rule: str, titles: Mapping[str, str]) -> str:
    ref, _slash, key = rule.partition("/")
    return f"{titles.get(ref, ref)}: {key}"


def _example(found: Example) -> str:
    kind = str(KINDS.get(found.kind, found.kind))
    unit = aim(found.unit) if found.unit else ""
    topics_ = ", ".join(found.competencies)
    what = f"{unit} ({topics_})" if unit and topics_ else unit or topics_
    return _("%(kind)s, for %(what)s", kind=kind, what=what or "–")


def _known(code: str) -> bool:
    return code in services().content.framework.by_code
