"""From a bank to the parameters of a next pack version: what is taken over, what stays, and why.

Nothing is in force by this: a proposal is a file that a named person releases. Self-reports keep
what they have, because a bank does not tell ability and over-rating apart (reference 3.6).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Any

from competency.calibration.bank import Bank, BankItem
from competency.calibration.report import Verdict, judged
from competency.items import Item, Model


class Kept(StrEnum):
    """Why an item keeps the parameters it has."""

    NOT_ASKED = "not in the bank"
    OUT = "the report says: not to be asked for now"
    SELF_REPORT = "self-report: ability and over-rating are not told apart"
    CATEGORIES = "another number of categories"
    COINCIDING = "two of its difficulties are the same to four digits"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The content of a parameters.json, and what stayed as it was."""

    document: dict[str, Any]
    taken: tuple[str, ...]
    kept: dict[str, Kept]


def proposed(bank: Bank, items: Sequence[Item], source: str) -> Proposal:
    """Return new parameters of the scored items; `source` names bank and answers."""
    out = {j.item.key for j in judged(bank) if j.verdict is Verdict.OUT}
    found = {i.key: i for i in bank.items}
    rows: dict[str, dict[str, Any]] = {}
    kept: dict[str, Kept] = {}
    for item in sorted((i for i in items if i.scored), key=lambda i: i.key):
        new = found.get(item.key)
        if why := _kept(item, new, out):
            kept[item.key] = why
            rows[item.key] = _row(item.a, item.b, item.model) | {"basis": item.basis}
        elif new:
            rows[item.key] = _row(round(new.a, 4), [round(b, 4) for b in new.b], Model(new.model))
    taken = tuple(key for key in rows if key not in kept)
    basis = f"kalibriert: {bank.persons} Personen, {len(taken)} von {len(rows)} Fragen"
    document = {"basis": basis, "source": source, "kept": kept, "items": rows}
    return Proposal(document, taken, kept)


def _kept(item: Item, new: BankItem | None, out: set[str]) -> Kept | None:
    if new is None:
        return Kept.NOT_ASKED
    if item.self_report:
        return Kept.SELF_REPORT
    if new.key in out:
        return Kept.OUT
    if len(new.b) != len(item.b):
        return Kept.CATEGORIES
    # Steps of partial credit may come in any order; graded curves rise (readers and checks say so).
    if new.model == Model.GRM and any(round(x, 4) >= round(y, 4) for x, y in pairwise(new.b)):
        return Kept.COINCIDING
    return None


def _row(a: float, b: Sequence[float], model: Model) -> dict[str, Any]:
    """Return what parameters.json says of an item; the model only where it is not graded."""
    row: dict[str, Any] = {"a": a, "b": list(b)}
    return row if model is Model.GRM else {**row, "model": model.value}
