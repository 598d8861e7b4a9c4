"""A learning path for one learner: choose, lay into months, explain, certify.

Choosing is exact (`model`); months come second (`sequence`). What fits the hours but not the
months is left out, and its room is offered to something else. A request that cannot be kept
whole (mandatory units longer than the year, a swap that fits nowhere) never fails: the plan
keeps what comes first, mandatory units before all, names what is left out and says why.

Deterministic: the same inputs give the same path; only `ms` differs.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from competency.catalogue import Catalogue, Obligation
from competency.path import LearningPath, PathStep, Reason, StepState, Wishes
from recommender import explain, model
from recommender.baselines import greedy
from recommender.explain import Mandate
from recommender.gaps import Need
from recommender.model import Choice, Group, Offer, Terms
from recommender.request import Request
from recommender.sequence import Dates, Schedule, end_month, schedule, startable
from recommender.solver import SEED, Highs, Solver, clock_ms

ROUNDS = 4  # of offering the room of what fits no month to something else


class Status(StrEnum):
    OPTIMAL = "optimal"  # the choice is proven best
    LIMIT = "limit"  # time ran out; the bound still holds
    REDUCED = "reduced"  # not everything asked for can be kept: see `problems`


@dataclass(frozen=True, slots=True)
class Certificate:
    """How good the plan is, and how anyone can check it.

    `bound` is proven for the choice without months, so it also holds for every calendar. Problems:
    mandatory_exceeds_hours {needed, hours} · mandatory_exceeds_budget {needed, budget} ·
    mandatory_does_not_fit {unit} · choice_does_not_fit {unit} · group_does_not_fit {group}.
    """

    status: Status
    problems: tuple[Reason, ...]
    value: float
    bound: float
    solver: str
    version: str
    seed: int
    ms: float
    input_hash: str

    @property
    def gap(self) -> float:
        return (self.bound - self.value) / self.bound if self.bound > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a path brings topic by topic is said by `outlook`."""

    path: LearningPath
    certificate: Certificate


def plan(
    need: Need,
    catalogue: Catalogue,
    wishes: Wishes,
    *,
    start: str,
    versions: Mapping[str, str],
    done: frozenset[str] = frozenset(),
    mandatory: Iterable[str] | Mapping[str, Mandate] = (),
    previous: LearningPath | None = None,
    groups: tuple[Group, ...] = (),
    preferences: Mapping[str, float] | None = None,
    budget_eur: float = math.inf,
    solver: Solver | None = None,
) -> Plan:
    """Return the plan from the month `start` ("2026-11") on, with its certificate.

    `previous` is the path to stay close to: its finished steps stay, its other steps keep their
    place while they are needed, and its first month stays month 0, so that the months in `wishes`
    keep their meaning. After its twelve months it is over and planning starts afresh.
    """
    mandates = mandatory if isinstance(mandatory, Mapping) else dict.fromkeys(mandatory, Mandate())
    request = Request(
        need=need,
        catalogue=catalogue,
        wishes=wishes,
        start=start,
        versions=versions,
        done=done,
        mandates=mandates,
        previous=previous,
        groups=groups,
        preferences=preferences or {},
        budget_eur=budget_eur,
    )
    return answer(request, solver or Highs())


def replan(
    previous: LearningPath,
    need: Need,
    catalogue: Catalogue,
    *,
    now: str,
    done: frozenset[str],
    mandatory: Iterable[str] | Mapping[str, Mandate] = (),
    versions: Mapping[str, str],
) -> Plan:
    """Return the plan after something happened: same wishes, new need, as little change as can be.

    The state of the previous path is kept: what was accepted stays accepted.
    """
    made = plan(
        need,
        catalogue,
        previous.wishes,
        start=now,
        versions=versions,
        done=done,
        mandatory=mandatory,
        previous=previous,
    )
    return replace(made, path=replace(made.path, state=previous.state))


def compare(path: LearningPath, other: LearningPath) -> tuple[int | None, int | None]:
    """Return the month (0 = first) each path ends in; None for an empty path."""
    return end_month(path), end_month(other)


def reachable(
    need: Need, catalogue: Catalogue, done: frozenset[str] = frozenset()
) -> dict[str, int]:
    """Return the step each competence gets to at most, where that is below its Soll."""
    everything = model.offers(need, catalogue.units, Terms(done=done))
    reached = model.reach(need, everything, done)
    return {c: step for c, step in reached.items() if step < need.soll[c]}


