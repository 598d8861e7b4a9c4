"""The words of the page "LRS": what a store can do, what rounds are called, which fields are read.

What has no words here is shown as it is: better a name in English than a guess.
"""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from xapi_bridge import capabilities

#: What an admin should know, by the short name of `xapi_bridge.capabilities`.
FINDINGS: Mapping[str, object] = {
    "ignores-since": _l("It does not understand “since when”. It cannot be used."),
    "foreign-version": _l("It speaks no version of xAPI that roadMAP speaks."),
    "timestamp": _l(
        "It searches by the time of the event, not of its arrival. So roadMAP reads the last 30 "
        "days each time, and everything at night. Better: let it forward to roadMAP (`/xapi`)."
    ),
    "unknown-since": _l(
        "It holds too little to tell whether late messages are found. roadMAP looks again by "
        "itself."
    ),
    "small-pages": _l("It gives at most %(page_cap)s messages at once. A first import takes long."),
    "inconsistent": _l("It does not say up to when it is complete. The overlap covers that."),
    "read-only": _l("Our key may not write there. Learning paths do not arrive."),
    "no-documents": _l("It keeps no documents. Of a learning path it gets the messages only."),
    "document-key": _l(
        "Our key may not use documents there. Of a learning path only the messages arrive. Give it "
        "that right in the LRS."
    ),
    "no-if-match": _l("It overwrites documents without asking."),
    "shows-voided": _l("It also shows what was taken back. roadMAP leaves that out itself."),
    "filters": _l("Its filters do not work. roadMAP reads everything and chooses itself."),
    "skew": _l("Its clock differs by %(skew_s)s seconds. That does no harm."),
    "limited": _l("It limits how often one may ask. A first import takes longer."),
}

ABILITIES: Mapping[str, object] = {
    "versions": _l("Versions of xAPI"),
    "answers": _l("Version in its answers"),
    "since": _l("“Since when” means"),
    "order": _l("Order of its answers"),
    "page_cap": _l("Most messages at once"),
    "page_default": _l("Messages at once by itself"),
    "boolean": _l("Understands “oldest first”"),
    "more": _l("Link to the next page"),
    "last_more": _l("Last page"),
    "consistent_through": _l("Says up to when it is complete"),
    "consistency_monotonic": _l("Never goes back on that"),
    "may_write": _l("Our key may write"),
    "documents": _l("Keeps documents"),
    "document_key": _l("Our key may use documents"),
    "if_match": _l("Protects documents from each other"),
    "voided": _l("Knows what was taken back"),
    "filters": _l("Filters by course and verb"),
    "agents": _l("Filters by person"),
    "limits": _l("Limits"),
}

VALUES: Mapping[str, object] = {
    "True": _l("yes"),
    "False": _l("no"),
    "None": _l("not known"),
    "unknown": _l("not known"),
    "stored": _l("by arrival"),
    "timestamp": _l("by event"),
    "neither": _l("neither by arrival nor by event"),
    "ignored": _l("no"),
    "lower": _l("yes"),
    "usable": _l("yes"),
    "unusable": _l("no"),
    "present": _l("yes"),
    "trusted": _l("yes"),
    "none": _l("no"),
    "absolute": _l("whole address"),
    "path": _l("path"),
    "query": _l("query"),
    "relative": _l("relative"),
    "missing": _l("without a link"),
    "empty": _l("with an empty link"),
    "": _l("none"),
}

ROUNDS: Mapping[str, object] = {
    "night": _l("Every night: the last two days"),
    "week": _l("Every week: the last 30 days"),
    "deleted": _l("Every month: what was deleted there"),
}

NOTES: Mapping[str, object] = {
    "no-agent-filter": _l("Not possible: this LRS does not search by person."),
    "all-gone": _l("The LRS does not know most of its messages any more. Nothing was taken back."),
}

#: Field of a message -> why it is read, what stays of it.
FIELDS: tuple[tuple[object, object, object], ...] = (
    (_l("Number (id)"), _l("Each message counts once."), _l("stays")),
    (
        _l("Person (actor)"),
        _l("Does it belong to a person who has started roadMAP?"),
        _l("a pseudonym; the name not at all"),
    ),
    (_l("Deed (verb)"), _l("What was done?"), _l("stays")),
    (
        _l("Activity (object)"),
        _l("Which activity, and so which unit, was it?"),
        _l("stays"),
    ),
    (
        _l("Result (result)"),
        _l("Completed, passed, how many points?"),
        _l("what it proves; the rest %(days)s days; answers in words and durations not at all"),
    ),
    (
        _l("Surroundings (context)"),
        _l("Which course or quiz does it belong to, and which system sent it?"),
        _l("%(days)s days; other persons not at all"),
    ),
    (
        _l("Times (timestamp, stored)"),
        _l("What came first, what is new?"),
        _l("stays"),
    ),
    (
        _l("Origin (authority)"),
        _l("Who stored it: may that prove something?"),
        _l("nothing"),
    ),
    (_l("Version (version)"), _l("Nothing is read of it."), _l("%(days)s days")),
    (_l("Attachments (attachments)"), _l("They are never read or fetched."), _l("nothing")),
)


def fields(days: int) -> list[tuple[str, str, str]]:
    """Return field, why it is read, and what stays of it; `days` is how long texts are kept."""
    return [(str(name), str(why), str(stays) % {"days": days}) for name, why, stays in FIELDS]


def findings(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what an admin should know of a store, in the reader's language."""
    if not found:
        return ()
    return tuple(_finding(name, found) for name in capabilities.findings(found))


def _finding(name: str, found: Mapping[str, Any]) -> str:
    said = FINDINGS.get(name)
    return capabilities.SENTENCES[name] if said is None else str(said) % _values(found)


def _values(found: Mapping[str, Any]) -> dict[str, Any]:
    skew = found.get("skew_s")
    return {"page_cap": found.get("page_cap"), "skew_s": "" if skew is None else round(skew)}


def abilities(found: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return name and value of everything that the probe has found out."""
    return tuple(
        (ability(name), value(found[name]))
        for name in ABILITIES
        if found.get(name) not in (None, "unknown", "", [], (), {})
    )


def ability(name: str) -> str:
    return str(ABILITIES.get(name, name))


def value(found: Any) -> str:
    if isinstance(found, list | tuple):
        return ", ".join(map(str, found))
    if isinstance(found, Mapping):
        return ", ".join(f"{name}: {said}" for name, said in sorted(found.items()))
    return str(VALUES.get(str(found), found))


def round_(kind: str) -> str:
    return str(ROUNDS.get(kind, kind))


def note(name: str) -> str:
    return str(NOTES.get(name, name)) if name else ""
