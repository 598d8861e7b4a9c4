"""Why each step is there, as message keys and values, and what it really closes.

Each open step is credited once: to the first unit in the plan's order that covers it. Only steps
that count as closed in the plan (the covering rows with y = 1) are named, so adding up what the
path says never promises more than the path does.

Reasons: mandatory {by, at} · gap {competency, soll, ist} · open {competency} · prerequisite {unit}
· chosen {} · group {group}. Levels are 0-4.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from competency.path import Closes, Reason
from competency.scale import level_of_step
from recommender.gaps import Need
from recommender.model import Group, Offer, Step, closed


@dataclass(frozen=True, slots=True)
class Mandate:
    """Who made a unit mandatory, and when (a date in ISO form); empty where not recorded."""

    by: str = ""
    at: str = ""


@dataclass(frozen=True)
class Told:
    """What the sentences may mention beside the gap."""

    mandates: Mapping[str, Mandate]
    included: Collection[str] = ()
    groups: Sequence[Group] = ()


def credits(need: Need, order: Iterable[Offer]) -> dict[str, tuple[Step, ...]]:
    """Return the open steps each unit closes, in the given order; every step at most once."""
    order = tuple(order)
    due = set(closed(need, order))
    shares: dict[str, tuple[Step, ...]] = {}
    for offer in order:
        shares[offer.key] = tuple(step for step in offer.covers if step in due)
        due.difference_update(shares[offer.key])
    return shares


def closes(steps: Iterable[Step]) -> tuple[Closes, ...]:
    """Return runs of steps as from/to; a unit that closes 2 and 3 lifts from 1 to 3."""
    runs: list[Closes] = []
    for competency, step in sorted(steps):
        last = runs[-1] if runs else None
        if last and last.competency == competency and last.end == step - 1:
            runs[-1] = Closes(competency, last.start, step)
        else:
            runs.append(Closes(competency, step - 1, step))
    return tuple(runs)


def reasons(
    need: Need,
    offer: Offer,
    order: Sequence[Offer],
    shares: Mapping[str, Sequence[Step]],
    told: Told,
) -> tuple[Reason, ...]:
    """Return why this unit is in the plan, the strongest reason first."""
    return (
        *_asked_for(offer, told),
        *gap_reasons(need, shares[offer.key]),
        *_prerequisite(offer, order, shares),
        *(Reason("group", {"group": g.key}) for g in told.groups if offer.key in g.units),
    )


def _asked_for(offer: Offer, told: Told) -> tuple[Reason, ...]:
    found = []
    if mandate := told.mandates.get(offer.key):
        known = {"by": mandate.by, "at": mandate.at}
        found.append(Reason("mandatory", {k: v for k, v in known.items() if v}))
    if offer.key in told.included:
        found.append(Reason("chosen"))
    return tuple(found)


def gap_reasons(need: Need, steps: Iterable[Step]) -> tuple[Reason, ...]:
    """Return one reason per competence, the one that is worth most first."""
    worth: dict[str, float] = {}
    for step in steps:
        worth[step[0]] = worth.get(step[0], 0.0) + need.values[step]
    return tuple(_gap(need, c) for c in sorted(worth, key=lambda c: (-worth[c], c)))


def _gap(need: Need, competency: str) -> Reason:
    if competency in need.unsure:
        return Reason("open", {"competency": competency})
    soll, ist = need.soll[competency], need.held(competency)
    levels = {"soll": level_of_step(soll), "ist": level_of_step(ist)}
    return Reason("gap", {"competency": competency, **levels})


def _prerequisite(
    offer: Offer, order: Sequence[Offer], shares: Mapping[str, Sequence[Step]]
) -> tuple[Reason, ...]:
    mine = set(shares[offer.key])
    return tuple(
        Reason("prerequisite", {"unit": other.key})
        for other in order
        if not other.exempt
        and (offer.key in other.unit.requires or not mine.isdisjoint(other.entry))
    )
