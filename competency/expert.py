"""Item parameters before any data exists: an expert's guess, marked as such.

Who knows the answer: discrimination 1.2; difficulty at the cut where the level is entered, graded
items spread around it (decisions 3). What is stored also counts those who guess (ADR 0023), so a
question of two options weighs less than one of four. Replaced by calibration; the file names its
basis and every item carries it.
"""

from collections.abc import Iterable

from competency.guessing import chance, with_guessing
from competency.items import Item, Kind
from competency.scale import MAX_LEVEL, cut_of_step, step_of_level
from competency.scoring import categories

BASIS = "vorläufig: Expertenschätzung, mit Raten"
DISCRIMINATION = 1.2
#: Distance of neighbouring thresholds on theta, as in the reference's graded bank.
SPACING = 0.7
#: Lowest to highest threshold of one item; a check list of ten steps must not span the population.
WIDEST = 2.8


def expert_parameters(item: Item) -> tuple[float, tuple[float, ...]]:
    """Return (a, b) of an item as its answers will look; a reflection has no b."""
    a, b = knowing(item)
    # Nobody guesses how well she can do something; a check list is what somebody did.
    return with_guessing(a, b, chance(item)) if b and not item.self_report else (a, b)


def knowing(item: Item) -> tuple[float, tuple[float, ...]]:
    """Return (a, b) of who knows the answer, by the item's level and kind."""
    thresholds = categories(item) - 1
    if thresholds < 1:
        return DISCRIMINATION, ()
    if item.kind is Kind.SELF_RATING and thresholds <= MAX_LEVEL:
        # The anchored options name the levels themselves: "mit Hilfe", "allein", "zeige ich".
        return DISCRIMINATION, tuple(_entry(level) for level in range(1, thresholds + 1))
    centre = _entry(max(1, item.level))
    spacing = min(SPACING, WIDEST / max(1, thresholds - 1))
    middle = (thresholds - 1) / 2
    b = tuple(round(centre + spacing * (n - middle), 6) for n in range(thresholds))
    return DISCRIMINATION, b


def parameters_document(items: Iterable[Item]) -> dict[str, object]:
    """Return the content of a parameters.json for these items, sorted by key."""
    rows = {}
    for item in sorted((i for i in items if i.scored), key=lambda i: i.key):
        a, b = expert_parameters(item)
        rows[item.key] = {"a": a, "b": list(b)}
    return {"basis": BASIS, "items": rows}


def _entry(level: int) -> float:
    return cut_of_step(step_of_level(level))
