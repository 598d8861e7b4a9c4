"""What changes from one version of the questions to the next, for whoever has to agree first.

Law L22: item banks are readable by the staff council before they are used, with the difference.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

from competency.items import Item

#: Fields of an item by what a reader cares about; what is not here is compared as "other".
ASPECTS: dict[str, str] = {
    "stem": "words",
    "stem_plain": "words",
    "options": "answers",
    "feedback": "feedback",
    "competency": "measured",
    "level": "measured",
    "kind": "measured",
    "roles": "work",
    "for_all": "work",
    "setting": "work",
    "a": "parameters",
    "b": "parameters",
    "basis": "parameters",
    "model": "parameters",
    "picture": "picture",
    "picture_alt": "picture",
    "spots": "picture",
}


@dataclass(frozen=True, slots=True)
class ItemChange:
    """A question that differs; `aspects` in the order of ASPECTS' values, then "other"."""

    before: Item
    after: Item
    aspects: tuple[str, ...]


@dataclass(frozen=True)
class BankDifference:
    added: tuple[Item, ...]
    removed: tuple[Item, ...]
    changed: tuple[ItemChange, ...]


def difference(before: Iterable[Item], after: Iterable[Item]) -> BankDifference:
    """Return what changes, each part by key."""
    old, new = ({i.key: i for i in sorted(items, key=lambda i: i.key)} for items in (before, after))
    both = [(old[key], new[key]) for key in new if key in old]
    return BankDifference(
        added=tuple(item for key, item in new.items() if key not in old),
        removed=tuple(item for key, item in old.items() if key not in new),
        changed=tuple(ItemChange(x, y, _aspects(x, y)) for x, y in both if x != y),
    )


def _aspects(before: Item, after: Item) -> tuple[str, ...]:
    differing = [f.name for f in fields(Item) if getattr(before, f.name) != getattr(after, f.name)]
    found = {ASPECTS.get(name, "other") for name in differing}
    return tuple(a for a in (*dict.fromkeys(ASPECTS.values()), "other") if a in found)
