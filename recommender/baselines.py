"""What the planner must beat: the greedy choice (reference: planning 3.3, step 1)."""

from collections.abc import Iterable, Sequence

from recommender.gaps import Need
from recommender.model import Offer, Progress, Terms, value


def greedy(need: Need, among: Sequence[Offer], terms: Terms) -> tuple[Offer, ...]:
    """Return units taken one by one: the most value per hour that may start and still fits.

    Starts from what is mandatory, whatever it costs; never looks ahead. Ties break on the key.
    """
    chosen = [o for o in among if o.exempt]
    while best := _next(need, among, chosen, terms):
        chosen.append(best)
    return tuple(chosen)


def _next(need: Need, among: Sequence[Offer], chosen: list[Offer], terms: Terms) -> Offer | None:
    progress = Progress(need, terms.done)
    for offer in chosen:
        progress.take(offer)
    so_far = value(need, chosen)
    rates = [
        ((value(need, [*chosen, o]) - so_far) / max(o.unit.hours, 0.1), o)
        for o in among
        if o not in chosen and progress.admits(o) and _fits(o, chosen, terms)
    ]
    rate, best = max(rates, key=lambda r: r[0], default=(0.0, None))
    return best if rate > 0 else None


def _fits(offer: Offer, chosen: Iterable[Offer], terms: Terms) -> bool:
    hours = offer.unit.hours + sum(o.unit.hours for o in chosen)
    cost = offer.unit.cost_eur + sum(o.unit.cost_eur for o in chosen)
    return hours <= terms.hours + 1e-9 and cost <= terms.budget_eur + 1e-9
