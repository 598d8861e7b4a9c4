"""The questions, for whoever has to agree: every version, what changes, and every question itself.

Read only. What is asked comes into force by `roadmap items release` (law L22), not here.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from flask import render_template

from competency.bank_difference import BankDifference, ItemChange, difference
from competency.banks import BankVersion, Shelf, Standing, items_of, shelf
from competency.errors import PackError
from competency.items import Item
from competency.manifest import Pack
from lti_tool.errors import NotFound
from lti_tool.web.admin import item_words
from lti_tool.web.formats import date_of, language
from lti_tool.web.services import house, services
from lti_tool.web.translate import gettext as _
from lti_tool.web.translate import ngettext
from lti_tool.web.wording import local


class UnreadableBank(NotFound):
    """A proposal is not as it was sealed; the operator has to look."""


@dataclass(frozen=True, slots=True)
class Told:
    """One question as it is shown; of a changed one also what it was."""

    key: str
    topic: str
    stem: str
    plain: str
    picture: str
    options: tuple[tuple[str, str, str], ...]  # text, plain text, and what it counts for
    feedback: str
    facts: tuple[tuple[str, str], ...]
    foreign: bool  # German words on a page in another language


@dataclass(frozen=True, slots=True)
class Changed:
    after: Told
    before: Told
    aspects: str
    numbers: bool  # nothing else changed: its words stand there once


@dataclass(frozen=True, slots=True)
class TopicLine:
    code: str
    title: str
    said: str
    changes: str


def items() -> str:
    """List the versions of the questions, the newest first."""
    found = _shelf()
    page = {
        "versions": [
            (v.ref, _name(v.pack), v.standing.value, _facts(v), _compared(v))
            for v in found.versions
        ],
        "broken": found.broken,
    }
    return render_template("admin/items.html", page=page)


def bank(bank: str) -> str:
    """Show one version topic by topic, with what changes against the version before."""
    version = _version(bank)
    now, changes = _items(version.pack), _difference(version)
    counts = Counter(i.competency for i in now)
    gone = {i.competency for i in changes.removed}
    page = {
        "ref": version.ref,
        "name": _name(version.pack),
        "standing": version.standing.value,
        "facts": _facts(version),
        "compared": _compared(version),
        "changes": _counts(changes),
        "topics": [
            TopicLine(
                code,
                local(topic, "title"),
                ngettext("%(num)s question", "%(num)s questions", counts[code]),
                _counts(_only(changes, code)) if version.before else "",
            )
            for code, topic in services().content.framework.by_code.items()
            if counts[code] or code in gone
        ],
    }
    return render_template("admin/bank.html", page=page)


def topic(bank: str, topic: str) -> str:
    """Show every question of a topic: what is new, changed, gone, and the rest."""
    version = _version(bank)
    known = services().content.framework.by_code
    if topic not in known:
        raise NotFound("There is no such topic.", remedy="Choose one from the list.")
    changes = _only(_difference(version), topic)
    touched = {i.key for i in changes.added} | {c.after.key for c in changes.changed}
    rest = [i for i in _items(version.pack) if i.competency == topic and i.key not in touched]
    groups = [
        ("new", _("New"), [_told(i) for i in changes.added]),
        ("gone", _("No longer asked"), [_told(i) for i in changes.removed]),
        ("same", _("As before") if version.before else "", [_told(i) for i in rest]),
    ]
    page = {
        "ref": version.ref,
        "name": _name(version.pack),
        "standing": version.standing.value,
        "title": local(known[topic], "title"),
        "compared": _compared(version),
        "changed": [_changed(c) for c in changes.changed],
        "groups": [group for group in groups if group[2]],
    }
    return render_template("admin/bank_topic.html", page=page)


def _shelf() -> Shelf:
    return shelf(services().content, house().settings.content.proposals)


def _version(ref: str) -> BankVersion:
    for version in _shelf().versions:
        if version.ref == ref:
            return version
    raise NotFound("There is no such version of the questions.", remedy="Choose one from the list.")


def _items(pack: Pack) -> tuple[Item, ...]:
    try:
        return items_of(services().content, pack)
    except PackError as error:
        raise UnreadableBank(
            f"The proposal {pack.ref} cannot be read.", remedy="Propose it again."
        ) from error


def _difference(version: BankVersion) -> BankDifference:
    """Return what changes; against nothing, nothing is new."""
    if version.before is None:
        return BankDifference((), (), ())
    return difference(_items(version.before), _items(version.pack))


def _only(changes: BankDifference, code: str) -> BankDifference:
    """Return the changes of one topic; a question that moves is told where it arrives."""
    return BankDifference(
        added=_of(changes.added, code),
        removed=_of(changes.removed, code),
        changed=tuple(c for c in changes.changed if c.after.competency == code),
    )


def _of(items: Iterable[Item], code: str) -> tuple[Item, ...]:
    return tuple(i for i in items if i.competency == code)


def _counts(changes: BankDifference) -> str:
    """Return "2 new, 1 changed, 1 gone"; "" where nothing changes."""
    parts = (
        (len(changes.added), _("%(count)s new", count=len(changes.added))),
        (len(changes.changed), _("%(count)s changed", count=len(changes.changed))),
        (len(changes.removed), _("%(count)s no longer asked", count=len(changes.removed))),
    )
    return ", ".join(said for count, said in parts if count)


def _name(pack: Pack) -> str:
    return _("Version %(number)s", number=pack.version)


def _compared(version: BankVersion) -> str:
    return _name(version.before) if version.before else ""


def _facts(version: BankVersion) -> tuple[tuple[str, str], ...]:
    pack = version.pack
    facts = [(_("Title"), pack.title), (_("Where from"), pack.source), (_("Licence"), pack.licence)]
    if pack.note:
        facts.append((_("About the numbers"), pack.note))
    if version.standing is not Standing.PROPOSED and pack.released_by:
        said = _("%(who)s on %(day)s", who=pack.released_by, day=date_of(pack.released_on))
        facts.append((_("Released by"), said))
    if pack.council_involved_on:
        facts.append((_("Staff council involved on"), date_of(pack.council_involved_on)))
    return tuple(facts)


def _changed(change: ItemChange) -> Changed:
    said = ", ".join(str(item_words.ASPECTS[a]) for a in change.aspects)
    numbers = change.aspects == ("parameters",)
    return Changed(_told(change.after), _told(change.before), said, numbers)


def _told(item: Item) -> Told:
    english = language() == "en" and bool(item.stem_en)
    return Told(
        key=item.key,
        topic=_text(item, "topic", english),
        stem=_text(item, "stem", english),
        plain=item.stem_plain if not english else "",
        picture=_text(item, "picture_alt", english),
        options=tuple(
            (
                _text(o, "text", english),
                "" if english else o.text_plain,
                item_words.counts(item, n, english),
            )
            for n, o in enumerate(item.options)
        ),
        feedback=_text(item, "feedback", english),
        facts=item_words.facts(item, services().content.roles),
        foreign=language() != "de" and not english,
    )


def _text(part: object, name: str, english: bool) -> str:
    """Return a text in the reader's language; German where it has no other."""
    own = str(getattr(part, f"{name}_en", "")) if english else ""
    return own or str(getattr(part, name))
