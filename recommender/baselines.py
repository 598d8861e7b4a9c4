"""What the planner must beat: the greedy choice (reference: planning 3.3, step 1)."""

from collections.abc import Sequence

from recommender.gaps import Need
from recommender.model import Offer, Progress, Terms

SLACK = 1e-9


def greedy(need: Need, among: Sequence[Offer], terms: Terms) -> tuple[Offer, ...]:
    """Return units taken one by one: the most value per hour that may start and still fits.

    Starts from what is mandatory or included, whatever it costs; never looks ahead. Ties break on
    the order of `among`, which is the key.
    """
    asked_for = terms.mandatory | terms.included
    chosen = [o for o in among if o.key in asked_for]
    rest = [o for o in among if o.key not in asked_for]
    progress = Progress(need, terms.done)
    for offer in chosen:
        progress.take(offer)
    while best := _next(progress, rest, chosen, terms):
        progress.take(best)
        chosen.append(best)
        rest.remove(best)
    return tuple(chosen)


def _next(
    progress: Progress, rest: Sequence[Offer], chosen: Sequence[Offer], terms: Terms
) -> Offer | None:
    hours = terms.hours - sum(o.unit.hours for o in chosen) + SLACK
    budget = terms.budget_eur - sum(o.unit.cost_eur for o in chosen) + SLACK
    able = (o for o in rest if o.unit.hours <= hours and o.unit.cost_eur <= budget)
    rates = (
        ((progress.gain(o) + o.merit) / max(o.unit.hours, 0.1), o)
        for o in able
        if progress.admits(o)
    )
    rate, best = max(rates, key=lambda r: r[0], default=(0.0, None))
    return best if rate > 0 else None