def answer(request: Request, solver: Solver) -> Plan:
    """Return the plan for a request."""
    began = clock_ms()
    outcome = _outcome(request, solver)
    reach = reachable(request.need, request.catalogue, request.past)
    path = _path(request, outcome, reach)
    certificate = Certificate(
        status=outcome.status,
        problems=outcome.problems,
        value=path.value,
        bound=path.bound,
        solver=solver.name,
        version=solver.version,
        seed=SEED,
        ms=clock_ms() - began,
        input_hash=request.fingerprint(),
    )
    return Plan(path, certificate)


@dataclass(frozen=True)
class _Outcome:
    laid: Schedule
    left_out: tuple[str, ...]
    bound: float
    proven: bool
    problems: tuple[Reason, ...]

    @property
    def status(self) -> Status:
        if self.problems:
            return Status.REDUCED
        return Status.OPTIMAL if self.proven else Status.LIMIT


def _outcome(request: Request, solver: Solver) -> _Outcome:
    terms, problems = _with_limits(request)
    terms, choice, dropped = _settled(request, terms, solver)
    laid = _laid(request, terms, choice, solver)
    placed = frozenset(o.key for o in laid.offers)
    lost = sorted(request.terms.mandatory - placed)
    unkept = sorted(request.terms.included - placed - {str(p.values.get("unit")) for p in dropped})
    return _Outcome(
        laid,
        _left_out(request, placed, solver),
        choice.bound,
        choice.proven,
        (
            *problems,
            *dropped,
            *(Reason("mandatory_does_not_fit", {"unit": key}) for key in lost),
            *(Reason("choice_does_not_fit", {"unit": key}) for key in unkept),
        ),
    )


def _with_limits(request: Request) -> tuple[Terms, tuple[Reason, ...]]:
    """Return the terms with hours and money; mandatory units get what they need, with a word."""
    calendar, terms = request.calendar, request.terms
    duties = [request.catalogue.by_key[key] for key in sorted(terms.mandatory)]
    hours = math.fsum(u.hours for u in duties)
    cost = math.fsum(u.cost_eur for u in duties)
    problems = []
    if hours > calendar.hours + 1e-9:
        values = {"needed": round(hours, 2), "hours": round(calendar.hours, 2)}
        problems.append(Reason("mandatory_exceeds_hours", values))
    if cost > terms.budget_eur + 1e-9:
        money = {"needed": cost, "budget": terms.budget_eur}
        problems.append(Reason("mandatory_exceeds_budget", money))
    limited = replace(
        terms,
        hours=max(hours, calendar.hours),
        budget_eur=max(cost, terms.budget_eur),
        barred=terms.barred | _dateless(request),
    )
    return limited, tuple(problems)


def _dateless(request: Request) -> frozenset[str]:
    """Return the units that no month of the calendar can take."""
    everything = model.offers(request.need, request.catalogue.units, request.terms)
    calendar, dates = request.calendar, request.dates
    return frozenset(o.key for o in everything if not startable(o, calendar, dates))


def _settled(
    request: Request, terms: Terms, solver: Solver
) -> tuple[Terms, Choice, tuple[Reason, ...]]:
    """Return the best choice that keeps as much of what was asked for as can be kept."""
    choice = _choose(request, terms, solver)
    if choice is not None:
        return terms, choice, ()
    kept, problems = replace(terms, groups=(), included=frozenset()), list[Reason]()
    for group in terms.groups:
        wider = replace(kept, groups=(*kept.groups, group))
        if _choose(request, wider, solver) is None:
            problems.append(Reason("group_does_not_fit", {"group": group.key}))
        else:
            kept = wider
    for key in sorted(terms.included):
        wider = replace(kept, included=kept.included | {key})
        if _choose(request, wider, solver) is None:
            problems.append(Reason("choice_does_not_fit", {"unit": key}))
        else:
            kept = wider
    choice = _choose(request, kept, solver) or _without_solver(request, kept)
    return kept, choice, tuple(problems)


def _choose(request: Request, terms: Terms, solver: Solver) -> Choice | None:
    among = model.offers(request.need, request.catalogue.units, terms)
    if not terms.included <= {o.key for o in among}:
        return None
    return model.choose(request.need, among, terms, solver)


def _without_solver(request: Request, terms: Terms) -> Choice:
    """Return the greedy choice: the solver found nothing in its time, and duties always fit."""
    among = model.offers(request.need, request.catalogue.units, terms)
    bound = request.need.total + math.fsum(max(0.0, o.merit) for o in among)
    return Choice(greedy(request.need, among, terms), bound, proven=False)


def _laid(request: Request, terms: Terms, choice: Choice, solver: Solver) -> Schedule:
    """Return the months; the room of what fits none is offered to other units."""
    best = _schedule(request, terms, choice.offers)
    for _ in range(ROUNDS if best.left_out else 0):
        placed = frozenset(o.key for o in best.offers)
        barred = terms.barred | {o.key for o in best.left_out}
        terms = replace(terms, included=(placed | terms.included) - barred, barred=barred)
        refilled = _choose(request, terms, solver)
        if refilled is None:
            break
        again = _schedule(request, terms, refilled.offers)
        if _worth(request, again) <= _worth(request, best):
            break
        best = again
    return _without_idlers(request, best)


def _schedule(request: Request, terms: Terms, chosen: Iterable[Offer]) -> Schedule:
    """Return the months close to what was agreed; if that costs a unit its place, freely."""
    offers, dates = model.lean(request.need, tuple(chosen), terms), request.dates
    laid = _with_dates(request, offers, dates)
    if not laid.left_out or not dates.agreed:
        return laid
    freely = _with_dates(request, offers, replace(dates, agreed={}))
    return freely if _worth(request, freely) > _worth(request, laid) else laid


def _with_dates(request: Request, offers: tuple[Offer, ...], dates: Dates) -> Schedule:
    asked_for = request.terms.included
    return schedule(request.need, offers, request.calendar, dates, request.past, asked_for)


def _worth(request: Request, laid: Schedule) -> tuple[float, ...]:
    keys = {o.key for o in laid.offers}
    asked_for = len(keys & request.terms.mandatory), len(keys & request.terms.included)
    return (*asked_for, round(model.value(request.need, laid.offers), 9))


def _without_idlers(request: Request, laid: Schedule) -> Schedule:
    # A unit may have been there only to prepare one that found no month.
    needed = {o.key for o in model.lean(request.need, laid.offers, request.terms)}
    return replace(laid, slots=tuple(s for s in laid.slots if s.offer.key in needed))


def _left_out(request: Request, placed: frozenset[str], solver: Solver) -> tuple[str, ...]:
    """Return what the plan would hold besides if there were more time, what was asked for first."""
    asked_for = sorted((request.terms.mandatory | request.terms.included) - placed)
    asked_for = [key for key in asked_for if key in request.catalogue.by_key]
    more = _with_more_time(request, placed, solver)
    return (*asked_for, *(key for key in more if key not in placed and key not in asked_for))


def _with_more_time(request: Request, placed: frozenset[str], solver: Solver) -> list[str]:
    need = request.need
    terms = replace(request.terms, included=placed - request.terms.mandatory, groups=())
    terms = replace(terms, agreed=frozenset())
    everything = model.offers(need, request.catalogue.units, terms)
    within_reach = model.closed(need, model.ordered(need, everything, request.past)[0])
    more: Iterable[Offer] = greedy(need, everything, terms)
    if model.closed(need, more) != within_reach:  # greedy does not look past a prerequisite
        choice = _choose(request, terms, solver)
        more = more if choice is None else choice.offers
    return [o.key for o in model.lean(need, tuple(more), terms)]


def _path(request: Request, outcome: _Outcome, reach: Mapping[str, int]) -> LearningPath:
    chosen = outcome.laid.offers
    value = model.value(request.need, chosen)
    steps = (*request.finished, *_steps(request, outcome.laid))
    return LearningPath(
        steps=tuple(sorted(steps, key=lambda s: s.month)),
        value=value,
        bound=max(value, outcome.bound),
        start=request.first_month,
        wishes=request.wishes,
        versions=dict(request.versions),
        unmet=tuple(sorted(reach)),
        left_out=outcome.left_out,
    )


def _steps(request: Request, laid: Schedule) -> tuple[PathStep, ...]:
    need, order = request.need, laid.offers
    shares = explain.credits(need, order)
    return tuple(
        PathStep(
            unit=slot.offer.key,
            obligation=Obligation.MANDATORY if slot.offer.exempt else Obligation.ELECTIVE,
            hours=slot.offer.unit.hours,
            month=slot.start,
            state=StepState.PLANNED,
            closes=explain.closes(shares[slot.offer.key]),
            reasons=explain.reasons(need, slot.offer, order, shares, request.told),
            until=slot.end if slot.end > slot.start else None,
        )
        for slot in laid.slots
    )
